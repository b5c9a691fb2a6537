"""Passages on disk, and the steps made of them."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np

from smotext.training.data.batches import StreamPosition, count_steps, steps_from
from smotext.training.data.passage_store import PassageStore
from tests.training import toy


def word_lengths(texts: list[str]) -> list[list[int]]:
    """Return a token a word: its length."""
    return [[len(word) for word in text.split()] for text in texts]


def make_store(folder: Path, texts: list[str], piece_size: int = 3, group_size: int = 1) -> PassageStore:
    return PassageStore.create(
        folder,
        texts,
        ["held out"],
        tokenize=word_lengths,
        encode=toy.encoder().encode,
        about={},
        piece_size=piece_size,
        group_size=group_size,
    )


def test_a_store_gives_back_tokens_vectors_and_texts(tmp_path: Path) -> None:
    store = make_store(tmp_path, ["a bb ccc", "dddd", "ee f", "a a"])
    assert (len(store), store.n_pieces, store.held_out()) == (4, 2, ["held out"])
    piece = store.piece(0)
    assert [piece.passage(row).tolist() for row in range(3)] == [[1, 2, 3], [4], [2, 1]]
    assert piece.tokens.dtype == np.uint16
    np.testing.assert_allclose(piece.vectors, toy.encoder().encode(["a bb ccc", "dddd", "ee f"]), atol=1e-3)


def test_vectors_are_computed_once(tmp_path: Path) -> None:
    make_store(tmp_path, ["a b"]).piece(0)

    def refuse(texts: list[str]) -> np.ndarray:
        raise AssertionError("encoded twice")

    assert len(PassageStore(tmp_path, refuse).piece(0).vectors) == 1


def test_a_store_that_is_written_anew_keeps_no_old_vectors(tmp_path: Path) -> None:
    make_store(tmp_path, ["a b", "c d", "e f", "g h"]).piece(0)
    store = make_store(tmp_path, ["word one", "word two"])
    np.testing.assert_allclose(store.piece(0).vectors, toy.encoder().encode(["word one", "word two"]), atol=1e-3)
    assert [path.name for path in tmp_path.glob("piece-*")] == ["piece-0000"]


def test_a_store_without_its_manifest_is_not_complete(tmp_path: Path) -> None:
    make_store(tmp_path, ["a b"])
    assert PassageStore.is_complete(tmp_path)
    (tmp_path / "manifest.json").unlink()
    assert not PassageStore.is_complete(tmp_path)


def test_an_epoch_shows_every_passage_once_in_an_order_of_its_own(tmp_path: Path) -> None:
    store = make_store(tmp_path, [f"word{n}" for n in range(7)], piece_size=4)
    n_steps = count_steps(store, batch_size=3)
    assert n_steps == 3
    steps = list(islice(steps_from(store, StreamPosition(), batch_size=3, seed=0), 2 * n_steps))
    epochs = [
        [(place.piece, row) for place, _, groups in part for rows in groups for row in rows.tolist()]
        for part in (steps[:3], steps[3:])
    ]
    expected = [(0, row) for row in range(4)] + [(1, row) for row in range(3)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == expected
    assert epochs[0] != epochs[1]


def test_the_stream_from_a_place_is_the_tail_of_the_stream(tmp_path: Path) -> None:
    store = make_store(tmp_path, [f"word{n}" for n in range(7)], piece_size=4)

    def taken(place: StreamPosition, n: int) -> list[tuple[StreamPosition, list[list[int]]]]:
        stream = islice(steps_from(store, place, batch_size=2, seed=1), n)
        return [(at, [rows.tolist() for rows in groups]) for at, _, groups in stream]

    whole = taken(StreamPosition(), 9)
    assert taken(whole[3][0], 6) == whole[3:]


def test_the_passages_of_a_group_stay_together_in_pieces_and_steps(tmp_path: Path) -> None:
    store = make_store(tmp_path, [f"word{n}" for n in range(23)], piece_size=10, group_size=4)
    assert store.n_passages == [8, 8, 7]
    assert PassageStore(tmp_path, toy.encoder().encode).group_size == 4
    n_steps = count_steps(store, batch_size=9)  # two groups a step
    assert n_steps == 3
    seen = []
    for place, _, groups in islice(steps_from(store, StreamPosition(), batch_size=9, seed=0), n_steps):
        for rows in groups:
            assert rows.tolist() == list(range(rows[0], rows[0] + len(rows)))
            assert rows[0] % 4 == 0
            seen += [(place.piece, row) for row in rows.tolist()]
    assert sorted(seen) == [(piece, row) for piece, n in enumerate(store.n_passages) for row in range(n)]
    assert count_steps(store, batch_size=1) == 6, "a group is never parted"
