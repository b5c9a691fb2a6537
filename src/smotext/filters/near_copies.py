"""Whether a text's vector is too near to another's: a real text's, or an earlier synthetic one's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.filters.ngrams import squeeze
from smotext.filters.protocol import Batch, FilterScores, RealTexts
from smotext.filters.score_bounds import CALIBRATION_ROWS, Bounded, check_share, evenly_spaced, high_bound
from smotext.utils.geometry import blocks, nearest_cosines, unit

# Below this cosine nothing counts as a copy, however far apart the real texts lie.
_NEAR = 0.9
# So many synthetic texts are compared with each other in one block.
_ROWS = 512


@dataclass(frozen=True)
class NearCopy:
    """Rejects texts whose vector is as near to a real text's as hardly any two real texts are.

    Parameters
    ----------
    share : float
        Share of the real texts whose nearest other real text is nearer than the bound; the bound is at
        least 0.9.
    at_most : float, optional
        The bound itself, a cosine.
    """

    share: float = 0.01
    at_most: float | None = None
    name: str = "near_copy"

    def __post_init__(self) -> None:
        check_share("share", self.share)

    def fit(self, real: RealTexts) -> Bounded:
        """Return the filter with its bound."""
        bound = _nearness_bound(self.at_most, real, self.share)
        return Bounded(self.name, "nearest_real_cosine", nearest_real(real), at_most=bound)


@dataclass(frozen=True)
class Duplicate:
    """Rejects synthetic texts that repeat an earlier accepted one, in words or, within a class, in meaning.

    Rows are compared in the order they come in: the earlier one stays. List it last, so that only texts that
    the other filters keep can displace others. Column: ``nearest_synthetic_cosine``, to the nearest earlier
    accepted text of the class.

    Parameters
    ----------
    share : float
        Share of the real texts whose nearest other real text is nearer than the bound; the bound is at
        least 0.9.
    at_most : float, optional
        The bound itself, a cosine.
    """

    share: float = 0.01
    at_most: float | None = None
    name: str = "duplicate"

    def __post_init__(self) -> None:
        check_share("share", self.share)

    def fit(self, real: RealTexts) -> FittedDuplicate:
        """Return the filter with its bound."""
        return FittedDuplicate(self.name, _nearness_bound(self.at_most, real, self.share))


def _nearness_bound(at_most: float | None, real: RealTexts, share: float) -> float:
    """Return the bound that was set, or the cosine that `share` of the real texts exceed, at least 0.9."""
    if at_most is not None:
        return at_most
    return max(_NEAR, high_bound(None, leave_one_out_nearest(real), share))


@dataclass(frozen=True)
class FittedDuplicate:
    """:class:`Duplicate` with its bound.

    Attributes
    ----------
    name : str
    at_most : float
        The highest cosine that two texts of a class may have.
    """

    name: str
    at_most: float

    def __call__(self, batch: Batch) -> tuple[NDArray[np.bool_], FilterScores]:
        """Return which texts repeat no earlier one, and the cosine to the nearest earlier one of the class."""
        is_kept = self._first_in_words(batch)
        nearest = np.full(len(batch), np.nan)
        for label in dict.fromkeys(batch.labels.tolist()):
            rows = np.flatnonzero(batch.labels == label)
            nearest[rows] = self._thin(rows, is_kept, batch, batch.earlier.vectors)
        return is_kept, {"nearest_synthetic_cosine": nearest}

    def _first_in_words(self, batch: Batch) -> NDArray[np.bool_]:
        """Return which texts have words that no earlier text has."""
        seen: set[str] = set()
        is_first = np.empty(len(batch), dtype=bool)
        for row, (text, is_alive) in enumerate(zip(batch.texts, batch.is_alive, strict=True)):
            squeezed = squeeze(text)
            is_first[row] = squeezed not in seen and squeezed not in batch.earlier.words
            if is_alive:
                seen.add(squeezed)
        return is_first

    def _thin(
        self,
        rows: NDArray[np.int64],
        is_kept: NDArray[np.bool_],
        batch: Batch,
        earlier: Mapping[Any, NDArray[np.float32]],
    ) -> NDArray[np.float64]:
        """Drop rows of one class that are near to an earlier one, in place, and return the nearest cosines."""
        vectors = unit(batch.vectors[rows])
        nearest = np.full(len(rows), np.nan)
        before = earlier.get(batch.labels[rows[0]])
        if before is not None and len(before):
            nearest = nearest_cosines(vectors, before)
        is_kept[rows] &= ~(nearest > self.at_most)
        for block in blocks(len(rows), _ROWS):
            kept_before = np.flatnonzero((is_kept & batch.is_alive)[rows[: block.start]])
            nearest[block] = np.fmax(nearest[block], nearest_cosines(vectors[block], vectors[kept_before]))
            is_kept[rows[block]] &= ~(nearest[block] > self.at_most)
            self._thin_block(rows[block], vectors[block], nearest[block], is_kept, batch.is_alive)
        return nearest

    def _thin_block(
        self,
        rows: NDArray[np.int64],
        vectors: NDArray[np.float32],
        nearest: NDArray[np.float64],
        is_kept: NDArray[np.bool_],
        is_alive: NDArray[np.bool_],
    ) -> None:
        """Compare the rows of a block with each other, one after the other; changes `nearest` and `is_kept`."""
        cosines = vectors @ vectors.T
        is_holder = np.zeros(len(rows), dtype=bool)
        for place, row in enumerate(rows):
            if is_holder.any():
                nearest[place] = np.fmax(nearest[place], cosines[place, is_holder].max())
            is_kept[row] &= not nearest[place] > self.at_most
            is_holder[place] = is_kept[row] and is_alive[row]


def nearest_real(real: RealTexts) -> Any:
    """Return a function from a batch to each text's cosine to the nearest real text."""
    return lambda batch: np.fmax(
        nearest_cosines(batch.vectors, real.vectors), nearest_cosines(batch.vectors, real.unlabelled_vectors)
    )


def leave_one_out_nearest(real: RealTexts) -> NDArray[np.float64]:
    """Return the cosine of labelled texts (2,000 at most, evenly spaced) to the nearest other real text."""
    rows = evenly_spaced(np.arange(len(real.texts)), CALIBRATION_ROWS)
    vectors = real.vectors[rows]
    return np.fmax(nearest_cosines(vectors, real.vectors, own=rows), nearest_cosines(vectors, real.unlabelled_vectors))
