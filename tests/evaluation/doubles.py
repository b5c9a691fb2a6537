"""Small data and generators whose outcome is known."""

from __future__ import annotations

import zlib

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from smotext.evaluation.labelled_texts import LabelledTexts, labelled

NOUNS = (
    "cat dog cow hen sun sea oak elm ivy bee ant owl fox emu eel yak koi asp bat cod "
    "hut inn jar keg lid mat net oar pan rod sky tar urn van wax zoo arm bag cup den"
).split()


def bayes():
    return make_pipeline(CountVectorizer(), MultinomialNB())


def two_classes(n_per_class: int = 20, start: int = 0) -> LabelledTexts:
    """``good`` and ``bad`` texts that no two share a noun within their class."""
    nouns = NOUNS[start : start + n_per_class]
    return labelled(
        [f"good {noun}" for noun in nouns] + [f"bad {noun}" for noun in nouns],
        ["good"] * n_per_class + ["bad"] * n_per_class,
    )


class Spy:
    """A generator that writes telling texts and remembers what it was shown."""

    def __init__(self, write=lambda label, number: f"{label} thing {number}"):
        self.write, self.calls = write, []

    def __call__(self, texts, labels, n_new, seed):
        self.calls.append((tuple(texts), tuple(labels), dict(n_new), seed))
        return [(self.write(label, number), label) for label, count in n_new.items() for number in range(count)]


class WordEncoder:
    """Counts words by a hash; remembers what it was asked to encode."""

    vector_dim = 32

    def __init__(self):
        self.seen: list[str] = []

    def encode(self, texts):
        self.seen += list(texts)
        vectors = np.zeros((len(texts), self.vector_dim), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                vectors[row, zlib.crc32(word.encode()) % self.vector_dim] += 1
        return vectors
