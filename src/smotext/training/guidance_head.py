"""Fitting the guidance head: log-probabilities of a text's words from its vector, by linear softmax regression."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from smotext.decoders.guidance import NEVER, Guidance
from smotext.training.data.passage_store import PassageStore, Piece
from smotext.utils.seeding import generator

_LINEAR_RATE, _HIDDEN_RATE = 0.1, 0.003
# Added to every count, so that a rare token's log-probability is finite.
_SMOOTHING = 1.0


def fit_guidance(
    head: Guidance,
    store: PassageStore,
    *,
    special_ids: list[int],
    epochs: int = 2,
    batch_size: int = 512,
    learning_rate: float | None = None,
    max_pieces: int | None = None,
    seed: int = 0,
) -> Guidance:
    """Return the head, trained on the passages of a store, each of a passage's words counting alike.

    The loss is the mean over a passage's distinct tokens of -log p(token | vector); Adam, rate falling
    linearly to nothing.

    Parameters
    ----------
    head : Guidance
        A new one, free or tied to the language model's embeddings; changed in place.
    store : PassageStore
        Passages and vectors.
    special_ids : list of int
        Tokens that are never guided.
    epochs, batch_size, seed
        Of the fit.
    learning_rate : float or None
        Peak; None: 0.1 for a linear head, 0.003 for one with a hidden layer.
    max_pieces : int or None
        Use the first pieces of the store only.
    """
    numbers = list(range(store.n_pieces))[:max_pieces]
    vocabulary = len(head.bias)
    rate = learning_rate or (_HIDDEN_RATE if head.hidden is not None else _LINEAR_RATE)
    counts = sum((_document_counts(store.piece(number), vocabulary) for number in numbers), np.zeros(vocabulary))
    log_unigram = torch.from_numpy(np.log((counts + _SMOOTHING) / (counts + _SMOOTHING).sum())).float()
    with torch.no_grad():
        head.bias.copy_(log_unigram)
    n_steps = epochs * sum(-(-store.n_passages[number] // batch_size) for number in numbers)
    optimizer = torch.optim.Adam(head.parameters(), lr=rate)
    batches = _batches(store, numbers, epochs, batch_size, seed)
    for step, (vectors, rows, tokens, weights) in enumerate(batches):
        optimizer.param_groups[0]["lr"] = rate * (1 - step / n_steps)
        loss = -(head(vectors)[rows, tokens] * weights).sum() / len(vectors)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(head.parameters(), 1.0)
        optimizer.step()
    head.unigram.copy_(log_unigram)
    never = [*special_ids, *np.flatnonzero(counts == 0).tolist()]
    head.unigram[never] = NEVER
    return head.requires_grad_(False)


def _batches(
    store: PassageStore, numbers: list[int], epochs: int, batch_size: int, seed: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Yield vectors, and the (row, token, weight) triples of their passages' distinct tokens."""
    for epoch in range(epochs):
        for number in numbers:
            piece = store.piece(number)
            order = generator(seed, "guidance", epoch, number).permutation(len(piece))
            for start in range(0, len(piece), batch_size):
                chosen = order[start : start + batch_size]
                bags = [np.unique(piece.passage(row)) for row in chosen]
                sizes = np.array([max(len(bag), 1) for bag in bags])
                rows = np.repeat(np.arange(len(bags)), [len(bag) for bag in bags])
                yield (
                    torch.from_numpy(np.asarray(piece.vectors[chosen], dtype=np.float32)),
                    torch.from_numpy(rows),
                    torch.from_numpy(np.concatenate(bags)),
                    torch.from_numpy((1.0 / sizes)[rows].astype(np.float32)),
                )


def _document_counts(piece: Piece, vocabulary: int) -> NDArray[np.float64]:
    """Return how often each token stands in a passage, weighted as the loss weighs it."""
    counts = np.zeros(vocabulary)
    for row in range(len(piece)):
        bag = np.unique(piece.passage(row))
        counts[bag] += 1.0 / max(len(bag), 1)
    return counts
