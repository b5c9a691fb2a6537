"""The contract, run by every encoder."""

from __future__ import annotations

import pytest

from smotext.encoders.hashing import HashEncoder
from smotext.encoders.loading import load_sentence_encoder
from smotext.encoders.sentence import SentenceEncoder
from tests.encoders.contract import EncoderContract


class TestHashEncoder(EncoderContract):
    @pytest.fixture
    def encoder(self) -> HashEncoder:
        return HashEncoder()


class TestMiniLM(EncoderContract):
    @pytest.fixture
    def encoder(self, minilm: SentenceEncoder) -> SentenceEncoder:
        return minilm


class TestRandomLastTokenMistral(EncoderContract):
    @pytest.fixture
    def encoder(self, last_token_encoder: SentenceEncoder) -> SentenceEncoder:
        return last_token_encoder


class TestMiniLMInBfloat16(EncoderContract):
    tolerance = 0.05  # 8 bits of precision; what is promised exactly is float32

    @pytest.fixture(scope="class")
    def encoder(self, minilm: SentenceEncoder) -> SentenceEncoder:
        assert minilm.settings is not None
        return load_sentence_encoder(minilm.settings.name, device="cpu", dtype="bfloat16")
