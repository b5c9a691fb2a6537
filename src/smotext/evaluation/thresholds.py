"""Decisions that are moved after a fit on real rows alone: what over-sampling of rare classes has to beat."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import TunedThresholdClassifierCV

from smotext.evaluation.labelled_texts import NotApplicable
from smotext.fitting.heads import as_python_values
from smotext.fitting.new_rows import real_folds
from smotext.fitting.one_vs_rest import count_each, has_sets, is_member, sets_of


def adjusted_predictions(
    probabilities: NDArray[np.float64], classes: Sequence[Any], labels: Sequence[Any]
) -> list[Any]:
    """Return the class of the highest p(y|x)/p(y), as if all classes were equally frequent.

    Parameters
    ----------
    probabilities : ndarray of shape (n_texts, n_classes)
    classes : sequence of n_classes labels
    labels : sequence
        Of the training rows, whose shares are p(y).

    References
    ----------
    Menon et al., "Long-tail learning via logit adjustment", ICLR 2021, equation 9, tau = 1.

    Examples
    --------
    Nine in ten rows are "a"; a text that is "a" with 0.8 alone is therefore more like "b":

    >>> adjusted_predictions(np.array([[0.8, 0.2], [0.95, 0.05]]), ["a", "b"], ["a"] * 9 + ["b"])
    ['b', 'a']
    """
    counts = Counter(labels)
    shares = np.array([counts[label] for label in classes]) / len(labels)
    return [classes[place] for place in np.argmax(np.asarray(probabilities) / shares, axis=1)]


def tuned_threshold_predictions(
    model: Any, texts: Sequence[str], labels: Sequence[Any], test_texts: Sequence[str], *, seed: int, n_folds: int = 5
) -> list[Any]:
    """Return predictions at the threshold with the highest macro-F1 in a cross-validation of the training rows.

    Parameters
    ----------
    model : scikit-learn text classifier
        A fresh copy is fitted.
    texts, labels, test_texts
        Two classes, or label sets: then each label has a threshold of its own.

    Raises
    ------
    NotApplicable
        If there are more classes, too few texts for two folds, or the classifier gives no scores.
    """
    if has_sets(labels):
        return _thresholds_of_sets(model, texts, labels, test_texts, n_folds=n_folds, seed=seed)
    classes = sorted(set(labels), key=str)
    if len(classes) != 2:
        raise NotApplicable(f"there are {len(classes)} classes, and a single threshold parts two")
    if not (hasattr(model, "predict_proba") or hasattr(model, "decision_function")):
        raise NotApplicable("the classifier gives no probabilities")
    codes = np.array([classes.index(label) for label in labels])
    folds = real_folds(texts, labels, n_folds=n_folds, seed=seed)
    splits = [(np.setdiff1d(np.arange(len(codes)), held_out), held_out) for held_out in folds]
    splits = [(kept, out) for kept, out in splits if len(set(codes[kept])) == len(set(codes[out])) == 2]
    if len(splits) < 2:
        raise NotApplicable("too few texts of a class to choose a threshold on")
    tuned = TunedThresholdClassifierCV(clone(model), scoring="f1_macro", cv=splits)
    with warnings.catch_warnings():
        # scikit-learn warns of thresholds with which a class is never predicted.
        warnings.simplefilter("ignore", UserWarning)
        array = np.empty(len(texts), dtype=object)
        array[:] = list(texts)
        found = as_python_values(tuned.fit(array, codes).predict(list(test_texts)))
    return [classes[code] for code in found]


def _thresholds_of_sets(
    model: Any, texts: Sequence[str], labels: Sequence[Any], test_texts: Sequence[str], *, n_folds: int, seed: int
) -> list[Any]:
    """Return label sets, each label's threshold chosen by itself; a label with too few texts is predicted for none."""
    classes = sorted(count_each(labels), key=str)
    found = np.zeros((len(test_texts), len(classes)), dtype=np.bool_)
    n_moved = 0
    for column, has in enumerate(is_member(labels, classes).T):
        if has.all():
            found[:, column] = True
            continue
        try:
            found[:, column] = tuned_threshold_predictions(
                model, texts, has.tolist(), test_texts, n_folds=n_folds, seed=seed
            )
            n_moved += 1
        except NotApplicable:
            continue
    if not n_moved:
        raise NotApplicable("too few texts of any label to choose a threshold on, or the classifier gives no scores")
    return sets_of(found, classes).tolist()
