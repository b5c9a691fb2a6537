from __future__ import annotations

import numpy as np
import pytest

from smotext.encoders.batching import token_batches


@pytest.mark.parametrize("equal_lengths", [False, True])
def test_every_text_is_in_exactly_one_batch(equal_lengths: bool) -> None:
    lengths = np.random.default_rng(0).integers(0, 40, 500)
    batches = list(token_batches(lengths, 100, equal_lengths=equal_lengths))
    assert sorted(np.concatenate(batches)) == list(range(500))


@pytest.mark.parametrize("equal_lengths", [False, True])
def test_padded_batches_stay_within_the_budget(equal_lengths: bool) -> None:
    lengths = np.random.default_rng(0).integers(1, 40, 500)
    for batch in token_batches(lengths, 100, equal_lengths=equal_lengths):
        assert len(batch) * lengths[batch].max() <= 100


def test_equal_lengths_pads_nothing() -> None:
    lengths = np.random.default_rng(0).integers(1, 40, 500)
    assert all(len(set(lengths[batch])) == 1 for batch in token_batches(lengths, 100, equal_lengths=True))


def test_longest_texts_come_first() -> None:
    assert [batch.tolist() for batch in token_batches([1, 3, 2], 3)] == [[1], [2], [0]]


def test_a_text_over_the_budget_is_a_batch_of_its_own() -> None:
    assert [batch.tolist() for batch in token_batches([50, 2, 2], 10)] == [[0], [1, 2]]


def test_no_texts_give_no_batches() -> None:
    assert list(token_batches([], 10)) == []
