"""The batched decoding loop: from soft prompts to token ids."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch

from smotext.decoders.guidance import spend
from smotext.decoders.kv_cache import keep_rows, make_cache
from smotext.decoders.projector import AnyProjector
from smotext.decoders.prompt_context import Context, place_vectors, read_prompts
from smotext.decoders.prompts import Prompt
from smotext.decoders.sampling import choose_tokens, penalise_repetition
from smotext.settings import Sampling

# Finished rows are dropped once fewer than this share is unfinished: dropping them copies the cache.
COMPACT_BELOW = 0.85


@dataclass(frozen=True)
class Written:
    """The token ids of one row, without the end token, and whether the model ended it."""

    ids: list[int]
    is_finished: bool


@torch.inference_mode()
def write(
    model: Any,
    embeds: torch.Tensor,
    *,
    limits: torch.Tensor,
    seeds: torch.Tensor,
    end_ids: torch.Tensor,
    sampling: Sampling,
    bias: torch.Tensor | None = None,
    context: Context | None = None,
) -> list[Written]:
    """Return what the model writes after each prompt.

    Rows end at different times: finished ones are dropped from the batch once they are a good part of it. float32 on
    a CPU gives the same rows at any batch size, but for ties at the size of rounding errors.

    Parameters
    ----------
    model : causal language model of transformers
    embeds : tensor of shape (n_rows, n_inputs, hidden_size)
        What is read before the first new token, as input embeddings: the whole prompt, the soft token in it, or what
        of it is not in the context.
    limits : tensor of shape (n_rows,), int64
        Largest number of new tokens of each row, at least 1.
    seeds : tensor of shape (n_rows,), int64
        Each row's own stream of noise.
    end_ids : tensor of shape (n_ends,), int64
        Tokens that end a text.
    sampling : Sampling
    bias : tensor of shape (n_rows, vocabulary), float32, or None
        Added to the logits at every step (guidance). It is changed: see :func:`~smotext.decoders.guidance.spend`.
    context : Context or None
        What the rows have read already; used up. None: nothing.

    Returns
    -------
    list of Written, one per row
    """
    n_rows, n_inputs = embeds.shape[:2]
    longest = int(limits.max())
    knows_last = _takes_logits_to_keep(model.__class__)
    reader = _PlainReader(model, n_inputs + longest) if context is None else _ContextReader(model, context)
    ids = torch.zeros((n_rows, longest), dtype=torch.int64, device=embeds.device)
    lengths, has_ended = limits.clone(), torch.zeros_like(limits, dtype=torch.bool)
    # The row that each place of the batch holds.
    rows = torch.arange(n_rows, device=embeds.device)
    is_live = torch.ones_like(rows, dtype=torch.bool)
    inputs: dict[str, torch.Tensor] = {"inputs_embeds": embeds}
    for step in range(longest):
        # An index rather than a number: a slice of hidden states has torch read the vocabulary's weights row by row.
        n_read = next(iter(inputs.values())).shape[1]
        last_alone = {"logits_to_keep": torch.tensor([n_read - 1], device=embeds.device)} if knows_last else {}
        logits = reader.read(**inputs, **last_alone).logits[:, -1].float()
        logits = _adjust(logits, bias, ids[rows, :step], step, end_ids, sampling)
        tokens = choose_tokens(logits, sampling, seeds[rows], step)
        ids[rows, step] = tokens
        is_end = torch.isin(tokens, end_ids) & is_live
        has_ended[rows[is_end]] = True
        lengths[rows[is_end]] = step
        is_live &= ~is_end & (limits[rows] > step + 1)
        n_live = int(is_live.sum())
        if n_live == 0:
            break
        if n_live < COMPACT_BELOW * len(rows):
            places = is_live.nonzero()[:, 0]
            reader.keep_rows(places)
            rows, tokens, is_live = rows[places], tokens[places], is_live[places]
            bias = bias if bias is None else bias[places]
        if bias is not None:
            spend(bias, tokens)
        inputs = {"input_ids": tokens[:, None]}
    return [
        Written(row[:length], ended)
        for row, length, ended in zip(ids.tolist(), lengths.tolist(), has_ended.tolist(), strict=True)
    ]


def write_after_vectors(
    model: Any,
    projector: AnyProjector,
    vectors: torch.Tensor,
    prompts: Sequence[Prompt],
    prompt_of_row: torch.Tensor,
    *,
    limits: torch.Tensor,
    seeds: torch.Tensor,
    end_ids: Sequence[int],
    sampling: Sampling,
    bias: torch.Tensor | None = None,
) -> list[Written]:
    """Return what the model writes for each vector, put into its place in the row's prompt.

    Decoder and trainer both write by this function.

    Parameters
    ----------
    model : causal language model of transformers
    projector : Projector or SlotProjector
    vectors : tensor of shape (n_rows, vector_dim)
        On the model's device, in the scale that the bridge is trained on.
    prompts : sequence of Prompt
        All with the same tokens after the vector's place.
    prompt_of_row : tensor of shape (n_rows,), int64
    limits, seeds, sampling, bias
        As of :func:`write`.
    end_ids : sequence of int
        Tokens that end a text.
    """
    capacity = projector.n_places + len(prompts[0].after) + int(limits.max())
    context = read_prompts(model, [prompt.before for prompt in prompts], prompt_of_row, capacity=capacity)
    return write(
        model,
        place_vectors(model, projector, vectors, context, prompts[0].after),
        limits=limits,
        seeds=seeds,
        end_ids=torch.tensor(end_ids, device=vectors.device),
        sampling=sampling,
        bias=bias,
        context=context,
    )


@lru_cache
def _takes_logits_to_keep(model_class: Any) -> bool:
    """Return whether a model can compute the logits of some places alone; asked once for each class."""
    return "logits_to_keep" in inspect.signature(model_class.forward).parameters


class _PlainReader:
    """Feeds a model whose rows begin with an empty cache and need no mask."""

    def __init__(self, model: Any, capacity: int) -> None:
        self._model, self._cache = model, make_cache(model.config, capacity)

    def read(self, **inputs: Any) -> Any:
        return self._model(**inputs, past_key_values=self._cache, use_cache=True)

    def keep_rows(self, rows: torch.Tensor) -> None:
        keep_rows(self._cache, rows)


class _ContextReader:
    """Feeds a model whose rows have read prompts of their own."""

    def __init__(self, model: Any, context: Context) -> None:
        self._model, self._context = model, context

    def read(self, **inputs: Any) -> Any:
        n_rows, n_inputs = next(iter(inputs.values())).shape[:2]
        output = self._model(**inputs, **self._context.inputs(n_inputs, self._model.dtype))
        device = self._context.is_seen.device
        self._context.advance(torch.ones((n_rows, n_inputs), dtype=torch.bool, device=device))
        return output

    def keep_rows(self, rows: torch.Tensor) -> None:
        self._context.keep_rows(rows)


def _adjust(
    logits: torch.Tensor,
    bias: torch.Tensor | None,
    written: torch.Tensor,
    step: int,
    end_ids: torch.Tensor,
    sampling: Sampling,
) -> torch.Tensor:
    """Return the logits after guidance, repetition penalty and the smallest length."""
    if bias is not None:
        logits = logits + bias
    logits = penalise_repetition(logits, written, sampling.repetition_penalty)
    if step < sampling.min_new_tokens:
        logits = logits.index_fill(1, end_ids, -torch.inf)
    return logits
