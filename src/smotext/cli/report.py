"""``smotext report``: a run or an evaluation as one HTML file that opens without a network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smotext.cli.exit_codes import DONE
from smotext.cli.options import takes
from smotext.cli.screen import Reporter, print_notes
from smotext.errors import InputError, SmotextError

if TYPE_CHECKING:
    from smotext.reporting.report_inputs import RunTables
    from smotext.reporting.run_page import EncodeTexts


@dataclass(frozen=True)
class ReportOptions:
    """Where the page goes, and what it shows."""

    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="HTML file to write. Default: WHAT.report.html.")
    ] = None
    private: Annotated[
        bool,
        typer.Option(
            "--private", help="Show real texts, parents and lam as well; only you can read the file. Of a run only."
        ),
    ] = False
    map: Annotated[
        bool, typer.Option("--map/--no-map", help="Place the texts on a map, for which the run's encoder is loaded.")
    ] = True
    text_column: Annotated[str | None, typer.Option(help="Column of the texts; the run's own unless given.")] = None
    label_column: Annotated[str | None, typer.Option(help="Column of the classes; the run's own unless given.")] = None
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the page if it exists.")] = False
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("report")(report)


@takes(options=ReportOptions)
def report(
    what: Annotated[
        Path,
        typer.Argument(metavar="WHAT", help="What augment wrote, or the directory or report.json of an evaluation."),
    ],
    options: ReportOptions,
) -> int:
    """Write a page about a run or an evaluation: one HTML file to look at, pass on or print."""
    from smotext.reporting.page import check_page_target
    from smotext.reporting.report_inputs import evaluation_file, is_evaluation, read_evaluation, read_run

    if is_evaluation(what):
        if options.private:
            raise InputError(f"--private is given, and {what} is an evaluation, which holds no text: leave it out")
        file = evaluation_file(what)
        target = options.output or file.with_suffix(".html")
        check_page_target(target, overwrite=options.overwrite)
        write_evaluation_report(read_evaluation(file), target)
    else:
        target = options.output or what.with_name(f"{what.name}.report.html")
        check_page_target(target, overwrite=options.overwrite)
        tables = read_run(what, {"text_column": options.text_column, "label_column": options.label_column})
        reporter = Reporter(is_quiet=options.quiet)
        with reporter.drawing():
            reporter.start("loading the encoder and drawing", 0)
            write_run_report(tables, target, has_map=options.map, is_private=options.private)
            reporter.end()
    if not options.quiet:
        print_notes(f"report: {target}")
    return DONE


def write_run_report(
    tables: RunTables, target: Path, *, encoder: Any = None, has_map: bool = True, is_private: bool = False
) -> None:
    """Write the page about a run; without the encoder it has no map and says why."""
    from smotext.reporting.page import write_page
    from smotext.reporting.run_page import run_page

    encode, why = (None, "it was not asked for.")
    if has_map:
        encode, why = _encode(tables, encoder)
    page = run_page(tables, encode=encode, why_no_map=why, is_private=is_private)
    write_page(target, page, is_private=is_private)


def write_evaluation_report(content: dict[str, Any], target: Path) -> None:
    """Write the page about an evaluation.

    Raises
    ------
    InputError
        If the figures are damaged.
    """
    from smotext.reporting.evaluation_page import evaluation_page
    from smotext.reporting.page import write_page

    try:
        page = evaluation_page(content)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise InputError(f"the evaluation's figures are damaged ({error!r}): run smotext evaluate again") from error
    write_page(target, page)


def _encode(tables: RunTables, encoder: Any) -> tuple[EncodeTexts | None, str]:
    """Return what gives the vectors of texts, or why there is nothing that does."""
    from smotext.encoders.cache import encode_cached
    from smotext.presets import load_encoder

    if encoder is None:
        options = {} if tables.record is None else tables.record.options
        if not options.get("model"):
            return None, "the lineage does not say which model wrote the texts."
        try:
            encoder = load_encoder(options["model"], device=options.get("device"), dtype=options.get("dtype"))
        except (SmotextError, OSError) as error:
            print_notes(f"no map: {error}")
            return None, str(error)
    return lambda texts: encode_cached(encoder, list(texts), keeps=False), ""
