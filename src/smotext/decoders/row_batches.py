"""Which rows a decoder works on together, and what it does where they don't fit into memory."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from smotext.decoders.decoding_loop import Written
from smotext.decoders.prompts import Prompt
from smotext.errors import SmotextWarning
from smotext.utils.devices import is_out_of_memory

WritePart = Callable[[NDArray[np.int64]], list[Written]]


def row_batches(
    rows: NDArray[np.int64],
    prompts: Sequence[Prompt],
    which: NDArray[np.int64],
    limits: NDArray[np.int64],
    *,
    n_places: int,
    size_for: Callable[[int, int], int],
) -> list[NDArray[np.int64]]:
    """Return the rows in batches: those of one prompt next to each other, longer ones first.

    Parameters
    ----------
    rows : ndarray of shape (n_rows,), int64
        Which of all rows are batched.
    prompts : sequence of Prompt
    which, limits : ndarray of shape (n_all_rows,), int64
        The number of each row's prompt, and the most tokens it may get.
    n_places : int
        Tokens that the vector takes.
    size_for : callable
        ``size_for(n_rows, n_tokens)`` returns how many rows of so many tokens, read and written, go together.
    """
    longest = {number: limits[rows[which[rows] == number]].max() for number in np.unique(which[rows])}
    order = np.lexsort((rows, which[rows], [-longest[number] for number in which[rows]]))
    n_read = max(len(prompts[number]) for number in which[rows]) + n_places
    size = size_for(len(rows), n_read + int(limits[rows].max()))
    return [rows[order[start : start + size]] for start in range(0, len(rows), size)]


def with_one_end(prompts: Sequence[Prompt], which: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield the rows whose prompts have the same tokens after the vector's place: these go on together."""
    for after in dict.fromkeys(prompt.after for prompt in prompts):
        yield np.flatnonzero([prompts[number].after == after for number in which])


def in_halves(write_part: WritePart, part: NDArray[np.int64]) -> list[Written]:
    """Return ``write_part(part)``, in halves where memory does not suffice for the whole.

    Raises
    ------
    MemoryError
        If a single row does not fit; torch's own error on a GPU.

    Warns
    -----
    SmotextWarning
        Each time a batch is halved.
    """
    try:
        return write_part(part)
    except Exception as error:
        if not is_out_of_memory(error) or len(part) == 1:
            raise
    half = len(part) // 2
    warnings.warn(
        f"memory ran out: going on with {half} rows at a time; in bfloat16 that can change a few texts",
        SmotextWarning,
        stacklevel=2,
    )
    return [*in_halves(write_part, part[:half]), *in_halves(write_part, part[half:])]
