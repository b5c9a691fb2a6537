"""What a set of predictions is worth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.fitting.one_vs_rest import count_each, has_sets, is_member, labels_of

# In classes: their pairs grow with the square.
MAX_CONFUSED = 30


@dataclass(frozen=True)
class ClassificationScores:
    """Scores of one set of predictions, each in [0, 1].

    Attributes
    ----------
    accuracy : float
        Share of rows that are right; of several labels, all of them.
    macro_f1 : float
        Mean F1 over the classes that occur among the true labels.
    weighted_f1 : float
        The same, each class weighing as many rows as it has among the true labels.
    recall : dict of str to float
        Recall of each such class, by the class's name.
    confusion : tuple of (str, str, int)
        How many rows of which class were taken for which, pairs that occur; empty where there are too many classes
        for anybody to look at, where texts have several labels, and in results that an earlier version kept.
    """

    accuracy: float
    macro_f1: float
    weighted_f1: float
    recall: dict[str, float]
    confusion: tuple[tuple[str, str, int], ...] = ()


def score(truth: Sequence[Any], predicted: Sequence[Any]) -> ClassificationScores:
    """Return the scores of `predicted` against `truth`.

    A class that is predicted but never true counts as a miss where it is predicted and adds no F1 of its
    own, so that the mean runs over the same classes whatever is predicted.

    Parameters
    ----------
    truth, predicted : sequences of labels, at least one, row-aligned

    Examples
    --------
    >>> score(["a", "a", "a", "b"], ["a", "a", "b", "b"])
    ClassificationScores(accuracy=0.75, macro_f1=0.733..., weighted_f1=0.766..., recall={'a': 0.666..., 'b': 1.0},
           confusion=(('a', 'a', 2), ('a', 'b', 1), ('b', 'b', 1)))
    """
    classes = sorted(count_each(truth), key=str)
    true, guess = is_member(truth, classes), is_member(predicted, classes)
    hits = [set(labels_of(one)) == set(labels_of(other)) for one, other in zip(truth, predicted, strict=True)]
    support, predictions, correct = true.sum(axis=0), guess.sum(axis=0), (true & guess).sum(axis=0)
    # The harmonic mean of correct / support and correct / predictions.
    f1 = 2 * correct / (support + predictions)
    return ClassificationScores(
        accuracy=float(np.mean(hits)),
        macro_f1=float(f1.mean()),
        weighted_f1=float((f1 * support).sum() / support.sum()),
        recall={str(label): float(c / s) for label, c, s in zip(classes, correct, support, strict=True)},
        confusion=_confusion(truth, predicted) if len(classes) <= MAX_CONFUSED and not has_sets(truth) else (),
    )


def _confusion(truth: Sequence[Any], predicted: Sequence[Any]) -> tuple[tuple[str, str, int], ...]:
    counts = Counter((str(label), str(guess)) for label, guess in zip(truth, predicted, strict=True))
    return tuple((*pair, number) for pair, number in sorted(counts.items()))


def resampled_macro_f1(truth: Sequence[Any], predicted: Sequence[Any], draws: NDArray[Any]) -> NDArray[np.float64]:
    """Return the macro-F1 of `predicted` on each resample of the rows.

    Parameters
    ----------
    truth, predicted : sequences of labels of length n_rows, row-aligned
    draws : ndarray of shape (n_draws, n_rows)
        How often each row occurs in each resample.

    Returns
    -------
    ndarray of shape (n_draws,)
        Each in [0, 1]; the mean runs over the classes that occur in the resample.

    Examples
    --------
    The rows as they are, and only the first and the last, twice each:

    >>> resampled_macro_f1(["a", "a", "a", "b"], ["a", "a", "b", "b"], np.array([[1, 1, 1, 1], [2, 0, 0, 2]])).tolist()
    [0.733..., 1.0]
    """
    classes = sorted(count_each(truth), key=str)
    is_true, is_guess = (is_member(some, classes).astype(float) for some in (truth, predicted))  # (n_rows, n_classes)
    support, predictions, correct = draws @ is_true, draws @ is_guess, draws @ (is_true * is_guess)
    f1 = 2 * correct / np.maximum(1, support + predictions)  # (n_draws, n_classes)
    return (f1 * (support > 0)).sum(axis=1) / (support > 0).sum(axis=1)
