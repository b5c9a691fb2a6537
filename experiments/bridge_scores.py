"""Bridges side by side, on held-out passages, newsgroup posts and the tuning sets, without examples and with four.

::

    python experiments/bridge_scores.py before=work/old-bundle now=tiny --store OUT.run/store --out work/scores

What ``smotext bridge-score`` measures of sampled texts, one for each vector; all bridges with the same texts, the same
seeds and the same judge of fluency, SmolLM2-135M-Instruct without a bridge. Of texts beyond 300 characters the
beginning is taken: no bridge writes longer ones. The store is that of a run of ``smotext train``; its held-out passages
are of documents that no run trains on. Each bridge, set and number of examples is a cell that is kept in the folder of
--out: the same command goes on where it was stopped, and a bridge more costs its own cells alone. A bridge that cannot
show examples has no cells with them.

The bundled bridge takes ten minutes of a core, two with --texts 24. The one before it comes out of the repository by::

    mkdir -p work/old-bundle
    git archive ded58a7 src/smotext/assets/tiny | tar -x -C work/old-bundle --strip-components=4
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import DATA, clear_errors, load_newsgroups, load_set
from labelled_sets import TUNE
from numpy.typing import NDArray
from text_quality import shortened

from smotext import load_decoder
from smotext.decoders.base_model import BASES
from smotext.decoders.base_weights import load_base
from smotext.errors import InputError
from smotext.evaluation.results_file import Store
from smotext.presets import decoder_directory, load_encoder_of
from smotext.settings import Settings
from smotext.training.data.passage_store import read_texts
from smotext.training.models.pair import load_bridge, load_tokenizer
from smotext.training.scoring import measures
from smotext.training.scoring.score import (
    Decoding,
    VectorWriter,
    bare_bits,
    bits_per_character,
    nearest_examples,
    nearest_others,
)
from smotext.utils.seeding import generator

N_PASSAGES, N_OTHERS = 150, 100
EXAMPLES = (0, 4)
LONGEST = 60  # tokens
SETS = ("passages", "posts", *TUNE)
MEASURES = (
    "bits a character", "cosine at lam 1", "cosine at lam 0.5", "fluency", "distinct-1", "distinct-2", "repetitive",
    "cut off",
)  # fmt: skip


def main() -> None:
    """Score what is missing and print the table."""
    given = parsed_options()
    with clear_errors():
        bridges = dict(named(one) for one in given.bridges)
        texts = read_sets(given)
        given.out.mkdir(parents=True, exist_ok=True)
        for name, bridge in bridges.items():
            score(name, Scorer.of(bridge, given.dtype), texts, given.out, given.temperature)
        print(table(given.out, [*bridges], texts, given.temperature))


def parsed_options() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bridges", nargs="+", metavar="NAME=BRIDGE", help="a name for the table, and a path or preset")
    parser.add_argument("--store", type=Path, required=True, help="OUT.run/store of a run of smotext train")
    parser.add_argument("--out", type=Path, required=True, help="folder of finished cells")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with scikit_learn_data/ and labelled/")
    parser.add_argument("--texts", type=int, help="at most so many of each set (150 passages, 100 of the others)")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS, help="some of the sets")
    parser.add_argument("--temperature", type=float, default=Settings.temperature, help="of the sampled texts")
    parser.add_argument("--dtype", default="bfloat16", help="of the language models: float32 on older processors")
    return parser.parse_args()


def named(text: str) -> tuple[str, str]:
    """Return the name and the bridge of ``NAME=BRIDGE``.

    Examples
    --------
    >>> named("now=tiny")
    ('now', 'tiny')
    """
    name, equals, bridge = text.partition("=")
    if not (name and equals and bridge):
        raise InputError(f"{text!r} is no bridge with a name: expected NAME=BRIDGE, such as now=tiny")
    return name, bridge


def read_sets(given: argparse.Namespace) -> dict[str, list[str]]:
    """Return the texts of each set: a seeded choice, shortened."""
    found = {}
    for name in given.sets:
        if name == "passages":
            texts: Sequence[str] = read_texts(given.store / "held-out.jsonl.gz")
        else:
            train, _ = load_newsgroups(given.data) if name == "posts" else load_set(given.data, name)
            texts = train.texts
        order = generator(0, "bridge scores", name).permutation(len(texts))
        usable = [short for row in order if (short := shortened(texts[row]).strip())]
        most = N_PASSAGES if name == "passages" else N_OTHERS
        found[name] = usable[: min(most, given.texts or most)]
    return found


def measured(kept: Store, name: str, measure: Callable[..., Any], *arguments: Any) -> Any:
    """Return the figure of a name, measured if it is not kept yet."""
    found = kept.get({"cell": name})
    if found is None:
        started_s = time.perf_counter()
        found = measure(*arguments)
        kept.put({"cell": name}, found)
        print(f"{name}, {time.perf_counter() - started_s:.0f} s", file=sys.stderr, flush=True)
    return found


@dataclass(frozen=True)
class Scorer:
    """A bridge as the trainer and as users load it, and the judge of fluency."""

    pair: Any
    decoder: Any
    encoder: Any
    judge: tuple[Any, Any]

    @classmethod
    def of(cls, bridge: str, dtype: str) -> Scorer:
        """Return the scorer of a path or preset."""
        pair = load_bridge(decoder_directory(bridge))
        judge = load_base(BASES["smollm2-135m"], dtype=getattr(torch, dtype))
        tokenizer = load_tokenizer(str(decoder_directory("tiny")))
        return cls(pair, load_decoder(bridge, dtype=dtype), load_encoder_of(bridge, pair.spec), (judge, tokenizer))

    def judged(self, texts: Sequence[str]) -> float:
        """Return bits a character of texts, under the judge."""
        return bare_bits(*self.judge, texts)

    def bits(self, texts: Sequence[str], vectors: NDArray[np.float32]) -> float:
        """Return the bits a character that the bridge needs for texts, given their vectors."""
        return bits_per_character(self.pair, texts, self.pair.aligned(vectors))

    def written(
        self, texts: Sequence[str], vectors: NDArray[np.float32], decoding: Decoding, real_bits: float
    ) -> dict[str, float]:
        """Return what is measured of texts written for the vectors and for the points half way to the nearest other."""
        near = nearest_others(vectors, max(decoding.examples, 1))
        halves = np.asarray((vectors + vectors[near[:, 0]]) / 2, dtype=np.float32)
        write = VectorWriter(self.decoder, self.encoder, decoding, LONGEST)
        shown, shown_half = nearest_examples(texts, near, decoding.examples)
        whole, half = write.sampled(vectors, shown), write.sampled(halves, shown_half)
        new = [*whole.texts, *half.texts]
        return {
            "cosine at lam 1": float(whole.cosines.mean()),
            "cosine at lam 0.5": float(half.cosines.mean()),
            "fluency": self.judged(new) / real_bits,
            "distinct-1": measures.distinct(new, 1),
            "distinct-2": measures.distinct(new, 2),
            "repetitive": float(np.mean([measures.is_repetitive(text) for text in new])),
            "cut off": float(np.mean([not row.is_finished for row in (*whole.rows, *half.rows)])),
        }


def score(name: str, scorer: Scorer, sets: dict[str, list[str]], folder: Path, temperature: float) -> None:
    """Measure the cells of one bridge that are missing."""
    kept, real = store_of(folder, name), store_of(folder, "real")
    for of, texts in sets.items():
        vectors = np.asarray(scorer.encoder.encode(texts), dtype=np.float32)
        real_bits = measured(real, cell(of, texts, "fluency"), scorer.judged, texts)
        measured(kept, cell(of, texts, "bits a character"), scorer.bits, texts, vectors)
        for n in EXAMPLES if scorer.pair.spec.examples_template else EXAMPLES[:1]:
            decoding = Decoding(examples=n, temperature=temperature)
            written = cell(of, texts, written_with(n, temperature))
            measured(kept, written, scorer.written, texts, vectors, decoding, real_bits)


def cell(of: str, texts: Sequence[str], what: str) -> str:
    """Return the name of a figure: other texts have another one.

    Examples
    --------
    >>> cell("posts", ["one", "two"], "4 examples")
    'posts, 2 texts, 4 examples'
    """
    return f"{of}, {len(texts)} texts, {what}"


def written_with(n_examples: int, temperature: float) -> str:
    """Return how texts were written, for the name of a figure."""
    return f"{n_examples} examples, temperature {temperature:g}"


def store_of(folder: Path, name: str) -> Store:
    """Return the figures of a bridge that are kept, or those of the real texts."""
    return Store(folder / f"{name}.jsonl")


def figures(kept: Store, of: str, texts: Sequence[str], written: str) -> dict[str, float] | None:
    """Return the figures of one bridge on one set, None where it cannot write so; bits are of the vector alone."""
    bits, found = (kept.get({"cell": cell(of, texts, what)}) for what in ("bits a character", written))
    return None if found is None else {"bits a character": bits, **found}


def table(folder: Path, bridges: Sequence[str], sets: dict[str, list[str]], temperature: float) -> str:
    """Return the figures as a Markdown table: bridges beside each other in a row, one row a set and measure."""
    found = {
        (name, n): {of: figures(kept, of, texts, written_with(n, temperature)) for of, texts in sets.items()}
        for name in bridges
        for kept in [store_of(folder, name)]
        for n in EXAMPLES
    }
    columns = [column for column, of_sets in found.items() if all(of_sets.values())]
    lines = [f"| set | measure | {' | '.join(f'{name}, {n} examples' for name, n in columns)} |"]
    lines.append("|---" * (len(columns) + 2) + "|")
    of_sets: dict[str, Any] = {of: [found[column][of] for column in columns] for of in sets}
    of_sets["mean"] = [
        {measure: float(np.mean([row[place][measure] for row in of_sets.values()])) for measure in MEASURES}
        for place in range(len(columns))
    ]
    for of, rows in of_sets.items():
        lines += [f"| {of} | {measure} | {' | '.join(f'{row[measure]:.2f}' for row in rows)} |" for measure in MEASURES]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
