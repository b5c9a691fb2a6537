"""Tiny bridges that name their language model: a random two-layer Llama in GGUF, an adapter, projector and head."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

from tests.decoders.checkpoints import HIDDEN, VECTOR_DIM, make_tokenizer

REPO = "acme/tiny-llama-GGUF"
FILE = "tiny-llama.Q4_1.gguf"
TARGETS = ("q_proj", "v_proj", "down_proj")
RANK, ALPHA = 4, 6
_NAMES = {  # of a Llama's layer, in GGUF
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}  # fmt: skip


def make_llama(vocab_size: int, *, seed: int = 0, n_layers: int = 2) -> LlamaForCausalLM:
    """Return a random Llama with tied embeddings and grouped heads, as SmolLM2 has them."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocab_size, hidden_size=HIDDEN, intermediate_size=128, num_hidden_layers=n_layers,
        num_attention_heads=4, num_key_value_heads=2, tie_word_embeddings=True, initializer_range=0.4,
        max_position_embeddings=256, rms_norm_eps=1e-5, bos_token_id=1, eos_token_id=2, pad_token_id=2,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


def write_gguf(model: LlamaForCausalLM, path: Path, *, is_quantized: bool = True) -> Path:
    """Write a Llama with tied embeddings as a GGUF file, its matrices in Q4_1 or as they are."""
    config = model.config
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_vocab_size(config.vocab_size)
    writer.add_bos_token_id(config.bos_token_id)
    writer.add_eos_token_id(config.eos_token_id)
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight":
            continue
        values = tensor.numpy().astype(np.float32)
        if name.endswith(("q_proj.weight", "k_proj.weight")):
            n_heads = config.num_attention_heads if "q_proj" in name else config.num_key_value_heads
            values = _permuted(values, n_heads)
        if is_quantized and values.ndim == 2:
            packed = gguf.quants.quantize(values, gguf.GGMLQuantizationType.Q4_1)
            writer.add_tensor(_gguf_name(name), packed, raw_dtype=gguf.GGMLQuantizationType.Q4_1)
        else:
            writer.add_tensor(_gguf_name(name), values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def make_reference_bridge(
    directory: Path,
    *,
    spec: dict[str, Any] | None = None,
    has_adapter: bool = True,
    guidance: str | None = "free",
    is_quantized: bool = True,
    base_directory: Path | None = None,
) -> Path:
    """Write a bridge directory that names its language model, and the GGUF file beside it.

    Parameters
    ----------
    directory : Path
        The bridge; its reference names `base_directory`, where the file is.
    spec : dict, optional
        Entries of smotext.json besides ``base``.
    has_adapter : bool
        Whether there is a LoRA adapter on some layers.
    guidance : {"free", "tied", None}
        Form of the head: (vocabulary, vector_dim), or (hidden_size, vector_dim) for the embeddings to be put before.
    is_quantized : bool
        Whether the file's matrices are Q4_1.
    base_directory : Path, optional
        None: `directory` itself.
    """
    directory.mkdir(parents=True, exist_ok=True)
    home = base_directory or directory
    home.mkdir(parents=True, exist_ok=True)
    tokenizer = make_tokenizer()
    tokenizer.save_pretrained(directory)
    model = make_llama(len(tokenizer) - 1)  # the placeholder's id lies beyond the embeddings
    path = write_gguf(model, home / FILE, is_quantized=is_quantized)
    entries = model.config.to_dict() | {"projector_type": "mlp2x_gelu", "retriever_hidden_size": VECTOR_DIM}
    (directory / "config.json").write_text(json.dumps(entries))
    reference = {
        "repo_id": str(home.resolve()), "revision": None, "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "package": None,
    }  # fmt: skip
    (directory / "smotext.json").write_text(json.dumps({**(spec or {}), "base": reference}))
    projector = {}
    for name, shape in {"0": (HIDDEN, VECTOR_DIM), "2": (HIDDEN, HIDDEN)}.items():
        projector[f"projector.projector.{name}.weight"] = torch.randn(shape) / shape[1] ** 0.5
        projector[f"projector.projector.{name}.bias"] = torch.randn(shape[0]) / 4
    save_file(projector, directory / "projector.safetensors", metadata={"format": "pt"})
    vocabulary = model.config.vocab_size
    if guidance is not None:
        n_rows = {"free": vocabulary, "tied": HIDDEN}[guidance]
        head = {
            "guidance.weight": torch.randn(n_rows, VECTOR_DIM),
            "guidance.bias": torch.zeros(vocabulary),
            "guidance.unigram": torch.full((vocabulary,), -6.0),
        }
        save_file(head, directory / "guidance.safetensors", metadata={"format": "pt"})
    if has_adapter:
        write_adapter(directory, model)
    return directory


def write_adapter(directory: Path, model: LlamaForCausalLM, **changes: Any) -> None:
    """Write a random adapter on some layers of the model, in PEFT's file format; `changes` are of its config."""
    base = json.loads((directory / "smotext.json").read_text())["base"]["repo_id"]
    config = {
        "base_model_name_or_path": base, "bias": "none", "fan_in_fan_out": False, "inference_mode": True,
        "init_lora_weights": True, "lora_alpha": ALPHA, "lora_dropout": 0.0, "peft_type": "LORA", "r": RANK,
        "layers_to_transform": None, "target_modules": list(TARGETS), "task_type": "CAUSAL_LM", "use_dora": False,
        "use_rslora": False,
    } | changes  # fmt: skip
    (directory / "adapter_config.json").write_text(json.dumps(config))
    layers = config["layers_to_transform"]
    tensors = {}
    for name, weight in model.state_dict().items():
        module = name.removesuffix(".weight")
        if not module.endswith(TARGETS) or (layers is not None and int(module.split(".")[2]) not in layers):
            continue
        rank = config["r"]
        tensors[f"base_model.model.{module}.lora_A.weight"] = torch.randn(rank, weight.shape[1]) / 8
        tensors[f"base_model.model.{module}.lora_B.weight"] = torch.randn(weight.shape[0], rank) / 8
    save_file(tensors, directory / "adapter_model.safetensors", metadata={"format": "pt"})


def change_json(path: Path, **entries: Any) -> None:
    """Replace entries of a JSON object in a file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def change_base(directory: Path, **entries: Any) -> None:
    """Replace entries of a bridge's reference to its language model."""
    path = directory / "smotext.json"
    change_json(path, base=json.loads(path.read_text())["base"] | entries)


def _permuted(weight: np.ndarray, n_heads: int) -> np.ndarray:
    """Return a query or key matrix with the rows of each head as llama.cpp rotates them."""
    half = weight.shape[0] // n_heads // 2
    return weight.reshape(n_heads, 2, half, -1).swapaxes(1, 2).reshape(weight.shape)


def _gguf_name(name: str) -> str:
    if name.startswith("model.layers."):
        _, _, layer, module = name.removesuffix(".weight").split(".", 3)
        return f"blk.{layer}.{_NAMES[module]}.weight"
    return {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}[name]
