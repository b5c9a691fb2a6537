"""Which unlabelled texts a row's prompt may show: the nearest to its mixed vector that seem to be of its class."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.mixing.plan import UNKNOWN, MixPlan
from smotext.utils.geometry import unit

# Cosines that are held in memory at a time, and rows of them.
_COSINES, _MOST_ROWS = 2**24, 1024
# Cosines in float32 that differ by less are equal.
_SAME = 1e-6
# Of the texts that seem to be of a class: at ten labelled texts a class, 78 instead of 70 in a hundred shown were of it
# on trec6, and as many as before, 60, on airline_tweets.
_SHARE = 0.5
# So many more than are wanted are ranked again in float64, which settles near-ties of float32.
_SPARE = 8


class UnlabelledExamples:
    """Finds the unlabelled texts nearest to mixed vectors.

    An unlabelled text seems to be of the class whose mean vector is nearest to it, and is found for no other: beside a
    rare class lie texts of the frequent ones. With few labelled texts the mean tells more than the nearest of them. The
    half of these texts of which it is less clear, the mean of another class being nearly as near, is not found at all.

    Parameters
    ----------
    vectors : ndarray of shape (n_texts, vector_dim), float32
        Of the labelled texts.
    labels : ndarray of shape (n_texts,), object
    unlabelled : ndarray of shape (n_unlabelled, vector_dim), float32

    Examples
    --------
    >>> labelled, more = np.array([[1, 0], [0, 1]]), np.array([[4, 1], [1, 2], [3, 0], [9, 8], [9, 7]])
    >>> found = UnlabelledExamples(labelled, np.array(["a", "b"], dtype=object), more)
    >>> found.nearest(np.array([[1, 1]]), np.array(["a"], dtype=object), 3).tolist()
    [[2, 4, -1]]
    """

    def __init__(
        self, vectors: NDArray[np.float32], labels: NDArray[np.object_], unlabelled: NDArray[np.float32]
    ) -> None:
        self._first = len(labels)
        self._vectors = unit(unlabelled)
        self._members = _members(vectors, labels, self._vectors)

    def for_rows(
        self, plan: MixPlan, targets: Callable[[MixPlan], NDArray[np.float32]], n_wanted: int
    ) -> NDArray[np.int64]:
        """Return the texts nearest to what each row of a plan asks for, as :meth:`nearest` does."""
        size = int(np.clip(_COSINES // max(1, len(self._vectors)), 1, _MOST_ROWS))
        parts = [self.nearest(targets(part), part.labels, n_wanted) for part in plan.groups(size)]
        return np.concatenate([np.zeros((0, n_wanted), dtype=np.int64), *parts])

    def nearest(self, targets: NDArray[np.float32], labels: NDArray[np.object_], n_wanted: int) -> NDArray[np.int64]:
        """Return the texts nearest to each mixed vector by cosine, among those that seem to be of its class.

        Parameters
        ----------
        targets : ndarray of shape (n_rows, vector_dim), float32
        labels : ndarray of shape (n_rows,), object
        n_wanted : int

        Returns
        -------
        ndarray of shape (n_rows, n_wanted), int64
            The nearest first, counted on from the labelled texts: 0 stands for the first of these, ``n_texts`` for the
            first unlabelled one. ``UNKNOWN`` where a class has fewer.
        """
        found = np.full((len(labels), n_wanted), UNKNOWN, dtype=np.int64)
        for label in dict.fromkeys(labels.tolist()):
            members = self._members[label]
            n = min(n_wanted, len(members))
            if n:
                rows = np.flatnonzero(labels == label)
                found[rows, :n] = self._first + members[self._ranked(targets[rows], members, n)]
        return found

    def _ranked(self, targets: NDArray[np.float32], members: NDArray[np.int64], n_wanted: int) -> NDArray[np.int64]:
        """Return places among the members, the nearest first; of equals the earlier one."""
        asked, texts = unit(targets), self._vectors[members]
        n_kept = min(len(members), n_wanted + _SPARE)
        places = np.argpartition(-(asked @ texts.T), n_kept - 1, axis=1)[:, :n_kept]
        places.sort(axis=1)
        exact = np.einsum("qkd,qd->qk", texts[places].astype(np.float64), asked.astype(np.float64))
        return np.take_along_axis(places, np.argsort(-exact, axis=1, kind="stable"), axis=1)[:, :n_wanted]


def _members(
    vectors: NDArray[np.float32], labels: NDArray[np.object_], unlabelled: NDArray[np.float32]
) -> dict[Any, NDArray[np.int64]]:
    """Return, for each class, the clearer half of the unlabelled texts to which its mean is nearest.

    Of classes with one mean, as where all texts have both labels, each has them.
    """
    classes = list(dict.fromkeys(labels.tolist()))
    means = unit(np.stack([unit(vectors[labels == label]).mean(axis=0) for label in classes]))
    cosines = unlabelled @ means.T
    if len(classes) == 1:
        return {classes[0]: np.arange(len(unlabelled))}
    best = cosines.max(axis=1)
    is_nearest = cosines >= best[:, None] - _SAME
    clearness = best - np.where(is_nearest, -np.inf, cosines).max(axis=1)
    found = {}
    for number, label in enumerate(classes):
        members = np.flatnonzero(is_nearest[:, number])
        clearest = members[np.argsort(-clearness[members], kind="stable")]
        found[label] = np.sort(clearest[: math.ceil(_SHARE * len(members))])
    return found
