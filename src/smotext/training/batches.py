"""Which passages make a step, and how they go through the model without padding waste."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.seeding import generator
from smotext.training.store import PassageStore, Piece


@dataclass(frozen=True)
class MicroBatch:
    """Passages of nearly one length.

    Attributes
    ----------
    tokens : ndarray of shape (n_rows, longest), int64
        Token ids, the end token after each passage, then padding.
    lengths : ndarray of shape (n_rows,), int64
        Tokens of each row, the end token included.
    vectors : ndarray of shape (n_rows, vector_dim), float32
        Their vectors.
    """

    tokens: NDArray[np.int64]
    lengths: NDArray[np.int64]
    vectors: NDArray[np.float32]


@dataclass(frozen=True)
class Place:
    """A place in the stream of steps: the next step's epoch, piece, and number within the piece."""

    epoch: int = 0
    piece: int = 0
    step: int = 0


def count_steps(store: PassageStore, batch_size: int) -> int:
    """Return the steps of one epoch; a piece's last, smaller step counts."""
    return sum(-(-n // batch_size) for n in store.n_passages)


def steps_from(
    store: PassageStore, place: Place, *, batch_size: int, seed: int
) -> Iterator[tuple[Place, Piece, NDArray[np.int64]]]:
    """Yield (place, piece, rows) for each step from `place` on, without end.

    Each epoch goes through the pieces in order and through each piece in an order of its own, drawn from
    the seed and the place alone, so that a resumed run sees what an uninterrupted one would have seen.
    """
    while True:
        for number in range(place.piece, store.n_pieces):
            piece = store.piece(number)
            order = generator(seed, "order", place.epoch, number).permutation(len(piece))
            n_steps = -(-len(piece) // batch_size)
            for step in range(place.step, n_steps):
                rows = order[step * batch_size : (step + 1) * batch_size]
                yield Place(place.epoch, number, step), piece, rows
            place = Place(place.epoch, number + 1, 0)
        place = Place(place.epoch + 1, 0, 0)


def micro_batches(piece: Piece, rows: NDArray[np.int64], *, end_id: int, max_tokens: int) -> list[MicroBatch]:
    """Return the passages of one step in groups of nearly one length, none over `max_tokens` with its padding.

    A single passage longer than `max_tokens` is a group of its own.
    """
    lengths = piece.lengths[rows] + 1  # the end token
    return [_gather(piece, rows[group], end_id) for group in by_length(lengths, max_tokens)]


def by_length(lengths: NDArray[np.int64], max_tokens: int) -> list[NDArray[np.int64]]:
    """Return places in groups of nearly one length, none over `max_tokens` tokens with its padding.

    Examples
    --------
    >>> [group.tolist() for group in by_length(np.array([9, 2, 3, 8]), max_tokens=10)]
    [[1, 2], [3], [0]]
    """
    groups: list[list[int]] = [[]]
    for place in np.argsort(lengths, kind="stable"):  # shortest first, so that a group's last row is its longest
        if groups[-1] and (len(groups[-1]) + 1) * lengths[place] > max_tokens:
            groups.append([])
        groups[-1].append(int(place))
    return [np.array(group, dtype=np.int64) for group in groups]


def pad(texts: Sequence[Sequence[int] | NDArray[np.int64]], end_id: int) -> NDArray[np.int64]:
    """Return token ids with the end token after each text, and then for padding, shape (n_texts, longest + 1).

    Examples
    --------
    >>> pad([[5, 6], [7]], end_id=0).tolist()
    [[5, 6, 0], [7, 0, 0]]
    """
    tokens = np.full((len(texts), max(map(len, texts)) + 1), end_id, dtype=np.int64)
    for place, text in enumerate(texts):
        tokens[place, : len(text)] = text
    return tokens


def _gather(piece: Piece, rows: NDArray[Any], end_id: int) -> MicroBatch:
    tokens = pad([piece.passage(row) for row in rows], end_id)
    return MicroBatch(tokens, piece.lengths[rows] + 1, np.asarray(piece.vectors[rows], dtype=np.float32))
