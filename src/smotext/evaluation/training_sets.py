"""The training sets that are compared, what each is fitted with, and what comes of it on the test rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.naive_bayes import ComplementNB
from sklearn.pipeline import Pipeline

from smotext.augmentation.sample_weights import half_weights
from smotext.evaluation.conditions import (
    ADJUSTED,
    COMPLEMENT,
    MIXUP,
    MORE_REAL,
    ONLY_SMOTEXT,
    REAL,
    SMOTE_ROWS,
    THRESHOLD,
    WEIGHTED,
    base_of,
    weighting_of,
)
from smotext.evaluation.feature_space import Interpolated, Mixup
from smotext.evaluation.labelled_texts import Fold, LabelledTexts, NotApplicable, labelled
from smotext.evaluation.thresholds import adjusted_predictions, tuned_threshold_predictions
from smotext.fitting.choosing import STRENGTHS, WEIGHTS, Candidate, FittingRows, candidates_for, choose_fit, fit_each
from smotext.fitting.heads import (
    Fitted,
    Fitting,
    can_weigh_classes,
    can_weigh_rows,
    has_features,
    has_real_head,
    has_strength,
    head_of,
)
from smotext.fitting.new_rows import NewRows, WriteNewRows
from smotext.fitting.one_vs_rest import has_sets, is_member, set_weights


@dataclass(frozen=True)
class TrainingSet:
    """What a model is fitted on, and how.

    Attributes
    ----------
    real : LabelledTexts
    new : NewRows
    fitting : Fitting
        Class weights, rows in feature space, and whether the real rows are there.
    weights : tuple of float
        What new rows may weigh; of several, one is chosen.
    decision : str
        ``ADJUSTED`` or ``THRESHOLD``, where the decision is moved after the fit.
    write : callable, optional
        Writes new rows of the kind, for the folds of a choice.
    """

    real: LabelledTexts
    new: NewRows = field(default_factory=NewRows)
    fitting: Fitting = field(default_factory=Fitting)
    weights: tuple[float, ...] = (1.0,)
    decision: str = ""
    write: WriteNewRows | None = None

    def __len__(self) -> int:
        expand = self.fitting.expand
        n_added = sum(expand.n_new.values()) if isinstance(expand, Interpolated | Mixup) else 0
        return len(self.new) + n_added + (len(self.real) if self.fitting.with_real else 0)


@dataclass(frozen=True)
class FitOutcome:
    """Predictions, and what was chosen to get them.

    Attributes
    ----------
    predicted : list
    weight : float or None
        What new rows weigh, where that was chosen.
    strength : float or None
        The head's ``C``, where that was chosen.
    """

    predicted: list[Any]
    weight: float | None = None
    strength: float | None = None


def training_set(
    condition: str, fold: Fold, model: Any, new: NewRows, write: WriteNewRows | None = None
) -> TrainingSet:
    """Return what `model` is fitted on under `condition`.

    Parameters
    ----------
    condition : str
        One of :data:`~smotext.evaluation.conditions.CONDITIONS`.
    fold : Fold
        Supplies the real rows and how many rows to add to each class.
    model : scikit-learn classifier
        Asked whether its features can be interpolated and its classes weighed.
    new : NewRows
        The fold's new rows from the condition's generator; none where it has none.
    write : callable, optional
        The generator, for the folds of a choice.

    Raises
    ------
    NotApplicable
        If there is no such training set here.
    """
    real, base, weighting = TrainingSet(fold.train), base_of(condition), weighting_of(condition)
    is_balanced = len(set(fold.train.counts.values())) == 1
    if base in (REAL, COMPLEMENT):
        return real
    if base == WEIGHTED:
        _require(not is_balanced, "the classes are balanced")
        _require(can_weigh_classes(model), "the classifier has no class weights")
        return replace(real, fitting=Fitting(is_balanced=True))
    if base == ADJUSTED:
        _require(not has_sets(fold.train.labels), "it chooses between classes, and these texts have several labels")
        _require(not is_balanced, "the classes are balanced")
        _require(hasattr(model, "predict_proba"), "the classifier gives no probabilities")
        return replace(real, decision=ADJUSTED)
    if base == THRESHOLD:
        return replace(real, decision=THRESHOLD)
    if base in (SMOTE_ROWS, MIXUP):
        _require(not has_sets(fold.train.labels), "it adds rows of one class each, and these texts have several labels")
        _require(has_features(model), "the classifier is no pipeline of features and a head")
        is_half = weighting == "half"
        _require(can_weigh_rows(model) or not (is_half or base == MIXUP), "the classifier's fit takes no sample_weight")
        counts = fold.train.counts, fold.new_rows
        return replace(
            real, fitting=Fitting(expand=Mixup(*counts) if base == MIXUP else Interpolated(*counts, is_half))
        )
    if base == MORE_REAL:
        return TrainingSet(_joined(fold.train, _spare_rows(fold)))
    if base == ONLY_SMOTEXT:
        _require(min(fold.new_rows.values()) > 0, "some classes get no synthetic rows")
        return TrainingSet(fold.train, new, Fitting(with_real=False), write=write)
    if weighting == "half":
        _require(can_weigh_rows(model), "the classifier's fit takes no sample_weight")
        _require(not has_real_head(model), "the classifier's head is fitted on real rows alone")
        return TrainingSet(fold.train, new, Fitting(weigh=_half), write=write)
    return TrainingSet(fold.train, new, weights=WEIGHTS if weighting == "chosen" else (1.0,), write=write)


def model_for(condition: str, model: Any) -> Any:
    """Return the model that a condition trains: the given one, but for ComplementNB.

    Raises
    ------
    NotApplicable
        If the model is no pipeline whose head can be exchanged.
    """
    if base_of(condition) != COMPLEMENT:
        return model
    _require(has_features(model), "the classifier is no pipeline of features and a head")
    return Pipeline([*clone(model[:-1]).steps, ("complementnb", ComplementNB())])


def fit_predict(
    training: TrainingSet, model: Any, test_texts: Sequence[str], *, is_tuned: bool = False, seed: int = 0
) -> FitOutcome:
    """Return the predictions for `test_texts` of a fresh copy of `model`.

    Parameters
    ----------
    training : TrainingSet
    model : scikit-learn text classifier
    test_texts : sequence of str
    is_tuned : bool
        Whether the head's ``C`` is chosen, too, in a cross-validation of the training rows.
    seed : int
        Of folds, and of rows in feature space.

    Raises
    ------
    NotApplicable
        If the condition cannot be had with the model after all.
    """
    rows = FittingRows(training.real.texts, training.real.labels, training.new, training.write)
    strengths = STRENGTHS if is_tuned else ()
    candidates = candidates_for(model, rows, weights=training.weights, strengths=strengths)
    if len(candidates) > 1:
        choice = choose_fit(model, rows, candidates, fitting=training.fitting, seed=seed).best
    else:
        choice = candidates[0]
    strength = choice.strength if is_tuned and has_strength(model) else None
    if training.decision == THRESHOLD:
        predicted = _at_threshold(training, model, choice, test_texts, seed)
    else:
        try:
            ((_, fitted),) = fit_each(model, rows, [choice], training.fitting, seed=seed)
        except ValueError as error:
            _require(not _has_complement(model), f"ComplementNB takes no negative features ({error})")
            raise
        predicted = _predictions(training, fitted, test_texts)
    return FitOutcome(predicted, choice.weight if len(training.weights) > 1 else None, strength)


def _predictions(training: TrainingSet, fitted: Fitted, test_texts: Sequence[str]) -> list[Any]:
    if training.decision != ADJUSTED:
        return fitted.predict(test_texts)
    classes = np.asarray(fitted.head.classes_).tolist()
    return adjusted_predictions(fitted.predict_proba(test_texts), classes, training.real.labels)


def _at_threshold(
    training: TrainingSet, model: Any, choice: Candidate, test_texts: Sequence[str], seed: int
) -> list[Any]:
    fresh = clone(model)
    if choice.strength is not None:
        head_of(fresh).set_params(C=choice.strength)
    real = training.real
    return tuned_threshold_predictions(fresh, real.texts, real.labels, test_texts, seed=seed)


def _has_complement(model: Any) -> bool:
    return isinstance(head_of(model), ComplementNB)


def _half(labels: Sequence[Any], n_real: int, weight: float) -> Any:
    if has_sets(labels):
        # New rows weigh no more together than the real ones.
        return set_weights(n_real, len(labels) - n_real, min(1.0, n_real / max(1, len(labels) - n_real)))
    return half_weights(list(labels), n_real)


def _spare_rows(fold: Fold) -> LabelledTexts:
    """Return as many spare real rows per class as an augmentation adds, fewer where there are fewer."""
    rng = np.random.default_rng(fold.seed)
    of_class = zip(is_member(fold.spare.labels, list(fold.new_rows)).T, fold.new_rows.values(), strict=True)
    rows = [rng.permutation(np.flatnonzero(has))[:count] for has, count in of_class]
    chosen = np.array(list(dict.fromkeys(np.concatenate(rows).tolist())), dtype=int)
    _require(len(chosen) > 0, "no real rows are left")
    return fold.spare.take(chosen)


def _joined(first: LabelledTexts, second: LabelledTexts) -> LabelledTexts:
    return labelled(first.texts + second.texts, first.labels + second.labels)


def _require(is_met: bool, reason: str) -> None:
    if not is_met:
        raise NotApplicable(reason)
