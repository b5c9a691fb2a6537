"""A text classifier as features and a head: what can be asked of it, and fitting it in these two steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from smotext.augmentation.sample_weights import weights_at
from smotext.fitting.one_vs_rest import OneVsRest, has_sets

Weigh = Callable[[Sequence[Any], int, float], NDArray[np.float64]]
"""``weigh(labels, n_real, weight)``: how much each row counts, real rows first."""

Expand = Callable[[Any, Sequence[Any], int], tuple[Any, Any, NDArray[np.float64] | None]]
"""``expand(features, labels, seed)``: feature rows, labels and weights after rows were added in feature space."""


@dataclass(frozen=True)
class Fitting:
    """How rows are fitted on, whatever the classifier.

    Attributes
    ----------
    weigh : callable
        (labels, n_real, weight) to a weight per row.
    with_real : bool
        False: the new rows alone.
    is_balanced : bool
        Whether the head gets ``class_weight="balanced"``.
    expand : callable, optional
        Adds rows in feature space.
    """

    weigh: Weigh = weights_at
    with_real: bool = True
    is_balanced: bool = False
    expand: Expand | None = None


@dataclass(frozen=True)
class Fitted:
    """Fitted features and a fitted head; None where the head reads texts."""

    features: Any
    head: Any

    def predict(self, texts: Sequence[str]) -> list[Any]:
        """Return one label per text, as Python values."""
        return as_python_values(self.head.predict(self.transform(texts)))

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return one probability per text and class, classes as in ``head.classes_``."""
        return np.asarray(self.head.predict_proba(self.transform(texts)))

    def transform(self, texts: Sequence[str]) -> Any:
        """Return what the head reads."""
        return list(texts) if self.features is None else self.features.transform(list(texts))


def head_of(model: Any) -> Any:
    """Return the last step of a pipeline, or the model itself."""
    return model[-1] if isinstance(model, Pipeline) else model


def can_weigh_classes(model: Any) -> bool:
    """Return whether the model's head has a ``class_weight``."""
    return "class_weight" in head_of(model).get_params()


def can_weigh_rows(model: Any) -> bool:
    """Return whether the fit of the model's head takes ``sample_weight``."""
    return has_fit_parameter(head_of(model), "sample_weight")


def has_features(model: Any) -> bool:
    """Return whether the model is a pipeline, whose features can be made once and its last step fitted often."""
    return isinstance(model, Pipeline) and len(model.steps) > 1


def is_fine_tuned(model: Any) -> bool:
    """Return whether an encoder learns with the model, so that each of its fits takes seconds or minutes."""
    return any(getattr(step, "is_fine_tuned", False) for step in ([*model] if isinstance(model, Pipeline) else [model]))


def has_real_head(model: Any) -> bool:
    """Return whether the model's features learn from all rows, and its head from the real ones alone."""
    return has_features(model) and getattr(model[0], "has_real_head", False)


def has_strength(model: Any) -> bool:
    """Return whether the model's head has a ``C``, which says how closely it follows its rows."""
    return "C" in head_of(model).get_params()


def new_features(model: Any) -> Any:
    """Return an unfitted copy of the model's features, or None."""
    return clone(model[:-1]) if has_features(model) else None


def new_head(model: Any, *, strength: float | None = None, is_balanced: bool = False) -> Any:
    """Return an unfitted copy of the model's head with another strength and class weights, where asked for."""
    head = clone(head_of(model))
    changes: dict[str, Any] = {"C": strength} if strength is not None else {}
    if is_balanced:
        changes["class_weight"] = "balanced"
    return head.set_params(**changes) if changes else head


def fit_head(head: Any, rows: Any, labels: Sequence[Any], weights: NDArray[np.float64] | None) -> Any:
    """Return the head after its fit; rows of weight 0 are left out, and equal weights are none.

    Where texts have several labels, the head is one for each label.
    """
    if has_sets(labels):
        head = OneVsRest(head)
    if weights is None or (weights == 1).all():
        return head.fit(rows, labels)
    kept = np.flatnonzero(weights > 0).tolist()
    if len(kept) < len(weights):
        rows = [rows[row] for row in kept] if isinstance(rows, list) else rows[kept]
        labels, weights = [labels[row] for row in kept], weights[kept]
    if (weights == 1).all():
        return head.fit(rows, labels)
    return head.fit(rows, labels, sample_weight=weights)


def as_python_values(values: Any) -> list[Any]:
    """Return predictions as Python values.

    Examples
    --------
    >>> as_python_values(np.array([1, 2]))
    [1, 2]
    """
    return [value.item() if isinstance(value, np.generic) else value for value in values]
