"""Which texts repeat each other: shared word n-grams, and groups of near-duplicates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from smotext.filters.ngrams import words

# In words: the length that GPT-3's study of contamination settled on (Brown et al. 2020, appendix C).
NGRAM = 13


def ngram_set(text: str, n: int = NGRAM) -> set[tuple[str, ...]]:
    """Return every run of `n` words in `text`; a shorter text is one run by itself, an empty one has none.

    So two short texts overlap only if they are the same words throughout.

    Examples
    --------
    >>> sorted(ngram_set("a b c d", n=3))
    [('a', 'b', 'c'), ('b', 'c', 'd')]
    >>> ngram_set("Yes, please.")
    {('yes', 'please')}
    """
    sequence = words(text)
    if len(sequence) <= n:
        return {tuple(sequence)} if sequence else set()
    return {tuple(sequence[start : start + n]) for start in range(len(sequence) - n + 1)}


def overlaps(texts: Sequence[str], others: Iterable[str], n: int = NGRAM) -> NDArray[np.bool_]:
    """Return, for each of `texts`, whether it shares an n-gram with any of `others`.

    Parameters
    ----------
    texts, others : sequences of str
    n : int
        Words in a row; texts of up to `n` words must agree as a whole.

    Returns
    -------
    ndarray of shape (n_texts,), bool

    Examples
    --------
    >>> overlaps(["see you at noon", "no"], ["I will see you at noon, then"], n=4).tolist()
    [True, False]
    """
    # The index is made of `texts` alone, which usually are the fewer.
    rows_with: dict[tuple[str, ...], list[int]] = {}
    for row, text in enumerate(texts):
        for gram in ngram_set(text, n):
            rows_with.setdefault(gram, []).append(row)
    shared = np.zeros(len(texts), dtype=bool)
    for other in others:
        for gram in ngram_set(other, n) & rows_with.keys():
            shared[rows_with[gram]] = True
    return shared


def near_duplicate_groups(texts: Sequence[str], n: int = NGRAM) -> NDArray[np.int64]:
    """Return a group number per text; texts that share an n-gram, directly or in a chain, share a group.

    Examples
    --------
    >>> near_duplicate_groups(["a b c d", "x", "b c d e", "X!"], n=3).tolist()
    [0, 1, 0, 1]
    """
    parent = list(range(len(texts)))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    # N-grams are kept by their hash: those of a large file would not fit into memory.
    first_seen: dict[int, int] = {}
    for row, text in enumerate(texts):
        for gram in ngram_set(text, n):
            parent[root(row)] = root(first_seen.setdefault(hash(gram), row))
    numbers: dict[int, int] = {}
    return np.array([numbers.setdefault(root(row), len(numbers)) for row in range(len(texts))], dtype=np.int64)
