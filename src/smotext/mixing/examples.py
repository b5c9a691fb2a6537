"""Which real texts a row's prompt shows: its parents, last, and before them others of the class."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.mixing.plan import UNKNOWN, MixPlan
from smotext.utils.seeding import generator, uniforms

# So many consecutive rows of a class show the same texts beside their parents: the decoder reads these once for all of
# them. A longer block would save little more, its texts would be alike, and in a cross-validation all of them would be
# lost to every fold that one of the shown texts is held out from.
EXAMPLES_BLOCK = 4


def with_examples(
    plan: MixPlan,
    labels: NDArray[np.object_],
    n_examples: int,
    *,
    seed: int,
    near: NDArray[np.int64] | None = None,
    shows_parents: bool = True,
) -> MixPlan:
    """Return the plan with the texts that each row's prompt shows.

    A row depends on its key, its parents and the seed alone. Its parents come last, in an order drawn for the row, so
    that place says nothing of weight; where the prompt has room for fewer texts than parents, the weightier ones are
    shown. The others are drawn for each block of rows of a class, and those of them that are parents are left out.

    Parameters
    ----------
    plan : MixPlan
    labels : ndarray of shape (n_texts,), object
        Classes of the texts that there are to show.
    n_examples : int
        Texts that a prompt shows; fewer where a class has fewer. 0 returns the plan.
    seed : int
        The run's root seed.
    near : ndarray of shape (n_rows, n), int64, optional
        Unlabelled texts that each row's prompt shows in place of others of the class, as far as there is room beside
        the parents: the nearest first, ``UNKNOWN`` where there are fewer. They are counted on from the labelled texts.
    shows_parents : bool
        False where those texts are not the ones that are mixed: all are drawn then.

    Returns
    -------
    MixPlan

    Examples
    --------
    >>> from smotext.mixing.plan import plan_of_class
    >>> plan = plan_of_class("a", np.arange(1), np.zeros(1, int), seed=0, strategy="random",
    ...                      parents=np.array([[2, 0]]), weights=np.array([[0.7, 0.3]]))
    >>> sorted(with_examples(plan, np.array(["a", "a", "a", "b"], dtype=object), 3, seed=0).examples[0].tolist())
    [0, 1, 2]
    """
    if n_examples == 0:
        return plan
    others = _Others(labels, n_examples, seed)
    shown = np.full((len(plan), n_examples), UNKNOWN, dtype=np.int64)
    draws = uniforms(plan.seeds, "examples", plan.parents.shape[1])
    for row, label in enumerate(plan.labels):
        parents = []
        if shows_parents:
            parents = _shown_parents(plan.parents[row], plan.weights[row], draws[row], n_examples)
        room = n_examples - len(parents)
        nearest = [] if near is None else near[row][near[row] != UNKNOWN][:room].tolist()
        found = [*others.of(label, int(plan.ordinals[row]), parents, room - len(nearest)), *nearest, *parents]
        shown[row, : len(found)] = found
    return replace(plan, examples=shown)


def _shown_parents(
    parents: NDArray[np.int64], weights: NDArray[np.float64], draws: NDArray[np.float64], most: int
) -> list[int]:
    known = [place for place in np.argsort(-weights, kind="stable") if parents[place] != UNKNOWN]
    # A text can be both parents of its row, and is shown once.
    unique = {int(parents[place]): draws[place] for place in known}
    heaviest = [*unique][:most]
    return sorted(heaviest, key=lambda parent: unique[parent])


class _Others:
    """Draws, block by block, an order of a class's texts."""

    def __init__(self, labels: NDArray[np.object_], n_examples: int, seed: int) -> None:
        self._labels, self._n_examples, self._seed = labels, n_examples, seed
        self._members: dict[Any, NDArray[np.int64]] = {}
        self._orders: dict[tuple[Any, int], list[int]] = {}

    def of(self, label: Any, ordinal: int, parents: list[int], n_wanted: int) -> list[int]:
        """Return the first `n_wanted` texts of the row's block that are none of its parents."""
        key = (label, ordinal // EXAMPLES_BLOCK)
        if key not in self._orders:
            if label not in self._members:
                self._members[label] = np.flatnonzero(self._labels == label)
            order = generator(self._seed, "examples", *key).permutation(self._members[label])
            self._orders[key] = order[: 2 * self._n_examples].tolist()
        return [text for text in self._orders[key] if text not in parents][:n_wanted]
