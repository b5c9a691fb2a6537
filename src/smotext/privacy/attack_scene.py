"""Who is attacked with what: candidate rows, which of them were used, and the texts that were released."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.data.corpus import make_corpus
from smotext.data.validation import check_labels, check_texts
from smotext.errors import InputError


@dataclass(frozen=True)
class AuditRows:
    """Labelled texts, with their vectors once these are known.

    Attributes
    ----------
    texts : tuple of str
        Neither missing nor blank.
    labels : ndarray of shape (n_texts,), object
    numbers : ndarray of shape (n_texts,), int64
        Row number of each text in what the caller gave.
    vectors : ndarray of shape (n_texts, vector_dim), float32, or None
    """

    texts: tuple[str, ...]
    labels: NDArray[np.object_]
    numbers: NDArray[np.int64]
    vectors: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: NDArray[np.int64]) -> AuditRows:
        """Return the given rows, in the given order."""
        vectors = None if self.vectors is None else self.vectors[rows]
        return AuditRows(tuple(self.texts[row] for row in rows), self.labels[rows], self.numbers[rows], vectors)


def as_rows(given: Any, what: str) -> AuditRows:
    """Return labelled texts from whatever form a caller has them in.

    Parameters
    ----------
    given : AuditRows, DataFrame-like, pair or sequence of str
        A table with columns ``text`` and ``label``, a pair ``(texts, labels)``, or texts alone, which then count as one
        class. AuditRows without text are left out.
    what : str
        What these are, for errors.

    Raises
    ------
    InputError
        If texts or labels cannot be used, or nothing is left.

    Examples
    --------
    >>> as_rows((["a", " ", "b"], [1, 1, 0]), "real").numbers.tolist()
    [0, 2]
    """
    if isinstance(given, AuditRows):
        return given
    if hasattr(given, "columns"):
        if missing := [name for name in ("text", "label") if name not in list(given.columns)]:
            raise InputError(f"{what} has no column {missing[0]!r}: expected columns text and label")
        texts, labels = given["text"], given["label"]
    elif isinstance(given, tuple) and len(given) == 2 and not isinstance(given[0], str):
        texts, labels = given
    else:
        texts, labels = given, None
    array = check_texts(texts)
    checked = check_labels([""] * len(array) if labels is None else labels, len(array))
    corpus = make_corpus(array, checked)
    if not corpus.texts:
        raise InputError(f"{what} holds no text: expected labelled texts")
    return AuditRows(tuple(corpus.texts), corpus.labels, corpus.rows)


@dataclass(frozen=True)
class Scene:
    """What an attack is given, and, apart from that, the truth it is judged by.

    Attributes
    ----------
    candidates : AuditRows
        AuditRows of which an attacker wonders whether they were used.
    is_member : ndarray of shape (n_candidates,), bool
        The truth; no attack looks at it.
    released : AuditRows
        The texts that were given away.
    """

    candidates: AuditRows
    is_member: NDArray[np.bool_]
    released: AuditRows

    @property
    def strata(self) -> NDArray[np.int64]:
        """Number of each candidate's class."""
        return strata_of(self.candidates.labels)

    def classes(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Yield, class by class, the positions of the released texts and of the candidates; neither is empty."""
        for label in dict.fromkeys(self.candidates.labels.tolist()):
            released = np.flatnonzero(self.released.labels == label)
            if len(released):
                yield released, np.flatnonzero(self.candidates.labels == label)


def make_scene(real: AuditRows, released: AuditRows, held_out: AuditRows) -> Scene:
    """Return the scene whose members are the real rows and whose other candidates are the held-out ones."""
    return Scene(join_rows([real, held_out]), np.arange(len(real) + len(held_out)) < len(real), released)


def join_rows(parts: Sequence[AuditRows]) -> AuditRows:
    """Return the rows of all parts, one part after the other; vectors where all have them."""
    vectors = [part.vectors for part in parts if part.vectors is not None]
    return AuditRows(
        tuple(text for part in parts for text in part.texts),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.numbers for part in parts]),
        np.concatenate(vectors) if len(vectors) == len(parts) else None,
    )


def strata_of(labels: NDArray[np.object_]) -> NDArray[np.int64]:
    """Return a number per row that rows of one class share, in the order in which classes first appear.

    Examples
    --------
    >>> strata_of(np.array(["b", "a", "b"], dtype=object)).tolist()
    [0, 1, 0]
    """
    numbers: dict[Any, int] = {}
    return np.fromiter((numbers.setdefault(label, len(numbers)) for label in labels), np.int64, len(labels))
