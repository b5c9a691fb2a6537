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
# Of rarity against the share of words. Chosen on clinc150_imbalanced, from 0 to 1.5, by the edits of six to eight words
# that are caught at the same share of other real texts (docs/research/log.md has the figures).
_WEIGHT = 0.8
# From this share on a text is as good as equal, however common the words: one word in 23 changed.
_NEARLY_ALL = 0.95


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

    def likenesses(self, texts: Sequence[str], own: Sequence[int] | None = None) -> NDArray[np.float64]:
        """Return for each text how alike it is to the real text most like it, if they have nearly all words in common.

        Of a text and a real one, the longer has n words, of which the shorter has m, in whatever order. Where they
        differ in at most a word, or one word in six, the likeness is the mean of two numbers, weighted 1 to 0.8: the
        share (m - 3) / (n - 3), as three words may be anybody's; and how rare the common words are, from 0 for words of
        every real text to 1 for words of a single one. For "what is my ..." hardly shows where a text comes from.
        From a share of 0.95 on the likeness is 1.

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
        >>> bags = WordBags.of(["what is my balance", "what is my name"])
        >>> bags.likenesses(["My account balance is what?", "my balance", "is balance what my"]).round(2).tolist()
        [0.39, nan, 1.0]
        """
        rows = [-1] * len(texts) if own is None else own
        found = [self._likeness(text, row) for text, row in zip(texts, rows, strict=True)]
        return np.array(found, dtype=np.float64)

    def _likeness(self, text: str, own: int) -> float:
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
        found = []
        for row, n_hit in hits.items():
            longer = max(n, len(self.bags[row]))
            fewest = longer - _most_changes(longer)
            if n_hit >= n_hits and row != own and n >= fewest:
                common = known & self.bags[row]
                if len(common) >= fewest:
                    share = (len(common) - _ANYBODYS) / max(longer - _ANYBODYS, 1)
                    rarity = self._rarity(common, n_own=int(own >= 0))
                    found.append(1.0 if share >= _NEARLY_ALL else (share + _WEIGHT * rarity) / (1 + _WEIGHT))
        return max(found, default=math.nan)

    def _rarity(self, common: frozenset[int] | set[int], n_own: int) -> float:
        """Return how rare words are among the real texts, the text itself not counted."""
        n_texts = len(self.bags) - n_own
        if n_texts < 2:
            return 1.0
        logs = [math.log(n_texts / (len(self.owners[number]) - n_own)) for number in common]
        return sum(logs) / len(logs) / math.log(n_texts)


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
