"""Stage 3: which texts are made likelier, against the policy gradient written out; and that it works."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from smotext.decoders.prompts import Prompt
from smotext.errors import InputError
from smotext.training.data.batches import MicroBatch
from smotext.training.data.passage_store import PassageStore
from smotext.training.loop.trainer import Trainer
from smotext.training.losses.passage_losses import stage_one
from smotext.training.losses.risk import SAMPLING, advantages, stage_three
from smotext.training.models.pair import Pair, load_bridge
from smotext.training.scoring.pair_texts import texts_of, write_rows
from smotext.training.scoring.score import cosines_of
from smotext.training.training_settings import TrainingSettings
from tests.training import toy

ENCODE = toy.encoder().encode


@pytest.fixture
def pair(toy_bridge: Path) -> Pair:
    pair = load_bridge(toy_bridge)
    pair = replace(pair, spec=replace(pair.spec, max_new_tokens=12, guidance=0.5, guidance_alone=0.8))
    torch.manual_seed(0)
    for _, weight in pair.parameters():
        weight.data += 0.05 * torch.randn_like(weight)  # no longer sure of every text: samples differ
    return pair


def batch_of(pair: Pair, texts: list[str], *prompts: Prompt) -> MicroBatch:
    """Return passages of which the last has the last of the prompts, the others the first."""
    ids = pair.tokenizer(texts, add_special_tokens=False)["input_ids"]
    tokens = np.full((len(ids), max(map(len, ids)) + 1), pair.tokenizer.eos_token_id)
    for row, one in enumerate(ids):
        tokens[row, : len(one)] = one
    prompt_of_row = np.array([0] * (len(ids) - 1) + [len(prompts) - 1])
    return MicroBatch(tokens, np.array([len(one) + 1 for one in ids]), ENCODE(texts), prompts, prompt_of_row)


def gradients(pair: Pair) -> list[torch.Tensor]:
    found = [weight.grad.clone() for _, weight in pair.parameters() if weight.grad is not None]
    for _, weight in pair.parameters():
        weight.grad = None
    return found


def test_an_advantage_is_the_distance_from_the_others_mean() -> None:
    rewards = np.random.default_rng(0).random((3, 5))
    for row, found in zip(rewards, advantages(rewards), strict=True):
        for place in range(5):
            assert found[place] == pytest.approx(row[place] - np.delete(row, place).mean())


@pytest.mark.parametrize(
    "prompts", [(Prompt((), (60,)),), (Prompt((), (60,)), Prompt(((61, 62, 63),), (60,), n_examples=1))]
)
def test_the_gradient_is_that_of_each_sampled_texts_log_likelihood_times_its_advantage(
    pair: Pair, prompts: tuple[Prompt, ...]
) -> None:
    batch = batch_of(pair, toy.TEXTS[:3], *prompts)
    vectors, n = torch.nn.functional.normalize(torch.from_numpy(batch.vectors), dim=-1), 4
    losses = stage_three(pair, batch, vectors, encode=ENCODE, candidates=n, risk_weight=3.0, max_tokens=30, key=7)
    value = 0.0
    for loss in losses:
        loss.backward()
        value += float(loss.detach())
    found = gradients(pair)

    asked = vectors.repeat_interleave(n, dim=0)
    prompt_of_row = batch.prompt_of_row.repeat(n)
    written = write_rows(pair, prompts, prompt_of_row, asked, SAMPLING, 7 + np.arange(len(asked)))
    assert len({tuple(row.ids) for row in written}) > 6  # or there would be nothing to prefer
    cosines = cosines_of(ENCODE, texts_of(pair, written), asked.numpy()).reshape(-1, n)
    assert value == pytest.approx(float((1 - cosines.mean(axis=1)) @ batch.lengths), rel=1e-5)
    stage_one(pair, batch, vectors).backward()
    for row, (text, advantage) in enumerate(zip(written, advantages(cosines).ravel(), strict=True)):
        if text.is_finished:
            tokens = np.array([[*text.ids, pair.tokenizer.eos_token_id]])
            shown = (prompts[prompt_of_row[row]],)
            weight = 0.5 if shown[0].n_examples else 0.8
            alone = MicroBatch(tokens, np.array([tokens.shape[1]]), batch.vectors[:1], shown, np.zeros(1, dtype=int))
            (3.0 * advantage * stage_one(pair, alone, asked[row : row + 1], guidance=weight)).backward()
    for ours, expected in zip(found, gradients(pair), strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-3, atol=1e-4)


def test_training_brings_the_texts_nearer_to_their_vectors(pair: Pair, tmp_path: Path) -> None:
    store = PassageStore.create(
        tmp_path / "store", toy.TEXTS, [], tokenize=pair.prompts.text_ids, encode=ENCODE, about={}
    )
    settings = TrainingSettings(
        train="all", stage=3, learning_rate=1e-3, batch_size=16, max_steps=12, epochs=9, candidates=4, prompt=0
    )
    risks: list[float] = []
    Trainer(pair, store, settings, tmp_path / "run", report=lambda entry: risks.append(entry["loss"])).run()
    assert 0.0 < risks[-1] < 0.8 * risks[0]


def test_resuming_with_another_guidance_is_refused(pair: Pair, tmp_path: Path) -> None:
    store = PassageStore.create(
        tmp_path / "store", toy.TEXTS, [], tokenize=pair.prompts.text_ids, encode=ENCODE, about={}
    )
    settings = TrainingSettings(train="all", stage=3, batch_size=16, max_steps=1, candidates=2, prompt=0)
    Trainer(pair, store, settings, tmp_path / "run").run()
    other = replace(pair, spec=replace(pair.spec, guidance=1.0))
    with pytest.raises(InputError, match=r"guidance was 0\.5, now 1\.0"):
        Trainer(other, store, settings, tmp_path / "run")


def test_a_single_candidate_is_refused() -> None:
    with pytest.raises(InputError, match="candidates is 1: expected 2 or more"):
        TrainingSettings(stage=3, candidates=1)
