"""What counts as a copy of a real text: hardly any other real text, and texts with a word changed.

::

    python experiments/copies.py                        # every labelled set; a minute
    python experiments/copies.py --sets trec6 banking77 --seeds 3

The guard against copies is fitted on 15, or 100, real texts of each class. **Others** is the share of other real texts
of the same classes that it takes for copies; two thirds of a small class are fitted on, and texts of the same words
count once. The other columns are shares of edits that it catches: a word inserted, deleted or replaced, two of them
from 13 words on. Inserted words come from other real texts. Nothing is generated, and no text's quality is looked at:
all sets may be counted at any time.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from common import DATA, clear_errors
from labelled_sets import REPORT, TUNE

from smotext.data.tables import read_table
from smotext.errors import MissingFileError
from smotext.filters import Batch, Copied, FittedFilter, RealTexts
from smotext.filters.judge import GUARDED_SHARE
from smotext.filters.ngrams import squeeze, words

SETS = tuple(name for name in (*TUNE, *REPORT) if name != "twenty_newsgroups")
SIZES = (15, 100)
LENGTHS = ((4, 5), (6, 8), (9, 12), (13, None))
# Of each size and seed: so many other texts, shared out over the classes, and so many edits.
N_OTHERS, N_EDITS = 2000, 750

Rows = list[tuple[str, str]]


def main() -> None:
    """Print a line for each set and number of real texts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with labelled/")
    parser.add_argument("--sets", nargs="+", default=SETS, help="names of labelled sets")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--share", type=float, default=GUARDED_SHARE, help="of Copied; the guard's own by default")
    given = parser.parse_args()
    names = [f"{low} to {high} words" if high else f"{low} words or more" for low, high in LENGTHS]
    print(f"| set | real texts a class | others | {' | '.join(names)} |")
    print("|---" * (3 + len(names)) + "|")
    with clear_errors():
        for name in given.sets:
            by_class = distinct_texts(given.data, name)
            for size in SIZES:
                rates = [measure(by_class, size, seed, given.share) for seed in range(given.seeds)]
                cells = [_cell([rate[column] for rate in rates]) for column in range(1 + len(LENGTHS))]
                print(f"| {name} | {size} | {' | '.join(cells)} |", flush=True)


def distinct_texts(data: Path, name: str) -> dict[str, list[str]]:
    """Return the texts of a set by class; of those of the same words the first."""
    firsts: dict[str, tuple[str, str]] = {}
    for part in ("train", "test"):
        path = data / "labelled" / f"{name}.{part}.jsonl.gz"
        if not path.is_file():
            raise MissingFileError(f"{path} is not there: give the folder of the data with --data")
        table = read_table(path)
        for text, label in zip(table.texts.tolist(), table.labels.tolist(), strict=True):
            firsts.setdefault(squeeze(text), (text, label))
    found: dict[str, list[str]] = {}
    for text, label in firsts.values():
        found.setdefault(label, []).append(text)
    return found


def measure(by_class: dict[str, list[str]], size: int, seed: int, share: float) -> list[tuple[int, int]]:
    """Return (copies, texts) among other real texts, and among edits of each length."""
    rng = np.random.default_rng(seed)
    real: Rows = []
    others: Rows = []
    for label, texts in by_class.items():
        order = [(texts[row], label) for row in rng.permutation(len(texts))]
        n_real = min(size, len(texts) * 2 // 3)
        real += order[:n_real]
        others += order[n_real : n_real + max(N_OTHERS // len(by_class), 1)]
    guard = Copied(share=share).fit(_real(real))
    edited: list[Rows] = [[] for _ in LENGTHS]
    vocabulary = [word for text, _ in real for word in text.split()]
    for row in rng.permutation(len(real))[:N_EDITS]:
        text, label = real[row]
        place = _length_of(text)
        if place is not None:
            edited[place].append((edit(text, vocabulary, rng), label))
    return [_copies(guard, rows) for rows in (others, *edited)]


def edit(text: str, vocabulary: Sequence[str], rng: np.random.Generator) -> str:
    """Return a text with one word inserted, deleted or replaced, and two such changes from 13 words on.

    Examples
    --------
    >>> len(edit("one two three four", ["x"], np.random.default_rng(0)).split()) in (3, 4, 5)
    True
    """
    parts = text.split()
    for _ in range(1 if len(words(text)) < LENGTHS[-1][0] else 2):
        kind, word = rng.integers(3), vocabulary[rng.integers(len(vocabulary))]
        place = int(rng.integers(len(parts)))
        parts[place : place + (kind > 0)] = [] if kind == 2 else [word]
    return " ".join(parts)


def _length_of(text: str) -> int | None:
    n_words = min(len(words(text)), len(text.split()))
    fitting = [place for place, (low, high) in enumerate(LENGTHS) if low <= n_words <= (high or n_words)]
    return fitting[0] if fitting else None


def _real(rows: Rows) -> RealTexts:
    return RealTexts([text for text, _ in rows], _labels(rows), np.zeros((len(rows), 1), dtype=np.float32))


def _labels(rows: Rows) -> np.ndarray:
    return np.array([label for _, label in rows], dtype=object)


def _copies(guard: FittedFilter, rows: Rows) -> tuple[int, int]:
    n = len(rows)
    nothing, yes = np.zeros((n, 1), dtype=np.float32), np.ones(n, dtype=bool)
    batch = Batch([text for text, _ in rows], _labels(rows), nothing, nothing, np.full((n, 2), -1), yes, yes)
    return int((~guard(batch)[0]).sum()), n


def _cell(counts: list[tuple[int, int]]) -> str:
    n_copies, n = (sum(column) for column in zip(*counts, strict=True))
    return f"{100 * n_copies / n:.1f} % of {n:,}" if n else "-"


if __name__ == "__main__":
    main()
