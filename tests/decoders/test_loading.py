from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from smotext import load_decoder
from smotext.decoders import bridge as bridge_format
from smotext.decoders.base_weights import base_tensors
from smotext.decoders.bridge import read_spec, read_tensors, weight_files
from smotext.decoders.lora_adapter import read_adapter
from smotext.errors import BridgeError, ModelNotFoundError
from smotext.training.models.pair import load_bridge
from tests.decoders.checkpoints import VECTOR_DIM, decode_slowly, make_checkpoint, read_all, write_shards
from tests.decoders.contract import DecoderContract
from tests.decoders.references import change_base, change_json, make_llama, make_reference_bridge, write_gguf

PROMPT = "Background: <xRAG> means the same as"


@pytest.fixture
def bridge(tmp_path: Path) -> Path:
    return make_reference_bridge(tmp_path / "bridge", base_directory=tmp_path / "base")


@pytest.fixture
def vectors() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(4, VECTOR_DIM)).astype(np.float32)


class TestNamedLanguageModel(DecoderContract):
    @pytest.fixture(scope="class")
    def decoder(self, tmp_path_factory: pytest.TempPathFactory) -> Any:
        return load_decoder(str(make_reference_bridge(tmp_path_factory.mktemp("bridge"))))


def held(bridge: Path, directory: Path) -> Path:
    """Return the same bridge with its language model in it, the adapter merged."""
    spec = read_spec(bridge)
    assert spec.base is not None
    adapter = read_adapter(bridge, spec.base)
    assert adapter is not None
    directory.mkdir()
    for path in bridge.iterdir():
        if not path.name.startswith(("adapter", "projector", "guidance", "smotext")):
            (directory / path.name).write_bytes(path.read_bytes())
    tensors = adapter.merged_into(base_tensors(spec.base, bridge))
    table = tensors["model.embed_tokens.weight"]
    tensors["model.embed_tokens.weight"] = torch.cat([table, torch.zeros(1, table.shape[1])])  # for the placeholder
    change_json(directory / "config.json", vocab_size=len(table) + 1)
    write_shards(directory, tensors | read_tensors(bridge, "projector.") | read_tensors(bridge, "guidance."), 2)
    return directory


def test_a_bridge_that_names_its_language_model_writes_like_one_that_holds_it(
    bridge: Path, tmp_path: Path, vectors: np.ndarray
) -> None:
    found = load_decoder(str(bridge)).decode(vectors, max_new_tokens=12)
    assert found == decode_slowly(held(bridge, tmp_path / "held"), vectors, prompt=PROMPT, max_new_tokens=12)
    assert len(set(found)) > 1


def test_the_placeholder_resizes_nothing(bridge: Path) -> None:
    decoder: Any = load_decoder(str(bridge))
    table = decoder.model.get_input_embeddings().weight
    assert len(decoder.tokenizer) == len(table) + 1


def test_the_adapter_matters(bridge: Path, vectors: np.ndarray) -> None:
    with_adapter = load_decoder(str(bridge)).decode(vectors, max_new_tokens=12)
    for path in bridge.glob("adapter*"):
        path.unlink()
    assert load_decoder(str(bridge)).decode(vectors, max_new_tokens=12) != with_adapter


def test_it_loads_in_bfloat16(bridge: Path) -> None:
    decoder: Any = load_decoder(str(bridge), dtype="bfloat16")
    assert {parameter.dtype for parameter in decoder.model.parameters()} == {torch.bfloat16}


def test_training_goes_on_from_it_with_the_adapter_merged(bridge: Path) -> None:
    decoder: Any = load_decoder(str(bridge))
    pair = load_bridge(bridge)
    assert pair.guidance is not None
    for name, tensor in decoder.model.state_dict().items():
        assert torch.equal(pair.lm.state_dict()[name], tensor), name


def test_the_bases_file_is_no_part_of_the_weights(bridge: Path) -> None:
    names = ["adapter_model.safetensors", "guidance.safetensors", "projector.safetensors"]
    assert [path.name for path in weight_files(bridge)] == names


def test_the_fingerprint_knows_the_base_and_does_not_read_it(
    bridge: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = bridge_format.fingerprint(bridge)
    (tmp_path / "base").rename(tmp_path / "away")
    assert bridge_format.fingerprint(bridge) == before
    change_base(bridge, sha256="0" * 64)
    assert bridge_format.fingerprint(bridge) != before


def test_the_fingerprint_knows_the_adapters_config(bridge: Path) -> None:
    before = bridge_format.fingerprint(bridge)
    change_json(bridge / "adapter_config.json", lora_alpha=7)
    assert bridge_format.fingerprint(bridge) != before


def test_a_base_that_is_nowhere_is_said_before_anything_else(bridge: Path, tmp_path: Path) -> None:
    (tmp_path / "base").rename(tmp_path / "away")
    (bridge / "projector.safetensors").write_bytes(b"damaged")
    with pytest.raises(ModelNotFoundError, match="the language model tiny-llama.Q4_1.gguf is not on this machine"):
        load_decoder(str(bridge))


def exchange_base(bridge: Path, **sizes: int) -> None:
    """Put another language model in the place of the base."""
    path = next((bridge.parent / "base").iterdir())
    path.unlink()
    write_gguf(make_llama(420, **sizes), path)
    change_base(bridge, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def test_a_base_of_another_architecture_is_refused(bridge: Path) -> None:
    exchange_base(bridge, n_layers=3)
    with pytest.raises(BridgeError, match=r"does not fit config.json \(model.layers.2.* besides.* and 4 more"):
        load_decoder(str(bridge))


def test_a_base_that_the_adapter_does_not_fit_is_refused(bridge: Path) -> None:
    exchange_base(bridge, n_layers=1)
    with pytest.raises(BridgeError, match=r"the adapter needs model.layers.1.*another architecture"):
        load_decoder(str(bridge))


def test_a_language_model_is_held_or_named_and_not_both(bridge: Path) -> None:
    save_file({"a": torch.zeros(1)}, bridge / "model.safetensors")
    with pytest.raises(BridgeError, match=r"holds a language model \(model.safetensors\) and names another"):
        load_decoder(str(bridge))


def test_a_bridge_without_a_projector_is_refused(tmp_path: Path) -> None:
    bridge = make_reference_bridge(tmp_path / "bridge", has_adapter=False, guidance=None)
    (bridge / "projector.safetensors").unlink()
    with pytest.raises(BridgeError, match="has no projector.safetensors"):
        load_decoder(str(bridge))


def test_an_adapter_needs_a_base_that_is_named(tmp_path: Path) -> None:
    directory = make_checkpoint(tmp_path / "held")
    (directory / "adapter_config.json").write_text("{}")
    with pytest.raises(BridgeError, match="holds an adapter: smotext.json has to name the language model"):
        load_decoder(str(directory))


def test_pickled_weights_are_never_read(tmp_path: Path) -> None:
    directory = make_checkpoint(tmp_path / "pickled")
    tensors = read_all(directory)
    for path in directory.glob("model*"):
        path.unlink()
    torch.save({k: v for k, v in tensors.items() if "projector" not in k}, directory / "pytorch_model.bin")
    save_file({k: v for k, v in tensors.items() if "projector" in k}, directory / "projector.safetensors")
    with pytest.raises(BridgeError, match="pytorch_model.bin holds pickled weights, which are never read"):
        load_decoder(str(directory))


@pytest.mark.parametrize("quantization", ["4bit", "8bit"])
def test_a_named_language_model_can_be_quantised(bridge: Path, vectors: np.ndarray, quantization: str) -> None:
    pytest.importorskip("bitsandbytes")
    decoder: Any = load_decoder(str(bridge), quantization=quantization, dtype="float32")
    assert decoder.model.is_quantized
    assert len(decoder.decode(vectors, max_new_tokens=4)) == len(vectors)
