"""Texts from a pair that is still in memory, as the decoder would write them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from smotext.decoders.decoding_loop import Written, write_after_vectors
from smotext.decoders.guidance import guidance_of_rows, weighted_bias
from smotext.decoders.prompts import Prompt
from smotext.settings import Sampling
from smotext.training.models.pair import Pair


def write_texts(
    pair: Pair, vectors: NDArray[np.float32], *, max_new_tokens: int | None = None, batch_size: int = 64
) -> list[str]:
    """Return the greedy text of each vector.

    Parameters
    ----------
    pair : Pair
        In float32.
    vectors : ndarray of shape (n_rows, vector_dim)
        Rescaled if the bridge takes unit vectors.
    max_new_tokens : int or None
        None: what the bridge was trained for.
    batch_size : int
        Rows written together.
    """
    parameter = next(pair.lm.parameters())
    asked = torch.from_numpy(np.asarray(vectors, dtype=np.float32)).to(parameter.device)
    if pair.spec.vector_norm == "unit":
        asked = torch.nn.functional.normalize(asked, dim=-1)
    written: list[Written] = []
    for part in asked.split(batch_size):
        seeds = np.zeros(len(part), dtype=np.int64)
        prompts, rows = (pair.prompts.numbered(0),), np.zeros(len(part), dtype=np.int64)
        written += write_rows(pair, prompts, rows, part, Sampling(), seeds, max_new_tokens)
    return texts_of(pair, written)


@torch.no_grad()
def write_rows(
    pair: Pair,
    prompts: Sequence[Prompt],
    prompt_of_row: NDArray[np.int64],
    vectors: torch.Tensor,
    sampling: Sampling,
    seeds: NDArray[np.int64],
    max_new_tokens: int | None = None,
) -> list[Written]:
    """Return what the pair writes for each vector.

    Parameters
    ----------
    pair : Pair
    prompts : sequence of Prompt
        All with the same tokens after the vector's place.
    prompt_of_row : ndarray of shape (n_rows,), int64
    vectors : Tensor of shape (n_rows, vector_dim)
        In the scale that the bridge is trained on.
    sampling : Sampling
    seeds : ndarray of shape (n_rows,), int64
    max_new_tokens : int or None
        None: what the bridge was trained for.
    """
    was_training = pair.lm.training
    pair.lm.eval()
    longest = max_new_tokens or pair.spec.max_new_tokens
    weights = torch.from_numpy(guidance_of_rows(pair.spec, None, prompts, prompt_of_row))
    written = write_after_vectors(
        pair.lm,
        pair.projector,
        vectors,
        prompts,
        torch.from_numpy(prompt_of_row).to(vectors.device),
        limits=torch.full((len(vectors),), longest, device=vectors.device),
        seeds=torch.from_numpy(seeds).to(vectors.device),
        end_ids=pair.prompts.end_ids,
        sampling=sampling,
        bias=weighted_bias(pair.guidance, weights, vectors),
    )
    pair.lm.train(was_training)
    return written


def texts_of(pair: Pair, written: Sequence[Written]) -> list[str]:
    """Return the rows as texts, special tokens removed."""
    texts: list[str] = pair.tokenizer.batch_decode([row.ids for row in written], skip_special_tokens=True)
    return [text.strip() for text in texts]
