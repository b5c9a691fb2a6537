"""Making and joining plans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.records import MixPlan
from smotext.seeding import row_seeds

_OPTIONAL = ("vectors", "examples", "notes")


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
        As in :class:`~smotext.records.MixPlan`.

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
