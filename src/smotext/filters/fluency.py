"""Whether a text reads like language: its spelling and its word order, against the real texts'.

No language is assumed: both scores come from counting the real texts alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.filters.ngrams import words
from smotext.filters.protocol import RealTexts
from smotext.filters.score_bounds import CALIBRATION_ROWS, Bounded, check_share, evenly_spaced, low_bound

# Bits of a code point; three of them fit into a 63-bit number.
_BITS = 21
# Added to each count of characters (Jeffreys' prior).
_SMOOTHING = 0.5
# So many texts show a language's habits; more would only cost memory.
_COUNTED_TEXTS = 20_000
# With fewer pairs of words the order of words says too little.
_LEAST_PAIRS = 8
# Matches words, and in scripts without spaces whole clauses.
_UNBROKEN = re.compile(r"\w+")


@dataclass(frozen=True)
class Tally:
    """How often each key occurs.

    Attributes
    ----------
    keys, counts : ndarray of shape (n_keys,), int64
        Keys ascending.

    Examples
    --------
    >>> Tally.of(np.array([7, 3, 7])).look_up(np.array([3, 5, 7])).tolist()
    [1, 0, 2]
    """

    keys: NDArray[np.int64]
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, keys: NDArray[np.int64]) -> Tally:
        """Return the tally of `keys`."""
        return cls(*np.unique(keys, return_counts=True))

    def look_up(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how often each of `keys` occurs."""
        if not len(self.keys):
            return np.zeros(len(keys), dtype=np.int64)
        places = np.searchsorted(self.keys, keys).clip(max=len(self.keys) - 1)
        return np.where(self.keys[places] == keys, self.counts[places], 0)


_NOTHING = Tally.of(np.zeros(0, dtype=np.int64))


@dataclass(frozen=True)
class Spelling:
    """How probable each character of a text is, given the two before it, by the real texts' counts.

    Attributes
    ----------
    triples, pairs : Tally
        Characters of lower-cased words, one space between words.
    n_characters : int
        Different characters in the real texts.

    Examples
    --------
    >>> spelling = Spelling.of(["the cat sat on the mat"])
    >>> scores = [spelling.score(text) for text in ["the cat", "hte tca"]]
    >>> bool(scores[0] > scores[1])
    True
    """

    triples: Tally
    pairs: Tally
    n_characters: int

    @classmethod
    def of(cls, texts: Sequence[str]) -> Spelling:
        """Return the counts of `texts`."""
        triples = np.concatenate([_triples(text) for text in texts] or [_triples("")])
        return cls(Tally.of(triples), Tally.of(triples >> _BITS), len(set().union(*texts)) + 1)

    def score(self, text: str, *, is_own: bool = False) -> float:
        """Return the mean log-probability of the text's characters, or NaN if it has none.

        Parameters
        ----------
        text : str
        is_own : bool
            Whether `text` is one of those counted; it is left out then.
        """
        triples = _triples(text)
        if not len(triples):
            return np.nan
        own = Tally.of(triples) if is_own else _NOTHING
        own_pairs = Tally.of(triples >> _BITS) if is_own else _NOTHING
        found = self.triples.look_up(triples) - own.look_up(triples)
        context = self.pairs.look_up(triples >> _BITS) - own_pairs.look_up(triples >> _BITS)
        return float(np.log((found + _SMOOTHING) / (context + _SMOOTHING * self.n_characters)).mean())


@dataclass(frozen=True)
class WordOrder:
    """How much oftener than by chance, and than backwards, the real texts have a text's pairs of words.

    A pair (v, w) seen ``c(v, w)`` times scores ``log (c(v, w) + 1) / (e + 1) + log (c(v, w) + 1) / (c(w, v) + 1)``,
    where ``e = c(v) c(w) / n_words``. Shuffled words score about 0 in the second part and less in the first.

    Attributes
    ----------
    numbers : dict of str to int
    counts : ndarray of shape (n_words,), int64
        Occurrences of each word.
    pairs : Tally

    Examples
    --------
    >>> order = WordOrder.of(["the cat sat on the mat and the dog sat on the rug"] * 3)
    >>> text = "the dog sat on the mat and the cat"
    >>> bool(order.score(text) > 0 > order.score(" ".join(sorted(text.split()))))
    True
    """

    numbers: dict[str, int]
    counts: NDArray[np.int64]
    pairs: Tally

    @classmethod
    def of(cls, texts: Sequence[str]) -> WordOrder:
        """Return the counts of `texts`."""
        numbers: dict[str, int] = {}
        rows = [np.array([numbers.setdefault(word, len(numbers)) for word in words(text)], np.int64) for text in texts]
        counts = np.bincount(np.concatenate([*rows, np.zeros(0, dtype=np.int64)]), minlength=len(numbers) + 1)
        return cls(numbers, counts, Tally.of(np.concatenate([_pairs(row) for row in rows] or [_pairs(counts[:0])])))

    def score(self, text: str, *, is_own: bool = False) -> float:
        """Return the mean score of the text's pairs of words, or NaN if it has under eight.

        Parameters
        ----------
        text : str
        is_own : bool
            Whether `text` is one of those counted; its pairs and its words are left out then.
        """
        unknown = len(self.numbers)
        row = np.array([self.numbers.get(word, unknown) for word in words(text)], dtype=np.int64)
        if len(row) <= _LEAST_PAIRS:
            return np.nan
        own = Tally.of(_pairs(row)) if is_own else _NOTHING
        there, back = (
            self.pairs.look_up(pairs) - own.look_up(pairs) for pairs in (_pairs(row), _pairs(row[::-1])[::-1])
        )
        n_words, counts = self.counts.sum(), self.counts[row]
        if is_own:
            _, places, times = np.unique(row, return_inverse=True, return_counts=True)
            n_words, counts = n_words - len(row), counts - times[places]
        by_chance = counts[:-1] * counts[1:] / max(1, n_words)
        return float((2 * np.log(there + 1) - np.log(by_chance + 1) - np.log(back + 1)).mean())


@dataclass(frozen=True)
class Gibberish:
    """Rejects texts that are not spelled like the real ones, such as random letters or broken encodings.

    Parameters
    ----------
    share : float
        Share of the real texts, each scored with itself left out, that fall below the bound.
    at_least : float, optional
        The bound itself: mean log-probability of a character.
    """

    share: float = 0.005
    at_least: float | None = None
    name: str = "gibberish"

    def __post_init__(self) -> None:
        check_share("share", self.share)

    def fit(self, real: RealTexts) -> Bounded:
        """Return the filter that knows the real texts' spelling."""
        return _fit_by_text(self, "spelling_score", Spelling, real)


@dataclass(frozen=True)
class WordSalad:
    """Rejects texts whose words stand in no order that the real texts know.

    Texts of eight words or fewer are not judged. In scripts without spaces, characters count as words.

    Parameters
    ----------
    share : float
        Share of the real texts, each scored with itself left out, that fall below the bound.
    at_least : float, optional
        The bound itself, on :meth:`WordOrder.score`.
    """

    share: float = 0.015
    at_least: float | None = None
    name: str = "word_salad"

    def __post_init__(self) -> None:
        check_share("share", self.share)

    def fit(self, real: RealTexts) -> Bounded:
        """Return the filter that knows the real texts' word order."""
        return _fit_by_text(self, "word_order_score", WordOrder, real)


def _fit_by_text(
    settings: Gibberish | WordSalad, column: str, kind: type[Spelling] | type[WordOrder], real: RealTexts
) -> Bounded:
    """Return a filter on a score of the text alone, its bound set on real texts that are each left out."""
    counted = [real.texts[row] for row in evenly_spaced(np.arange(len(real.texts)), _COUNTED_TEXTS)]
    model = kind.of(counted)
    own = [model.score(counted[row], is_own=True) for row in evenly_spaced(np.arange(len(counted)), CALIBRATION_ROWS)]
    bound = low_bound(settings.at_least, np.array(own), settings.share)
    return Bounded(
        settings.name, column, lambda batch: np.array([model.score(text) for text in batch.texts]), at_least=bound
    )


def _triples(text: str) -> NDArray[np.int64]:
    """Return a key per character of the text's words: the character and the two before it."""
    spaced = f"  {' '.join(_UNBROKEN.findall(text.lower()))} "
    codes = np.array([ord(character) for character in spaced], dtype=np.int64)
    return (codes[:-2] << 2 * _BITS | codes[1:-1] << _BITS | codes[2:]) if spaced.strip() else codes[:0]


def _pairs(row: NDArray[Any]) -> NDArray[np.int64]:
    """Return a key per pair of neighbouring words."""
    return row[:-1].astype(np.int64) << 32 | row[1:].astype(np.int64)
