"""The linear map between two encoders' vectors of the same texts: ridge regression, or a rotation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from smotext.decoders.alignment import Alignment, unit_rows

_PENALTIES = 10.0 ** np.arange(-4, 1.5, 0.5)  # times the mean variance of an axis


@dataclass(frozen=True)
class FittedMap:
    """A map and how it was found.

    Attributes
    ----------
    alignment : Alignment
    kind : str
        ``"ridge"`` or ``"procrustes"``.
    penalty : float or None
        Of the ridge, times the mean variance of an axis.
    held_out_cosine : float
        Mean cosine between the mapped vectors and the wanted ones, on rows that the map was not fitted on, before it
        was stretched.
    """

    alignment: Alignment
    kind: str
    penalty: float | None
    held_out_cosine: float


def fit_map(given: NDArray[np.float32], wanted: NDArray[np.float32], is_held_out: NDArray[np.bool_]) -> FittedMap:
    """Return the map from `given` to `wanted` with the highest mean cosine on held-out rows.

    Ridge regressions of several penalties are tried and, where the widths agree, the rotation of Procrustes. What is
    mapped by regression lies too near the mean, so the map that is chosen is stretched, until held-out rows lie as far
    from it as the wanted ones.

    Parameters
    ----------
    given : ndarray of shape (n_texts, vector_dim)
        None of them all zeros; only their directions count.
    wanted : ndarray of shape (n_texts, bridge_dim)
        Of the same texts, as the bridge takes them.
    is_held_out : ndarray of shape (n_texts,), bool
        Rows that choose and are not fitted on.

    References
    ----------
    Schönemann, "A generalized solution of the orthogonal Procrustes problem", Psychometrika 1966.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> given = unit_rows(rng.normal(size=(40, 3)))
    >>> quarter_turn = np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1]])
    >>> found = fit_map(given, given @ quarter_turn, np.arange(40) < 10)
    >>> round(found.held_out_cosine, 3)
    1.0
    """
    unit = unit_rows(given).astype(np.float64)
    fitted, checked = ~is_held_out, is_held_out
    best = max(
        (
            FittedMap(alignment, kind, penalty, float(cosines(alignment(given[checked]), wanted[checked]).mean()))
            for kind, penalty, alignment in _maps(unit[fitted], wanted[fitted].astype(np.float64))
        ),
        key=lambda found: found.held_out_cosine,
    )
    return replace(best, alignment=_stretched(best.alignment, given[checked], wanted[checked]))


def _stretched(alignment: Alignment, given: NDArray[np.float32], wanted: NDArray[np.float32]) -> Alignment:
    """Return the map with the mapped rows as far from their mean as the wanted rows are from theirs."""
    mapped = alignment(given)
    mean = mapped.mean(axis=0)
    spread, meant = (float(np.linalg.norm(rows - rows.mean(axis=0))) for rows in (mapped, wanted))
    factor = meant / max(spread, 1e-12)
    return Alignment(factor * alignment.weight, mean + factor * (alignment.bias - mean))


def cosines(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the cosine of each row of one with that of the other; 0 where one is all zeros."""
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return np.einsum("ij,ij->i", first, second, dtype=np.float64) / np.maximum(lengths, 1e-12)


def _maps(given: NDArray[np.float64], wanted: NDArray[np.float64]) -> Iterator[tuple[str, float | None, Alignment]]:
    """Yield each kind of map, its penalty, and the map itself, fitted on all rows."""
    centre, target = given.mean(axis=0), wanted.mean(axis=0)
    given, wanted = given - centre, wanted - target
    crossed = given.T @ wanted  # (vector_dim, bridge_dim)
    variances, axes = np.linalg.eigh(given.T @ given)
    for penalty in _PENALTIES:
        shrunk = variances.clip(min=0.0) + penalty * variances.mean()
        yield "ridge", float(penalty), _alignment(axes @ ((axes.T @ crossed) / shrunk[:, None]), centre, target)
    if given.shape[1] == wanted.shape[1]:
        left, sizes, right = np.linalg.svd(crossed)
        scale = sizes.sum() / np.square(given).sum()
        yield "procrustes", None, _alignment(scale * (left @ right), centre, target)


def _alignment(turn: NDArray[np.float64], centre: NDArray[np.float64], target: NDArray[np.float64]) -> Alignment:
    """Return the map that takes `centre` to `target`; `turn` is (vector_dim, bridge_dim)."""
    return Alignment(turn.T.astype(np.float32), (target - centre @ turn).astype(np.float32))
