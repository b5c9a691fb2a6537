"""Several texts for one mix, of which the one nearest its target is kept."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# The reason of texts that are rejected since another candidate of their mix lies nearer to its vector.
NOT_NEAREST = "candidate"


def best_candidates(target_cosine: NDArray[Any], numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which texts are the nearest to their target among the candidates of their mix.

    Parameters
    ----------
    target_cosine : ndarray of shape (n_texts,)
        Candidates of a mix stand next to each other; NaN loses to any number.
    numbers : ndarray of shape (n_texts,), int64
        Each text's number among the candidates of its mix, the first one's 0.

    Returns
    -------
    ndarray of shape (n_texts,), bool
        One per mix; of equals the lowest candidate.

    Examples
    --------
    >>> best_candidates(np.array([0.1, 0.4, 0.4, 0.3, 0.2, 0.1]), np.array([0, 1, 2, 0, 1, 2])).tolist()
    [False, True, False, True, False, False]
    """
    cosines = np.nan_to_num(np.asarray(target_cosine, dtype=np.float64), nan=-np.inf)
    mixes = np.cumsum(np.asarray(numbers) == 0)
    order = np.lexsort((np.arange(len(cosines)), -cosines, mixes))
    is_best = np.zeros(len(cosines), dtype=bool)
    is_best[order[np.diff(mixes[order], prepend=-1) != 0]] = True
    return is_best
