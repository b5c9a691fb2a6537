"""What an evaluation's figures say in a sentence, and which confusions changed most."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from smotext.evaluation.classifiers import FROZEN
from smotext.evaluation.conditions import REAL, WITH_SMOTEXT

# One sentence can name so many comparisons.
_FEW = 3
_WORDS = ("helps", "hurts", "no difference", "too little data to tell")


@dataclass(frozen=True)
class Confusion:
    """How many of a hundred texts of a class are taken for another one, on the mean of the seeds."""

    label: str
    taken_for: str
    real: float
    augmented: float

    @property
    def change(self) -> float:
        """Rows of a hundred that adding SMOTExT's texts adds."""
        return self.augmented - self.real


def headline(verdicts: Sequence[Mapping[str, Any]]) -> str:
    """Return what an evaluation found in one sentence, for those who decide by it.

    Parameters
    ----------
    verdicts : sequence of mappings
        As ``report.json`` has them.

    Examples
    --------
    >>> helps = {"setting": "all", "model": "TF-IDF", "word": "helps", "gain": {"mean": 8.25, "low": 2, "high": 14},
    ...          "cheap": "duplicated", "cheap_gain": 9.1}
    >>> print(headline([helps]))
    Adding SMOTExT's texts helps TF-IDF (+8.2 points of macro-F1, 95 % interval +2.0 to +14.0), but duplicated, which
    needs no language model, does as well.
    >>> unclear = {**helps, "model": "frozen encoder", "word": "too little data to tell"}
    >>> print(headline([helps] * 3 + [unclear]))
    Adding SMOTExT's texts helps in 3 of 4 comparisons; 1 has too little data to tell; in 3 of the 3 where it helps
    something that needs no language model does as well.
    """
    if not verdicts:
        return "This evaluation did not compare SMOTExT's texts with the real rows alone."
    if len(verdicts) <= _FEW:
        return _told_one_by_one(verdicts)
    counts = {word: sum(one["word"] == word for one in verdicts) for word in _WORDS}
    told = [f"helps in {counts['helps']} of {len(verdicts)} comparisons"]
    told += [f"hurts in {counts['hurts']}"] if counts["hurts"] else []
    told += [f"makes no difference in {counts['no difference']}"] if counts["no difference"] else []
    if n_unclear := counts["too little data to tell"]:
        told.append(f"{n_unclear} {'has' if n_unclear == 1 else 'have'} too little data to tell")
    as_good = [_cheap_is_as_good(one) for one in verdicts if one["word"] == "helps"]
    if any(as_good):
        told.append(f"in {sum(as_good)} of the {len(as_good)} where it helps something that needs no language model "
                    "does as well")  # fmt: skip
    return f"Adding SMOTExT's texts {'; '.join(told)}."


def mood(verdicts: Sequence[Mapping[str, Any]]) -> str:
    """Return how the headline is coloured: ``"helps"``, ``"hurts"`` or ``"unsure"``."""
    words = {one["word"] for one in verdicts}
    return "hurts" if "hurts" in words else "helps" if words == {"helps"} else "unsure"


def _told_one_by_one(verdicts: Sequence[Mapping[str, Any]]) -> str:
    """Return the sentence that names every comparison, those of one outcome together."""
    ways = {
        "helps": "adding SMOTExT's texts helps",
        "hurts": "adding SMOTExT's texts hurts",
        "no difference": "adding SMOTExT's texts makes no difference to",
        "too little data to tell": "there is too little data to tell whether adding SMOTExT's texts helps",
    }
    names_setting = len({one["setting"] for one in verdicts}) > 1
    parts = []
    for word, way in ways.items():
        named = [_named(one, names_setting=names_setting) for one in verdicts if one["word"] == word]
        if named:
            parts.append(f"{way} {' or '.join(named) if word == _WORDS[-1] else ' and '.join(named)}")
    told = "; ".join(parts)
    return f"{told[0].upper()}{told[1:]}."


def _named(one: Mapping[str, Any], *, names_setting: bool) -> str:
    gain = one["gain"]
    span = "a single run, which says nothing about chance"
    if gain["low"] is not None and gain["high"] is not None:
        span = f"95 % interval {gain['low']:+.1f} to {gain['high']:+.1f}"
    model = f"the {one['model']}" if one["model"] == FROZEN else one["model"]
    model = f"{model} at {one['setting']}" if names_setting else model
    named = f"{model} ({gain['mean']:+.1f} points of macro-F1, {span})"
    if one["word"] == "helps" and _cheap_is_as_good(one):
        named += f", but {one['cheap']}, which needs no language model, does as well"
    return named


def _cheap_is_as_good(one: Mapping[str, Any]) -> bool:
    return one.get("cheap_gain") is not None and one["cheap_gain"] >= one["gain"]["mean"]


def confusions(cells: Sequence[Mapping[str, Any]], setting: str, model: str, *, n: int = 5) -> list[Confusion]:
    """Return the confusions that changed most between the real rows and these with SMOTExT's texts.

    Parameters
    ----------
    cells : sequence of mappings
        As ``report.json`` has them; those without a confusion, as an earlier version kept them, are passed over.

    Examples
    --------
    >>> def cell(condition, pairs):
    ...     key = {"setting": "all", "seed": 0, "condition": condition, "model": "TF-IDF"}
    ...     return {"cell": key, "scores": {"confusion": pairs}}
    >>> before, after = [["a", "a", 6], ["a", "b", 4], ["b", "b", 5]], [["a", "a", 9], ["a", "b", 1], ["b", "b", 5]]
    >>> found = confusions([cell("real", before), cell("real + SMOTExT", after)], "all", "TF-IDF")
    >>> [(one.label, one.taken_for, one.real, one.augmented, one.change) for one in found]
    [('a', 'b', 40.0, 10.0, -30.0)]
    """
    rates: dict[str, dict[int, dict[tuple[str, str], float]]] = {REAL: {}, WITH_SMOTEXT: {}}
    for one in cells:
        key, scores = one["cell"], one.get("scores") or {}
        if (key["setting"], key["model"]) == (setting, model) and key["condition"] in rates and scores.get("confusion"):
            rates[key["condition"]][key["seed"]] = _rates(scores["confusion"])
    seeds = sorted(rates[REAL].keys() & rates[WITH_SMOTEXT].keys())
    pairs = {pair for found in rates.values() for seed in seeds for pair in found[seed] if pair[0] != pair[1]}
    found = []
    for label, other in sorted(pairs):
        real, augmented = (
            float(np.mean([rates[condition][seed].get((label, other), 0.0) for seed in seeds]))
            for condition in (REAL, WITH_SMOTEXT)
        )
        found.append(Confusion(label, other, real, augmented))
    return [one for one in sorted(found, key=lambda one: -abs(one.change)) if one.change][:n]


def _rates(pairs: Sequence[Sequence[Any]]) -> dict[tuple[str, str], float]:
    """Return the rows of a hundred of each class by what they were taken for."""
    totals: dict[str, int] = defaultdict(int)
    for label, _, number in pairs:
        totals[label] += number
    return {(str(label), str(other)): 100 * number / totals[label] for label, other, number in pairs}
