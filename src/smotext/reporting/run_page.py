"""The page about a run: what it wrote, how it looks, and how it came about."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.errors import InputError
from smotext.filters.fluency import Spelling, WordOrder
from smotext.reporting.charts import REAL_COLOUR, SYNTHETIC_COLOUR, Chart, ChartSeries, bars, histogram
from smotext.reporting.page import MAX_BYTES, render
from smotext.reporting.report_inputs import RunTables
from smotext.reporting.run_facts import (
    ClassCount,
    Repeats,
    class_counts,
    count_words,
    fluency_scores,
    funnel_steps,
    repeats,
)
from smotext.reporting.text_map import MAX_POINTS, MapPoint, choose_points, map_chart, project_to_plane
from smotext.utils.geometry import nearest_cosines

EncodeTexts = Callable[[Sequence[str]], NDArray[np.float32]]

# Classes in a figure; the table shows more.
MAX_CHART_CLASSES = 30
# Rows of the table of classes.
_MAX_ROWS = 500
_SAMPLED_CLASSES, _SAMPLES = 8, 4
# In characters.
_LONGEST_SAMPLE, _LONGEST_ON_MAP = 1200, 280
# A map is not thinned below this to make a page smaller.
_LEAST_POINTS = 50

# What the steps of the funnel are called in a page; filters of the caller's own keep their names.
STEPS = {
    "written": "written", "candidate": "another candidate was nearer", "empty": "empty", "short": "too short",
    "cut_off": "cut off", "unfinished": "unfinished", "repetitive": "repeats itself", "gibberish": "gibberish",
    "word_salad": "word salad", "copied": "copied", "near_copy": "near-copy of a real text",
    "off_topic": "off topic", "off_label": "lost its class", "off_target": "not what was asked for",
    "duplicate": "near another new text", "accepted": "kept", "filled": "rejected, but stand in",
}  # fmt: skip
_KEPT, _STAND_IN = "accepted", "filled"


@dataclass(frozen=True)
class Sample:
    """A text, and what it was made from where the page is private."""

    text: str
    origin: str = ""


def run_page(
    tables: RunTables, *, encode: EncodeTexts | None = None, why_no_map: str = "", is_private: bool = False
) -> str:
    """Return the page about a run.

    By default it shows synthetic texts, and of the real ones only counts and spreads of numbers.

    Parameters
    ----------
    tables : RunTables
    encode : callable, optional
        Gives the vectors of texts, for the map and the nearest real texts; without it there is neither.
    why_no_map : str
        Said where there is no map.
    is_private : bool
        Show real texts, their places on the map, parents and weights as well.

    Raises
    ------
    InputError
        If the lineage names rows that the output does not have.
    """
    if is_private:
        _check_parents(tables)
    n_points = MAX_POINTS
    while True:
        page = _page(tables, encode, why_no_map, is_private, n_points)
        if len(page.encode("utf-8", errors="replace")) <= MAX_BYTES or n_points <= _LEAST_POINTS or encode is None:
            return page
        n_points //= 2


def _page(tables: RunTables, encode: EncodeTexts | None, why_no_map: str, is_private: bool, n_points: int) -> str:
    counts, made = class_counts(tables), _texts(tables)
    found, steps = repeats(made, tables.real_texts), funnel_steps(tables)
    charts = [_class_chart(counts)]
    if made:
        charts.append(_word_chart(made, tables.real_texts))
    if len(tables.rejected):
        charts.append(_funnel_chart(steps))
    map_note, cosines = why_no_map, None
    if encode is not None and made:
        chart, map_note = _map(tables, made, encode, is_private, n_points)
        charts.append(chart)
        cosines = _nearest(tables, made, encode, n_points)
        if cosines is not None:
            series = [ChartSeries("synthetic texts", cosines.tolist())]
            charts.append(histogram("nearest", "Cosine to the nearest real text", series, axis="cosine"))
    samples, n_unsampled = _samples(tables, counts, is_private)
    return render(
        "run.html",
        title=tables.name,
        charts=charts,
        is_private=is_private,
        lead=_lead(counts),
        notes=tables.notes,
        cards=_cards(made, found, steps),
        class_rows=[(one.label, one.before, one.after, one.synthetic) for one in counts[:_MAX_ROWS]],
        samples=samples,
        n_unsampled=n_unsampled,
        map_note=map_note or "no encoder was at hand.",
        quality_rows=_quality_rows(tables, made, found, cosines),
        funnel_rows=[(STEPS.get(step, step), number) for step, number in steps if number or step == _KEPT],
        command=_command(tables),
        done_rows=_done_rows(tables),
        footer="" if is_private else "Synthetic texts, counts and spreads of numbers: no real text is on this page.",
    )


def _texts(tables: RunTables) -> list[str]:
    return [str(text) for text in tables.synthetic["text"]]


def _lead(counts: Sequence[ClassCount]) -> str:
    """Return what the run did, in a sentence.

    Examples
    --------
    >>> print(_lead([ClassCount("fraud", 5, 19), ClassCount("delivery", 24, 0)]))
    19 synthetic texts were written for 1 of 2 classes. The smallest class has 24 rows now; it had 5.
    """
    n_made, n_classes = sum(one.synthetic for one in counts), sum(one.synthetic > 0 for one in counts)
    text = "text was" if n_made == 1 else "texts were"
    smallest, before = min(one.after for one in counts), min(one.before for one in counts)
    told = f"{n_made:,} synthetic {text} written for {n_classes:,} of {len(counts):,} classes."
    now = "" if before == smallest else f" now; it had {before:,}"
    return f"{told} The smallest class has {smallest:,} rows{now}."


def _cards(made: Sequence[str], found: Repeats, steps: Sequence[tuple[str, int]]) -> list[tuple[str, str]]:
    counts = dict(steps)
    cards = [("synthetic texts", f"{len(made):,}"), ("written in all", f"{counts['written']:,}")]
    if counts[_STAND_IN]:
        cards.append(("rejected, but stand in", f"{counts[_STAND_IN]:,}"))
    cards.append(("repeat another new text", f"{found.of_synthetic:,}"))
    if found.longest_copies is not None and len(made):
        cards.append(("copy a real text whole", f"{found.of_real:,}"))
        longest = int(found.longest_copies.max())
        cards.append(("longest run copied", f"{longest} word{'' if longest == 1 else 's'}"))
    return cards


def _class_chart(counts: Sequence[ClassCount]) -> Chart:
    shown = list(counts[:MAX_CHART_CLASSES])
    if rest := counts[MAX_CHART_CLASSES:]:
        shown.append(ClassCount(f"{len(rest):,} others, mean", *_means(rest)))
    series = [
        ChartSeries("real", [one.before for one in shown], REAL_COLOUR),
        ChartSeries("synthetic", [one.synthetic for one in shown]),
    ]
    return bars("classes", "Rows of each class, real and synthetic", [one.label for one in shown], series, axis="rows")


def _means(counts: Sequence[ClassCount]) -> tuple[int, int]:
    return round(float(np.mean([one.before for one in counts]))), round(
        float(np.mean([one.synthetic for one in counts]))
    )


def _word_chart(made: Sequence[str], real: Sequence[str]) -> Chart:
    series = [ChartSeries("synthetic texts", count_words(made).tolist(), SYNTHETIC_COLOUR)]
    if any(real):
        series.insert(0, ChartSeries("real texts", count_words([text for text in real if text]).tolist(), REAL_COLOUR))
    return histogram("words", "Length of the texts in words", series, axis="words")


def _funnel_chart(steps: Sequence[tuple[str, int]]) -> Chart:
    shown = [(step, number) for step, number in steps if number or step == _KEPT]
    names = [STEPS.get(step, step) for step, _ in shown]
    kinds = {"written": "--soft", "candidate": "--others", _KEPT: SYNTHETIC_COLOUR, _STAND_IN: "--unsure"}
    chart = bars("funnel", "What became of each text that was written", names,
                 [ChartSeries("texts", [number for _, number in shown])], axis="texts")  # fmt: skip
    chart.data[0]["marker"]["color"] = [kinds.get(step, "--bad") for step, _ in shown]
    return chart


def _samples(
    tables: RunTables, counts: Sequence[ClassCount], is_private: bool
) -> tuple[list[tuple[str, list[Sample]]], int]:
    """Return the first texts of the classes with the most new rows, and how many classes have to do without."""
    labels = [one.label for one in counts if one.synthetic]
    rows: dict[str, list[Sample]] = {label: [] for label in labels[:_SAMPLED_CLASSES]}
    for row, label in enumerate(map(str, tables.synthetic["label"])):
        if len(rows.get(label, [None] * _SAMPLES)) < _SAMPLES:
            text = _clipped(str(tables.synthetic["text"].iloc[row]), _LONGEST_SAMPLE)
            rows[label].append(Sample(text, _origin(tables, row) if is_private else ""))
    return list(rows.items()), max(0, len(labels) - _SAMPLED_CLASSES)


def _origin(tables: RunTables, row: int) -> str:
    """Return what a synthetic text was mixed from."""
    parents, weights = tables.synthetic["parents"].iloc[row], tables.synthetic["weights"].iloc[row]
    parts = [
        f"{float(weight):.2f} · {_clipped(tables.real_texts[int(parent)], _LONGEST_ON_MAP)}"
        for parent, weight in zip(parents, weights, strict=True)
    ]
    lam = float(tables.synthetic["lam"].iloc[row])
    return "\n".join([*(["lam " + f"{lam:.2f}, made from"] if lam == lam else ["made from"]), *parts]) if parts else ""


def _map(
    tables: RunTables, made: Sequence[str], encode: EncodeTexts, is_private: bool, n_points: int
) -> tuple[Chart, str]:
    """Return the map and what its reader has to know: it is fitted on what it shows, and on nothing else."""
    labels, texts = [str(label) for label in tables.synthetic["label"]], list(made)
    kinds = ["synthetic"] * len(texts)
    if is_private:
        real = [row for row, text in enumerate(tables.real_texts) if text]
        texts += [tables.real_texts[row] for row in real]
        labels += [tables.real_labels[row] for row in real]
        kinds += ["real"] * len(real)
    rows = choose_points([f"{kind} {label}" for kind, label in zip(kinds, labels, strict=True)], n_points)
    places, share = project_to_plane(encode([texts[row] for row in rows]))
    points = []
    for row, (x, y) in zip(rows.tolist(), places.tolist(), strict=True):
        text = _clipped(texts[row], _LONGEST_ON_MAP)
        if is_private and row < len(made):
            text = f"{text}\n{_origin(tables, row)}"
        points.append(MapPoint(text, labels[row], kinds[row], x, y))
    drawn = "every text" if len(rows) == len(texts) else f"{len(rows):,} of {len(texts):,} texts, drawn evenly by class"
    who = "filled points are synthetic, rings real" if is_private else "synthetic texts alone"
    return map_chart(points), (
        f"Points that lie together are alike in meaning. The map shows {drawn} ({who}), in the two directions in which "
        f"the encoder's vectors differ most; these hold {100 * share:.0f} % of the spread, so that distances are rough."
    )


def _nearest(tables: RunTables, made: Sequence[str], encode: EncodeTexts, n_points: int) -> NDArray[np.float64] | None:
    """Return the cosine of each text to the nearest real one: the lineage's, else of so many texts as the map shows."""
    if "nearest_real_cosine" in tables.synthetic.columns:
        values = np.array(tables.synthetic["nearest_real_cosine"].tolist(), dtype=float)
        if np.isfinite(values).any():
            return values[np.isfinite(values)]
    real = [text for text in tables.real_texts if text]
    if not real:
        return None
    chosen = [real[row] for row in choose_points(["real"] * len(real), 20_000)]
    rows = choose_points([str(label) for label in tables.synthetic["label"]], n_points)
    return nearest_cosines(encode([made[row] for row in rows]), encode(chosen))


def _quality_rows(
    tables: RunTables, made: Sequence[str], found: Repeats, cosines: NDArray[np.float64] | None
) -> list[tuple[str, str]]:
    rows = [("synthetic texts that repeat an earlier one, word by word", f"{found.of_synthetic:,}")]
    if found.of_real is not None and found.longest_copies is not None and made:
        rows.append(("synthetic texts that are a real one, word by word", f"{found.of_real:,}"))
        rows.append(
            ("words in the longest run copied from a real text: median", f"{np.median(found.longest_copies):.0f}")
        )
        rows.append(("the same: most", f"{found.longest_copies.max()}"))
    if made:
        rows.append(("words in a synthetic text: quartiles", _quartiles(count_words(made), "{:.0f}")))
    if any(tables.real_texts):
        rows.append(
            ("words in a real text: quartiles", _quartiles(count_words([t for t in tables.real_texts if t]), "{:.0f}"))
        )
    if cosines is not None and len(cosines):
        rows.append(("cosine to the nearest real text: quartiles", _quartiles(cosines, "{:.2f}")))
    asked = _numbers(tables, "target_cosine")
    if len(asked):
        rows.append(("cosine to the vector that was asked for: quartiles", _quartiles(asked, "{:.2f}")))
    return [*rows, *_fluency_rows(tables, made)]


def _fluency_rows(tables: RunTables, made: Sequence[str]) -> list[tuple[str, str]]:
    """Return how the texts are spelled and their words ordered, beside the real texts where these are at hand."""
    rows = []
    for column, kind, name in (
        ("spelling_score", Spelling, "spelling, as the real texts spell; more is better: quartiles"),
        ("word_order_score", WordOrder, "word order, as the real texts have it; more is better: quartiles"),
    ):
        values, own = _numbers(tables, column), np.zeros(0)
        if any(tables.real_texts):
            values, own = fluency_scores(made, tables.real_texts, kind)
        if len(values):
            rows.append((name, _quartiles(values, "{:.2f}")))
        if len(values) and len(own):
            rows.append(("the same of real texts, each scored by the others", _quartiles(own, "{:.2f}")))
    return rows


def _numbers(tables: RunTables, column: str) -> NDArray[np.float64]:
    if column not in tables.synthetic.columns:
        return np.zeros(0)
    values = np.array(tables.synthetic[column].tolist(), dtype=float)
    return values[np.isfinite(values)]


def _quartiles(values: NDArray[Any], form: str) -> str:
    return " / ".join(form.format(value) for value in np.quantile(values, [0.25, 0.5, 0.75]))


def _command(tables: RunTables) -> str:
    """Return the command that writes these texts again, to the name that the output has today."""
    words = tables.record.command if tables.record is not None else ()
    return shlex.join([*words[:3], "-o", tables.name, *words[3:]]) if words else ""


def _done_rows(tables: RunTables) -> list[tuple[str, str]]:
    """Return the models, the seed, the options and the versions."""
    record = tables.record
    if record is None:
        models = sorted({str(model) for model in tables.synthetic["model"]}) if "model" in tables.synthetic else []
        return [("models", ", ".join(models)), ("options", "not known: an earlier version wrote the lineage")]
    options = record.options
    rows = [("model", str(options.pop("model", ""))), ("seed", str(options.pop("random_seed", "")))]
    rows += [(role, fingerprint) for role, fingerprint in record.models.items()]
    rows += [("filters", ", ".join(record.filters) or "none")]
    rows += [(name, str(value)) for name, value in options.items() if value is not None and name != "filters"]
    versions = ", ".join(f"{name} {version}" for name, version in record.settings.get("versions", {}).items())
    return [*rows, ("versions", versions)]


def _clipped(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}…"


def _check_parents(tables: RunTables) -> None:
    """Raise InputError unless the output holds the rows that its lineage names."""
    if not any(tables.real_texts):
        raise InputError(
            f"{tables.name} holds no real rows, which private=True shows: leave it out", options=["private"]
        )
    highest = max((int(row) for parents in tables.synthetic["parents"] for row in parents), default=-1)
    if highest >= len(tables.real_texts):
        raise InputError(
            f"the lineage names row {highest + 1} as a parent, and {tables.name} has {len(tables.real_texts)} real "
            "rows: they don't belong together, or rows were removed since"
        )
