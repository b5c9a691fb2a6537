"""Words in whatever order: which share of its words a text has in common with the real text most like it."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from smotext.filters.ngrams import words

_ENDINGS = {
    "n't": " not", "'s": " is", "'m": " am", "'re": " are", "'ve": " have", "'ll": " will", "'d": " would",
}  # fmt: skip
_ENDING = re.compile(r"(n't|'(?:s|m|re|ve|ll|d))\b")
# Contractions whose endings alone would leave half a word.
_IRREGULAR = {"can't": "can not", "won't": "will not", "shan't": "shall not", "let's": "let us"}
_BEFORE_NOT = "do does did is are was were have has had could would should".split()
# What people write without the apostrophe. Words that also mean something else (ill, well, were, id) are not here.
_WITHOUT_APOSTROPHE = {
    **{f"{verb}nt": f"{verb} not" for verb in _BEFORE_NOT},
    "cant": "can not", "cannot": "can not", "wont": "will not", "lets": "let us", "im": "i am", "ive": "i have",
    "youre": "you are", "theyre": "they are", "whats": "what is", "thats": "that is", "wheres": "where is",
    "whos": "who is", "hows": "how is", "theres": "there is",
}  # fmt: skip
_IRREGULAR_FORM = re.compile("|".join(_IRREGULAR))
# Texts that differ in one word, or in one of so many, have nearly all in common.
_WORDS_A_CHANGE = 6
# So many words in common say nothing.
_ANYBODYS = 3


def full_words(text: str) -> list[str]:
    """Return the words of `text` with English contractions written out.

    Examples
    --------
    >>> full_words("What's my balance?"), full_words("I cant, I won’t")
    (['what', 'is', 'my', 'balance'], ['i', 'can', 'not', 'i', 'will', 'not'])
    """
    plain = text.lower().replace("’", "'")
    if "'" in plain:
        plain = _IRREGULAR_FORM.sub(lambda found: _IRREGULAR[found[0]], plain)
        plain = _ENDING.sub(lambda found: _ENDINGS[found[0]], plain)
    return [part for word in words(plain) for part in _WITHOUT_APOSTROPHE.get(word, word).split()]


@dataclass(frozen=True)
class WordBags:
    """The words of real texts, ready to be searched for texts that have most of them. Use :meth:`of`.

    A word that occurs twice in a text is two: numbers stand for a word and its count so far.

    Attributes
    ----------
    numbers : dict of (str, int) to int
    bags : list of frozenset of int
        The words of each text.
    owners : list of list of int
        For each number, the texts that have it.
    """

    numbers: dict[tuple[str, int], int]
    bags: list[frozenset[int]]
    owners: list[list[int]]

    @classmethod
    def of(cls, texts: Sequence[str]) -> WordBags:
        """Return the texts' words."""
        numbers: dict[tuple[str, int], int] = {}
        bags = [frozenset(numbers.setdefault(key, len(numbers)) for key in _counted(full_words(t))) for t in texts]
        owners: list[list[int]] = [[] for _ in numbers]
        for row, bag in enumerate(bags):
            for number in bag:
                owners[number].append(row)
        return cls(numbers, bags, owners)

    def largest_shares(self, texts: Sequence[str], own: Sequence[int] | None = None) -> NDArray[np.float64]:
        """Return for each text how much it has in common with the real text most like it, if with any nearly all.

        Of a text and a real one, the longer has n words, of which the shorter has m, in whatever order. Where they
        differ in at most a word, or one word in six, the share is (m - 3) / (n - 3): three words may be anybody's, and
        of two texts with a word in ten changed the longer one has more in common.

        Parameters
        ----------
        texts : sequence of str
        own : sequence of int, optional
            The number of each text among the real ones: a text is not compared with itself.

        Returns
        -------
        ndarray of shape (n_texts,), float64
            In [0, 1] for texts of four words or more; NaN where no real text is as near as that.

        Examples
        --------
        >>> WordBags.of(["what is my balance"]).largest_shares(["My account balance is what?", "my name is"]).tolist()
        [0.5, nan]
        """
        rows = [-1] * len(texts) if own is None else own
        found = [self._largest(text, row) for text, row in zip(texts, rows, strict=True)]
        return np.array(found, dtype=np.float64)

    def _largest(self, text: str, own: int) -> float:
        keys = _counted(full_words(text))
        known = {self.numbers[key] for key in keys if key in self.numbers}
        n, n_needed = len(keys), max(len(keys) - _most_changes(len(keys)), 1)
        if len(known) < n_needed:
            return math.nan
        # If `n_needed` of the known words are shared, all but len(known) - n_needed are: so of the rarest
        # len(known) - n_needed + n_hits at least `n_hits`. Rare words are in few texts, and several of them in fewer.
        n_hits = min(1 + n // 10, n_needed)
        rarest = sorted(known, key=lambda number: len(self.owners[number]))
        looked_up = rarest[: len(known) - n_needed + n_hits]
        hits = Counter(chain.from_iterable(self.owners[number] for number in looked_up))
        shares = []
        for row, n_hit in hits.items():
            longer = max(n, len(self.bags[row]))
            fewest = longer - _most_changes(longer)
            if n_hit >= n_hits and row != own and n >= fewest:
                n_common = len(known & self.bags[row])
                if n_common >= fewest:
                    shares.append((n_common - _ANYBODYS) / max(longer - _ANYBODYS, 1))
        return max(shares, default=math.nan)


def _most_changes(n_words: int) -> int:
    return max(1, n_words // _WORDS_A_CHANGE)


def _counted(found: Sequence[str]) -> list[tuple[str, int]]:
    """Return each word with the number of times that it stood before."""
    counts: Counter[str] = Counter()
    keys = []
    for word in found:
        keys.append((word, counts[word]))
        counts[word] += 1
    return keys
