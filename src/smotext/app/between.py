"""What lies between two texts, and where on a map of their class it lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from smotext.app.turns import Turns
from smotext.data.corpus import make_corpus
from smotext.data.validation import check_texts
from smotext.encoders.cache import encode_cached
from smotext.errors import InputError
from smotext.interpolation import decode_line
from smotext.reporting.charts import Chart
from smotext.reporting.text_map import MapPoint, choose_points, map_chart, project_to_plane
from smotext.sampler import SMOTExT
from smotext.utils.seeding import root_seed

# So many texts of the class are on the map.
MOST_NEIGHBOURS = 300
# In characters, of a text on the map.
_LONGEST_SHOWN = 280
N_STEPS = 5
NAMES = {"class": "texts of the class", "ends": "your two texts", "between": "written between them"}


@dataclass
class Line:
    """Two texts and what was written between them.

    Attributes
    ----------
    first, second : str
    texts : dict of float to str
        By lam, the weight of the first.
    doubtful : dict of float to str
        Why a text is none that a run would keep, by lam.
    """

    first: str
    second: str
    texts: dict[float, str] = field(default_factory=dict)
    doubtful: dict[float, str] = field(default_factory=dict)

    def nearest(self, lam: float) -> float | None:
        """Return the weight nearest to `lam` of those that have a text.

        Examples
        --------
        >>> Line("a", "b", {0.0: "x", 0.5: "y"}).nearest(0.3)
        0.5
        """
        return min(self.texts, key=lambda one: (abs(one - lam), -one), default=None)


def check_ends(first: str, second: str) -> None:
    """Raise InputError unless there are two texts with something between them."""
    if not first.strip() or not second.strip():
        raise InputError("a text is empty: write or choose two texts")
    if first.strip() == second.strip():
        raise InputError("both texts are the same: nothing lies between them; choose another")


def write_line(line: Line, lams: Sequence[float], sampler: SMOTExT, turns: Turns) -> None:
    """Write the texts at these weights into the line.

    Raises
    ------
    InputError
        If an end is blank, both are the same, or an option cannot be used.
    """
    check_ends(line.first, line.second)
    settings = sampler.settings()
    corpus = make_corpus(check_texts([line.first, line.second]), np.array(["", ""], dtype=object))
    with turns.taken():
        encoder, decoder = sampler.load()
        rows = decode_line(
            corpus, np.array(lams, dtype=np.float64), encoder=encoder, decoder=decoder, settings=settings,
            seed=root_seed(sampler.random_state),
        )  # fmt: skip
    for lam, row in zip(lams, rows.itertuples(), strict=True):
        line.texts[round(float(lam), 4)] = row.text
        if not row.accepted:
            line.doubtful[round(float(lam), 4)] = str(row.reason)


def line_map(line: Line, of_class: Sequence[str], sampler: SMOTExT, turns: Turns) -> tuple[Chart, float]:
    """Return the map of a line among some texts of its class, and the share of the spread that the map holds.

    Parameters
    ----------
    line : Line
    of_class : sequence of str
        The texts around them; may be empty.
    """
    ends = [line.first, line.second]
    others = [text for text in of_class if text not in ends]
    around = [others[row] for row in choose_points(["class"] * len(others), MOST_NEIGHBOURS)]
    lams = sorted(line.texts, reverse=True)
    texts = [*around, *ends, *(line.texts[lam] for lam in lams)]
    known = [text for text in texts if text.strip()]
    with turns.taken():
        encoder, _ = sampler.load()
        vectors = encode_cached(encoder, known)
    places, share = project_to_plane(vectors)
    return _chart(known, places, len(around), lams), share


def _chart(texts: Sequence[str], places: NDArray[np.float64], n_around: int, lams: Sequence[float]) -> Chart:
    points = []
    for number, (text, (x, y)) in enumerate(zip(texts, places.tolist(), strict=True)):
        kind = "class" if number < n_around else "ends" if number < n_around + 2 else "between"
        shown = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
        points.append(MapPoint(shown, NAMES[kind], "real" if kind == "class" else "synthetic", x, y))
    chart = map_chart(points)
    for trace in chart.data:
        trace["marker"].update(_LOOKS[next(kind for kind, name in NAMES.items() if trace["name"].startswith(name))])
        trace["name"] = trace["name"].removesuffix(", real")
    return chart


_LOOKS = {
    "class": {"color": "--real", "size": 8}, "ends": {"color": "--class-2", "size": 15, "symbol": "diamond"},
    "between": {"color": "--synthetic", "size": 11},
}  # fmt: skip
