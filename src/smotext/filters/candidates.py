"""Several texts for one mix, of which the one nearest its target is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.records import MixPlan
from smotext.seeding import row_seeds

NOT_NEAREST = "candidate"  # the reason of texts that another candidate of their mix beats


def with_candidates(plan: MixPlan, n_candidates: int, *, seed: int) -> MixPlan:
    """Return the plan with each row `n_candidates` times in a row, each with a seed of its own.

    Parameters
    ----------
    plan : MixPlan
        Of candidates 0 alone.
    n_candidates : int
        1 or more; 1 returns the same rows.
    seed : int
        The run's root seed.

    Returns
    -------
    MixPlan
        Parents, weights and vectors are the same for all candidates of a row.
    """
    rows = np.repeat(np.arange(len(plan)), n_candidates)
    many = replace(plan.take(rows), candidates=np.tile(np.arange(n_candidates), len(plan)))
    seeds = np.empty(len(rows), dtype=np.int64)
    for label in dict.fromkeys(plan.labels.tolist()):
        here = np.flatnonzero(many.labels == label)
        seeds[here] = row_seeds(seed, label, many.ordinals[here], many.attempts[here], many.candidates[here])
    return replace(many, seeds=seeds)


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
