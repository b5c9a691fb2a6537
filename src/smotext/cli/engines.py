"""Where a run of ``smotext augment`` works: in this process, or on a Ray cluster."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from smotext.cli.screen import Reporter
from smotext.errors import InputError

if TYPE_CHECKING:
    from smotext.cli.augment_job import AugmentJob
    from smotext.protocols import Decoder, Encoder
    from smotext.runs.durable import DurableRun
    from smotext.runs.run_directory import RunDirectory
    from smotext.runs.stopping import Stopper


@dataclass(frozen=True)
class RunOptions:
    """How the run is kept and when it stops."""

    resume: Annotated[
        Literal["if-possible", "always", "never"],
        typer.Option(help="Go on with an unfinished run, insist on one, or begin anew.", rich_help_panel="Run"),
    ] = "if-possible"
    keep_run: Annotated[bool, typer.Option("--keep-run", help="Keep OUT.run/ when done.", rich_help_panel="Run")] = (
        False
    )
    max_minutes: Annotated[
        float | None, typer.Option(help="Stop in time, with what there is.", rich_help_panel="Run")
    ] = None
    max_tokens: Annotated[
        int | None, typer.Option(help="Stop after so many new tokens, with what there is.", rich_help_panel="Run")
    ] = None
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="Work in this process, or on a Ray cluster.", rich_help_panel="Run")
    ] = "local"
    address: Annotated[
        str | None,
        typer.Option(
            help="The cluster: auto or HOST:PORT; RAY_ADDRESS or this machine unless given.", rich_help_panel="Run"
        ),
    ] = None
    workers: Annotated[
        int | None, typer.Option(help="Workers: one per GPU or 8 CPUs unless given.", rich_help_panel="Run")
    ] = None


@contextmanager
def engine(
    job: AugmentJob, folder: RunDirectory, run: RunOptions, stopper: Stopper, reporter: Reporter
) -> Iterator[tuple[Encoder, Decoder, DurableRun]]:
    """Give the models, and the run that has them work: in this process or on a cluster."""
    reporter.start("loading the model", 0)
    if run.engine == "local":
        from smotext.runs.durable import DurableRun

        yield *job.sampler.load(), DurableRun(folder, stopper=stopper, progress=reporter)
        return
    from smotext.runs.ray.cluster_run import ClusterRun
    from smotext.runs.ray.connecting import connected
    from smotext.runs.ray.remote_models import remote_pair

    sampler = job.sampler
    with (
        # Ray prints there when a worker dies, which we tell ourselves.
        redirect_stdout(io.StringIO()),
        connected(run.address, n=run.workers, device=sampler.device) as workers,
    ):
        reporter.start(f"loading the model for {workers.n} workers", 0)
        pair = remote_pair(sampler.model, workers, dtype=sampler.dtype)
        yield *pair, ClusterRun(folder, workers=workers, stopper=stopper, progress=reporter)


def check_engine(run: RunOptions) -> None:
    """Raise if an option of the cluster is given without one, or if Ray is not installed."""
    if run.engine == "ray":
        from smotext.runs.ray.connecting import check_ray

        check_ray()
        return
    for option, value in (("--address", run.address), ("--workers", run.workers)):
        if value is not None:
            raise InputError(f"{option} is {value}, and the engine is local: add --engine ray, or leave it out")
