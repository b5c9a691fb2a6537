"""What a filter sees, and what it has to be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from smotext.errors import InputError

FilterScores = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class RealTexts:
    """The real texts, which filters are fitted on.

    Attributes
    ----------
    texts : sequence of str
    labels : ndarray of shape (n_texts,), object
    vectors : ndarray of shape (n_texts, vector_dim), float32
        Their vectors; may be a memory map.
    unlabelled : sequence of str
        Further real texts, of unknown class: nothing may copy them, and what is near one is on the topic.
    unlabelled_vectors : ndarray of shape (n_unlabelled, vector_dim), float32
    """

    texts: Sequence[str]
    labels: NDArray[np.object_]
    vectors: NDArray[np.float32]
    unlabelled: Sequence[str] = ()
    unlabelled_vectors: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))

    @property
    def all_texts(self) -> list[str]:
        """The labelled texts, and after them the unlabelled ones."""
        return [*self.texts, *self.unlabelled]


@dataclass(frozen=True)
class Earlier:
    """Synthetic texts that were accepted before.

    Attributes
    ----------
    words : frozenset or set of str
        Their texts, reduced to words (:func:`~smotext.filters.ngrams.squeeze`).
    vectors : mapping of label to ndarray of shape (n_kept, vector_dim), float32
        Their vectors by class, each of unit length; a class may be missing.
    """

    words: frozenset[str] | set[str]
    vectors: Mapping[Any, NDArray[np.float32]]


NOTHING_EARLIER = Earlier(frozenset(), {})


@dataclass(frozen=True)
class Batch:
    """Decoded texts and all that is known about them; one entry per text, row-aligned.

    Attributes
    ----------
    texts : sequence of str
    labels : ndarray of shape (n_texts,), object
        The class each text was asked for.
    vectors : ndarray of shape (n_texts, vector_dim), float32
        The texts, encoded again.
    targets : ndarray of shape (n_texts, vector_dim), float32
        The vectors that were asked for.
    parents : ndarray of shape (n_texts, n_parents), int64
        Positions among the real texts; -1 where there is none or it is not known.
    is_finished : ndarray of shape (n_texts,), bool
        False where the text was stopped by the token limit.
    is_alive : ndarray of shape (n_texts,), bool
        Whether every filter before this one keeps the text. A filter may judge dead rows too: scores are
        wanted for all of them, and the first filter that objects gives the reason.
    earlier : Earlier
        What was accepted before this batch.
    """

    texts: Sequence[str]
    labels: NDArray[np.object_]
    vectors: NDArray[np.float32]
    targets: NDArray[np.float32]
    parents: NDArray[np.int64]
    is_finished: NDArray[np.bool_]
    is_alive: NDArray[np.bool_]
    earlier: Earlier = NOTHING_EARLIER

    def __len__(self) -> int:
        return len(self.texts)


@runtime_checkable
class FittedFilter(Protocol):
    """A filter that knows the real texts."""

    @property
    def name(self) -> str:
        """The reason of the texts that it rejects."""
        ...

    def __call__(self, batch: Batch) -> tuple[NDArray[np.bool_], FilterScores]:
        """Return which texts are kept, and scores by column name, NaN where undefined; both row-aligned."""
        ...


@runtime_checkable
class Filter(Protocol):
    """A rule that decides which synthetic texts are kept."""

    @property
    def name(self) -> str:
        """The reason of the texts that it rejects."""
        ...

    def fit(self, real: RealTexts) -> FittedFilter:
        """Return the filter with its thresholds set by the real texts. `self` does not change."""
        ...


class PlainFilter:
    """A filter made of a plain function of texts and labels.

    Parameters
    ----------
    function : callable
        ``function(texts, labels)`` returns one bool per text: whether it is kept.
    name : str, optional
        None takes the function's own.

    Examples
    --------
    >>> def no_shouting(texts, labels):
    ...     return [not text.isupper() for text in texts]
    >>> PlainFilter(no_shouting).name
    'no_shouting'
    """

    def __init__(self, function: Callable[..., Any], name: str | None = None) -> None:
        self.function = function
        self.name = name or str(getattr(function, "__name__", type(function).__name__))

    def fit(self, real: RealTexts) -> PlainFilter:
        """Return the filter itself: it learns nothing from the real texts."""
        return self

    def __call__(self, batch: Batch) -> tuple[NDArray[np.bool_], FilterScores]:
        """Return what the function says, and no scores."""
        if not len(batch):
            # A function of the caller's need not be ready for no texts at all.
            return np.zeros(0, dtype=bool), {}
        return as_mask(self.function(list(batch.texts), batch.labels), len(batch), self.name), {}

    def __repr__(self) -> str:
        return f"PlainFilter({self.name})"


def as_mask(found: Any, n_texts: int, name: str) -> NDArray[np.bool_]:
    """Return a filter's answer as a bool array.

    Raises
    ------
    InputError
        If it is not one truth value per text.

    Examples
    --------
    >>> as_mask([1, 0], 2, "mine").tolist()
    [True, False]
    >>> as_mask([True], 2, "mine")
    Traceback (most recent call last):
        ...
    smotext.errors.InputError: filter 'mine' returned shape (1,): expected 2 truth values, one per text
    """
    array = np.asarray(found)
    if array.shape != (n_texts,):
        raise InputError(f"filter {name!r} returned shape {array.shape}: expected {n_texts} truth values, one per text")
    if array.dtype != bool and not np.isin(array, (0, 1)).all():
        raise InputError(f"filter {name!r} returned {array.dtype} values: expected truth values, True to keep the text")
    return array.astype(bool)
