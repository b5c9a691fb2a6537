"""A tiny random model in exactly the layout of Salesforce/SFR-Embedding-Mistral, and the slow way to use it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, normalizers, processors, trainers
from transformers import AutoTokenizer, MistralConfig, MistralModel, PreTrainedTokenizerFast

HIDDEN = 32
WORDS = "the parcel came late and nobody answered the phone so we sent it back to the shop with a letter".split()


def make_tokenizer(*, adds_eos: bool = False, padding_side: str = "left") -> PreTrainedTokenizerFast:
    """Return a Llama-style tokenizer: byte fallback, "▁" for spaces, BOS put first by its post-processor."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    special = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=340, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator([" ".join(WORDS)] * 3, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>" if adds_eos else "<s> $A", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        pad_token="</s>",
        padding_side=padding_side,
        model_max_length=4096,
    )


def make_last_token_checkpoint(directory: Path, *, adds_eos: bool = False, padding_side: str = "left") -> Path:
    """Write the checkpoint: Transformer, last-token Pooling and Normalize, as SFR's modules.json has them."""
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer = make_tokenizer(adds_eos=adds_eos, padding_side=padding_side)
    tokenizer.save_pretrained(directory)
    settings = json.loads((directory / "tokenizer_config.json").read_text())
    (directory / "tokenizer_config.json").write_text(json.dumps(settings | {"add_eos_token": True}))
    torch.manual_seed(0)
    config = MistralConfig(
        vocab_size=len(tokenizer), hidden_size=HIDDEN, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, sliding_window=None, max_position_embeddings=4096,
        initializer_range=0.3,
    )  # fmt: skip
    MistralModel(config).save_pretrained(directory)
    kinds = ["Transformer", "Pooling", "Normalize"]
    modules = [
        {"idx": n, "name": str(n), "path": f"{n}_{kind}" if n else "", "type": f"sentence_transformers.models.{kind}"}
        for n, kind in enumerate(kinds)
    ]
    (directory / "modules.json").write_text(json.dumps(modules))
    (directory / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 4096, "do_lower_case": False}))
    (directory / "1_Pooling").mkdir(exist_ok=True)
    modes = dict.fromkeys(
        ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens"), False
    )
    pooling = {f"pooling_mode_{mode}": on for mode, on in (modes | {"lasttoken": True}).items()}
    (directory / "1_Pooling" / "config.json").write_text(json.dumps({"word_embedding_dimension": HIDDEN} | pooling))
    return directory


def encode_slowly(
    directory: Path, texts: Sequence[str], *, max_tokens: int, dtype: torch.dtype = torch.float32
) -> NDArray[np.float32]:
    """Return xRAG's vectors the slow way: one text at a time, no padding, nothing of the package.

    The last hidden state of the end-of-text token, raw, with at most `max_tokens` tokens, that one included.
    """
    tokenizer = AutoTokenizer.from_pretrained(directory)
    model = MistralModel.from_pretrained(directory, dtype=dtype).eval()
    vectors = []
    for text in texts:
        words = tokenizer(text, add_special_tokens=False)["input_ids"]
        ids = [tokenizer.bos_token_id, *words[: max_tokens - 2], tokenizer.eos_token_id]
        with torch.no_grad():
            vectors.append(model(torch.tensor([ids])).last_hidden_state[0, -1].float().numpy())
    return np.stack(vectors)
