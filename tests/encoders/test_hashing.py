from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from smotext.encoders.hashing import HashEncoder
from smotext.errors import InputError


def test_vectors_have_unit_length_with_and_without_words() -> None:
    vectors = HashEncoder(100).encode(["two words", "", "?!", "one"])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-6)


def test_one_word_gives_signs_of_equal_size() -> None:
    np.testing.assert_allclose(np.abs(HashEncoder(64).encode(["word"])), 1 / 8)


def test_two_words_give_their_normalised_sum() -> None:
    one, two, both = HashEncoder(200).encode(["red", "blue", "red blue"]).astype(np.float64)
    np.testing.assert_allclose(both, (one + two) / np.linalg.norm(one + two), atol=1e-6)


def test_case_order_and_punctuation_do_not_matter() -> None:
    first, second = HashEncoder().encode(["Free prize!", "prize, FREE"])
    np.testing.assert_array_equal(first, second)


def test_shared_words_bring_texts_nearer() -> None:
    vectors = HashEncoder(256).encode(["win a free prize now", "a free prize to win", "meet me after lunch"])
    assert vectors[0] @ vectors[1] > 0.6 > 0.3 > vectors[0] @ vectors[2]


def test_vectors_are_the_same_in_another_process() -> None:
    code = "from smotext import HashEncoder; print(HashEncoder(8).encode(['a word']).tobytes().hex())"
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout.strip()
        for seed in ("1", "2")
    ]
    assert runs == [HashEncoder(8).encode(["a word"]).tobytes().hex()] * 2


def test_dimensions_past_one_digest_differ() -> None:
    vector = HashEncoder(1024).encode(["word"])[0]
    assert not np.array_equal(vector[:512], vector[512:])


def test_words_that_cancel_still_give_a_unit_vector() -> None:
    texts = [f"w{first} w{second}" for first in range(8) for second in range(8)]
    np.testing.assert_allclose(np.abs(HashEncoder(1).encode(texts)), 1.0)


def test_fingerprint_names_the_dimension() -> None:
    assert HashEncoder(8).fingerprint != HashEncoder(16).fingerprint


@pytest.mark.parametrize("vector_dim", [0, -1, 2.5, True, "64"])
def test_a_dimension_that_is_no_positive_integer_is_refused(vector_dim: object) -> None:
    with pytest.raises(InputError, match="vector_dim is .*: expected an integer >= 1"):
        HashEncoder(vector_dim)  # type: ignore[arg-type]


def test_it_needs_no_torch() -> None:
    code = "import sys; from smotext import HashEncoder; HashEncoder().encode(['a']); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
