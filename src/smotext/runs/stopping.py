"""When a run stops before it is done: Ctrl-C, a cap on minutes or tokens."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from smotext.errors import CapReached, InputError, RunStopped

# Where minutes are capped, so many rows are decoded first, to learn how long a row takes.
_FIRST_ROWS = 16
# A row is taken to have so many tokens until some were counted; it is the default limit of `decode`.
_TOKENS_A_ROW = 128


class Stopper:
    """Says when to stop and how far to go next; asked before each piece of a decode group.

    Parameters
    ----------
    max_minutes : float, optional
        Stop before a row that would end later than this, judged by those before it.
    max_tokens : int, optional
        Stop once so many tokens were written.
    on_interrupt : callable
        Called with a line to show at the first Ctrl-C.
    clock : callable
        Seconds, as ``time.monotonic``.

    Notes
    -----
    Both caps are of one process, so that the same command goes on after a cap; at least one row is decoded. Without a
    cap a group is decoded whole.

    Examples
    --------
    >>> stopper = Stopper(max_tokens=100)
    >>> stopper.check()
    >>> stopper.count(tokens=120, seconds=1.0, rows=2)
    >>> stopper.check()
    Traceback (most recent call last):
        ...
    smotext.errors.CapReached: max_tokens=100 is reached: 120 tokens were written
    """

    def __init__(
        self,
        *,
        max_minutes: float | None = None,
        max_tokens: int | None = None,
        on_interrupt: Callable[[str], None] = lambda line: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        for name, cap in (("max_minutes", max_minutes), ("max_tokens", max_tokens)):
            if cap is not None and not cap > 0:
                raise InputError(f"{name} is {cap}: expected more than 0", options=[name])
        self.max_minutes = max_minutes
        self.max_tokens = max_tokens
        self._on_interrupt = on_interrupt
        self._clock = clock
        self._started_s = clock()
        self._n_rows, self._n_tokens, self._seconds = 0, 0, 0.0
        self._is_interrupted = False

    def count(self, *, tokens: int, seconds: float, rows: int) -> None:
        """Count decoded rows."""
        self._n_rows += rows
        self._n_tokens += tokens
        self._seconds += seconds

    def check(self, n_rows: int = 1) -> None:
        """Raise RunStopped (CapReached for a cap) if no more should be decoded, in pieces of `n_rows` at least."""
        if self._is_interrupted:
            raise RunStopped("interrupted")
        if self._n_rows == 0:
            return
        if self.max_tokens is not None and self._n_tokens >= self.max_tokens:
            message = f"max_tokens={self.max_tokens} is reached: {self._n_tokens} tokens were written"
            raise CapReached(message, options=["max_tokens"])
        if self.max_minutes is not None and n_rows * self._seconds / self._n_rows > self._left_s(self.max_minutes):
            message = f"max_minutes={self.max_minutes:g} would be passed by the next rows"
            raise CapReached(message, options=["max_minutes"])

    def room_for(self, n_rows: int) -> int:
        """Return how many of the next `n_rows` to decode together: all, or as many as the caps are likely to allow.

        Examples
        --------
        >>> stopper = Stopper(max_tokens=1000)
        >>> stopper.room_for(256)  # at 128 tokens a row
        7
        >>> stopper.count(tokens=7 * 20, seconds=1.0, rows=7)
        >>> stopper.room_for(256)  # 860 tokens are left, at 20 a row
        43
        """
        capacity: float = n_rows
        if self.max_tokens is not None:
            tokens_a_row = self._n_tokens / self._n_rows if self._n_tokens else _TOKENS_A_ROW
            capacity = min(capacity, (self.max_tokens - self._n_tokens) / tokens_a_row)
        if self.max_minutes is not None:
            seconds_a_row = self._seconds / self._n_rows if self._n_rows else 0.0
            capacity = min(capacity, self._left_s(self.max_minutes) / seconds_a_row if seconds_a_row else _FIRST_ROWS)
        return max(int(capacity), 1)

    def _left_s(self, max_minutes: float) -> float:
        return 60 * max_minutes - (self._clock() - self._started_s)

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Let the first Ctrl-C within the block be noted and the second one strike."""
        if threading.current_thread() is not threading.main_thread():
            # Python delivers signals to the main thread alone, so that other threads have none to watch for.
            yield
            return
        before = signal.signal(signal.SIGINT, self._interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _interrupt(self, *_: Any) -> None:
        if self._is_interrupted:
            raise KeyboardInterrupt
        self._is_interrupted = True
        self._on_interrupt("finishing the group; Ctrl-C again stops at once")
