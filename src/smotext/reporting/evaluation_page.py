"""The page about an evaluation: the verdict, intervals as pictures, every condition, recall, confusions."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from smotext.evaluation.conditions import CONDITIONS, HALF_WEIGHT, ONLY_SMOTEXT, REAL, WITH_SMOTEXT
from smotext.evaluation.nearness_to_real import NO_GUARANTEE
from smotext.reporting.charts import (
    CATEGORIES,
    OTHERS,
    REAL_COLOUR,
    SYNTHETIC_COLOUR,
    Chart,
    ChartSeries,
    curves,
    intervals,
    pairs,
)
from smotext.reporting.evaluation_facts import Confusion, confusions, headline, mood
from smotext.reporting.page import render

# Recall is shown for so many classes, those in which it changed most.
MAX_RECALL_CLASSES = 30
_OURS = (WITH_SMOTEXT, HALF_WEIGHT, ONLY_SMOTEXT)
_NAN = float("nan")


def evaluation_page(content: Mapping[str, Any], *, name: str = "Does augmenting help?") -> str:
    """Return the page about an evaluation; it holds no text.

    Parameters
    ----------
    content : mapping
        What ``smotext evaluate`` keeps in its ``report.json``, as
        :func:`smotext.evaluation.study_report.write_report` writes it.
    name : str
        The page's title.
    """
    rows = content["rows"]
    keys = list(dict.fromkeys((row["setting"], row["model"]) for row in rows))
    parts = [_part(number, *key, content) for number, key in enumerate(keys)]
    found_curves = _curves(rows)
    charts = [curve["chart"] for curve in found_curves]
    charts += [chart for part in parts for chart in (part["gains"], part["recall"]) if chart is not None]
    done = content.get("done") or {}
    return render(
        "evaluation.html",
        title=name,
        charts=charts,
        headline=headline(content["verdicts"]),
        mood=mood(content["verdicts"]),
        design=_design(content),
        sentences=content["sentences"],
        curves=found_curves,
        parts=parts,
        closeness=[row for one in content["closeness"] for row in _closeness_rows(one)],
        caveat=f"{NO_GUARANTEE} Whoever holds the parents and weights of a synthetic text holds its originals.",
        conditions=[(one, CONDITIONS.get(one, "")) for one in dict.fromkeys(row["condition"] for row in rows)],
        command=shlex.join(done.get("command", [])),
        done_rows=[(key, str(value)) for key, value in done.get("options", {}).items() if value is not None],
    )


def _design(content: Mapping[str, Any]) -> str:
    seeds = "1 seed" if content["n_seeds"] == 1 else f"{content['n_seeds']} seeds"
    return f"{content['n_rows']:,} real rows, {seeds}. Test rows: {content['design']}."


def _part(number: int, setting: str, model: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the page shows of one model at one setting."""
    rows = [row for row in content["rows"] if (row["setting"], row["model"]) == (setting, model)]
    scored = [row for row in rows if not row["skipped"]]
    labels, recall = _recall(number, scored)
    found = confusions(content.get("cells") or [], setting, model)
    return {
        "title": model if setting == "all" else f"{model}, {setting}",
        "gains": _gains(number, scored),
        "rows": [_score_row(row) for row in scored],
        "skipped": [(row["condition"], row["skipped"]) for row in rows if row["skipped"]],
        "recall": recall,
        "recall_note": _recall_note(scored, labels),
        "recall_columns": ["condition", *labels],
        "recall_rows": [_recall_row(row, labels) for row in scored if row["recall"]],
        "confusions": [_confusion_row(one) for one in found],
        "confusion_sentence": _confusion_sentence(found),
    }


def _gains(number: int, rows: Sequence[Mapping[str, Any]]) -> Chart | None:
    gained = [row for row in rows if row["gain"] is not None]
    if not gained:
        return None
    values = [[_value(row["gain"][end]) for row in gained] for end in ("mean", "low", "high")]
    colours = [SYNTHETIC_COLOUR if row["condition"] in _OURS else REAL_COLOUR for row in gained]
    names = [row["condition"] for row in gained]
    label = "Gain of each condition over the real rows, with intervals"
    return intervals(f"gains-{number}", label, names, *values, colours=colours, axis="macro-F1 points")


def _score_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    gain = row["gain"]
    span = "" if gain is None or gain["low"] is None else f" [{gain['low']:+.1f}, {gain['high']:+.1f}]"
    scores = (f"{_value(row[name]):.1f}" for name in ("accuracy", "macro_f1", "weighted_f1"))
    return (row["condition"], f"{row['n_train']:.0f}", *scores, "" if gain is None else f"{gain['mean']:+.1f}{span}")


def _recall(number: int, rows: Sequence[Mapping[str, Any]]) -> tuple[list[str], Chart | None]:
    """Return the classes whose recall changed most, and a figure of it before and after."""
    by_condition = {row["condition"]: row["recall"] for row in rows if row["recall"]}
    before, after = by_condition.get(REAL, {}), by_condition.get(WITH_SMOTEXT, {})
    shared = [label for label in before if label in after]
    if not shared:
        return [], None
    chosen = set(sorted(shared, key=lambda label: -abs(after[label] - before[label]))[:MAX_RECALL_CLASSES])
    labels = [label for label in shared if label in chosen]
    series = [ChartSeries("real", [before[label] for label in labels], REAL_COLOUR),
              ChartSeries("real + SMOTExT", [after[label] for label in labels], SYNTHETIC_COLOUR)]  # fmt: skip
    label = "Recall of each class before and after"
    return labels, pairs(f"recall-{number}", label, labels, *series, axis="recall, %")


def _recall_note(rows: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> str:
    n_all = max((len(row["recall"]) for row in rows if row["recall"]), default=0)
    note = "Recall per class: how many of a hundred texts of the class are recognised, on the mean of the seeds."
    return f"{note} The {len(labels)} of {n_all} classes that changed most." if n_all > len(labels) else note


def _recall_row(row: Mapping[str, Any], labels: Sequence[str]) -> list[str]:
    return [row["condition"], *(f"{row['recall'][one]:.1f}" if one in row["recall"] else "" for one in labels)]


def _confusion_row(one: Confusion) -> tuple[str, ...]:
    return (one.label, one.taken_for, f"{one.real:.1f}", f"{one.augmented:.1f}", f"{one.change:+.1f}")


def _confusion_sentence(found: Sequence[Confusion]) -> str:
    if not found:
        return ""
    one = found[0]
    how = "more" if one.change > 0 else "fewer"
    return (
        f"With SMOTExT's texts, of a hundred texts of class {one.label!r}, {abs(one.change):.1f} {how} are taken for "
        f"{one.taken_for!r}: no confusion changed more."
    )


def _curves(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a figure per model of macro-F1 against real rows per class, where these differ."""
    found: list[dict[str, Any]] = []
    for model in dict.fromkeys(row["model"] for row in rows):
        own = {(row["condition"], shots): _value(row["macro_f1"]) for row in rows if row["model"] == model
               and not row["skipped"] for shots in [_shots(row["setting"])] if shots}  # fmt: skip
        places = sorted({shots for _, shots in own})
        if len(places) < 2:
            continue
        names = list(dict.fromkeys(condition for condition, _ in own))
        series = [
            ChartSeries(name, [own.get((name, place), _NAN) for place in places], _colour(name, names))
            for name in names
        ]
        label = f"macro-F1 of {model} by real rows per class"
        chart = curves(f"curve-{len(found)}", label, places, series, axis="real rows per class", up="macro-F1, points")
        found.append({"title": model, "chart": chart})
    return found


def _colour(name: str, names: Sequence[str]) -> str:
    if name in (REAL, WITH_SMOTEXT):
        return REAL_COLOUR if name == REAL else SYNTHETIC_COLOUR
    others = [one for one in names if one not in (REAL, WITH_SMOTEXT)]
    return CATEGORIES[others.index(name)] if others.index(name) < len(CATEGORIES) else OTHERS


def _shots(setting: str) -> int:
    """Return the rows per class of a setting such as ``shots-10`` or ``shots-10+50``; 0 for another one.

    Examples
    --------
    >>> _shots("shots-10+50"), _shots("imbalance-20")
    (10, 0)
    """
    kind, _, amount = setting.partition("+")[0].partition("-")
    return int(amount) if kind == "shots" and amount.isdecimal() else 0


def _closeness_rows(one: Mapping[str, Any]) -> list[tuple[str, ...]]:
    found = []
    for name in ("synthetic", "held_out"):
        near = one[name]
        numbers = [f"{near['nearest_cosine'][place]:.2f}" for place in (1, -1)]
        numbers += [f"{near['longest_copy'][place]:.0f}" for place in (1, -1)]
        found.append((one["setting"], name.replace("_", "-"), f"{near['n_texts']:,}", *numbers))
    return found


def _value(number: float | None) -> float:
    return _NAN if number is None else float(number)
