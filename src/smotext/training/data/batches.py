"""Which passages make a step, and how they go through the model without padding waste."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smotext.decoders.prompts import Prompt, Prompts
from smotext.training.data.passage_store import PassageStore, Piece
from smotext.training.data.styles import restyled
from smotext.utils.seeding import generator


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
    prompts : tuple of Prompt
        What stands before them; all have the same tokens after the vector's place.
    prompt_of_row : ndarray of shape (n_rows,), int64
        Which of the prompts each row has.
    """

    tokens: NDArray[np.int64]
    lengths: NDArray[np.int64]
    vectors: NDArray[np.float32]
    prompts: tuple[Prompt, ...]
    prompt_of_row: NDArray[np.int64]


@dataclass(frozen=True)
class Prompting:
    """What stands before the passages of a step.

    Attributes
    ----------
    prompts : Prompts
        The bridge's.
    number : int or "random"
        Which numbered prompt stands before passages without examples.
    most_examples : int
        Prompts show from 1 to so many other passages of the group; 0: none.
    example_share : float
        Share of the groups whose prompts show some.
    style_share : float
        Share of these groups that are written in a way of their own (:mod:`~smotext.training.data.styles`).
    """

    prompts: Prompts
    number: int | str = 0
    most_examples: int = 0
    example_share: float = 0.5
    style_share: float = 0.0

    def draw_number(self, rng: np.random.Generator) -> int:
        """Return the number of a prompt."""
        return int(rng.integers(len(self.prompts.spec.prompts))) if self.number == "random" else int(self.number)


@dataclass(frozen=True)
class StreamPosition:
    """A place in the stream of steps: the next step's epoch, piece, and number within the piece."""

    epoch: int = 0
    piece: int = 0
    step: int = 0


def count_steps(store: PassageStore, batch_size: int) -> int:
    """Return the steps of one epoch; a piece's last, smaller step counts."""
    return sum(_n_steps(n, store.group_size, batch_size) for n in store.n_passages)


def _n_steps(n_passages: int, group_size: int, batch_size: int) -> int:
    n_groups = -(-n_passages // group_size)
    return -(-n_groups // max(1, batch_size // group_size))


def steps_from(
    store: PassageStore, place: StreamPosition, *, batch_size: int, seed: int
) -> Iterator[tuple[StreamPosition, Piece, list[NDArray[np.int64]]]]:
    """Yield (place, piece, groups of rows) for each step from `place` on, without end.

    Each epoch goes through the pieces in order and through the groups of each piece in an order of its own, drawn
    from the seed and the place alone, so that a resumed run sees what an uninterrupted one would have seen.
    """
    per_step = max(1, batch_size // store.group_size)
    while True:
        for number in range(place.piece, store.n_pieces):
            piece = store.piece(number)
            groups = np.split(np.arange(len(piece)), range(store.group_size, len(piece), store.group_size))
            order = generator(seed, "order", place.epoch, number).permutation(len(groups))
            for step in range(place.step, _n_steps(len(piece), store.group_size, batch_size)):
                chosen = order[step * per_step : (step + 1) * per_step]
                yield StreamPosition(place.epoch, number, step), piece, [groups[group] for group in chosen]
            place = StreamPosition(place.epoch, number + 1, 0)
        place = StreamPosition(place.epoch + 1, 0, 0)


def micro_batches(
    piece: Piece,
    groups: Sequence[NDArray[np.int64]],
    prompting: Prompting,
    *,
    max_tokens: int,
    key: int = 0,
) -> list[MicroBatch]:
    """Return the passages of one step in micro-batches, none over `max_tokens` with its padding.

    Passages whose prompt shows no other go together by length; those of a group that share their examples stay
    together as far as they fit. A single passage longer than `max_tokens` is a micro-batch of its own.

    Parameters
    ----------
    piece : Piece
    groups : sequence of ndarrays of int
        Rows of `piece`; a group's passages are of one document or source.
    prompting : Prompting
    max_tokens : int
    key : int
        What is drawn depends on it alone.
    """
    rng = generator(key, "examples")
    alone: list[int] = []
    batches: list[MicroBatch] = []
    pending: list[_Part] = []
    for group in groups:
        most = min(prompting.most_examples, len(group) - 1)
        if most < 1 or rng.random() >= prompting.example_share:
            alone += group.tolist()
            continue
        part = _with_examples(piece, rng.permutation(group), int(rng.integers(1, most + 1)), prompting, rng)
        for fitting in part.split(max_tokens):
            if pending and _padded([*pending, fitting]) > max_tokens:
                batches.append(_gather(piece, pending, prompting))
                pending = []
            pending.append(fitting)
    if pending:
        batches.append(_gather(piece, pending, prompting))
    rows = np.array(alone, dtype=np.int64)
    for places in by_length(piece.lengths[rows] + 1, max_tokens) if alone else []:
        prompt = prompting.prompts.numbered(prompting.draw_number(rng))
        chosen = rows[places]
        batches.append(_gather(piece, [_Part(prompt, chosen, [piece.passage(row) for row in chosen])], prompting))
    return batches


@dataclass(frozen=True)
class _Part:
    """Passages after one prompt: rows of a piece, and their token ids as they are learned."""

    prompt: Prompt
    rows: NDArray[np.int64]
    passages: Sequence[Sequence[int] | NDArray[np.int64]]

    def split(self, max_tokens: int) -> Iterator[_Part]:
        """Yield the passages by length, none of the parts over `max_tokens` with its padding."""
        for places in by_length(np.array([len(ids) + 1 for ids in self.passages]), max_tokens):
            yield _Part(self.prompt, self.rows[places], [self.passages[place] for place in places])


def _with_examples(
    piece: Piece, rows: NDArray[np.int64], n_shown: int, prompting: Prompting, rng: np.random.Generator
) -> _Part:
    """Return a group's passages after a prompt that shows its first ones, now and then in another style."""
    passages: list[list[int]] = [piece.passage(row).tolist() for row in rows]
    prompts = prompting.prompts
    if rng.random() < prompting.style_share:
        texts = [prompts.tokenizer.decode(ids).strip() for ids in passages]
        passages = prompts.text_ids(restyled(texts, rng))
    shown = prompts.with_examples([prompts.shortened(ids) for ids in passages[:n_shown]])
    return _Part(shown.in_one_part(), rows[n_shown:], passages[n_shown:])


def _padded(parts: Sequence[_Part]) -> int:
    lengths = [len(ids) + 1 for part in parts for ids in part.passages]
    return len(lengths) * max(lengths)


def by_length(lengths: NDArray[np.int64], max_tokens: int) -> list[NDArray[np.int64]]:
    """Return places in groups of nearly one length, none over `max_tokens` tokens with its padding.

    Examples
    --------
    >>> [group.tolist() for group in by_length(np.array([9, 2, 3, 8]), max_tokens=10)]
    [[1, 2], [3], [0]]
    """
    groups: list[list[int]] = [[]]
    for place in np.argsort(lengths, kind="stable"):
        # The shortest come first, so that a group's last row is its longest.
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


def _gather(piece: Piece, parts: Sequence[_Part], prompting: Prompting) -> MicroBatch:
    rows = np.concatenate([part.rows for part in parts])
    passages = [ids for part in parts for ids in part.passages]
    return MicroBatch(
        tokens=pad(passages, prompting.prompts.end_id),
        lengths=np.array([len(ids) + 1 for ids in passages], dtype=np.int64),
        vectors=np.asarray(piece.vectors[rows], dtype=np.float32),
        prompts=tuple(part.prompt for part in parts),
        prompt_of_row=np.repeat(np.arange(len(parts)), [len(part.rows) for part in parts]),
    )
