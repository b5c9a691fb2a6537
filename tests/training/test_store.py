"""Passages on disk, and the batches made of them."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np

from smotext.training.batches import Place, count_steps, micro_batches, steps_from
from smotext.training.store import PassageStore, Piece
from tests.training import toy


class WordTokenizer:
    """A token a word: its length."""

    def __call__(self, texts: list[str], *, add_special_tokens: bool) -> dict[str, list[list[int]]]:
        return {"input_ids": [[len(word) for word in text.split()] for text in texts]}

    def __len__(self) -> int:
        return 100


def make_store(folder: Path, texts: list[str], piece_size: int = 3) -> PassageStore:
    return PassageStore.create(
        folder,
        texts,
        ["held out"],
        tokenizer=WordTokenizer(),
        encode=toy.encoder().encode,
        about={},
        piece_size=piece_size,
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
    steps = list(islice(steps_from(store, Place(), batch_size=3, seed=0), 2 * n_steps))
    epochs = [[(place.piece, row) for place, _, rows in part for row in rows] for part in (steps[:3], steps[3:])]
    expected = [(0, row) for row in range(4)] + [(1, row) for row in range(3)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == expected
    assert epochs[0] != epochs[1]


def test_the_stream_from_a_place_is_the_tail_of_the_stream(tmp_path: Path) -> None:
    store = make_store(tmp_path, [f"word{n}" for n in range(7)], piece_size=4)
    whole = [(place, rows.tolist()) for place, _, rows in islice(steps_from(store, Place(), batch_size=2, seed=1), 9)]
    tail = islice(steps_from(store, whole[3][0], batch_size=2, seed=1), 6)
    assert [(place, rows.tolist()) for place, _, rows in tail] == whole[3:]


def test_groups_are_of_like_length_end_with_the_end_token_and_waste_little() -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 60, size=200)
    tokens = rng.integers(5, 90, size=lengths.sum())
    piece = Piece(tokens, np.concatenate([[0], np.cumsum(lengths)]), np.zeros((200, 2), dtype=np.float16))
    groups = micro_batches(piece, np.arange(200), end_id=2, max_tokens=256)
    assert sum(len(group.tokens) for group in groups) == 200
    assert all(group.tokens.size <= 256 for group in groups)
    assert sum(group.tokens.size for group in groups) < 1.1 * (lengths.sum() + 200)
    for group in groups:
        assert (group.tokens[np.arange(len(group.tokens)), group.lengths - 1] == 2).all()


def test_a_passage_over_the_limit_is_a_group_of_its_own() -> None:
    piece = Piece(np.arange(30), np.array([0, 2, 30]), np.zeros((2, 2), dtype=np.float16))
    groups = micro_batches(piece, np.arange(2), end_id=99, max_tokens=8)
    assert [group.tokens.shape for group in groups] == [(1, 3), (1, 29)]
