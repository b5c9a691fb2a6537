"""Plain quality: empty, too short, repetitive, cut off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smotext.filters.ngrams import repeated_share, words
from smotext.filters.protocol import Batch, PlainFilter, RealTexts
from smotext.filters.score_bounds import Bounded, check_share, high_bound, low_bound
from smotext.utils.sentences import ends_sentence

# So many words are enough for a sentence, however long the real texts are.
_ENOUGH_WORDS = 5
# An open end is a fault where more than this share of the real texts end like a sentence.
_MOSTLY = 0.5


@dataclass(frozen=True)
class Empty:
    """Rejects texts without a letter or digit."""

    name: str = "empty"

    def fit(self, real: RealTexts) -> PlainFilter:
        """Return the filter; real texts have no say."""
        return PlainFilter(lambda texts, labels: [any(map(str.isalnum, text)) for text in texts], self.name)


@dataclass(frozen=True)
class Short:
    """Rejects texts of fewer words than nearly all real texts have. Five words are never too few.

    Parameters
    ----------
    share : float
        Share of the real texts that are shorter than the bound; the bound is at most five words.
    at_least : int, optional
        The bound itself, in words.
    """

    share: float = 0.005
    at_least: int | None = None
    name: str = "short"

    def __post_init__(self) -> None:
        check_share("share", self.share)

    def fit(self, real: RealTexts) -> Bounded:
        """Return the filter with its bound."""
        bound = low_bound(self.at_least, n_words(real.texts), self.share)
        if self.at_least is None:
            bound = min(bound, _ENOUGH_WORDS)
        return Bounded(self.name, "n_words", lambda batch: n_words(batch.texts), at_least=bound)


@dataclass(frozen=True)
class Repetitive:
    """Rejects texts that repeat themselves: the share of 4-grams that came before is above the real texts'.

    Where real texts never have a 4-gram twice, one repeat is one too many.

    Parameters
    ----------
    share : float
        Share of the real texts that repeat themselves more than the bound.
    at_most : float, optional
        The bound itself, in [0, 1].
    """

    share: float = 0.005
    at_most: float | None = None
    name: str = "repetitive"

    def __post_init__(self) -> None:
        check_share("share", self.share)

    def fit(self, real: RealTexts) -> Bounded:
        """Return the filter with its bound."""
        return Bounded(
            self.name, "repeated_share", lambda batch: repeated_shares(batch.texts),
            at_most=high_bound(self.at_most, repeated_shares(real.texts), self.share),
        )  # fmt: skip


@dataclass(frozen=True)
class CutOff:
    """Rejects texts that were stopped by the token limit in the middle of a sentence.

    Where fewer than half of the real texts end like a sentence, an open end is no fault.
    """

    name: str = "cut_off"

    def fit(self, real: RealTexts) -> Bounded:
        """Return the filter, which rejects nothing where open ends are usual."""
        are_ends_usual = np.mean([ends_sentence(text) for text in real.texts]) > _MOSTLY
        return Bounded(self.name, "is_cut_off", _is_cut_off, at_most=0.0 if are_ends_usual else 1.0)


def n_words(texts: Sequence[str]) -> NDArray[np.float64]:
    """Return the number of words of each text.

    Examples
    --------
    >>> n_words(["Don't panic", ":-)"]).tolist()
    [3.0, 0.0]
    """
    return np.array([len(words(text)) for text in texts], dtype=np.float64)


def repeated_shares(texts: Sequence[str]) -> NDArray[np.float64]:
    """Return the share of each text's 4-grams that occurred in it before."""
    return np.array([repeated_share(text) for text in texts], dtype=np.float64)


def _is_cut_off(batch: Batch) -> NDArray[np.float64]:
    ends = np.array([ends_sentence(text) for text in batch.texts], dtype=bool)
    return (~batch.is_finished & ~ends).astype(np.float64)
