from __future__ import annotations

from pathlib import Path

import pytest

from smotext.encoders.loading import load_sentence_encoder
from smotext.encoders.minilm import find_minilm
from smotext.encoders.sentence import SentenceEncoder
from tests.encoders.checkpoints import make_last_token_checkpoint

XRAG = {"normalize": False, "pooling": "lasttoken", "max_tokens": 180, "require_eos": True}


@pytest.fixture(scope="session")
def last_token_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model in SFR-Embedding-Mistral's layout whose tokenizer does not add end-of-text."""
    return make_last_token_checkpoint(tmp_path_factory.mktemp("sfr"))


@pytest.fixture(scope="session")
def last_token_encoder(last_token_checkpoint: Path) -> SentenceEncoder:
    """Its encoder, as preset xrag-7b takes it, in float32."""
    return load_sentence_encoder(last_token_checkpoint, device="cpu", dtype="float32", **XRAG)


@pytest.fixture(scope="session")
def minilm() -> SentenceEncoder:
    """all-MiniLM-L6-v2 in float32."""
    return load_sentence_encoder(find_minilm(), device="cpu", dtype="float32")
