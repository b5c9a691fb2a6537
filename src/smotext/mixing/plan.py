"""A plan: who is mixed with whom, one row per synthetic text, and every operation on its rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.utils.seeding import row_seeds

_OPTIONAL = ("vectors", "examples", "notes")

# Stands for a parent that is not known, and in a place for a parent or an example that a row does not use.
UNKNOWN = -1


@dataclass(frozen=True)
class MixPlan:
    """Who is mixed with whom: one entry per synthetic row, all arrays row-aligned.

    Attributes
    ----------
    labels : ndarray of shape (n_rows,), object
        Class of each row.
    ordinals, attempts, candidates : ndarray of shape (n_rows,), int64
        The rest of the row's key: its number within the class, how often it was replanned, and which of
        several decodes of the same mix it is.
    parents : ndarray of shape (n_rows, n_parents), int64
        Positions of the parents among the usable real texts; ``UNKNOWN`` where there is none.
    weights : ndarray of shape (n_rows, n_parents), float64
        Weight of each parent, summing to 1; NaN where parents are unknown.
    seeds : ndarray of shape (n_rows,), int64
        Seed of the row's own random streams.
    strategies : ndarray of shape (n_rows,), object
        The strategy that chose the parents, after stepping down the small-class ladder.
    vectors : ndarray of shape (n_rows, vector_dim), float32, or None
        Ready-made vectors, where a foreign sampler made them; None: mix the parents.
    examples : ndarray of shape (n_rows, n_examples), int64, or None
        Positions of the real texts that the prompt shows, in this order, ``UNKNOWN`` where a class has fewer. None:
        the prompt shows none.
    notes : tuple of str
        What had to be adapted, for one warning.
    """

    labels: NDArray[np.object_]
    ordinals: NDArray[np.int64]
    attempts: NDArray[np.int64]
    candidates: NDArray[np.int64]
    parents: NDArray[np.int64]
    weights: NDArray[np.float64]
    seeds: NDArray[np.int64]
    strategies: NDArray[np.object_]
    vectors: NDArray[np.float32] | None = None
    examples: NDArray[np.int64] | None = None
    notes: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def lam(self) -> NDArray[np.float64]:
        """Weight of the first parent where a row has one or two, else NaN."""
        return np.where((self.parents != UNKNOWN).sum(axis=1) <= 2, self.weights[:, 0], np.nan)

    @property
    def keys(self) -> list[str]:
        """Each row's key as it stands in the lineage: class, ordinal, attempt and candidate."""
        parts = zip(self.labels, self.ordinals, self.attempts, self.candidates, strict=True)
        return ["/".join(map(str, key)) for key in parts]

    def take(self, rows: NDArray[np.int64] | slice) -> MixPlan:
        """Return the plan of the given rows, in the given order."""
        parts = {
            column.name: value if value is None or column.name == "notes" else value[rows]
            for column in fields(self)
            for value in [getattr(self, column.name)]
        }
        return MixPlan(**parts)

    def groups(self, size: int) -> Iterator[MixPlan]:
        """Yield the plan in consecutive groups of `size` rows; the last may be shorter."""
        for start in range(0, len(self), size):
            yield self.take(slice(start, start + size))


@dataclass(frozen=True)
class Chain:
    """What a long text asks of the decoder: its passages, which are written in order.

    Attributes
    ----------
    vectors : ndarray of shape (n_passages, vector_dim), float32
    examples : list of lists of str
        The texts that each passage's prompt shows, before what was written already; empty lists: none.
    limits : ndarray of shape (n_passages,), int64
        The most tokens of each passage.
    leads : list of str
        What stands before each passage in the weightiest parent: a blank line, a space, or nothing.
    parents : list of lists of int
        Which passage of each known parent goes into each passage.
    """

    vectors: NDArray[np.float32]
    examples: list[list[str]]
    limits: NDArray[np.int64]
    leads: list[str]
    parents: list[list[int]]

    def __len__(self) -> int:
        return len(self.vectors)


@dataclass(frozen=True)
class DecoderInput:
    """What the rows of a plan ask of the decoder.

    Attributes
    ----------
    vectors : ndarray of shape (n_rows, vector_dim), float32
    examples : list of lists of str, or None
        The texts that each row's prompt shows; None: prompts show none.
    chains : list of Chain or None, or None
        For each row that is written passage by passage, its passages. None: no row is.
    """

    vectors: NDArray[np.float32]
    examples: list[list[str]] | None = None
    chains: list[Chain | None] | None = None

    def __len__(self) -> int:
        return len(self.vectors)

    def __getitem__(self, rows: slice) -> DecoderInput:
        """Return what these rows ask."""
        examples = None if self.examples is None else self.examples[rows]
        chains = None if self.chains is None else self.chains[rows]
        return DecoderInput(self.vectors[rows], examples, chains)


def with_candidates(plan: MixPlan, n_candidates: int, *, seed: int, once: Collection[Any] = frozenset()) -> MixPlan:
    """Return the plan with each row `n_candidates` times in a row, each with a seed of its own.

    Parameters
    ----------
    plan : MixPlan
        Of candidates 0 alone.
    n_candidates : int
        1 or more; 1 returns the same rows.
    seed : int
        The run's root seed.
    once : collection of label
        Classes whose rows are not repeated.

    Returns
    -------
    MixPlan
        Parents, weights and vectors are the same for all candidates of a row.
    """
    numbers = np.array([1 if label in once else n_candidates for label in plan.labels], dtype=np.int64)
    rows = np.repeat(np.arange(len(plan)), numbers)
    firsts = np.repeat(np.cumsum(numbers) - numbers, numbers)
    many = replace(plan.take(rows), candidates=np.arange(len(rows)) - firsts)
    seeds = np.empty(len(rows), dtype=np.int64)
    for label in dict.fromkeys(plan.labels.tolist()):
        here = np.flatnonzero(many.labels == label)
        seeds[here] = row_seeds(seed, label, many.ordinals[here], many.attempts[here], many.candidates[here])
    return replace(many, seeds=seeds)


def plan_of_class(
    label: Any,
    ordinals: NDArray[np.int64],
    attempts: NDArray[np.int64],
    *,
    seed: int,
    strategy: str,
    parents: NDArray[np.int64],
    weights: NDArray[np.float64],
    vectors: NDArray[np.float32] | None = None,
) -> MixPlan:
    """Return the plan of rows of one class, with the seeds that their keys give them.

    Parameters
    ----------
    label, ordinals, attempts : hashable and two ndarray of shape (n_rows,), int64
        The rows' keys.
    seed : int
        The run's root seed.
    strategy : str
        What chose the parents.
    parents, weights, vectors : ndarray of n_rows rows
        As in :class:`~smotext.mixing.plan.MixPlan`.

    Returns
    -------
    MixPlan
    """
    return MixPlan(
        labels=_repeated(label, len(ordinals)),
        ordinals=ordinals,
        attempts=attempts,
        candidates=np.zeros_like(ordinals),
        parents=parents,
        weights=weights,
        seeds=row_seeds(seed, label, ordinals, attempts),
        strategies=_repeated(strategy, len(ordinals)),
        vectors=vectors,
    )


def _repeated(value: Any, n_rows: int) -> NDArray[np.object_]:
    """Return an object array that holds `value` n_rows times."""
    column = np.empty(n_rows, dtype=object)
    column[:] = value
    return column


def stack(parts: Sequence[MixPlan], n_parents: int, notes: Sequence[str] = ()) -> MixPlan:
    """Return the rows of all parts, one part after the other, with the given notes.

    Examples
    --------
    >>> len(stack([], n_parents=2)), stack([], n_parents=2).parents.shape
    (0, (0, 2))
    """
    none = np.zeros(0, dtype=np.int64)
    empty = plan_of_class(
        None,
        none,
        none,
        seed=0,
        strategy="",
        parents=np.zeros((0, n_parents), dtype=np.int64),
        weights=np.zeros((0, n_parents)),
    )
    columns: dict[str, Any] = {}
    for name in (column.name for column in fields(MixPlan) if column.name not in _OPTIONAL):
        columns[name] = np.concatenate([getattr(part, name) for part in (empty, *parts)])
    made = [part.vectors for part in parts if part.vectors is not None]
    return MixPlan(**columns, vectors=np.concatenate(made) if made else None, notes=tuple(notes))


def replace_rows(plan: MixPlan, rows: NDArray[np.int64], others: MixPlan) -> MixPlan:
    """Return the plan with the given rows replaced by those of another, in order.

    Parameters
    ----------
    plan, others : MixPlan
        Both by the same planner, so that both mix parents or both have vectors.
    rows : ndarray of shape (n_others,), int64
        Which rows of `plan` to replace.

    Returns
    -------
    MixPlan
        A new plan with the notes of `plan`; `plan` does not change.
    """
    parts: dict[str, Any] = {}
    for name in (column.name for column in fields(MixPlan)):
        parts[name] = getattr(plan, name)
        if name != "notes" and parts[name] is not None:
            parts[name] = parts[name].copy()
            parts[name][rows] = getattr(others, name)
    return MixPlan(**parts)
