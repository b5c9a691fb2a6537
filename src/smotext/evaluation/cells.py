"""The cells of a study: what one score belongs to, and what came of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from smotext.evaluation.classification_scores import ClassificationScores
from smotext.evaluation.nearness_to_real import Nearness


@dataclass(frozen=True, order=True)
class Cell:
    """What one score belongs to."""

    setting: str
    seed: int
    condition: str
    model: str


@dataclass(frozen=True)
class Result:
    """One finished cell.

    Attributes
    ----------
    cell : Cell
    n_train, n_test : int
        Rows fitted and tested on.
    n_dropped : int
        Test rows dropped because they overlap the training part.
    n_leaked : int
        New texts dropped because they overlap a test row.
    seconds : float
        Fitting and predicting; making the texts not included.
    scores : ClassificationScores or None
    skipped : str
        Why there are no scores.
    resampled : tuple of float
        Macro-F1 on each resample of the test rows; empty where the seeds' training rows differ.
    weight, strength : float or None
        What new rows weigh and the head's ``C``, where these were chosen.
    """

    cell: Cell
    n_train: int = 0
    n_test: int = 0
    n_dropped: int = 0
    n_leaked: int = 0
    seconds: float = 0.0
    scores: ClassificationScores | None = None
    skipped: str = ""
    resampled: tuple[float, ...] = ()
    weight: float | None = None
    strength: float | None = None


@dataclass(frozen=True)
class Closeness:
    """How near the synthetic texts of a setting's first seed stand to the real ones, and held-out texts likewise."""

    setting: str
    synthetic: Nearness
    held_out: Nearness


def to_store(result: Result) -> dict[str, Any]:
    """Return the result as plain values, without what it does not have."""
    values = {name: value for name, value in asdict(result).items() if name != "resampled" or value}
    if result.scores is not None and not result.scores.confusion:
        del values["scores"]["confusion"]
    return values


def from_store(value: dict[str, Any]) -> Result:
    """Return the result that plain values stand for."""
    scores = value["scores"]
    if scores:
        confusion = tuple((label, guess, number) for label, guess, number in scores.get("confusion", ()))
        scores = ClassificationScores(**{**scores, "confusion": confusion})
    resampled = tuple(value.get("resampled", ()))
    return Result(**{**value, "cell": Cell(**value["cell"]), "scores": scores, "resampled": resampled})
