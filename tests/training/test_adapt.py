"""Adapting a toy bridge to other texts: held-out loss falls, and the best pass is what is kept."""

from __future__ import annotations

import gc
import math
from dataclasses import replace
from pathlib import Path

import pytest

import smotext
from smotext.errors import InputError
from smotext.training.adapt import DEFAULTS, adapt_bridge, adapted_decoder
from tests.training import toy

OTHERS = [f"{who} likes to {what}" for who in toy.WHO for what in ("eat warm bread.", "see the town.", "buy a hat.")]


def test_adapting_lowers_the_held_out_loss_and_says_what_was_copied(toy_bridge: Path, tmp_path: Path) -> None:
    settings = replace(DEFAULTS, learning_rate=3e-3, batch_size=4, epochs=25)
    outcome = adapt_bridge(toy_bridge, OTHERS, tmp_path / "out", encoder=toy.encoder(), settings=settings, patience=5)
    assert outcome.losses[outcome.best_pass] < outcome.losses[0] / 2
    assert outcome.n_train + outcome.n_held_out == len(OTHERS)
    assert 0.0 <= outcome.copied <= 1.0
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "memorisation" in card
    text = smotext.load_decoder(str(tmp_path / "out")).decode(toy.encoder().encode(OTHERS[:1]), max_new_tokens=30)[0]
    assert "likes to" in text


def test_a_bridge_that_only_gets_worse_is_left_as_it_was(toy_bridge: Path, tmp_path: Path) -> None:
    settings = replace(DEFAULTS, optimizer="adamw", learning_rate=10.0, epochs=6)
    outcome = adapt_bridge(
        toy_bridge, OTHERS, tmp_path / "out", encoder=toy.encoder(), settings=settings, patience=1, n_written=4
    )
    assert outcome.best_pass == 0
    assert len(outcome.losses) == 2
    assert math.isfinite(outcome.losses[1])
    vectors = toy.encoder().encode(toy.TEXTS[:4])
    before, after = (
        smotext.load_decoder(str(path)).decode(vectors, max_new_tokens=40) for path in (toy_bridge, tmp_path / "out")
    )
    assert before == after


def test_an_adapted_decoder_needs_no_directory_of_the_caller(toy_bridge: Path) -> None:
    settings = replace(DEFAULTS, learning_rate=3e-3, batch_size=4, epochs=5)
    decoder = smotext.load_decoder(str(toy_bridge), device="cpu", dtype="bfloat16")
    adapted = adapted_decoder(toy.encoder(), decoder, OTHERS, seed=1, settings=settings)
    folder = Path(adapted.settings.directory)
    assert adapted.fingerprint != decoder.fingerprint
    assert replace(adapted.settings, directory=decoder.settings.directory) == decoder.settings
    del adapted
    gc.collect()
    assert not folder.exists()
    few = adapted_decoder(toy.encoder(), decoder, OTHERS[:3], seed=1)
    assert few is decoder
    assert few.settings.directory == str(toy_bridge)


def test_a_decoder_without_a_bridge_cannot_be_adapted() -> None:
    with pytest.raises(InputError, match="needs a bridge directory to go on from, the EchoDecoder has none"):
        adapted_decoder(toy.encoder(), smotext.EchoDecoder(), OTHERS, seed=1)


def test_too_few_texts_are_refused(toy_bridge: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="3 texts to adapt to: expected at least 20"):
        adapt_bridge(toy_bridge, OTHERS[:3], tmp_path / "out", encoder=toy.encoder())
