"""Adapting a toy bridge to other texts: held-out loss falls, and the best pass is what is kept."""

from __future__ import annotations

import gc
import math
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import smotext
from smotext import HashEncoder
from smotext.errors import InputError
from smotext.training.adapt import DEFAULTS, Adaptation, _Watch, adapt_bridge, adapted_decoder
from smotext.training.data.passage_store import Piece
from smotext.training.export import Card, export_bridge, with_spec
from smotext.training.loop.trainer import Trainer
from smotext.training.models.pair import Pair, load_bridge
from tests.training import toy

OTHERS = [f"{who} likes to {what}" for who in toy.WHO for what in ("eat warm bread.", "see the town.", "buy a hat.")]


def test_adapting_lowers_the_held_out_loss_and_says_what_was_copied(toy_bridge: Path, tmp_path: Path) -> None:
    every_weight = {"train": "all", "optimizer": "muon", "learning_rate": 3e-3}  # which takes fewer passes than LoRA
    settings = replace(DEFAULTS, batch_size=4, epochs=25, **every_weight)
    outcome = adapt_bridge(toy_bridge, OTHERS, tmp_path / "out", encoder=toy.encoder(), settings=settings, patience=5)
    assert outcome.losses[outcome.best_pass] < outcome.losses[0] / 2
    assert outcome.n_train + outcome.n_held_out == len(OTHERS)
    assert 0.0 <= outcome.copied <= 1.0
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "memorisation" in card
    decoder = smotext.load_decoder(str(tmp_path / "out"))
    assert "likes to" in decoder.decode(toy.encoder().encode(OTHERS[:1]), max_new_tokens=30)[0]
    assert decoder.spec.is_adapted  # which is refused where rows are to be hidden


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


QUICK = replace(DEFAULTS, learning_rate=3e-3, batch_size=4, epochs=9)


def adapt(bridge: Path, out: Path, texts: list[str] = OTHERS, **changes: Any) -> Adaptation:
    options = {"encoder": toy.encoder(), "settings": QUICK, "patience": 2, "n_written": 1, **changes}
    return adapt_bridge(bridge, texts, out, **options)


def test_losses_before_and_after_are_taken_in_the_same_precision(
    toy_bridge: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = []

    def held_out_nats(pair: Pair, piece: Piece) -> float:
        measured.append((pair.lm.dtype, pair.projector.projector[0].weight.dtype))
        return 1.0

    monkeypatch.setattr("smotext.training.adapt.held_out_nats", held_out_nats)
    adapt(toy_bridge, tmp_path / "out", settings=replace(QUICK, epochs=1, precision="bfloat16"))
    assert measured == [(torch.bfloat16, torch.bfloat16)] * 2


@pytest.fixture
def second_pass_is_best(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the held-out loss fall and then rise, so that patience ends a run after its fourth pass."""
    monkeypatch.setattr(_Watch, "_loss", lambda self: [5.0, 3.0, 1.0, 2.0, 2.0][len(self.losses)])


def weights_of(bridge: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in bridge.glob("*.safetensors")}


@pytest.mark.usefixtures("second_pass_is_best")
def test_a_run_that_has_ended_is_not_trained_on_and_gives_the_same_bridge_again(
    toy_bridge: Path, tmp_path: Path
) -> None:
    first = adapt(toy_bridge, tmp_path / "out")
    assert (first.best_pass, len(first.losses)) == (2, 5)
    weights = weights_of(tmp_path / "out")
    assert adapt(toy_bridge, tmp_path / "out") == first
    assert weights_of(tmp_path / "out") == weights


@pytest.mark.usefixtures("second_pass_is_best")
@pytest.mark.parametrize("n_steps", [3, 12])  # of 5 a pass: within the first, and after the best
def test_an_interrupted_run_resumes_with_its_losses_and_best_weights(
    toy_bridge: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_steps: int
) -> None:
    whole = adapt(toy_bridge, tmp_path / "whole")
    take_step = Trainer._step

    def stop(self: Trainer, groups: list, share: float) -> tuple[float, int]:
        if self.progress.step == n_steps:
            self.save()
            raise KeyboardInterrupt
        return take_step(self, groups, share)

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "_step", stop)
        with pytest.raises(KeyboardInterrupt):
            adapt(toy_bridge, tmp_path / "out")
    assert adapt(toy_bridge, tmp_path / "out") == whole
    assert weights_of(tmp_path / "out") == weights_of(tmp_path / "whole")


class OtherEncoder(HashEncoder):
    """Of the same width, with other vectors."""

    fingerprint = "other"


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"texts": toy.TEXTS}, "texts was '24 texts, .*', now '32 texts, "),
        ({"texts": OTHERS[::-1]}, "texts was '24 texts, .*', now '24 texts, "),
        ({"encoder": OtherEncoder(vector_dim=32)}, "encoder was 'hash-32', now 'other'"),
        ({"held_out_share": 0.5}, r"held_out_share was 0.2, now 0.5"),
        ({"patience": 3}, "patience was 2, now 3"),
    ],
)
def test_a_run_is_not_resumed_with_other_texts_or_models(
    toy_bridge: Path, tmp_path: Path, changes: dict[str, Any], match: str
) -> None:
    once = replace(QUICK, epochs=1)
    adapt(toy_bridge, tmp_path / "out", settings=once)
    with pytest.raises(InputError, match=match):
        adapt(toy_bridge, tmp_path / "out", settings=once, **changes)


def test_a_run_is_not_resumed_from_another_bridge(toy_bridge: Path, tmp_path: Path) -> None:
    adapt(toy_bridge, tmp_path / "out", settings=replace(QUICK, epochs=1))
    with pytest.raises(InputError, match="bridge was '[0-9a-f]{16}', now '[0-9a-f]{16}'"):
        adapt(tmp_path / "out", tmp_path / "out", settings=replace(QUICK, epochs=1))


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


def test_an_adapted_decoder_leaves_no_texts_behind(
    toy_bridge: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    decoder = smotext.load_decoder(str(toy_bridge), device="cpu")
    adapted = adapted_decoder(toy.encoder(), decoder, OTHERS, seed=1, settings=replace(QUICK, epochs=1))
    assert not list(tmp_path.rglob("texts.jsonl.gz"))
    del adapted
    gc.collect()

    def fail(self: Trainer) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(Trainer, "run", fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        adapted_decoder(toy.encoder(), decoder, OTHERS, seed=1, settings=QUICK)
    assert list(tmp_path.iterdir()) == []


def test_a_decoder_without_a_bridge_cannot_be_adapted() -> None:
    with pytest.raises(InputError, match="needs a bridge directory to go on from, the EchoDecoder has none"):
        adapted_decoder(toy.encoder(), smotext.EchoDecoder(), OTHERS, seed=1)


def test_texts_longer_than_the_bridge_can_take_are_refused(toy_bridge: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="max_tokens=64, but only 63 tokens fit"):
        adapt(toy_bridge, tmp_path / "out", max_tokens=64)
    assert list(tmp_path.iterdir()) == []


def test_passages_are_as_long_as_the_language_model_has_room_for(toy_bridge: Path, tmp_path: Path) -> None:
    pair = load_bridge(toy_bridge)
    longer = export_bridge(with_spec(pair, max_new_tokens=336), tmp_path / "longer", card=Card("longer"))
    outcome = adapt(
        longer, tmp_path / "out", [" ".join([text] * 9) for text in OTHERS], settings=replace(QUICK, epochs=1)
    )
    assert outcome.n_train + outcome.n_held_out > len(OTHERS)  # cut where 63 tokens end, not 336


def test_too_few_texts_are_refused(toy_bridge: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="3 texts to adapt to: expected at least 20"):
        adapt_bridge(toy_bridge, OTHERS[:3], tmp_path / "out", encoder=toy.encoder())
