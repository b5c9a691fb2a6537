"""``smotext plan``: what ``augment`` with the same options would do and take; writes nothing."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smotext.cli.options import AmountOptions, ColumnOptions, MethodOptions, RowOptions, takes
from smotext.cli.privacy_options import PrivacyOptions
from smotext.cli.screen import Reporter, first_rows, print_notes, print_rows, spell_seconds
from smotext.cli.unlabelled_options import UnlabelledOptions

if TYPE_CHECKING:
    from smotext.runs.estimate import RunEstimate


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("plan")(plan)


@takes(
    columns=ColumnOptions,
    form=RowOptions,
    more=UnlabelledOptions,
    amount=AmountOptions,
    method=MethodOptions,
    hiding=PrivacyOptions,
)
def plan(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="CSV, TSV, JSON lines, Parquet, a dataset directory, or a data set of the hub."
        ),
    ],
    columns: ColumnOptions,
    form: RowOptions,
    more: UnlabelledOptions,
    amount: AmountOptions,
    method: MethodOptions,
    hiding: PrivacyOptions,
) -> None:
    """Show rows, parents, tokens, minutes, memory and disk of an augmentation, from a short timed trial."""
    from smotext.augmentation.notes import language_note
    from smotext.cli.augment_job import read_job
    from smotext.data.class_counts import counts_by_class
    from smotext.privacy.release import statement
    from smotext.runs.estimate import estimate_run

    started_s = time.perf_counter()
    job = read_job(file, columns, amount, method, hiding, form, more)
    corpus = job.corpus
    reporter = Reporter()
    with reporter.drawing():
        reporter.start("loading the model", 0)
        encoder, decoder = job.sampler.load()
        start_s = time.perf_counter() - started_s
        reporter.start("timing a few rows", 0)
        found = estimate_run(
            corpus,
            job.new_rows,
            encoder=encoder,
            decoder=decoder,
            settings=job.sampler.settings(),
            seed=method.random_seed,
        )
    usable = counts_by_class(corpus.labels)
    # A class that only the public knows has no row in the file.
    before = {**job.counts, **{label: 0 for label in job.new_rows if label not in job.counts}}
    n_new = {label: job.new_rows.get(label, 0) for label in before}
    rows = [[label, n, n_new[label], n + n_new[label], usable.get(label, 0)] for label, n in before.items()]
    heads = ["class" if job.sets is None else "label", "before", "new", "after", "texts to mix"]
    print_rows(heads, first_rows(rows), right=heads[1:])
    print_rows(["", ""], _cost_rows(found, sum(n_new.values()), start_s))
    promises = statement(job.privacy) if job.privacy is not None else []
    print_notes(*job.notes, *language_note(corpus.texts, decoder), *promises)


def _cost_rows(found: RunEstimate, n_new: int, start_s: float) -> list[list[str]]:
    from smotext.cli.models import spell_bytes

    gpu = f", and {spell_bytes(found.gpu_bytes)} on the GPU" if found.gpu_bytes else ""
    steps = [("read and load", start_s), ("encode", found.encode_s), ("plan", found.plan_s), ("decode", found.decode_s)]
    if found.filter_s:
        steps.append(("filter", found.filter_s))
    return [
        ["new rows", str(n_new)],
        ["new tokens", f"about {found.n_tokens}"],
        [
            "time",
            f"about {spell_seconds(sum(s for _, s in steps))} ({', '.join(_spell_step(*step) for step in steps)})",
        ],
        ["peak memory", f"about {spell_bytes(found.memory_bytes)}{gpu}"],
        ["disk while it runs", f"about {spell_bytes(found.disk_bytes)}"],
        ["timed on", f"{found.n_probed} rows"],
    ]


def _spell_step(name: str, seconds: float) -> str:
    return f"{name} {spell_seconds(seconds)}"
