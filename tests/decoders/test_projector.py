from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import GPT2Config, LlamaConfig

from smotext.decoders.projector import Projector, SlotProjector, new_projector, projector_from_tensors
from smotext.errors import BridgeError

LLAMA = LlamaConfig(hidden_size=12, num_hidden_layers=3, num_attention_heads=3, num_key_value_heads=1)
TOKENS = {"projector_type": "mlp2x_gelu", "retriever_hidden_size": 5}
SLOTS = {"projector_type": "kv", "retriever_hidden_size": 5, "n_slots": 2, "slot_code_size": 8, "first_slot_layer": 1}


def tensors_of(projector: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {f"projector.{name}": tensor for name, tensor in projector.state_dict().items()}


@torch.no_grad()
def test_soft_tokens_are_the_mlps_output_in_equal_parts() -> None:
    projector = Projector("mlp2x_gelu", 5, 12, n_tokens=3)
    vectors = torch.randn(4, 5)
    first, _, second = projector.projector
    hidden = torch.nn.functional.gelu(vectors @ first.weight.T + first.bias)  # type: ignore[union-attr, operator]
    expected = hidden @ second.weight.T + second.bias  # type: ignore[union-attr, operator]
    assert projector(vectors).shape == (4, 3, 12)
    for token in range(3):
        torch.testing.assert_close(projector(vectors)[:, token], expected[:, 12 * token : 12 * (token + 1)])
    assert projector.n_places == 3


@torch.no_grad()
def test_slots_are_each_layers_map_of_codes_of_one_length() -> None:
    projector = new_projector(SLOTS, LLAMA)
    assert isinstance(projector, SlotProjector)
    vectors = torch.randn(4, 5)
    keys, values = projector(vectors)
    assert keys.shape == values.shape == (2, 4, 1, 2, 4), "layers 1 and 2, rows, heads, slots, width of a head"
    assert projector.n_places == 2
    for row in range(4):
        codes = projector.codes(vectors[row]).reshape(2, 8)
        codes = codes / codes.square().mean(dim=1, keepdim=True).sqrt()
        for layer in range(2):
            for slot in range(2):
                key, value = projector.keys[layer] @ codes[slot], projector.values[layer] @ codes[slot]
                torch.testing.assert_close(keys[layer, row, 0, slot], key, rtol=1e-4, atol=1e-5)
                torch.testing.assert_close(values[layer, row, 0, slot], value, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "entries", [TOKENS, {**TOKENS, "n_soft_tokens": 4}, {**TOKENS, "projector_type": "mlp1x_gelu"}, SLOTS]
)
def test_a_projector_is_what_its_own_entries_and_tensors_describe(entries: dict[str, Any]) -> None:
    made = new_projector(entries, LLAMA)
    assert made.config == entries
    again = projector_from_tensors(made.config, tensors_of(made), LLAMA)
    assert type(again) is type(made)
    for name, tensor in again.state_dict().items():
        assert torch.equal(tensor, made.state_dict()[name])


def test_the_sizes_of_a_model_without_shared_heads_are_found() -> None:
    made = new_projector({**SLOTS, "first_slot_layer": 0}, GPT2Config(n_embd=12, n_layer=2, n_head=3))
    assert isinstance(made, SlotProjector)
    assert (made.n_heads, made.head_dim, len(made.keys)) == (3, 4, 2)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"retriever_hidden_size": 5}, "no 'projector_type': this checkpoint is not a bridge"),
        ({"projector_type": "kv"}, "no 'retriever_hidden_size'"),
        ({**TOKENS, "projector_type": "mlp0x_gelu"}, "unknown projector_type 'mlp0x_gelu'"),
        ({**TOKENS, "n_soft_tokens": 0}, "n_soft_tokens is 0: expected a positive integer"),
        ({**TOKENS, "n_soft_tokens": True}, "n_soft_tokens is True"),
        ({name: value for name, value in SLOTS.items() if name != "n_slots"}, "n_slots is None"),
        ({**SLOTS, "slot_code_size": 8.0}, "slot_code_size is 8.0: expected a positive integer"),
        ({**SLOTS, "first_slot_layer": -1}, "first_slot_layer is -1: expected an integer, 0 or more"),
        ({**SLOTS, "first_slot_layer": 3}, "first_slot_layer is 3: the language model has layers 0 to 2"),
    ],
)
def test_entries_that_describe_no_projector_are_refused(entries: dict[str, Any], message: str) -> None:
    with pytest.raises(BridgeError, match=message):
        new_projector(entries, LLAMA)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"projector.values": None}, r"missing \['projector.values'\], extra none"),
        ({"projector.more": torch.zeros(1)}, r"missing none, extra \['projector.more'\]"),
        ({"projector.keys": torch.zeros(3, 4, 8)}, r"projector.keys has shape \(3, 4, 8\): expected \(2, 4, 8\)"),
    ],
)
def test_tensors_that_do_not_fit_are_named(changes: dict[str, Any], message: str) -> None:
    tensors = {**tensors_of(new_projector(SLOTS, LLAMA)), **changes}
    with pytest.raises(BridgeError, match=message):
        projector_from_tensors(SLOTS, {name: one for name, one in tensors.items() if one is not None}, LLAMA)
