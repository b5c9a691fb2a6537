"""What every encoder promises; subclass :class:`EncoderContract` and give it a fixture ``encoder``."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from smotext.encoders.adapted import as_encoder
from smotext.errors import InputError

TEXTS = [
    "the parcel came late",
    "nobody answered the phone so we sent it back",
    "",
    "  \n ",
    "?!",
    "ünïcödé 漢字 😀 \u0000 \ud800",
    "the parcel came late",
    "x" * 3000,
]


class EncoderContract:
    """Tests that hold for every encoder."""

    tolerance = 2e-6  # of the largest number in the vectors

    def test_it_satisfies_the_protocol(self, encoder: Any) -> None:
        assert as_encoder(encoder) is encoder, "nothing that the method asks of an encoder is missing"
        assert isinstance(encoder.vector_dim, int)

    def test_vectors_are_float32_one_row_per_text(self, encoder: Any) -> None:
        vectors = encoder.encode(TEXTS)
        assert vectors.shape == (len(TEXTS), encoder.vector_dim)
        assert vectors.dtype == np.float32
        assert np.isfinite(vectors).all()

    def test_no_text_gives_no_rows_but_the_right_width(self, encoder: Any) -> None:
        vectors = encoder.encode([])
        assert vectors.shape == (0, encoder.vector_dim)
        assert vectors.dtype == np.float32

    def test_a_vector_depends_on_its_text_alone(self, encoder: Any) -> None:
        together = encoder.encode(TEXTS)
        backwards = encoder.encode(TEXTS[::-1])[::-1]
        alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
        scale = np.abs(together).max()
        np.testing.assert_allclose(backwards, together, atol=self.tolerance * scale)
        np.testing.assert_allclose(alone, together, atol=self.tolerance * scale)

    def test_equal_texts_have_equal_vectors_and_others_do_not(self, encoder: Any) -> None:
        vectors = encoder.encode(TEXTS)
        np.testing.assert_allclose(vectors[0], vectors[6], atol=1e-6)
        assert not np.allclose(vectors[0], vectors[1], atol=1e-3)

    def test_any_sequence_of_strings_is_taken(self, encoder: Any) -> None:
        expected = encoder.encode(TEXTS[:2])
        np.testing.assert_array_equal(encoder.encode(tuple(TEXTS[:2])), expected)
        np.testing.assert_array_equal(encoder.encode(np.array(TEXTS[:2], dtype=object)), expected)

    def test_what_is_no_string_is_named(self, encoder: Any) -> None:
        with pytest.raises(InputError, match=r"texts\[1\] is nan \(float\): expected a string"):
            encoder.encode(["a", float("nan")])

    def test_one_string_is_not_a_list_of_letters(self, encoder: Any) -> None:
        with pytest.raises(InputError, match="texts is one str: expected a list of strings"):
            encoder.encode("a text")

    def test_cloning_and_copying_give_the_same_object(self, encoder: Any) -> None:
        assert clone(encoder, safe=False) is encoder
        assert copy.deepcopy([encoder])[0] is encoder

    def test_a_pickle_encodes_alike(self, encoder: Any) -> None:
        again = pickle.loads(pickle.dumps(encoder))
        assert again.fingerprint == encoder.fingerprint
        np.testing.assert_array_equal(again.encode(TEXTS), encoder.encode(TEXTS))

    def test_the_fingerprint_survives_encoding(self, encoder: Any) -> None:
        before = encoder.fingerprint
        encoder.encode(TEXTS)
        assert isinstance(before, str)
        assert encoder.fingerprint == before
