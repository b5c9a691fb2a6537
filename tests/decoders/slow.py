"""The slow way to read a prompt, written out by hand: one row at a time, without a cache or a mask for padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch


def full_logits(model: Any, before: Sequence[int], soft: torch.Tensor, after: Sequence[int]) -> torch.Tensor:
    """Return the logits at each token of `after`, from one forward pass over all: soft tokens have positions too.

    Parameters
    ----------
    model : any causal language model
    before, after : sequences of int
    soft : Tensor of shape (n_soft, hidden_size)
    """
    table = model.get_input_embeddings().weight
    rows = [table[torch.tensor(before, dtype=torch.long)], soft, table[torch.tensor(after, dtype=torch.long)]]
    with torch.no_grad():
        return model(inputs_embeds=torch.cat(rows)[None], use_cache=False).logits[0, -len(after) :]


@torch.no_grad()
def llama_logits(
    model: Any,
    before: Sequence[int],
    slots: tuple[torch.Tensor, torch.Tensor] | None,
    after: Sequence[int],
    first_layer: int = 0,
) -> torch.Tensor:
    """Return a Llama's logits at each token of `after`, its layers written out.

    Parameters
    ----------
    model : LlamaForCausalLM
        For its weights.
    before, after : sequences of int
    slots : (keys, values) or None
        Each (n_layers with slots, n_heads, n_slots, head_dim), keys not rotated: between `before` and `after`.
    first_layer : int
        The first layer with slots; those below see tokens alone, at the same positions.
    """
    config, state = model.config, model.state_dict()
    n_heads, n_kv_heads = config.num_attention_heads, config.num_key_value_heads
    width = config.hidden_size // n_heads
    n_slots = 0 if slots is None else slots[0].shape[2]
    n_before, n_inputs = len(before), len(before) + len(after)
    positions = torch.tensor([*range(n_before), *range(n_before + n_slots, n_inputs + n_slots)])
    x = state["model.embed_tokens.weight"][torch.tensor([*before, *after])]
    for layer in range(config.num_hidden_layers):
        name = f"model.layers.{layer}"
        h = normed(x, state[f"{name}.input_layernorm.weight"], config.rms_norm_eps)
        query, key, value = (h @ state[f"{name}.self_attn.{kind}_proj.weight"].T for kind in "qkv")
        heads = []
        for head in range(n_heads):
            shared = head // (n_heads // n_kv_heads)  # heads that share a key and a value
            q = rotated(query[:, head * width : (head + 1) * width], positions, config)
            k = rotated(key[:, shared * width : (shared + 1) * width], positions, config)
            v = value[:, shared * width : (shared + 1) * width]
            is_seen = torch.ones(n_inputs, n_inputs, dtype=torch.bool).tril()
            if slots is not None and layer >= first_layer:
                slot_keys, slot_values = (part[layer - first_layer, shared] for part in slots)
                k = torch.cat([k, rotated(slot_keys, n_before + torch.arange(n_slots), config)])
                v = torch.cat([v, slot_values])
                after_the_slots = (torch.arange(n_inputs) >= n_before)[:, None].expand(-1, n_slots)
                is_seen = torch.cat([is_seen, after_the_slots], dim=1)
            scores = (q @ k.T / width**0.5).masked_fill(~is_seen, -torch.inf)
            heads.append(scores.softmax(dim=-1) @ v)
        x = x + torch.cat(heads, dim=-1) @ state[f"{name}.self_attn.o_proj.weight"].T
        h = normed(x, state[f"{name}.post_attention_layernorm.weight"], config.rms_norm_eps)
        gate, up = (h @ state[f"{name}.mlp.{kind}_proj.weight"].T for kind in ("gate", "up"))
        x = x + (torch.nn.functional.silu(gate) * up) @ state[f"{name}.mlp.down_proj.weight"].T
    x = normed(x, state["model.norm.weight"], config.rms_norm_eps)
    return (x @ model.get_output_embeddings().weight.T)[n_before:]


def normed(x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
    """Return rows of mean square 1, times a weight for each column."""
    return x / (x.square().mean(dim=-1, keepdim=True) + eps).sqrt() * weight


def rotated(x: torch.Tensor, positions: torch.Tensor, config: Any) -> torch.Tensor:
    """Return rows rotated to their positions: column i and column i + half are a complex number (Su et al. 2021)."""
    half = x.shape[1] // 2
    rates = config.rope_parameters["rope_theta"] ** (-torch.arange(half) / half)
    turned = torch.complex(x[:, :half], x[:, half:]) * torch.polar(torch.ones(1), positions[:, None] * rates)
    return torch.cat([turned.real, turned.imag], dim=1)
