"""Several texts for one mix, of which the one nearest its target is kept."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.records import MixPlan
from smotext.seeding import row_seeds

NOT_NEAREST = "candidate"  # the reason of texts that another candidate of their mix beats


def with_candidates(plan: MixPlan, n_candidates: int, *, seed: int, once: Collection[Any] = frozenset()) -> MixPlan:
    """Return the plan with each row `n_candidates` times in a row, each with a seed of its own.

    Parameters
    ----------
    plan : MixPlan
        Of candidates 0 alone.
    n_candidates : int
        1 or more; 1 returns the same rows.
    seed : int
        The run's root seed.
    once : collection of label
        Classes whose rows are not repeated.

    Returns
    -------
    MixPlan
        Parents, weights and vectors are the same for all candidates of a row.
    """
    numbers = np.array([1 if label in once else n_candidates for label in plan.labels], dtype=np.int64)
    rows = np.repeat(np.arange(len(plan)), numbers)
    firsts = np.repeat(np.cumsum(numbers) - numbers, numbers)
    many = replace(plan.take(rows), candidates=np.arange(len(rows)) - firsts)
    seeds = np.empty(len(rows), dtype=np.int64)
    for label in dict.fromkeys(plan.labels.tolist()):
        here = np.flatnonzero(many.labels == label)
        seeds[here] = row_seeds(seed, label, many.ordinals[here], many.attempts[here], many.candidates[here])
    return replace(many, seeds=seeds)


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
