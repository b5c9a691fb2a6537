"""The texts that the bundled bridge is scored on: held-out passages, short and long, and newsgroup posts.

    python experiments/held_out_passages.py CORPUS_DIR/*.jsonl.xz --data DATA --out work/held-out
    smotext bridge-score src/smotext/assets/tiny work/held-out/short.jsonl --max-new-tokens 64

The corpus is cut as recipes/tiny.sh cuts it, so that the passages are those that ``smotext train`` holds out there, in
its order; about six minutes. Which documents are held out depends on their text alone: another seed or number of
passages draws other passages, and none from a document that was trained on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from common import DATA, clear_errors, load_newsgroups

from smotext.presets import decoder_directory
from smotext.training.build import count_tokens
from smotext.training.data.drawing import read_corpus
from smotext.training.data.passages import Cutting
from smotext.training.models.pair import load_tokenizer

RECIPE = Cutting(
    min_tokens=6, max_tokens=60, max_sentences=3, clean=True, max_tokens_per_word=1.8, group_size=8, document_share=0.4
)
SHORT_TOKENS = 32  # the longest passage of the short set
N_SHORT, N_LONG, N_POSTS = 300, 200, 100


def main() -> None:
    """Write short.jsonl, long.jsonl and posts.jsonl."""
    given = parsed_options()
    with clear_errors():
        train, _ = load_newsgroups(given.data)  # first: if they are missing, six minutes are saved
        tokenizer = load_tokenizer(str(decoder_directory(given.bridge)))
        passages = read_corpus(
            given.corpus,
            lambda texts: count_tokens(tokenizer, texts),
            cutting=RECIPE,
            max_passages=given.max_passages,
            n_held_out=given.held_out,
            seed=given.random_seed,
            equal_shares=True,
        ).held_out
        short, long = by_length(passages, count_tokens(tokenizer, passages))
        posts = [train.texts[row] for row in np.random.default_rng(0).permutation(len(train))]
        given.out.mkdir(parents=True, exist_ok=True)
        for name, texts in (("short", short[:N_SHORT]), ("long", long[:N_LONG]), ("posts", posts[:N_POSTS])):
            write_texts(given.out / f"{name}.jsonl", texts)
            print(f"{name}: {len(texts)} texts")


def parsed_options() -> argparse.Namespace:
    """Return the options; their defaults are those of the recipe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="+", type=Path, help="the recipe's corpus files, in its order")
    parser.add_argument("--out", type=Path, required=True, help="folder of the three files")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with scikit_learn_data/")
    parser.add_argument("--bridge", default="tiny", help="whose tokens are counted: preset, or path of a bridge")
    parser.add_argument("--max-passages", type=int, default=150_000, help="as given to smotext train")
    parser.add_argument("--held-out", type=int, default=600, help="as given to smotext train")
    parser.add_argument("--random-seed", type=int, default=0, help="as given to smotext train")
    return parser.parse_args()


def by_length(passages: Sequence[str], n_tokens: Sequence[int]) -> tuple[list[str], list[str]]:
    """Return the passages of up to 32 tokens, and the others, each in the order given.

    Examples
    --------
    >>> by_length(["one", "two", "three"], [32, 33, 8])
    (['one', 'three'], ['two'])
    """
    short = [text for text, n in zip(passages, n_tokens, strict=True) if n <= SHORT_TOKENS]
    return short, [text for text, n in zip(passages, n_tokens, strict=True) if n > SHORT_TOKENS]


def write_texts(path: Path, texts: Sequence[str]) -> None:
    """Write one JSON object with a ``text`` a line."""
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")


if __name__ == "__main__":
    main()
