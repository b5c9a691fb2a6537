"""How training goes, on the screen: the passes, steps and stages that a run reports."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from smotext.cli.screen import Reporter


def command_line() -> str:
    """Return the command of this process, for the card of a bridge."""
    return shlex.join(["smotext", *sys.argv[1:]])


class TrainingReporter:
    """Tells how training goes, from the entries that a run reports."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._is_training = False

    def __call__(self, entry: dict[str, Any]) -> None:
        """Tell what an entry says."""
        if "pass" in entry:
            self._reporter.say(
                f"pass {entry['pass']}: held-out loss {entry['held_out_loss']:.3f} (before {entry['before']:.3f})"
            )
        elif "doing" in entry:
            self._reporter.start(entry["doing"], 0)
        else:
            self._tell_step(entry)

    def _tell_step(self, entry: dict[str, Any]) -> None:
        step, n_steps = entry["step"], entry["n_steps"]
        if not self._is_training:
            self._reporter.start("training", n_steps, done=step)
            self._is_training = True
        state = f"loss {entry['loss']:.3f}, {entry['tokens_per_s']:.0f} tokens/s"
        self._reporter.reach(step, total=n_steps, state=state)


@contextmanager
def reporting_training(what: str, *, is_quiet: bool) -> Iterator[TrainingReporter]:
    """Tell on stderr what goes on while the block runs; of several processes the first alone does."""
    reporter = Reporter(is_quiet=is_quiet or os.environ.get("RANK", "0") != "0")
    with reporter.drawing():
        reporter.start(what, 0)
        yield TrainingReporter(reporter)
