"""From finished cells to a table and verdicts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.evaluation.classifiers import FROZEN
from smotext.evaluation.conditions import CHEAP, CONDITIONS, DUPLICATED, HALF_WEIGHT, REAL, WITH_SMOTEXT
from smotext.evaluation.statistics import (
    Interval,
    Word,
    detectable_difference,
    hierarchical_bootstrap,
    mean_interval,
    not_worse,
    verdict,
)
from smotext.evaluation.study import Result


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
    half_weight : Interval or None
        The gain of the same rows with half of each class's weight left to its real ones.
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


Series = Mapping[tuple[str, str, str], Mapping[int, float]]
"""Macro-F1 points by (setting, model, condition) and seed."""


def macro_f1_series(results: Sequence[Result]) -> Series:
    """Return macro-F1 in points by (setting, model, condition), then seed."""
    series: dict[tuple[str, str, str], dict[int, float]] = defaultdict(dict)
    for result in results:
        if result.scores is not None:
            cell = result.cell
            series[cell.setting, cell.model, cell.condition][cell.seed] = 100 * result.scores.macro_f1
    return series


def paired(series: Series, first: tuple[str, str, str], second: tuple[str, str, str]) -> NDArray[np.float64]:
    """Return the differences first - second over the seeds that both have."""
    one, other = series.get(first, {}), series.get(second, {})
    return np.array([one[seed] - other[seed] for seed in sorted(one.keys() & other.keys())])


def summarise(results: Sequence[Result], *, test_train_ratio: float = 0.0) -> list[Row]:
    """Return the table: one row per setting, model and condition, in that order.

    Parameters
    ----------
    results : sequence of Result
    test_train_ratio : float
        Of the design; see :func:`~smotext.evaluation.statistics.mean_interval`.
    """
    series = macro_f1_series(results)
    grouped: dict[tuple[str, str, str], list[Result]] = defaultdict(list)
    for result in results:
        grouped[result.cell.setting, result.cell.model, result.cell.condition].append(result)
    order = list(CONDITIONS)
    settings = list(dict.fromkeys(result.cell.setting for result in results))
    models = list(dict.fromkeys(result.cell.model for result in results))
    keys = sorted(grouped, key=lambda key: (settings.index(key[0]), models.index(key[1]), order.index(key[2])))
    return [_row(key, grouped[key], _gain(series, key, test_train_ratio)) for key in keys]


def verdicts(results: Sequence[Result], *, test_train_ratio: float = 0.0) -> list[Verdict]:
    """Return one verdict per setting and model that has both real and real + SMOTExT."""
    series = macro_f1_series(results)
    given = []
    for setting, model, condition in series:
        gain = _gain(series, (setting, model, condition), test_train_ratio)
        if condition == WITH_SMOTEXT and gain is not None:
            given.append(_verdict(series, setting, model, gain, test_train_ratio))
    return given


@dataclass(frozen=True)
class Overall:
    """One model at one setting over several sets.

    Attributes
    ----------
    over_real, over_better : Interval
        Mean gain in macro-F1 points over the real rows, and over the better of real and duplicated rows in
        each set, with a hierarchical bootstrap interval; ``n`` counts sets.
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
    series = {name: macro_f1_series(results) for name, results in results_by_set.items()}
    keys = dict.fromkeys((key[0], key[1]) for of_set in series.values() for key in of_set)
    return [found for key in keys if (found := _overall(series, *key, condition)) is not None]


def _overall(series: Mapping[str, Series], setting: str, model: str, condition: str) -> Overall | None:
    real, augmented = (setting, model, REAL), (setting, model, condition)
    gains = {name: paired(of_set, augmented, real) for name, of_set in series.items()}
    gains = {name: values for name, values in gains.items() if len(values)}
    if not gains:
        return None
    better = [paired(series[name], augmented, _better(series[name], setting, model)) for name in gains]
    others = {}
    for other in CONDITIONS:
        found = [paired(series[name], (setting, model, other), real) for name in gains]
        if other not in (REAL, condition) and all(len(values) for values in found):
            others[other] = float(np.mean([values.mean() for values in found]))
    kept = not_worse([mean_interval(values) for values in gains.values()])
    return Overall(
        setting,
        model,
        hierarchical_bootstrap(list(gains.values())),
        hierarchical_bootstrap(better),
        others,
        dict(zip(gains, kept, strict=True)),
    )


def _better(series: Series, setting: str, model: str) -> tuple[str, str, str]:
    """Return the key of real or duplicated rows, whichever has the higher mean."""
    keys = [(setting, model, condition) for condition in (REAL, DUPLICATED) if (setting, model, condition) in series]
    return max(keys, key=lambda key: np.mean(list(series[key].values())))


def _gain(series: Series, key: tuple[str, str, str], ratio: float) -> Interval | None:
    if key[2] == REAL:
        return None
    differences = paired(series, key, (key[0], key[1], REAL))
    return mean_interval(differences, test_train_ratio=ratio) if len(differences) else None


def _row(key: tuple[str, str, str], results: Sequence[Result], gain: Interval | None) -> Row:
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


def _verdict(series: Series, setting: str, model: str, gain: Interval, ratio: float) -> Verdict:
    cheap: dict[str, Any] = {name: _gain(series, (setting, model, name), ratio) for name in CHEAP}
    means = {name: interval.mean for name, interval in cheap.items() if interval is not None}
    best = max(means, key=lambda name: means[name]) if means else None
    switch = paired(series, (setting, FROZEN, REAL), (setting, model, REAL))
    return Verdict(
        setting,
        model,
        verdict(gain),
        gain,
        detectable_difference(gain),
        not_worse([gain])[0],
        best,
        means[best] if best is not None else None,
        mean_interval(switch, test_train_ratio=ratio) if len(switch) and model != FROZEN else None,
        _gain(series, (setting, model, HALF_WEIGHT), ratio),
    )
