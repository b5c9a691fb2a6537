"""How well scores tell members from others: rates with intervals, p-values and what could have been found.

Candidates are compared within their class alone, so that a class that is rarer among the held-out rows is no leak.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from smotext.privacy.epsilon_bounds import one_run_epsilon
from smotext.utils.seeding import generator

FALSE_POSITIVE_RATE = 0.01
# This share of the candidates, those with the highest scores, is guessed to be members. It is fixed before anything
# is seen.
GUESSED_SHARE = 0.25
_POWER = 0.8
# So many permuted entries are in memory at once.
_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class IntervalEstimate:
    """A figure with its 95 % interval.

    Attributes
    ----------
    value, low, high : float
    hits, of : int
        The counts behind it; both 0 where it is no share of counts.
    """

    value: float
    low: float
    high: float
    hits: int = 0
    of: int = 0


@dataclass(frozen=True)
class Rates:
    """What the scores of one attack come to.

    Attributes
    ----------
    auc : IntervalEstimate
        Probability that a member scores above a held-out row of its class, ties counting half.
    tpr : IntervalEstimate
        Share of the members above all but 1 % of the held-out rows, with how many these are.
    n_members, n_held_out : int
    p_value : float
        Of "membership has nothing to do with the scores", from permutations within classes.
    detectable : float
        The AUC that would have been found four times in five.
    n_guesses, n_right : int
        Guesses fixed beforehand: the quarter with the highest scores, as many members as held-out rows taking part.
    epsilon : float
        What these guesses rule out (:func:`~smotext.privacy.epsilon_bounds.one_run_epsilon`).
    """

    auc: IntervalEstimate
    tpr: IntervalEstimate
    n_members: int
    n_held_out: int
    p_value: float
    detectable: float
    n_guesses: int
    n_right: int
    epsilon: float


def measure(
    scores: NDArray[np.float64],
    is_member: NDArray[np.bool_],
    strata: NDArray[np.int64],
    *,
    n_attacks: int = 1,
    n_draws: int = 1000,
    seed: int = 0,
    alpha: float = 0.05,
) -> Rates:
    """Return how well the scores tell members from held-out rows.

    Parameters
    ----------
    scores : ndarray of shape (n_candidates,)
        Higher speaks for a member. Infinite ones count as beyond all others.
    is_member : ndarray of shape (n_candidates,), bool
    strata : ndarray of shape (n_candidates,), int64
        Number of each candidate's class.
    n_attacks : int
        How many attacks are tried on the same rows: what could have been found depends on it.
    n_draws : int
        Bootstrap draws, and half as many as the permutations.
    seed : int
    alpha : float
    """
    rng = generator(seed, "rates")
    found = stratified_auc(scores, is_member, strata)
    hits, _ = hits_at(scores, is_member)
    draws = _bootstrap(scores, is_member, strata, n_draws, rng)
    auc_interval, tpr_interval = (np.nanquantile(column, [0.025, 0.975]).tolist() for column in draws.T)
    n_members = int(is_member.sum())
    p_value, null_sd = _permutation_test(scores, is_member, strata, 2 * n_draws, rng)
    # Divided by two: the order of all scores and the highest ones are both tested.
    steps = stats.norm.ppf(1 - alpha / (2 * n_attacks)) + stats.norm.ppf(_POWER)
    n_guesses, n_right = guesses(scores, is_member, strata, rng)
    return Rates(
        auc=IntervalEstimate(found, auc_interval[0], auc_interval[1]),
        tpr=IntervalEstimate(hits / n_members, tpr_interval[0], tpr_interval[1], hits, n_members),
        n_members=n_members,
        n_held_out=len(scores) - n_members,
        p_value=p_value,
        detectable=min(1.0, 0.5 + float(steps) * null_sd),
        n_guesses=n_guesses,
        n_right=n_right,
        epsilon=one_run_epsilon(n_right, n_guesses) if n_guesses else 0.0,
    )


def stratified_auc(scores: NDArray[np.float64], is_member: NDArray[np.bool_], strata: NDArray[np.int64]) -> float:
    """Return how often a member scores above a held-out row of its class; NaN where no class has both.

    Examples
    --------
    The second class is scored lower as a whole, which says nothing:

    >>> scores, member = np.array([2.0, 1.0, 0.0, 0.0]), np.array([True, False, True, False])
    >>> stratified_auc(scores, member, np.array([0, 0, 1, 1]))
    0.75
    """
    wins = pairs = 0.0
    for code in np.unique(strata):
        here = strata == code
        own = _wins(scores[here & is_member], np.sort(scores[here & ~is_member]))
        wins, pairs = wins + own[0], pairs + own[1]
    return wins / pairs if pairs else float("nan")


def _wins(members: NDArray[np.float64], others: NDArray[np.float64]) -> tuple[float, float]:
    """Return how many (member, other) pairs the member wins, ties counting half, and how many there are."""
    below, up_to = (np.searchsorted(others, members, side).sum() for side in ("left", "right"))
    return float(below + up_to) / 2, float(len(members) * len(others))


def hits_at(
    scores: NDArray[np.float64], is_member: NDArray[np.bool_], rate: float = FALSE_POSITIVE_RATE
) -> tuple[int, int]:
    """Return how many members score above all but a share `rate` of the held-out rows, and how many those may be.

    With fewer than 1 / `rate` held-out rows, none of them may lie above.

    Examples
    --------
    >>> hits_at(np.array([3.0, 1.0, 2.0, 0.0]), np.array([True, True, False, False]))
    (1, 0)
    """
    others = np.sort(scores[~is_member])[::-1]
    allowed = int(rate * len(others))
    threshold = others[allowed] if len(others) else np.inf
    return int((scores[is_member] > threshold).sum()), allowed


def _bootstrap(
    scores: NDArray[np.float64],
    is_member: NDArray[np.bool_],
    strata: NDArray[np.int64],
    n_draws: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return AUC and TPR of candidates drawn again, class by class and kind by kind; shape (n_draws, 2)."""
    cells = [np.flatnonzero((strata == code) & is_member) for code in np.unique(strata)]
    others = [np.flatnonzero((strata == code) & ~is_member) for code in np.unique(strata)]
    found = np.empty((n_draws, 2))
    for draw in range(n_draws):
        wins = pairs = 0.0
        drawn_members, drawn_others = [], []
        for cell, other in zip(cells, others, strict=True):
            members = scores[rng.choice(cell, len(cell))] if len(cell) else np.empty(0)
            rest = np.sort(scores[rng.choice(other, len(other))]) if len(other) else np.empty(0)
            own = _wins(members, rest)
            wins, pairs = wins + own[0], pairs + own[1]
            drawn_members.append(members)
            drawn_others.append(rest)
        all_members, all_others = np.concatenate(drawn_members), np.sort(np.concatenate(drawn_others))[::-1]
        threshold = all_others[int(FALSE_POSITIVE_RATE * len(all_others))] if len(all_others) else np.inf
        found[draw] = wins / pairs if pairs else np.nan, (all_members > threshold).mean() if len(all_members) else 0
    return found


def _permutation_test(
    scores: NDArray[np.float64],
    is_member: NDArray[np.bool_],
    strata: NDArray[np.int64],
    n_draws: int,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Return a p-value that looks at the whole order and at its top, and the standard deviation of a chance AUC."""
    ranks = np.empty(len(scores))
    pairs = 0.0
    for code in np.unique(strata):
        here = np.flatnonzero(strata == code)
        ranks[here] = stats.rankdata(scores[here])
        pairs += float(is_member[here].sum() * (~is_member[here]).sum())
    if not pairs:
        return 1.0, 0.5
    weights = np.stack([ranks, top_weights(scores)])
    chance = permuted_sums(weights, is_member, strata, n_draws, rng)  # (n_draws, 2)
    observed = weights[:, is_member].sum(axis=1)
    p_values = (1 + (chance >= observed - 1e-9).sum(axis=0)) / (n_draws + 1)
    return float(min(1.0, 2 * p_values.min())), float(chance[:, 0].std() / pairs)


def top_weights(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 for the top 1 % of the candidates, ten at least, 0 for the others; ties at the border share.

    Examples
    --------
    >>> top_weights(np.array([3.0] * 9 + [1.0, 1.0, 0.0])).tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.0]
    """
    n_top = min(len(scores), max(10, round(FALSE_POSITIVE_RATE * len(scores))))
    border = np.sort(scores)[::-1][n_top - 1]
    above, at = scores > border, scores == border
    return above + at * ((n_top - above.sum()) / at.sum())


def permuted_sums(
    weights: NDArray[np.float64],
    is_member: NDArray[np.bool_],
    strata: NDArray[np.int64],
    n_draws: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the members' sum of each row of weights, membership being dealt again within the classes.

    Parameters
    ----------
    weights : ndarray of shape (n_sums, n_candidates)

    Returns
    -------
    ndarray of shape (n_draws, n_sums)
    """
    sums = np.zeros((n_draws, len(weights)))
    for code in np.unique(strata):
        here = np.flatnonzero(strata == code)
        n_members = int(is_member[here].sum())
        if not n_members:
            continue
        size = max(1, _AT_ONCE // len(here))
        for start in range(0, n_draws, size):
            n_rows = min(size, n_draws - start)
            dealt = rng.permuted(np.tile(here, (n_rows, 1)), axis=1)[:, :n_members]
            sums[start : start + n_rows] += weights[:, dealt].sum(axis=2).T
    return sums


def guesses(
    scores: NDArray[np.float64], is_member: NDArray[np.bool_], strata: NDArray[np.int64], rng: np.random.Generator
) -> tuple[int, int]:
    """Return how many candidates are guessed to be members, and how many of these guesses are right.

    As many members as held-out rows of each class take part, drawn at random, so that a blind guess is right half the
    time; the quarter of them with the highest scores is guessed.
    """
    kept = []
    for code in np.unique(strata):
        sides = [np.flatnonzero((strata == code) & (is_member == side)) for side in (True, False)]
        n_each = min(map(len, sides))
        kept += [rng.permutation(side)[:n_each] for side in sides]
    # In random order, so that ties are settled by chance.
    rows = rng.permutation(np.concatenate(kept))
    n_guesses = int(GUESSED_SHARE * len(rows))
    chosen = rows[np.argsort(-scores[rows], kind="stable")[:n_guesses]]
    return n_guesses, int(is_member[chosen].sum())
