"""Several texts for one mix, of which the one nearest its target is kept."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

NOT_NEAREST = "candidate"  # the reason of texts that another candidate of their mix beats


def best_candidates(target_cosine: NDArray[Any], n_candidates: int) -> NDArray[np.bool_]:
    """Return which texts are the nearest to their target among the candidates of their mix.

    Parameters
    ----------
    target_cosine : ndarray of shape (n_texts,)
        Candidates of a mix stand next to each other; NaN loses to any number. The last mix may have fewer, when
        a run was stopped.
    n_candidates : int

    Returns
    -------
    ndarray of shape (n_texts,), bool
        One per mix; of equals the lowest candidate.

    Examples
    --------
    >>> best_candidates(np.array([0.1, 0.4, 0.4, 0.3, 0.2, 0.1]), 3).tolist()
    [False, True, False, True, False, False]
    """
    cosines = np.nan_to_num(np.asarray(target_cosine, dtype=np.float64), nan=-np.inf)
    n_lacking = -len(cosines) % n_candidates
    cosines = np.pad(cosines, (0, n_lacking), constant_values=-np.inf).reshape(-1, n_candidates)
    is_best = np.zeros(cosines.shape, dtype=bool)
    is_best[np.arange(len(cosines)), cosines.argmax(axis=1)] = True
    return is_best.ravel()[: cosines.size - n_lacking]
