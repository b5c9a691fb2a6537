import numpy as np
import pytest

from smotext.evaluation.nearness_to_real import nearness
from tests.evaluation.doubles import WordEncoder


def test_quantiles_are_over_texts():
    training = ["a small red house", "a large blue boat"]
    texts = ["zzz", "a small", "a small red", "a small red house"]  # runs of 0, 2, 3 and 4 words
    near = nearness(texts, training, WordEncoder())
    assert near.longest_copy == pytest.approx(tuple(np.quantile([0, 2, 3, 4], [0.05, 0.5, 0.95, 1.0])))
    assert near.nearest_cosine[-1] == pytest.approx(1.0)


def test_runs_do_not_reach_across_two_training_texts():
    assert nearness(["a b c d"], ["a b", "c d"], WordEncoder()).longest_copy[-1] == 2


def test_a_copy_behind_a_thousand_other_texts_is_found():
    training = ["a small red house on a hill"]
    near = nearness([*(f"zzz {number}" for number in range(2999)), training[0]], training, WordEncoder())
    assert (near.longest_copy[-1], near.n_texts) == (7, 3000)
    assert near.nearest_cosine[-1] == pytest.approx(1.0)


def test_few_vectors_are_held_at_once():
    sizes = []

    class Watched(WordEncoder):
        def encode(self, texts):
            sizes.append(len(texts))
            return super().encode(texts)

    nearness(["a b"] * 3000, ["b c"], Watched())
    assert sum(sizes) == 3001
    assert max(sizes) <= 1024
