"""One model for several people: who asked first is served first, a piece of work at a time."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Iterator


class Turns:
    """A lock that is given in the order in which it was asked for.

    A plain lock is taken again at once by whoever gives it up, so that a long run would starve a short question.

    Examples
    --------
    >>> turns = Turns()
    >>> with turns.taken():
    ...     turns.n_waiting
    0
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._queue: deque[object] = deque()

    @property
    def n_waiting(self) -> int:
        """How many wait, besides the one whose turn it is."""
        return max(0, len(self._queue) - 1)

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for one's turn, and give it up at the end of the block."""
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
            self._changed.wait_for(lambda: self._queue[0] is ticket)
        try:
            yield
        finally:
            with self._changed:
                self._queue.remove(ticket)
                self._changed.notify_all()
