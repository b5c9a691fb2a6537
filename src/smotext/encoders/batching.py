"""Which texts go through a model together."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray


def token_batches(lengths: ArrayLike, max_tokens: int, *, equal_lengths: bool = False) -> Iterator[NDArray[np.int64]]:
    """Yield batches of positions, longest texts first, that hold at most `max_tokens` tokens when padded.

    Parameters
    ----------
    lengths : array-like of shape (n_texts,), int
        Tokens of each text.
    max_tokens : int
        Rows times width of a batch; a longer text is a batch of its own.
    equal_lengths : bool
        True: a batch holds texts of one length only, so that nothing is padded.

    Examples
    --------
    >>> [batch.tolist() for batch in token_batches([2, 9, 3, 2], 8)]
    [[1], [2, 0], [3]]
    >>> [batch.tolist() for batch in token_batches([2, 9, 3, 2], 8, equal_lengths=True)]
    [[1], [2], [0, 3]]
    """
    lengths = np.asarray(lengths)
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        width = max(int(lengths[order[start]]), 1)
        stop = start + max(max_tokens // width, 1)
        batch = order[start:stop]
        if equal_lengths:
            batch = batch[lengths[batch] == lengths[order[start]]]
        yield batch
        start += len(batch)
