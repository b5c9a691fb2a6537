"""How fast texts become vectors, against ``SentenceTransformer.encode`` in its defaults.

Both sides encode the same mixed-length corpus with all-MiniLM-L6-v2, in turns, in one run; the best of the rounds
counts. Every text is made from the model's own word list and a seed: nothing is downloaded.

    python benchmarks/encoding.py --json
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from smotext.encoders.loading import load_sentence_encoder
from smotext.encoders.minilm import find_minilm


def mixed_corpus(directory: Path, n_texts: int) -> list[str]:
    """Return texts of 3 to 400 words, log-normally many (median 37), as in mail and reviews."""
    rng = np.random.default_rng(0)
    pieces = (directory / "vocab.txt").read_text(encoding="utf-8").split()
    words = np.array([piece for piece in pieces if piece.isalpha() and len(piece) > 2])[:8000]
    lengths = np.clip(rng.lognormal(3.6, 0.9, n_texts), 3, 400).astype(int)
    return [" ".join(rng.choice(words, length)) for length in lengths]


def best_seconds(sides: dict[str, Callable[[], Any]], n_rounds: int, clock: Callable[[], float]) -> dict[str, float]:
    """Return each side's least seconds; the sides take turns, so that other load hits them alike."""
    seconds = dict.fromkeys(sides, float("inf"))
    for _ in range(n_rounds):
        for name, run in sides.items():
            start = clock()
            run()
            seconds[name] = min(seconds[name], clock() - start)
    return seconds


def measure(n_texts: int, n_rounds: int, clock: Callable[[], float]) -> dict[str, Any]:
    """Return seconds, ratios and the worst cosine between default and float32 vectors."""
    directory = find_minilm()
    texts = mixed_corpus(directory, n_texts)
    reference = SentenceTransformer(str(directory), device="cpu")
    default = load_sentence_encoder(directory, device="cpu")
    exact = load_sentence_encoder(directory, device="cpu", dtype="float32")
    sides = {
        "sentence_transformers": lambda: reference.encode(texts),
        "default": lambda: default.encode(texts),
        "float32": lambda: exact.encode(texts),
    }
    for encoder in (reference, default, exact):
        encoder.encode(texts[:32])  # first calls allocate
    seconds = best_seconds(sides, n_rounds, clock)
    wanted, found = reference.encode(texts), default.encode(texts)
    cosines = (wanted * found).sum(axis=1) / np.linalg.norm(wanted, axis=1) / np.linalg.norm(found, axis=1)
    return {
        "n_texts": n_texts,
        "n_threads": torch.get_num_threads(),
        "load_average": os.getloadavg()[0],
        "dtype": str(default.dtype).removeprefix("torch."),
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "ratio_vs_sentence_transformers": round(seconds["sentence_transformers"] / seconds["default"], 2),
        "ratio_vs_sentence_transformers_float32": round(seconds["sentence_transformers"] / seconds["float32"], 2),
        "least_cosine_to_float32": round(float(cosines.min()), 6),
        "largest_difference_float32": float(np.abs(wanted - exact.encode(texts)).max()),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--texts", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cpu-time", action="store_true", help="CPU seconds, for a machine with other work")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    clock = time.process_time if options.cpu_time else time.perf_counter
    result = measure(options.texts, options.rounds, clock)
    if options.json:
        print(json.dumps(result, indent=1))
        return
    for name, value in result.items():
        print(f"{name:40} {value}")


if __name__ == "__main__":
    main()
