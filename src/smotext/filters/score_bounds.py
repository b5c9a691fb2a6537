"""Filters that compare one score with bounds, and the bounds that real texts set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smotext.errors import InputError
from smotext.filters.protocol import Batch, FilterScores

# Bounds are set by at most so many real texts: a 1 % quantile still rests on 20 of them.
CALIBRATION_ROWS = 2000


@dataclass(frozen=True)
class Bounded:
    """A fitted filter that keeps texts whose score lies within bounds; an undefined score is kept.

    Attributes
    ----------
    name : str
    column : str
        What the score is called in the lineage.
    score : callable
        ``score(batch)`` returns one number per text, NaN where undefined.
    at_least, at_most : float
        The bounds, themselves allowed.

    Examples
    --------
    >>> long_enough = Bounded("short", "n_words", lambda batch: np.array([2.0, 9.0, np.nan]), at_least=3)
    >>> long_enough(None)[0].tolist()
    [False, True, True]
    """

    name: str
    column: str
    score: Callable[[Batch], NDArray[np.float64]]
    at_least: float = -np.inf
    at_most: float = np.inf

    def __call__(self, batch: Batch) -> tuple[NDArray[np.bool_], FilterScores]:
        """Return which texts are kept, and the score."""
        scores = self.score(batch)
        return ~((scores < self.at_least) | (scores > self.at_most)), {self.column: scores}


def low_bound(given: float | None, scores: NDArray[np.float64], share: float) -> float:
    """Return the bound given, or the one that `share` of the real texts' scores fall below.

    Parameters
    ----------
    given : float or None
    scores : ndarray of shape (n_texts,)
        What real texts score, NaN where undefined.
    share : float
        In [0, 1). Where it comes to less than one text, the lowest score is the bound.

    Returns
    -------
    float
        Minus infinity if no text has a score.

    Examples
    --------
    >>> low_bound(None, np.array([0.1, 0.2, 0.3, 0.4, np.nan]), 0.25)
    0.2
    >>> low_bound(0.9, np.array([0.1]), 0.25)
    0.9
    """
    if given is not None:
        return float(given)
    known = np.sort(scores[~np.isnan(scores)])
    return float(known[int(share * len(known))]) if len(known) else -np.inf


def high_bound(given: float | None, scores: NDArray[np.float64], share: float) -> float:
    """Return the bound given, or the one that `share` of the real texts' scores lie above.

    Examples
    --------
    >>> high_bound(None, np.array([0.1, 0.2, 0.3, 0.4]), 0.25)
    0.3
    """
    return -low_bound(None if given is None else -given, -scores, share)


def evenly_spaced(rows: NDArray[np.int64], at_most: int) -> NDArray[np.int64]:
    """Return `at_most` of the rows, evenly spaced, or all if there are no more.

    Examples
    --------
    >>> evenly_spaced(np.arange(9), 3).tolist()
    [0, 4, 8]
    """
    if len(rows) <= at_most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, at_most).round().astype(np.int64)]


def check_share(name: str, share: float) -> None:
    """Raise InputError unless the share of real texts that a filter may lose is in [0, 0.5]."""
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 0.5:
        raise InputError(f"{name} is {share!r}: expected a share of the real texts, from 0 to 0.5")
