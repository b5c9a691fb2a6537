"""What is trained: a frozen encoder with a head, TF-IDF with a head, or any scikit-learn text classifier."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import normalize
from sklearn.svm import LinearSVC

from smotext.errors import InputError

FROZEN, TFIDF, LSA = "frozen encoder", "TF-IDF", "TF-IDF and SVD"
SVM, BOOSTING = "linear SVM on TF-IDF", "boosting on the frozen encoder"


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
        # There is no state but the vectors, which all folds share.
        return self

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
    return make_pipeline(EncoderFeatures(encoder, name), logistic_head())


def tfidf() -> Pipeline:
    """Return what most people run: logistic regression on the TF-IDF of all words.

    No stop words: they are the signal in questions ("who", "when"), and a list is bound to one language.
    """
    return make_pipeline(TfidfVectorizer(sublinear_tf=True), logistic_head())


def logistic_head() -> LogisticRegression:
    """Return the head of all classifiers here: logistic regression at scikit-learn's default strength."""
    # Most of a study's time goes into these fits. On a few hundred rows this solver gets to the optimum, which the
    # default one stops short of, in two thirds of its time, or a third where rows are sparse.
    return LogisticRegression(solver="newton-cg", max_iter=2000)


def svm() -> Pipeline:
    """Return a linear support vector machine on the TF-IDF of all words: hard to beat where there is much text."""
    return make_pipeline(TfidfVectorizer(sublinear_tf=True), LinearSVC())


def boosting(features: EncoderFeatures) -> Pipeline:
    """Return gradient-boosted trees on the vectors of a frozen encoder, which need no straight border."""
    return make_pipeline(features, HistGradientBoostingClassifier(random_state=0))


class SvdFeatures(TransformerMixin, BaseEstimator):
    """Unit vectors of latent semantic analysis: a frozen encoder that needs no model and has read nothing else.

    Parameters
    ----------
    n_components : int
        Fewer where there are fewer texts or words.

    Examples
    --------
    >>> SvdFeatures(2).fit_transform(["red cat", "red dog", "blue sea"]).shape
    (3, 2)
    """

    def __init__(self, n_components: int = 100) -> None:
        self.n_components = n_components

    def fit(self, texts: Sequence[str], labels: Any = None) -> SvdFeatures:
        """Return self, fitted on the texts."""
        self.words_ = TfidfVectorizer(sublinear_tf=True).fit(texts)
        rows = self.words_.transform(texts)
        n_components = max(1, min(self.n_components, min(rows.shape) - 1))
        self.svd_ = TruncatedSVD(n_components, random_state=0).fit(rows)
        return self

    def transform(self, texts: Sequence[str]) -> NDArray[Any]:
        """Return one vector per text, of length 1 or, for a text of unknown words, 0."""
        return normalize(self.svd_.transform(self.words_.transform(texts)))


def lsa() -> Pipeline:
    """Return a logistic head on TF-IDF reduced by a singular value decomposition.

    Beside a frozen encoder: one that is not the method's own, for what was written from an encoder's vectors has
    little to tell the encoder that made them.
    """
    return make_pipeline(SvdFeatures(), logistic_head())


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
            f"classifier {name!r} cannot be loaded ({error}): expected frozen, tfidf, lsa, svm, boosting, setfit, "
            "fine-tuned, encoder:NAME or 'package.module:name'"
        ) from error
    try:
        classifier = found if hasattr(found, "fit") and not isinstance(found, type) else found()
    except Exception as error:
        # Whatever was named may raise anything.
        raise InputError(f"classifier {name!r} cannot be made without arguments: {error}") from error
    if not (hasattr(classifier, "fit") and hasattr(classifier, "predict")):
        raise InputError(f"classifier {name!r} has no fit and predict: expected a scikit-learn text classifier")
    return classifier


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
