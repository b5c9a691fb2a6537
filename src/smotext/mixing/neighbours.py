"""The nearest rows of the same set, exactly, for the rows that ask and in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.errors import InputError

# Working memory of one call. Larger blocks are hardly faster on a CPU.
CHUNK_BYTES = 48 * 2**20
# So many candidates more than k are kept. They are ranked again in float64, which settles near-ties of float32.
_SPARE = 8
# The first chunk is small: its distances bound those that are worth looking at in the later, larger ones.
_FIRST_CHUNK = 256


def nearest(
    vectors: NDArray[np.float32],
    queries: NDArray[np.int64],
    k: int,
    *,
    rows: NDArray[np.int64] | None = None,
    chunk_bytes: int = CHUNK_BYTES,
) -> NDArray[np.int64]:
    """Return the `k` nearest other rows of each query by Euclidean distance, the nearest first.

    A matrix product in float32 over blocks of centred rows picks candidates, whose distances are then
    computed again in float64. The result is therefore exact unless more than 8 rows are nearer to the
    k-th neighbour's distance than float32 can tell. faiss picks the candidates where it is installed.

    Parameters
    ----------
    vectors : ndarray of shape (n_vectors, vector_dim), float32
        May be a memory map; only blocks of it are ever copied.
    queries : ndarray of shape (n_queries,), int64
        Positions among `rows`.
    k : int
        Neighbours per query, in [1, n_rows - 1].
    rows : ndarray of shape (n_rows,), int64, optional
        Positions in `vectors` of the set that is searched, such as one class's; None takes all.
    chunk_bytes : int
        About how much working memory to use, whatever the number of rows and queries.

    Returns
    -------
    ndarray of shape (n_queries, k), int64
        Positions among `rows`. A row is not its own neighbour, but an equal row is; equal distances are
        ordered by position.

    Raises
    ------
    InputError
        If `k` is not in [1, n_rows - 1].

    Examples
    --------
    >>> points = np.array([[0.0], [1.0], [3.0], [7.0]], dtype=np.float32)
    >>> nearest(points, np.array([0, 2]), 2).tolist()
    [[1, 2], [1, 0]]
    """
    n_rows = len(vectors) if rows is None else len(rows)
    if not 1 <= k < n_rows:
        raise InputError(f"k is {k}: expected 1 to {n_rows - 1}, as the set has {n_rows} rows")
    search = _Search(vectors, rows, n_candidates=min(k + 1 + _SPARE, n_rows), chunk_bytes=chunk_bytes)
    found = np.empty((len(queries), k), dtype=np.int64)
    for start in range(0, len(queries), search.block_rows):
        block = queries[start : start + search.block_rows]
        found[start : start + len(block)] = search.rank(block, search.candidates(block))[:, :k]
    return found


class _Search:
    """The searched set, read block by block, and the working memory that every block reuses."""

    def __init__(
        self, vectors: NDArray[np.float32], rows: NDArray[np.int64] | None, *, n_candidates: int, chunk_bytes: int
    ) -> None:
        self.vectors, self.rows, self.n_candidates = vectors, rows, n_candidates
        self.n_rows, self.vector_dim = len(vectors) if rows is None else len(rows), vectors.shape[1]
        # half the memory for a block of distances (4 bytes each), half for the rows on its two sides
        side = min((chunk_bytes / 8) ** 0.5, chunk_bytes / (16 * (self.vector_dim + 1)))
        self.block_rows = max(int(side), 16)
        self.distances = np.empty(self.block_rows**2, dtype=np.float32)
        largest, first = self.block_rows, max(_FIRST_CHUNK, n_candidates)
        if _faiss_knn():
            # FAISS divides the work into blocks itself.
            largest = first = max(chunk_bytes // (16 * self.vector_dim), 16)
        self.chunks = _growing_chunks(self.n_rows, first, largest)
        self.mean = self._mean()

    def read(self, positions: slice | NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the rows at `positions` of the set, in memory."""
        return np.asarray(self.vectors[positions if self.rows is None else self.rows[positions]], dtype=np.float32)

    def _mean(self) -> NDArray[np.float32]:
        """Return the set's mean; taking it away keeps |x|^2 - 2xy + |y|^2 from cancelling."""
        total = np.zeros(self.vector_dim)
        for start in range(0, self.n_rows, self.block_rows):
            total += self.read(slice(start, start + self.block_rows)).sum(axis=0, dtype=np.float64)
        return (total / self.n_rows).astype(np.float32)

    def centred(self, positions: slice | NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the rows at `positions` less the set's mean."""
        return self.read(positions) - self.mean

    def candidates(self, queries: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the positions of each query's nearest rows, itself included, in no order."""
        block = self.centred(queries)
        best = np.full((len(queries), self.n_candidates), np.inf, dtype=np.float32)
        places = np.zeros(best.shape, dtype=np.int64)
        for start, stop in self.chunks:
            near, where = self._pick(block, self.centred(slice(start, stop)), best)
            best, places = _keep_smallest(
                np.concatenate([best, near], axis=1), np.concatenate([places, where + start], axis=1), best.shape[1]
            )
        return places

    def _pick(
        self, queries: NDArray[np.float32], chunk: NDArray[np.float32], best: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return (distances, columns) of the chunk's rows that may be nearer than the worst of `best`."""
        if knn := _faiss_knn():
            return knn(queries, chunk, min(best.shape[1], len(chunk)))
        # squared distances less |query|^2, which is the same along a row: -2 query.row + |row|^2
        left = np.column_stack([-2 * queries, np.ones(len(queries), dtype=np.float32)])
        right = np.column_stack([chunk, np.einsum("ij,ij->i", chunk, chunk)])
        block = self.distances[: len(left) * len(right)].reshape(len(left), len(right))
        np.matmul(left, right.T, out=block)
        return _below(block, best.max(axis=1), at_most=8 * best.shape[1])

    def rank(self, queries: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return each query's candidates by (exact distance, position), the query itself last."""
        places = np.sort(places, axis=1)
        exact = np.empty(places.shape)
        # So many queries at a time that float64 copies of all their candidates fit into the memory.
        step = max(self.block_rows // (3 * places.shape[1]), 1)
        for start in range(0, len(queries), step):
            some = slice(start, start + step)
            rows = self.read(places[some].ravel()).astype(np.float64).reshape(*places[some].shape, -1)
            rows -= self.read(queries[some])[:, None, :]
            exact[some] = np.einsum("qcd,qcd->qc", rows, rows)
        exact[places == queries[:, None]] = np.inf
        return np.take_along_axis(places, np.argsort(exact, axis=1, kind="stable"), axis=1)


def _growing_chunks(n_rows: int, first: int, largest: int) -> list[tuple[int, int]]:
    """Return (start, stop) of chunks that double in size, so that each brings few better candidates.

    >>> _growing_chunks(100, 10, 40)
    [(0, 10), (10, 20), (20, 40), (40, 80), (80, 100)]
    """
    chunks, start, size = [], 0, min(first, largest)
    while start < n_rows:
        stop = min(start + size, n_rows)
        chunks.append((start, stop))
        start, size = stop, min(stop, largest)
    return chunks


def _below(
    block: NDArray[np.float32], bounds: NDArray[np.float32], at_most: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return (values, columns) of the entries of each row of `block` below its bound, padded with inf.

    Rows with more than `at_most` such entries make the whole block be cut to its `at_most` smallest
    columns a row, which is enough for whoever keeps no more than that.
    """
    hits = np.flatnonzero(block < bounds[:, None])
    rows, columns = np.divmod(hits, block.shape[1])
    counts = np.bincount(rows, minlength=len(block))
    if counts.max() > at_most:
        return _smallest(block, at_most)
    places = np.arange(len(hits)) - np.repeat(np.cumsum(counts) - counts, counts)
    values = np.full((len(block), counts.max()), np.inf, dtype=np.float32)
    where = np.zeros(values.shape, dtype=np.int64)
    values[rows, places], where[rows, places] = block.ravel()[hits], columns
    return values, where


def _smallest(block: NDArray[np.float32], count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return (values, columns) of the `count` smallest entries of each row, some rows at a time."""
    columns = np.arange(block.shape[1])[None, :]
    parts = [_keep_smallest(rows, np.broadcast_to(columns, rows.shape), count) for rows in _slices(block, 128)]
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _slices(block: NDArray[np.float32], size: int) -> Iterator[NDArray[np.float32]]:
    """Yield `block` in slices of `size` rows."""
    for start in range(0, len(block), size):
        yield block[start : start + size]


def _keep_smallest(
    values: NDArray[np.float32], places: NDArray[np.int64], count: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the `count` smallest values of each row and what stands at the same places."""
    if values.shape[1] <= count:
        return values, places
    kept = np.argpartition(values, count - 1, axis=1)[:, :count]
    return np.take_along_axis(values, kept, axis=1), np.take_along_axis(places, kept, axis=1)


@cache
def _faiss_knn() -> Callable[..., Any] | None:
    """Return faiss's exhaustive search, or None where faiss is not installed."""
    try:
        from faiss import knn
    except ImportError:
        return None
    return knn
