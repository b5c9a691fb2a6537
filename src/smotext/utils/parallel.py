"""Batches side by side on a CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

# Python's global lock lets about so many threads feed the kernels of a small model.
MOST_WORKERS = 8

BatchT = TypeVar("BatchT")


def spread(work: Callable[[BatchT], None], batches: Iterable[BatchT]) -> None:
    """Call ``work(batch)`` for every batch, several at a time, each with its share of torch's threads.

    A small layer split over threads makes them wait for one another thousands of times a second, which becomes
    ten times slower where another program wants a core as well. Whole batches wait for nobody.
    """
    pending = list(batches)
    n_threads = torch.get_num_threads()
    n_workers = min(n_threads, len(pending), MOST_WORKERS)
    if n_workers < 2:
        for batch in pending:
            work(batch)
        return
    pool = ThreadPoolExecutor(n_workers, initializer=torch.set_num_threads, initargs=(n_threads // n_workers,))
    try:
        for _ in pool.map(work, pending):
            pass
    finally:
        # After an error or Ctrl-C, what has not begun is not waited for.
        pool.shutdown(cancel_futures=True)
        # Threads that are made later would otherwise get a worker's share of the cores.
        torch.set_num_threads(n_threads)
