"""A map of texts in two dimensions: which texts, and where they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.reporting.charts import CATEGORIES, OTHERS, Chart, without_markup

# More points are slow to draw on a phone.
MAX_POINTS = 1500
# Two points always lie on a line, and make no map.
_LEAST_POINTS = 3


@dataclass(frozen=True)
class MapPoint:
    """One text on the map.

    Attributes
    ----------
    text : str
        What its reader is shown.
    kind : {"synthetic", "real"}
    """

    text: str
    label: str
    kind: str
    x: float
    y: float


def choose_points(labels: Sequence[str], n: int, *, seed: int = 0) -> NDArray[np.int64]:
    """Return the rows that the map shows, ascending: all, or `n` that are drawn, each class as evenly as it allows.

    Examples
    --------
    >>> choose_points(["ham"] * 90 + ["spam"] * 2, 4)[-2:].tolist()
    [90, 91]
    """
    if len(labels) <= n:
        return np.arange(len(labels))
    order = np.random.default_rng(seed).permutation(len(labels))
    turns: dict[str, int] = {}
    # The number of each row within its class, in the drawn order.
    rounds = np.empty(len(labels), dtype=np.int64)
    for row in order:
        rounds[row] = turns[labels[row]] = turns.get(labels[row], -1) + 1
    return np.sort(order[np.argsort(rounds[order], kind="stable")[:n]])


def project_to_plane(vectors: NDArray[Any]) -> tuple[NDArray[np.float64], float]:
    """Return two coordinates a vector, their first two principal components, and the share of the spread they hold.

    Parameters
    ----------
    vectors : ndarray of shape (n_texts, vector_dim)

    Returns
    -------
    ndarray of shape (n_texts, 2), and a float in [0, 1]

    Examples
    --------
    >>> places, share = project_to_plane(np.array([[0.0, 0, 0], [2, 0, 0], [0, 1, 0], [2, 1, 0]]))
    >>> places.shape, round(share, 6)
    ((4, 2), 1.0)
    """
    from sklearn.decomposition import PCA

    if len(vectors) < _LEAST_POINTS or np.ptp(vectors, axis=0).max() == 0:
        return np.zeros((len(vectors), 2)), 0.0
    found = PCA(n_components=2, svd_solver="full" if len(vectors) < 500 else "randomized", random_state=0)
    places = found.fit_transform(np.asarray(vectors, dtype=np.float64))
    return places, float(found.explained_variance_ratio_.sum())


def map_chart(places: Sequence[MapPoint]) -> Chart:
    """Return the map: a colour per class, real texts as open circles; the texts themselves go to the page's script."""
    labels = list(dict.fromkeys(place.label for place in places))
    data: list[dict[str, Any]] = []
    for number, label in enumerate(labels[: len(CATEGORIES)]):
        data += _traces([place for place in places if place.label == label], label, CATEGORIES[number])
    rest = set(labels[len(CATEGORIES) :])
    data += _traces([place for place in places if place.label in rest], f"{len(rest)} other classes", OTHERS)
    bare = {"showticklabels": False, "showgrid": False, "zeroline": False, "showline": True, "mirror": True}
    layout = {
        "xaxis": bare, "yaxis": bare, "hovermode": "closest", "dragmode": False,
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"}, "showlegend": True,
    }  # fmt: skip
    return Chart("map", "A map of the texts; near points are near in meaning", data, layout, 520)


def _traces(places: Sequence[MapPoint], name: str, colour: str) -> list[dict[str, Any]]:
    data = []
    for kind in ("real", "synthetic"):
        chosen = [place for place in places if place.kind == kind]
        if not chosen:
            continue
        marker = {"color": colour, "size": 8 if kind == "synthetic" else 10, "opacity": 0.8,
                  "symbol": "circle" if kind == "synthetic" else "circle-open"}  # fmt: skip
        data.append({
            "type": "scatter", "mode": "markers", "name": without_markup(name) + (", real" if kind == "real" else ""),
            "x": [round(place.x, 4) for place in chosen], "y": [round(place.y, 4) for place in chosen],
            "texts": [place.text for place in chosen], "marker": marker, "hoverinfo": "text",
        })  # fmt: skip
    return data
