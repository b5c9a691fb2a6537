"""Lower bounds on epsilon from how often an attacker guessed right, and intervals of counts."""

from __future__ import annotations

import math

from scipy import stats
from scipy.optimize import brentq

from smotext.errors import InputError

# A bound may be too high in one case of twenty.
ALPHA = 0.05


def clopper_pearson(n_right: int, n: int, *, alpha: float = ALPHA) -> tuple[float, float]:
    """Return the exact two-sided interval of a probability, from how often something happened in `n` trials.

    References
    ----------
    Clopper and Pearson, "The use of confidence or fiducial limits", Biometrika 26, 1934.

    Examples
    --------
    >>> [round(end, 3) for end in clopper_pearson(5, 10)]
    [0.187, 0.813]
    """
    _check_counts(n_right, n)
    return _lower(n_right, n, alpha / 2), 1.0 - _lower(n - n_right, n, alpha / 2)


def _lower(n_right: int, n: int, alpha: float) -> float:
    return float(stats.beta.ppf(alpha, n_right, n - n_right + 1)) if n_right else 0.0


def one_run_epsilon(n_right: int, n_guesses: int, *, alpha: float = ALPHA) -> float:
    """Return the largest epsilon that the guesses of one run rule out, 0 if none.

    Membership of each guessed row has to be a fair coin of its own, and the number of guesses has to be fixed before
    the scores are seen. Under (epsilon, 0)-differential privacy the number of right guesses is then stochastically at
    most Bin(n_guesses, e^eps / (1 + e^eps)).

    Parameters
    ----------
    n_right, n_guesses : int
    alpha : float
        How often the bound may be too high.

    References
    ----------
    Steinke, Nasr and Jagielski, "Privacy auditing with one (1) training run", NeurIPS 2023, theorem 5.2 at delta 0.

    Examples
    --------
    >>> round(one_run_epsilon(84, 84), 2), one_run_epsilon(42, 84)
    (3.32, 0.0)
    """
    _check_counts(n_right, n_guesses)

    def excess(epsilon: float) -> float:
        return float(stats.binom.sf(n_right - 1, n_guesses, 1 / (1 + math.exp(-epsilon)))) - alpha

    return 0.0 if excess(0.0) >= 0 else float(brentq(excess, 0.0, 50.0))


def attribute_epsilon(n_right: int, n_targets: int, n_values: int, *, alpha: float = ALPHA) -> float:
    """Return the epsilon that guessing one of `n_values` equally likely attributes rules out, 0 if none.

    Under (epsilon, 0)-differential privacy a guess is right with probability at most e^eps / (e^eps + n_values - 1);
    the one-sided Clopper-Pearson bound of the observed share is put in its place.

    Examples
    --------
    >>> [round(attribute_epsilon(right, 80, 8), 2) for right in (80, 43, 10)]
    [5.21, 1.7, 0.0]
    """
    _check_counts(n_right, n_targets)
    share = _lower(n_right, n_targets, alpha)
    return max(0.0, math.log(share * (n_values - 1) / (1 - share))) if share > 0 else 0.0


def _check_counts(n_right: int, n: int) -> None:
    if not 0 <= n_right <= n or n < 1:
        raise InputError(f"{n_right} of {n}: expected counts with 0 <= right <= all and all >= 1")
