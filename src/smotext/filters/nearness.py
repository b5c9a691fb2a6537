"""How near a text is to what was asked for, and to the real texts at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smotext.filters.near_copies import leave_one_out_nearest, nearest_real
from smotext.filters.protocol import RealTexts
from smotext.filters.score_bounds import CALIBRATION_ROWS, Bounded, check_share, evenly_spaced, low_bound
from smotext.utils.geometry import blocks, row_cosines, unit


@dataclass(frozen=True)
class OffTarget:
    """Rejects texts whose vector lies too far from the one they were asked for. Column: ``target_cosine``.

    A real text stands in for a text asked for at the middle between its two nearest neighbours of its class.

    Parameters
    ----------
    share : float
        Share of the real texts that lie farther from that middle than the bound.
    at_least : float, optional
        The bound itself, a cosine.
    """

    share: float = 0.01
    at_least: float | None = None
    name: str = "off_target"

    def __post_init__(self) -> None:
        check_share("share", self.share)

    def fit(self, real: RealTexts) -> Bounded:
        """Return the filter with its bound."""
        bound = low_bound(self.at_least, leave_one_out_targets(real), self.share)
        return Bounded(
            self.name, "target_cosine", lambda batch: row_cosines(batch.vectors, batch.targets), at_least=bound
        )


@dataclass(frozen=True)
class OffTopic:
    """Rejects texts that are far from every real text. Column: ``nearest_real_cosine``.

    Parameters
    ----------
    share : float
        Share of the real texts that are farther from every other real text than the bound.
    at_least : float, optional
        The bound itself, a cosine.
    """

    share: float = 0.002
    at_least: float | None = None
    name: str = "off_topic"

    def __post_init__(self) -> None:
        check_share("share", self.share)

    def fit(self, real: RealTexts) -> Bounded:
        """Return the filter with its bound."""
        bound = low_bound(self.at_least, leave_one_out_nearest(real), self.share)
        return Bounded(self.name, "nearest_real_cosine", nearest_real(real), at_least=bound)


def leave_one_out_targets(real: RealTexts) -> NDArray[np.float64]:
    """Return the cosine of real texts to the middle of their two nearest neighbours of the same class.

    Returns
    -------
    ndarray of shape (n_rows,), float64
        For 2,000 real texts at most, evenly spaced; NaN in classes of fewer than three.

    Examples
    --------
    The first text's neighbours lie to its left and right; their middle is itself:

    >>> vectors = np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]], dtype=np.float32)
    >>> real = RealTexts(["a", "b", "c"], np.array(["x"] * 3, dtype=object), vectors)
    >>> leave_one_out_targets(real).round(3).tolist()
    [1.0, 0.447, 0.447]
    """
    rows = evenly_spaced(np.arange(len(real.texts)), CALIBRATION_ROWS)
    cosines = np.full(len(rows), np.nan)
    labels = real.labels[rows]
    for label in dict.fromkeys(labels.tolist()):
        members, here = np.flatnonzero(real.labels == label), np.flatnonzero(labels == label)
        if len(members) >= 3:
            for block in blocks(len(here), 256):
                cosines[here[block]] = _cosines_to_middle(real.vectors, rows[here[block]], members)
    return cosines


def _cosines_to_middle(
    vectors: NDArray[np.float32], rows: NDArray[np.int64], members: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the cosine of each row to the middle of the two members, other than itself, nearest to it."""
    cosines = unit(vectors[rows]) @ unit(vectors[members]).T
    cosines[members[None, :] == rows[:, None]] = -np.inf
    nearest = members[np.argpartition(-cosines, 1, axis=1)[:, :2]]
    return row_cosines(vectors[rows], np.asarray(vectors[nearest], dtype=np.float64).mean(axis=1))
