"""Whether new texts with several labels help: one classifier a label, on real texts and with synthetic ones.

    python experiments/several_labels.py --data DATA

Two questions of TREC in a row have the labels of both, some questions stand alone: a set of texts with one or two of
six labels, the rarest with 1 % of the questions. Trained on a few, with and without synthetic texts, and tested on
others drawn alike from the test part. Prints macro-F1 and MeanIR of each seed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common import DATA, clear_errors, load_set
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MultiLabelBinarizer

from smotext import SMOTExT, load_encoder
from smotext.data.label_sets import mean_imbalance, read_label_sets
from smotext.evaluation.classifiers import EncoderFeatures
from smotext.evaluation.labelled_texts import LabelledTexts
from smotext.utils.seeding import generator

PAIRED = 0.5  # share of the texts that are two questions


def main() -> None:
    """Print a line for each seed and classifier."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with labelled/")
    parser.add_argument("--model", default="tiny", help="preset, or path of a bridge")
    parser.add_argument("--n-train", type=int, default=120, help="texts to train on")
    parser.add_argument("--n-test", type=int, default=400, help="texts to test on")
    parser.add_argument("--seeds", type=int, default=3, help="draws of the training texts")
    parser.add_argument("--strategy", default="not majority", help="sampling_strategy: auto is MLSMOTE's rule")
    parser.add_argument("--rule", default="ranking", help="ranking, union or intersection")
    given = parser.parse_args()
    with clear_errors():
        train, test = load_set(given.data, "trec6")
        features = EncoderFeatures(load_encoder(given.model))
        for seed in range(given.seeds):
            measure(draw(train, given.n_train, seed), draw(test, given.n_test, seed), features, given, seed)


def measure(
    train: tuple[list[str], list[set[str]]],
    test: tuple[list[str], list[set[str]]],
    features: EncoderFeatures,
    given: argparse.Namespace,
    seed: int,
) -> None:
    """Print macro-F1 with and without synthetic texts."""
    start = time.process_time()
    sampler = SMOTExT(given.model, random_state=seed, sampling_strategy=given.strategy, labelset_strategy=given.rule)
    texts, labels = sampler.fit_resample(*train)
    before, after = (mean_imbalance(read_label_sets(y, len(y)).counts) for y in (train[1], labels))
    n_new = len(texts) - len(train[0])
    seconds = time.process_time() - start
    print(f"seed {seed}: {n_new} new texts, MeanIR {before:.2f} -> {after:.2f}, {seconds:.0f} s of CPU", flush=True)
    binarizer = MultiLabelBinarizer().fit(labels)
    for name, first in (("TF-IDF", TfidfVectorizer(sublinear_tf=True)), ("frozen encoder", features)):
        scores = [
            f1_score(
                binarizer.transform(test[1]),
                _fitted(first, X, binarizer.transform(y)).predict(test[0]),
                average="macro",
                zero_division=0,
            )
            for X, y in (train, (texts, labels))
        ]
        print(f"  {name}: macro-F1 {scores[0]:.3f} real, {scores[1]:.3f} with synthetic texts")


def _fitted(first: Any, texts: Sequence[str], targets: Any) -> Any:
    head = OneVsRestClassifier(LogisticRegression(max_iter=1000, class_weight="balanced"))
    return make_pipeline(first, head).fit(texts, targets)


def draw(rows: LabelledTexts, n: int, seed: int) -> tuple[list[str], list[set[str]]]:
    """Return texts of one or two questions, and the labels of each."""
    rng = generator(seed, "several labels", len(rows.texts))
    texts, labels = [], []
    for _ in range(n):
        chosen = rng.choice(len(rows.texts), size=2 if rng.random() < PAIRED else 1, replace=False)
        texts.append(" ".join(rows.texts[row] for row in chosen))
        labels.append({str(rows.labels[row]) for row in chosen})
    return texts, labels


if __name__ == "__main__":
    main()
