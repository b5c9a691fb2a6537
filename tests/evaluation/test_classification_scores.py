import numpy as np
import pytest

from smotext.evaluation.classification_scores import resampled_macro_f1, score


def test_scores_equal_those_worked_out_by_hand():
    # a: 3 true, 2 predicted, 2 correct -> precision 1, recall 2/3, F1 4/5
    # b: 1 true, 2 predicted, 1 correct -> precision 1/2, recall 1, F1 2/3
    found = score(["a", "a", "a", "b"], ["a", "a", "b", "b"])
    assert found.accuracy == pytest.approx(3 / 4)
    assert found.macro_f1 == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert found.weighted_f1 == pytest.approx((3 * 4 / 5 + 1 * 2 / 3) / 4)
    assert found.recall == {"a": pytest.approx(2 / 3), "b": 1.0}


def test_a_class_that_is_never_predicted_scores_zero():
    found = score(["a", "b"], ["a", "a"])
    assert found.macro_f1 == pytest.approx((2 / 3 + 0) / 2)
    assert found.recall == {"a": 1.0, "b": 0.0}


def test_a_class_that_is_only_predicted_adds_no_term_to_the_mean():
    assert score([1, 1], [1, 2]).macro_f1 == pytest.approx(2 / 3)


def test_scores_agree_with_scikit_learn_when_all_classes_occur():
    from sklearn.metrics import accuracy_score, f1_score

    truth, predicted = [0, 1, 2, 2, 1, 0, 0, 2, 1, 1], [0, 2, 2, 1, 1, 0, 1, 2, 0, 1]
    found = score(truth, predicted)
    assert found.accuracy == pytest.approx(accuracy_score(truth, predicted))
    assert found.macro_f1 == pytest.approx(f1_score(truth, predicted, average="macro"))
    assert found.weighted_f1 == pytest.approx(f1_score(truth, predicted, average="weighted"))


def test_a_resample_scores_as_its_rows_written_out_do():
    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(0, 4, size=12).tolist(), rng.integers(0, 5, size=12).tolist()
    draws = rng.multinomial(12, np.full(12, 1 / 12), size=20)
    found = resampled_macro_f1(truth, predicted, draws)
    for value, counts in zip(found, draws, strict=True):
        rows = np.repeat(np.arange(12), counts)
        assert value == pytest.approx(score([truth[row] for row in rows], [predicted[row] for row in rows]).macro_f1)
