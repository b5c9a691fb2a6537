"""Plant faults among good texts and count which of them the filters catch, on ten newsgroups.

    python benchmarks/filters.py --data FOLDER_OF_20NEWS [--per-class 100] [--seeds 3]

Real texts: posts of the training part, drawn per class. Good texts: posts of the by-date test part. Faults are
planted in those. Nothing but the text gives a fault away: the target is the text's own vector and parents are
unknown, so that `off_target` has no say.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from smotext import load_encoder
from smotext.encoders.cache import encode_cached
from smotext.filters import Judge, OffLabel, RealTexts, make_judge
from smotext.filters.ngrams import WordRuns
from smotext.mixing.plan import UNKNOWN, MixPlan

GROUPS = (
    "comp.graphics", "rec.autos", "rec.sport.hockey", "sci.med", "sci.space", "talk.politics.mideast",
    "soc.religion.christian", "misc.forsale", "sci.crypt", "talk.politics.guns",
)  # fmt: skip
LEAST_WORDS = 10
REPEATED = 13  # words in a row shared with a real text: a repost (GPT-3's contamination study)
LETTERS = "abcdefghijklmnopqrstuvwxyz"
LONGEST_FAULT = 200  # words

Texts = list[str]


def main() -> None:
    """Print the share of each kind that is rejected, and the curve of the label bound."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="scikit-learn's data folder, 20 Newsgroups in it")
    parser.add_argument("--per-class", type=int, default=100)
    parser.add_argument("--good", type=int, default=100, help="good texts per class")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--dtype", help="precision of the encoder, such as bfloat16")
    options = parser.parse_args()
    train, test = (posts(options.data, part) for part in ("train", "test"))
    encoder = CachedEncoder(options.model, options.dtype)
    reports, curves = [], []
    for seed in range(options.seeds):
        rng = np.random.default_rng(seed)
        real, good = draw(train, options.per_class, rng), draw(test, options.good, rng)
        started = time.perf_counter()
        known = RealTexts(real["text"].tolist(), real["label"].to_numpy(), encoder.encode(real["text"].tolist()))
        planted = plant(known, good, rng)
        for name in ("default", "strict"):
            judged = judge(make_judge(name, known, encoder), planted, encoder)
            repeats = WordRuns.of(known.texts).longest_copies(judged["text"]) >= REPEATED
            reports.append(judged.assign(filters=name, seed=seed, is_repeat=repeats))
        curves.append(label_curve(known, planted, encoder).assign(seed=seed))
        print(f"seed {seed}: {len(planted)} texts in {time.perf_counter() - started:.0f} s", flush=True)
    report(pd.concat(reports))
    curve = pd.concat(curves).groupby("share")[["wrong labels caught", "good lost"]]
    print("\nOffLabel alone, by the share of real texts below its bound (mean over seeds)")
    print(curve.mean().round(3).to_string())


class CachedEncoder:
    """The preset's encoder, each text encoded once."""

    def __init__(self, model: str, dtype: str | None) -> None:
        self.encoder = load_encoder(model, dtype=dtype)

    def encode(self, texts: Texts) -> np.ndarray:
        """Return one vector per text."""
        return encode_cached(self.encoder, texts)


def posts(folder: Path, part: str) -> pd.DataFrame:
    """Return the posts of ten words or more, without headers, footers and quotes."""
    from sklearn.datasets import fetch_20newsgroups

    found = fetch_20newsgroups(
        data_home=folder, download_if_missing=False, subset=part, categories=GROUPS,
        remove=("headers", "footers", "quotes"),
    )  # fmt: skip
    table = pd.DataFrame({"text": found.data, "label": [found.target_names[place] for place in found.target]})
    return table[table["text"].str.split().str.len() >= LEAST_WORDS].astype(object).reset_index(drop=True)


def draw(table: pd.DataFrame, per_class: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return posts drawn per class."""
    rows = [rng.permutation(np.flatnonzero(table["label"] == group))[:per_class] for group in GROUPS]
    return table.iloc[np.concatenate(rows)].reset_index(drop=True)


def plant(real: RealTexts, good: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return the good texts, and for each kind of fault a table of the same labels, one below the other."""
    texts, labels = good["text"].tolist(), good["label"].tolist()
    of_class = {group: np.flatnonzero(real.labels == group) for group in GROUPS}
    copied = [real.texts[rng.choice(of_class[label])] for label in labels]
    vocabulary = sorted({word for text in real.texts for word in text.split()})
    spoken = [word for text in real.texts for word in text.split()]
    shuffled = [" ".join(rng.permutation(text.split()[:LONGEST_FAULT])) for text in texts]
    others = [
        GROUPS[(GROUPS.index(label) + int(step)) % 10]
        for label, step in zip(labels, rng.integers(1, 10, len(labels)), strict=True)
    ]
    kinds: dict[str, tuple[str, Texts, list[str]]] = {
        "good": ("good", texts, labels),
        "wrong label": ("wrong label", texts, others),
        "copy: exact": ("copy", copied, labels),
        "copy: capitals, no punctuation": ("copy", [bare(text) for text in copied], labels),
        "copy: first half": ("copy", [" ".join(text.split()[: -(-len(text.split()) // 2)]) for text in copied], labels),
        "copy: one word in ten dropped": ("copy", [thinned(text, rng) for text in copied], labels),
        "gibberish: letters": ("gibberish", each(texts, lambda n: letters(n, rng)), labels),
        "gibberish: any words": ("gibberish", each(texts, lambda n: " ".join(rng.choice(vocabulary, n))), labels),
        "gibberish: usual words": ("gibberish", each(texts, lambda n: " ".join(rng.choice(spoken, n))), labels),
        "gibberish: shuffled": ("gibberish", shuffled, labels),
    }  # fmt: skip
    tables = [
        pd.DataFrame({"text": planted, "label": asked, "kind": kind, "group": group}, dtype=object)
        for kind, (group, planted, asked) in kinds.items()
    ]
    return pd.concat(tables, ignore_index=True)


def each(texts: Texts, make: Callable[[int], str]) -> Texts:
    """Return a made-up text as long as each of the texts, 200 words at most."""
    return [make(min(LONGEST_FAULT, len(text.split()))) for text in texts]


def letters(n_words: int, rng: np.random.Generator) -> str:
    """Return words of two to nine random letters."""
    return " ".join("".join(rng.choice([*LETTERS], rng.integers(2, 10))) for _ in range(n_words))


def bare(text: str) -> str:
    """Return the text in capitals, without punctuation."""
    return "".join(character if character.isalnum() else " " for character in text).upper()


def thinned(text: str, rng: np.random.Generator) -> str:
    """Return the text with every tenth word dropped, on average."""
    words = text.split()
    return " ".join(word for word, draw in zip(words, rng.random(len(words)), strict=True) if draw >= 0.1)


def judge(by: Judge, planted: pd.DataFrame, encoder: CachedEncoder) -> pd.DataFrame:
    """Return the planted texts with the reason of those rejected.

    Each kind is judged by itself, so that planted faults are no duplicates of the good texts they were made of.
    """
    parts = []
    for _, part in planted.groupby("kind", sort=False):
        vectors = encoder.encode(part["text"].tolist())
        rows = part.assign(is_finished=True, accepted=True, reason="")
        fresh = Judge(by.filters, encoder)  # remembers nothing
        parts.append(
            fresh.score(rows, plan_of(part["label"].to_numpy(dtype=object), vectors), lambda plan: plan.vectors)
        )
    return pd.concat(parts, ignore_index=True)


def plan_of(labels: np.ndarray, vectors: np.ndarray) -> MixPlan:
    """Return a plan of unknown parents whose targets are the given vectors."""
    n_rows = len(labels)
    zeros = np.zeros(n_rows, dtype=np.int64)
    return MixPlan(
        labels=labels, ordinals=np.arange(n_rows), attempts=zeros, candidates=zeros,
        parents=np.full((n_rows, 2), UNKNOWN), weights=np.full((n_rows, 2), np.nan), seeds=zeros,
        strategies=np.full(n_rows, "planted", dtype=object), vectors=vectors,
    )  # fmt: skip


def label_curve(real: RealTexts, planted: pd.DataFrame, encoder: CachedEncoder) -> pd.DataFrame:
    """Return how many wrong labels are caught and good texts lost, for several bounds."""
    points = []
    for share in (0.01, 0.02, 0.03, 0.04, 0.045, 0.05, 0.06, 0.07, 0.08, 0.1, 0.15):
        fitted = Judge([OffLabel(share=share).fit(real)], encoder)
        judged = judge(fitted, planted[planted["kind"].isin(["good", "wrong label"])], encoder)
        fallen = (~judged["accepted"]).groupby(judged["kind"]).mean()
        points.append({"share": share, "wrong labels caught": fallen["wrong label"], "good lost": fallen["good"]})
    return pd.DataFrame(points)


def report(judged: pd.DataFrame) -> None:
    """Print the share of each kind that is rejected, and what the good texts fell to."""
    for name, rows in judged.groupby("filters", sort=False):
        fallen = ~rows["accepted"].astype(bool)
        print(f"\nfilters={name!r}: share rejected (mean over seeds, lowest and highest)")
        for level in ("group", "kind"):
            shares = fallen.groupby([rows[level], rows["seed"]], sort=False).mean().unstack()
            for kind, row in shares.iterrows():
                print(f"  {kind:32s} {row.mean():.3f}  [{row.min():.3f}, {row.max():.3f}]")
            print()
        good = rows[rows["kind"] == "good"]
        fresh = good[~good["is_repeat"]]
        lost_fresh = 1 - fresh["accepted"].astype(bool).mean()
        print(f"  good texts that repeat no {REPEATED} words of a real one ({len(fresh)}): {lost_fresh:.3f}")
        lost = (good["reason"][good["reason"] != ""].value_counts() / len(good)).round(4)
        print("  what good texts fell to:", ", ".join(f"{reason} {share}" for reason, share in lost.items()))


if __name__ == "__main__":
    main()
