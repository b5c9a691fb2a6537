"""From finished cells to a table and verdicts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.evaluation.cells import Result
from smotext.evaluation.classifiers import FROZEN
from smotext.evaluation.conditions import (
    ADJUSTED,
    CHEAP,
    CHOSEN_WEIGHT,
    CONDITIONS,
    DUPLICATED,
    HALF_WEIGHT,
    REAL,
    THRESHOLD,
    WITH_SMOTEXT,
)
from smotext.evaluation.statistics import (
    Interval,
    Word,
    detectable_difference,
    hierarchical_bootstrap,
    mean_interval,
    not_worse,
    verdict,
)


@dataclass(frozen=True)
class Row:
    """One condition with one model at one setting, averaged over the seeds; scores in points (1/100).

    Attributes
    ----------
    gain : Interval or None
        Macro-F1 less that of the real rows alone, seed by seed; None for the real rows themselves.
    skipped : str
        Why there are no scores.
    """

    setting: str
    model: str
    condition: str
    n_seeds: int = 0
    n_train: float = 0.0
    accuracy: float = float("nan")
    macro_f1: float = float("nan")
    weighted_f1: float = float("nan")
    recall: dict[str, float] | None = None
    gain: Interval | None = None
    skipped: str = ""


@dataclass(frozen=True)
class Verdict:
    """What can be said about real + SMOTExT against the real rows alone.

    Attributes
    ----------
    word : str
        ``"helps"``, ``"no difference"``, ``"hurts"`` or ``"too little data to tell"``.
    gain : Interval
        Macro-F1 points.
    detectable : float
        The smallest difference that a study like this one would find four times in five.
    is_not_worse : bool
        Whether a loss of a point or more is ruled out.
    cheap, cheap_gain : str and float, or None
        The best alternative without a language model, and its gain.
    switch : Interval or None
        What the frozen encoder on the real rows alone gains over this model; None for the encoder itself.
    half_weight, chosen_weight : Interval or None
        The gain of the same rows with half of each class's weight left to its real ones, and with the weight that was
        chosen on the training rows.
    """

    setting: str
    model: str
    word: Word
    gain: Interval
    detectable: float
    is_not_worse: bool
    cheap: str | None = None
    cheap_gain: float | None = None
    switch: Interval | None = None
    half_weight: Interval | None = None
    chosen_weight: Interval | None = None


Key = tuple[str, str, str]
"""Setting, model and condition."""


@dataclass(frozen=True)
class ScoreSeries:
    """Macro-F1 points by setting, model and condition, then seed.

    Attributes
    ----------
    points : mapping of Key to mapping of int to float
    resampled : mapping of Key to mapping of int to ndarray of shape (n_draws,)
        The same on each resample of the test rows, for settings where every seed has the same training rows.
    n_test : int
        Test rows that were resampled.
    test_train_ratio : float
        Of the design; see :func:`~smotext.evaluation.statistics.mean_interval`.
    """

    points: Mapping[Key, Mapping[int, float]]
    resampled: Mapping[Key, Mapping[int, NDArray[np.float64]]]
    n_test: int = 0
    test_train_ratio: float = 0.0

    @classmethod
    def of(cls, results: Sequence[Result], test_train_ratio: float = 0.0) -> ScoreSeries:
        """Return the series of the results that have scores."""
        points: dict[Key, dict[int, float]] = defaultdict(dict)
        resampled: dict[Key, dict[int, NDArray[np.float64]]] = defaultdict(dict)
        for result in results:
            if result.scores is not None:
                cell = result.cell
                key = cell.setting, cell.model, cell.condition
                points[key][cell.seed] = 100 * result.scores.macro_f1
                if result.resampled:
                    resampled[key][cell.seed] = 100 * np.array(result.resampled)
        n_test = max((result.n_test for result in results if result.resampled), default=0)
        return cls(points, resampled, n_test, test_train_ratio)

    def differences(self, first: Key, second: Key) -> NDArray[np.float64]:
        """Return the differences first - second over the seeds that both have."""
        one, other = self.points.get(first, {}), self.points.get(second, {})
        return np.array([one[seed] - other[seed] for seed in sorted(one.keys() & other.keys())])

    def test_variance(self, first: Key, second: Key) -> float:
        """Return the bootstrap variance of the mean difference over choices of test rows; 0 without resamples.

        At least that of one row which the two get differently: where they agree on all of n rows, a bootstrap
        is certain, but up to 3/n of other rows may still differ (the "rule of three").
        """
        one, other = self.resampled.get(first, {}), self.resampled.get(second, {})
        seeds = sorted(one.keys() & other.keys())
        if not seeds:
            return 0.0
        variance = np.mean([one[seed] - other[seed] for seed in seeds], axis=0).var(ddof=1)
        return float(max(variance, (100 / self.n_test) ** 2))

    def interval(self, first: Key, second: Key) -> Interval | None:
        """Return the mean of first - second with its interval, or None if they share no seed."""
        differences = self.differences(first, second)
        if not len(differences):
            return None
        variance = self.test_variance(first, second)
        return mean_interval(differences, test_train_ratio=self.test_train_ratio, test_variance=variance)


def summarise(results: Sequence[Result], *, test_train_ratio: float = 0.0) -> list[Row]:
    """Return the table: one row per setting, model and condition, in that order.

    Parameters
    ----------
    results : sequence of Result
    test_train_ratio : float
        Of the design; see :func:`~smotext.evaluation.statistics.mean_interval`.
    """
    series = ScoreSeries.of(results, test_train_ratio)
    grouped: dict[Key, list[Result]] = defaultdict(list)
    for result in results:
        grouped[result.cell.setting, result.cell.model, result.cell.condition].append(result)
    order = list(CONDITIONS)
    settings = list(dict.fromkeys(result.cell.setting for result in results))
    models = list(dict.fromkeys(result.cell.model for result in results))
    keys = sorted(grouped, key=lambda key: (settings.index(key[0]), models.index(key[1]), order.index(key[2])))
    return [_row(key, grouped[key], _gain(series, key)) for key in keys]


def verdicts(results: Sequence[Result], *, test_train_ratio: float = 0.0) -> list[Verdict]:
    """Return one verdict per setting and model that has both real and real + SMOTExT."""
    series = ScoreSeries.of(results, test_train_ratio)
    given = []
    for setting, model, condition in series.points:
        gain = _gain(series, (setting, model, condition))
        if condition == WITH_SMOTEXT and gain is not None:
            given.append(_verdict(series, setting, model, gain))
    return given


FREE = (REAL, DUPLICATED, ADJUSTED, THRESHOLD)
"""What costs nothing at all, and has to be beaten."""


@dataclass(frozen=True)
class Overall:
    """One model at one setting over several sets.

    Attributes
    ----------
    over_real, over_better : Interval
        Mean gain in macro-F1 points over the real rows, and over the best of real rows, duplicated rows and
        moved decisions in each set, with a hierarchical bootstrap interval; ``n`` counts sets.
    alternatives : dict of str to float
        Mean gain over the real rows of every other condition that all sets have.
    is_not_worse : dict of str to bool
        Per set: whether a loss of a point or more is ruled out, Holm-corrected over the sets.
    """

    setting: str
    model: str
    over_real: Interval
    over_better: Interval
    alternatives: dict[str, float]
    is_not_worse: dict[str, bool]


def over_sets(results_by_set: Mapping[str, Sequence[Result]], condition: str = WITH_SMOTEXT) -> list[Overall]:
    """Return what holds over several sets, per setting and model.

    Parameters
    ----------
    results_by_set : mapping of set name to its results
        Sets with a given test set, so that seeds are independent given the set.
    condition : str
        The condition that is compared with the real rows.
    """
    series = {name: ScoreSeries.of(results) for name, results in results_by_set.items()}
    keys = dict.fromkeys((key[0], key[1]) for of_set in series.values() for key in of_set.points)
    return [found for key in keys if (found := _overall(series, *key, condition)) is not None]


def _overall(series: Mapping[str, ScoreSeries], setting: str, model: str, condition: str) -> Overall | None:
    real, augmented = (setting, model, REAL), (setting, model, condition)
    gains = {name: of_set.differences(augmented, real) for name, of_set in series.items()}
    gains = {name: values for name, values in gains.items() if len(values)}
    if not gains:
        return None
    better = [series[name].differences(augmented, _better(series[name], setting, model)) for name in gains]
    others = {}
    for other in CONDITIONS:
        found = [series[name].differences((setting, model, other), real) for name in gains]
        if other not in (REAL, condition) and all(len(values) for values in found):
            others[other] = float(np.mean([values.mean() for values in found]))
    intervals = [series[name].interval(augmented, real) for name in gains]
    kept = not_worse([interval for interval in intervals if interval is not None])
    return Overall(
        setting,
        model,
        hierarchical_bootstrap(list(gains.values())),
        hierarchical_bootstrap(better),
        others,
        dict(zip(gains, kept, strict=True)),
    )


def _better(series: ScoreSeries, setting: str, model: str) -> Key:
    """Return the key of real or duplicated rows or a moved decision, whichever has the highest mean."""
    points = series.points
    keys = [(setting, model, condition) for condition in FREE if (setting, model, condition) in points]
    return max(keys, key=lambda key: np.mean(list(points[key].values())))


def _gain(series: ScoreSeries, key: Key) -> Interval | None:
    return None if key[2] == REAL else series.interval(key, (key[0], key[1], REAL))


def _row(key: Key, results: Sequence[Result], gain: Interval | None) -> Row:
    scored = [(result, result.scores) for result in results if result.scores is not None]
    if not scored:
        return Row(*key, skipped=results[0].skipped)
    recalls: dict[str, list[float]] = defaultdict(list)
    for _, scores in scored:
        for label, value in scores.recall.items():
            recalls[label].append(100 * value)
    return Row(
        *key,
        n_seeds=len(scored),
        n_train=float(np.mean([result.n_train for result, _ in scored])),
        accuracy=_mean_points([scores.accuracy for _, scores in scored]),
        macro_f1=_mean_points([scores.macro_f1 for _, scores in scored]),
        weighted_f1=_mean_points([scores.weighted_f1 for _, scores in scored]),
        recall={label: float(np.mean(values)) for label, values in recalls.items()},
        gain=gain,
    )


def _mean_points(values: Sequence[float]) -> float:
    return float(100 * np.mean(values))


def _verdict(series: ScoreSeries, setting: str, model: str, gain: Interval) -> Verdict:
    cheap: dict[str, Any] = {name: _gain(series, (setting, model, name)) for name in CHEAP}
    means = {name: interval.mean for name, interval in cheap.items() if interval is not None}
    best = max(means, key=lambda name: means[name]) if means else None
    switch = None if model == FROZEN else series.interval((setting, FROZEN, REAL), (setting, model, REAL))
    return Verdict(
        setting,
        model,
        verdict(gain),
        gain,
        detectable_difference(gain),
        not_worse([gain])[0],
        best,
        means[best] if best is not None else None,
        switch,
        _gain(series, (setting, model, HALF_WEIGHT)),
        _gain(series, (setting, model, CHOSEN_WEIGHT)),
    )
