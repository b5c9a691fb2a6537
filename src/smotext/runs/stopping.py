"""When a run stops before it is done: Ctrl-C, a cap on minutes or tokens."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from smotext.errors import InputError, RunStopped


class Stopper:
    """Says when to stop; asked before each decode group.

    Parameters
    ----------
    max_minutes : float, optional
        Stop before a group that would end later than this, judged by the groups before it.
    max_tokens : int, optional
        Stop once so many tokens were written.
    on_interrupt : callable
        Called with a line to show at the first Ctrl-C.
    clock : callable
        Seconds, as ``time.monotonic``.

    Notes
    -----
    Both caps are of one process, so that the same command goes on after a cap; at least one group is decoded.

    Examples
    --------
    >>> stopper = Stopper(max_tokens=100)
    >>> stopper.check()
    >>> stopper.count(tokens=120, seconds=1.0)
    >>> stopper.check()
    Traceback (most recent call last):
        ...
    smotext.errors.RunStopped: --max-tokens 100 is reached: 120 tokens were written
    """

    def __init__(
        self,
        *,
        max_minutes: float | None = None,
        max_tokens: int | None = None,
        on_interrupt: Callable[[str], None] = lambda line: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        for option, cap in (("--max-minutes", max_minutes), ("--max-tokens", max_tokens)):
            if cap is not None and not cap > 0:
                raise InputError(f"{option} is {cap}: expected more than 0")
        self.max_minutes = max_minutes
        self.max_tokens = max_tokens
        self._on_interrupt = on_interrupt
        self._clock = clock
        self._started_s = clock()
        self._n_groups, self._n_tokens, self._seconds = 0, 0, 0.0
        self._is_interrupted = False

    def count(self, *, tokens: int, seconds: float) -> None:
        """Count a decoded group."""
        self._n_groups += 1
        self._n_tokens += tokens
        self._seconds += seconds

    def check(self) -> None:
        """Raise RunStopped if the next group should not be begun."""
        if self._is_interrupted:
            raise RunStopped("interrupted", exit_code=130)
        if self._n_groups == 0:
            return
        if self.max_tokens is not None and self._n_tokens >= self.max_tokens:
            raise RunStopped(
                f"--max-tokens {self.max_tokens} is reached: {self._n_tokens} tokens were written", exit_code=3
            )
        ahead_s = self._clock() - self._started_s + self._seconds / self._n_groups
        if self.max_minutes is not None and ahead_s > 60 * self.max_minutes:
            raise RunStopped(f"--max-minutes {self.max_minutes:g} would be passed by the next group", exit_code=3)

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Let the first Ctrl-C within the block be noted and the second one strike."""
        if threading.current_thread() is not threading.main_thread():
            yield  # Python delivers signals to the main thread alone
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
