"""One step of the method as a picture: two tickets, the mix of their vectors, and the text that was written for it.

It is the first refund ticket that ``smotext augment examples/tickets.csv`` writes.

::

    python examples/picture.py --output docs/pictures/method.svg
"""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from numpy.typing import NDArray
from sklearn.decomposition import PCA

import smotext

TICKETS = Path(__file__).with_name("tickets.csv")
COLOURS = {"delivery": "#8a8f98", "fraud": "#c2703d", "refund": "#2563a8"}


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True, help="SVG or PNG file")
    parser.add_argument("--random-seed", type=int, default=0)
    options = parser.parse_args()
    tickets = pd.read_csv(TICKETS)
    smx = smotext.SMOTExT(random_state=options.random_seed)
    (row,) = smx.generate(tickets["text"], tickets["label"], n={"refund": 1}).itertuples()
    texts = [*tickets["text"][list(row.parents)], row.text]
    vectors = smotext.load_encoder(dtype="float32").encode([*tickets["text"], *texts])
    mix = np.array(row.weights, dtype=np.float32) @ vectors[-3:-1]
    places = PCA(2).fit(vectors[:-3]).transform(np.vstack([vectors, mix]))
    mpl.rcParams |= {"svg.hashsalt": "smotext", "font.size": 10}
    figure, axes = plt.subplots(figsize=(9, 4.6), layout="constrained")
    draw_classes(axes, tickets["label"].to_numpy(), places)
    draw_step(axes, places[len(tickets) :], texts)
    undated = {"Date": None} if options.output.suffix == ".svg" else None  # the same picture, the same file
    figure.savefig(options.output, facecolor="white", metadata=undated)


def draw_classes(axes: Axes, labels: NDArray[np.object_], places: NDArray[np.float32]) -> None:
    """Draw a dot for each real ticket; `places` may have more rows than there are tickets."""
    for label, colour in COLOURS.items():
        x, y = places[: len(labels)][labels == label].T
        axes.scatter(x, y, color=colour, s=30, label=label)
    left, right = axes.get_xlim()
    axes.set(xticks=[], yticks=[], xlim=(left, right + 0.6 * (right - left)))
    axes.spines[:].set_visible(False)
    axes.legend(title="real tickets", loc="upper left", frameon=False)


def draw_step(axes: Axes, places: NDArray[np.float32], texts: list[str]) -> None:
    """Draw the two parents, what was written and the mix, in this order, with the texts of the first three."""
    first, second, written, mix = places
    axes.plot(*np.array([first, mix, second]).T, color=COLOURS["refund"], linewidth=1, zorder=0)
    axes.plot(*mix, "x", color="black", markersize=9, markeredgewidth=2)
    axes.plot(*written, "*", color="black", markersize=13)
    axes.plot(*np.array([mix, written]).T, ":", color="black", linewidth=1)
    heights = dict(zip(np.argsort([first[1], written[1], second[1]]).tolist(), (0.12, 0.5, 0.88), strict=True))
    for number, (name, place) in enumerate((("real", first), ("synthetic", written), ("real", second))):
        colour = "#fff3c4" if name == "synthetic" else "#e6eef8"
        axes.annotate(
            f"{name}:\n" + textwrap.fill(texts[(0, 2, 1)[number]], 34),
            place,
            xytext=(0.7, heights[number]),
            textcoords="axes fraction",
            verticalalignment="center",
            bbox={"boxstyle": "round", "facecolor": colour, "edgecolor": "none"},
            arrowprops={"arrowstyle": "-", "color": "#8a8f98", "linewidth": 0.8},
        )
    axes.annotate("the mix", mix, xytext=(-8, -14), textcoords="offset points", horizontalalignment="right")


if __name__ == "__main__":
    main()
