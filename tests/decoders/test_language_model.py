from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from smotext import load_decoder
from smotext.decoders.prompt_templates import XRAG_PROMPTS
from smotext.errors import (
    BridgeError,
    InputError,
    MissingExtraError,
    ModelNotFoundError,
    SmotextWarning,
    UnknownNameError,
)
from tests.decoders.checkpoints import (
    CONFIGS,
    HIDDEN,
    VECTOR_DIM,
    decode_slowly,
    make_checkpoint,
    read_all,
    write_shards,
)

TINY_SPEC = {
    "vector_norm": "unit",
    "chat_template": "{content}",
    "prompts": ["<xRAG>", "so <xRAG>"],
    "max_new_tokens": 40,
}


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(5, VECTOR_DIM)).astype(np.float32)


@pytest.fixture(scope="module")
def mistral(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("mistral"))


@pytest.mark.parametrize("kind", CONFIGS)
def test_greedy_text_equals_a_full_forward_pass_per_step(kind: str, tmp_path: Path, vectors: np.ndarray) -> None:
    directory = make_checkpoint(tmp_path / kind, kind)
    found = load_decoder(str(directory)).decode(vectors, prompt=2, max_new_tokens=12)
    assert found == decode_slowly(directory, vectors, prompt=XRAG_PROMPTS[2], max_new_tokens=12)
    assert len(set(found)) > 1, "the vectors should matter"


def test_one_file_decodes_like_two_shards(mistral: Path, tmp_path: Path, vectors: np.ndarray) -> None:
    whole = make_checkpoint(tmp_path / "whole", n_shards=1)
    assert load_decoder(str(whole)).decode(vectors) == load_decoder(str(mistral)).decode(vectors)


def test_sampled_text_is_the_same_at_any_batch_size_and_order(mistral: Path) -> None:
    decoder = load_decoder(str(mistral))
    many = np.random.default_rng(1).normal(size=(200, VECTOR_DIM)).astype(np.float32)
    seeds = np.arange(200) * 7
    limits = np.random.default_rng(2).integers(4, 20, size=200)
    options = {"do_sample": True, "temperature": 0.9, "top_p": 0.9}
    together = decoder.decode(many, seeds=seeds, max_new_tokens=limits, batch_size=64, **options)
    for size in (1, 7):
        assert decoder.decode(many, seeds=seeds, max_new_tokens=limits, batch_size=size, **options) == together
    order = np.random.default_rng(3).permutation(200)
    shuffled = decoder.decode(many[order], seeds=seeds[order], max_new_tokens=limits[order], batch_size=64, **options)
    assert shuffled == [together[place] for place in order]
    assert len(set(together)) > 150


def test_seeds_matter_when_sampling_and_not_when_greedy(mistral: Path, vectors: np.ndarray) -> None:
    decoder = load_decoder(str(mistral))
    sampled = [decoder.decode(vectors, do_sample=True, seeds=[s] * 5, max_new_tokens=16) for s in (1, 2)]
    greedy = [decoder.decode(vectors, seeds=[s] * 5, max_new_tokens=16) for s in (1, 2)]
    assert sampled[0] != sampled[1]
    assert greedy[0] == greedy[1]


def test_default_seeds_are_the_row_numbers(mistral: Path, vectors: np.ndarray) -> None:
    decoder = load_decoder(str(mistral))
    explicit = decoder.decode(vectors, do_sample=True, seeds=range(5), max_new_tokens=10)
    assert decoder.decode(vectors, do_sample=True, max_new_tokens=10) == explicit


def test_each_row_keeps_its_own_token_limit(mistral: Path, vectors: np.ndarray) -> None:
    limits = [1, 5, 3, 9, 2]
    rows = load_decoder(str(mistral)).decode_rows(vectors, max_new_tokens=limits, min_new_tokens=9)
    assert [row.n_tokens for row in rows] == limits
    assert not any(row.is_finished for row in rows)


def test_min_new_tokens_holds_the_end_back(tmp_path: Path, vectors: np.ndarray) -> None:
    directory = make_checkpoint(tmp_path / "ends")
    decoder = load_decoder(str(directory))
    with torch.no_grad():  # a language model that would end at once
        decoder.model.lm_head.weight[2] = 0
        decoder.model.lm_head.weight[[0, *range(3, len(decoder.model.lm_head.weight))]] *= 1e-3
    rows = decoder.decode_rows(vectors, do_sample=True, top_k=5, min_new_tokens=4, max_new_tokens=30)
    assert all(row.n_tokens >= 4 for row in rows)


def test_repetition_penalty_forbids_what_was_written_when_it_is_huge(mistral: Path, vectors: np.ndarray) -> None:
    decoder = load_decoder(str(mistral))
    rows = decoder.decode(vectors, repetition_penalty=1e6, max_new_tokens=20)
    for text in rows:
        ids = decoder.tokenizer(text, add_special_tokens=False)["input_ids"]
        assert len(ids) - len(set(ids)) <= 2, text  # re-tokenizing may join or split at the seams


def test_random_prompts_come_from_the_row_seeds(tmp_path: Path, vectors: np.ndarray) -> None:
    decoder = load_decoder(str(make_checkpoint(tmp_path / "prompts", spec=TINY_SPEC)))
    drawn = decoder.decode(vectors, prompt="random", seeds=range(5), max_new_tokens=8)
    each = [decoder.decode(vectors, prompt=number, max_new_tokens=8) for number in (0, 1)]
    chosen = [0 if text == each[0][row] else 1 for row, text in enumerate(drawn)]
    assert drawn == [each[number][row] for row, number in enumerate(chosen)]
    assert drawn == decoder.decode(vectors, prompt=chosen, max_new_tokens=8)


def test_unit_norm_bridge_ignores_the_length_of_a_vector(tmp_path: Path, vectors: np.ndarray) -> None:
    decoder = load_decoder(str(make_checkpoint(tmp_path / "unit", spec=TINY_SPEC)))
    assert decoder.decode(vectors * 9, max_new_tokens=8) == decoder.decode(vectors, max_new_tokens=8)
    with pytest.raises(InputError, match="vector 0 is all zeros"):
        decoder.decode(np.zeros((1, VECTOR_DIM)))


def test_raw_norm_bridge_minds_the_length_of_a_vector(mistral: Path, vectors: np.ndarray) -> None:
    decoder = load_decoder(str(mistral))
    assert decoder.decode(vectors * 9) != decoder.decode(vectors)


def test_no_vectors_give_no_texts(mistral: Path) -> None:
    assert load_decoder(str(mistral)).decode(np.zeros((0, VECTOR_DIM))) == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((2, VECTOR_DIM + 1)), r"shape \(2, 7\): expected \(n_rows, 6\)"),
        (np.full((1, VECTOR_DIM), np.nan), "vector 0 holds NaN"),
    ],
)
def test_vectors_that_do_not_fit_are_refused(mistral: Path, given: np.ndarray, message: str) -> None:
    decoder = load_decoder(str(mistral))
    with pytest.raises(InputError, match=message):
        decoder.decode(given)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prompt": 99}, "expected 'random' or a number from 0 to 7"),
        ({"max_new_tokens": 0}, "expected at least 1"),
        ({"do_sample": True, "temperature": 0.0}, "temperature is 0.0"),
        ({"top_p": 0.0}, "top_p is 0.0"),
        ({"top_k": -1}, "top_k is -1"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"seeds": [1]}, "one integer per row"),
    ],
)
def test_options_out_of_range_are_refused(mistral: Path, vectors: np.ndarray, options: dict, message: str) -> None:
    decoder = load_decoder(str(mistral))
    with pytest.raises(InputError, match=message):
        decoder.decode(vectors, **options)


def test_clone_deepcopy_and_pickle_never_copy_the_weights(mistral: Path) -> None:
    from sklearn.base import clone

    decoder = load_decoder(str(mistral))
    assert clone(decoder) is decoder
    assert copy.deepcopy(decoder) is decoder
    assert len(pickle.dumps(decoder)) < 2000
    assert pickle.loads(pickle.dumps(decoder)) is decoder


def test_fingerprint_changes_with_the_weights(mistral: Path, tmp_path: Path) -> None:
    other = make_checkpoint(tmp_path / "other")
    same = load_decoder(str(other)).fingerprint
    tensors = read_all(other)
    tensors["projector.projector.0.bias"] += 1
    write_shards(other, tensors, 2)
    assert same == load_decoder(str(mistral)).fingerprint
    assert load_decoder(str(other)).fingerprint != same


def change_tensors(directory: Path, **changes: torch.Tensor | None) -> Path:
    tensors = {name.replace(".", "__"): tensor for name, tensor in read_all(directory).items()} | changes
    for path in directory.glob("model*"):
        path.unlink()
    kept = {name.replace("__", "."): tensor for name, tensor in tensors.items() if tensor is not None}
    save_file(kept, directory / "model.safetensors", metadata={"format": "pt"})
    return directory


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"projector__projector__2__bias": None}, r"missing \['projector.projector.2.bias'\]"),
        ({"projector__projector__4__bias": torch.zeros(1)}, r"extra \['projector.projector.4.bias'\]"),
        ({"projector__projector__0__bias": torch.zeros(3)}, r"has shape \(3,\): expected \(64,\)"),
        ({"model__norm__weight": None}, "missing: model.norm.weight"),
        ({"model__surprise__weight": torch.zeros(1)}, "unexpected: model.surprise.weight"),
        ({"model__norm__weight": torch.zeros(3)}, "of another shape: model.norm.weight"),
    ],
)
def test_missing_and_extra_tensors_are_named(tmp_path: Path, changes: dict, message: str) -> None:
    directory = change_tensors(make_checkpoint(tmp_path / "bad"), **changes)
    with pytest.raises(BridgeError, match=message):
        load_decoder(str(directory))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"projector_type": "linear"}, "unknown projector_type 'linear': expected 'mlp2x_gelu'"),
        ({"retriever_hidden_size": VECTOR_DIM + 1}, rf"has shape \({HIDDEN}, {VECTOR_DIM}\)"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(tmp_path: Path, config: dict, message: str) -> None:
    directory = make_checkpoint(tmp_path / "bad", config=config)
    with pytest.raises(BridgeError, match=message):
        load_decoder(str(directory))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", "{", "config.json cannot be read"),
        ("config.json", "[]", "config.json holds a list"),
        ("config.json", {"model_type": "novel"}, "the tokenizer|the language model"),
        ("config.json", {"retriever_hidden_size": "24"}, "retriever_hidden_size is '24': expected a positive integer"),
        ("smotext.json", "[1]", "smotext.json holds a list"),
        ("smotext.json", '{"max_new_tokens": "many"}', "max_new_tokens is 'many': expected an integer"),
        ("smotext.json", '{"max_new_tokens": -5}', "max_new_tokens is -5: expected 1 or more"),
        ("tokenizer.json", "", "the tokenizer of .* cannot be read"),
        ("model-00001-of-00002.safetensors", "short", "of .* cannot be read"),
    ],
)
def test_a_damaged_file_is_an_error_that_names_it(tmp_path: Path, name: str, content: Any, message: str) -> None:
    directory = make_checkpoint(tmp_path / "bad")
    if isinstance(content, dict):
        content = json.dumps(json.loads((directory / name).read_text()) | content)
    (directory / name).write_text(content)
    with pytest.raises(BridgeError, match=message):
        load_decoder(str(directory))


def test_a_bridge_that_was_replaced_is_read_again(tmp_path: Path, vectors: np.ndarray) -> None:
    directory = make_checkpoint(tmp_path / "bridge")
    first = load_decoder(str(directory)).decode(vectors, max_new_tokens=8)
    tensors = read_all(directory)
    tensors["projector.projector.2.bias"] += 1
    write_shards(directory, tensors, 2)
    second = load_decoder(str(directory)).decode(vectors, max_new_tokens=8)
    assert second != first
    assert second == decode_slowly(directory, vectors, prompt=XRAG_PROMPTS[0], max_new_tokens=8)


def test_more_tokens_than_positions_are_refused_beforehand(tmp_path: Path, vectors: np.ndarray) -> None:
    decoder = load_decoder(str(make_checkpoint(tmp_path / "short", config={"max_position_embeddings": 200})))
    most = decoder.most_new_tokens
    assert len(decoder.decode(vectors[:1], max_new_tokens=most)) == 1
    with pytest.raises(InputError, match=f"max_new_tokens is {most + 1}: the language model has room for {most}"):
        decoder.decode(vectors, max_new_tokens=[1, 1, 1, 1, most + 1])


def test_no_vectors_take_empty_options(mistral: Path) -> None:
    decoder = load_decoder(str(mistral))
    nothing = np.zeros((0, decoder.vector_dim), dtype=np.float32)
    assert decoder.decode(nothing, seeds=[], prompt=[], max_new_tokens=[]) == []


@pytest.mark.parametrize("given", [[[1.0], [1.0, 2.0]], "text", [["a"]], torch.ones(2, 2, requires_grad=True)])
def test_vectors_that_are_no_array_are_refused(mistral: Path, given: Any) -> None:
    decoder = load_decoder(str(mistral))
    with pytest.raises(InputError, match="expected"):
        decoder.decode(given)


def test_a_lone_surrogate_is_counted_as_a_character(mistral: Path) -> None:
    decoder = load_decoder(str(mistral))
    assert decoder.count_tokens(["a \ud800 b"]).tolist() == decoder.count_tokens(["a ? b"]).tolist()


@pytest.mark.parametrize("temperature", [1e-6, 1e-30, 1e-300])
def test_the_coldest_sampling_is_greedy(mistral: Path, vectors: np.ndarray, temperature: float) -> None:
    decoder = load_decoder(str(mistral))
    expected = decoder.decode(vectors, max_new_tokens=6)
    assert decoder.decode(vectors, do_sample=True, temperature=temperature, max_new_tokens=6) == expected


def test_a_tokenizer_without_placeholder_is_refused(tmp_path: Path) -> None:
    directory = make_checkpoint(tmp_path / "bad")
    tokenizer = json.loads((directory / "tokenizer.json").read_text())
    tokenizer["added_tokens"] = [token for token in tokenizer["added_tokens"] if token["content"] != "<xRAG>"]
    (directory / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(BridgeError, match="no placeholder token <xRAG>"):
        load_decoder(str(directory))


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    directory = make_checkpoint(tmp_path / "bad")
    (directory / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(BridgeError, match="lacks the shards .*00002-of-00002"):
        load_decoder(str(directory))


def test_an_unknown_entry_in_the_spec_is_refused(tmp_path: Path) -> None:
    directory = make_checkpoint(tmp_path / "bad", spec={"vector_nrom": "unit"})
    with pytest.raises(BridgeError, match="unknown entries .*vector_nrom"):
        load_decoder(str(directory))


def test_a_model_that_is_nowhere_says_how_to_get_it() -> None:
    with pytest.raises(ModelNotFoundError, match="hf download acme/bridge"):
        load_decoder("acme/bridge")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"dtype": "float23"}, UnknownNameError, "did you mean 'float32'"),
        ({"quantization": "3bit"}, UnknownNameError, "expected one of 4bit, 8bit"),
    ],
)
def test_unknown_names_suggest_the_nearest(mistral: Path, options: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        load_decoder(str(mistral), **options)


@pytest.mark.parametrize("quantization", ["4bit", "8bit"])
def test_quantized_decoding_runs_or_names_the_extra(mistral: Path, vectors: np.ndarray, quantization: str) -> None:
    try:
        decoder = load_decoder(str(mistral), quantization=quantization)
    except MissingExtraError as error:
        assert "pip install 'smotext[" in str(error)  # noqa: PT017 (both ways are fine)
        return
    assert len(decoder.decode(vectors, max_new_tokens=5)) == 5


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_decodes_on_a_cpu(mistral: Path, vectors: np.ndarray, dtype: str) -> None:
    decoder = load_decoder(str(mistral), dtype=dtype)
    assert decoder.model.dtype == getattr(torch, dtype)
    assert len(decoder.decode(vectors, do_sample=True, max_new_tokens=6)) == 5


def test_running_out_of_memory_halves_the_batch_and_loses_nothing(
    mistral: Path, vectors: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder = load_decoder(str(mistral))
    expected = decoder.decode(vectors, max_new_tokens=6)
    sizes: list[int] = []
    write = type(decoder)._write

    def write_or_fail(self: object, part: np.ndarray, *rest: object) -> list:
        sizes.append(len(part))
        if len(part) > 3:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return write(self, part, *rest)

    monkeypatch.setattr(type(decoder), "_write", write_or_fail)
    with pytest.warns(SmotextWarning, match="going on with 2 rows at a time"):
        found = decoder.decode(vectors, max_new_tokens=6, batch_size=5)
    assert found == expected
    assert sizes == [5, 2, 3]


def test_a_device_map_decodes_like_one_device(mistral: Path, vectors: np.ndarray) -> None:
    pytest.importorskip("accelerate")
    spread = load_decoder(str(mistral), device="auto", dtype="float32")
    assert spread.decode(vectors, max_new_tokens=8) == load_decoder(str(mistral)).decode(vectors, max_new_tokens=8)
