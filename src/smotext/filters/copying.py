"""Whether a text was copied from a real text, word for word or nearly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from smotext.errors import InputError
from smotext.filters.ngrams import LONGEST_COUNTED, GramOwners, WordRuns, squeeze, words
from smotext.filters.protocol import Batch, FilterScores, RealTexts
from smotext.filters.score_bounds import CALIBRATION_ROWS, check_share, evenly_spaced
from smotext.filters.word_bags import WordBags, full_words

# In words. Idioms and common openings are shorter than this.
SHORTEST_RUN = 8
# Runs are counted up to here: so long a one is never allowed, however much the real texts quote each other.
LONGEST_RUN = LONGEST_COUNTED - 1
# From so many words on, a text counts as copied by what it shares with a real text; shorter ones must be equal.
_WHOLE = 4
# A class has bounds of its own where its share comes to so many texts, and the quarter that may be above one bound
# to two: a single text would often be chance.
_ENOUGH = 8
# Share of three-word runs. Texts of one form, such as questions, share some without being copies.
SMALLEST_SHARE = 0.6
# Below any likeness: nothing that differs in a word, or in one of six, is allowed.
_ANY = -1.0
# Below 1, the likeness of texts that are as good as equal: these are never allowed, however alike the real ones are.
_HIGHEST = 0.99


class Bounds(NamedTuple):
    """What a text may have in common with a real one, each allowed itself.

    Attributes
    ----------
    run : float
        Words in a row.
    share : float
        Share of its three-word runs.
    likeness : float
        Of a text that differs in a word, or in one of six, in whatever order
        (:meth:`~smotext.filters.word_bags.WordBags.likenesses`); -1 allows no such text.
    """

    run: float = float(SHORTEST_RUN)
    share: float = SMALLEST_SHARE
    likeness: float = _ANY


@dataclass(frozen=True)
class Copied:
    """Rejects texts copied from a real text: whole, a long run of words, with few words changed, or in another order.

    A text is a copy if it has the words of a real text, contractions written out, and from four words on in whatever
    order. It is a copy, too, if it has a longer run of words in common with a real text than the bound; or, from four
    words on, a larger share of its three-word runs; or if it differs in a word, or in one of six, in whatever order,
    and is more alike than the bound. Columns: ``copied_words``, the longest run; ``copied_share``, the largest share of
    three-word runs, 0 for a text of fewer than four words; ``word_likeness``, from 0 to 1 by how many words are common
    and how rare these are, NaN for a text that differs in more.

    Parameters
    ----------
    share : float
        Share of the real texts that may be above one of the bounds, compared with the other real texts: of each class
        that has enough of them to tell (400 at 2 %), and of all texts for the other classes. Eight words in a row and
        0.6 of the three-word runs are always allowed; where real texts permit it, no text that differs in one word in
        six is. Never allowed are 128 words in a row, and all words but one in 23.
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
        # A text that stands twice among the real ones says nothing about how much two texts have in common.
        texts = real.all_texts
        firsts = {squeeze(text): row for row, text in reversed(list(enumerate(texts)))}
        rows = np.array(sorted(firsts.values()), dtype=np.int64)
        known = KnownTexts.of([texts[row] for row in rows.tolist()])
        labels = real.labels[rows[rows < len(real.texts)]]
        classes = list(dict.fromkeys(labels.tolist()))
        some = [evenly_spaced(np.flatnonzero(labels == label), CALIBRATION_ROWS) for label in classes]
        found = known.compare_with_others(np.concatenate([np.empty(0, dtype=np.int64), *some]))
        overall = self._bounds(found, n_classes=len(classes))
        bounds = dict.fromkeys(classes, overall)
        ends = np.cumsum([len(group) for group in some]).tolist()
        for label, group, end in zip(classes, some, ends, strict=True):
            if self.share * len(group) >= _ENOUGH:
                bounds[label] = self._bounds(found.part(slice(end - len(group), end)))
        return FittedCopied(self.name, known, bounds, overall)

    def _bounds(self, found: Common, n_classes: int = 1) -> Bounds:
        """Return the bounds that the share of the texts is above: a quarter of it of either of the first two."""
        # A new text of a class of n is compared with n texts, and one of the class itself with the n - 1 others.
        wanted = self.share * (1 - n_classes / max(len(found.runs), n_classes, 1))
        run = float(np.clip(_high(found.runs, wanted / 4), SHORTEST_RUN, LONGEST_RUN))
        if self.at_most is not None:
            run = float(self.at_most)
        share = max(SMALLEST_SHARE, _high(found.shares, wanted / 4))
        is_above = (found.runs > run) | (found.shares > share)
        likeness = _high(np.where(is_above, np.inf, np.nan_to_num(found.likenesses, nan=_ANY)), wanted)
        return Bounds(run, share, min(likeness, _HIGHEST))


@dataclass(frozen=True)
class FittedCopied:
    """:class:`Copied` with the real texts' words.

    Attributes
    ----------
    name : str
    known : KnownTexts
    bounds : dict of label to Bounds
    overall : Bounds
        Of a class without real texts.
    """

    name: str
    known: KnownTexts
    bounds: dict[Any, Bounds]
    overall: Bounds

    def __call__(self, batch: Batch) -> tuple[NDArray[np.bool_], FilterScores]:
        """Return which texts are no copies, and how much was copied."""
        found = self.known.compare(batch.texts)
        bounds = [self.bounds.get(label, self.overall) for label in batch.labels]
        is_copy = self.known.have(batch.texts) | found.above(bounds)
        return ~is_copy, {"copied_words": found.runs, "copied_share": found.shares, "word_likeness": found.likenesses}


@dataclass(frozen=True)
class Common:
    """What texts have in common with the real text most like each, measure by measure; as :class:`Bounds` has them.

    Attributes
    ----------
    runs : ndarray of shape (n_texts,), int64
    shares, likenesses : ndarray of shape (n_texts,), float64
    """

    runs: NDArray[np.int64]
    shares: NDArray[np.float64]
    likenesses: NDArray[np.float64]

    def part(self, rows: slice) -> Common:
        """Return some of the texts."""
        return Common(self.runs[rows], self.shares[rows], self.likenesses[rows])

    def above(self, bounds: Sequence[Bounds]) -> NDArray[np.bool_]:
        """Return which texts are above one of their bounds."""
        run, share, likeness = np.array(bounds, dtype=np.float64).reshape(-1, 3).T
        return (self.runs > run) | (self.shares > share) | (self.likenesses > likeness)


@dataclass(frozen=True)
class KnownTexts:
    """Texts that others must not copy. Use :meth:`of`.

    Attributes
    ----------
    texts : sequence of str
    originals : frozenset of str
        Their words, those of longer texts in alphabetical order.
    runs : WordRuns
    owners : GramOwners
    bags : WordBags
    """

    texts: Sequence[str]
    originals: frozenset[str]
    runs: WordRuns
    owners: GramOwners
    bags: WordBags

    @classmethod
    def of(cls, texts: Sequence[str]) -> KnownTexts:
        """Return the texts, ready to be compared with."""
        originals = frozenset(map(_in_any_order, texts))
        return cls(texts, originals, WordRuns.of(texts), GramOwners.of(texts), WordBags.of(texts))

    def have(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Return which texts are among these but for case, punctuation, contractions and, of longer ones, the order."""
        return np.array([_in_any_order(text) in self.originals for text in texts], dtype=bool)

    def compare(self, texts: Sequence[str]) -> Common:
        """Return what texts have in common with these."""
        return self._common(texts, self.runs.longest_copies(texts))

    def compare_with_others(self, rows: NDArray[np.int64]) -> Common:
        """Return what some of these have in common with the others of these."""
        texts = [self.texts[row] for row in rows.tolist()]
        return self._common(texts, self.runs.longest_shared()[rows], own=rows.tolist())

    def _common(self, texts: Sequence[str], runs: NDArray[np.int64], own: Sequence[int] | None = None) -> Common:
        # Three words, a single run, may be anybody's.
        is_long = np.array([len(words(text)) >= _WHOLE for text in texts], dtype=bool)
        shares = self.owners.largest_shares(texts, own)
        likenesses = self.bags.likenesses(texts, own)
        return Common(runs, np.where(is_long, shares, 0.0), np.where(is_long, likenesses, np.nan))


def copies(texts: Sequence[str], known: Sequence[str]) -> NDArray[np.bool_]:
    """Return which texts copy one of a few others, by the lowest bounds of :class:`Copied`.

    Examples
    --------
    >>> copies(["The parcel came late.", "the parcel", "It's late!"], ["It is late.", "The parcel!"]).tolist()
    [False, True, True]
    """
    others = KnownTexts.of([text for text in known if text])
    return others.have(texts) | others.compare(texts).above([Bounds()] * len(texts))


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
    found = full_words(text)
    return " ".join(sorted(found) if len(found) >= _WHOLE else found) or text.strip()


def _high(scores: NDArray[Any], share: float) -> float:
    """Return the bound that at most `share` of the texts, and of another text of their kind, are expected above."""
    n_above = max(int(share * (len(scores) + 1)) - 1, 0)
    return float(np.sort(scores)[::-1][n_above]) if len(scores) else _ANY
