"""A study's outcome as sentences, Markdown, JSON and a plot."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from smotext.errors import missing_extra
from smotext.evaluation.advice import Advice, advise
from smotext.evaluation.cells import Closeness, Result
from smotext.evaluation.conditions import CONDITIONS
from smotext.evaluation.nearness_to_real import NO_GUARANTEE, QUANTILES, Nearness
from smotext.evaluation.statistics import MARGIN, Interval
from smotext.evaluation.study import Study
from smotext.evaluation.summary import Overall, Row, Verdict, summarise, verdicts
from smotext.fitting.one_vs_rest import has_sets
from smotext.utils.files import atomic_write
from smotext.utils.json_text import json_text

# Nobody reads a table of recalls with more columns.
MAX_RECALL_COLUMNS = 30


@dataclass(frozen=True)
class StudyReport:
    """All that a study found.

    Attributes
    ----------
    design : str
        How the test rows were chosen.
    n_dropped, n_leaked : int
        At most, in one fold: test rows that overlap a training row, and new texts that overlap a test row.
    """

    design: str
    n_rows: int
    n_seeds: int
    n_dropped: int
    n_leaked: int
    rows: list[Row]
    verdicts: list[Verdict]
    closeness: list[Closeness]
    advice: list[Advice] = field(default_factory=list)


def make_report(study: Study) -> StudyReport:
    """Return the report of the cells that are finished."""
    results = study.results()
    ratio = study.design.test_train_ratio
    return StudyReport(
        study.description,
        len(study.data),
        study.n_seeds,
        max((result.n_dropped for result in results), default=0),
        max((result.n_leaked for result in results), default=0),
        summarise(results, test_train_ratio=ratio),
        verdicts(results, test_train_ratio=ratio),
        study.closeness(),
        # The lines of advice are for classifiers of one label a text.
        [] if has_sets(study.data.labels) else advise(results, study.n_test_rows, test_train_ratio=ratio),
    )


def sentence(verdict: Verdict) -> str:
    """Return a verdict as plain words.

    Examples
    --------
    >>> print(sentence(Verdict("shots-10", "TF-IDF", "helps", Interval(3.14, 1.9, 4.4, 0.6, 10), 1.8, True,
    ...                        "duplicated", 0.5, Interval(20.0, 18.0, 22.0, 1.0, 10))))
    TF-IDF, shots-10: SMOTExT helps: +3.1 macro-F1 points [+1.9, +4.4]. The best alternative without a
    language model, duplicated, gives +0.5. Switching to the frozen encoder, with no augmentation, gives
    +20.0 [+18.0, +22.0].
    """
    gain = f"{_points(verdict.gain.mean)} macro-F1 points {_range(verdict.gain)}"
    told = {
        "helps": f"SMOTExT helps: {gain}.",
        "hurts": f"SMOTExT hurts: {gain}. Leave it off here.",
        "no difference": f"SMOTExT makes no difference: {gain}, within {MARGIN:g} of zero.",
        "too little data to tell": f"too little data to tell: {gain}.{_detectable(verdict)}",
    }[verdict.word]
    parts = [f"{verdict.model}, {verdict.setting}: {told}"]
    if verdict.is_not_worse and verdict.word == "too little data to tell":
        parts.append(f"A loss of {MARGIN:g} point or more is ruled out.")
    if verdict.half_weight is not None:
        weighed = f"{_points(verdict.half_weight.mean)} {_range(verdict.half_weight)}"
        parts.append(f"With half of each class's weight left to its real rows: {weighed}.")
    if verdict.chosen_weight is not None:
        parts.append(f"With a weight chosen on the training rows: {gain_cell(verdict.chosen_weight)}.")
    if verdict.cheap is not None and verdict.cheap_gain is not None:
        as_good = "; it costs nothing and scores as high" if verdict.cheap_gain >= verdict.gain.mean else ""
        given = f"gives {_points(verdict.cheap_gain)}{as_good}."
        parts.append(f"The best alternative without a language model, {verdict.cheap}, {given}")
    if verdict.switch is not None:
        switch = f"{_points(verdict.switch.mean)} {_range(verdict.switch)}"
        parts.append(f"Switching to the frozen encoder, with no augmentation, gives {switch}.")
    return " ".join(parts)


def markdown(report: StudyReport) -> str:
    """Return the report as Markdown: verdicts first, then the tables."""
    overlap = f"{report.n_dropped} test rows that share 13 words in a row with a training row were dropped"
    leaks = f"; at most {report.n_leaked} new texts of a fold that repeat a test row were dropped"
    lines = [
        "# Does augmenting help?",
        "",
        *[line for one in report.advice for line in (one.text, "", "```python", one.code, "```", "")],
        *[f"- {sentence(verdict)}" for verdict in report.verdicts],
        "",
        f"{report.n_rows} real rows, {report.n_seeds} seeds. Test rows: {report.design}. {overlap}{leaks}.",
        "Scores are in points; intervals are at 95 % and compare with the real rows alone, seed by seed.",
        "",
    ]
    for setting, model in dict.fromkeys((row.setting, row.model) for row in report.rows):
        rows = [row for row in report.rows if (row.setting, row.model) == (setting, model)]
        lines += [f"## {setting}, {model}", "", *_score_table(rows), "", *_recall_table(rows)]
    if report.closeness:
        lines += ["## How near the synthetic texts stand to the real ones", "", *_closeness_table(report.closeness)]
        lines += [
            "",
            f"{NO_GUARANTEE} Whoever holds the parents and weights of a synthetic text holds its originals.",
            "",
        ]
    conditions = dict.fromkeys(row.condition for row in report.rows)
    lines += ["## What is compared", "", *[f"- {name}: {CONDITIONS[name]}" for name in conditions]]
    return "\n".join(lines) + "\n"


def report_name(study: Study, folder: Path) -> str:
    """Return the name of a study's report: one that no other study's report in the folder has.

    ``report`` where all rows are used, else with the settings, such as ``report-shots-5-10``; where a report of other
    options has that name already, with a number.
    """
    settings = [one.name for one in study.settings if one.kind != "all" or one.per_class is not None]
    shots = [name.removeprefix("shots-") if number else name for number, name in enumerate(settings)]
    base = "-".join(["report", *shots])
    names = itertools.chain([base], (f"{base}-no-{number}" for number in itertools.count(2)))
    return next(name for name in names if _study_of(folder / name) in (None, study.fingerprint))


def _study_of(path: Path) -> str | None:
    """Return the fingerprint of the study that a report is about, or None if there is no report."""
    if not (path.with_name(f"{path.name}.json").exists() or path.with_name(f"{path.name}.md").exists()):
        return None
    try:
        return str(json.loads(path.with_name(f"{path.name}.json").read_text(encoding="utf-8")).get("study"))
    except (OSError, ValueError, AttributeError):
        return "not known"


def write_report(
    report: StudyReport,
    results: Sequence[Result],
    folder: Path,
    *,
    name: str = "report",
    study: str = "",
    done: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Write the report as Markdown and JSON into `folder`, replacing one of that name, and return their paths.

    Parameters
    ----------
    report : StudyReport
    results : sequence of Result
    folder : Path
    name : str
        Of the files, without a suffix; see :func:`report_name`.
    study : str
        The study's fingerprint.
    done : mapping, optional
        What else the JSON is to hold of how the study was made: its ``command`` and ``options``.
    """
    content = {"study": study, **asdict(report), "sentences": [sentence(verdict) for verdict in report.verdicts]}
    content["done"] = dict(done or {})
    content["cells"] = [
        {name: value for name, value in asdict(result).items() if name != "resampled"} for result in results
    ]
    written = {
        folder / f"{name}.md": markdown(report),
        folder / f"{name}.json": json_text(content),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in written.items():
        with atomic_write(path) as file:
            file.write(text.encode())
    return list(written)


def plot_shots(rows: Sequence[Row], path: Path) -> None:
    """Draw macro-F1 against rows per class, one panel per model and one line per condition.

    Raises
    ------
    MissingExtraError
        Without matplotlib.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise missing_extra("matplotlib", "train", "the plot") from error
    models = list(dict.fromkeys(row.model for row in rows))
    figure = Figure(figsize=(5.5 * len(models), 4.2), layout="constrained")
    panels = figure.subplots(1, len(models), squeeze=False, sharey=True)[0]
    for panel, model in zip(panels, models, strict=True):
        for condition in CONDITIONS:
            points = [(_shots(row), row.macro_f1) for row in rows if (row.model, row.condition) == (model, condition)]
            points = sorted((shots, value) for shots, value in points if shots and not math.isnan(value))
            if points:
                panel.plot(*zip(*points, strict=True), marker="o", label=condition)
        panel.set(title=model, xlabel="real rows per class", ylabel="macro-F1 (points)", xscale="log")
        panel.legend(fontsize=7)
    with atomic_write(path) as file:
        figure.savefig(file, dpi=120, format=path.suffix.lstrip(".") or "png")


def overall_table(found: Sequence[Overall]) -> list[str]:
    """Return a Markdown table of what holds over several sets."""
    lines = [
        "| setting | model | sets | over real | over the best of what is free | best other | not worse in |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in found:
        best = max(one.alternatives, key=lambda name: one.alternatives[name], default=None)
        other = f"{best} {_points(one.alternatives[best])}" if best is not None else "-"
        kept = f"{sum(one.is_not_worse.values())} of {len(one.is_not_worse)}"
        gains = f"{gain_cell(one.over_real)} | {gain_cell(one.over_better)}"
        lines.append(f"| {one.setting} | {one.model} | {one.over_real.n} | {gains} | {other} | {kept} |")
    return lines


def gain_cell(interval: Interval) -> str:
    """Return a gain with its interval.

    Examples
    --------
    >>> gain_cell(Interval(1.0, -0.25, 2.25, 0.5, 10))
    '+1.0 [-0.2, +2.2]'
    """
    return f"{_points(interval.mean)} {_range(interval)}"


def _score_table(rows: Sequence[Row]) -> list[str]:
    lines = [
        "| condition | rows | accuracy | macro-F1 | weighted F1 | gain in macro-F1 |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        if row.skipped:
            lines.append(f"| {row.condition} | | | | | not applicable: {row.skipped} |")
            continue
        gain = gain_cell(row.gain) if row.gain is not None else ""
        scores = f"{row.accuracy:.1f} | {row.macro_f1:.1f} | {row.weighted_f1:.1f}"
        lines.append(f"| {row.condition} | {row.n_train:.0f} | {scores} | {gain} |")
    return lines


def _recall_table(rows: Sequence[Row]) -> list[str]:
    scored = [(row.condition, row.recall) for row in rows if row.recall]
    labels = list(dict.fromkeys(label for _, recall in scored for label in recall))
    if not labels or len(labels) > MAX_RECALL_COLUMNS:
        return []
    lines = [
        "Recall per class:",
        "",
        f"| condition | {' | '.join(map(_cell, labels))} |",
        "|---" * (len(labels) + 1) + "|",
    ]
    for condition, recall in scored:
        values = [f"{recall[label]:.1f}" if label in recall else "" for label in labels]
        lines.append(f"| {condition} | {' | '.join(values)} |")
    return [*lines, ""]


def _closeness_table(found: Sequence[Closeness]) -> list[str]:
    columns = [f"{what} {100 * q:.0f} %" for what in ("cosine", "copied") for q in QUANTILES]
    lines = [
        "Cosine to the nearest training text, and words in the longest run copied from one: quantiles over all texts "
        "of the first seed.",
        "",
        f"| setting | texts | looked at | {' | '.join(columns)} |",
        "|---" * (3 + len(columns)) + "|",
    ]
    for one in found:
        for name, near in (("synthetic", one.synthetic), ("held-out real", one.held_out)):
            lines.append(f"| {one.setting} | {name} | {near.n_texts} | {_nearness_cells(near)} |")
    return lines


def _nearness_cells(near: Nearness) -> str:
    return " | ".join(
        [f"{value:.2f}" for value in near.nearest_cosine] + [f"{value:.0f}" for value in near.longest_copy]
    )


def _detectable(verdict: Verdict) -> str:
    if math.isinf(verdict.detectable):
        return " One seed says nothing about chance: run more."
    return f" A study like this one finds a difference of {verdict.detectable:.1f} points four times in five."


def _points(value: float) -> str:
    # Adding zero turns "-0.0" into "0.0".
    return f"{round(value, 1) + 0.0:+.1f}"


def _range(interval: Interval) -> str:
    return f"[{_points(interval.low)}, {_points(interval.high)}]"


def _cell(label: str) -> str:
    return label.replace("|", "\\|").replace("\n", " ")


def _shots(row: Row) -> int:
    kind, _, amount = row.setting.partition("+")[0].partition("-")
    return int(amount) if kind == "shots" else 0
