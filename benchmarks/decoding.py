"""Our decoding loop against transformers' ``generate``, on the prompts that SMOTExT writes with.

::

    python benchmarks/decoding.py --json

Each mix has a prompt that shows texts of a class, two that all mixes of a block share and two of its own, and gets
several candidates: rows of one prompt, one vector, and seeds of their own. Both write the same number of tokens for the
same rows in the same run, without guidance, which ``generate`` does not know. ``generate`` gets its own best batch size
out of several, and its own means of sharing prompts, whichever is faster: all of a prompt again for each candidate
(``num_return_sequences``), or the block's shared beginning read once and handed over as ``past_key_values``. The
paper's loop is ``generate`` on one row.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from transformers import DynamicCache

from smotext import load_decoder
from smotext.decoders.prompts import Prompts

SAMPLING = {"do_sample": True, "temperature": 0.8, "top_p": 0.95, "top_k": 0}
WORDS = (
    "order parcel phone city music doctor garden engine teacher river market letter winter price travel number "
    "coffee window police paper school summer family water minute answer island bridge planet history"
).split()


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


def make_examples(n_mixes: int, n_shown: int, seed: int = 0) -> list[list[str]]:
    """Return the texts that each mix's prompt shows, about 12 words each: half are the same for all mixes."""
    rng = np.random.default_rng(seed)

    def text() -> str:
        return " ".join(rng.choice(WORDS, size=rng.integers(8, 17))) + "."

    shared = [text() for _ in range(n_shown // 2)]
    return [[*shared, *(text() for _ in range(n_shown - len(shared)))] for _ in range(n_mixes)]


def our_loop(
    decoder: Any,
    vectors: np.ndarray,
    examples: list[list[str]],
    n_candidates: int,
    n_tokens: int,
    batch_size: int | None = None,
) -> int:
    """Decode all candidates of all mixes with our loop; every row writes `n_tokens`."""
    rows = decoder.decode_rows(
        vectors.repeat(n_candidates, axis=0),
        examples=[shown for shown in examples for _ in range(n_candidates)],
        max_new_tokens=n_tokens,
        min_new_tokens=n_tokens,
        guidance=0.0,
        batch_size=batch_size,
        **SAMPLING,
    )
    return sum(row.n_tokens for row in rows)


class Generate:
    """``generate`` on the same prompts, padded on the left.

    Parameters
    ----------
    decoder : LanguageModelDecoder
        With a projector of soft tokens.
    vectors : ndarray of shape (n_mixes, vector_dim)
    examples : list of lists of str
    n_candidates, n_tokens : int
        Of each mix; of each text.
    """

    def __init__(
        self, decoder: Any, vectors: np.ndarray, examples: list[list[str]], n_candidates: int, n_tokens: int
    ) -> None:
        self.model, self.n_candidates, self.n_tokens = decoder.model, n_candidates, n_tokens
        self.pad_id = decoder.tokenizer.pad_token_id or decoder.tokenizer.eos_token_id
        prompts = Prompts(decoder.tokenizer, decoder.spec)
        made = [prompts.with_examples(prompts.example_ids(shown)) for shown in examples]
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        soft = decoder.projector(torch.from_numpy(unit).to(decoder.model.dtype))
        n_shared = 1 + len(examples[0]) // 2  # the prompt's head, and the examples that all mixes show
        self.shared = [token for part in made[0].before[:n_shared] for token in part]
        self.rows = [
            torch.cat(
                [self._embed([token for part in prompt.before for token in part]), vector, self._embed(prompt.after)]
            )
            for prompt, vector in zip(made, soft, strict=True)
        ]

    def _embed(self, ids: Any) -> torch.Tensor:
        return self.model.get_input_embeddings()(torch.tensor(list(ids), dtype=torch.int64))

    @torch.inference_mode()
    def write(self, n_rows: int, *, batch_size: int, shares: bool) -> int:
        """Write all candidates of the first mixes, so many rows at a time; return how many tokens there are."""
        per_batch = max(1, batch_size // self.n_candidates)
        n_mixes = max(1, n_rows // self.n_candidates)
        return sum(
            self._write(self.rows[start : min(start + per_batch, n_mixes)], min(self.n_candidates, n_rows), shares)
            for start in range(0, n_mixes, per_batch)
        )

    def _write(self, rows: list[torch.Tensor], n_candidates: int, shares: bool) -> int:
        longest = max(len(row) for row in rows)
        embeds = torch.zeros((len(rows), longest, rows[0].shape[1]), dtype=rows[0].dtype)
        mask = torch.zeros((len(rows), longest), dtype=torch.int64)
        n_shared = len(self.shared) if shares else 0
        for place, row in enumerate(rows):  # padding stands between what is shared and the rest
            embeds[place, :n_shared], embeds[place, longest - len(row) + n_shared :] = row[:n_shared], row[n_shared:]
            mask[place, :n_shared], mask[place, longest - len(row) + n_shared :] = 1, 1
        options: dict[str, Any] = {"inputs_embeds": embeds, "attention_mask": mask}
        if shares:
            cache = DynamicCache(config=self.model.config)
            self.model(input_ids=torch.tensor([self.shared]), past_key_values=cache, use_cache=True, logits_to_keep=1)
            cache = copy.deepcopy(cache)
            cache.batch_repeat_interleave(len(rows) * n_candidates)
            options = {
                "inputs_embeds": embeds.repeat_interleave(n_candidates, dim=0),
                "attention_mask": mask.repeat_interleave(n_candidates, dim=0),
                "past_key_values": cache,
            }
        ids = self.model.generate(
            **options,
            max_new_tokens=self.n_tokens,
            min_new_tokens=self.n_tokens,
            num_return_sequences=1 if shares else n_candidates,
            pad_token_id=self.pad_id,
            **SAMPLING,
        )
        return ids.numel()


def share_of_equal_rows(decoder: Any, vectors: np.ndarray, examples: list[list[str]], n_tokens: int) -> float:
    """Return the share of sampled texts that batches of 7 and of all rows agree on."""
    options = {"examples": examples, "max_new_tokens": n_tokens, **SAMPLING}
    together = decoder.decode(vectors, batch_size=len(vectors), **options)
    in_sevens = decoder.decode(vectors, batch_size=7, **options)
    return sum(first == second for first, second in zip(together, in_sevens, strict=True)) / len(vectors)


def compare(dtype: str, options: argparse.Namespace) -> dict[str, Any]:
    """Return the rates and ratios of one precision."""
    decoder: Any = load_decoder(options.model, dtype=dtype, device="cpu")
    vectors = np.random.default_rng(0).normal(size=(options.mixes, decoder.vector_dim)).astype(np.float32)
    examples = make_examples(options.mixes, options.examples)
    given = (vectors, examples, options.candidates, options.tokens)
    our_loop(decoder, vectors[:2], examples[:2], 2, 4)  # the first call allocates
    theirs = Generate(decoder, *given)
    theirs.write(2, batch_size=2, shares=False)
    n_rows = options.mixes * options.candidates
    ours = best_of(lambda: our_loop(decoder, *given), options.repeats)
    rates = {
        f"{size}{' shared' if shares else ''}": best_of(
            lambda size=size, shares=shares: theirs.write(n_rows, batch_size=size, shares=shares), options.repeats
        )
        for size in options.generate_batches
        for shares in (False, True)
    }
    alone = measure(lambda: sum(theirs.write(1, batch_size=1, shares=False) for _ in range(options.alone_rows)))
    return {
        "dtype": dtype,
        "ours_tokens_per_s": round(ours),
        "generate_tokens_per_s": {name: round(rate) for name, rate in rates.items()},
        "one_at_a_time_tokens_per_s": round(alone),
        "ratio_vs_generate": round(ours / max(rates.values()), 2),
        "ratio_vs_one_at_a_time": round(ours / alone, 1),
        "same_at_batch_7": share_of_equal_rows(
            decoder, vectors[: options.equal_rows], examples[: options.equal_rows], options.tokens
        ),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--mixes", type=int, default=32)
    parser.add_argument("--candidates", type=int, default=4)
    parser.add_argument("--examples", type=int, default=4)
    parser.add_argument("--tokens", type=int, default=24)
    parser.add_argument("--dtypes", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--generate-batches", nargs="+", type=int, default=[32, 64, 128])
    parser.add_argument(
        "--alone-rows", type=int, default=4, help="rows for the one-at-a-time rate, which is flat in it"
    )
    parser.add_argument("--equal-rows", type=int, default=32, help="rows compared between batch sizes")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = [compare(dtype, options) for dtype in options.dtypes]
    if options.json:
        about = {"threads": torch.get_num_threads(), "mixes": options.mixes, "candidates": options.candidates}
        print(json.dumps({**about, "results": results}, indent=1))
        return
    for result in results:
        print(
            f"{result['dtype']}: ours {result['ours_tokens_per_s']} tokens/s, "
            f"{result['ratio_vs_generate']} x generate, {result['ratio_vs_one_at_a_time']} x one at a time, "
            f"{result['same_at_batch_7']:.1%} of the texts the same at batch 7"
        )


if __name__ == "__main__":
    main()
