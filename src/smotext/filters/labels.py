"""Whether a text, or the vector it is to be written from, carries its label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.filters.discriminant import Discriminant, is_first_mention
from smotext.filters.protocol import Batch, FilterScores, RealTexts
from smotext.filters.score_bounds import CALIBRATION_ROWS, check_share, evenly_spaced, low_bound

# So many texts of a class must be left besides the parents; with fewer a label score says nothing.
LEAST_TEXTS = 3
# The least weight of a row in training: weighting alone silences no row.
LEAST_WEIGHT = 0.1


@dataclass(frozen=True)
class OffLabel:
    """Rejects texts that carry another label than the one they were asked for. Column: ``label_score``.

    The score is the probability of the label under a linear discriminant fitted on the real texts' vectors,
    the row's own parents left out (:mod:`~smotext.filters.discriminant`). It is NaN, and rejects nothing, where
    the class has fewer than three texts besides the parents or there is one class only. Mixed vectors are
    held to the same bound before they are decoded.

    Parameters
    ----------
    share : float
        Share of the real texts, each scored with itself left out, that fall below the bound. Each class has
        the lower of the bound of all texts and the bound of its own, so that no class loses more.
    at_least : float, optional
        The bound itself, for all classes, a probability.
    """

    share: float = 0.05
    at_least: float | None = None
    name: str = "off_label"

    def __post_init__(self) -> None:
        check_share("share", self.share)

    def fit(self, real: RealTexts) -> FittedOffLabel:
        """Return the filter with its discriminant and bounds."""
        model = Discriminant.fit(real.vectors, real.labels)
        scores = {label: _left_out_scores(model, real, label) for label in model.classes}
        overall = low_bound(self.at_least, np.concatenate([*scores.values()]), self.share)
        bounds = {label: min(overall, low_bound(self.at_least, own, self.share)) for label, own in scores.items()}
        return FittedOffLabel(self.name, model, bounds)


@dataclass(frozen=True)
class FittedOffLabel:
    """:class:`OffLabel` with its discriminant and bounds.

    Attributes
    ----------
    name : str
    model : Discriminant
    bounds : mapping of label to float
        The lowest score of each class.
    """

    name: str
    model: Discriminant
    bounds: Mapping[Any, float]

    def __call__(self, batch: Batch) -> tuple[NDArray[np.bool_], FilterScores]:
        """Return which texts carry their label, and the probability that they do."""
        scores = label_scores(self.model, batch.vectors, batch.labels, batch.parents)
        return self._are_kept(scores, batch.labels), {"label_score": scores}

    def screen(
        self, targets: NDArray[np.float32], labels: NDArray[np.object_], parents: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Return which vectors carry their label, before anything is written from them."""
        return self._are_kept(label_scores(self.model, targets, labels, parents), labels)

    def _are_kept(self, scores: NDArray[np.float64], labels: NDArray[np.object_]) -> NDArray[np.bool_]:
        bounds = np.array([self.bounds[label] for label in labels], dtype=np.float64)
        return ~(scores < bounds)


@dataclass(frozen=True)
class SoftLabels:
    """Keeps every text and adds the probability of each class, for training on soft labels (distillation).

    Columns: ``probability_<label>`` for each class, in label order, rows summing to 1; the same probabilities
    as :class:`OffLabel`'s, also for classes too small to be judged.
    """

    name: str = "soft_labels"

    def fit(self, real: RealTexts) -> FittedSoftLabels:
        """Return the filter with its discriminant."""
        return FittedSoftLabels(self.name, Discriminant.fit(real.vectors, real.labels))


@dataclass(frozen=True)
class FittedSoftLabels:
    """:class:`SoftLabels` with its discriminant.

    Attributes
    ----------
    name : str
    model : Discriminant
    """

    name: str
    model: Discriminant

    def __call__(self, batch: Batch) -> tuple[NDArray[np.bool_], FilterScores]:
        """Return that all are kept, and a column of probabilities per class."""
        found = self.model.probabilities(batch.vectors, labels=batch.labels, parents=batch.parents)
        columns = {f"probability_{label}": found[:, place] for place, label in enumerate(self.model.classes)}
        return np.ones(len(batch), dtype=bool), columns


def label_scores(
    model: Discriminant, vectors: NDArray[Any], labels: NDArray[np.object_], parents: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the probability of each row's own label, its parents left out.

    Parameters
    ----------
    model : Discriminant
    vectors : ndarray of shape (n_rows, vector_dim)
    labels : ndarray of shape (n_rows,), object
    parents : ndarray of shape (n_rows, n_parents), int64
        Rows of the real texts; -1 where there is none.

    Returns
    -------
    ndarray of shape (n_rows,), float64
        NaN where the class has fewer than three texts besides the parents, or is the only one.
    """
    codes = model.code_of(labels)
    probabilities = model.probabilities(vectors, labels=labels, parents=parents)
    scores = probabilities[np.arange(len(codes)), codes]
    n_left = model.counts[codes] - is_first_mention(parents).sum(axis=1)
    return np.where((n_left < LEAST_TEXTS) | (len(model.classes) == 1), np.nan, scores)


def _left_out_scores(model: Discriminant, real: RealTexts, label: Any) -> NDArray[np.float64]:
    """Return the scores of a class's real texts (2,000 at most, evenly spaced), each with itself left out."""
    rows = evenly_spaced(np.flatnonzero(real.labels == label), CALIBRATION_ROWS)
    return label_scores(model, real.vectors[rows], real.labels[rows], rows[:, None])


def sample_weights(label_score: NDArray[Any]) -> NDArray[np.float64]:
    """Return how much a row should weigh in training, for those who weight instead of drop.

    Parameters
    ----------
    label_score : ndarray of shape (n_rows,)
        Probability of the row's label; NaN where undefined.

    Returns
    -------
    ndarray of shape (n_rows,), float64
        The score, at least 0.1; 1 where it is undefined.

    Examples
    --------
    >>> sample_weights(np.array([0.8, 0.01, np.nan])).tolist()
    [0.8, 0.1, 1.0]
    """
    scores = np.asarray(label_score, dtype=np.float64)
    return np.where(np.isnan(scores), 1.0, scores).clip(LEAST_WEIGHT, 1.0)
