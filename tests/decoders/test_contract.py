from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smotext import EchoDecoder, load_decoder
from tests.decoders.checkpoints import KV, make_checkpoint, make_list_checkpoint
from tests.decoders.contract import DecoderContract, ExamplesContract


class TestEcho(DecoderContract):
    @pytest.fixture
    def decoder(self) -> EchoDecoder:
        return EchoDecoder(vector_dim=5)


class TestRandomMistral(DecoderContract):
    @pytest.fixture(scope="class")
    def decoder(self, tmp_path_factory: pytest.TempPathFactory) -> Any:
        return load_decoder(str(make_checkpoint(tmp_path_factory.mktemp("mistral"))))


class TestListOfTexts(ExamplesContract):
    @pytest.fixture(scope="class")
    def decoder(self, tmp_path_factory: pytest.TempPathFactory) -> Any:
        return load_decoder(str(make_list_checkpoint(tmp_path_factory.mktemp("list"), guidance="tied")))


class TestSlots(ExamplesContract):
    @pytest.fixture(scope="class")
    def decoder(self, tmp_path_factory: pytest.TempPathFactory) -> Any:
        return load_decoder(str(make_list_checkpoint(tmp_path_factory.mktemp("slots"), projector=KV)))


class TestBundled(DecoderContract):
    @pytest.fixture(scope="class")
    def decoder(self) -> Any:
        return load_decoder("tiny")


@pytest.mark.slow
def test_the_bundled_bridge_writes_the_same_at_any_batch_size_and_order() -> None:
    decoder: Any = load_decoder("tiny")
    vectors = np.random.default_rng(0).normal(size=(16, decoder.vector_dim)).astype(np.float32)
    options = {"do_sample": True, "temperature": 0.8, "top_p": 0.95, "max_new_tokens": 32}
    together = decoder.decode(vectors, batch_size=64, **options)
    for size in (1, 7):
        assert decoder.decode(vectors, batch_size=size, **options) == together
    order = np.random.default_rng(1).permutation(16)
    shuffled = decoder.decode(vectors[order], seeds=order, batch_size=64, **options)
    assert shuffled == [together[row] for row in order]
