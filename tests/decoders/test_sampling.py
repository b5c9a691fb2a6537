"""Choosing tokens, against slow versions written out by hand and against transformers' own filters."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from transformers import (
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from smotext.decoders.sampling import choose_tokens, gumbel, keep_threshold, penalise_repetition
from smotext.settings import Sampling
from smotext.utils.seeding import splitmix64


@pytest.fixture
def logits() -> torch.Tensor:
    return torch.randn(40, 60, generator=torch.Generator().manual_seed(0)) * 3


@pytest.mark.parametrize(("top_k", "top_p"), [(0, 0.9), (5, 1.0), (12, 0.7), (1, 1.0), (0, 1.0), (99, 0.3)])
def test_the_same_tokens_survive_as_in_transformers(logits: torch.Tensor, top_k: int, top_p: float) -> None:
    kept = torch.log_softmax(logits, -1) >= keep_threshold(torch.log_softmax(logits, -1), top_k, top_p)
    expected = logits
    if top_k:
        expected = TopKLogitsWarper(top_k)(None, expected)
    if top_p < 1:
        expected = TopPLogitsWarper(top_p)(None, expected)
    assert torch.equal(kept, expected > -torch.inf)


def test_repetition_penalty_equals_transformers(logits: torch.Tensor) -> None:
    written = torch.randint(0, 60, (40, 7), generator=torch.Generator().manual_seed(1))
    expected = RepetitionPenaltyLogitsProcessor(1.7)(written, logits.clone())
    torch.testing.assert_close(penalise_repetition(logits, written, 1.7), expected)


def test_greedy_takes_the_most_probable_token(logits: torch.Tensor) -> None:
    assert torch.equal(choose_tokens(logits, Sampling(), torch.arange(40), 0), logits.argmax(-1))


def test_draws_follow_the_filtered_distribution() -> None:
    n_rows, logits = 20_000, torch.tensor([2.0, 1.0, 0.0, -1.0, -5.0])
    sampling = Sampling(do_sample=True, temperature=0.7, top_p=0.95)
    tokens = choose_tokens(logits.expand(n_rows, -1).clone(), sampling, torch.arange(n_rows), 3)
    warped = TopPLogitsWarper(0.95)(None, TemperatureLogitsWarper(0.7)(None, logits[None]))
    expected = torch.softmax(warped.double(), -1)[0].numpy()
    counts = np.bincount(tokens.numpy(), minlength=5)
    assert counts[expected == 0].sum() == 0
    assert stats.chisquare(counts[expected > 0], expected[expected > 0] * n_rows).pvalue > 0.01


def test_a_draw_depends_on_seed_step_and_token_alone(logits: torch.Tensor) -> None:
    sampling, seeds = Sampling(do_sample=True, top_p=0.9), torch.arange(40) * 11
    together = choose_tokens(logits.clone(), sampling, seeds, 5)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(2))
    assert torch.equal(choose_tokens(logits[order].clone(), sampling, seeds[order], 5), together[order])
    assert not torch.equal(choose_tokens(logits.clone(), sampling, seeds, 6), together)


def test_noise_is_standard_gumbel_and_uncorrelated_between_neighbours() -> None:
    tokens = torch.arange(50_000)
    noise = gumbel(torch.full_like(tokens, 7), 2, tokens).numpy()
    assert stats.kstest(noise, stats.gumbel_r.cdf).pvalue > 0.01
    other = gumbel(torch.full_like(tokens, 8), 2, tokens).numpy()
    assert abs(np.corrcoef(noise, other)[0, 1]) < 0.02
    assert abs(np.corrcoef(noise[1:], noise[:-1])[0, 1]) < 0.02


def test_noise_equals_the_same_mixing_in_unsigned_numpy() -> None:
    def mix(state: np.ndarray) -> np.ndarray:  # splitmix64 without its increment
        with np.errstate(over="ignore"):
            return splitmix64(state - np.uint64(0x9E3779B97F4A7C15))

    seeds, tokens, step = np.array([3, 2**62], dtype=np.uint64), np.array([5, 8191], dtype=np.uint64), 4
    state = mix(mix(seeds ^ mix(np.full(2, step + 1, dtype=np.uint64))) ^ tokens)
    uniform = ((state >> np.uint64(12)).astype(np.float64) + 0.5) / 2.0**52
    expected = -np.log(-np.log(uniform))
    found = gumbel(torch.from_numpy(seeds.astype(np.int64)), step, torch.from_numpy(tokens.astype(np.int64)))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5)
