"""Our decoding loop against transformers' ``generate`` and against one text at a time.

::

    python benchmarks/decoding.py --json

Everything is measured in one run, on the same vectors, with the same sampling options. ``generate`` gets its own
best batch size out of several; it knows no slots, and reads as many tokens instead, which cost the same. The paper's
loop is ``generate`` on one row.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from smotext import load_decoder
from smotext.decoders.projector import SlotProjector
from smotext.decoders.prompts import Prompts

SAMPLING = {"do_sample": True, "temperature": 0.8, "top_p": 0.95, "top_k": 0}


def now() -> float:
    """Return the clock in seconds, once a GPU has done all that was asked of it."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def measure(job: Callable[[], int]) -> float:
    """Return tokens per second of a job that returns how many tokens it wrote."""
    start = now()
    n_tokens = job()
    return n_tokens / (now() - start)


def best_of(job: Callable[[], int], repeats: int) -> float:
    """Return the best rate of several: what the machine can do when nothing disturbs it."""
    return max(measure(job) for _ in range(repeats))


def our_loop(decoder: Any, vectors: np.ndarray, n_tokens: int, batch_size: int | None = None) -> int:
    """Decode all rows with our loop; every row writes `n_tokens`."""
    rows = decoder.decode_rows(
        vectors,
        max_new_tokens=n_tokens,
        min_new_tokens=n_tokens,
        guidance=0.0,
        batch_size=batch_size,
        **SAMPLING,
    )
    return sum(row.n_tokens for row in rows)


@torch.no_grad()
def embed_prompts(decoder: Any, vectors: torch.Tensor) -> torch.Tensor:
    """Return prompt 0 with the vectors in it, as input embeddings of shape (n_rows, n_tokens, hidden_size)."""
    prompt = Prompts(decoder.tokenizer, decoder.spec).numbered(0).in_one_part()
    table, projector = decoder.model.get_input_embeddings(), decoder.projector
    before, after = (
        table(torch.tensor(ids, dtype=torch.int64, device=vectors.device)).expand(len(vectors), -1, -1)
        for ids in (prompt.before[0], prompt.after)
    )
    if isinstance(projector, SlotProjector):
        stand_in = torch.full((projector.n_slots,), prompt.after[0], device=vectors.device)
        return torch.cat([before, table(stand_in).expand(len(vectors), -1, -1), after], dim=1)
    made = projector(vectors.to(next(projector.parameters())))
    return torch.cat([before, made.to(after), after], dim=1)


def with_generate(decoder: Any, vectors: np.ndarray, n_tokens: int, batch_size: int) -> int:
    """Decode all rows with ``generate(inputs_embeds=...)``, `batch_size` at a time."""
    written = 0
    if decoder.spec.vector_norm == "unit":
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled = torch.from_numpy(vectors).to(decoder.model.device)
    for start in range(0, len(vectors), batch_size):
        embeds = embed_prompts(decoder, scaled[start : start + batch_size])
        ids = decoder.model.generate(
            inputs_embeds=embeds,
            attention_mask=torch.ones(embeds.shape[:2], dtype=torch.int64, device=embeds.device),
            max_new_tokens=n_tokens,
            min_new_tokens=n_tokens,
            pad_token_id=decoder.tokenizer.pad_token_id or decoder.tokenizer.eos_token_id,
            **SAMPLING,
        )
        written += ids.numel()
    return written


def share_of_equal_rows(decoder: Any, vectors: np.ndarray, n_tokens: int) -> float:
    """Return the share of sampled texts that batches of 7 and of all rows agree on."""
    options = {"max_new_tokens": n_tokens, "guidance": 0.0, **SAMPLING}
    together = decoder.decode(vectors, batch_size=len(vectors), **options)
    in_sevens = decoder.decode(vectors, batch_size=7, **options)
    return sum(first == second for first, second in zip(together, in_sevens, strict=True)) / len(vectors)


def compare(dtype: str, options: argparse.Namespace) -> dict[str, Any]:
    """Return the rates and ratios of one precision."""
    decoder: Any = load_decoder(options.model, dtype=dtype, device="cpu")
    vectors = np.random.default_rng(0).normal(size=(options.rows, decoder.vector_dim)).astype(np.float32)
    our_loop(decoder, vectors[:8], 4)  # the first call allocates and compiles
    with_generate(decoder, vectors[:8], 4, 8)
    ours = best_of(lambda: our_loop(decoder, vectors, options.tokens), options.repeats)
    by_batch = {
        size: best_of(lambda size=size: with_generate(decoder, vectors, options.tokens, size), options.repeats)
        for size in options.generate_batches
    }
    alone = measure(lambda: with_generate(decoder, vectors[: options.alone_rows], options.tokens, 1))
    return {
        "dtype": dtype,
        "ours_tokens_per_s": round(ours),
        "generate_tokens_per_s": {size: round(rate) for size, rate in by_batch.items()},
        "one_at_a_time_tokens_per_s": round(alone),
        "ratio_vs_generate": round(ours / max(by_batch.values()), 2),
        "ratio_vs_one_at_a_time": round(ours / alone, 1),
        "same_at_batch_7": share_of_equal_rows(decoder, vectors[: options.equal_rows], options.tokens),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--dtypes", nargs="+", default=["bfloat16", "float32"])
    parser.add_argument("--generate-batches", nargs="+", type=int, default=[32, 64, 128, 256])
    parser.add_argument(
        "--alone-rows", type=int, default=8, help="rows for the one-at-a-time rate, which is flat in it"
    )
    parser.add_argument("--equal-rows", type=int, default=210, help="rows compared between batch sizes")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = [compare(dtype, options) for dtype in options.dtypes]
    if options.json:
        print(json.dumps({"threads": torch.get_num_threads(), "rows": options.rows, "results": results}, indent=1))
        return
    for result in results:
        print(
            f"{result['dtype']}: ours {result['ours_tokens_per_s']} tokens/s, "
            f"{result['ratio_vs_generate']} x generate, {result['ratio_vs_one_at_a_time']} x one at a time, "
            f"{result['same_at_batch_7']:.1%} of the texts the same at batch 7"
        )


if __name__ == "__main__":
    main()
