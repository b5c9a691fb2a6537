"""The real texts that can be mixed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.data.unlabelled import UnlabelledTexts, read_unlabelled
from smotext.data.validation import is_blank
from smotext.errors import InputError


@dataclass(frozen=True)
class SharedLabels:
    """All labels of texts that have several.

    Attributes
    ----------
    sets : list of tuple
        Of each text of the corpus.
    labels : tuple
        Every label, in order.
    rule : str
        How a new text's labels follow from those of its parents' neighbourhood.
    """

    sets: list[tuple[Any, ...]]
    labels: tuple[Any, ...]
    rule: str


@dataclass(frozen=True)
class Corpus:
    """The real texts that can be mixed, with their labels.

    Attributes
    ----------
    texts : list of str
        Neither missing nor blank.
    labels : ndarray of shape (n_texts,), object
        Python values: str, int or bool.
    rows : ndarray of shape (n_texts,), int64
        Row number of each text in what the caller gave.
    n_skipped : int
        Rows without text; they are kept in the caller's data and never mixed.
    shared : SharedLabels, optional
        Where texts have several labels: a text stands here once for each of them.
    unlabelled : UnlabelledTexts
        Further real texts; they are never mixed.
    """

    texts: list[str]
    labels: NDArray[np.object_]
    rows: NDArray[np.int64]
    n_skipped: int
    shared: SharedLabels | None = None
    unlabelled: UnlabelledTexts = field(default_factory=UnlabelledTexts)

    @property
    def all_texts(self) -> list[str]:
        """The labelled texts, and after them the unlabelled ones."""
        return [*self.texts, *self.unlabelled.texts]


def make_corpus(texts: NDArray[np.object_], labels: NDArray[np.object_]) -> Corpus:
    """Return the rows that have a text.

    Examples
    --------
    >>> corpus = make_corpus(np.array(["a", None, " "], dtype=object), np.array([1, 1, 0], dtype=object))
    >>> corpus.texts, corpus.n_skipped
    (['a'], 2)
    """
    rows = np.array([i for i, text in enumerate(texts) if not is_blank(text)], dtype=np.int64)
    return Corpus([texts[i] for i in rows], labels[rows], rows, len(texts) - len(rows))


def with_unlabelled(corpus: Corpus, given: Any, record_columns: Sequence[str] | None = None) -> Corpus:
    """Return the corpus with unlabelled texts; arguments as of :func:`smotext.data.unlabelled.read_unlabelled`."""
    return replace(corpus, unlabelled=read_unlabelled(given, corpus.texts, record_columns))


def check_classes(corpus: Corpus, new_rows: Mapping[Any, int]) -> None:
    """Raise InputError if a class that gets new rows has no text to make them from."""
    have = set(corpus.labels.tolist())
    if empty := [label for label, number in new_rows.items() if number and label not in have]:
        raise InputError(f"class {empty[0]!r} has no text to mix: every text of it is missing or blank")
