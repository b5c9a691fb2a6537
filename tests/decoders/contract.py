"""What every decoder must do; each implementation runs this suite."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from smotext.decoders.adapted import as_decoder
from smotext.errors import InputError


class DecoderContract:
    """Subclass it and give a fixture ``decoder``."""

    @pytest.fixture
    def vectors(self, decoder: Any) -> np.ndarray:
        return np.random.default_rng(0).normal(size=(6, decoder.vector_dim)).astype(np.float32)

    def test_it_is_a_decoder(self, decoder: Any) -> None:
        assert as_decoder(decoder) is decoder, "nothing that the method asks of a decoder is missing"

    def test_one_text_per_vector(self, decoder: Any, vectors: np.ndarray) -> None:
        texts = decoder.decode(vectors, max_new_tokens=6)
        assert len(texts) == 6
        assert all(isinstance(text, str) for text in texts)

    def test_no_vectors_give_no_texts(self, decoder: Any) -> None:
        assert decoder.decode(np.zeros((0, decoder.vector_dim), dtype=np.float32)) == []

    def test_the_vector_matters(self, decoder: Any, vectors: np.ndarray) -> None:
        assert len(set(decoder.decode(vectors, max_new_tokens=12))) > 1

    def test_greedy_is_the_default_and_needs_no_seed(self, decoder: Any, vectors: np.ndarray) -> None:
        assert decoder.decode(vectors, max_new_tokens=8) == decoder.decode(vectors, max_new_tokens=8, seeds=[9] * 6)

    def test_sampling_follows_the_seeds(self, decoder: Any, vectors: np.ndarray) -> None:
        options = {"do_sample": True, "max_new_tokens": 10}
        first, again, other = (decoder.decode(vectors, seeds=[s] * 6, **options) for s in (1, 1, 2))
        assert first == again != other

    def test_a_row_does_not_depend_on_its_neighbours(self, decoder: Any, vectors: np.ndarray) -> None:
        options = {"do_sample": True, "max_new_tokens": 8}
        together = decoder.decode(vectors, seeds=range(6), **options)
        alone = [decoder.decode(vectors[row : row + 1], seeds=[row], **options)[0] for row in range(6)]
        assert together == alone

    def test_rows_may_have_their_own_length_and_prompt(self, decoder: Any, vectors: np.ndarray) -> None:
        limits = [1, 2, 3, 4, 5, 6]
        rows = decoder.decode_rows(vectors, max_new_tokens=limits, prompt=[0] * 6)
        assert all(row.n_tokens <= limit for row, limit in zip(rows, limits, strict=True))
        assert [row.text for row in rows] == decoder.decode(vectors, max_new_tokens=limits)

    def test_token_counts_are_integers(self, decoder: Any) -> None:
        counts = decoder.count_tokens(["one two three", ""])
        assert counts.dtype == np.int64
        assert counts[0] > 0 == counts[1]

    def test_vectors_are_not_changed(self, decoder: Any, vectors: np.ndarray) -> None:
        before = vectors.copy()
        decoder.decode(vectors, max_new_tokens=2)
        np.testing.assert_array_equal(vectors, before)

    def test_vectors_of_another_width_are_refused(self, decoder: Any) -> None:
        vectors = np.zeros((1, decoder.vector_dim + 1))
        with pytest.raises(InputError, match="vectors have shape"):
            decoder.decode(vectors)

    def test_vectors_that_are_not_finite_are_refused(self, decoder: Any) -> None:
        vectors = np.full((1, decoder.vector_dim), np.inf)
        with pytest.raises(InputError, match="NaN or infinity"):
            decoder.decode(vectors)

    def test_it_survives_clone_deepcopy_and_pickle(self, decoder: Any, vectors: np.ndarray) -> None:
        expected = decoder.decode(vectors, max_new_tokens=4)
        for twin in (clone(decoder, safe=False), copy.deepcopy(decoder), pickle.loads(pickle.dumps(decoder))):
            assert twin.decode(vectors, max_new_tokens=4) == expected

    def test_its_fingerprint_is_a_stable_string(self, decoder: Any) -> None:
        assert isinstance(decoder.fingerprint, str)
        assert pickle.loads(pickle.dumps(decoder)).fingerprint == decoder.fingerprint


class ExamplesContract(DecoderContract):
    """For decoders whose prompts show texts."""

    def test_it_says_how_many_examples_it_shows_by_itself(self, decoder: Any) -> None:
        assert decoder.examples >= 0

    def test_each_row_has_examples_of_its_own(self, decoder: Any, vectors: np.ndarray) -> None:
        examples = [["one text", "two texts"], [], ["one text"], ["three texts"], [], []]
        texts = decoder.decode(vectors, examples=examples, max_new_tokens=6)
        assert texts != decoder.decode(vectors, max_new_tokens=6)
        for row, text in enumerate(texts):
            part = slice(row, row + 1)
            assert decoder.decode(vectors[part], examples=examples[part], max_new_tokens=6) == [text]

    def test_examples_that_are_no_lists_are_refused(self, decoder: Any, vectors: np.ndarray) -> None:
        with pytest.raises(InputError, match="a list of texts for each of the 6 rows"):
            decoder.decode(vectors, examples=["one text"] * 6)
