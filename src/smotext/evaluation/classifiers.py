"""What is trained: a frozen encoder with a head, TF-IDF with a head, or any scikit-learn text classifier."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils.validation import has_fit_parameter

from smotext.errors import InputError

FROZEN, TFIDF = "frozen encoder", "TF-IDF"


class EncoderFeatures(TransformerMixin, BaseEstimator):
    """A frozen encoder as a transformer; nothing is fitted, and no text is encoded twice.

    Parameters
    ----------
    encoder : object with ``encode(texts) -> ndarray of shape (n_texts, vector_dim)``
    name : str
        Tells this encoder from others where results are kept.
    """

    def __init__(self, encoder: Any, name: str = "encoder") -> None:
        self.encoder, self.name = encoder, name
        self._vectors: dict[str, NDArray[Any]] = {}

    def __sklearn_clone__(self) -> EncoderFeatures:
        return self  # stateless but for the vectors, which every fold shares

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, texts: Sequence[str], labels: Any = None) -> EncoderFeatures:
        """Return self."""
        return self

    def transform(self, texts: Sequence[str]) -> NDArray[Any]:
        """Return one vector per text."""
        return self.encode(texts)

    def encode(self, texts: Sequence[str]) -> NDArray[Any]:
        """Return one vector per text, so that this is an encoder as well."""
        new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if new:
            self._vectors.update(zip(new, np.asarray(self.encoder.encode(new)), strict=True))
        return np.stack([self._vectors[text] for text in texts])


def frozen_encoder(encoder: Any, name: str = "encoder") -> Pipeline:
    """Return the paper's classifier: a logistic head on the vectors of an encoder that stays as it is.

    The head's strength is scikit-learn's default, as in :func:`tfidf`: what people run.
    """
    return make_pipeline(EncoderFeatures(encoder, name), LogisticRegression(max_iter=2000))


def tfidf() -> Pipeline:
    """Return what most people run: logistic regression on the TF-IDF of all words.

    No stop words: they are the signal in questions ("who", "when"), and a list is bound to one language.
    """
    return make_pipeline(TfidfVectorizer(sublinear_tf=True), LogisticRegression(max_iter=2000))


def load_classifier(name: str) -> Any:
    """Return the scikit-learn classifier that ``package.module:name`` refers to; a class or function is called.

    Raises
    ------
    InputError
        If there is no such thing, or it can't be fitted.

    Examples
    --------
    >>> load_classifier("sklearn.dummy:DummyClassifier")
    DummyClassifier()
    """
    module, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            f"classifier {name!r} cannot be loaded ({error}): expected 'frozen', 'tfidf' or 'package.module:name'"
        ) from error
    try:
        classifier = found if hasattr(found, "fit") and not isinstance(found, type) else found()
    except Exception as error:  # of whatever was named
        raise InputError(f"classifier {name!r} cannot be made without arguments: {error}") from error
    if not (hasattr(classifier, "fit") and hasattr(classifier, "predict")):
        raise InputError(f"classifier {name!r} has no fit and predict: expected a scikit-learn text classifier")
    return classifier


def can_weigh_classes(model: Any) -> bool:
    """Return whether the model's head has a ``class_weight``."""
    return "class_weight" in _head(model).get_params()


def can_weigh_rows(model: Any) -> bool:
    """Return whether the fit of the model's head takes ``sample_weight``."""
    return has_fit_parameter(_head(model), "sample_weight")


def has_features(model: Any) -> bool:
    """Return whether the model is a pipeline, whose features can be interpolated before its last step."""
    return isinstance(model, Pipeline) and len(model.steps) > 1


def fit_predict(
    model: Any,
    texts: Sequence[str],
    labels: Sequence[Any],
    test_texts: Sequence[str],
    *,
    smote_rows: Mapping[Any, int] | None = None,
    weigh_classes: bool = False,
    weights: NDArray[np.float64] | None = None,
    seed: int = 0,
) -> list[Any]:
    """Return the predictions for `test_texts` of a fresh copy of `model` fitted on `texts` alone.

    Parameters
    ----------
    smote_rows : mapping of label to int, optional
        So many feature rows are interpolated per class before the head is fitted.
    weigh_classes : bool
        Fit the head with ``class_weight="balanced"``.
    weights : ndarray of shape (n_texts,), optional
        The head's ``sample_weight``; not together with `smote_rows`.
    seed : int
        Seed of the interpolation.
    """
    model = clone(model)
    if weigh_classes:
        _head(model).set_params(class_weight="balanced")
    if smote_rows is None:
        step = f"{model.steps[-1][0]}__" if isinstance(model, Pipeline) else ""
        options = {} if weights is None else {f"{step}sample_weight": weights}
        predicted = model.fit(list(texts), list(labels), **options).predict(list(test_texts))
    else:
        features = model[:-1].fit(list(texts), list(labels))
        rows, targets = interpolate_rows(features.transform(list(texts)), list(labels), smote_rows, seed)
        predicted = model[-1].fit(rows, targets).predict(features.transform(list(test_texts)))
    return [value.item() if isinstance(value, np.generic) else value for value in predicted]


def interpolate_rows(rows: Any, labels: Sequence[Any], n_new: Mapping[Any, int], seed: int) -> tuple[Any, Any]:
    """Return feature rows and labels after imbalanced-learn's SMOTE has added `n_new` rows to each class.

    A class of n rows uses ``min(5, n - 1)`` neighbours; the only row of a class is repeated.
    """
    from imblearn.over_sampling import SMOTE, RandomOverSampler

    targets = np.asarray(labels)
    counts = {label: int((targets == label).sum()) for label in n_new}
    for n_neighbors in range(6):
        sized = [label for label, count in counts.items() if min(5, count - 1) == n_neighbors]
        totals = {label: counts[label] + n_new[label] for label in sized if n_new[label]}
        if not totals:
            continue
        common = {"sampling_strategy": totals, "random_state": seed}
        sampler = SMOTE(k_neighbors=n_neighbors, **common) if n_neighbors else RandomOverSampler(**common)
        rows, targets = sampler.fit_resample(rows, targets)
    return rows, targets


def _head(model: Any) -> Any:
    return model[-1] if isinstance(model, Pipeline) else model
