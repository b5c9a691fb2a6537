"""Texts of Markov chains of words: what a class's texts become when only neighbouring words are kept."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from smotext.evaluation.labelled_texts import Label
from smotext.evaluation.word_edits import rows_in_turn

# With this chance a step is taken from the other classes' texts, where these have the word.
BORROWED = 0.5


def generate_chains(
    texts: Sequence[str], labels: Sequence[Label], n_new: Mapping[Label, int], seed: int
) -> list[tuple[str, Label]]:
    """Return texts that walk from word to word as the class's texts do, and at times as the others do.

    A walk begins with the first word of a text of its class and is as long as one. Half of its steps, where the other
    classes have the word as well, are theirs: so words come in which the class has never been seen with. Where no word
    follows, the walk begins anew.

    Notes
    -----
    In the manner of "extended Markov chain over-sampling" (arXiv 2509.02332), whose transitions are counted on the
    minority and, in part, on the majority.

    Examples
    --------
    >>> made = generate_chains(["a b c", "a b d", "x b e"], ["m", "m", "o"], {"m": 50}, 0)
    >>> sorted({text for text, _ in made})
    ['a b c', 'a b d', 'a b e']
    """
    rng = np.random.default_rng(seed)
    own, others = _followers(texts, labels)
    starts: dict[Label, list[str]] = defaultdict(list)
    for text, label in zip(texts, labels, strict=True):
        starts[label] += text.split()[:1]
    return [
        (_walk(starts[labels[row]], own[labels[row]], others[labels[row]], len(texts[row].split()), rng), labels[row])
        for row in rows_in_turn(labels, n_new, rng)
    ]


def _walk(
    starts: Sequence[str],
    own: Mapping[str, Sequence[str]],
    others: Mapping[str, Sequence[str]],
    length: int,
    rng: np.random.Generator,
) -> str:
    words: list[str] = []
    while len(words) < length and starts:
        known = [table[words[-1]] for table in (own, others) if words and table.get(words[-1])]
        is_borrowed = len(known) == 2 and rng.random() < BORROWED
        following = known[1 if is_borrowed else 0] if known else starts
        words.append(following[int(rng.integers(len(following)))])
    return " ".join(words)


Followers = dict[str, list[str]]


def _followers(texts: Sequence[str], labels: Sequence[Label]) -> tuple[dict[Label, Followers], dict[Label, Followers]]:
    """Return, per class, the words that follow each word in its own texts, and in those of all other classes."""
    own: dict[Label, Followers] = {label: defaultdict(list) for label in labels}
    others: dict[Label, Followers] = {label: defaultdict(list) for label in labels}
    for text, label in zip(texts, labels, strict=True):
        words = text.split()
        for word, following in itertools.pairwise(words):
            own[label][word].append(following)
            for other in others.keys() - {label}:
                others[other][word].append(following)
    return own, others
