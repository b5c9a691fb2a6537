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

from smotext.decoders.bridge import BridgeSpec
from smotext.decoders.guidance import Guidance, spend
from smotext.decoders.prompts import Prompt
from smotext.training.data.batches import MicroBatch
from smotext.training.losses.passage_losses import SummedCrossEntropy, passage_logits, stage_one, stage_two
from smotext.training.losses.perturbation import perturb
from smotext.training.models.pair import Pair, assemble_pair, load_bridge
from smotext.training.training_settings import TrainingSettings
from tests.decoders.slow import llama_logits
from tests.training import toy

VECTORS = toy.encoder().encode(toy.TEXTS[:2])


@pytest.fixture
def pair(toy_bridge: Path) -> Pair:
    return load_bridge(toy_bridge)


PROMPT = Prompt(((60,),), (62,))
NO_WORDS_BEFORE = Prompt((), (62,))
EXAMPLES = (Prompt(((60, 70, 71, 72),), (62,)), Prompt(((61,),), (62,)))


def batch_of(pair: Pair, *prompts: Prompt) -> MicroBatch:
    """Two passages of different lengths, the shorter one padded; each has a prompt of its own if two are given."""
    end = pair.tokenizer.eos_token_id
    tokens = np.array([[40, 41, end, end, end], [50, 51, 52, 53, end]])
    return MicroBatch(tokens, np.array([3, 5]), VECTORS, prompts, np.array([0, len(prompts) - 1]))


def log_probabilities(lm: object, inputs: torch.Tensor, n_last: int) -> torch.Tensor:
    return lm(inputs_embeds=inputs).logits[0, -n_last:].log_softmax(-1)  # type: ignore[operator]


def student_rows(pair: Pair, batch: MicroBatch) -> list[torch.Tensor]:
    """Log-probabilities at each target, one row at a time and without padding."""
    table, rows = pair.lm.get_input_embeddings(), []
    for tokens, length, vector, number in zip(batch.tokens, batch.lengths, VECTORS, batch.prompt_of_row, strict=True):
        prompt = batch.prompts[number]
        before = table(torch.tensor([token for part in prompt.before for token in part], dtype=torch.long))
        after = table(torch.tensor([*prompt.after, *tokens[: length - 1]]))
        soft = pair.projector(torch.from_numpy(vector)[None])[0]
        rows.append(log_probabilities(pair.lm, torch.cat([before, soft, after])[None], int(length)))
    return rows


def loss_of(rows: list[torch.Tensor], batch: MicroBatch) -> float:
    """Return the summed negative log-likelihood of the targets."""
    return -sum(
        float(row[range(len(row)), tokens[: len(row)]].sum()) for row, tokens in zip(rows, batch.tokens, strict=True)
    )


@pytest.mark.parametrize("prompts", [(NO_WORDS_BEFORE,), (PROMPT,), EXAMPLES, (NO_WORDS_BEFORE, EXAMPLES[0])])
@torch.no_grad()
def test_stage_one_is_the_likelihood_of_each_row_alone(pair: Pair, prompts: tuple[Prompt, ...]) -> None:
    batch = batch_of(pair, *prompts)
    expected = loss_of(student_rows(pair, batch), batch)
    assert float(stage_one(pair, batch, torch.from_numpy(VECTORS))) == pytest.approx(expected, rel=1e-4)


def pair_with_slots() -> Pair:
    config = {"projector_type": "kv", "n_slots": 2, "slot_code_size": 8, "first_slot_layer": 1}
    return assemble_pair(toy.language_model(), toy.tokenizer(), vector_dim=32, spec=BridgeSpec(), projector=config)


@torch.no_grad()
def test_stage_one_with_slots_is_the_likelihood_of_each_row_alone() -> None:
    pair = pair_with_slots()
    batch, rows = batch_of(pair, *EXAMPLES), []
    for tokens, length, vector, prompt in zip(batch.tokens, batch.lengths, VECTORS, EXAMPLES, strict=True):
        keys, values = pair.projector(torch.from_numpy(vector)[None])
        after = [*prompt.after, *tokens[: length - 1].tolist()]
        logits = llama_logits(pair.lm, prompt.before[0], (keys[:, 0], values[:, 0]), after, first_layer=1)
        rows.append(logits[-length:].log_softmax(-1))
    loss = stage_one(pair, batch, torch.from_numpy(VECTORS))
    assert float(loss) == pytest.approx(loss_of(rows, batch), rel=1e-4)


def test_slots_learn_without_a_gradient_through_what_stands_before_them() -> None:
    pair = pair_with_slots()
    pair.lm.requires_grad_(False)
    stage_one(pair, batch_of(pair, *EXAMPLES), torch.from_numpy(VECTORS)).backward()
    assert all(weight.grad is not None and weight.grad.abs().max() > 0 for weight in pair.projector.parameters())


def test_the_gradient_goes_through_the_examples_where_all_is_trained(pair: Pair) -> None:
    """Of a token that only an example holds, the embedding learns as by the loss of one row alone."""
    batch, table = batch_of(pair, *EXAMPLES), pair.lm.get_input_embeddings().weight
    stage_one(pair, batch, torch.from_numpy(VECTORS)).backward()
    found = table.grad[70:73].clone()
    table.grad = None
    rows = student_rows(pair, batch)
    torch.stack(
        [row[range(len(row)), tokens[: len(row)]].sum() for row, tokens in zip(rows, batch.tokens, strict=True)]
    ).sum().neg().backward()
    torch.testing.assert_close(found, table.grad[70:73], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("prompts", [(NO_WORDS_BEFORE,), (PROMPT,), EXAMPLES])
@torch.no_grad()
def test_stage_two_adds_the_divergence_from_a_teacher_that_reads_the_passage(
    pair: Pair, prompts: tuple[Prompt, ...]
) -> None:
    batch = batch_of(pair, *prompts)
    teacher = copy.deepcopy(pair.lm)
    table = teacher.get_input_embeddings()
    divergence = 0.0
    rows = zip(student_rows(pair, batch), batch.tokens, batch.prompt_of_row, strict=True)
    for row, tokens, number in rows:
        passage = tokens[: len(row) - 1].tolist()
        before = [token for part in prompts[number].before for token in part]
        read = log_probabilities(teacher, table(torch.tensor([[*before, *passage, 62, *passage]])), len(row))
        divergence += float((read.exp() * (read - row)).sum())
    vectors = torch.from_numpy(VECTORS)
    one = float(stage_one(pair, batch, vectors))
    two = float(stage_two(pair, batch, vectors, teacher=teacher, kl_weight=2.0, temperature=1.0))
    assert two == pytest.approx(one + 2.0 * divergence, rel=1e-4)


def guided_rows(pair: Pair, batch: MicroBatch, weight: float) -> float:
    """The likelihood as the decoding loop would see it: step by step, what is written being spent."""
    assert pair.guidance is not None
    total = 0.0
    for row, tokens, vector in zip(student_rows(pair, batch), batch.tokens, VECTORS, strict=True):
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
    batch = batch_of(pair, *EXAMPLES)
    loss = stage_one(guided, batch, torch.from_numpy(VECTORS))
    assert float(loss) == pytest.approx(-guided_rows(guided, batch, 0.7), rel=1e-4)
    assert float(loss) != pytest.approx(float(stage_one(pair, batch, torch.from_numpy(VECTORS))), rel=1e-2)


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
    batch, vectors = batch_of(pair, PROMPT), torch.from_numpy(VECTORS)
    tokens, table = torch.from_numpy(batch.tokens), pair.lm.get_input_embeddings()
    before, after = (table(torch.tensor([[token]])).expand(2, -1, -1) for token in (60, 62))
    inputs = torch.cat([before, pair.projector(vectors), after, table(tokens[:, :-1])], dim=1)
    expected = pair.lm(inputs_embeds=inputs).logits[:, 2:]  # the prompt's last place predicts the first token
    if not knows_logits_to_keep:
        forward = pair.lm.forward
        pair.lm.forward = lambda logits_to_keep, **inputs: forward(**inputs)
    torch.testing.assert_close(passage_logits(pair, batch, vectors, tokens), expected)


def of_vectors(vectors: np.ndarray) -> MicroBatch:
    """Return passages that are their end tokens alone."""
    n = len(vectors)
    zeros = np.zeros(n, dtype=np.int64)
    return MicroBatch(zeros[:, None], np.ones(n, dtype=np.int64), vectors, (NO_WORDS_BEFORE,), zeros)


def test_without_noise_and_mixing_vectors_are_only_rescaled(pair: Pair) -> None:
    batch = replace(batch_of(pair, PROMPT), vectors=3.0 * VECTORS)
    np.testing.assert_allclose(perturb(batch, TrainingSettings(), "unit", 0), VECTORS, atol=1e-6)
    np.testing.assert_allclose(perturb(batch, TrainingSettings(), "raw", 0), 3.0 * VECTORS)


def test_noise_has_the_length_asked_for() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((500, 64)).astype(np.float32)
    batch = of_vectors(vectors)
    moved = perturb(batch, TrainingSettings(noise=0.3), "raw", 7)
    lengths = np.linalg.norm(moved - vectors, axis=1)
    assert math.sqrt((lengths**2).mean()) == pytest.approx(0.3, rel=0.05)


def test_a_mixed_vector_stays_nearer_to_its_own_text() -> None:
    vectors = toy.encoder().encode(toy.TEXTS)
    batch = of_vectors(vectors)
    moved = perturb(batch, TrainingSettings(mix_share=0.5), "unit", 3)
    own = (moved * vectors).sum(axis=1)
    is_mixed = own < 1 - 1e-5
    assert 8 <= is_mixed.sum() <= 24
    assert (own[:, None] >= moved @ vectors.T - 1e-5).all()
    np.testing.assert_allclose(np.linalg.norm(moved, axis=1), 1.0, atol=1e-5)
