"""With whom a first parent is mixed.

Two rules with one interface: partners are neighbours (:class:`Neighbours`) or any of the class
(:class:`Anyone`). All positions are within the class.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from smotext.mixing.first_parents import Group, LabelledVectors
from smotext.mixing.neighbours import nearest


class Partners(Protocol):
    """Who may be mixed with a first parent."""

    def prepare(self, firsts: NDArray[np.int64]) -> None:
        """Get ready for these first parents, all at once."""
        ...

    def count(self, first: int) -> int:
        """Return how many partners a first parent has."""
        ...

    def at(self, first: int, places: Iterable[int]) -> list[int]:
        """Return the partners at `places`, each in [0, count)."""
        ...

    def least_used(self, firsts: NDArray[np.int64], draws: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return a different partner per draw for each row, one row after the other.

        Each is the least used so far; the draw, in (0, 1), settles ties.
        """
        ...


class Neighbours:
    """Partners are the nearest neighbours, found when first asked for and kept.

    Parameters
    ----------
    corpus : LabelledVectors
        All vectors.
    rows : ndarray of shape (n_rows,), int64
        Positions of the class in the corpus.
    groups : sequence of Group
        Who may be a first parent, and among whom its neighbours are sought.
    k : int
        Neighbours of a first parent, fewer than every group has partners.
    """

    def __init__(self, corpus: LabelledVectors, rows: NDArray[np.int64], groups: Sequence[Group], k: int) -> None:
        self._corpus, self._rows, self._groups, self._k = corpus, rows, groups, k
        self._found = np.full((len(rows), k), -1, dtype=np.int32)
        self._used = [0] * len(rows)

    def prepare(self, firsts: NDArray[np.int64]) -> None:
        """Find the neighbours of those first parents whose neighbours are not known yet."""
        is_new = np.zeros(len(self._rows), dtype=bool)
        is_new[firsts] = True
        is_new &= self._found[:, 0] < 0
        for group in self._groups:
            queries = group.members[is_new[group.members]]
            if len(queries):
                places = np.searchsorted(group.partners, queries)
                found = nearest(self._corpus.vectors, places, self._k, rows=self._rows[group.partners])
                self._found[queries] = group.partners[found]

    def count(self, first: int) -> int:
        """Return the number of neighbours."""
        return self._k

    def at(self, first: int, places: Iterable[int]) -> list[int]:
        """Return the neighbours at `places`, 0 being the nearest."""
        if self._found[first, 0] < 0:
            self.prepare(np.array([first]))
        return [int(self._found[first, place]) for place in places]

    def least_used(self, firsts: NDArray[np.int64], draws: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return a different neighbour per draw, each the least used so far: the shape of `draws`."""
        rows = zip(firsts, draws, strict=True)
        return np.array([self._use(first, row.tolist()) for first, row in rows], dtype=np.int64).reshape(draws.shape)

    def _use(self, first: int, draws: Sequence[float]) -> list[int]:
        """Return a row's partners and count their use."""
        used, free, chosen = self._used, self._found[first].tolist(), []
        for draw in draws:
            fewest = min(used[one] for one in free)
            tied = [one for one in free if used[one] == fewest]
            one = tied[int(draw * len(tied))]
            used[one] += 1
            free.remove(one)
            chosen.append(one)
        return chosen


class Anyone:
    """Partners are all others of the class.

    Parameters
    ----------
    n_rows : int
        Texts of the class.
    """

    def __init__(self, n_rows: int) -> None:
        self._n_rows = n_rows
        # Rows by how often they were used: level n holds those with n uses.
        self._levels = [list(range(n_rows))]

    def prepare(self, firsts: NDArray[np.int64]) -> None:
        """Do nothing: there is nothing to find."""

    def count(self, first: int) -> int:
        """Return the number of others."""
        return self._n_rows - 1

    def at(self, first: int, places: Iterable[int]) -> list[int]:
        """Return the others at `places`, in ascending order of position."""
        return [place + (place >= first) for place in places]

    def least_used(self, firsts: NDArray[np.int64], draws: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return a different other per draw, each the least used so far: the shape of `draws`."""
        rows = zip(firsts.tolist(), draws, strict=True)
        return np.array([self._use(first, row.tolist()) for first, row in rows], dtype=np.int64).reshape(draws.shape)

    def _use(self, first: int, draws: Sequence[float]) -> list[int]:
        """Return a row's partners and count their use, in about constant time."""
        taken = [first]
        for draw in draws:
            taken.append(self._lowest(draw, taken))
        return taken[1:]

    def _lowest(self, draw: float, taken: Collection[int]) -> int:
        """Return one of the lowest level that is not taken and move it a level up."""
        for level, members in enumerate(self._levels):
            start = int(draw * len(members))
            for step in range(min(len(members), len(taken) + 1)):
                place = (start + step) % len(members)
                if members[place] not in taken:
                    return self._raise(level, place)
        raise AssertionError("a class has more texts than a row has parents")

    def _raise(self, level: int, place: int) -> int:
        """Move the member at `place` of a level to the next one and return it."""
        members = self._levels[level]
        members[place], members[-1] = members[-1], members[place]
        one = members.pop()
        if level + 1 == len(self._levels):
            self._levels.append([])
        self._levels[level + 1].append(one)
        if not self._levels[0]:
            del self._levels[0]
        return one
