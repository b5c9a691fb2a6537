"""Intervals, corrections and the words for what they say. All differences are in points (1/100)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from smotext.utils.holm import holm

# In points. A smaller loss counts as none.
MARGIN = 1.0
Word = Literal["helps", "no difference", "hurts", "too little data to tell"]


@dataclass(frozen=True)
class Interval:
    """A mean difference with its two-sided confidence interval.

    Attributes
    ----------
    mean, low, high : float
        With fewer than two differences `low` and `high` are infinite: nothing is known.
    standard_error : float
        Corrected where the test parts overlap; infinite with fewer than two differences.
    n : int
        Number of paired differences.
    """

    mean: float
    low: float
    high: float
    standard_error: float
    n: int


def mean_interval(
    differences: ArrayLike, *, test_train_ratio: float = 0.0, test_variance: float = 0.0, confidence: float = 0.95
) -> Interval:
    """Return the mean of paired differences with its t interval.

    Parameters
    ----------
    differences : array-like of shape (n,), at least one
        One difference per seed or fold.
    test_train_ratio : float
        Rows of the test part over rows of the training part, where the differences come from repeated splits of
        one set. These are correlated, and the variance of their mean is (1/n + ratio) s^2 instead of s^2/n. The
        parts count, not the few rows that are then drawn from the training part (shots): how much two splits
        agree depends on what their parts share. 0 for independent differences.
    test_variance : float
        Variance of the mean that comes from the choice of the test rows, where all differences were taken on
        the same ones: no number of differences makes it smaller. 0 if the interval is not to speak of it.
    confidence : float in (0, 1)

    References
    ----------
    Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52, 2003, equation 9.

    Examples
    --------
    >>> mean_interval([1.0, 2.0, 3.0])
    Interval(mean=2.0, low=-0.484..., high=4.484..., standard_error=0.577..., n=3)
    >>> mean_interval([1.0, 2.0, 3.0], test_train_ratio=0.25).standard_error
    0.763...
    >>> mean_interval([1.0, 1.0, 1.0], test_variance=0.25).standard_error
    0.5
    """
    values = np.asarray(differences, dtype=float)
    mean, n = float(values.mean()), len(values)
    if n < 2:
        return Interval(mean, -np.inf, np.inf, np.inf, n)
    error = float(np.sqrt((1 / n + test_train_ratio) * values.var(ddof=1) + test_variance))
    half = float(stats.t.ppf(0.5 + confidence / 2, n - 1)) * error
    return Interval(mean, mean - half, mean + half, error, n)


def detectable_difference(interval: Interval, *, power: float = 0.8, confidence: float = 0.95) -> float:
    """Return the true difference that a study this noisy would find with probability `power`.

    Examples
    --------
    >>> detectable_difference(Interval(mean=0, low=-1, high=1, standard_error=1.0, n=10))
    3.145...
    """
    if interval.n < 2:
        return float("inf")
    quantiles = stats.t.ppf([0.5 + confidence / 2, power], interval.n - 1)
    return float(quantiles.sum() * interval.standard_error)


def verdict(interval: Interval, *, margin: float = MARGIN) -> Word:
    """Return the word for an interval: what it rules out, not what its middle looks like.

    ``"helps"`` and ``"hurts"``: it excludes zero. ``"no difference"``: it lies within `margin` of zero.
    Otherwise it is too wide: ``"too little data to tell"``.

    Examples
    --------
    >>> verdict(mean_interval([2.0, 2.1, 1.9])), verdict(mean_interval([0.0, 0.1, -0.1]))
    ('helps', 'no difference')
    >>> verdict(mean_interval([5.0, -4.0, 3.0]))
    'too little data to tell'
    """
    if interval.low > 0:
        return "helps"
    if interval.high < 0:
        return "hurts"
    if interval.low > -margin and interval.high < margin:
        return "no difference"
    return "too little data to tell"


def p_worse(interval: Interval, *, margin: float = MARGIN) -> float:
    """Return the one-sided p-value of "the true difference is -`margin` or worse".

    Small values mean "not worse". At 0.025 this is the same as the lower end of the 95 % interval
    lying above -`margin`.

    Examples
    --------
    >>> p_worse(Interval(mean=1.0, low=0, high=2, standard_error=1.0, n=3))
    0.091...
    """
    if interval.n < 2:
        return 1.0
    if interval.standard_error == 0:
        return 0.0 if interval.mean > -margin else 1.0
    return float(stats.t.sf((interval.mean + margin) / interval.standard_error, interval.n - 1))


def not_worse(intervals: Sequence[Interval], *, margin: float = MARGIN) -> list[bool]:
    """Return, per set, whether it is shown to lose less than `margin`, Holm-corrected over the sets.

    Examples
    --------
    >>> not_worse([mean_interval([0.1, 0.0, -0.1]), mean_interval([-3.0, -2.0, -4.0])])
    [True, False]
    """
    return [p < 0.025 for p in holm([p_worse(interval, margin=margin) for interval in intervals])]


def hierarchical_bootstrap(
    differences: Sequence[ArrayLike], *, n_draws: int = 10_000, seed: int = 0, confidence: float = 0.95
) -> Interval:
    """Return the mean over sets of the mean over seeds, with a percentile interval over both levels.

    Each draw takes sets with replacement, then seeds within each drawn set with replacement, so that the
    interval speaks of further sets of this kind and not only of these.

    Parameters
    ----------
    differences : sequence of array-like
        One array of paired differences per set; lengths may differ.

    Examples
    --------
    >>> interval = hierarchical_bootstrap([[1.0, 1.0], [3.0, 3.0]])
    >>> interval.mean, interval.low, interval.high
    (2.0, 1.0, 3.0)
    """
    rng = np.random.default_rng(seed)
    sets = [np.asarray(values, dtype=float) for values in differences]
    drawn = rng.integers(len(sets), size=(n_draws, len(sets)))
    means = np.empty(drawn.shape)
    for number, values in enumerate(sets):
        where = drawn == number
        means[where] = _resampled_means(values, int(where.sum()), rng)
    draws = means.mean(axis=1)
    low, high = np.quantile(draws, [0.5 - confidence / 2, 0.5 + confidence / 2])
    centre = float(np.mean([values.mean() for values in sets]))
    return Interval(centre, float(low), float(high), float(draws.std()), len(sets))


def _resampled_means(values: NDArray[np.float64], n_draws: int, rng: np.random.Generator) -> NDArray[np.float64]:
    return values[rng.integers(len(values), size=(n_draws, len(values)))].mean(axis=1)
