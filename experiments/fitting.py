"""How to fit on synthetic texts: alike, lighter, first, or each by its own weight? All ways on the same pools.

    python experiments/pools.py --out work/pools
    python experiments/fitting.py --pools work/pools

* **alike**, **half**, **chosen**: synthetic rows weigh as much as real ones, half of their class, or what is chosen;
* **two-stage**: logistic regression is fitted on the synthetic rows, then on the real ones with an L2 pull towards the
  first fit (and **two-stage or real**: whichever is chosen);
* **importance** and **importance, chosen**: each synthetic row weighs p(label | text) of a classifier on the real rows
  over that of one on the synthetic rows (IMP-Loss of arXiv 2410.21526, out of fold here), 0.1 to 10, 1 on a class's
  mean.

``C`` is chosen for each way in five folds of the real rows, scored on these. Nothing is written anew for a fold: there
a text is left out if a parent is held out, and the examples that its prompt showed do not count.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from common import DATA, clear_errors
from numpy.typing import NDArray
from pools import Pool, read_pools
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from smotext import load_encoder
from smotext.augmentation.sample_weights import half_weights, weights_at
from smotext.evaluation.classifiers import EncoderFeatures
from smotext.evaluation.statistics import mean_interval
from smotext.evaluation.study_report import gain_cell
from smotext.fitting.choosing import STRENGTHS, WEIGHTS, macro_f1
from smotext.fitting.new_rows import real_folds

MODELS = ("TF-IDF", "frozen encoder")
CHECKER_C = 10.0  # of the two classifiers whose probabilities are importance weights


@dataclass(frozen=True)
class Rows:
    """Feature rows and class numbers, real ones and synthetic ones; `share`: synthetic rows meant for each real one."""

    real: Any
    labels: NDArray[np.int64]
    new: Any
    new_labels: NDArray[np.int64]
    share: float

    @cached_property
    def importance(self) -> NDArray[np.float64] | None:
        """A factor of each synthetic row, None where a class has too few of them to tell."""
        if len(self.new_labels) == 0 or min(np.bincount(self.new_labels, minlength=len(set(self.labels.tolist())))) < 2:
            return None
        places = np.arange(len(self.new_labels)), self.new_labels
        quality = head(self.real, self.labels, CHECKER_C).predict_proba(self.new)[places]
        checker = LogisticRegression(C=CHECKER_C, solver="newton-cg")
        own = cross_val_predict(checker, self.new, self.new_labels, cv=2, method="predict_proba")[places]
        factors = (quality / own).clip(0.1, 10)
        means = np.bincount(self.new_labels, factors) / np.bincount(self.new_labels)
        return factors / means[self.new_labels]


Fit = Callable[[Rows, float, float], Any]
"""``fit(rows, C, weight)``: something with a ``predict``."""


class Linear:
    """A linear classifier with softmax probabilities."""

    @classmethod
    def of(cls, fitted: LogisticRegression) -> Linear:
        """Return logistic regression as one; of two classes it has a single row, which is shared out."""
        parts = (fitted.coef_, fitted.intercept_[:, None])
        coef, intercept = (np.vstack([-part, part]) / 2 if len(part) == 1 else part for part in parts)
        return cls(coef, intercept[:, 0])

    def __init__(self, coef: NDArray[np.float64], intercept: NDArray[np.float64]) -> None:
        self.coef, self.intercept = coef, intercept

    def predict(self, rows: Any) -> NDArray[np.int64]:
        """Return class numbers."""
        return np.asarray(rows @ self.coef.T + self.intercept).argmax(axis=1)


def head(rows: Any, labels: NDArray[np.int64], strength: float, weights: Any = None) -> Any:
    """Return logistic regression after its fit."""
    return LogisticRegression(C=strength, solver="newton-cg").fit(rows, labels, sample_weight=weights)


def pulled_fit(first: Linear, rows: Any, labels: NDArray[np.int64], strength: float) -> Linear:
    """Return the minimum of the log loss on the rows plus the squared distance to the first fit over 2 C."""
    shape = first.coef.shape
    is_label = np.eye(shape[0])[labels]

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        coef, intercept = flat[: first.coef.size].reshape(shape), flat[first.coef.size :]
        scores = np.asarray(rows @ coef.T) + intercept
        away = coef - first.coef
        wrong = softmax(scores, axis=1) - is_label
        value = -(log_softmax(scores, axis=1) * is_label).sum() + (away**2).sum() / (2 * strength)
        return value, np.concatenate([(np.asarray(rows.T @ wrong).T + away / strength).ravel(), wrong.sum(axis=0)])

    found = minimize(loss, np.concatenate([first.coef.ravel(), first.intercept]), jac=True, method="L-BFGS-B").x
    return Linear(found[: first.coef.size].reshape(shape), found[first.coef.size :])


def weighted(rows: Rows, strength: float, weight: float, own: NDArray[np.float64] | None = None) -> Any:
    """Return the head on all rows; `own` are factors of the synthetic rows."""
    if weight == 0 or not len(rows.new_labels):
        return head(rows.real, rows.labels, strength)
    labels, n_real = [*rows.labels.tolist(), *rows.new_labels.tolist()], len(rows.labels)
    shares = dict.fromkeys(labels, rows.share)
    weights = half_weights(labels, n_real) if weight < 0 else weights_at(labels, n_real, weight, shares=shares)
    if own is not None:
        weights[n_real:] *= own
    return head(stacked(rows.real, rows.new), np.array(labels), strength, weights)


def two_stage(rows: Rows, strength: float, weight: float) -> Any:
    """Return the head that was fitted on the synthetic rows and then, pulled to that, on the real ones."""
    if weight == 0 or len(set(rows.new_labels.tolist())) < len(set(rows.labels.tolist())):
        return head(rows.real, rows.labels, strength)
    first = head(rows.new, rows.new_labels, strength)
    return pulled_fit(Linear.of(first), rows.real, rows.labels, strength)


def importance(rows: Rows, strength: float, weight: float) -> Any:
    """Return the head on all rows, the synthetic ones by their importance."""
    return weighted(rows, strength, weight if rows.importance is not None else 0.0, rows.importance)


def stacked(first: Any, second: Any) -> Any:
    """Return the rows of both."""
    from scipy import sparse

    return sparse.vstack([first, second]).tocsr() if sparse.issparse(first) else np.vstack([first, second])


# Each way with the weights that it chooses from; -1: half.
WAYS: dict[str, tuple[Fit, Sequence[float]]] = {
    "real": (weighted, (0.0,)),
    "alike": (weighted, (1.0,)),
    "half": (weighted, (-1.0,)),
    "chosen": (weighted, WEIGHTS),
    "two-stage": (two_stage, (1.0,)),
    "two-stage or real": (two_stage, (0.0, 1.0)),
    "importance": (importance, (1.0,)),
    "importance, chosen": (importance, WEIGHTS),
}


def main() -> None:
    """Fit all ways on all pools and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with labelled/")
    parser.add_argument("--pools", type=Path, required=True, help="folder that experiments/pools.py wrote")
    parser.add_argument("--model", default="tiny", help="whose encoder is frozen")
    given = parser.parse_args()
    with clear_errors():
        encoder = EncoderFeatures(load_encoder(given.model))
        scores: dict[tuple[str, str], dict[str, list[float]]] = {}
        for pool in read_pools(given.pools, given.data):
            for name, way, score in pool_scores(pool, encoder):
                scores.setdefault((name, pool.name), {}).setdefault(way, []).append(score)
                print(json.dumps([pool.name, pool.seed, name, way, round(score, 2)]), flush=True)
        print("\n".join(table(scores)))


def pool_scores(pool: Pool, encoder: Any) -> Iterator[tuple[str, str, float]]:
    """Yield each model and way with its macro-F1 in points on the pool's test rows."""
    for model in MODELS:
        rows = PoolRows(pool, model, encoder)
        own = rows.choice_scores()
        whole = {has_new: rows.part(np.arange(len(rows.texts)), has_new=has_new) for has_new in (False, True)}
        read_test = {has_new: read(pool.fold.test.texts) for has_new, (_, read) in whole.items()}
        truth = rows.codes_of(pool.fold.test.labels).tolist()
        for way, (fit, weights) in WAYS.items():
            # Of equal scores the smallest weight counts, then the strength nearest to 1.
            best = max(keys(fit, weights), key=lambda key: (round(own[key], 9), -abs(key[2]), -abs(np.log(key[1]))))
            _, strength, weight = best
            predicted = fit(whole[weight != 0][0], strength, weight).predict(read_test[weight != 0])
            yield model, way, 100 * macro_f1(truth, predicted.tolist())


class PoolRows:
    """A pool as features of one model."""

    def __init__(self, pool: Pool, model: str, encoder: Any) -> None:
        self.texts, self.new_texts = list(pool.fold.train.texts), pool.made["text"].tolist()
        self.classes = sorted(set(pool.fold.train.labels))
        self.labels, self.new_labels = self.codes_of(pool.fold.train.labels), self.codes_of(pool.made["label"])
        self.parents = [set(of) for of in pool.made["parents"]]
        self.seed, self.model, self.encoder = pool.fold.seed, model, encoder

    def codes_of(self, labels: Sequence[Any]) -> NDArray[np.int64]:
        """Return class numbers."""
        return np.array([self.classes.index(label) for label in labels])

    def part(self, kept: NDArray[np.int64], *, has_new: bool) -> tuple[Rows, Callable[[Sequence[str]], Any]]:
        """Return some real rows, with the new ones of which all parents are among them, and what reads other texts."""
        of = set(kept.tolist())
        new = [row for row, parents in enumerate(self.parents) if has_new and parents <= of]
        texts, new_texts = [self.texts[row] for row in kept], [self.new_texts[row] for row in new]
        if self.model == "TF-IDF":
            read = TfidfVectorizer(sublinear_tf=True).fit([*texts, *new_texts]).transform
        else:
            read = self.encoder.encode
        made = read(new_texts) if new else None
        share = len(self.new_texts) / len(self.texts)
        return Rows(read(texts), self.labels[kept], made, self.new_labels[new], share), read

    def choice_scores(self) -> dict[tuple[Fit, float, float], float]:
        """Return the macro-F1 of each fit, C and weight on real rows that are held out in turn."""
        guesses = {key: np.empty_like(self.labels) for fit, weights in WAYS.values() for key in keys(fit, weights)}
        for held_out in real_folds(self.texts, self.labels.tolist(), n_folds=5, seed=self.seed):
            kept, held_texts = np.setdiff1d(np.arange(len(self.texts)), held_out), [self.texts[row] for row in held_out]
            parts = {has_new: self.part(kept, has_new=has_new) for has_new in (False, True)}
            read_held = {has_new: read(held_texts) for has_new, (_, read) in parts.items()}
            for (fit, strength, weight), guess in guesses.items():
                fitted = fit(parts[weight != 0][0], strength, weight)
                guess[held_out] = fitted.predict(read_held[weight != 0])
        return {key: macro_f1(self.labels.tolist(), guess.tolist()) for key, guess in guesses.items()}


def keys(fit: Fit, weights: Sequence[float]) -> list[tuple[Fit, float, float]]:
    """Return the fit with each C and weight."""
    return [(fit, strength, weight) for weight in weights for strength in STRENGTHS]


def table(scores: Mapping[tuple[str, str], Mapping[str, Sequence[float]]]) -> list[str]:
    """Return a line per model and set, and one over all pools: macro-F1 of the real rows, and gains over it."""
    lines = [f"| model | set | pools | {' | '.join(WAYS)} |", "|---" * (3 + len(WAYS)) + "|"]
    differences = [""]
    for model in MODELS:
        of_model = {name: found for (one, name), found in scores.items() if one == model}
        pooled = {way: np.concatenate([found[way] for found in of_model.values()]) for way in WAYS}
        for name, found in {**of_model, "all": pooled}.items():
            gains = [_cell(np.subtract(found[way], found["real"])) for way in WAYS if way != "real"]
            real = f"{np.mean(found['real']):.1f}"
            lines.append(f"| {' | '.join([model, name, str(len(found['real'])), real, *gains])} |")
        for way in ("two-stage or real", "importance, chosen"):
            differences.append(f"{model}, {way} less chosen: {_cell(pooled[way] - pooled['chosen'])}")
    return lines + differences


def _cell(gains: NDArray[np.float64]) -> str:
    return gain_cell(mean_interval(gains)) if len(gains) > 1 else f"{gains.mean():+.1f}"


if __name__ == "__main__":
    main()
