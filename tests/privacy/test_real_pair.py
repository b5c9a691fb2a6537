"""What the likelihood attack rests on, with the bundled pair."""

from __future__ import annotations

import pytest

from smotext.privacy.likelihood import Scorer

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pair():
    from smotext.presets import load_pair

    encoder, decoder = load_pair("tiny")
    if not isinstance(decoder, Scorer):
        pytest.skip("the bundled decoder has no log_likelihood")
    return encoder, decoder


def test_a_text_is_likelier_under_its_own_vector_than_under_anothers(pair):
    encoder, decoder = pair
    texts = ["My card was charged twice and the bank refused.", "The weather in the mountains was lovely today."]
    vectors = encoder.encode(texts)
    own = decoder.log_likelihood(texts, vectors, temperature=0.8)
    crossed = decoder.log_likelihood(texts, vectors[::-1].copy(), temperature=0.8)
    assert own.shape == (2,)
    assert (own < 0).all()
    assert (own > crossed + 10).all()
