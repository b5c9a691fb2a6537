"""A toy corpus, encoder and language model: small enough to overfit in seconds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from smotext import HashEncoder
from smotext.training.build import Job
from smotext.training.corpus import Cutting
from smotext.training.settings import TrainingSettings

WHO = ("The cat", "A dog", "My friend", "The old king", "Her sister", "A small boy", "The farmer", "His teacher")
WHAT = ("sleeps in the sun.", "reads a long letter.", "walks to the river.", "sings about the sea.")
TEXTS = [f"{who} {what}" for who in WHO for what in WHAT]
CONFIG = {
    "model_type": "llama", "vocab_size": 380, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 4, "max_position_embeddings": 64, "tie_word_embeddings": True,
}  # fmt: skip
CUTTING = Cutting(min_tokens=2, max_tokens=40)


def encoder() -> HashEncoder:
    return HashEncoder(vector_dim=32)


def write_corpus(folder: Path, texts: list[str] = TEXTS) -> Path:
    path = folder / "corpus.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    return path


def job(folder: Path, **changes: Any) -> Job:
    """Return the job of a new language model on the toy corpus, written into `folder`."""
    (folder / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    start = {} if {"lm", "bridge"} & changes.keys() else {"from_scratch": str(folder / "config.json")}
    options: dict[str, Any] = {"cutting": CUTTING, "n_held_out": 0, **start, **changes}
    return Job(corpus=(str(write_corpus(folder)),), **options)


def settings(**changes: Any) -> TrainingSettings:
    options: dict[str, Any] = {
        "train": "all", "learning_rate": 5e-3, "batch_size": 32, "max_steps": 150, "epochs": 1000.0,
        "precision": "float32", "prompt": 0, "micro_tokens": 512,
    }  # fmt: skip
    return TrainingSettings(**{**options, **changes})
