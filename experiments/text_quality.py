"""How the texts read that are written for small classes: label, fluency, variety, nearness, copies, weight of lam.

::

    python experiments/text_quality.py --sets trec6 airline_tweets --option examples=4 --option candidates=4
    python experiments/text_quality.py --report --samples 20

Each class gives 15 real texts, and a few new ones are written for it with the options given. Measured against real
texts of the same classes that were not among the 15:

* **label**: how often a classifier on the encoder's vectors, trained on other real rows, finds the class that a text
  was written for, over how often it finds that of real rows;
* **fluency**: bits a character under the bare language model, over those of real texts of the same lengths;
* **distinct-2**: share of different word pairs, over that of as many real texts of the same lengths;
* **cosine**: of each text's vector to the mix that it was written for;
* **copies**, **duplicates**: texts equal to, or with 10 words in a row of, a real text; texts that occurred before;
* **cut**: texts that end neither by themselves nor with a sentence;
* **TF-IDF**, **encoder**: macro-F1 in points of logistic regression (C = 10) on the 15 real texts of each class, and
  what it gains when the new ones are added, on TF-IDF features and on the vectors of the encoder;
* **lam**: with lam 0.9 and 0.1 and two parents, how often a text lies nearer to the weightier one, with the candidates
  given and with one.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from common import DATA, ONE_PASSAGE, clear_errors, load_set, method_options
from labelled_sets import choose_sets
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from smotext import SMOTExT
from smotext.decoders.prompts import on_one_line
from smotext.evaluation.labelled_texts import LabelledTexts
from smotext.filters.ngrams import WordRuns, squeeze
from smotext.training.scoring.measures import distinct
from smotext.training.scoring.score import bare_bits
from smotext.utils.seeding import generator
from smotext.utils.sentences import ends_sentence

SHOTS = 15
TRAIN_ROWS, REAL_ROWS = 60, 60  # of each class: for the classifier, and to compare with
MOST_CLASSES = 8
MOST_CHARACTERS = 300  # real texts are compared up to about here: no longer ones are written
MEASURES = (
    "texts", "label", "fluency", "distinct-2", "cosine", "copies", "duplicates", "cut", "words", "lam",
    "lam, 1 candidate", "s a row", "TF-IDF", "TF-IDF gain", "encoder", "encoder gain",
)  # fmt: skip


def main() -> None:
    """Measure and print a table."""
    given = parsed_options()
    with clear_errors():
        rows = {}
        for name in choose_sets(",".join(given.sets) if given.sets else None, is_report=given.report):
            rows[name] = measure(name, given)
            print(json.dumps({"set": name, "options": given.option, **rows[name]}), flush=True)
        print(table(rows))


def parsed_options() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", help="some of the half's sets")
    parser.add_argument("--report", action="store_true", help="open the report half")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with scikit_learn_data/ and labelled/")
    parser.add_argument("--model", default="tiny", help="preset, or path of a bridge")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=JSON", help="option of SMOTExT")
    parser.add_argument("--guidance", type=float, help="weight of the guidance head; the bridge's own unless given")
    parser.add_argument("--per-class", type=int, default=8, help="new texts of each class")
    parser.add_argument("--lam-texts", type=int, default=40, help="texts written to see whether lam counts; 0: none")
    parser.add_argument("--samples", type=int, default=0, help="print so many texts of each set, unselected")
    parser.add_argument("--random-seed", type=int, default=0)
    return parser.parse_args()


def measure(name: str, given: argparse.Namespace) -> dict[str, float]:
    """Return the measures of one set."""
    seed = given.random_seed
    real, few, others = parts(*load_set(given.data, name), name, seed)
    smx = SMOTExT(
        given.model, random_state=seed, on_shortfall="report", **{**ONE_PASSAGE, **method_options(given.option)}
    )
    encoder, decoder = smx.load()
    if given.guidance is not None:
        decoder.spec = replace(decoder.spec, guidance=given.guidance)
    started_s = time.perf_counter()
    made = smx.generate(few.texts, few.labels, n=dict.fromkeys(few.counts, given.per_class))
    seconds = (time.perf_counter() - started_s) / max(len(made), 1)
    texts, labels = made["text"].tolist(), made["label"].tolist()
    for text, label in [*zip(texts, labels, strict=True)][: given.samples]:
        print(f"  {label}: {text!r}")
    alike = of_like_lengths(texts, [shortened(text) for text in real.texts])
    judge = LogisticRegression(C=10, max_iter=2000).fit(encoder.encode(list(others.texts)), others.labels)
    kept = judge.score(encoder.encode(texts), labels) / judge.score(encoder.encode(list(real.texts)), real.labels)
    bare = bare_model(decoder)
    return {
        "texts": len(texts) / (given.per_class * len(few.counts)),
        "label": kept,
        "fluency": bare_bits(bare, decoder.tokenizer, texts) / bare_bits(bare, decoder.tokenizer, alike),
        "distinct-2": distinct(texts, 2) / distinct(alike, 2),
        "cosine": float(made["target_cosine"].mean()) if "target_cosine" in made else math.nan,
        "copies": share_of_copies(texts, few.texts),
        "duplicates": 1 - len(set(map(squeeze, texts))) / len(texts),
        "cut": float(np.mean([not row.is_finished and not ends_sentence(row.text) for row in made.itertuples()])),
        "words": float(
            np.mean([len(t.split()) for t in texts]) / np.mean([len(shortened(t).split()) for t in few.texts])
        ),
        "lam": lam_heard(smx, few, given.lam_texts, {}),
        "lam, 1 candidate": lam_heard(smx, few, given.lam_texts, {"candidates": 1}),
        "s a row": seconds,
        **gains(few, texts, labels, real, encoder),
    }


def gains(
    few: LabelledTexts, texts: Sequence[str], labels: Sequence[Any], real: LabelledTexts, encoder: Any
) -> dict[str, float]:
    """Return macro-F1 on real rows, in points, of classifiers trained on the few, and what the new texts add to it."""
    found = {}
    for name in ("TF-IDF", "encoder"):
        scores = []
        for more_texts, more_labels in (((), ()), (texts, labels)):
            known = [*few.texts, *more_texts]
            words = TfidfVectorizer(sublinear_tf=True).fit(known)
            features = words.transform if name == "TF-IDF" else encoder.encode
            classifier = LogisticRegression(C=10, max_iter=2000)
            classifier.fit(features(known), [*few.labels, *more_labels])
            scores.append(100 * f1_score(real.labels, classifier.predict(features(list(real.texts))), average="macro"))
        found |= {name: scores[0], f"{name} gain": scores[1] - scores[0]}
    return found


def parts(
    train: LabelledTexts, test: LabelledTexts, name: str, seed: int
) -> tuple[LabelledTexts, LabelledTexts, LabelledTexts]:
    """Return real rows to compare with, the 15 of each class, and rows for the classifier; classes are a choice."""
    rng = generator(seed, "text quality", name)
    classes = sorted(label for label, n in train.counts.items() if n >= SHOTS + 5 and test.counts.get(label, 0) >= 3)
    classes = [classes[place] for place in sorted(rng.permutation(len(classes))[:MOST_CLASSES])]
    few, others, real = [], [], []
    for label in classes:
        rows = rng.permutation([row for row, one in enumerate(train.labels) if one == label])
        few += rows[:SHOTS].tolist()
        others += rows[SHOTS : SHOTS + TRAIN_ROWS].tolist()
        real += rng.permutation([row for row, one in enumerate(test.labels) if one == label])[:REAL_ROWS].tolist()
    return test.take(real), train.take(few), train.take(others)


def lam_heard(smx: SMOTExT, few: LabelledTexts, n_texts: int, options: dict[str, Any]) -> float:
    """Return how often a text lies nearer to its weightier parent, half of the texts at lam 0.9, half at 0.1."""
    if n_texts == 0:
        return math.nan
    encoder, _ = smx.load()
    vectors = encoder.encode(list(few.texts))
    hits = []
    for lam in (0.9, 0.1):
        one = SMOTExT(**{**smx.get_params(), "strategy": "random", "lam": lam, "on_shortfall": "report", **options})
        made = one.generate(few.texts, few.labels, n=n_texts // 2)
        for vector, (first, second) in zip(encoder.encode(made["text"].tolist()), made["parents"], strict=True):
            nearer_to_first = vector @ vectors[first] > vector @ vectors[second]
            hits.append(bool(nearer_to_first) == (lam > 0.5))
    return float(np.mean(hits))


def bare_model(decoder: Any) -> Any:
    """Return the language model that the bridge stands on, without what was trained."""
    from smotext.decoders.base_model import BASES
    from smotext.decoders.base_weights import load_base

    return load_base(decoder.spec.base or BASES["smollm2-135m"])


def shortened(text: str) -> str:
    """Return the text on one line, up to the end of a word near 300 characters."""
    flat = on_one_line(text)
    return flat if len(flat) <= MOST_CHARACTERS else flat[:MOST_CHARACTERS].rsplit(" ", 1)[0]


def of_like_lengths(texts: Sequence[str], real: Sequence[str]) -> list[str]:
    """Return a real text for each text, of the nearest length, each real one at most once while there are others.

    Examples
    --------
    >>> of_like_lengths(["abc", "abcd"], ["x", "yyy", "zzz"])
    ['yyy', 'zzz']
    """
    left: list[str] = []
    found = []
    for text in texts:
        left = left or list(real)
        best = min(range(len(left)), key=lambda place: abs(len(left[place]) - len(text)))
        found.append(left.pop(best))
    return found


def share_of_copies(texts: Sequence[str], real: Sequence[str]) -> float:
    """Return the share of texts equal to a real one, or with ten words in a row of one."""
    originals = set(map(squeeze, real))
    runs = WordRuns.of(real).longest_copies(texts)
    return float(np.mean([squeeze(text) in originals or run >= 10 for text, run in zip(texts, runs, strict=True)]))


def table(rows: dict[str, dict[str, float]]) -> str:
    """Return the measures as a Markdown table, with their means."""
    names = [*rows, "mean"]
    columns = [*rows.values(), {name: float(np.mean([row[name] for row in rows.values()])) for name in MEASURES}]
    lines = [f"| set | {' | '.join(MEASURES)} |", "|---" * (len(MEASURES) + 1) + "|"]
    lines += [
        f"| {name} | {' | '.join(f'{row[m]:.2f}' for m in MEASURES)} |"
        for name, row in zip(names, columns, strict=True)
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
