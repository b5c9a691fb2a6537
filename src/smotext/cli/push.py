"""``smotext push``: a bridge or a synthetic data set to the Hugging Face hub, with a card."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smotext.cli.exit_codes import DONE
from smotext.cli.options import takes
from smotext.cli.screen import print_notes
from smotext.errors import InputError, MissingFileError

if TYPE_CHECKING:
    import pandas as pd

    from smotext.reporting.report_inputs import RunTables


@dataclass(frozen=True)
class PushOptions:
    """What goes along, and who sees it."""

    license: Annotated[str | None, typer.Option(help="As the hub names licences, such as cc-by-4.0.")] = None
    language: Annotated[str | None, typer.Option(help="Of the texts, such as en.")] = None
    evaluation: Annotated[
        Path | None, typer.Option(help="The report.json of smotext evaluate, or its directory, for the card.")
    ] = None
    audit: Annotated[Path | None, typer.Option(help="What smotext privacy --json printed, for the card.")] = None
    with_real: Annotated[
        bool, typer.Option("--with-real", help="Push the real rows too; synthetic rows alone unless given.")
    ] = False
    public: Annotated[bool, typer.Option("--public", help="Let everybody see a repository that is made.")] = False
    card_only: Annotated[bool, typer.Option("--card-only", help="Write the card beside WHAT and push nothing.")] = False


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("push")(push)


@takes(options=PushOptions)
def push(
    what: Annotated[Path, typer.Argument(metavar="WHAT", help="What augment wrote, or the directory of a bridge.")],
    options: PushOptions,
    repo: Annotated[
        str | None, typer.Argument(metavar="[OWNER/NAME]", help="Of the repository; needed unless --card-only.")
    ] = None,
) -> int:
    """Push a synthetic data set or a bridge to the Hugging Face hub, with a card that says how it came about."""
    from smotext.publishing.pushing import check_repo, push_to_hub, write_card

    if repo is None and not options.card_only:
        raise InputError("no repository is named: expected OWNER/NAME behind WHAT, or --card-only")
    if repo is not None:
        check_repo(repo)
    card, frame = _card_and_rows(what, options)
    if options.card_only or repo is None:
        print_notes(f"card: {write_card(card, what)}")
        return DONE
    print_notes(f"pushed: {push_to_hub(what, repo, card, frame=frame, is_public=options.public)}")
    return DONE


def _card_and_rows(what: Path, options: PushOptions) -> tuple[Any, pd.DataFrame | None]:
    """Return the card, and of a data set the rows that are pushed."""
    from smotext.presets import is_bridge
    from smotext.publishing.cards import UNKNOWN_LICENSE, bridge_card, data_card
    from smotext.reporting.report_inputs import evaluation_file, read_evaluation, read_run

    if what.is_dir() and is_bridge(what):
        for option, value in (("--evaluation", options.evaluation), ("--audit", options.audit)):
            if value is not None:
                raise InputError(f"{option} is {value}, and {what} is a bridge, not a data set: leave it out")
        if options.with_real:
            raise InputError(f"--with-real is given, and {what} is a bridge, which has no rows: leave it out")
        return bridge_card(what, license=options.license, language=options.language), None
    tables = read_run(what)
    card = data_card(
        tables,
        license=options.license or UNKNOWN_LICENSE,
        language=options.language,
        evaluation=None if options.evaluation is None else read_evaluation(evaluation_file(options.evaluation)),
        audit=None if options.audit is None else _read_json(options.audit),
        has_real_rows=options.with_real,
    )
    return card, _rows(what, tables, with_real=options.with_real)


def _rows(what: Path, tables: RunTables, *, with_real: bool) -> pd.DataFrame:
    """Return the rows of an output: all, or the synthetic ones alone in the columns that a run fills."""
    from smotext.data.synthetic_marks import SYNTHETIC_COLUMN
    from smotext.data.tables import read_table

    record = tables.record
    columns = {} if record is None else {**record.columns, "separator": record.separator}
    wanted = {name: columns[name] for name in ("text_column", "label_column", "separator") if columns.get(name)}
    made = read_table(what, wants_synthetic=True, **wanted)
    # Where rows have several text columns, the first of them was read as the text.
    texts = [part.strip() for part in str(columns.get("record_columns") or "").split(",") if part.strip()]
    names = [*(texts or [made.text_column]), made.label_column]
    frame = made.frame[names].assign(**{SYNTHETIC_COLUMN: True})
    if not with_real:
        return frame
    if not tables.real_texts:
        raise InputError(f"--with-real is given, and {what} holds no real rows: leave it out")
    import pandas as pd

    real = read_table(what, **wanted)
    return pd.concat([real.frame[names].assign(**{SYNTHETIC_COLUMN: False}), frame], ignore_index=True)


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise MissingFileError(f"{path} does not exist: expected what smotext privacy --json printed")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is not JSON ({error}): expected what smotext privacy --json printed") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} is no audit: expected what smotext privacy --json printed")
    return content
