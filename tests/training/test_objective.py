"""The losses against slow, row-by-row versions; the vectors that go into them."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from smotext.decoders.guidance import Guidance, spend
from smotext.training.batches import MicroBatch
from smotext.training.objective import SummedCrossEntropy, embed_prompt, passage_logits, stage_one, stage_two
from smotext.training.pair import Pair, load_bridge
from smotext.training.perturb import perturb
from smotext.training.settings import TrainingSettings
from tests.training import toy

VECTORS = toy.encoder().encode(toy.TEXTS[:2])


@pytest.fixture
def pair(toy_bridge: Path) -> Pair:
    return load_bridge(toy_bridge)


def batch_of(pair: Pair) -> MicroBatch:
    """Two passages of different lengths, the shorter one padded."""
    end = pair.tokenizer.eos_token_id
    tokens = np.array([[40, 41, end, end, end], [50, 51, 52, 53, end]])
    return MicroBatch(tokens, np.array([3, 5]), VECTORS)


def log_probabilities(lm: object, inputs: torch.Tensor, n_last: int) -> torch.Tensor:
    return lm(inputs_embeds=inputs).logits[0, -n_last:].log_softmax(-1)  # type: ignore[operator]


def student_rows(pair: Pair, prompt: list[int], batch: MicroBatch) -> list[torch.Tensor]:
    """Log-probabilities at each target, one row at a time and without padding."""
    table, rows = pair.lm.get_input_embeddings(), []
    for tokens, length, vector in zip(batch.tokens, batch.lengths, VECTORS, strict=True):
        embeds = table(torch.tensor([[*prompt, *tokens[: length - 1]]]))
        embeds[0, prompt.index(pair.placeholder)] = pair.projector(torch.from_numpy(vector))
        rows.append(log_probabilities(pair.lm, embeds, int(length)))
    return rows


@pytest.mark.parametrize("n_words_before", [0, 2])
@torch.no_grad()
def test_stage_one_is_the_likelihood_of_each_row_alone(pair: Pair, n_words_before: int) -> None:
    prompt, batch = [*[60, 61][:n_words_before], pair.placeholder, 62], batch_of(pair)
    rows = student_rows(pair, prompt, batch)
    expected = -sum(
        row[range(len(row)), tokens[: len(row)]].sum() for row, tokens in zip(rows, batch.tokens, strict=True)
    )
    loss = stage_one(pair, prompt, batch, torch.from_numpy(VECTORS))
    assert float(loss) == pytest.approx(float(expected), rel=1e-4)


@torch.no_grad()
def test_stage_two_adds_the_divergence_from_a_teacher_that_reads_the_passage(pair: Pair) -> None:
    prompt, batch = [60, pair.placeholder, 62], batch_of(pair)
    teacher = copy.deepcopy(pair.lm)
    table = teacher.get_input_embeddings()
    divergence = 0.0
    for row, tokens in zip(student_rows(pair, prompt, batch), batch.tokens, strict=True):
        passage = tokens[: len(row) - 1].tolist()
        read = log_probabilities(teacher, table(torch.tensor([[60, *passage, 62, *passage]])), len(row))
        divergence += float((read.exp() * (read - row)).sum())
    vectors = torch.from_numpy(VECTORS)
    one = float(stage_one(pair, prompt, batch, vectors))
    two = float(stage_two(pair, prompt, batch, vectors, teacher=teacher, kl_weight=2.0, temperature=1.0))
    assert two == pytest.approx(one + 2.0 * divergence, rel=1e-4)


def guided_rows(pair: Pair, prompt: list[int], batch: MicroBatch, weight: float) -> float:
    """The likelihood as the decoding loop would see it: step by step, what is written being spent."""
    assert pair.guidance is not None
    total = 0.0
    for row, tokens, vector in zip(student_rows(pair, prompt, batch), batch.tokens, VECTORS, strict=True):
        bias = weight * pair.guidance.logit_bias(torch.from_numpy(vector)[None])
        for log_p, token in zip(row, tokens, strict=False):
            total += float((log_p + bias[0]).log_softmax(-1)[token])
            spend(bias, torch.tensor([token]))
    return total


@torch.no_grad()
def test_a_guided_likelihood_is_that_of_the_language_model_and_its_head_together(pair: Pair) -> None:
    head = Guidance(pair.lm.get_output_embeddings().weight.shape[0], VECTORS.shape[1])
    torch.manual_seed(0)
    head.weight.normal_(std=2.0)
    head.unigram.fill_(-7.0)
    guided = replace(pair, guidance=head, spec=replace(pair.spec, trained_guidance=0.7))
    prompt, batch = [60, pair.placeholder, 62], batch_of(pair)
    loss = stage_one(guided, prompt, batch, torch.from_numpy(VECTORS))
    assert float(loss) == pytest.approx(-guided_rows(guided, prompt, batch, 0.7), rel=1e-4)
    assert float(loss) != pytest.approx(float(stage_one(pair, prompt, batch, torch.from_numpy(VECTORS))), rel=1e-2)


def rows_to_predict(n_rows: int, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits as large as a trained model's, targets, and which rows count: about two in three."""
    torch.manual_seed(0)
    logits = (4.0 * torch.randn(n_rows, 50)).to(dtype).requires_grad_()
    return logits, torch.randint(50, (n_rows,)), torch.rand(n_rows) < 0.7


@pytest.mark.parametrize("n_rows", [3, 256, 600])  # less than a chunk, a chunk, two and a part
@pytest.mark.parametrize("upstream", [1.0, -0.5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_loss_and_gradient_are_those_of_cross_entropy(dtype: torch.dtype, upstream: float, n_rows: int) -> None:
    logits, targets, is_counted = rows_to_predict(n_rows, dtype)
    expected = F.cross_entropy(logits[is_counted].float(), targets[is_counted], reduction="sum")
    (upstream * expected).backward()
    twin = logits.detach().clone().requires_grad_()
    loss = SummedCrossEntropy.apply(twin, targets, is_counted)
    (upstream * loss).backward()
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, expected)
    assert twin.grad is not None
    assert twin.grad.dtype == dtype
    torch.testing.assert_close(twin.grad, logits.grad)
    assert twin.grad[~is_counted].count_nonzero() == 0


def test_rows_that_do_not_count_may_hold_anything() -> None:
    logits, targets, is_counted = rows_to_predict(9, torch.float32)
    with torch.no_grad():
        logits[~is_counted] = torch.nan
    loss = SummedCrossEntropy.apply(logits, targets, is_counted)
    loss.backward()
    assert loss.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_the_loss_never_waits_for_the_device() -> None:
    logits, targets, is_counted = rows_to_predict(600, torch.float32)
    there = logits.detach().to("meta").requires_grad_()  # meta tensors hold no values: to look at one is an error
    SummedCrossEntropy.apply(there, targets.to("meta"), is_counted.to("meta")).backward()
    assert there.grad is not None


@pytest.mark.parametrize("knows_logits_to_keep", [True, False])
@torch.no_grad()
def test_passage_logits_are_the_last_ones(pair: Pair, knows_logits_to_keep: bool) -> None:
    batch = batch_of(pair)
    prompt = embed_prompt(pair, [60, pair.placeholder, 62], torch.from_numpy(VECTORS))
    tokens = torch.from_numpy(batch.tokens)
    inputs = torch.cat([prompt, pair.lm.get_input_embeddings()(tokens[:, :-1])], dim=1)
    expected = pair.lm(inputs_embeds=inputs).logits[:, 2:]  # the prompt's last place predicts the first token
    if not knows_logits_to_keep:
        forward = pair.lm.forward
        pair.lm.forward = lambda logits_to_keep, **inputs: forward(**inputs)
    torch.testing.assert_close(passage_logits(pair, prompt, tokens), expected)


def test_without_noise_and_mixing_vectors_are_only_rescaled(pair: Pair) -> None:
    batch = MicroBatch(batch_of(pair).tokens, batch_of(pair).lengths, 3.0 * VECTORS)
    np.testing.assert_allclose(perturb(batch, TrainingSettings(), "unit", 0), VECTORS, atol=1e-6)
    np.testing.assert_allclose(perturb(batch, TrainingSettings(), "raw", 0), 3.0 * VECTORS)


def test_noise_has_the_length_asked_for() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((500, 64)).astype(np.float32)
    batch = MicroBatch(np.zeros((500, 1), dtype=np.int64), np.ones(500, dtype=np.int64), vectors)
    moved = perturb(batch, TrainingSettings(noise=0.3), "raw", 7)
    lengths = np.linalg.norm(moved - vectors, axis=1)
    assert math.sqrt((lengths**2).mean()) == pytest.approx(0.3, rel=0.05)


def test_a_mixed_vector_stays_nearer_to_its_own_text() -> None:
    vectors = toy.encoder().encode(toy.TEXTS)
    batch = MicroBatch(np.zeros((32, 1), dtype=np.int64), np.ones(32, dtype=np.int64), vectors)
    moved = perturb(batch, TrainingSettings(mix_share=0.5), "unit", 3)
    own = (moved * vectors).sum(axis=1)
    is_mixed = own < 1 - 1e-5
    assert 8 <= is_mixed.sum() <= 24
    assert (own[:, None] >= moved @ vectors.T - 1e-5).all()
    np.testing.assert_allclose(np.linalg.norm(moved, axis=1), 1.0, atol=1e-5)
