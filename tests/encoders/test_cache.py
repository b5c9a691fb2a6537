from __future__ import annotations

import multiprocessing
import os
import sqlite3
import stat
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from smotext.encoders import cache as cache_module
from smotext.encoders.adapted import as_encoder
from smotext.encoders.cache import VectorStore, encode_cached
from smotext.encoders.hashing import HashEncoder
from smotext.errors import InputError, SmotextWarning


class Counting:
    """A HashEncoder that notes every text it encodes."""

    vector_dim = 8

    def __init__(self, fingerprint: str | None = "counting") -> None:
        self.seen: list[str] = []
        self.fingerprint = fingerprint

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.seen += texts
        return HashEncoder(8).encode(texts)


class Breaking(Counting):
    """Fails once it has encoded `limit` texts."""

    limit = 3

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if len(self.seen) + len(texts) > self.limit:
            raise KeyboardInterrupt("stop")
        return super().encode(texts)


TEXTS = [f"text {n}" for n in range(5)]


def only_file(directory: Path) -> Path:
    (path,) = directory.glob("*.sqlite")
    return path


def test_a_second_run_encodes_nothing(tmp_path: Path) -> None:
    first, second = Counting(), Counting()
    expected = encode_cached(first, TEXTS, cache=tmp_path)
    np.testing.assert_array_equal(encode_cached(second, TEXTS, cache=tmp_path), expected)
    np.testing.assert_array_equal(expected, HashEncoder(8).encode(TEXTS))
    assert second.seen == []


def test_only_new_texts_are_encoded_and_the_order_is_kept(tmp_path: Path) -> None:
    encode_cached(Counting(), TEXTS[1:3], cache=tmp_path)
    encoder = Counting()
    vectors = encode_cached(encoder, TEXTS, cache=tmp_path)
    np.testing.assert_array_equal(vectors, HashEncoder(8).encode(TEXTS))
    assert sorted(encoder.seen) == ["text 0", "text 3", "text 4"]


def test_duplicates_are_encoded_once_and_come_back_in_place(tmp_path: Path) -> None:
    encoder, texts = Counting(), ["b", "a", "b", "", "a"]
    np.testing.assert_array_equal(encode_cached(encoder, texts, cache=tmp_path), HashEncoder(8).encode(texts))
    assert sorted(encoder.seen) == ["", "a", "b"]


def test_nothing_is_cached_for_an_encoder_without_fingerprint(tmp_path: Path) -> None:
    encoder = Counting(fingerprint=None)
    for _ in range(2):
        encode_cached(encoder, TEXTS, cache=tmp_path)
    assert len(encoder.seen) == 10
    assert list(tmp_path.iterdir()) == []


def test_encoders_do_not_share_vectors(tmp_path: Path) -> None:
    encode_cached(Counting("one"), TEXTS, cache=tmp_path)
    other = Counting("../two / with any characters")
    encode_cached(other, TEXTS, cache=tmp_path)
    assert len(other.seen) == 5
    assert len(list(tmp_path.glob("*.sqlite"))) == 2


def test_no_texts_give_an_empty_array_of_the_right_width(tmp_path: Path) -> None:
    assert encode_cached(Counting(), [], cache=tmp_path).shape == (0, 8)


def test_texts_that_utf8_cannot_write_are_cached_too(tmp_path: Path) -> None:
    encode_cached(Counting(), ["\ud800", "nul\0"], cache=tmp_path)
    encoder = Counting()
    encode_cached(encoder, ["\ud800", "nul\0"], cache=tmp_path)
    assert encoder.seen == []


def test_the_environment_moves_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMOTEXT_CACHE", str(tmp_path / "moved"))
    encode_cached(Counting(), TEXTS)
    assert only_file(tmp_path / "moved" / "vectors").stat().st_size > 0


@pytest.mark.parametrize("off", ["off", "OFF"])
def test_the_environment_and_the_option_disable_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, off: str
) -> None:
    monkeypatch.chdir(tmp_path)
    encode_cached(Counting(), TEXTS, cache=off)
    monkeypatch.setenv("SMOTEXT_CACHE", off)
    encode_cached(Counting(), TEXTS)
    assert list(tmp_path.iterdir()) == []


def test_only_the_owner_may_enter_the_folder(tmp_path: Path) -> None:
    encode_cached(Counting(), TEXTS, cache=tmp_path / "new" / "vectors")
    assert stat.S_IMODE((tmp_path / "new" / "vectors").stat().st_mode) == 0o700


def test_an_interrupted_run_keeps_its_finished_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "CHUNK", 2)
    with pytest.raises(KeyboardInterrupt, match="stop"):
        encode_cached(Breaking(), TEXTS, cache=tmp_path)
    encoder = Counting()
    encode_cached(encoder, TEXTS, cache=tmp_path)
    assert len(encoder.seen) == 3


def test_progress_grows_to_the_number_of_different_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "CHUNK", 2)
    encode_cached(Counting(), TEXTS[:1], cache=tmp_path)
    done: list[int] = []
    encode_cached(Counting(), TEXTS + TEXTS, cache=tmp_path, on_progress=done.append)
    assert done == [3, 5]


def test_many_lookups_and_chunks_agree_with_one_pass(tmp_path: Path) -> None:
    texts = [f"text {n % 2500}" for n in range(4000)]
    expected = HashEncoder(8).encode(texts)
    for _ in range(2):
        np.testing.assert_array_equal(encode_cached(Counting(), texts, cache=tmp_path), expected)


def test_a_damaged_file_is_reported_and_encoding_goes_on(tmp_path: Path) -> None:
    encode_cached(Counting(), TEXTS, cache=tmp_path)
    only_file(tmp_path).write_bytes(b"no database" * 500)
    with pytest.warns(SmotextWarning, match=r"vector cache .* cannot be used .*delete the file if it is damaged"):
        vectors = encode_cached(Counting(), TEXTS, cache=tmp_path)
    np.testing.assert_array_equal(vectors, HashEncoder(8).encode(TEXTS))


def test_a_damaged_page_is_reported_and_encoding_goes_on(tmp_path: Path) -> None:
    texts = [f"text {n}" for n in range(2000)]
    encode_cached(Counting(), texts, cache=tmp_path)
    with only_file(tmp_path).open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 40_000)
    with pytest.warns(SmotextWarning, match="cannot be used"):
        vectors = encode_cached(Counting(), texts, cache=tmp_path)
    np.testing.assert_array_equal(vectors, HashEncoder(8).encode(texts))


def test_a_stored_vector_of_another_length_is_computed_anew(tmp_path: Path) -> None:
    encode_cached(Counting(), TEXTS, cache=tmp_path)
    with sqlite3.connect(only_file(tmp_path)) as database:
        database.execute("UPDATE vectors SET vector = x'0000'")
    database.close()
    vectors = encode_cached(Counting(), TEXTS, cache=tmp_path)
    np.testing.assert_array_equal(vectors, HashEncoder(8).encode(TEXTS))


def test_a_folder_that_cannot_be_made_is_reported_and_encoding_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.warns(SmotextWarning, match="cannot be used"):
        vectors = encode_cached(Counting(), TEXTS, cache=tmp_path / "file" / "vectors")
    assert vectors.shape == (5, 8)


def test_a_full_disk_is_reported_once_and_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "CHUNK", 500)
    texts = [f"text {n}" for n in range(3000)]
    encode_cached(Counting(), texts[:1], cache=tmp_path)
    connect = sqlite3.connect

    def on_a_small_disk(*args: object, **options: object) -> sqlite3.Connection:
        database = connect(*args, **options)  # type: ignore[call-overload]
        database.execute("PRAGMA max_page_count = 20")  # SQLite's own "database or disk is full"
        return database

    monkeypatch.setattr(sqlite3, "connect", on_a_small_disk)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        vectors = encode_cached(Counting(), texts, cache=tmp_path)
    assert [str(warning.message).count("disk is full") for warning in caught] == [1]
    np.testing.assert_array_equal(vectors, HashEncoder(8).encode(texts))


def encode_in_child(directory: Path, start: int) -> None:
    texts = [f"text {n}" for n in range(start, start + 3000)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = encode_cached(Counting(), texts, cache=directory)
    os._exit(0 if np.array_equal(found, HashEncoder(8).encode(texts)) else 1)


def test_two_processes_may_write_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=encode_in_child, args=(tmp_path, start)) for start in (0, 1500)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0]
    encoder = Counting()
    encode_cached(encoder, [f"text {n}" for n in range(4500)], cache=tmp_path)
    assert encoder.seen == []


def test_a_store_without_file_holds_nothing() -> None:
    store = VectorStore(None)
    store.write(["a"], np.zeros((1, 8), dtype=np.float32))
    assert store.read(["a"], 8) == {}


def test_a_wrong_shape_is_refused(tmp_path: Path) -> None:
    encoder = Counting()
    encoder.encode = lambda texts: np.zeros((1, 8))  # type: ignore[method-assign, assignment, return-value]
    with pytest.raises(InputError, match=r"Counting returned shape \(1, 8\): expected \(5, 8\)"):
        encode_cached(encoder, TEXTS, cache=tmp_path)


def test_a_vector_that_is_not_finite_is_refused_and_not_kept(tmp_path: Path) -> None:
    encoder = Counting()
    encoder.encode = lambda texts: np.array([[np.nan] * 8] * len(texts))  # type: ignore[method-assign, assignment]
    with pytest.raises(InputError, match="not finite for 'text 0'"):
        encode_cached(encoder, TEXTS, cache=tmp_path)
    good = Counting()
    encode_cached(good, TEXTS, cache=tmp_path)
    assert len(good.seen) == 5


def test_the_width_of_an_encoder_that_does_not_tell_is_found_by_encoding() -> None:
    class Bare:
        def encode(self, texts: list[str]) -> np.ndarray:
            return np.ones((len(texts), 3))

    encoder = as_encoder(Bare())
    assert encoder.vector_dim == 3
    assert encode_cached(encoder, ["a", "b"], cache="off").tolist() == [[1, 1, 1], [1, 1, 1]]


@pytest.mark.parametrize("vector_dim", [0, -1, 2.5, "3", True])
def test_a_width_that_is_no_positive_integer_is_refused(vector_dim: Any) -> None:
    encoder = as_encoder(SimpleNamespace(vector_dim=vector_dim, encode=len))
    with pytest.raises(InputError, match="expected a positive integer"):
        _ = encoder.vector_dim
