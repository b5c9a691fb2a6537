from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from smotext import load_decoder
from smotext.decoders.language_model import LanguageModelDecoder
from smotext.decoders.projector import Projector
from smotext.decoders.prompt_context import Context, place_vectors, read_prompts
from smotext.errors import BridgeError
from tests.decoders.checkpoints import KV, VECTOR_DIM, make_list_checkpoint, make_model
from tests.decoders.slow import full_logits, llama_logits, rotated

# Shared beginnings, different lengths, a part that is no other's, one prompt without any part, and one twice.
PROMPTS: list[tuple[tuple[int, ...], ...]] = [
    ((5, 6, 7), (8, 9), (10,)),
    ((5, 6, 7), (8, 9), (11, 12, 13, 14)),
    ((5, 6, 7), (20, 21, 22)),
    ((30,),),
    (),
]
ROWS = [4, 0, 2, 1, 0, 3]
AFTER = [40, 41]


@pytest.fixture(scope="module", params=["llama", "mistral", "qwen3", "gpt2"])
def model(request: pytest.FixtureRequest) -> Any:
    torch.manual_seed(0)
    return make_model(request.param, 60, 2).eval()


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> LanguageModelDecoder:
    return load_decoder(str(make_list_checkpoint(tmp_path_factory.mktemp("kv"), projector=KV)))


@pytest.fixture
def vectors() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).normal(size=(len(ROWS), VECTOR_DIM)).astype(np.float32))


def next_logits(model: Any, context: Context, inputs: torch.Tensor) -> torch.Tensor:
    """Return the logits at each input, shape (n_rows, n_inputs, vocabulary)."""
    with torch.no_grad():
        return model(inputs_embeds=inputs, **context.inputs(inputs.shape[1], model.dtype)).logits


@pytest.mark.parametrize("capacity", [None, 8])
@torch.no_grad()
def test_prompts_read_in_parts_are_prompts_read_alone(model: Any, capacity: int | None) -> None:
    context = read_prompts(model, PROMPTS, torch.tensor(ROWS), capacity=capacity)
    assert context.positions.tolist() == [sum(map(len, PROMPTS[number])) for number in ROWS]
    tail = model.get_input_embeddings()(torch.tensor(AFTER)).expand(len(ROWS), -1, -1)
    found = next_logits(model, context, tail)
    nothing = torch.zeros(0, model.config.hidden_size)
    for row, number in enumerate(ROWS):
        ids = [token for part in PROMPTS[number] for token in part]
        expected = full_logits(model, ids, nothing, AFTER)
        torch.testing.assert_close(found[row], expected, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_what_prompts_begin_with_is_read_once(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    body, read = model.get_decoder(), []
    forward = body.forward

    def counting(*args: Any, input_ids: torch.Tensor, **options: Any) -> Any:
        read.append(tuple(input_ids.shape))
        return forward(*args, input_ids=input_ids, **options)

    monkeypatch.setattr(body, "forward", counting)
    read_prompts(model, PROMPTS, torch.tensor(ROWS), capacity=8)
    # By part: 3 different beginnings, 4 with a second part or none, 5 at the end; as long as the longest new part.
    assert read == [(3, 3), (4, 3), (5, 4)]


@torch.no_grad()
def test_soft_tokens_stand_between_the_prompt_and_what_comes_after(model: Any, vectors: torch.Tensor) -> None:
    torch.manual_seed(1)
    projector = Projector("mlp2x_gelu", VECTOR_DIM, model.config.hidden_size, n_tokens=3)
    context = read_prompts(model, PROMPTS, torch.tensor(ROWS), capacity=8)
    found = next_logits(model, context, place_vectors(model, projector, vectors, context, AFTER))[:, -len(AFTER) :]
    for row, number in enumerate(ROWS):
        ids = [token for part in PROMPTS[number] for token in part]
        expected = full_logits(model, ids, projector(vectors[row : row + 1])[0], AFTER)
        torch.testing.assert_close(found[row], expected, rtol=1e-4, atol=1e-4)


def slots_of(bridge: LanguageModelDecoder, vector: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    with torch.no_grad():
        keys, values = bridge.projector(vector[None])
    return keys[:, 0], values[:, 0]


def read_with_slots(
    bridge: LanguageModelDecoder,
    prompts: Sequence[Any],
    rows: list[int],
    vectors: torch.Tensor,
    capacity: int | None = 12,
) -> tuple[Context, torch.Tensor]:
    """Return the context once slots are in it, and the logits at each token after them."""
    with torch.no_grad():
        context = read_prompts(bridge.model, prompts, torch.tensor(rows), capacity=capacity)
        inputs = place_vectors(bridge.model, bridge.projector, vectors, context, AFTER)
    return context, next_logits(bridge.model, context, inputs)


@pytest.mark.parametrize("capacity", [None, 8])
def test_slots_are_keys_and_values_between_the_tokens_of_the_upper_layers(
    bridge: LanguageModelDecoder, vectors: torch.Tensor, capacity: int | None
) -> None:
    context, found = read_with_slots(bridge, PROMPTS, ROWS, vectors, capacity)
    assert context.positions.tolist() == [sum(map(len, PROMPTS[number])) + KV["n_slots"] for number in ROWS]
    for row, number in enumerate(ROWS):
        ids = [token for part in PROMPTS[number] for token in part]
        expected = llama_logits(bridge.model, ids, slots_of(bridge, vectors[row]), AFTER, first_layer=1)
        torch.testing.assert_close(found[row], expected, rtol=1e-4, atol=1e-4)


def test_what_is_written_after_slots_sees_them_too(bridge: LanguageModelDecoder, vectors: torch.Tensor) -> None:
    context, _ = read_with_slots(bridge, PROMPTS, ROWS, vectors)
    context.advance(torch.ones((len(ROWS), len(AFTER)), dtype=torch.bool))
    context.keep_rows(torch.tensor([3, 1]))
    more = [44, 45, 46]
    with torch.no_grad():
        inputs = bridge.model.get_input_embeddings()(torch.tensor(more)).expand(2, -1, -1)
    found = next_logits(bridge.model, context, inputs)
    for place, row in enumerate([3, 1]):
        ids = [token for part in PROMPTS[ROWS[row]] for token in part]
        expected = llama_logits(bridge.model, ids, slots_of(bridge, vectors[row]), [*AFTER, *more], first_layer=1)
        torch.testing.assert_close(found[place], expected[-len(more) :], rtol=1e-4, atol=1e-4)


def test_layers_below_the_first_one_with_slots_see_none(bridge: LanguageModelDecoder, vectors: torch.Tensor) -> None:
    states: list[torch.Tensor] = []
    hooks = [
        layer.register_forward_hook(lambda layer, args, output: states.append(output.detach()))
        for layer in bridge.model.get_decoder().layers
    ]
    context, _ = read_with_slots(bridge, PROMPTS, ROWS, vectors)
    after_first = states[-3:]
    states.clear()
    read_with_slots(bridge, PROMPTS, ROWS, -vectors)
    for hook in hooks:
        hook.remove()
    lowest, *upper = zip(after_first, states[-3:], strict=True)
    assert torch.equal(*lowest), "what the vector says is not in the lowest layer"
    assert all(not torch.allclose(*pair, atol=1e-2) for pair in upper)
    lengths = [layer.get_seq_length() for layer in context.cache.layers]
    assert [length - lengths[0] for length in lengths] == [0, KV["n_slots"], KV["n_slots"]]


def test_a_slots_key_is_rotated_to_its_position(bridge: LanguageModelDecoder, vectors: torch.Tensor) -> None:
    context, _ = read_with_slots(bridge, PROMPTS, ROWS, vectors)
    assert context.slots is not None
    for row, number in enumerate(ROWS):
        n_before = sum(map(len, PROMPTS[number]))
        keys, values = slots_of(bridge, vectors[row])
        for layer in (1, 2):
            held = context.cache.layers[layer]
            for head in range(keys.shape[1]):
                expected = rotated(keys[layer - 1, head], n_before + torch.arange(KV["n_slots"]), bridge.model.config)
                torch.testing.assert_close(held.keys[row, head, context.slots], expected, rtol=1e-4, atol=1e-5)
                torch.testing.assert_close(held.values[row, head, context.slots], values[layer - 1, head])


def test_slots_in_every_layer_need_no_other_mask(tmp_path: Path, vectors: torch.Tensor) -> None:
    everywhere = load_decoder(str(make_list_checkpoint(tmp_path, projector={**KV, "first_slot_layer": 0})))
    _, found = read_with_slots(everywhere, PROMPTS, ROWS, vectors)
    for row, number in enumerate(ROWS):
        ids = [token for part in PROMPTS[number] for token in part]
        expected = llama_logits(everywhere.model, ids, slots_of(everywhere, vectors[row]), AFTER)
        torch.testing.assert_close(found[row], expected, rtol=1e-4, atol=1e-4)


def test_a_prompt_that_ends_where_slots_are_is_refused(bridge: LanguageModelDecoder, vectors: torch.Tensor) -> None:
    context = read_prompts(bridge.model, PROMPTS, torch.tensor(ROWS), capacity=8)
    with pytest.raises(BridgeError, match="slots need a token after them"):
        place_vectors(bridge.model, bridge.projector, vectors, context, [])


def test_slots_for_a_model_without_rotary_positions_are_refused(tmp_path: Path) -> None:
    directory = make_list_checkpoint(tmp_path, "gpt2", projector=KV, n_layers=2)
    with pytest.raises(BridgeError, match="cannot have key/value slots.*projector_type='mlp2x_gelu'"):
        load_decoder(str(directory))
