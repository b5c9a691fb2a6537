"""``smotext augment``: a file of labelled texts in, the same file with synthetic rows out."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smotext.cli.engines import RunOptions, check_engine, engine
from smotext.cli.exit_codes import CAPPED, INTERRUPTED, code_of, print_line
from smotext.cli.options import AmountOptions, ColumnOptions, MethodOptions, RowOptions, takes
from smotext.cli.privacy_options import PrivacyOptions
from smotext.cli.screen import Reporter, first_rows, print_notes, print_rows, spell_seconds
from smotext.cli.unlabelled_options import UnlabelledOptions
from smotext.cli.wording import spell_options
from smotext.errors import InputError, RunError
from smotext.reporting.run_record import lineage_path
from smotext.utils.files import is_disk_full

if TYPE_CHECKING:
    import pandas as pd

    from smotext.cli.augment_job import AugmentJob
    from smotext.errors import RunStopped
    from smotext.runs.run_directory import RunDirectory
    from smotext.runs.stopping import Stopper

GO_ON = "the same command goes on where it stopped"


@dataclass(frozen=True)
class OutputOptions:
    """What is written where."""

    output: Annotated[Path, typer.Option("-o", "--output", help="File to write; its suffix tells the format.")]
    only_synthetic: Annotated[bool, typer.Option("--only-synthetic", help="Leave the real rows out.")] = False
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output if it exists.")] = False
    report: Annotated[
        Path | None, typer.Option(help="HTML file about the run to write as well, without real texts.")
    ] = None
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress and no summary; warnings stay.")] = False


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("augment")(augment)


@takes(
    has_config=True,
    out=OutputOptions,
    columns=ColumnOptions,
    form=RowOptions,
    more=UnlabelledOptions,
    amount=AmountOptions,
    method=MethodOptions,
    hiding=PrivacyOptions,
    run=RunOptions,
)
def augment(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="CSV, TSV, JSON lines, Parquet, a dataset directory, or a data set of the hub."
        ),
    ],
    out: OutputOptions,
    columns: ColumnOptions,
    form: RowOptions,
    more: UnlabelledOptions,
    amount: AmountOptions,
    method: MethodOptions,
    hiding: PrivacyOptions,
    run: RunOptions,
) -> int:
    """Add synthetic texts to a file of labelled texts, until its classes are as large as asked for."""
    from smotext.cli.augment_job import read_job
    from smotext.cli.noisy_run import check_nothing_else_leaves
    from smotext.data.tables import check_table_output
    from smotext.reporting.page import check_page_target
    from smotext.runs.run_directory import RunDirectory, run_path
    from smotext.runs.stopping import Stopper

    check_engine(run)
    reporter = Reporter(is_quiet=out.quiet)
    stopper = Stopper(max_minutes=run.max_minutes, max_tokens=run.max_tokens, on_interrupt=reporter.say)
    out = replace(out, output=Path(os.path.realpath(out.output)))
    job = read_job(file, columns, amount, method, hiding, form, more)
    job = replace(job, command=_command(file, out, columns, form, more, amount, method, hiding))
    if job.is_noisy:
        check_nothing_else_leaves(out.output, only_synthetic=out.only_synthetic, report=out.report)
    for read in filter(None, (file, more.unlabelled)):
        if os.path.realpath(read) in (str(out.output), str(lineage_path(out.output))):
            raise InputError(f"{read} is both input and output, or its lineage: choose another name for the output")
    _check_targets(out, is_own_replaced=run.resume != "never")
    if out.report is not None:
        check_page_target(out.report, overwrite=out.overwrite)
    check_table_output(job.table, out.output, overwrite=True)
    settings = {**job.settings, "only_synthetic": out.only_synthetic}
    with _advice_when_full(out.output), reporter.drawing():
        folder = RunDirectory.open(run_path(out.output), settings, resume=run.resume)
        try:
            return _run(job, folder, out, run, stopper, reporter)
        except KeyboardInterrupt:
            print_line("stopped", f"interrupted: {GO_ON}")
            return INTERRUPTED
        finally:
            folder.close_or_drop()


def _run(
    job: AugmentJob, folder: RunDirectory, out: OutputOptions, run: RunOptions, stopper: Stopper, reporter: Reporter
) -> int:
    """Return the exit code of the run in an open folder."""
    from smotext.cli.augment_job import fingerprints
    from smotext.errors import RunStopped

    started_s = time.monotonic()
    if folder.is_finished(out.output, *(() if job.is_noisy else (lineage_path(out.output),))):
        reporter.say(f"{out.output} is complete already")
        _report(job, out, encoder=None)
        return _close(job, folder, run, exit_code=0)
    try:
        with engine(job, folder, run, stopper, reporter) as (encoder, decoder, durable):
            folder.freeze("models", fingerprints(encoder, decoder))
            sampler = job.sampler.set_params(encoder=encoder, decoder=decoder)
            made = sampler.generate(job.given, job.labels, n=job.new_rows, run=durable)
    except RunStopped as stop:
        return _stop(stop, job, folder, out)
    rejected = sampler.rejected_
    _deliver(job, folder, made, rejected, out)
    folder.log("finished", rows=len(made))
    reporter.end()
    _summarise(job, made, rejected, out, decoder, time.monotonic() - started_s)
    _report(job, out, encoder=encoder if run.engine == "local" else None)
    return _close(job, folder, run, exit_code=0)


def _stop(stop: RunStopped, job: AugmentJob, folder: RunDirectory, out: OutputOptions) -> int:
    """Say how to go on; after a cap, write what there is first."""
    made, rejected = stop.partial.synthetic, stop.partial.rejected
    wanted = sum(job.new_rows.values())
    folder.log("stopped", reason=str(stop), rows=len(made))
    where = ""
    if (code := code_of(stop)) == CAPPED:
        _deliver(job, folder, made, rejected, out)
        _report(job, out, encoder=None)
        where = f", written to {out.output}"
    print_line("stopped", f"{spell_options(stop)}: {len(made)} of {wanted} rows are done{where}; {GO_ON}")
    _warn_of_run(job, folder)
    return code


def _close(job: AugmentJob, folder: RunDirectory, run: RunOptions, *, exit_code: int) -> int:
    if run.keep_run:
        folder.close()
        _warn_of_run(job, folder)
    else:
        folder.remove()
    return exit_code


def _warn_of_run(job: AugmentJob, folder: RunDirectory) -> None:
    """Say what is in a run directory that stays, where the real rows are to be hidden."""
    if job.is_noisy:
        from smotext.cli.noisy_run import warning_of_run

        print_line("warning", warning_of_run(folder.path))


def _check_targets(out: OutputOptions, *, is_own_replaced: bool = True) -> None:
    """Raise if the output or its lineage cannot be written, or is there and was not put there by this run."""
    from smotext.data.output_paths import check_file_name, check_target
    from smotext.runs.ownership import check_run_path
    from smotext.runs.run_directory import may_replace, run_path

    # The lineage has the longest name of all files.
    check_file_name(lineage_path(out.output))
    check_run_path(run_path(out.output))
    for path in (out.output, lineage_path(out.output)):
        is_ours = is_own_replaced and may_replace(run_path(out.output), path)
        check_target(path, overwrite=out.overwrite or is_ours)


def _deliver(
    job: AugmentJob, folder: RunDirectory, made: pd.DataFrame, rejected: pd.DataFrame, out: OutputOptions
) -> None:
    """Write the lineage, for the owner's eyes alone, and then the output; of noisy sums there is no lineage."""
    import pandas as pd

    from smotext.cli.augment_job import make_record
    from smotext.data.formats import table_format
    from smotext.data.synthetic_marks import SYNTHETIC_COLUMN
    from smotext.data.tables import only_texts, with_synthetic, write_table

    # Checked again: somebody may have written there in the meantime.
    _check_targets(out)
    dialect = job.table.dialect if job.table.format == "csv" else None
    options = {"features": job.table.features, "separator": dialect and dialect.separator}
    if job.is_noisy:
        # A lineage that is there belongs to another output, which this one replaces.
        lineage_path(out.output).unlink(missing_ok=True)
        alone = only_texts(job.table, made["text"], made["label"])
        folder.deliver(
            out.output, lambda path: write_table(alone, path, overwrite=True, separator=options["separator"])
        )
        return
    made = made.drop(columns="record", errors="ignore")  # the output has it
    lineage = pd.concat([made, rejected], ignore_index=True) if len(rejected) else made
    may_stand_in = job.sampler.filters is not None and job.sampler.on_shortfall == "fill"
    accepted = made["accepted"] if may_stand_in else None
    values = _values_by_column(job, made["text"].tolist())
    texts, labels = values.pop(job.table.text_column), job.label_cells(made)
    table = with_synthetic(job.table, texts, labels, only_synthetic=out.only_synthetic, accepted=accepted)
    for name, column in values.items():
        table.loc[table[SYNTHETIC_COLUMN], name] = column
    separator = options["separator"] if table_format(out.output) == "csv" else None
    record = make_record(job, folder, len(made), only_synthetic=out.only_synthetic, separator=separator).as_metadata()
    folder.deliver(
        lineage_path(out.output),
        lambda path: write_table(lineage, path, overwrite=True, mode=0o600, metadata=record),
    )
    folder.deliver(out.output, lambda path: write_table(table, path, overwrite=True, **options))


def _values_by_column(job: AugmentJob, texts: list[str]) -> dict[str, list[str]]:
    """Return what synthetic rows have in each text column."""
    if job.records is None:
        return {job.table.text_column: texts}
    rows = [job.records.split(text) for text in texts]
    return {name: [row[name] for row in rows] for name in job.records.names}


def _command(file: Path, out: OutputOptions, *groups: Any) -> tuple[str, ...]:
    """Return the command that gives the same texts again, but for the output: no byte depends on its name."""
    from smotext.cli.spelled_command import spell_command

    return (*spell_command("augment", [file], *groups), *(("--only-synthetic",) if out.only_synthetic else ()))


def _report(job: AugmentJob, out: OutputOptions, *, encoder: Any) -> None:
    """Write the page about the run from what it has written, if one is asked for."""
    if out.report is None:
        return
    from smotext.cli.report import write_run_report
    from smotext.reporting.report_inputs import read_run

    write_run_report(read_run(out.output), out.report, encoder=encoder)
    if not out.quiet:
        print_notes(f"report: {out.report}")


def _summarise(
    job: AugmentJob, made: pd.DataFrame, rejected: pd.DataFrame, out: OutputOptions, decoder: Any, seconds: float
) -> None:
    from smotext.cli.closing_summary import SET_HEADS, count_repeated, rejection_warning, set_rows, summary_rows
    from smotext.cli.noisy_run import summarise_noisy
    from smotext.filters.candidates import NOT_NEAREST
    from smotext.privacy.release import statement

    if job.is_noisy and job.privacy is not None:
        if not out.quiet:
            summarise_noisy(job.privacy, made, decoder, out.output, seconds)
        return
    heads = ["class", "before", "after", "real length", "synthetic length"]
    if job.sets is not None:
        heads, rows = SET_HEADS, set_rows(job.sets, made)
    else:
        # This warns of shortened classes, also where the summary is not wanted.
        rows = summary_rows(job, made, decoder)
    if out.quiet:
        return
    if too_many := rejection_warning(made, rejected):
        print_line("warning", too_many)
    n_rejected = sum(reason != NOT_NEAREST for reason in rejected["reason"]) if len(rejected) else 0
    n_repeated = count_repeated(made["text"], job.texts)
    print_rows(heads, first_rows(rows), right=heads[1:], to_stderr=True)
    print_notes(
        *(["lengths are quartiles, in tokens"] if job.sets is None else []),
        f"{len(made)} synthetic rows in {spell_seconds(seconds)}"
        + (f", {n_rejected} rejected" if n_rejected else "")
        + (f"; {n_repeated} of them repeat another text word by word" if n_repeated else ""),
        *job.notes,
        *(statement(job.privacy) if job.privacy is not None else ()),
        f"lineage (private): {lineage_path(out.output)}",
        f"output: {out.output}",
    )


@contextmanager
def _advice_when_full(output: Path) -> Iterator[None]:
    """Turn a full disk into an error that says what is kept and how to go on."""
    try:
        yield
    except OSError as error:
        if not is_disk_full(error):
            raise
        raise RunError(f"no space left where {output} is written: free some; {GO_ON}") from error
