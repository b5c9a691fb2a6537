"""Frozen records that travel between the rooms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

UNKNOWN = -1  # a parent that is not known, or a place that a row does not use


@runtime_checkable
class Encoder(Protocol):
    """Anything that turns texts into vectors.

    An optional attribute ``fingerprint`` (str) lets vectors be cached on disk. A caller's own encoder may do without
    ``vector_dim``: it is then found by encoding a word.
    """

    vector_dim: int

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one vector per text: float32 of shape (n_texts, vector_dim)."""
        ...


@runtime_checkable
class Decoder(Protocol):
    """Anything that turns vectors into texts.

    Optional: ``decode_rows`` (as ``decode``, but one :class:`Decoded` per row), ``count_tokens(texts)``,
    ``max_new_tokens`` (the longest trained output), ``prompts``, ``fingerprint``, and ``examples`` (how many texts a
    prompt shows unless the caller says; a decoder that has it takes ``decode(..., examples=)``, a list of texts a row).
    """

    vector_dim: int

    @property
    def decode(self) -> Callable[..., list[str]]:
        """Return one text per vector: ``decode(vectors, *, prompt=0, max_new_tokens=128, ...)``."""
        ...


@dataclass(frozen=True, slots=True)
class Decoded:
    """One decoded text as it left the language model.

    Attributes
    ----------
    text : str
        Raw text, special tokens removed.
    n_tokens : int
        New tokens, the end token not counted.
    is_finished : bool
        True if the model ended the text itself; False if it was stopped by the token limit.
    """

    text: str
    n_tokens: int
    is_finished: bool


@dataclass(frozen=True)
class MixPlan:
    """Who is mixed with whom: one entry per synthetic row, all arrays row-aligned.

    Attributes
    ----------
    labels : ndarray of shape (n_rows,), object
        Class of each row.
    ordinals, attempts, candidates : ndarray of shape (n_rows,), int64
        The rest of the row's key: its number within the class, how often it was replanned, and which of
        several decodes of the same mix it is.
    parents : ndarray of shape (n_rows, n_parents), int64
        Positions of the parents among the usable real texts; ``UNKNOWN`` where there is none.
    weights : ndarray of shape (n_rows, n_parents), float64
        Weight of each parent, summing to 1; NaN where parents are unknown.
    seeds : ndarray of shape (n_rows,), int64
        Seed of the row's own random streams.
    strategies : ndarray of shape (n_rows,), object
        The strategy that chose the parents, after stepping down the small-class ladder.
    vectors : ndarray of shape (n_rows, vector_dim), float32, or None
        Ready-made vectors, where a foreign sampler made them; None: mix the parents.
    examples : ndarray of shape (n_rows, n_examples), int64, or None
        Positions of the real texts that the prompt shows, in this order, ``UNKNOWN`` where a class has fewer. None:
        the prompt shows none.
    notes : tuple of str
        What had to be adapted, for one warning.
    """

    labels: NDArray[np.object_]
    ordinals: NDArray[np.int64]
    attempts: NDArray[np.int64]
    candidates: NDArray[np.int64]
    parents: NDArray[np.int64]
    weights: NDArray[np.float64]
    seeds: NDArray[np.int64]
    strategies: NDArray[np.object_]
    vectors: NDArray[np.float32] | None = None
    examples: NDArray[np.int64] | None = None
    notes: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def lam(self) -> NDArray[np.float64]:
        """Weight of the first parent where a row has one or two, else NaN."""
        return np.where((self.parents != UNKNOWN).sum(axis=1) <= 2, self.weights[:, 0], np.nan)

    @property
    def keys(self) -> list[str]:
        """Each row's key as it stands in the lineage: class, ordinal, attempt and candidate."""
        parts = zip(self.labels, self.ordinals, self.attempts, self.candidates, strict=True)
        return ["/".join(map(str, key)) for key in parts]

    def take(self, rows: NDArray[np.int64] | slice) -> MixPlan:
        """Return the plan of the given rows, in the given order."""
        parts = {
            column.name: value if value is None or column.name == "notes" else value[rows]
            for column in fields(self)
            for value in [getattr(self, column.name)]
        }
        return MixPlan(**parts)

    def groups(self, size: int) -> Iterator[MixPlan]:
        """Yield the plan in consecutive groups of `size` rows; the last may be shorter."""
        for start in range(0, len(self), size):
            yield self.take(slice(start, start + size))


@dataclass(frozen=True)
class Asked:
    """What the rows of a plan ask of the decoder.

    Attributes
    ----------
    vectors : ndarray of shape (n_rows, vector_dim), float32
    examples : list of lists of str, or None
        The texts that each row's prompt shows; None: prompts show none.
    """

    vectors: NDArray[np.float32]
    examples: list[list[str]] | None = None

    def __len__(self) -> int:
        return len(self.vectors)

    def __getitem__(self, rows: slice) -> Asked:
        """Return what these rows ask."""
        return Asked(self.vectors[rows], None if self.examples is None else self.examples[rows])


@dataclass(frozen=True, slots=True)
class Synthetic:
    """One synthetic text with where it came from.

    .. versionadded:: 0.1.0

    Attributes
    ----------
    text : str
        The text.
    weights : tuple of float
        Weight of each parent.
    lam : float
        Weight of the first parent.
    seed : int
        Seed of the row.
    n_tokens : int or None
        New tokens, where the decoder counts them.

    See Also
    --------
    interpolate : Returns these.
    """

    text: str
    weights: tuple[float, ...]
    lam: float
    seed: int
    n_tokens: int | None = None
