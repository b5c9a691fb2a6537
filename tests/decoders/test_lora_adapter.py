from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from smotext.decoders.bridge import read_spec
from smotext.decoders.lora_adapter import Adapter, read_adapter
from smotext.errors import BridgeError
from tests.decoders.references import (
    ALPHA,
    RANK,
    change_base,
    change_json,
    make_llama,
    make_reference_bridge,
    write_adapter,
)

PLAIN_VOCABULARY = 420


@pytest.fixture
def bridge(tmp_path: Path) -> Path:
    return make_reference_bridge(tmp_path / "bridge")


def read(bridge: Path) -> Adapter:
    base = read_spec(bridge).base
    assert base is not None
    found = read_adapter(bridge, base)
    assert found is not None
    return found


def change_adapter(bridge: Path, changes: dict[str, torch.Tensor | None], **metadata: str) -> None:
    path = bridge / "adapter_model.safetensors"
    tensors = {name: tensor for name, tensor in (load_file(path) | changes).items() if tensor is not None}
    save_file(tensors, path, metadata={"format": "pt"} | metadata)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"use_rslora": True},
        {"layers_to_transform": [1]},
        {"layers_to_transform": 1, "layers_pattern": "layers"},
        {"target_modules": r".*\.layers\.\d+\.(self_attn\.[qv]_proj|mlp\.down_proj)"},
    ],
    ids=["plain", "rslora", "one layer", "layer as a number", "pattern"],
)
def test_merging_equals_pefts_merge_and_unload(bridge: Path, changes: dict[str, Any]) -> None:
    peft = pytest.importorskip("peft")
    model = make_llama(PLAIN_VOCABULARY)
    layers = changes.get("layers_to_transform")
    write_adapter(bridge, model, layers_to_transform=[layers] if isinstance(layers, int) else layers)
    change_json(bridge / "adapter_config.json", **changes)
    plain = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    merged = read(bridge).merged_into(plain)
    expected = peft.PeftModel.from_pretrained(make_llama(PLAIN_VOCABULARY), bridge).merge_and_unload().state_dict()
    assert merged.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(merged[name], tensor, atol=1e-6, rtol=1e-6)
    assert any(not torch.equal(merged[name], plain[name]) for name in plain)


def test_an_adapter_that_peft_saves_is_read(bridge: Path) -> None:
    peft = pytest.importorskip("peft")
    model = make_llama(PLAIN_VOCABULARY)
    config = peft.LoraConfig(r=2, lora_alpha=5, target_modules=["k_proj", "o_proj"], task_type="CAUSAL_LM")
    wrapped = peft.get_peft_model(model, config)
    torch.nn.init.normal_(wrapped.base_model.model.model.layers[0].self_attn.k_proj.lora_B["default"].weight)
    wrapped.save_pretrained(bridge)
    change_json(bridge / "adapter_config.json", base_model_name_or_path=read_spec(bridge).base.repo_id)
    merged = read(bridge).merged_into(make_llama(PLAIN_VOCABULARY).state_dict())
    expected = wrapped.merge_and_unload().state_dict()
    for name, tensor in expected.items():
        torch.testing.assert_close(merged[name], tensor, atol=1e-6, rtol=1e-6)


def test_the_bases_own_tensors_are_not_changed(bridge: Path) -> None:
    base = make_llama(PLAIN_VOCABULARY).state_dict()
    before = {name: tensor.clone() for name, tensor in base.items()}
    merged = read(bridge).merged_into(base)
    assert all(torch.equal(base[name], before[name]) for name in before)
    assert merged["model.norm.weight"] is base["model.norm.weight"]


def test_merging_goes_by_float32(bridge: Path) -> None:
    base = {name: tensor.bfloat16() for name, tensor in make_llama(PLAIN_VOCABULARY).state_dict().items()}
    name = "model.layers.0.self_attn.q_proj"
    tensors = load_file(bridge / "adapter_model.safetensors")
    down, up = (tensors[f"base_model.model.{name}.lora_{side}.weight"] for side in "AB")
    expected = base[f"{name}.weight"].float() + ALPHA / RANK * (up @ down)
    torch.testing.assert_close(read(bridge).merged_into(base)[f"{name}.weight"], expected)


def test_a_bridge_without_an_adapter_has_none(tmp_path: Path) -> None:
    bridge = make_reference_bridge(tmp_path / "bridge", has_adapter=False)
    base = read_spec(bridge).base
    assert base is not None
    assert read_adapter(bridge, base) is None


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("use_dora", True),
        ("modules_to_save", ["lm_head"]),
        ("rank_pattern", {"q_proj": 8}),
        ("alpha_pattern", {"q_proj": 8}),
        ("fan_in_fan_out", True),
        ("bias", "all"),
        ("lora_bias", True),
        ("peft_type", "IA3"),
        ("init_lora_weights", "pissa"),
        ("layer_replication", [[0, 1]]),
        ("exclude_modules", ["q_proj"]),
        ("layers_pattern", "blocks"),
        ("trainable_token_indices", [3]),
        ("of_the_year_3000", {"a": 1}),
    ],
)
def test_what_is_more_than_plain_lora_is_refused_by_name(bridge: Path, entry: str, value: Any) -> None:
    change_json(bridge / "adapter_config.json", **{entry: value})
    with pytest.raises(BridgeError, match=rf"adapter_config.json: {entry} is .*: plain LoRA alone is merged here"):
        read(bridge)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"r": 0}, "r is 0: expected a positive integer"),
        ({"r": RANK + 1}, r"which does not fit r = 5"),
        ({"lora_alpha": "6"}, "lora_alpha is '6': expected a number"),
        ({"target_modules": ["q_proj"]}, "do not name model.layers.0.*, which is adapted"),
        ({"target_modules": ["q_proj", "v_proj", "down_proj", "o_proj"]}, r"names \['o_proj'\], of which the adapter"),
        ({"layers_to_transform": [0]}, "do not name model.layers.1.*, which is adapted"),
        ({"layers_to_transform": [0, 1, 2]}, r"names \[2\], of which the adapter has no matrices"),
        ({"base_model_name_or_path": "acme/other"}, "'acme/other' and the bridge's base is .*another language model"),
        ({"base_model_name_or_path": None}, "the adapter was made for another language model"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(bridge: Path, changes: dict[str, Any], message: str) -> None:
    change_json(bridge / "adapter_config.json", **changes)
    with pytest.raises(BridgeError, match=message):
        read(bridge)


def test_an_adapter_of_another_revision_is_refused(bridge: Path) -> None:
    change_base(bridge, revision="1" * 40)
    change_json(bridge / "adapter_config.json", revision="2" * 40)
    with pytest.raises(BridgeError, match="revision is '2222.*another language model"):
        read(bridge)


def test_an_adapter_made_for_another_file_is_refused(bridge: Path) -> None:
    change_adapter(bridge, {}, base_sha256="0" * 64)
    with pytest.raises(BridgeError, match="base_sha256 of the tensors' file is '0000.*another language model"):
        read(bridge)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector", "no matrix of plain LoRA"),
        ("base_model.model.model.embed_tokens.lora_embedding_A", "no matrix of plain LoRA"),
        ("base_model.model.lm_head.weight", "no matrix of plain LoRA"),
        ("base_model.model.model.layers.0.self_attn.o_proj.lora_A.weight", "one matrix of two .*o_proj"),
    ],
)
def test_tensors_of_another_kind_are_refused(bridge: Path, name: str, message: str) -> None:
    change_adapter(bridge, {name: torch.zeros(RANK, 64)})
    with pytest.raises(BridgeError, match=message):
        read(bridge)


def test_an_adapter_lacks_neither_of_its_files(bridge: Path) -> None:
    (bridge / "adapter_model.safetensors").unlink()
    with pytest.raises(BridgeError, match="has one of adapter_config.json and adapter_model.safetensors"):
        read(bridge)


def test_an_adapter_config_that_is_no_object_is_refused(bridge: Path) -> None:
    (bridge / "adapter_config.json").write_text(json.dumps([1]))
    with pytest.raises(BridgeError, match="holds a list"):
        read(bridge)


def test_a_base_of_another_architecture_is_refused(bridge: Path) -> None:
    adapter = read(bridge)
    shallow = make_llama(PLAIN_VOCABULARY, n_layers=1).state_dict()
    with pytest.raises(BridgeError, match=r"needs model.layers.1.*, which is missing .* another architecture"):
        adapter.merged_into(shallow)
    narrow = {name: tensor[:, :32] if tensor.ndim == 2 else tensor for name, tensor in shallow.items()}
    with pytest.raises(BridgeError, match=r"of shape \(64, 128\), which has shape \(64, 32\)"):
        adapter.merged_into(narrow)
