"""Cosines, in chunks: nothing here needs more memory than one block of rows by one block of columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

# A block has so many rows and columns at most: 64 MB of cosines in float32.
COSINE_BLOCK = 4096


def unit(vectors: NDArray[Any]) -> NDArray[np.float32]:
    """Return the vectors at unit length; a zero vector stays zero.

    Examples
    --------
    >>> unit(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    vectors = np.asarray(vectors, dtype=np.float32)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(norms == 0, 1, norms)).astype(np.float32, copy=False)


def row_cosines(vectors: NDArray[Any], others: NDArray[Any]) -> NDArray[np.float64]:
    """Return the cosine of each vector to the other in the same row.

    Examples
    --------
    >>> row_cosines(np.array([[3.0, 4.0]]), np.array([[2.0, 0.0]])).round(6).tolist()
    [0.6]
    """
    return np.einsum("ij,ij->i", unit(vectors), unit(others)).astype(np.float64)


def nearest_cosines(
    vectors: NDArray[Any], others: NDArray[Any], *, own: NDArray[np.int64] | None = None
) -> NDArray[np.float64]:
    """Return the cosine of each vector to the nearest of `others`.

    Parameters
    ----------
    vectors : ndarray of shape (n, vector_dim)
    others : ndarray of shape (m, vector_dim)
        May be a memory map: it is read block by block.
    own : ndarray of shape (n,), int64, optional
        For each vector, the row of `others` that does not count: itself, when a set is compared with itself.

    Returns
    -------
    ndarray of shape (n,), float64
        NaN where there is no other.

    Examples
    --------
    >>> points = np.array([[1.0, 0.0], [0.0, 2.0], [4.0, 3.0]])
    >>> nearest_cosines(points, points, own=np.arange(3)).round(6).tolist()
    [0.8, 0.6, 0.8]
    """
    nearest = np.full(len(vectors), -np.inf, dtype=np.float32)
    for columns in blocks(len(others)):
        there = unit(others[columns])
        for rows in blocks(len(vectors)):
            cosines = unit(vectors[rows]) @ there.T  # (n_rows, n_columns)
            if own is not None:
                _forget(cosines, own[rows] - columns.start)
            np.maximum(nearest[rows], cosines.max(axis=1), out=nearest[rows])
    return np.where(np.isinf(nearest), np.nan, nearest).astype(np.float64)


def blocks(n_rows: int, size: int = COSINE_BLOCK) -> Iterator[slice]:
    """Yield consecutive slices of at most `size` rows that cover `n_rows`.

    Examples
    --------
    >>> [(rows.start, rows.stop) for rows in blocks(5, size=2)]
    [(0, 2), (2, 4), (4, 5)]
    """
    for start in range(0, n_rows, size):
        yield slice(start, min(start + size, n_rows))


def _forget(cosines: NDArray[np.float32], columns: NDArray[np.int64]) -> None:
    """Put minus infinity where a row meets its own column, if that is in the block."""
    is_here = (columns >= 0) & (columns < cosines.shape[1])
    cosines[np.flatnonzero(is_here), columns[is_here]] = -np.inf
