"""The usual figures, distance to the closest record and its ratio to the next: reported, and no verdict.

Interpolated rows keep their distance and are traced all the same ("SMOTE and Mirrors", arXiv 2510.15083), so that these
figures miss most leaks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smotext.privacy.attack_scene import Scene
from smotext.privacy.rates import permuted_sums
from smotext.privacy.similarity import vector_similarities
from smotext.utils.seeding import generator

NO_VERDICT = "not a verdict: these miss most leaks"
# The two nearest members and held-out rows of a text are sought among so many of its neighbours.
_NEIGHBOURS = 40


@dataclass(frozen=True)
class AgainstChance:
    """A figure beside what it is where membership is dealt at random within the classes.

    Attributes
    ----------
    value : float
    chance_low, chance_high : float
        The middle 95 % of what chance gives.
    n_texts : int
        Released texts behind it.
    """

    value: float
    chance_low: float
    chance_high: float
    n_texts: int


def closest_record_share(scene: Scene, *, n_draws: int = 1000, seed: int = 0) -> AgainstChance:
    """Return the share of the released texts whose nearest candidate is a member; equally near ones share."""
    counts, n_texts = np.zeros(len(scene.candidates)), 0
    for _, candidates, cosines in vector_similarities(scene):
        is_nearest = cosines >= cosines.max(axis=1, keepdims=True) - 1e-6
        counts[candidates] += (is_nearest / is_nearest.sum(axis=1, keepdims=True)).sum(axis=0)
        n_texts += len(cosines)
    chance = permuted_sums(counts[None], scene.is_member, scene.strata, n_draws, generator(seed, "dcr"))[:, 0]
    low, high = np.quantile(chance / max(n_texts, 1), [0.025, 0.975]).tolist()
    return AgainstChance(float(counts[scene.is_member].sum() / max(n_texts, 1)), low, high, n_texts)


def neighbour_ratio(scene: Scene, *, n_draws: int = 200, seed: int = 0) -> AgainstChance:
    """Return a text's mean ratio of distances to the nearest and second nearest member, less that of held-out rows.

    Below zero: the texts lie closer to single members than to single held-out rows. Distances are cosine distances;
    texts without two of each kind among their nearest forty candidates are left out.
    """
    near, distances = [], []
    for _, candidates, cosines in vector_similarities(scene):
        order = np.argsort(-cosines, axis=1, kind="stable")[:, :_NEIGHBOURS]
        sorted_cosines = np.take_along_axis(cosines, order, axis=1)
        padding = ((0, 0), (0, _NEIGHBOURS - order.shape[1]))
        near.append(np.pad(candidates[order], padding, constant_values=-1))
        distances.append(np.pad(np.clip(1 - sorted_cosines, 1e-6, None), padding, constant_values=np.nan))
    if not near:
        return AgainstChance(float("nan"), float("nan"), float("nan"), 0)
    places, values = np.concatenate(near), np.concatenate(distances)
    observed, n_texts = _ratio_difference(places, values, scene.is_member)
    rng, strata = generator(seed, "nndr"), scene.strata
    chance = [_ratio_difference(places, values, _dealt(scene.is_member, strata, rng))[0] for _ in range(n_draws)]
    low, high = np.nanquantile(chance, [0.025, 0.975]).tolist() if n_texts else (float("nan"), float("nan"))
    return AgainstChance(observed, low, high, n_texts)


def _dealt(is_member: NDArray[np.bool_], strata: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.bool_]:
    dealt = is_member.copy()
    for code in np.unique(strata):
        here = np.flatnonzero(strata == code)
        dealt[here] = rng.permutation(is_member[here])
    return dealt


def _ratio_difference(
    places: NDArray[np.int64], distances: NDArray[np.float64], is_member: NDArray[np.bool_]
) -> tuple[float, int]:
    """Return the difference of the mean ratios, and the number of texts that have both."""
    ratios = []
    for side in (True, False):
        is_side = (is_member[places] == side) & (places >= 0)
        kept = np.where(is_side, distances, np.inf)
        first, second = np.partition(kept, 1, axis=1)[:, :2].T
        with np.errstate(invalid="ignore"):
            ratios.append(np.where(np.isfinite(second), first / second, np.nan))
    has_both = np.isfinite(ratios[0]) & np.isfinite(ratios[1])
    difference = float((ratios[0] - ratios[1])[has_both].mean()) if has_both.any() else float("nan")
    return difference, int(has_both.sum())
