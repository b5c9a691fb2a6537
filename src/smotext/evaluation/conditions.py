"""The training sets that are compared: the real rows, and what each kind of augmentation makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.errors import unknown_name
from smotext.evaluation.classifiers import can_weigh_classes, can_weigh_rows, has_features
from smotext.evaluation.data import Fold, Generate, LabelledTexts, labelled
from smotext.evaluation.word_edits import generate_copies, generate_edits, generate_random_words
from smotext.weights import half_weights

REAL, WITH_SMOTEXT, ONLY_SMOTEXT = "real", "real + SMOTExT", "SMOTExT only"
HALF_WEIGHT = "real + SMOTExT at half weight"
DUPLICATED, EDITED, RANDOM_WORDS = "duplicated", "word edits", "random words"
SMOTE_ROWS, WEIGHTED = "SMOTE on features", "class weights"
PARAPHRASED, RETRIEVED, MORE_REAL = "paraphrase", "retrieval", "more real"

CHEAP = (DUPLICATED, EDITED, RANDOM_WORDS, SMOTE_ROWS, WEIGHTED)
"""Alternatives that need no language model."""

CONDITIONS: dict[str, str] = {
    REAL: "the real rows alone",
    WITH_SMOTEXT: "the real rows and the synthetic ones",
    HALF_WEIGHT: "the same rows, the real ones weighing at least half of their class (smotext.weights.half_weights)",
    ONLY_SMOTEXT: "the synthetic rows alone",
    DUPLICATED: "the real rows and copies of them",
    EDITED: "the real rows and copies with words swapped, deleted or repeated",
    RANDOM_WORDS: "the real rows and meaningless ones, of words drawn from all classes: what more rows alone do",
    SMOTE_ROWS: "the real rows and SMOTE's interpolated feature rows",
    WEIGHTED: "the real rows, rare classes weighing more",
    PARAPHRASED: "the real rows and decodes of their own vectors, unmixed (lam = 1)",
    RETRIEVED: "the real rows and, for each mixed vector, the nearest passage of a corpus instead of a decode",
    MORE_REAL: "the real rows and further real ones, as far as there are any: the ceiling",
}

GENERATOR_OF = {
    WITH_SMOTEXT: "smotext",
    HALF_WEIGHT: "smotext",
    ONLY_SMOTEXT: "smotext",
    PARAPHRASED: "paraphrase",
    RETRIEVED: "retrieval",
    DUPLICATED: "copies",
    EDITED: "word edits",
    RANDOM_WORDS: "random words",
}
"""Which generator a condition's new texts come from."""

BUILT_IN: Mapping[str, Generate] = {
    "copies": generate_copies,
    "word edits": generate_edits,
    "random words": generate_random_words,
}


class NotApplicable(Exception):
    """A condition that cannot be had in a fold or with a model; the message says why."""


@dataclass(frozen=True)
class TrainingSet:
    """What a model is fitted on.

    Attributes
    ----------
    rows : LabelledTexts
        Real and new rows.
    smote_rows : dict of label to int, optional
        Rows to interpolate in feature space on top.
    weigh_classes : bool
        Whether classes weigh inversely to their rows.
    weights : ndarray of shape (n_rows,), optional
        How much each row counts.
    """

    rows: LabelledTexts
    smote_rows: dict[Any, int] | None = None
    weigh_classes: bool = False
    weights: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.rows) + sum((self.smote_rows or {}).values())


def check_conditions(names: list[str]) -> list[str]:
    """Return the names in the table's order, ``"real"`` always among them.

    Raises
    ------
    UnknownNameError
        If a name is none of :data:`CONDITIONS`.
    """
    for name in names:
        if name not in CONDITIONS:
            raise unknown_name("condition", name, CONDITIONS)
    return [name for name in CONDITIONS if name in {REAL, *names}]


def training_set(condition: str, fold: Fold, model: Any, new: LabelledTexts) -> TrainingSet:
    """Return what `model` is fitted on under `condition`.

    Parameters
    ----------
    condition : str
        One of :data:`CONDITIONS`.
    fold : Fold
        Supplies the real rows and how many rows to add to each class.
    model : scikit-learn classifier
        Asked whether its features can be interpolated and its classes weighed.
    new : LabelledTexts
        The fold's new rows from the condition's generator; none where it has none.

    Raises
    ------
    NotApplicable
        If there is no such training set here.
    """
    real = TrainingSet(fold.train)
    if condition == REAL:
        return real
    if condition == WEIGHTED:
        _require(len(set(fold.train.counts.values())) > 1, "the classes are balanced")
        _require(can_weigh_classes(model), "the classifier has no class weights")
        return replace(real, weigh_classes=True)
    if condition == SMOTE_ROWS:
        _require(has_features(model), "the classifier is no pipeline of features and a head")
        return replace(real, smote_rows=fold.new_rows)
    if condition == MORE_REAL:
        return TrainingSet(_joined(fold.train, _spare_rows(fold)))
    if condition == ONLY_SMOTEXT:
        _require(min(fold.new_rows.values()) > 0, "some classes get no synthetic rows")
        return TrainingSet(new)
    joined = _joined(fold.train, new)
    if condition == HALF_WEIGHT:
        _require(can_weigh_rows(model), "the classifier's fit takes no sample_weight")
        return TrainingSet(joined, weights=half_weights(joined.labels, len(fold.train)))
    return TrainingSet(joined)


def _spare_rows(fold: Fold) -> LabelledTexts:
    """Return as many spare real rows per class as an augmentation adds, fewer where there are fewer."""
    rng = np.random.default_rng(fold.seed)
    labels = np.asarray(fold.spare.labels, dtype=object)
    rows = [rng.permutation(np.flatnonzero(labels == label))[:count] for label, count in fold.new_rows.items()]
    chosen = np.concatenate(rows)
    _require(len(chosen) > 0, "no real rows are left")
    return fold.spare.take(chosen)


def _joined(first: LabelledTexts, second: LabelledTexts) -> LabelledTexts:
    return labelled(first.texts + second.texts, first.labels + second.labels)


def _require(is_met: bool, reason: str) -> None:
    if not is_met:
        raise NotApplicable(reason)
