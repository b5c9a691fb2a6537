"""Words, runs of words, and how long a run one text shares with others."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Thai, Lao, Burmese, Khmer, Japanese and Chinese put no spaces between words: each of their characters counts as one.
_NO_SPACES = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORD = re.compile(rf"[^\W{_NO_SPACES}]+|(?=\w)[{_NO_SPACES}]")
_NO_WORD = -1
# In words. A copied article would otherwise be followed word by word to its end.
LONGEST_COUNTED = 128


def words(text: str) -> list[str]:
    """Return the lower-cased words of `text`; punctuation and white space separate them.

    In scripts without spaces between words, each character is one.

    Examples
    --------
    >>> words("Don't panic, Arthur!")
    ['don', 't', 'panic', 'arthur']
    >>> words("iPhone很贵。")
    ['iphone', '很', '贵']
    """
    return _WORD.findall(text.lower())


def squeeze(text: str) -> str:
    """Return the words of `text`, joined by spaces; a text without any is stripped instead.

    Two texts that agree in this are copies of each other.

    Examples
    --------
    >>> squeeze("Don't  PANIC!"), squeeze(" :-) ")
    ('don t panic', ':-)')
    """
    return " ".join(words(text)) or text.strip()


def repeated_share(text: str, n: int = 4) -> float:
    """Return the share of a text's n-grams of words that occurred in it before.

    Examples
    --------
    Five 4-grams, of which the fifth repeats the first:

    >>> repeated_share("a b c d a b c d")
    0.2
    >>> repeated_share("too short")
    0.0
    """
    sequence = words(text)
    grams = [tuple(sequence[start : start + n]) for start in range(len(sequence) - n + 1)]
    return (len(grams) - len(set(grams))) / len(grams) if grams else 0.0


@dataclass(frozen=True)
class WordRuns:
    """Real texts as word numbers, ready to be searched for runs that other texts copied. Use :meth:`of`.

    Runs are counted up to 128 words.

    Attributes
    ----------
    numbers : dict of str to int
        The number of each word.
    stream : ndarray of shape (n_positions,), int64
        The texts' word numbers one after the other, -1 after each text.
    owners : ndarray of shape (n_positions,), int64
        The text that each position belongs to.
    """

    numbers: dict[str, int]
    stream: NDArray[np.int64]
    owners: NDArray[np.int64]

    @classmethod
    def of(cls, texts: Sequence[str]) -> WordRuns:
        """Return the texts, split and numbered."""
        numbers: dict[str, int] = {}
        rows = [[numbers.setdefault(word, len(numbers)) for word in words(text)] for text in texts]
        return cls(numbers, *_stream(rows))

    def longest_copies(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return for each text the number of words in the longest run that a real text has too.

        Runs grow by a word a round; only positions whose run was found so far, on either side, are looked at
        again, so that the time goes with what is shared.

        Examples
        --------
        >>> WordRuns.of(["yesterday the cat sat still"]).longest_copies(["The cat sat on the mat", "dogs"]).tolist()
        [3, 0]
        """
        rows = [[self.numbers.get(word, _NO_WORD) for word in words(text)] for text in texts]
        stream, owners = _stream(rows)
        longest = np.zeros(len(texts), dtype=np.int64)
        here, there = np.flatnonzero(stream >= 0), np.flatnonzero(self.stream >= 0)
        names_here, names_there = np.zeros_like(here), np.zeros_like(there)
        for length in range(LONGEST_COUNTED):
            here, keys_here = _grow(here, names_here, stream, length)
            there, keys_there = _grow(there, names_there, self.stream, length)
            shared = np.intersect1d(keys_here, keys_there)
            here, names_here = _rename(here, keys_here, shared)
            there, names_there = _rename(there, keys_there, shared)
            if not len(here):
                break
            longest[owners[here]] = length + 1
        return longest

    def longest_shared(self) -> NDArray[np.int64]:
        """Return for each real text the number of words in the longest run that another real text has too.

        Examples
        --------
        >>> WordRuns.of(["a b c a b", "x a b", "y"]).longest_shared().tolist()
        [2, 2, 0]
        """
        longest = np.zeros(self.owners[-1] + 1 if len(self.owners) else 0, dtype=np.int64)
        here = np.flatnonzero(self.stream >= 0)
        names = np.zeros_like(here)
        for length in range(LONGEST_COUNTED):
            here, keys = _grow(here, names, self.stream, length)
            here, names = _rename(here, keys, _keys_of_several(keys, self.owners[here]))
            if not len(here):
                break
            longest[self.owners[here]] = length + 1
        return longest


@dataclass(frozen=True)
class GramOwners:
    """Which real texts hold which runs of three words. Use :meth:`of`.

    Attributes
    ----------
    owners : dict of tuple of str to list of int
        For each run, the texts that hold it.
    """

    owners: dict[tuple[str, ...], list[int]]

    @classmethod
    def of(cls, texts: Sequence[str]) -> GramOwners:
        """Return the texts' runs."""
        owners: dict[tuple[str, ...], list[int]] = {}
        for number, text in enumerate(texts):
            for gram in grams(text):
                owners.setdefault(gram, []).append(number)
        return cls(owners)

    def largest_shares(self, texts: Sequence[str], own: Sequence[int] | None = None) -> NDArray[np.float64]:
        """Return for each text the largest share of its three-word runs that one real text has too.

        Parameters
        ----------
        texts : sequence of str
        own : sequence of int, optional
            The number of each text among the real ones: a text is not compared with itself.

        Examples
        --------
        >>> GramOwners.of(["a b c d", "x"]).largest_shares(["a b c x", "no such words"]).tolist()
        [0.5, 0.0]
        """
        found = np.zeros(len(texts))
        for row, text in enumerate(texts):
            mine = grams(text)
            counts = Counter(owner for gram in mine for owner in self.owners.get(gram, ()))
            if own is not None:
                counts.pop(own[row], None)
            if counts:
                found[row] = max(counts.values()) / len(mine)
        return found


def grams(text: str, n: int = 3) -> set[tuple[str, ...]]:
    """Return the different runs of `n` words in a text."""
    sequence = words(text)
    return {tuple(sequence[start : start + n]) for start in range(len(sequence) - n + 1)}


def _stream(rows: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows one after the other, -1 after each, and the row of each position."""
    stream = [number for row in rows for number in (*row, _NO_WORD)]
    owners = np.repeat(np.arange(len(rows)), [len(row) + 1 for row in rows])
    return np.array(stream, dtype=np.int64), owners.astype(np.int64)


def _grow(
    starts: NDArray[np.int64], names: NDArray[np.int64], stream: NDArray[np.int64], length: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the starts whose run goes on by a word, and a key for each longer run: its name and that word."""
    following = stream[starts + length]
    goes_on = following >= 0
    return starts[goes_on], (names[goes_on] << 32) | following[goes_on]


def _rename(
    starts: NDArray[np.int64], keys: NDArray[np.int64], shared: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the starts whose key is one of the sorted `shared`, and the key's place there as the run's name."""
    if not len(shared):
        return starts[:0], keys[:0]
    places = np.searchsorted(shared, keys).clip(max=len(shared) - 1)
    is_shared = shared[places] == keys
    return starts[is_shared], places[is_shared]


def _keys_of_several(keys: NDArray[np.int64], owners: NDArray[np.int64]) -> NDArray[Any]:
    """Return the keys, sorted, that at least two owners have."""
    order = np.lexsort((owners, keys))
    keys, owners = keys[order], owners[order]
    is_another = (keys[1:] == keys[:-1]) & (owners[1:] != owners[:-1])
    return np.unique(keys[1:][is_another])
