"""Measures of written texts that need no model: overlap with a reference, repetition, function words."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

_WORDS = re.compile(r"\w+(?:'\w+)?|[^\w\s]")

# The commonest English function words: their share tells prose from word lists.
FUNCTION_WORDS = frozenset(
    "the a an this that these those of in on at by for with from to into over under about as and or but nor so if "
    "because while when where which who whom whose what how than then there here not no i you he she it we they me "
    "him her us them my your his its our their is am are was were be been being have has had do does did will would "
    "can could shall should may might must".split()
)


def words_of(text: str) -> list[str]:
    """Return lower-cased words and punctuation marks.

    Examples
    --------
    >>> words_of("It's late, John.")
    ["it's", 'late', ',', 'john', '.']
    """
    return _WORDS.findall(text.lower())


def token_f1(written: str, reference: str) -> float:
    """Return the F1 of the two texts' bags of words, as in question answering (SQuAD).

    Examples
    --------
    >>> round(token_f1("the cat sat", "the cat slept well"), 4)
    0.5714
    """
    ours, theirs = Counter(words_of(written)), Counter(words_of(reference))
    shared = sum((ours & theirs).values())
    return 2 * shared / (sum(ours.values()) + sum(theirs.values())) if shared else 0.0


def bleu(written: Sequence[str], references: Sequence[str], order: int = 4) -> float:
    """Return corpus BLEU in [0, 1]; an order without a match counts as half a match.

    References
    ----------
    Papineni et al., "BLEU", ACL 2002; smoothing as method 1 of Chen and Cherry, 2014.

    Examples
    --------
    >>> bleu(["a b c d e"], ["a b c d e"])
    1.0
    """
    pairs = [(words_of(ours), words_of(theirs)) for ours, theirs in zip(written, references, strict=True)]
    n_ours, n_theirs = sum(len(ours) for ours, _ in pairs), sum(len(theirs) for _, theirs in pairs)
    if n_ours == 0:
        return 0.0
    logs = []
    for n in range(1, order + 1):
        matched = sum(sum((count_ngrams(ours, n) & count_ngrams(theirs, n)).values()) for ours, theirs in pairs)
        possible = sum(max(len(ours) - n + 1, 0) for ours, _ in pairs)
        logs.append(math.log(max(matched, 0.5) / max(possible, 1)))
    return math.exp(min(0.0, 1.0 - n_theirs / n_ours) + min(0.0, sum(logs) / order))


def count_ngrams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    """Return the n-grams of a text with their counts."""
    return Counter(tuple(words[start : start + n]) for start in range(len(words) - n + 1))


def distinct(texts: Sequence[str], n: int) -> float:
    """Return the share of n-grams over all texts that are different from each other (Li et al. 2016).

    Examples
    --------
    >>> distinct(["a b a b"], 2)
    0.6666666666666666
    """
    counted: Counter[tuple[str, ...]] = Counter()
    for text in texts:
        counted += count_ngrams(words_of(text), n)
    return len(counted) / max(sum(counted.values()), 1)


def is_repetitive(text: str, n: int = 4) -> bool:
    """Return True if the text has an n-gram of words twice.

    Examples
    --------
    >>> is_repetitive("on and on and on and on"), is_repetitive("on and on we go")
    (True, False)
    """
    return any(count > 1 for count in count_ngrams(words_of(text), n).values())


def function_word_share(texts: Sequence[str]) -> float:
    """Return the share of function words among all words, punctuation left out.

    Examples
    --------
    >>> function_word_share(["The cat is on the mat."])
    0.6666666666666666
    """
    words = [word for text in texts for word in words_of(text) if word[0].isalnum()]
    return sum(word in FUNCTION_WORDS for word in words) / max(len(words), 1)


def ends_in_full_stop(text: str) -> bool:
    """Return True if the text ends a sentence, a closing quote or bracket allowed after it."""
    return bool(re.search(r"[.?!][\"')\]]*\s*$", text))


def copied_share(written: Sequence[str], sources: Sequence[str], n: int = 8) -> float:
    """Return the share of n-grams in the written texts that stand in a source: a memorisation figure.

    Examples
    --------
    >>> copied_share(["a b c d"], ["x a b c"], n=3)
    0.5
    """
    known = {gram for text in sources for gram in count_ngrams(words_of(text), n)}
    grams = [gram for text in written for gram in count_ngrams(words_of(text), n)]
    return sum(gram in known for gram in grams) / max(len(grams), 1)
