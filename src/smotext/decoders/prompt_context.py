"""What a language model has read before it writes: prompts in the cache, and the vector in its place.

Trainer and decoder both build the context here, so that they can't drift apart. A prompt is read in three steps: the
tokens before the vector's place, which rows may share; the vector, as soft tokens or as slots in the cache; and the
tokens after it, with which writing begins. Reading the first part once for all rows that share it is what makes
examples in the prompt affordable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers.cache_utils import DynamicCache

from smotext.decoders.kv_cache import keep_rows, make_cache
from smotext.decoders.projector import AnyProjector, SlotProjector
from smotext.errors import BridgeError

# The parts of a prompt as token ids; prompts that begin with the same parts share the reading of them.
PromptParts = tuple[tuple[int, ...], ...]


@dataclass
class Context:
    """What each row of a batch has in its cache.

    Attributes
    ----------
    cache : Cache
        Keys and values of transformers' kind; layers below the first one with slots hold fewer columns.
    is_seen : Tensor of shape (n_rows, n_columns), bool
        Which columns a row attends to: what pads a shorter prompt is not seen.
    positions : Tensor of shape (n_rows,), int64
        The position of each row's next token.
    slots : slice or None
        The columns that are slots, and that the lower layers lack.
    """

    cache: Any
    is_seen: torch.Tensor
    positions: torch.Tensor
    slots: slice | None = None

    def mask(self, n_inputs: int, dtype: torch.dtype) -> torch.Tensor:
        """Return the additive mask (n_rows, 1, n_inputs, n_columns + n_inputs) of inputs that come next."""
        n_rows = len(self.is_seen)
        causal = torch.ones(n_inputs, n_inputs, dtype=torch.bool, device=self.is_seen.device).tril()
        allowed = torch.cat([self.is_seen[:, None, :].expand(-1, n_inputs, -1), causal.expand(n_rows, -1, -1)], dim=-1)
        mask = torch.zeros(allowed.shape, dtype=dtype, device=allowed.device)
        return mask.masked_fill_(~allowed, torch.finfo(dtype).min)[:, None]

    def position_ids(self, n_inputs: int) -> torch.Tensor:
        """Return the positions of the next inputs, shape (n_rows, n_inputs)."""
        return self.positions[:, None] + torch.arange(n_inputs, device=self.positions.device)

    def inputs(self, n_inputs: int, dtype: torch.dtype) -> dict[str, Any]:
        """Return what the language model has to be told beside the inputs themselves."""
        mask = self.mask(n_inputs, dtype)
        if self.slots is not None:
            self.cache.lower_mask = torch.cat([mask[..., : self.slots.start], mask[..., self.slots.stop :]], dim=-1)
        return {
            "attention_mask": mask,
            "position_ids": self.position_ids(n_inputs),
            "past_key_values": self.cache,
            "use_cache": True,
        }

    def advance(self, is_seen: torch.Tensor) -> None:
        """Take note of inputs that the model has read; `is_seen` (n_rows, n_inputs) tells which were no padding."""
        self.is_seen = torch.cat([self.is_seen, is_seen], dim=1)
        self.positions = self.positions + is_seen.sum(dim=1)

    def keep_rows(self, rows: torch.Tensor) -> None:
        """Make the batch of these rows, in this order; a row may come several times."""
        keep_rows(self.cache, rows)
        self.is_seen, self.positions = self.is_seen[rows], self.positions[rows]


def read_prompts(
    model: Any,
    prompts: Sequence[Sequence[Sequence[int]]],
    rows: torch.Tensor,
    *,
    capacity: int | None,
) -> Context:
    """Return the context of rows that have read the tokens before the vector's place.

    Prompts are read part by part, and what several begin with once for all of them.

    Parameters
    ----------
    model : causal language model of transformers
    prompts : sequence of prompts
        Each a sequence of parts, each of those a sequence of token ids.
    rows : Tensor of shape (n_rows,), int64
        Which prompt each row has.
    capacity : int or None
        Columns that come after the prompts. None: a cache that grows, through which gradients flow.
    """
    device = rows.device
    beginnings = _beginnings(prompts)
    n_columns = sum(max(len(start[-1]) for start in starts) for starts in beginnings)
    cache = DynamicCache(config=model.config) if capacity is None else make_cache(model.config, n_columns + capacity)
    nothing = torch.zeros((1, 0), dtype=torch.bool, device=device)
    context = Context(cache, nothing, torch.zeros(1, dtype=torch.int64, device=device))
    # The model without its head: no logits are needed here.
    body = model.get_decoder()
    before: list[PromptParts] = [()]
    for starts in beginnings:
        places = [before.index(start[:-1]) for start in starts]
        if places != [*range(len(before))]:
            context.keep_rows(torch.tensor(places, device=device))
        ids, is_token = _padded([start[-1] for start in starts], device)
        body(input_ids=ids, **context.inputs(ids.shape[1], model.dtype))
        context.advance(is_token)
        before = starts
    ends = torch.tensor([before.index(_full(prompt, len(beginnings))) for prompt in prompts], device=device)
    context.keep_rows(ends[rows])
    return context


def _beginnings(prompts: Sequence[Sequence[Sequence[int]]]) -> list[list[PromptParts]]:
    """Return, part by part, what different prompts begin with; a prompt that has ended goes on with empty parts."""
    most = max((len(prompt) for prompt in prompts), default=0)
    whole = [_full(prompt, most) for prompt in prompts]
    return [[*dict.fromkeys(prompt[: n + 1] for prompt in whole)] for n in range(most)]


def _full(prompt: Sequence[Sequence[int]], n_parts: int) -> PromptParts:
    parts = tuple(tuple(part) for part in prompt)
    return parts + ((),) * (n_parts - len(parts))


def _padded(parts: Sequence[Sequence[int]], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Return token ids (n_parts, longest), padded on the right, and which of them are tokens."""
    ids = torch.zeros((len(parts), max(map(len, parts))), dtype=torch.int64, device=device)
    is_token = torch.zeros_like(ids, dtype=torch.bool)
    for number, part in enumerate(parts):
        ids[number, : len(part)] = torch.tensor(part, dtype=torch.int64)
        is_token[number, : len(part)] = True
    return ids, is_token


def place_vectors(
    model: Any, projector: AnyProjector, vectors: torch.Tensor, context: Context, after: Sequence[int]
) -> torch.Tensor:
    """Put the vectors into their place, and return the input embeddings with which writing begins.

    Parameters
    ----------
    model : causal language model
    projector : Projector or SlotProjector
    vectors : Tensor of shape (n_rows, vector_dim)
        In the scale that the bridge was trained on.
    context : Context
        Changed in place: slots are added to its cache.
    after : sequence of int
        Token ids after the vector's place; at least one where the projector makes slots.

    Returns
    -------
    Tensor of shape (n_rows, n_inputs, hidden_size)
        Soft tokens, where the projector makes such, and the tokens after them.
    """
    table = model.get_input_embeddings()
    home = next(projector.parameters())
    made = projector(vectors.to(home.device, home.dtype))
    ids = torch.tensor(list(after), dtype=torch.int64, device=table.weight.device)
    tail = table(ids).expand(len(vectors), -1, -1)
    if not isinstance(projector, SlotProjector):
        return torch.cat([made.to(tail), tail], dim=1)
    if not after:
        raise BridgeError("the prompt ends where the vector is: slots need a token after them, with which text begins")
    keys, values = made
    _add_slots(model, projector, keys, values, context)
    return tail


def _add_slots(
    model: Any, projector: SlotProjector, keys: torch.Tensor, values: torch.Tensor, context: Context
) -> None:
    """Append each layer's slots to the cache, the keys rotated to the positions that come next."""
    n_slots, n_columns = projector.n_slots, context.is_seen.shape[1]
    cos, sin = model.get_decoder().rotary_emb(keys[0], context.position_ids(n_slots))
    for number, layer in enumerate(range(projector.first_layer, projector.first_layer + len(keys))):
        context.cache.update(_rotated(keys[number], cos, sin).to(model.dtype), values[number].to(model.dtype), layer)
    context.slots = slice(n_columns, n_columns + n_slots)
    context.advance(torch.ones((len(context.is_seen), n_slots), dtype=torch.bool, device=context.is_seen.device))


def _rotated(keys: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Return keys with rotary position embeddings (Su et al. 2021), halves rotated as in Llama's family."""
    first, second = keys.chunk(2, dim=-1)
    return keys * cos[:, None].to(keys) + torch.cat([-second, first], dim=-1) * sin[:, None].to(keys)


def hide_slots_from_lower_layers(model: Any, first_layer: int) -> None:
    """Have the layers below `first_layer` use the mask without slots, which their caches lack.

    Raises
    ------
    BridgeError
        If the language model is not of a kind that can have slots: its layers or rotary embeddings are not found.
    """
    body = model.get_decoder()
    if not hasattr(body, "layers") or not hasattr(body, "rotary_emb"):
        raise BridgeError(
            f"{type(model).__name__} cannot have key/value slots: expected layers with rotary position embeddings "
            "(Llama, Mistral, Qwen, ...); use a projector of soft tokens, projector_type='mlp2x_gelu'"
        )
    for layer in body.layers[:first_layer]:
        layer.register_forward_pre_hook(_use_lower_mask, with_kwargs=True)


def _use_lower_mask(layer: Any, args: Any, options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    lower = getattr(options.get("past_key_values"), "lower_mask", None)
    return (args, options) if lower is None else (args, {**options, "attention_mask": lower})
