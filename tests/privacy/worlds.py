"""Small worlds of texts in which it is known who was used, and a decoder's double that gives its vectors away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext import HashEncoder
from smotext.utils.geometry import unit

_TOPICS = {
    "bank": "account card fee branch loan payment balance charge bank statement transfer dispute".split(),
    "body": "pain fever cough doctor rash headache sleep tired swollen dizzy throat stomach".split(),
}
_COMMON = "the a my and was it they i to of for on with had after before again still never then".split()
_RARE = [
    f"{first}{second}{third}" for first in "bdfglmnprst" for second in "aeiou" for third in ("ko", "rin", "sel", "to")
]


def texts_of(label: str, n: int, rng: np.random.Generator, n_words: int = 14) -> list[str]:
    """Return texts of a topic: common words, words of the topic, and rare words that are a text's own."""
    made = []
    for _ in range(n):
        kinds = rng.choice(3, n_words, p=[0.4, 0.3, 0.3])
        pools = (_COMMON, _TOPICS[label], _RARE)
        made.append(" ".join(str(rng.choice(pools[kind])) for kind in kinds))
    return made


def labelled(n_per_class: int, seed: int) -> tuple[list[str], list[str]]:
    """Return texts and labels of both topics, in turns."""
    rng = np.random.default_rng(seed)
    columns = {label: texts_of(label, n_per_class, rng) for label in _TOPICS}
    pairs = [(columns[label][row], label) for row in range(n_per_class) for label in _TOPICS]
    return [text for text, _ in pairs], [label for _, label in pairs]


def take(rows: tuple[Sequence[str], Sequence[str]], which: Any) -> tuple[list[str], list[str]]:
    """Return the given rows of texts and labels."""
    return [rows[0][i] for i in which], [rows[1][i] for i in which]


def halves(rows: tuple[list[str], list[str]]) -> tuple[tuple[list[str], list[str]], tuple[list[str], list[str]]]:
    """Return two halves with equally many rows of each class."""
    n = len(rows[0])
    first = [i for i in range(n) if i % 4 < 2]
    return take(rows, first), take(rows, [i for i in range(n) if i % 4 >= 2])


def blended(rows: tuple[list[str], list[str]], n: int, seed: int) -> tuple[list[str], list[str], list[list[int]]]:
    """Return texts that take words from two rows of a class, their labels and their parents."""
    rng = np.random.default_rng(seed)
    texts, labels, parents = [], [], []
    for place in range(n):
        label = sorted(set(rows[1]))[place % 2]
        members = [i for i, own in enumerate(rows[1]) if own == label]
        first, second = rng.choice(members, 2, replace=False).tolist()
        lam = rng.uniform()
        pools = [rows[0][first].split(), rows[0][second].split()]
        words = [str(rng.choice(pools[int(rng.uniform() > lam)])) for _ in range(14)]
        texts.append(" ".join(words))
        labels.append(label)
        parents.append([first, second])
    return texts, labels, parents


class HashScorer:
    """Says how likely a text is from a vector by how near the text's own vector lies. Counts what it is asked."""

    def __init__(self, encoder: HashEncoder, sharpness: float = 40.0) -> None:
        self.encoder, self.sharpness = encoder, sharpness
        self.n_asked = 0
        self.n_examples = 0
        self.vector_dim = encoder.vector_dim

    def decode(self, vectors: NDArray[np.float32], **_: Any) -> list[str]:
        return ["nothing" for _ in vectors]

    def log_likelihood(
        self,
        texts: Sequence[str],
        vectors: NDArray[np.float32],
        *,
        examples: Sequence[Sequence[str]] | None = None,
        prompt: int = 0,
        guidance: float | None = None,
        temperature: float = 1.0,
        batch_size: int | None = None,
    ) -> NDArray[np.float64]:
        self.n_asked += len(texts)
        self.n_examples += len(examples or [])
        cosines = (self.encoder.encode(list(texts)) * unit(vectors)).sum(axis=1)
        return self.sharpness / temperature * (cosines.astype(np.float64) - 1)
