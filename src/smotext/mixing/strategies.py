"""The strategies that choose parents: first attempts in turn and evenly, further ones by chance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.mixing.first_parents import Group, LabelledVectors, find_groups, take_turns
from smotext.mixing.partners import Anyone, Neighbours, Partners
from smotext.mixing.plan import UNKNOWN, MixPlan, plan_of_class
from smotext.mixing.weights import LamSpec, draw_weights
from smotext.utils.seeding import row_seeds, uniforms

# What the lineage calls the strategy of a class with a single text, which cannot be mixed.
PARAPHRASE = "paraphrase"
# A note names so many classes; it counts the others.
_CLASSES_NAMED = 10


class ParentStrategy:
    """Chooses parents among a class's texts, class by class.

    Parameters
    ----------
    corpus : LabelledVectors
        All classes.
    name : str
        One of :data:`~smotext.mixing.first_parents.PARENT_STRATEGIES`.
    k_neighbors, n_parents : int
        As :class:`~smotext.mixing.planning.Planner` takes them.
    lam : LamSpec
        How weights are drawn.
    """

    def __init__(self, corpus: LabelledVectors, name: str, *, k_neighbors: int, n_parents: int, lam: LamSpec) -> None:
        self._corpus, self._name, self._k_neighbors = corpus, name, k_neighbors
        self._n_parents, self._lam = n_parents, lam
        self._classes: dict[Any, ClassParents] = {}

    def plan(self, n_new: Mapping[Any, int]) -> tuple[list[MixPlan], list[str]]:
        """Return the first attempts of each class, and what had to be adapted."""
        parts = []
        for label, n in n_new.items():
            parents = self._of(label).first_attempts(n)
            parts.append(self._rows(label, np.arange(n), np.zeros(n, dtype=np.int64), parents))
        return parts, self._notes([label for label, n in n_new.items() if n])

    def replan(self, label: Any, ordinals: NDArray[np.int64], attempts: NDArray[np.int64]) -> MixPlan:
        """Return further attempts of rows of one class."""
        return self._rows(label, ordinals, attempts, self._of(label).further_attempts(ordinals, attempts))

    def _of(self, label: Any) -> ClassParents:
        """Return what is known of a class, found when first asked for."""
        if label not in self._classes:
            self._classes[label] = ClassParents(self._corpus, label, self._name, self._k_neighbors, self._n_parents)
        return self._classes[label]

    def _rows(
        self, label: Any, ordinals: NDArray[np.int64], attempts: NDArray[np.int64], parents: NDArray[np.int64]
    ) -> MixPlan:
        """Return the plan of rows whose parents are given as positions within the class."""
        weights = draw_weights(
            self._lam, row_seeds(self._corpus.seed, label, ordinals, attempts), n_parents=parents.shape[1]
        )
        unused = ((0, 0), (0, self._n_parents - parents.shape[1]))
        return plan_of_class(
            label,
            ordinals,
            attempts,
            seed=self._corpus.seed,
            strategy=self._of(label).strategy,
            parents=np.pad(self._corpus.rows[label][parents], unused, constant_values=UNKNOWN),
            weights=np.pad(weights, unused),
        )

    def _notes(self, labels: Sequence[Any]) -> list[str]:
        """Return a line for each step down the ladder that was taken."""
        classes = [self._of(label) for label in labels]
        single = [one for one in classes if one.strategy == PARAPHRASE]
        small = [one for one in classes if 1 < one.n_texts <= self._k_neighbors and one.strategy != "random"]
        fallen = [one for one in classes if one.strategy not in (self._name, PARAPHRASE)]
        notes = {
            "a single text, which is paraphrased": single,
            f"no more than k_neighbors={self._k_neighbors} texts, so all pairs are used": small,
            f"no first parents by strategy {self._name!r}, so 'smote' is used": fallen,
        }
        return [f"{_names(some)}: {what}" for what, some in notes.items() if some]


def _names(classes: Sequence[ClassParents]) -> str:
    """Return the classes with their counts, a few by name."""
    named = ", ".join(f"{one.label!r} ({one.n_texts})" for one in classes[:_CLASSES_NAMED])
    rest = len(classes) - _CLASSES_NAMED
    return ("class " if len(classes) == 1 else "classes ") + named + (f" and {rest} more" if rest > 0 else "")


class ClassParents:
    """The parents of one class's rows, as positions within the class.

    Parameters
    ----------
    corpus : LabelledVectors
        All classes.
    label : hashable
        The class.
    strategy : str
        The strategy asked for; the attribute of that name says which one is followed.
    k_neighbors, n_parents : int
        At most so many; fewer where the class is small.
    """

    def __init__(self, corpus: LabelledVectors, label: Any, strategy: str, k_neighbors: int, n_parents: int) -> None:
        self.label, self._seed, self._rows = label, corpus.seed, corpus.rows[label]
        self.n_texts = len(self._rows)
        self.strategy = strategy if self.n_texts > 1 else PARAPHRASE
        self._groups, self._partners = self._found(corpus, k_neighbors)
        self._n_others = min(n_parents - 1, self._partners.count(0))
        self._parents = np.zeros((0, 1 + self._n_others), dtype=np.int64)
        self._tried: dict[int, list[list[int]]] = {}

    def _found(self, corpus: LabelledVectors, k_neighbors: int) -> tuple[list[Group], Partners]:
        """Return the groups of first parents and the rule for their partners."""
        everyone = np.arange(self.n_texts)
        if self.strategy == PARAPHRASE:
            return [Group(everyone, everyone)], Anyone(1)
        groups = find_groups(self.strategy, corpus, self.label, k_neighbors)
        if not groups:
            self.strategy = "smote"
            groups = find_groups("smote", corpus, self.label, k_neighbors)
        if self.strategy == "random":
            return groups, Anyone(self.n_texts)
        return groups, Neighbours(corpus, self._rows, groups, min(k_neighbors, self.n_texts - 1))

    def first_attempts(self, n_rows: int) -> NDArray[np.int64]:
        """Return the parents of rows 0 to n_rows - 1: (n_rows, at most n_parents), the first parent first."""
        start = len(self._parents)
        if n_rows > start:
            firsts = take_turns(self._groups, n_rows)[start:]
            self._partners.prepare(firsts)
            seeds = row_seeds(self._seed, self.label, np.arange(start, n_rows))
            others = self._partners.least_used(firsts, uniforms(seeds, "parents", self._n_others))
            self._parents = np.concatenate([self._parents, np.column_stack([firsts, others])])
        return self._parents[:n_rows]

    def further_attempts(self, ordinals: NDArray[np.int64], attempts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the parents of later attempts: (n_rows, at most n_parents)."""
        parents = self.first_attempts(int(ordinals.max()) + 1)
        for ordinal in ordinals.tolist():
            self._tried.setdefault(ordinal, [parents[ordinal].tolist()])
        for attempt in range(1, int(attempts.max()) + 1):
            wanted = np.unique(ordinals[attempts >= attempt]).tolist()
            due = [ordinal for ordinal in wanted if len(self._tried[ordinal]) == attempt]
            self._try_again(np.array(due, dtype=np.int64), attempt)
        keys = zip(ordinals.tolist(), attempts.tolist(), strict=True)
        return np.array([self._tried[ordinal][attempt] for ordinal, attempt in keys], dtype=np.int64)

    def _try_again(self, ordinals: NDArray[np.int64], attempt: int) -> None:
        """Draw the parents of one more attempt of some rows, unlike those of their earlier ones where possible."""
        draws = uniforms(row_seeds(self._seed, self.label, ordinals, attempt), "parents", 2 + self._n_others)
        weights = np.cumsum([group.weight for group in self._groups])
        groups = np.searchsorted(weights, draws[:, 0] * weights[-1], side="right").tolist()
        starts = [int(draw * len(self._groups[group].members)) for group, draw in zip(groups, draws[:, 1], strict=True)]
        firsts = [self._groups[group].members[start] for group, start in zip(groups, starts, strict=True)]
        self._partners.prepare(np.array(firsts, dtype=np.int64))
        for ordinal, group, start, draw in zip(ordinals.tolist(), groups, starts, draws[:, 2:].tolist(), strict=True):
            tried = self._tried[ordinal]
            known = {frozenset(parents) for parents in tried}
            choices = self._choices(group, start, draw)
            drawn = next(choices)
            tried.append(next((one for one in chain([drawn], choices) if frozenset(one) not in known), drawn))

    def _choices(self, group: int, start: int, draws: Sequence[float]) -> Iterator[list[int]]:
        """Yield the parents that the draws point at, then all others in turn: partners, first parents, groups."""
        for place in range(len(self._groups)):
            members = self._groups[(group + place) % len(self._groups)].members
            for turn in range(len(members)):
                first = int(members[(start + turn) % len(members)])
                n_partners = self._partners.count(first)
                places = _distinct_places(draws, n_partners)
                for shift in range(max(n_partners, 1)):
                    yield [first, *self._partners.at(first, [(one + shift) % n_partners for one in places])]


def _distinct_places(draws: Sequence[float], n_places: int) -> list[int]:
    """Return a different place in [0, n_places) per draw, each uniform among those left.

    >>> _distinct_places([0.0, 0.0, 0.99], 3)
    [0, 1, 2]
    """
    places: list[int] = []
    for draw in draws:
        place = int(draw * (n_places - len(places)))
        for earlier in sorted(places):
            place += place >= earlier
        places.append(place)
    return places
