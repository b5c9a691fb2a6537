"""The discriminant against a slow one that is fitted anew without the parents, and a planted leak."""

from __future__ import annotations

import numpy as np
import pytest

from smotext.filters.discriminant import Discriminant, is_first_mention
from smotext.filters.labels import LEAST_TEXTS, OffLabel, label_scores, sample_weights
from smotext.filters.protocol import RealTexts


def three_classes(seed: int = 0, dim: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.array(["a"] * 7 + ["b"] * 12 + ["c"] * 9, dtype=object)
    centres = {label: rng.normal(size=dim) for label in "abc"}
    return np.array([centres[label] + rng.normal(size=dim) for label in labels], dtype=np.float32), labels


def slow_distances(model: Discriminant, labels: np.ndarray, vector: np.ndarray, left_out: list[int]) -> np.ndarray:
    """Return Mahalanobis distances with the means and the scatter recomputed without the rows left out."""
    shrunk = np.linalg.inv(model.whitener @ model.whitener.T)
    vectors = model.real.astype(np.float64)
    scatter_all = sum(np.cov(vectors[labels == c].T, bias=True) * (labels == c).sum() for c in model.classes)
    ridge = shrunk - model.scatter_share * scatter_all
    kept = np.setdiff1d(np.arange(len(vectors)), left_out)
    means, scatter = [], np.zeros_like(shrunk)
    for label in model.classes:
        rows = kept[labels[kept] == label]
        means.append(vectors[rows].mean(axis=0))
        scatter += np.cov(vectors[rows].T, bias=True) * len(rows)
    precision = np.linalg.inv(ridge + model.scatter_share * scatter)
    return np.array([(vector - mean) @ precision @ (vector - mean) for mean in means])


@pytest.mark.parametrize("left_out", [[8], [8, 11], [8, 11, 17]])
def test_leaving_parents_out_equals_fitting_without_them(left_out: list[int]) -> None:
    vectors, labels = three_classes()
    model = Discriminant.fit(vectors, labels)
    row = vectors[left_out].mean(axis=0)
    distances = slow_distances(model, labels, row, left_out) / (2 * model.temperature)
    expected = np.exp(-distances) / np.exp(-distances).sum()
    parents = np.array([[*left_out, -1]])
    assert np.allclose(model.probabilities(row[None], labels=["b"], parents=parents)[0], expected, atol=1e-6)


def test_two_classes_on_a_line_have_the_probabilities_worked_out_by_hand() -> None:
    # Means 0 and 4, every deviation 1: variance 1, whatever the shrinkage in one dimension. At x = 1 the squared
    # distances are 1 and 9; with temperature T the odds are exp(8 / 2T).
    model = Discriminant.fit(np.array([[-1.0], [1.0], [3.0], [5.0]]), ["a", "a", "b", "b"])
    found = model.probabilities(np.array([[1.0]]))[0]
    assert np.log(found[0] / found[1]) == pytest.approx(4 / model.temperature)


def test_left_out_mean_is_the_mean_of_the_others() -> None:
    # Without x = 1 class a is {-1}; S = (0 + 2) / 4 = 0.5 (divided by all four). At x = 1: 2^2 / 0.5 = 8 to a, and
    # (1 - 4)^2 / 0.5 = 18 to b. Shrinkage in one dimension adds its share of the full variance 1.
    model = Discriminant.fit(np.array([[-1.0], [1.0], [3.0], [5.0]]), ["a", "a", "b", "b"])
    variance = 1 - model.scatter_share * 2
    found = model.probabilities(np.array([[1.0]]), labels=["a"], parents=np.array([[1]]))[0]
    assert np.log(found[0] / found[1]) == pytest.approx((9 - 4) / variance / (2 * model.temperature))


def test_parents_left_out_uncover_a_planted_leak() -> None:
    # Labels are drawn by lot: nothing can be known about them. A discriminant that has seen the parents is sure.
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(80, 60)).astype(np.float32)
    labels = np.array(["a", "b"] * 40, dtype=object)
    parents = np.array([[row, (row + 2) % 80] for row in range(80)])
    mixes = vectors[parents].mean(axis=1)
    model = Discriminant.fit(vectors, labels)
    leaky = label_scores(model, mixes, labels, np.full_like(parents, -1))
    honest = label_scores(model, mixes, labels, parents)
    assert (leaky > 0.5).mean() > 0.85
    assert (honest > 0.5).mean() < 0.6


def test_a_parent_named_twice_is_left_out_once() -> None:
    vectors, labels = three_classes()
    model = Discriminant.fit(vectors, labels)
    once, twice = (
        model.probabilities(vectors[[8]], labels=["b"], parents=np.array([parents])) for parents in ([8, -1], [8, 8])
    )
    assert np.array_equal(once, twice)
    assert is_first_mention(np.array([[-1, 3, 3]])).tolist() == [[False, True, False]]


def test_a_class_that_would_be_left_with_nothing_keeps_its_texts() -> None:
    vectors, labels = three_classes()
    labels[:7] = ["a", *"bbbccc"]
    model = Discriminant.fit(vectors, labels)
    kept, plain = (model.probabilities(vectors[[0]], labels=["a"], parents=np.array([[parent]])) for parent in (0, -1))
    assert np.array_equal(kept, plain)


def test_rows_do_not_depend_on_each_other_beyond_one_block() -> None:
    vectors, labels = three_classes()
    model = Discriminant.fit(vectors, labels)
    many = np.tile(vectors, (50, 1))  # 1,400 rows: more than one block
    found = model.probabilities(many, labels=np.tile(labels, 50), parents=np.tile(np.arange(28), 50)[:, None])
    assert np.allclose(found[:28], found[-28:], atol=1e-12)
    assert np.allclose(found.sum(axis=1), 1)


@pytest.mark.parametrize("vectors", [np.zeros((4, 3)), np.ones((4, 3)), np.eye(4)])
def test_degenerate_vectors_give_probabilities(vectors: np.ndarray) -> None:
    found = Discriminant.fit(vectors, [0, 0, 1, 1]).probabilities(
        vectors, labels=[0, 0, 1, 1], parents=np.arange(4)[:, None]
    )
    assert np.isfinite(found).all()


def test_label_score_is_undefined_for_tiny_classes_and_for_a_single_one() -> None:
    vectors, labels = three_classes()
    labels[:7] = [*["a"] * LEAST_TEXTS, *"bbcc"]
    real = RealTexts(["t"] * len(labels), labels, vectors)
    model = Discriminant.fit(vectors, labels)
    assert np.isnan(label_scores(model, vectors[:1], labels[:1], np.array([[0]]))[0])
    assert not np.isnan(label_scores(model, vectors[:1], labels[:1], np.array([[-1]]))[0])
    fitted = OffLabel().fit(real)
    assert fitted.screen(vectors[10:11], np.array(["a"], dtype=object), np.array([[0]])).tolist() == [True]
    alone = Discriminant.fit(vectors, ["x"] * len(vectors))
    assert np.isnan(label_scores(alone, vectors[:1], np.array(["x"], dtype=object), np.array([[0]]))[0])


def test_sample_weights_are_clipped_label_scores() -> None:
    assert sample_weights(np.array([0.05, 0.5, 1.0, np.nan])).tolist() == [0.1, 0.5, 1.0, 1.0]
