"""Neighbours, against all distances in float64."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from smotext.errors import InputError
from smotext.mixing import neighbours
from smotext.mixing.neighbours import nearest


@pytest.fixture(params=["numpy", "faiss"])
def engine(request, monkeypatch):
    if request.param == "faiss":
        pytest.importorskip("faiss")
    else:
        monkeypatch.setattr(neighbours, "_faiss_knn", lambda: None)
    return request.param


def brute_force(vectors, queries, k):
    """The k nearest others by (distance, position), one query at a time."""
    found = []
    for query in queries:
        distances = ((vectors.astype(np.float64) - vectors[query].astype(np.float64)) ** 2).sum(axis=1)
        distances[query] = np.inf
        found.append(sorted(range(len(vectors)), key=lambda row: (distances[row], row))[:k])
    return np.array(found)


@pytest.mark.parametrize("chunk_bytes", [1, 40_000, neighbours.CHUNK_BYTES])
@pytest.mark.parametrize("k", [1, 5, 40])
def test_the_nearest_are_exact_whatever_the_chunks(engine, k, chunk_bytes):
    rng = np.random.default_rng(0)
    vectors, queries = rng.standard_normal((700, 12)).astype(np.float32), rng.permutation(700)[:60]

    np.testing.assert_array_equal(
        nearest(vectors, queries, k, chunk_bytes=chunk_bytes), brute_force(vectors, queries, k)
    )


def test_rows_ordered_from_far_to_near_are_exact_too(engine):
    vectors = np.linspace(100, 0, 3000, dtype=np.float32)[:, None]
    queries = np.array([2999, 0, 1500])

    np.testing.assert_array_equal(nearest(vectors, queries, 4, chunk_bytes=200_000), brute_force(vectors, queries, 4))


def test_a_large_common_offset_loses_no_neighbour(engine):
    vectors = (1000 + np.random.default_rng(1).standard_normal((500, 6))).astype(np.float32)

    np.testing.assert_array_equal(nearest(vectors, np.arange(50), 5), brute_force(vectors, np.arange(50), 5))


def test_only_the_given_rows_are_searched(engine):
    vectors = np.random.default_rng(2).standard_normal((300, 4)).astype(np.float32)
    rows = np.arange(1, 300, 3)

    np.testing.assert_array_equal(
        nearest(vectors, np.array([3, 99]), 5, rows=rows), brute_force(vectors[rows], np.array([3, 99]), 5)
    )


def test_equal_rows_are_neighbours_in_order_of_position_but_never_of_themselves(engine):
    vectors = np.array([[1.0], [1.0], [5.0], [1.0], [1.0]], dtype=np.float32)

    assert nearest(vectors, np.array([1, 2]), 3).tolist() == [[0, 3, 4], [0, 1, 3]]


def test_k_may_take_all_others(engine):
    vectors = np.array([[0.0], [1.0], [3.0]], dtype=np.float32)

    assert nearest(vectors, np.arange(3), 2).tolist() == [[1, 2], [0, 2], [1, 0]]


def test_no_queries_give_no_rows():
    assert nearest(np.eye(3, dtype=np.float32), np.zeros(0, dtype=np.int64), 2).shape == (0, 2)


def test_a_memory_map_is_read_in_place(engine, tmp_path):
    vectors = np.random.default_rng(3).standard_normal((200, 5)).astype(np.float32)
    np.save(tmp_path / "vectors.npy", vectors)

    found = nearest(np.load(tmp_path / "vectors.npy", mmap_mode="r"), np.arange(9), 3, rows=np.arange(50, 150))

    np.testing.assert_array_equal(found, brute_force(vectors[50:150], np.arange(9), 3))


def test_working_memory_does_not_grow_with_the_number_of_pairs(monkeypatch):
    vectors = np.random.default_rng(4).standard_normal((6000, 8)).astype(np.float32)
    monkeypatch.setattr(neighbours, "_faiss_knn", lambda: None)  # faiss's own memory cannot be traced

    tracemalloc.start()
    nearest(vectors, np.arange(3000), 5, chunk_bytes=2**21)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 4 * 2**21  # all pairs would take 72 MB in float32


@pytest.mark.parametrize("k", [0, 3])
def test_k_outside_the_set_is_an_error(k):
    with pytest.raises(InputError, match=f"k is {k}: expected 1 to 2"):
        nearest(np.eye(3, dtype=np.float32), np.arange(3), k)
