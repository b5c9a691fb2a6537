from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from smotext import EchoDecoder, HashEncoder, load_decoder, load_encoder, presets
from smotext.decoders import checkpoint_check
from smotext.errors import InputError, ModelNotFoundError, UnknownNameError
from smotext.presets import load_pair
from tests.decoders.checkpoints import VECTOR_DIM, make_checkpoint


def test_a_path_comes_before_a_preset_of_the_same_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_checkpoint(tmp_path / "tiny")
    monkeypatch.chdir(tmp_path)
    assert load_decoder("tiny").vector_dim == VECTOR_DIM


def test_the_bundled_pair_fits_together_and_writes() -> None:
    encoder, decoder = load_encoder("tiny"), load_decoder("tiny")
    assert encoder.vector_dim == decoder.vector_dim == 384
    vectors = encoder.encode(["The parcel came late.", "She plays the violin in an orchestra."])
    assert vectors.dtype == np.float32
    texts = decoder.decode(vectors, max_new_tokens=16)
    assert len({text.strip() for text in texts} - {""}) == 2


def test_the_bundled_bridge_was_trained_on_the_packaged_encoder() -> None:
    from smotext.decoders.bridge import read_spec
    from smotext.encoders.minilm import WEIGHTS_SHA256

    assert read_spec(presets.bundled_bridge()).encoder_sha256 == WEIGHTS_SHA256


@pytest.mark.parametrize("device", [None, "cpu", "auto"])
def test_a_pair_on_a_cpu_works_in_float32_whatever_is_fast(monkeypatch: pytest.MonkeyPatch, device: str | None) -> None:
    if device == "auto":
        pytest.importorskip("accelerate")
    monkeypatch.setattr("smotext.encoders.precision.bf16_is_fast", lambda: True)
    encoder, decoder = load_pair("tiny", device=device)
    assert encoder.dtype == decoder.model.dtype == torch.float32
    assert load_encoder("tiny", device="cpu").dtype == torch.bfloat16


def test_a_bridge_that_names_no_encoder_asks_for_one(tmp_path: Path) -> None:
    bridge = str(make_checkpoint(tmp_path / "bridge"))
    with pytest.raises(InputError, match="does not say which encoder it was trained with: pass encoder="):
        presets.load_pair(bridge)
    encoder, decoder = presets.load_pair(bridge, encoder=HashEncoder(vector_dim=VECTOR_DIM))
    assert encoder.vector_dim == decoder.vector_dim


def test_a_bridge_whose_encoder_is_gone_says_that_it_is_the_bridges(tmp_path: Path) -> None:
    bridge = make_checkpoint(tmp_path / "bridge", spec={"encoder": "./my-encoder", "vector_norm": "unit"})
    message = f"the encoder that bridge '{bridge}' names was not found: there is no directory './my-encoder'"
    with pytest.raises(ModelNotFoundError, match=re.escape(message)):
        load_encoder(str(bridge))


def test_a_bridge_that_names_its_encoder_brings_it(tmp_path: Path) -> None:
    bridge = make_checkpoint(tmp_path / "bridge", spec={"encoder": presets.MINILM, "vector_norm": "unit"})
    assert load_encoder(str(bridge)).vector_dim == 384
    with pytest.raises(InputError, match="384 dimensions and the decoder takes 6"):
        presets.load_pair(str(bridge))


def test_beside_a_decoder_that_knows_no_encoder_a_bridge_asks_for_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="pass encoder="):
        presets.load_pair(str(tmp_path), decoder=EchoDecoder())


@pytest.mark.parametrize("load", [load_encoder, load_decoder])
@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("tinny", UnknownNameError, "unknown preset 'tinny'.* did you mean 'tiny'"),
        ("./nowhere", ModelNotFoundError, "nowhere"),
        ("acme/nothing", ModelNotFoundError, "hf download acme/nothing"),
    ],
)
def test_names_that_lead_nowhere_say_what_to_do(load, name: str, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        load(name)


def test_the_paper_pair_takes_the_last_token_raw_and_cut_at_180() -> None:
    preset = presets.PRESETS["xrag-7b"]
    assert preset.encoder_options["pooling"] == "lasttoken"
    assert preset.encoder_options["normalize"] is False
    assert preset.encoder_options["max_tokens"] == 180
    assert preset.encoder_options["require_eos"] is True


@pytest.fixture
def small_facts() -> dict:
    """Facts of the random Mistral checkpoint, in the form of the shipped files."""
    layer = {
        "model.layers.{layer}.self_attn.q_proj.weight": [64, 64],
        "model.layers.{layer}.self_attn.k_proj.weight": [32, 64],
        "model.layers.{layer}.self_attn.v_proj.weight": [32, 64],
        "model.layers.{layer}.self_attn.o_proj.weight": [64, 64],
        "model.layers.{layer}.mlp.gate_proj.weight": [128, 64],
        "model.layers.{layer}.mlp.up_proj.weight": [128, 64],
        "model.layers.{layer}.mlp.down_proj.weight": [64, 128],
        "model.layers.{layer}.input_layernorm.weight": [64],
        "model.layers.{layer}.post_attention_layernorm.weight": [64],
    }
    whole = {
        "model.embed_tokens.weight": ["vocab_size", 64],
        "lm_head.weight": ["vocab_size", 64],
        "model.norm.weight": [64],
        "projector.projector.0.weight": [64, VECTOR_DIM],
        "projector.projector.0.bias": [64],
        "projector.projector.2.weight": [64, 64],
        "projector.projector.2.bias": [64],
    }
    return {
        "config": {"model_type": "mistral", "architectures": ["XMistralForCausalLM"], "num_hidden_layers": 2},
        "tensors": layer | whole,
        "n_layers": 2,
        "n_experts": 0,
        "tokenizer": {"special_tokens": {"<s>": 1, "</s>": 2}, "placeholder": "<xRAG>"},
    }


def test_a_checkpoint_in_the_right_format_passes_every_check(tmp_path: Path, small_facts: dict) -> None:
    findings = checkpoint_check.check_checkpoint(make_checkpoint(tmp_path / "bridge"), small_facts)
    assert [finding for finding in findings if not finding.is_ok] == []
    assert len(findings) == 9


def test_a_checkpoint_of_another_kind_fails_where_it_differs(tmp_path: Path, small_facts: dict) -> None:
    findings = checkpoint_check.check_checkpoint(make_checkpoint(tmp_path / "bridge", "mixtral"), small_facts)
    wrong = {finding.what for finding in findings if not finding.is_ok}
    assert wrong == {"config model_type", "config architectures", "tensors missing", "tensors not expected"}


@pytest.mark.parametrize(("name", "n_tensors"), [("xrag-7b", 295), ("xrag-moe", 999)])
def test_shipped_facts_describe_every_tensor(name: str, n_tensors: int) -> None:
    """Mistral: 32 layers of 9 tensors, 3 more, 4 of the projector. Mixtral: 6 + 1 + 8 x 3 a layer, and the same 7."""
    import json

    shipped = json.loads((presets.bundled_bridge().parent / f"{name}.json").read_text(encoding="utf-8"))
    assert len(checkpoint_check.expected_tensors(shipped["decoder"], 32001)) == n_tensors
    assert len(checkpoint_check.expected_tensors(shipped["encoder"], 32000)) == 32 * 9 + 2
