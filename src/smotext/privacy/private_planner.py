"""Plans whose vectors come from groups of rows: ready-made where noise was added, equal weights where not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.data.corpus import Corpus, check_classes
from smotext.errors import InputError, unknown_name
from smotext.mixing.plan import UNKNOWN, MixPlan, plan_of_class, stack
from smotext.mixing.weights import draw_weights, parse_lam
from smotext.privacy.privacy_option import Privacy, is_noisy
from smotext.privacy.release import Centres, centre_labels, release
from smotext.utils.seeding import generator, row_seeds, uniforms


class PrivatePlanner:
    """Plans rows from groups instead of neighbours; takes the place of :class:`smotext.mixing.planning.Planner`.

    With ``"dp"`` the centres are released once, when a plan is first asked for, and every row is a mix of two of its
    class's centres: vectors are ready-made and parents unknown. Which centres and what weights follow from `seed`; the
    noise does not. With ``"average"`` a class is dealt into groups once, and rows take them in turns, all parents
    weighing the same.

    Parameters
    ----------
    vectors : ndarray of shape (n_texts, vector_dim), float32
        Vectors of the real texts.
    labels : sequence of n_texts labels
    privacy : Privacy
    seed : int
        The run's root seed.
    lam : as in SMOTExT
        Weight of the first centre, for ``"dp"``; 1 takes centres as they are.
    keep : callable, optional
        ``keep(draw)`` returns the vectors of the centres: those that were kept from before, or else what ``draw()``
        releases. None releases once per planner.

    Raises
    ------
    InputError
        If a class that is averaged has fewer rows than a group.

    Examples
    --------
    >>> vectors = np.eye(6, dtype=np.float32)
    >>> planner = PrivatePlanner(vectors, ["a"] * 6, Privacy("average", group_size=3), seed=0)
    >>> plan = planner.plan({"a": 4})
    >>> sorted(plan.parents[:2, :3].ravel().tolist()), plan.weights[0].round(2).tolist()
    ([0, 1, 2, 3, 4, 5], [0.33, 0.33, 0.33, 0.0, 0.0])
    """

    def __init__(
        self,
        vectors: NDArray[np.float32],
        labels: Sequence[Any] | NDArray[Any],
        privacy: Privacy,
        *,
        seed: int = 0,
        lam: Any = (0.0, 1.0),
        keep: Callable[[Callable[[], NDArray[np.float32]]], NDArray[np.float32]] | None = None,
    ) -> None:
        self.privacy = privacy
        self._keep = keep or (lambda draw: draw())
        self._vectors, self._seed, self._lam = vectors, seed, parse_lam(lam)
        self._labels = np.empty(len(labels), dtype=object)
        self._labels[:] = list(labels)
        self._dealt: dict[Any, list[NDArray[np.int64]]] = {}

    @cached_property
    def centres(self) -> Centres:
        """What was released; of ``"dp"`` alone."""
        vectors = self._keep(lambda: release(self._vectors, self._labels, self.privacy).vectors)
        return Centres(np.asarray(vectors, dtype=np.float32), centre_labels(self.privacy), self.privacy)

    @property
    def n_parents(self) -> int:
        """Places for parents in a plan."""
        size = self.privacy.group_size or 1
        return 2 * size - 1 if self.privacy.kind == "average" else 1

    def expect(self, n_new: Mapping[Any, int]) -> None:
        """Do nothing: no row depends on how many there are."""

    def plan(self, n_new: Mapping[Any, int]) -> MixPlan:
        """Return a plan of first attempts, class by class in the order of `n_new`.

        Raises
        ------
        InputError
            If a class is not public, or has fewer rows than a group.
        """
        if is_noisy(self.privacy):
            check_public(n_new, self.privacy)
        parts = [self._rows(label, np.arange(n), np.zeros(n, dtype=np.int64)) for label, n in n_new.items() if n]
        return stack(parts, self.n_parents)

    def replan(
        self,
        labels: Sequence[Any] | NDArray[Any],
        ordinals: Sequence[int] | NDArray[np.int64],
        attempts: Sequence[int] | NDArray[np.int64],
    ) -> MixPlan:
        """Return a plan of further attempts at rows, in the given order."""
        ordinals, attempts = np.asarray(ordinals, dtype=np.int64), np.asarray(attempts, dtype=np.int64)
        rows_of: dict[Any, list[int]] = {}
        for row, label in enumerate(labels):
            rows_of.setdefault(label, []).append(row)
        parts = [self._rows(label, ordinals[rows], attempts[rows]) for label, rows in rows_of.items()]
        order = np.array([row for rows in rows_of.values() for row in rows], dtype=np.int64)
        return stack(parts, self.n_parents).take(np.argsort(order))

    def _rows(self, label: Any, ordinals: NDArray[np.int64], attempts: NDArray[np.int64]) -> MixPlan:
        shape = (len(ordinals), self.n_parents)
        parents, weights, vectors = np.full(shape, UNKNOWN), np.full(shape, np.nan), None
        if self.privacy.kind == "average":
            parents, weights = self._groups_of(label, ordinals + attempts)
        else:
            vectors = self._mixed_centres(label, ordinals, row_seeds(self._seed, label, ordinals, attempts))
        return plan_of_class(
            label,
            ordinals,
            attempts,
            seed=self._seed,
            strategy=self.privacy.kind,
            parents=parents,
            weights=weights,
            vectors=vectors,
        )

    def _mixed_centres(self, label: Any, ordinals: NDArray[np.int64], seeds: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return each row's mix of two centres of its class, of length 1; the first go round a shuffle."""
        own = self.centres.vectors[self.centres.labels == label]
        first = generator(self._seed, label, "centres").permutation(len(own))[ordinals % len(own)]
        if len(own) == 1:
            return own[first]
        step = 1 + (uniforms(seeds, "second centre")[:, 0] * (len(own) - 1)).astype(np.int64)
        weights = draw_weights(self._lam, seeds, 2)
        mixed = weights[:, :1] * own[first] + weights[:, 1:] * own[(first + step) % len(own)]
        return np.asarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True), dtype=np.float32)

    def _groups_of(self, label: Any, turns: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the members of the group whose turn it is in each row, and their equal weights."""
        groups = self._groups(label)
        shape = (len(turns), self.n_parents)
        parents, weights = np.full(shape, UNKNOWN), np.zeros(shape)
        for row, turn in enumerate(turns.tolist()):
            group = groups[turn % len(groups)]
            parents[row, : len(group)] = group
            weights[row, : len(group)] = 1 / len(group)
        return parents, weights

    def _groups(self, label: Any) -> list[NDArray[np.int64]]:
        """Return the class in random groups of at least `group_size`, dealt once.

        To draw new groups for each text would give an attacker many sums of the same rows, and in the end the rows.
        """
        if label not in self._dealt:
            size = self.privacy.group_size or 1
            members = np.flatnonzero(self._labels == label)
            check_groups(self._labels, {label: 1}, self.privacy)
            shuffled = generator(self._seed, label, "groups").permutation(members)
            self._dealt[label] = np.array_split(shuffled, len(members) // size)
        return self._dealt[label]


def check_public(n_new: Mapping[Any, int], privacy: Privacy) -> None:
    """Raise InputError if a class that gets noisy texts is none that the public knows."""
    known = privacy.n_groups
    for label in n_new:
        if label not in known:
            raise unknown_name("public class", label, list(known))


def check_groups(labels: NDArray[np.object_], n_new: Mapping[Any, int], privacy: Privacy) -> None:
    """Raise InputError if a class that gets rows has fewer texts than are averaged."""
    size = privacy.group_size or 1
    for label, n in n_new.items():
        n_texts = int((labels == label).sum())
        if n and n_texts < size:
            raise InputError(
                f"class {label!r} has {n_texts} texts and group_size is {size}: expected as many at least; lower "
                "group_size, or give the class no texts",
                options=["group_size"],
            )


def check_rows(corpus: Corpus, new_rows: Mapping[Any, int], privacy: Privacy | None) -> None:
    """Raise InputError if a class has too few texts for its new rows; noisy sums are made of any number.

    It is also raised if a class that gets noisy texts is not public, and if public examples lack a class that gets
    rows or are among the texts.
    """
    if privacy is not None and privacy.public_examples is not None:
        privacy.public_examples.check_classes(label for label, n in new_rows.items() if n)
        privacy.public_examples.check_not_real(corpus.texts)
    if is_noisy(privacy):
        check_public(new_rows, privacy)
        return
    check_classes(corpus, new_rows)
    if privacy is not None:
        check_groups(corpus.labels, new_rows, privacy)
