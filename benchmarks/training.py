"""A training step as it is against the same step with torch's fused attention and plain ``F.cross_entropy``.

::

    python benchmarks/training.py --json

The bundled bridge learns from passages of random words and random vectors: the time does not depend on what they say.
One thread; all variants run in turn, several rounds in one process, and each one's best step counts. A second is one of
the process's own CPU time, so that other programs disturb little.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any
from unittest import mock

import numpy as np
import torch
import torch.nn.functional as F

from smotext.presets import bundled_bridge
from smotext.training.data.batches import MicroBatch
from smotext.training.data.passage_store import PassageStore
from smotext.training.loop import trainer
from smotext.training.losses.passage_losses import passage_logits, stage_one
from smotext.training.models.pair import Pair, load_bridge
from smotext.training.training_settings import TrainingSettings

WORDS = "the parcel came late and nobody answered when we asked for a letter from the old shop by the river".split()


def plain_loss(pair: Pair, batch: MicroBatch, vectors: torch.Tensor) -> torch.Tensor:
    """Return what ``stage_one`` returns, by ``F.cross_entropy`` on a float32 copy of the logits."""
    tokens = torch.from_numpy(batch.tokens)
    is_target = torch.arange(tokens.shape[1]) < torch.from_numpy(batch.lengths)[:, None]
    logits = passage_logits(pair, batch, vectors, tokens)
    return F.cross_entropy(logits[is_target].float(), tokens[is_target], reduction="sum")


VARIANTS: dict[str, tuple[str | None, Callable[..., torch.Tensor]]] = {  # None: the attention that the trainer takes
    "ours": (None, stage_one),
    "fused attention": ("sdpa", stage_one),
    "plain cross-entropy": (None, plain_loss),
    "both": ("sdpa", plain_loss),
}


@contextmanager
def random_store(pair: Pair, n_passages: int, n_words: int) -> Iterator[PassageStore]:
    """Yield a store of passages of 8 to `n_words` words."""
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS, size=size)) for size in rng.integers(8, n_words + 1, size=n_passages)]
    vectors = rng.standard_normal((n_passages, pair.projector.vector_dim)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        yield PassageStore.create(folder, texts, [], tokenize=pair.prompts.text_ids, encode=lambda _: vectors, about={})


def rate(variant: str, dtype: str, options: argparse.Namespace) -> float:
    """Return a variant's tokens per second in its best step; the first one warms up."""
    attention, loss = VARIANTS[variant]
    pair = load_bridge(bundled_bridge())
    settings = TrainingSettings(
        train="all",
        learning_rate=1e-4,
        batch_size=options.passages,
        micro_tokens=options.tokens,
        epochs=options.steps + 1,
        optimizer="muon",
        precision=dtype,  # type: ignore[arg-type]
        prompt=0,
    )
    with (
        random_store(pair, options.passages, options.words) as store,
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(trainer, "stage_one", loss),
    ):
        ends: list[tuple[float, int]] = []
        one = trainer.Trainer(
            pair, store, settings, folder, report=lambda entry: ends.append((time.process_time(), entry["n_tokens"]))
        )
        if attention is not None:
            pair.lm.set_attn_implementation(attention)
        one.run()
    return max((tokens - before) / (end_s - start_s) for (start_s, before), (end_s, tokens) in pairwise(ends))


def compare(dtype: str, options: argparse.Namespace) -> dict[str, Any]:
    """Return the rates of one precision, and how often ours goes into the others."""
    rounds = [{variant: rate(variant, dtype, options) for variant in VARIANTS} for _ in range(options.rounds)]
    best = {variant: max(one[variant] for one in rounds) for variant in VARIANTS}
    return {
        "dtype": dtype,
        "tokens_per_s": {variant: round(value) for variant, value in best.items()},
        "ratio": {variant: round(best["ours"] / value, 2) for variant, value in best.items() if variant != "ours"},
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, default=1024, help="tokens through the model at once")
    parser.add_argument("--passages", type=int, default=256, help="passages a step")
    parser.add_argument("--words", type=int, default=60, help="of the longest passage")
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--dtypes", nargs="+", default=["bfloat16"])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    results = [compare(dtype, options) for dtype in options.dtypes]
    if options.json:
        print(json.dumps({"threads": 1, "tokens_at_once": options.tokens, "results": results}, indent=1))
        return
    for result in results:
        print(
            f"{result['dtype']}: {result['tokens_per_s']['ours']} tokens/s, "
            f"{result['ratio']['both']} x the step with fused attention and plain cross-entropy "
            f"({result['ratio']['fused attention']} x with fused attention alone, "
            f"{result['ratio']['plain cross-entropy']} x with plain cross-entropy alone)"
        )


if __name__ == "__main__":
    main()
