"""Attacks that need no decoder: how near a released text lies to a candidate, in meaning, in letters and in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from smotext.filters.ngrams import WordRuns, words
from smotext.privacy.attack_scene import Scene
from smotext.privacy.likelihood import leads
from smotext.utils.geometry import unit

# The shortest and the longest n-grams of characters.
CHARACTERS = (3, 5)
MAX_FEATURES = 200_000
_TEXTS_AT_ONCE = 1024
# A report quotes so many words of a copied run.
_QUOTED = 12
# In words. Shorter runs are idioms.
SHORTEST_NAMED = 6

Similarities = Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]]


def vector_similarities(scene: Scene) -> Similarities:
    """Yield positions of released texts, of the candidates of their class, and the cosines of their vectors."""
    assert scene.released.vectors is not None
    assert scene.candidates.vectors is not None
    for released, candidates in scene.classes():
        columns = unit(scene.candidates.vectors[candidates]).T
        for start in range(0, len(released), _TEXTS_AT_ONCE):
            rows = released[start : start + _TEXTS_AT_ONCE]
            yield rows, candidates, np.asarray(unit(scene.released.vectors[rows]) @ columns, dtype=np.float64)


def character_similarities(scene: Scene) -> Similarities:
    """Yield the same with cosines of TF-IDF vectors of n-grams of three to five characters."""
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=CHARACTERS, max_features=MAX_FEATURES)
    all_columns = vectorizer.fit_transform(scene.candidates.texts)
    all_rows = vectorizer.transform(scene.released.texts)
    for released, candidates in scene.classes():
        columns = all_columns[candidates].T
        for start in range(0, len(released), _TEXTS_AT_ONCE):
            rows = released[start : start + _TEXTS_AT_ONCE]
            yield rows, candidates, np.asarray((all_rows[rows] @ columns).todense(), dtype=np.float64)


def nearness_scores(similarities: Similarities, n_candidates: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each candidate's largest similarity to a released text, plain and as a lead over the other candidates.

    The lead on a text is the similarity less the largest of any other candidate of the class; a candidate that many
    texts resemble for their topic alone leads on none.

    Returns
    -------
    plain, lead : ndarray of shape (n_candidates,)
        -inf for a candidate of a class without released texts.
    """
    plain, lead = np.full(n_candidates, -np.inf), np.full(n_candidates, -np.inf)
    for _, candidates, values in similarities:
        plain[candidates] = np.maximum(plain[candidates], values.max(axis=0))
        lead[candidates] = np.maximum(lead[candidates], leads(values).max(axis=0))
    return plain, lead


def copied_runs(scene: Scene) -> NDArray[np.float64]:
    """Return for each candidate the number of words in the longest run that a released text has too."""
    return WordRuns.of(scene.released.texts).longest_copies(scene.candidates.texts).astype(np.float64)


@dataclass(frozen=True)
class CopiedRun:
    """A run of words that a released text has in common with a real row.

    Attributes
    ----------
    real_row, released_row : int
        Row numbers in the files.
    n_words : int
    quote : str
        The run's first words, lower-cased. It quotes a real row: keep the report to yourself.
    """

    real_row: int
    released_row: int
    n_words: int
    quote: str


def name_copies(scene: Scene, lengths: NDArray[np.float64], *, at_most: int = 20) -> list[CopiedRun]:
    """Return the longest runs copied from members that are longer than any that a held-out row shares.

    Parameters
    ----------
    scene : Scene
    lengths : ndarray of shape (n_candidates,)
        As :func:`copied_runs` gives them.
    at_most : int
        Runs that are named.
    """
    usual = max(lengths[~scene.is_member].max(initial=0), SHORTEST_NAMED - 1)
    found = np.flatnonzero(scene.is_member & (lengths > usual))
    named = []
    released = [f" {' '.join(words(text))} " for text in scene.released.texts]
    for row in found[np.argsort(-lengths[found], kind="stable")][:at_most]:
        own, n_words = words(scene.candidates.texts[row]), int(lengths[row])
        runs = [" ".join(own[start : start + n_words]) for start in range(len(own) - n_words + 1)]
        hit = next(((s, run) for s, text in enumerate(released) for run in runs if f" {run} " in text), None)
        if hit is not None:
            quote = " ".join(hit[1].split()[:_QUOTED])
            numbers = scene.candidates.numbers[row], scene.released.numbers[hit[0]]
            named.append(CopiedRun(int(numbers[0]), int(numbers[1]), n_words, quote))
    return named
