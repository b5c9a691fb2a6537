"""Whether a text was copied: from a real text, word for word or nearly, or from another synthetic one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.errors import InputError
from smotext.filters.geometry import blocks, nearest_cosines, unit
from smotext.filters.ngrams import LONGEST_COUNTED, GramOwners, WordRuns, squeeze, words
from smotext.filters.protocol import Batch, FilterScores, RealTexts
from smotext.filters.score_bounds import CALIBRATION_ROWS, Bounded, check_share, evenly_spaced, high_bound

# In words. Idioms and common openings are shorter than this.
SHORTEST_RUN = 8
# In words. However much the real texts quote each other, longer runs are never allowed.
LONGEST_RUN = 40
# From so many words on, a text of which a part stands in a real text counts as copied; shorter ones must be equal.
_WHOLE = 4
# Share of three-word runs. Texts of one form, such as questions, share some without being copies.
SMALLEST_SHARE = 0.6
# The bounds of a class without real texts.
_NO_BOUNDS = (float(LONGEST_RUN), 1.0)
# Below this cosine nothing counts as a copy, however far apart the real texts lie.
_NEAR = 0.9
# So many synthetic texts are compared with each other in one block.
_ROWS = 512


@dataclass(frozen=True)
class Copied:
    """Rejects texts copied from a real text: whole, a long run of words, with few words changed, or in another order.

    A text is a copy if it has the words of a real text, in whatever order from four words on, stands inside one (four
    words or more), has a longer run of words in common with one than the bound, or a larger share of its three-word
    runs. Columns: ``copied_words``, the
    longest run, and ``copied_share``, the largest share, 0 for a text of fewer than four words.

    Parameters
    ----------
    share : float
        Share of each class's real texts that may be above one of the bounds, compared with the other real texts: half
        of it above either. The bounds are kept between 8 and 40 words, and between 0.6 and 1.
    at_most : int, optional
        The bound on runs itself, in words, below 128.
    """

    share: float = 0.01
    at_most: int | None = None
    name: str = "copied"

    def __post_init__(self) -> None:
        check_share("share", self.share)
        if self.at_most is not None and not 0 <= self.at_most < LONGEST_COUNTED:
            raise InputError(f"at_most is {self.at_most!r}: expected a number of words from 0 to {LONGEST_COUNTED - 1}")

    def fit(self, real: RealTexts) -> FittedCopied:
        """Return the filter that knows the real texts' words."""
        runs, owners = WordRuns.of(real.texts), GramOwners.of(real.texts)
        longest = runs.longest_shared().astype(np.float64)
        bounds = {}
        for label in dict.fromkeys(real.labels.tolist()):
            rows = np.flatnonzero(real.labels == label)
            some = evenly_spaced(rows, CALIBRATION_ROWS)
            shares = _shares(owners, [real.texts[row] for row in some], own=some.tolist())
            most = float(LONGEST_RUN) if self.at_most is None else float(self.at_most)
            if self.at_most is None and len(real.texts) > 1:
                most = float(np.clip(high_bound(None, longest[rows], self.share / 2), SHORTEST_RUN, LONGEST_RUN))
            bounds[label] = (most, max(SMALLEST_SHARE, float(high_bound(None, shares, self.share / 2))))
        return FittedCopied(self.name, runs, owners, frozenset(map(_in_any_order, real.texts)), bounds)


@dataclass(frozen=True)
class FittedCopied:
    """:class:`Copied` with the real texts' words.

    Attributes
    ----------
    name : str
    runs : WordRuns
    owners : GramOwners
    originals : frozenset of str
        The real texts' words; those of longer texts in alphabetical order.
    bounds : dict of label to (float, float)
        Words that may be copied in a row, and the share of three-word runs, for each class.
    """

    name: str
    runs: WordRuns
    owners: GramOwners
    originals: frozenset[str]
    bounds: dict[Any, tuple[float, float]]

    def __call__(self, batch: Batch) -> tuple[NDArray[np.bool_], FilterScores]:
        """Return which texts are no copies, and how much was copied."""
        longest, shares = self.runs.longest_copies(batch.texts), _shares(self.owners, batch.texts)
        lengths = np.array([len(words(text)) for text in batch.texts], dtype=np.int64)
        is_whole = (longest == lengths.clip(max=LONGEST_COUNTED)) & (lengths >= _WHOLE)
        is_equal = np.array([_in_any_order(text) in self.originals for text in batch.texts], dtype=bool)
        most = np.array([self.bounds.get(label, _NO_BOUNDS) for label in batch.labels]).reshape(-1, 2)
        is_copy = is_whole | is_equal | (longest > most[:, 0]) | (shares > most[:, 1])
        return ~is_copy, {"copied_words": longest, "copied_share": shares}


@dataclass(frozen=True)
class CopiedFrom:
    """Rejects texts copied, as :class:`Copied` says, from others than the real rows: from public ones in prompts.

    Parameters
    ----------
    texts : sequence of str
    share : float
        As of :class:`Copied`, of these texts.
    """

    texts: tuple[str, ...]
    share: float = 0.01
    name: str = "copied"

    def fit(self, real: RealTexts) -> FittedCopiedFrom:
        """Return the filter; the real texts are not looked at."""
        labels, vectors = np.zeros(len(self.texts), dtype=object), np.zeros((len(self.texts), 0), dtype=np.float32)
        return FittedCopiedFrom(self.name, Copied(self.share).fit(RealTexts(list(self.texts), labels, vectors)))


@dataclass(frozen=True)
class FittedCopiedFrom:
    """:class:`CopiedFrom` with the texts' words, which are the same for all classes."""

    name: str
    copied: FittedCopied

    def __call__(self, batch: Batch) -> tuple[NDArray[np.bool_], FilterScores]:
        """Return which texts are no copies, and no columns: those of :class:`Copied` are about real texts."""
        of_one_class = replace(batch, labels=np.zeros(len(batch), dtype=object))
        return self.copied(of_one_class)[0], {}


def _in_any_order(text: str) -> str:
    """Return the same for texts of the same words; few words mean another thing in another order."""
    found = words(text)
    return " ".join(sorted(found)) if len(found) >= _WHOLE else squeeze(text)


def _shares(owners: GramOwners, texts: Sequence[str], own: Sequence[int] | None = None) -> NDArray[np.float64]:
    """Return each text's largest share of three-word runs; three words, a single run, may be anybody's."""
    is_long = np.array([len(words(text)) >= _WHOLE for text in texts], dtype=bool)
    return np.where(is_long, owners.largest_shares(texts, own), 0.0)


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
    return lambda batch: nearest_cosines(batch.vectors, real.vectors)


def leave_one_out_nearest(real: RealTexts) -> NDArray[np.float64]:
    """Return the cosine of real texts (2,000 at most, evenly spaced) to the nearest other real text."""
    rows = evenly_spaced(np.arange(len(real.texts)), CALIBRATION_ROWS)
    return nearest_cosines(real.vectors[rows], real.vectors, own=rows)
