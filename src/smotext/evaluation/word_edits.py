"""Augmentations without a model: copies, word-level edits, random words. What a language model has to beat."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from smotext.evaluation.labelled_texts import Label
from smotext.fitting.new_rows import NewRows
from smotext.fitting.one_vs_rest import is_member

# The share of the words that one edit touches: the alpha of EDA.
CHANGED = 0.1


def edit_words(text: str, rng: np.random.Generator) -> str:
    """Return `text` after one of three edits to a tenth of its words, at least one.

    The edits are EDA's random swap, random deletion and random insertion; what is inserted is a word of the
    text itself. EDA's synonym replacement, and synonyms for insertion, need a thesaurus and are left out.
    A text of one word comes back as it is or twice.

    References
    ----------
    Wei and Zou, "EDA: easy data augmentation techniques", EMNLP 2019.

    Examples
    --------
    >>> edit_words("one two three four", np.random.default_rng(0))
    'one two three three four'
    """
    words = text.split()
    if not words:
        return text
    edit = _EDITS[int(rng.integers(len(_EDITS)))]
    for _ in range(max(1, round(CHANGED * len(words)))):
        words = edit(words, rng)
    return " ".join(words)


def swap(words: Sequence[str], rng: np.random.Generator) -> list[str]:
    """Return the words with two of them exchanged."""
    changed = list(words)
    first, second = rng.integers(len(words), size=2)
    changed[first], changed[second] = changed[second], changed[first]
    return changed


def delete(words: Sequence[str], rng: np.random.Generator) -> list[str]:
    """Return the words without one of them; the last word stays."""
    if len(words) == 1:
        return list(words)
    gone = int(rng.integers(len(words)))
    return [word for position, word in enumerate(words) if position != gone]


def insert(words: Sequence[str], rng: np.random.Generator) -> list[str]:
    """Return the words with one of them written a second time somewhere."""
    place, word = int(rng.integers(len(words) + 1)), words[int(rng.integers(len(words)))]
    return [*words[:place], word, *words[place:]]


_EDITS: tuple[Callable[[Sequence[str], np.random.Generator], list[str]], ...] = (swap, delete, insert)


def generate_edits(texts: Sequence[str], labels: Sequence[Label], n_new: Mapping[Label, int], seed: int) -> NewRows:
    """Return edited copies, each class's originals taken in turn, as a condition's generator."""
    rng = np.random.default_rng(seed)
    rows = rows_in_turn(labels, n_new, rng)
    return made_of(rows, [edit_words(texts[row], rng) for row in rows], labels)


def generate_copies(texts: Sequence[str], labels: Sequence[Label], n_new: Mapping[Label, int], seed: int) -> NewRows:
    """Return exact copies, each class's originals taken in turn."""
    rows = rows_in_turn(labels, n_new, np.random.default_rng(seed))
    return made_of(rows, [texts[row] for row in rows], labels)


def generate_random_words(
    texts: Sequence[str], labels: Sequence[Label], n_new: Mapping[Label, int], seed: int
) -> list[tuple[str, Label]]:
    """Return texts of words drawn from all the texts, whatever their class, each as long as an original of its class.

    They carry no meaning: what they gain is owed to more rows, not to what the rows say.
    """
    rng = np.random.default_rng(seed)
    pool = [word for text in texts for word in text.split()]
    made = []
    for row in rows_in_turn(labels, n_new, rng):
        drawn = rng.integers(len(pool), size=len(texts[row].split()))
        made.append((" ".join(pool[position] for position in drawn), labels[row]))
    return made


def made_of(rows: Sequence[int], texts: Sequence[str], labels: Sequence[Label]) -> NewRows:
    """Return new texts that were each made from one real row, whose label they have."""
    return NewRows(tuple(texts), tuple(labels[row] for row in rows), tuple((row,) for row in rows))


def rows_in_turn(labels: Sequence[Any], n_new: Mapping[Any, int], rng: np.random.Generator) -> list[int]:
    """Return `n_new` rows of each class, going round a shuffle of the class, so that all are used evenly.

    Examples
    --------
    >>> rows_in_turn(["a", "b", "b"], {"a": 2}, np.random.default_rng(0))
    [0, 0]
    """
    chosen: list[int] = []
    for has, count in zip(is_member(labels, list(n_new)).T, n_new.values(), strict=True):
        rows = rng.permutation(np.flatnonzero(has))
        chosen += [int(row) for row in np.resize(rows, count)]
    return chosen
