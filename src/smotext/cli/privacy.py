"""``smotext privacy``: what synthetic texts give away about the rows that they were made from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smotext.cli.exit_codes import BAD_INPUT, DONE
from smotext.cli.options import AmountOptions, ColumnOptions, MethodOptions, takes
from smotext.cli.privacy_options import PrivacyOptions
from smotext.cli.screen import Reporter, print_notes, print_rows
from smotext.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smotext.privacy.attack_scene import AuditRows
    from smotext.privacy.attacks import AuditSettings
    from smotext.privacy.auditing import Audit, Tell

UNKNOWN_MODEL = "none"
_HELD_OUT = "rows of the same source that were not used"


@dataclass(frozen=True)
class PairOptions(MethodOptions):
    """The options of the method, but for the model: for texts from elsewhere it is not known."""

    model: Annotated[
        str,
        typer.Option(
            help="The pair that wrote the texts; none: not known, and the strongest attack is not run. With "
            "--generate, tiny unless given."
        ),
    ] = UNKNOWN_MODEL


@dataclass(frozen=True)
class AuditOptions:
    """What is attacked, and where the findings go."""

    held_out: Annotated[Path | None, typer.Option(help=f"Held-out rows: {_HELD_OUT}.")] = None
    lineage: Annotated[
        Path | None, typer.Option(help="The lineage file that augment wrote: are the texts traced to true parents?")
    ] = None
    generate: Annotated[
        bool,
        typer.Option("--generate", help="Flip a coin for each row of REAL and write texts from the rows it takes."),
    ] = False
    canary_share: Annotated[
        float, typer.Option(help="With --generate: share of the rows in which a string, and an attribute, is planted.")
    ] = 0.1
    line_up: Annotated[
        int, typer.Option(help="Candidates that the likelihood attack tries for a text: the nearest of its class.")
    ] = 16
    max_texts: Annotated[int, typer.Option(help="Texts that the likelihood attack looks at.")] = 2000
    controls: Annotated[bool, typer.Option("--controls/--no-controls", help="Run the controls too.")] = True
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False
    report: Annotated[Path | None, typer.Option(help="HTML file to write as well; it quotes no text.")] = None
    private: Annotated[
        bool, typer.Option("--private", help="Quote in the report what was copied; only you can read the file.")
    ] = False
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the report if it exists.")] = False
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("privacy")(privacy)


@takes(what=AuditOptions, columns=ColumnOptions, amount=AmountOptions, method=PairOptions, hiding=PrivacyOptions)
def privacy(
    real: Annotated[Path, typer.Argument(metavar="REAL", help="The rows that the texts were made from.")],
    what: AuditOptions,
    columns: ColumnOptions,
    amount: AmountOptions,
    method: PairOptions,
    hiding: PrivacyOptions,
    synthetic: Annotated[
        Path | None, typer.Argument(metavar="SYNTHETIC", help="The synthetic texts; of augment's output, only those.")
    ] = None,
) -> int:
    """Attack synthetic texts: do they give away which rows they were made from?"""
    from smotext.reporting.page import check_page_target

    _check_form(synthetic, what, amount, hiding)
    if what.private and what.report is None:
        raise InputError("--private is given without --report: it says what the report may quote")
    if what.report is not None:
        check_page_target(what.report, overwrite=what.overwrite)
    reporter = Reporter(is_quiet=what.quiet)
    with reporter.drawing():
        if synthetic is None:
            found, promises = _audit_method(real, what, columns, amount, method, hiding, _telling(reporter))
        else:
            found, promises = _audit_file(real, synthetic, what, columns, method, _telling(reporter)), []
        reporter.end()
    _show(found, what, promises)
    return BAD_INPUT if found.is_refused else DONE


def _check_form(synthetic: Path | None, what: AuditOptions, amount: AmountOptions, hiding: PrivacyOptions) -> None:
    """Raise unless the options belong to one of the two forms of the command."""
    if what.generate:
        given = {"SYNTHETIC": synthetic, "--held-out": what.held_out, "--lineage": what.lineage}
        if clashing := [name for name, value in given.items() if value is not None]:
            raise InputError(f"{clashing[0]} is given with --generate, which makes its own: leave one of them out")
        if amount.sampling_strategy is not None:
            raise InputError("--sampling-strategy is given: with --generate expected --per-class or -n, or neither")
        return
    if synthetic is None:
        raise InputError("SYNTHETIC is missing: expected a file of synthetic texts, or --generate to have some written")
    if what.held_out is None:
        raise InputError(f"--held-out is missing: expected a file of {_HELD_OUT}; without any, use --generate")
    if any(value is not None for value in vars(amount).values()):
        raise InputError("-n, --per-class and --sampling-strategy go with --generate: leave them out")
    if any(value is not None for value in vars(hiding).values()):
        raise InputError("--privacy and its options go with --generate: SYNTHETIC is as it was written")


def _audit_file(
    real: Path, synthetic: Path, what: AuditOptions, columns: ColumnOptions, method: PairOptions, tell: Tell
) -> Audit:
    from smotext.privacy import audit

    assert what.held_out is not None
    lineage = _read_lineage(what.lineage) if what.lineage is not None else None
    return audit(
        _read(real, columns),
        _read(synthetic, columns, only_synthetic=True),
        _read(what.held_out, columns),
        model=None if method.model == UNKNOWN_MODEL else method.model,
        lineage=lineage,
        settings=_settings(what, method),
        with_controls=what.controls,
        tell=tell,
    )


def _audit_method(
    real: Path,
    what: AuditOptions,
    columns: ColumnOptions,
    amount: AmountOptions,
    method: PairOptions,
    hiding: PrivacyOptions,
    tell: Tell,
) -> tuple[Audit, list[str]]:
    """Return the audit, and what is guaranteed of texts that are written like this."""
    from smotext.cli.augment_job import count_new_rows, make_sampler, set_privacy
    from smotext.privacy import audit_generator
    from smotext.privacy.privacy_option import is_noisy
    from smotext.privacy.release import statement

    sampler = make_sampler(replace(method, model="tiny" if method.model == UNKNOWN_MODEL else method.model))
    rows = _read(real, columns)
    privacy = set_privacy(sampler, hiding, rows.labels, columns)
    is_told = amount.n is not None or amount.per_class is not None or is_noisy(privacy)
    new_rows = count_new_rows(amount, rows.labels, privacy) if is_told else None
    tell("loading the model", 0, 0)
    encoder, decoder = sampler.load()
    sampler.set_params(encoder=encoder, decoder=decoder)

    def generate(texts: list[str], labels: list[Any], new_rows: Mapping[Any, int]) -> Any:
        return sampler.generate(texts, labels, n=new_rows)

    public = None if privacy is None else privacy.public_examples
    if privacy is not None and public is None:
        # The attacks have to know that the prompts showed no texts.
        method = replace(method, examples=0)
    found = audit_generator(
        rows,
        generate,
        encoder=encoder,
        decoder=decoder,
        new_rows=new_rows,
        canary_share=what.canary_share,
        settings=replace(_settings(what, method), public_examples=public),
        with_controls=what.controls,
        tell=tell,
    )
    return found, statement(privacy) if privacy is not None else []


def _settings(what: AuditOptions, method: PairOptions) -> AuditSettings:
    from smotext.cli.options import parse_word_or_int
    from smotext.privacy import AuditSettings

    prompt = parse_word_or_int("--prompt", method.prompt, "random")
    return AuditSettings(
        examples=method.examples,
        prompt=prompt if isinstance(prompt, int) else 0,
        temperature=method.temperature,
        batch_size=method.batch_size,
        n_shown=what.line_up,
        max_texts=what.max_texts,
        seed=method.random_seed,
    )


def _read(path: Path, columns: ColumnOptions, *, only_synthetic: bool = False) -> AuditRows:
    """Return the labelled texts of a file; of one that says which rows are synthetic, only those if asked."""
    from smotext.cli.labelled_files import table_of
    from smotext.privacy.attack_scene import as_rows

    table = table_of(path, columns, wants_synthetic=only_synthetic)
    return as_rows((table.texts, table.labels), str(path))


def _read_lineage(path: Path) -> Any:
    from smotext.data.formats import read_frame
    from smotext.data.output_paths import check_file_name

    check_file_name(path)
    if not path.exists():
        raise InputError(f"{path} does not exist: expected the lineage file that augment wrote beside its output")
    return read_frame(path)[0]


def _telling(reporter: Reporter) -> Tell:
    """Return what tells the reporter how far an audit is."""
    current: list[str] = []

    def tell(what: str, n_done: int, n_all: int) -> None:
        if [what] != current:
            current[:] = [what]
            reporter.start(what, n_all)
        if n_all:
            reporter.reach(n_done, total=n_all)

    return tell


def _show(found: Audit, what: AuditOptions, promises: list[str]) -> None:
    from smotext.privacy.audit_report import ATTACK_COLUMNS, NUMBERS, as_json, attack_rows, note_lines
    from smotext.reporting.audit_page import audit_page
    from smotext.reporting.page import write_page

    if what.report is not None:
        write_page(what.report, audit_page(found, is_private=what.private), is_private=what.private)
    if what.json:
        print(as_json(found), end="")
        return
    for line in found.verdicts:
        print(line)
    print()
    if found.attacks:
        print_rows(ATTACK_COLUMNS, attack_rows(found), right=NUMBERS)
        print()
    for line in [*note_lines(found), *promises]:
        print(line)
    if what.report is not None and not what.quiet:
        print_notes(f"report: {what.report}")
