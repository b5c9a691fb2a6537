"""Figures as plotly.js draws them: plain dictionaries, made of numbers and names.

Colours are names of variables in ``style.css``, such as ``--synthetic``, which the page looks up, so that a figure
follows the reader's light or dark mode.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

REAL_COLOUR, SYNTHETIC_COLOUR = "--real", "--synthetic"
# Colours of the map; further classes share one.
CATEGORIES = tuple(f"--class-{number}" for number in range(1, 9))
OTHERS = "--others"
# Heights of a row of a bar chart, and of what stands around the rows.
_ROW_PX, _FRAME_PX = 30, 100
# In characters, at an axis: a phone shows no more.
_LONGEST_NAME = 34
# At an axis of so few rows there are no halves.
_FEW_ROWS = 6


@dataclass(frozen=True)
class Chart:
    """A figure.

    Attributes
    ----------
    name : str
        Of the element that it is drawn in.
    label : str
        What it shows, for those who can't see it.
    data, layout : as plotly.js takes them
    height : int
        Pixels.
    """

    name: str
    label: str
    data: list[dict[str, Any]]
    layout: dict[str, Any]
    height: int

    def drawn(self) -> dict[str, Any]:
        """Return what the page's script asks for."""
        return {"name": self.name, "data": self.data, "layout": {**self.layout, "height": self.height}}


@dataclass(frozen=True)
class ChartSeries:
    """Values of one kind and their colour."""

    name: str
    values: Sequence[float]
    colour: str = SYNTHETIC_COLOUR


def without_markup(name: str, *, longest: int = _LONGEST_NAME) -> str:
    """Return a name as plotly.js shows it letter by letter: it reads some tags in the texts that it draws.

    Examples
    --------
    >>> without_markup("<b>refunds</b> & others"), without_markup("an uncommonly long name of a class", longest=12)
    ('&lt;b&gt;refunds&lt;/b&gt; &amp; others', 'an uncommonl…')
    """
    name = " ".join(name.split())
    return html.escape(name if len(name) <= longest else f"{name[:longest]}…", quote=False)


def bars(name: str, label: str, names: Sequence[str], series: Sequence[ChartSeries], *, axis: str) -> Chart:
    """Return bars that lie, one row per name, the series end to end.

    Examples
    --------
    >>> chart = bars("classes", "Rows per class", ["ham", "spam"], [ChartSeries("real", [9, 2])], axis="rows")
    >>> chart.data[0]["x"], chart.data[0]["y"], chart.layout["yaxis"]["ticktext"]
    ([9, 2], [0, 1], ['ham', 'spam'])
    """
    data = [
        {
            "type": "bar", "orientation": "h", "name": one.name, "x": list(one.values), "y": [*range(len(names))],
            "marker": {"color": one.colour}, "hovertemplate": f"%{{x}} {one.name}<extra></extra>",
        }
        for one in series
    ]  # fmt: skip
    below: dict[str, Any] = {"title": {"text": axis}}
    if max((sum(row) for row in zip(*(one.values for one in series), strict=True)), default=0) <= _FEW_ROWS:
        below["dtick"] = 1
    layout = {"barmode": "stack", "xaxis": below, "yaxis": _rows(names), "bargap": 0.35}
    return Chart(name, label, data, _with_legend(layout, len(series)), _height(len(names)))


def histogram(name: str, label: str, series: Sequence[ChartSeries], *, axis: str, n_bins: int = 20) -> Chart:
    """Return how the values of each series are spread, in shares of its texts; values beyond 99 % go in the last bar.

    Examples
    --------
    >>> chart = histogram("words", "Words", [ChartSeries("real", [1, 1, 2, 9])], axis="words", n_bins=4)
    >>> chart.data[0]["y"]
    [75.0, 0.0, 0.0, 25.0]
    """
    everything = np.concatenate([np.asarray(one.values, dtype=float) for one in series])
    low, high = float(everything.min()), float(np.quantile(everything, 0.99, method="higher"))
    edges = np.linspace(low, high if high > low else low + 1, n_bins + 1)
    data = []
    for one in series:
        counts, _ = np.histogram(np.clip(one.values, edges[0], edges[-1]), edges)
        data.append({
            "type": "bar", "name": one.name, "x": ((edges[:-1] + edges[1:]) / 2).round(4).tolist(),
            "y": (100 * counts / max(1, counts.sum())).round(2).tolist(), "marker": {"color": one.colour},
            "opacity": 0.75, "hovertemplate": f"%{{y:.1f}} % of {one.name}<extra></extra>",
        })  # fmt: skip
    layout = {"barmode": "overlay", "bargap": 0.05, "xaxis": {"title": {"text": axis}},
              "yaxis": {"title": {"text": "% of texts"}, "rangemode": "tozero"}}  # fmt: skip
    return Chart(name, label, data, _with_legend(layout, len(series)), 300)


def intervals(
    name: str, label: str, names: Sequence[str], middles: ArrayLike, lows: ArrayLike, highs: ArrayLike, *,
    colours: Sequence[str], axis: str,
) -> Chart:  # fmt: skip
    """Return a point with its interval per row, and a line at zero; an interval that is not finite is left out."""
    middle, low, high = (np.asarray(values, dtype=float) for values in (middles, lows, highs))
    is_known = np.isfinite(low) & np.isfinite(high)
    data = [{
        "type": "scatter", "mode": "markers", "x": middle.tolist(), "y": [*range(len(names))], "showlegend": False,
        "marker": {"color": list(colours), "size": 10},
        "error_x": {"type": "data", "symmetric": False, "array": np.where(is_known, high - middle, 0).tolist(),
                    "arrayminus": np.where(is_known, middle - low, 0).tolist(), "color": "--soft", "thickness": 2},
        "customdata": [
            [f"{start:+.1f} to {end:+.1f}" if known else "interval not known"]
            for start, end, known in zip(low, high, is_known, strict=True)
        ],
        "hovertemplate": "%{x:+.1f} points, %{customdata[0]}<extra></extra>",
    }]  # fmt: skip
    zero = {"type": "line", "x0": 0, "x1": 0, "yref": "paper", "y0": 0, "y1": 1, "line": {"color": "--ink", "width": 1}}
    layout = {"xaxis": {"title": {"text": axis}, "zeroline": False}, "yaxis": _rows(names), "shapes": [zero]}
    return Chart(name, label, data, layout, _height(len(names)))


def pairs(name: str, label: str, names: Sequence[str], before: ChartSeries, after: ChartSeries, *, axis: str) -> Chart:
    """Return two points per row, joined by a line: what it was, and what it became."""
    rows = [*range(len(names))]
    joined: dict[str, list[Any]] = {"x": [], "y": []}
    for row, first, second in zip(rows, before.values, after.values, strict=True):
        joined["x"] += [first, second, None]
        joined["y"] += [row, row, None]
    line = {"type": "scatter", "mode": "lines", **joined, "line": {"color": "--soft"}, "hoverinfo": "skip",
            "showlegend": False}  # fmt: skip
    points = [
        {"type": "scatter", "mode": "markers", "name": one.name, "x": list(one.values), "y": rows,
         "marker": {"color": one.colour, "size": 11, "symbol": symbol},
         "hovertemplate": f"%{{x:.1f}}, {html.escape(one.name, quote=False)}<extra></extra>"}
        for one, symbol in ((before, "circle-open"), (after, "circle"))
    ]  # fmt: skip
    layout = {"xaxis": {"title": {"text": axis}, "range": [-3, 103]}, "yaxis": _rows(names)}
    return Chart(name, label, [line, *points], _with_legend(layout, 2), _height(len(names)))


def curves(name: str, label: str, x: Sequence[float], series: Sequence[ChartSeries], *, axis: str, up: str) -> Chart:
    """Return one line per series over the same places, which lie apart by their logarithms."""
    data = [
        {"type": "scatter", "mode": "lines+markers", "name": one.name, "x": list(x),
         "y": [None if math.isnan(value) else value for value in one.values],
         "line": {"color": one.colour, "width": 2}, "hovertemplate": f"%{{y:.1f}}, {one.name}<extra></extra>"}
        for one in series
    ]  # fmt: skip
    layout = {"xaxis": {"title": {"text": axis}, "type": "log", "tickvals": list(x), "ticktext": [f"{v:g}" for v in x]},
              "yaxis": {"title": {"text": up}}}  # fmt: skip
    return Chart(name, label, data, _with_legend(layout, 2), 380)


def _rows(names: Sequence[str]) -> dict[str, Any]:
    """Return the axis of one row per name, the first at the top; rows are numbered, since short names may be alike."""
    numbers = [*range(len(names))]
    return {
        "tickvals": numbers, "ticktext": [without_markup(name) for name in names], "range": [len(names) - 0.4, -0.6],
        "zeroline": False, "showgrid": False,
    }  # fmt: skip


def _with_legend(layout: dict[str, Any], n_series: int) -> dict[str, Any]:
    legend = {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "traceorder": "normal"}
    return {**layout, "showlegend": n_series > 1, "legend": legend}


def _height(n_rows: int) -> int:
    return _FRAME_PX + _ROW_PX * n_rows
