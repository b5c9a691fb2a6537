"""A scikit-learn classifier of texts that writes synthetic rows and chooses how much they weigh."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from smotext.augmentation.sample_weights import weights_at
from smotext.augmentation.text_sampler import TextInputMixin
from smotext.data.class_counts import new_rows_for_strategy
from smotext.data.corpus import make_corpus
from smotext.data.label_sets import has_label_sets, new_rows_for_sets, read_label_sets
from smotext.data.validation import check_count, check_labels, check_texts, natural
from smotext.errors import InputError, SmotextWarning
from smotext.fitting.choosing import (
    N_CHOICE_FOLDS,
    STRENGTHS,
    WEIGHTS,
    FittingRows,
    candidates_for,
    choose_fit,
    fit_each,
    resolve_score,
)
from smotext.fitting.heads import has_features
from smotext.fitting.new_rows import NewRows, new_rows_of
from smotext.fitting.one_vs_rest import count_each, has_sets, is_member, set_weights
from smotext.sampler import SMOTExT
from smotext.utils.seeding import root_seed, stable_hash


def _has(name: str) -> Any:
    """Return a check of whether the classifier that is wrapped has a method; its head is asked before it is fitted."""

    def check(self: SMOTExTClassifier) -> bool:
        getattr(self.estimator_ if hasattr(self, "estimator_") else self._base(), name)
        return True

    return check


class SMOTExTClassifier(TextInputMixin, MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """A text classifier on real and synthetic rows, whose weight is chosen on the real rows alone.

    ``fit`` writes synthetic texts, then tries each of `weights` with each of `Cs` in a cross-validation that is scored
    on real rows, and fits the classifier on all rows with what came out best. 0 is among the weights: where synthetic
    rows don't help, they are left out. In a fold nothing is used that a row it is scored on had a part in: no
    synthetic text of which it is a parent or was shown in the prompt, or with which it has 13 words in a row in common.

    .. versionadded:: 0.1.0

    Parameters
    ----------
    estimator : scikit-learn text classifier, optional
        A pipeline whose last step takes ``sample_weight``, as most do; with one that doesn't, the weights are 0 or 1.
        None: TF-IDF and logistic regression.
    sampler : SMOTExT, optional
        Writes the texts; None: ``SMOTExT()``.
    n : int or mapping of label to int, optional
        New rows, as in :meth:`SMOTExT.generate`. None: what the sampler's ``sampling_strategy`` says, which adds none
        where the classes are of equal size.
    weights : sequence of float in [0, 1]
        Shares of their class that synthetic rows may hold; see :func:`smotext.augmentation.sample_weights.weights_at`.
    Cs : sequence of float, or None
        Of the last step, where it has a ``C``. None: as it is.
    cv : int
        Folds of the choice.
    scoring : {"f1_macro", "accuracy"} or callable
        ``scoring(y_true, y_pred)`` of all real rows together; the higher, the better.
    random_state : int, RandomState or None
        Of the sampler and of the folds; the sampler's own does not count.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Or all labels, where texts have several.
    is_indicator_ : bool
        Whether labels were given as a matrix, and are predicted as one.
    estimator_ : the fitted classifier
    weight_ : float
        What the synthetic rows weigh; 0: they were left out.
    C_ : float or None
        What was chosen for ``C``; None: as the classifier has it.
    choices_ : DataFrame
        Columns ``weight``, ``C`` and ``score``: all that was tried, in the cross-validation.
    synthetic_ : DataFrame
        The synthetic texts with their lineage: keep it private.
    sample_weight_ : ndarray of shape (n_real + n_synthetic,)
        Of the last fit, real rows first.

    See Also
    --------
    smotext.SMOTExT : The rows alone, for classifiers that are trained elsewhere.

    Examples
    --------
    >>> from smotext import SMOTExT
    >>> texts = ["late parcel", "parcel lost", "wrong parcel", "no parcel", "love it", "like it"]
    >>> labels = ["bad", "bad", "bad", "bad", "good", "good"]
    >>> classifier = SMOTExTClassifier(sampler=SMOTExT("echo", k_neighbors=1), random_state=0).fit(texts, labels)
    >>> classifier.predict(["my parcel", "I love it"]).tolist()
    ['bad', 'good']
    >>> classifier.choices_.columns.tolist()
    ['weight', 'C', 'score']
    """

    def __init__(
        self,
        estimator: Any = None,
        *,
        sampler: SMOTExT | None = None,
        n: int | Mapping[Any, int] | None = None,
        weights: Sequence[float] = WEIGHTS,
        Cs: Sequence[float] | None = STRENGTHS,
        cv: int = N_CHOICE_FOLDS,
        scoring: Any = "f1_macro",
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.sampler = sampler
        self.n = n
        self.weights = weights
        self.Cs = Cs
        self.cv = cv
        self.scoring = scoring
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> SMOTExTClassifier:
        """Write texts, choose their weight, and fit the classifier.

        Parameters
        ----------
        X, y
            Texts and labels, as in :meth:`SMOTExT.fit_resample`; rows without a text are left out. With several labels
            a text (an indicator matrix, or label sets), each label gets a copy of the classifier's last step, the
            scores are means over labels, and a scoring of your own gets tuples.

        Returns
        -------
        self

        Raises
        ------
        InputError
            For data or options that cannot be used; a ValueError too.
        """
        texts = check_texts(X)
        real, labels = self._read(texts, y)
        check_count("cv", self.cv, "2 or more folds", least=2)
        score, seed = resolve_score(self.scoring), root_seed(self.random_state)
        if len(count_each(labels)) < 2:
            raise InputError("y has one class: a classifier needs 2 or more")
        model, several = self._base(), has_sets(labels)
        # Of which label a fold has too few rows is not defined where they have several: none are written anew.
        rows = FittingRows(real, labels, self._write(real, labels, seed), None if several else self._write_anew)
        candidates = candidates_for(model, rows, weights=self.weights, strengths=() if self.Cs is None else self.Cs)
        choice = choose_fit(model, rows, candidates, n_folds=self.cv, score=score, seed=seed)
        ((_, fitted),) = fit_each(model, rows, [choice.best])
        self.estimator_ = _assembled(model, fitted.features, fitted.head)
        self.weight_, self.C_ = choice.weight, choice.strength
        self.choices_ = pd.DataFrame(
            [(one.weight, one.strength, choice.scores.get(one, np.nan)) for one in candidates],
            columns=["weight", "C", "score"],
        )
        if several:
            self.sample_weight_ = set_weights(len(rows.texts), len(rows.new), choice.weight)
        else:
            self.sample_weight_ = weights_at([*rows.labels, *rows.new.labels], len(rows.texts), choice.weight)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the label of each text; where there are several, a matrix of 0 and 1 or label sets, as given."""
        found = np.asarray(self._fitted().predict(self._texts(X)))
        return is_member(found.tolist(), self.classes_.tolist()).astype(int) if self.is_indicator_ else found

    @available_if(_has("predict_proba"))
    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return one probability per text and class, classes as in ``classes_``."""
        return self._fitted().predict_proba(self._texts(X))

    @available_if(_has("decision_function"))
    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Return the classifier's scores of each text."""
        return self._fitted().decision_function(self._texts(X))

    def _read(self, texts: NDArray[np.object_], y: Any) -> tuple[list[str], list[Any]]:
        """Return the texts that are there and the label of each, or its label set; keep the classes."""
        self.is_indicator_ = False
        if not has_label_sets(y):
            corpus = make_corpus(texts, check_labels(y, len(texts)))
            labels = natural(corpus.labels)
            self.classes_ = np.unique(labels)
            return corpus.texts, list(labels.tolist())
        sets = read_label_sets(y, len(texts))
        self.is_indicator_ = sets.is_indicator
        self.classes_ = np.array(sets.labels)
        corpus = make_corpus(texts, np.arange(len(texts), dtype=object))
        return corpus.texts, [sets.sets[row] for row in corpus.rows]

    def _fitted(self) -> Any:
        check_is_fitted(self)
        return self.estimator_

    def _texts(self, X: Any) -> list[str]:
        """Return the texts; what is missing is an empty one."""
        return [text if isinstance(text, str) else "" for text in check_texts(X)]

    def _base(self) -> Any:
        if self.estimator is not None:
            return self.estimator
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression

        return make_pipeline(TfidfVectorizer(sublinear_tf=True), LogisticRegression(max_iter=2000))

    def _write(self, texts: Sequence[str], labels: Sequence[Any], seed: int) -> NewRows:
        """Return the synthetic rows, and keep their table."""
        sampler = self._sampler(seed)
        n = self.n
        if n is None and has_sets(labels):
            n = new_rows_for_sets(sampler.sampling_strategy, count_each(labels))
        elif n is None:
            n = new_rows_for_strategy(sampler.sampling_strategy, np.array(labels, dtype=object))
        self.synthetic_ = sampler.generate(list(texts), list(labels), n)
        return new_rows_of(self.synthetic_)

    def _write_anew(self, texts: Sequence[str], labels: Sequence[Any], n_new: Mapping[Any, int], seed: int) -> NewRows:
        sampler = self._sampler(stable_hash(seed) % 2**31)
        with warnings.catch_warnings():
            # What had to be adapted was told when the whole data were augmented.
            warnings.simplefilter("ignore", SmotextWarning)
            return new_rows_of(sampler.generate(list(texts), list(labels), n_new))

    def _sampler(self, seed: int) -> Any:
        sampler = SMOTExT() if self.sampler is None else self.sampler
        return clone(sampler).set_params(random_state=seed)


def _assembled(model: Any, features: Any, head: Any) -> Any:
    """Return fitted features and head as the classifier they are of."""
    if not has_features(model):
        return Pipeline([(model.steps[0][0], head)]) if isinstance(model, Pipeline) else head
    return Pipeline([*features.steps, (model.steps[-1][0], head)])
