"""Tiny random checkpoints in exactly xRAG's format, and the slow way to decode with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from smotext.decoders.projector import new_projector
from smotext.decoders.prompt_templates import LIST_EXAMPLES, LIST_PROMPTS, LIST_TEMPLATE, LIST_TEXT, XRAG_PROMPTS

SENTENCE = "the parcel came late and nobody answered the phone so we sent it back to the shop with a letter"
VECTOR_DIM = 6
HIDDEN = 64  # bitsandbytes quantises blocks of 64

LIST_SPEC: dict[str, Any] = {
    "vector_norm": "unit", "chat_template": LIST_TEMPLATE, "prompts": list(LIST_PROMPTS), "text_template": LIST_TEXT,
    "examples_template": LIST_EXAMPLES, "examples": 2, "max_new_tokens": 24,
}  # fmt: skip
KV: dict[str, Any] = {"projector_type": "kv", "n_slots": 3, "slot_code_size": 8, "first_slot_layer": 1}

CONFIGS: dict[str, dict[str, Any]] = {
    "mistral": {"num_key_value_heads": 2, "sliding_window": None},
    "mixtral": {"num_key_value_heads": 2, "num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": None},
    "llama": {"num_key_value_heads": 2, "tie_word_embeddings": True},
    "qwen3": {"num_key_value_heads": 2, "head_dim": 16, "tie_word_embeddings": True},
    "gpt2": {"n_embd": HIDDEN, "n_layer": 2, "n_head": 4, "n_positions": 128},
}


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Return a Llama-style tokenizer: byte fallback, "▁" for spaces, BOS put first by its post-processor."""
    special = ["<unk>", "<s>", "</s>"]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=420, special_tokens=special + bytes_, show_progress=False)
    tokenizer.train_from_iterator([SENTENCE, *XRAG_PROMPTS, "[INST] [/INST]"] * 3, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>", padding_side="left"
    )
    fast.add_tokens(["<xRAG>"])  # the last id: xRAG adds it to Mistral's 32,000
    return fast


def make_list_tokenizer() -> PreTrainedTokenizerFast:
    """Return a byte-level tokenizer as SmolLM2's, in which a line's end is a token; the placeholder is special."""
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=340, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )  # fmt: skip
    tokenizer.train_from_iterator([f"{SENTENCE}.\n", "Different people wrote these:\n\n- text\n"] * 3, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|im_start|>", eos_token="<|im_end|>", pad_token="<|im_end|>",
        additional_special_tokens=["<xRAG>"],
    )  # fmt: skip


def make_list_checkpoint(
    directory: Path,
    kind: str = "llama",
    *,
    projector: dict[str, Any] | None = None,
    guidance: str | None = None,
    n_layers: int = 3,
    **spec: Any,
) -> Path:
    """Write a bridge whose prompts are lists of texts: random language model, projector, and perhaps a head.

    Parameters
    ----------
    directory : Path
    kind : str
        Of :data:`CONFIGS`.
    projector : dict, optional
        Entries of config.json; None: one soft token.
    guidance : {"tied", "free", None}
        The head: before the embeddings, or with a row for each token.
    n_layers : int
        Of the language model.
    **spec
        Entries of smotext.json besides :data:`LIST_SPEC`.
    """
    tokenizer = make_list_tokenizer()
    tokenizer.save_pretrained(directory)
    torch.manual_seed(0)
    model = make_model(kind, len(tokenizer), tokenizer.eos_token_id, n_layers=n_layers)
    model.save_pretrained(directory)
    (directory / "generation_config.json").unlink(missing_ok=True)
    entries = {"retriever_hidden_size": VECTOR_DIM, "projector_type": "mlp2x_gelu", **(projector or {})}
    module = new_projector(entries, model.config)
    vocabulary = model.config.vocab_size
    tensors = {f"projector.{name}": 2 * tensor for name, tensor in module.state_dict().items()}
    if guidance is not None:
        n_rows = {"free": vocabulary, "tied": model.config.hidden_size}[guidance]
        tensors |= {
            "guidance.weight": torch.randn(n_rows, VECTOR_DIM),
            "guidance.bias": torch.randn(vocabulary),
            "guidance.unigram": torch.full((vocabulary,), -6.0),
        }
    tensors |= load_file(directory / "model.safetensors")
    write_shards(directory, tensors, 1)
    config = json.loads((directory / "config.json").read_text()) | entries
    (directory / "config.json").write_text(json.dumps(config))
    (directory / "smotext.json").write_text(json.dumps(LIST_SPEC | spec))
    return directory


def make_checkpoint(
    directory: Path,
    kind: str = "mistral",
    *,
    spec: dict[str, Any] | None = None,
    config: dict[str, Any] | None = None,
    n_shards: int = 2,
) -> Path:
    """Write a checkpoint with random weights: model, projector, tokenizer, in `n_shards` safetensors files."""
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer = make_tokenizer()
    tokenizer.save_pretrained(directory)
    torch.manual_seed(0)
    model = make_model(kind, len(tokenizer), tokenizer.eos_token_id)
    model.save_pretrained(directory)
    (directory / "generation_config.json").unlink(missing_ok=True)
    tensors = load_file(directory / "model.safetensors")
    (directory / "model.safetensors").unlink()
    for name, shape in {"0": (HIDDEN, VECTOR_DIM), "2": (HIDDEN, HIDDEN)}.items():
        tensors[f"projector.projector.{name}.weight"] = torch.randn(shape) / shape[1] ** 0.5
        tensors[f"projector.projector.{name}.bias"] = torch.randn(shape[0]) / 4
    write_shards(directory, tensors, n_shards)
    entries = json.loads((directory / "config.json").read_text())
    entries |= {"projector_type": "mlp2x_gelu", "retriever_hidden_size": VECTOR_DIM}
    if kind in ("mistral", "mixtral"):
        entries["architectures"] = [f"X{kind.capitalize()}ForCausalLM"]
    (directory / "config.json").write_text(json.dumps(entries | (config or {})))
    if spec is not None:
        (directory / "smotext.json").write_text(json.dumps(spec))
    return directory


def make_model(kind: str, vocab_size: int, eos_token_id: int, n_layers: int = 2) -> Any:
    """Return a causal language model with few layers and weights large enough for varied greedy text."""
    from transformers import AutoConfig

    sizes = {"hidden_size": HIDDEN, "intermediate_size": 128, "num_hidden_layers": n_layers, "num_attention_heads": 4}
    if kind == "gpt2":
        sizes = {}
    config = AutoConfig.for_model(
        kind, vocab_size=vocab_size, eos_token_id=eos_token_id, bos_token_id=1, **sizes, **CONFIGS[kind]
    )
    config.initializer_range = 0.4
    return AutoModelForCausalLM.from_config(config)


def write_shards(directory: Path, tensors: dict[str, torch.Tensor], n_shards: int) -> None:
    """Write the tensors as one file, or as several with an index."""
    names = sorted(tensors)
    if n_shards == 1:
        save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})
        return
    weight_map = {}
    for shard in range(n_shards):
        file = f"model-{shard + 1:05d}-of-{n_shards:05d}.safetensors"
        part = {name: tensors[name] for name in names[shard::n_shards]}
        save_file(part, directory / file, metadata={"format": "pt"})
        weight_map |= dict.fromkeys(part, file)
    index = {"metadata": {"total_size": 0}, "weight_map": weight_map}
    (directory / "model.safetensors.index.json").write_text(json.dumps(index))


def read_all(directory: Path) -> dict[str, torch.Tensor]:
    """Return every tensor of the checkpoint."""
    return {name: tensor for path in directory.glob("*.safetensors") for name, tensor in load_file(path).items()}


def decode_slowly(directory: Path, vectors: np.ndarray, *, prompt: str, max_new_tokens: int) -> list[str]:
    """Return greedy text the slow way: one row at a time, no cache, a full forward pass per step.

    Independent of the package: the chat format and the projector are written out by hand.
    """
    tokenizer = AutoTokenizer.from_pretrained(directory)
    model = AutoModelForCausalLM.from_pretrained(directory).float().eval()
    prefix = "projector.projector."
    weights = {name.removeprefix(prefix): t for name, t in read_all(directory).items() if name.startswith(prefix)}
    ids = [tokenizer.bos_token_id, *tokenizer(f"[INST] {prompt} [/INST]", add_special_tokens=False)["input_ids"]]
    place = ids.index(tokenizer.convert_tokens_to_ids("<xRAG>"))
    texts = []
    for vector in torch.from_numpy(vectors):
        hidden = torch.nn.functional.gelu(vector @ weights["0.weight"].T + weights["0.bias"])
        embeds = model.get_input_embeddings()(torch.tensor(ids))
        embeds[place] = hidden @ weights["2.weight"].T + weights["2.bias"]
        written: list[int] = []
        for _ in range(max_new_tokens):
            after = model.get_input_embeddings()(torch.tensor(written, dtype=torch.long))
            with torch.no_grad():
                logits = model(inputs_embeds=torch.cat([embeds, after])[None]).logits[0, -1]
            token = int(logits.argmax())
            if token == tokenizer.eos_token_id:
                break
            written.append(token)
        texts.append(tokenizer.decode(written, skip_special_tokens=True))
    return texts
