"""What the commands draw: tables on stdout, progress on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress

# So often is progress told where there is no terminal to draw on.
LOG_EVERY_S = 30.0
# In a file or a pipe nothing is wrapped.
_PIPE_WIDTH = 100_000


def print_rows(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Sequence[str] = (), to_stderr: bool = False
) -> None:
    """Print a table; the columns named in `right` are aligned to the right."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        # As Text, so that a bracket in a user's text is not taken for markup.
        table.add_row(*(Text(str(cell)) for cell in row))
    stream = sys.stderr if to_stderr else sys.stdout
    drawn = Console(file=stream, width=None if stream.isatty() else _PIPE_WIDTH)
    with drawn.capture() as captured:
        drawn.print(table)
    stream.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def first_rows(rows: Sequence[Sequence[Any]], most: int = 100) -> list[Sequence[Any]]:
    """Return the rows of a table of classes, or the first of very many and how many others there are.

    Examples
    --------
    >>> first_rows([["a", 3], ["b", 2], ["c", 2]], most=2)
    [['a', 3], ['b', 2], ['... and 1 more', '']]
    """
    if len(rows) <= most:
        return [*rows]
    return [*rows[:most], [f"... and {len(rows) - most} more", *[""] * (len(rows[0]) - 1)]]


def print_notes(*lines: str) -> None:
    """Print lines on stderr, each as it is."""
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    sys.stderr.flush()


def spell_seconds(seconds: float) -> str:
    """Return a span of time in the unit in which it is a number of two or three figures.

    Examples
    --------
    >>> [spell_seconds(s) for s in (0.04, 7.21, 42.3, 840, 20_000)]
    ['0.0 s', '7.2 s', '42 s', '14 min', '5.6 h']
    """
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


class Reporter:
    """Tells on stderr how far a long step is: a bar on a terminal, else a line now and then.

    Parameters
    ----------
    is_quiet : bool
        Tell nothing.
    """

    def __init__(self, *, is_quiet: bool = False) -> None:
        self.is_quiet = is_quiet
        self._bar: Progress | None = None
        self._task: Any = None
        self._what, self._done, self._total = "", 0, 0
        self._started_s = self._told_s = 0.0

    @contextmanager
    def drawing(self) -> Iterator[Reporter]:
        """Draw the bar while the block runs."""
        if self.is_quiet or not sys.stderr.isatty():
            yield self
            return
        from rich import progress
        from rich.console import Console

        self._bar = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TextColumn("{task.fields[rate]}"),
            progress.TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        with self._bar:
            yield self
        self._bar = None

    def start(self, what: str, total: int, *, done: int = 0) -> None:
        """Begin a step of `total` rows (0: not known), `done` of them there before; ends the step before it."""
        self._what, self._done, self._total = what, done, total
        self._started_s = self._told_s = time.monotonic()
        self._first = done
        if self._bar is not None:
            self.end()
            self._task = self._bar.add_task(what, total=total or None, completed=done, rate="")

    def advance(self, n_rows: int) -> None:
        """Count `n_rows` more."""
        self.reach(self._done + n_rows)

    def reach(self, n_rows: int, *, total: int | None = None, state: str | None = None) -> None:
        """Say that `n_rows` are done in all; `total` corrects the step's, `state` is told instead of rows a second."""
        self._done, self._total = n_rows, self._total if total is None else total
        rate = self._rate() if state is None else state
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, total=self._total or None, rate=rate)
        elif not self.is_quiet and time.monotonic() - self._told_s >= LOG_EVERY_S:
            self._told_s = time.monotonic()
            self.say(f"{self._what}: {self._done} of {self._total}, {rate}{self._left()}")

    def end(self) -> None:
        """End the step."""
        if self._bar is not None and self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None

    def say(self, message: str) -> None:
        """Print one line on stderr, unless quiet."""
        if self.is_quiet:
            return
        if self._bar is not None:
            self._bar.console.print(message, markup=False, highlight=False, soft_wrap=True)
        else:
            print_notes(message)

    def _rate(self) -> str:
        seconds = time.monotonic() - self._started_s
        return f"{(self._done - self._first) / seconds:.1f} rows/s" if seconds > 0 else ""

    def _left(self) -> str:
        seconds, n_done = time.monotonic() - self._started_s, self._done - self._first
        if not n_done or not self._total:
            return ""
        return f", {timedelta(seconds=round(seconds / n_done * (self._total - self._done)))} left"
