"""Which synthetic texts help? Measures of texts and of whole runs against what they gain, over the same pools.

    python experiments/pools.py --out work/pools
    python experiments/helpful_texts.py --pools work/pools --fluency

Per text: half of each class's texts, the upper by a measure, against the other half, at equal count, and against all.
Per run: the correlation of a run's measure with its gain in macro-F1, the mean of each set taken off both. Classifiers
are logistic regression (C = 10), where synthetic rows have at most half of their class's weight.

* **cosine**: of a text's vector to the mix that it was written for;
* **label**: probability of its class under the discriminant of the label filter, its parents left out;
* **fluency**: bits a character under the bare language model, the sign turned (with --fluency; slow);
* **nearness**: cosine to the nearest real text of the training rows;
* **length**: in words;
* **distinct-2**, **BLEU** with the other texts of the class, **Vendi** score per text of a class (runs alone).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import DATA, clear_errors
from numpy.typing import NDArray
from pools import Pool, read_pools
from scipy.stats import pearsonr
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from smotext import load_decoder, load_encoder
from smotext.augmentation.sample_weights import half_weights
from smotext.evaluation.classifiers import EncoderFeatures
from smotext.evaluation.statistics import mean_interval
from smotext.evaluation.study_report import gain_cell
from smotext.filters.discriminant import Discriminant
from smotext.filters.labels import label_scores
from smotext.fitting.choosing import macro_f1
from smotext.training.scoring.measures import bleu, distinct
from smotext.utils.geometry import unit

STRENGTH = 10.0
MODELS = ("TF-IDF", "frozen encoder")
N_SHIFTS = 5  # so many other texts of its class each text is compared with


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with labelled/")
    parser.add_argument("--pools", type=Path, required=True, help="folder that experiments/pools.py wrote")
    parser.add_argument("--model", default="tiny", help="whose encoder and language model measure")
    parser.add_argument("--fluency", action="store_true", help="ask the bare language model, too")
    given = parser.parse_args()
    with clear_errors():
        encoder = EncoderFeatures(load_encoder(given.model))
        decoder = load_decoder(given.model) if given.fluency else None
        pools = read_pools(given.pools, given.data)
        of_texts = [text_measures(pool, encoder, decoder) for pool in pools]
        print("\n".join(texts_table(pools, of_texts, encoder)), "\n")
        print("\n".join(runs_table(pools, of_texts, encoder)))


def text_measures(pool: Pool, encoder: Any, decoder: Any) -> dict[str, NDArray[np.float64]]:
    """Return each measure of each new text, the higher the more of it."""
    real, texts = list(pool.fold.train.texts), pool.made["text"].tolist()
    vectors, of_real = encoder.encode(texts), encoder.encode(real)
    labels = pool.made["label"].to_numpy(dtype=object)
    judge = Discriminant.fit(of_real, np.array(pool.fold.train.labels, dtype=object))
    found = {
        "cosine": pool.made["target_cosine"].to_numpy(dtype=float),
        "label": label_scores(judge, vectors, labels, np.array(pool.made["parents"].tolist())),
        "nearness": (unit(vectors) @ unit(of_real).T).max(axis=1).astype(float),
        "length": np.array([float(len(text.split())) for text in texts]),
    }
    if decoder is not None:
        from text_quality import bare_model

        from smotext.training.scoring.score import bare_bits

        bare = bare_model(decoder)
        found["fluency"] = -np.array([bare_bits(bare, decoder.tokenizer, [text]) for text in texts])
    return found


def run_measures(pool: Pool, of_texts: dict[str, NDArray[np.float64]], encoder: Any) -> dict[str, float]:
    """Return the means of the texts' measures, and measures of variety."""
    labels, texts = pool.made["label"].to_numpy(), pool.made["text"].to_numpy(dtype=object)
    of_class = [texts[labels == label].tolist() for label in sorted(set(labels.tolist()))]
    shifted = [
        (text, some[(place + shift) % len(some)])
        for some in of_class
        for shift in range(1, min(N_SHIFTS, len(some) - 1) + 1)
        for place, text in enumerate(some)
    ]
    return {
        **{name: float(np.nanmean(values)) for name, values in of_texts.items()},
        "distinct-2": distinct(texts.tolist(), 2),
        "BLEU": bleu(*zip(*shifted, strict=True)),
        "Vendi": float(np.mean([vendi_score(encoder.encode(some)) / len(some) for some in of_class])),
    }


def vendi_score(vectors: NDArray[Any]) -> float:
    """Return the effective number of different vectors (Friedman and Dieng, TMLR 2023), their kernel the cosine.

    Examples
    --------
    >>> round(vendi_score(np.eye(3)), 6), round(vendi_score(np.ones((3, 2))), 6)
    (3.0, 1.0)
    """
    rows = unit(np.asarray(vectors, dtype=np.float64))
    values = np.linalg.eigvalsh(rows @ rows.T / len(rows)).clip(1e-12)
    return float(np.exp(-(values * np.log(values)).sum()))


def score(pool: Pool, model: str, rows: Sequence[int], encoder: Any) -> float:
    """Return macro-F1 in points, trained on the real rows and some of the new ones."""
    chosen = pool.new.take(rows)
    texts = [*pool.fold.train.texts, *chosen.texts]
    labels = [*pool.fold.train.labels, *chosen.labels]
    words = TfidfVectorizer(sublinear_tf=True).fit(texts)
    features = words.transform if model == "TF-IDF" else encoder.encode
    weights = half_weights(labels, len(pool.fold.train))
    head = LogisticRegression(C=STRENGTH, max_iter=2000).fit(features(texts), labels, sample_weight=weights)
    return 100 * macro_f1(pool.fold.test.labels, head.predict(features(list(pool.fold.test.texts))).tolist())


def halves(pool: Pool, values: NDArray[np.float64]) -> tuple[list[int], list[int]]:
    """Return the rows of each class's upper and lower half by a measure; the middle one of an odd number is in none."""
    upper, lower = [], []
    labels = pool.made["label"].to_numpy()
    for label in sorted(set(labels.tolist())):
        rows = np.flatnonzero(labels == label)
        order = rows[np.argsort(-values[rows], kind="stable")].tolist()
        half = len(order) // 2
        upper += order[:half]
        lower += order[len(order) - half :]
    return upper, lower


def texts_table(pools: Sequence[Pool], of_texts: Sequence[dict[str, Any]], encoder: Any) -> list[str]:
    """Return a line per model and measure: what the upper half gains over the lower one, and over all texts."""
    lines = [
        "| model | measure | runs | upper half less lower half | upper half less all texts |",
        "|---|---|---|---|---|",
    ]
    for model in MODELS:
        of_all = np.array([score(pool, model, range(len(pool.made)), encoder) for pool in pools])
        for name in of_texts[0]:
            found = [
                [score(pool, model, rows, encoder) for rows in halves(pool, measured[name])]
                for pool, measured in zip(pools, of_texts, strict=True)
            ]
            upper, lower = np.array(found).T
            cells = [gain_cell(mean_interval(gains)) for gains in (upper - lower, upper - of_all)]
            lines.append(f"| {' | '.join([model, name, str(len(pools)), *cells])} |")
    return lines


def runs_table(pools: Sequence[Pool], of_texts: Sequence[dict[str, Any]], encoder: Any) -> list[str]:
    """Return a line per measure: its range, and its correlation with the gain, with intervals."""
    measured = [run_measures(pool, found, encoder) for pool, found in zip(pools, of_texts, strict=True)]
    sets = np.array([pool.name for pool in pools])
    gains = {model: np.array([_gain(pool, model, encoder) for pool in pools]) for model in MODELS}
    lines = [
        *(f"{model}: mean gain {gain_cell(mean_interval(found))}, {len(found)} runs" for model, found in gains.items()),
        "",
        f"| measure | mean | range | {' | '.join(f'correlation, {model}' for model in MODELS)} |",
        "|---" * 5 + "|",
    ]
    for name in measured[0]:
        values = np.array([found[name] for found in measured])
        cells = [_correlation(_within(values, sets), _within(found, sets)) for found in gains.values()]
        lines.append(
            f"| {name} | {values.mean():.3f} | {values.min():.3f} to {values.max():.3f} | {' | '.join(cells)} |"
        )
    return lines


def _gain(pool: Pool, model: str, encoder: Any) -> float:
    return score(pool, model, range(len(pool.made)), encoder) - score(pool, model, [], encoder)


def _within(values: NDArray[np.float64], sets: NDArray[Any]) -> NDArray[np.float64]:
    """Return the values less the mean of their set."""
    return values - np.array([values[sets == name].mean() for name in sets])


def _correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> str:
    if len(first) < 4 or not first.any() or not second.any():
        return "-"
    found = pearsonr(first, second)
    low, high = found.confidence_interval()
    return f"{found.statistic:+.2f} [{low:+.2f}, {high:+.2f}]"


if __name__ == "__main__":
    main()
