"""Seconds and peak memory of augmenting 1,000 texts by 1,000, split into encode, plan and decode.

::

    python benchmarks/augmenting.py --json

The named alternative is the same work one text at a time, as a loop over the paper's pseudo-code does it; it is
measured on a few rows of the same run and scaled.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from typing import Any

os.environ["SMOTEXT_CACHE"] = "off"  # what is measured is encoding, not reading

import numpy as np

from smotext import SMOTExT
from smotext.augmentation.augment import example_texts, group_targets
from smotext.augmentation.writing import Writer, examples_shown
from smotext.data.corpus import make_corpus
from smotext.encoders.cache import encode_cached
from smotext.mixing.examples import with_examples
from smotext.mixing.plan import DecoderInput, MixPlan, with_candidates
from smotext.mixing.planning import Planner

WORDS = (
    "order parcel phone city music doctor garden engine teacher river market letter winter price travel number "
    "coffee window police paper school summer family water minute answer island bridge planet history"
).split()


def make_texts(n_texts: int) -> list[str]:
    """Return seeded texts of 6 to 18 words, 12 in the median; what they say does not matter to the clock."""
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(WORDS, size=rng.integers(6, 19))) + "." for _ in range(n_texts)]


def measure(n_texts: int, n_new: int, dtype: str, n_alone: int) -> dict[str, Any]:
    """Return the seconds of each step."""
    sampler = SMOTExT("tiny", dtype=dtype, random_state=0)
    start = time.perf_counter()
    encoder, decoder = sampler.load()
    clock = {"load_s": time.perf_counter() - start}
    labels = np.array(["a", "b"] * (n_texts // 2), dtype=object)
    corpus = make_corpus(np.array(make_texts(n_texts), dtype=object), labels)
    settings = sampler.settings()

    start = time.perf_counter()
    vectors = encode_cached(encoder, corpus.texts)
    clock["encode_s"] = time.perf_counter() - start

    start = time.perf_counter()
    mixes = Planner(vectors, corpus.labels, seed=0, **settings.planning()).plan({"a": n_new // 2, "b": n_new // 2})
    shown = with_examples(mixes, corpus.labels, examples_shown(settings, decoder), seed=0)
    plan = with_candidates(shown, settings.candidates, seed=0)
    clock["plan_s"] = time.perf_counter() - start

    writer = Writer(corpus, encoder, decoder, settings)

    def ask(group: MixPlan) -> DecoderInput:
        return DecoderInput(group_targets(vectors, group, settings), example_texts(corpus.texts, group))

    start = time.perf_counter()
    rows = [writer.write(group, ask(group)) for group in plan.groups(settings.group_size)]
    clock["decode_s"] = time.perf_counter() - start
    n_tokens = sum(int(part["n_tokens"].sum()) for part in rows)

    start = time.perf_counter()
    for group in plan.take(slice(0, n_alone)).groups(1):
        encoder.encode([corpus.texts[parent] for parent in group.parents[0]])
        writer.write(group, ask(group))
    alone_s = (time.perf_counter() - start) / n_alone * len(plan)
    ours_s = clock["encode_s"] + clock["plan_s"] + clock["decode_s"]
    return {
        **{name: round(seconds, 2) for name, seconds in clock.items()},
        "tokens": n_tokens,
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "one_at_a_time_s": round(alone_s, 1),
        "ratio_vs_one_at_a_time": round(alone_s / ours_s, 1),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=1000)
    parser.add_argument("--new", type=int, default=1000)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--alone-rows", type=int, default=16)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = measure(options.texts, options.new, options.dtype, options.alone_rows)
    if options.json:
        print(json.dumps(result, indent=1))
    else:
        print(", ".join(f"{name} {value}" for name, value in result.items()))


if __name__ == "__main__":
    main()
