"""A toy corpus, encoder and language model: small enough to overfit in seconds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from smotext import HashEncoder
from smotext.training.data.passages import Cutting
from smotext.training.job import TrainingJob
from smotext.training.training_settings import TrainingSettings

WHO = ("The cat", "A dog", "My friend", "The old king", "Her sister", "A small boy", "The farmer", "His teacher")
WHAT = ("sleeps in the sun.", "reads a long letter.", "walks to the river.", "sings about the sea.")
TEXTS = [f"{who} {what}" for who in WHO for what in WHAT]
VOCABULARY = 380
CONFIG = {
    "model_type": "llama", "vocab_size": VOCABULARY, "hidden_size": 64, "intermediate_size": 128,
    "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 4, "max_position_embeddings": 64,
    "tie_word_embeddings": True,
}  # fmt: skip
CUTTING = Cutting(min_tokens=2, max_tokens=40)
ALONE = {"chat_template": "{content}", "prompts": ("<xRAG>",)}  # a model that knows no instructions needs none


def encoder() -> HashEncoder:
    return HashEncoder(vector_dim=32)


def write_corpus(folder: Path, texts: list[str] = TEXTS) -> Path:
    path = folder / "corpus.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    return path


def tokenizer() -> PreTrainedTokenizerFast:
    """Return a byte-level tokenizer of the toy texts, in which a line's end is a token."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=["<pad>", "<s>", "</s>", "<xRAG>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False,
    )  # fmt: skip
    made.train_from_iterator([*TEXTS, *(f" {text}" for text in TEXTS)], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="<pad>", bos_token="<s>", eos_token="</s>",
        additional_special_tokens=["<xRAG>"],
    )  # fmt: skip


def language_model(seed: int = 0, **changes: Any) -> Any:
    """Return a language model with random weights."""
    options = {**CONFIG, **changes}
    config = AutoConfig.for_model(options.pop("model_type"), bos_token_id=1, eos_token_id=2, pad_token_id=0, **options)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return AutoModelForCausalLM.from_config(config, dtype=torch.float32)


def write_lm(folder: Path, **changes: Any) -> Path:
    """Write a language model with random weights, and its tokenizer, if it is not there yet."""
    path = folder / "lm"
    path.parent.mkdir(exist_ok=True)
    if not path.is_dir():
        language_model(**changes).save_pretrained(path)
        tokenizer().save_pretrained(path)
    return path


def job(folder: Path, **changes: Any) -> TrainingJob:
    """Return the job of a random language model on the toy corpus, both written into `folder`."""
    start = {} if {"lm", "bridge"} & changes.keys() else {"lm": str(write_lm(folder)), **ALONE}
    options: dict[str, Any] = {"cutting": CUTTING, "n_held_out": 0, **start, **changes}
    return TrainingJob(corpus=(str(write_corpus(folder)),), **options)


def list_job(folder: Path, **changes: Any) -> TrainingJob:
    """Return the same job with prompts that are lists of texts, and room for some."""
    options = {"lm": str(write_lm(folder, max_position_embeddings=512)), "prompt_style": "list", **changes}
    return job(folder, **{"cutting": Cutting(min_tokens=2, max_tokens=40, group_size=4), **options})


def settings(**changes: Any) -> TrainingSettings:
    options: dict[str, Any] = {
        "train": "all", "learning_rate": 5e-3, "batch_size": 32, "max_steps": 150, "epochs": 1000.0,
        "precision": "float32", "prompt": 0, "micro_tokens": 512,
    }  # fmt: skip
    return TrainingSettings(**{**options, **changes})
