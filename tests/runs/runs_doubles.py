"""Doubles for runs: a plan, a writer whose texts are row numbers, someone who listens to the progress."""

from __future__ import annotations

import numpy as np
import pandas as pd

from smotext.records import MixPlan


def make_plan(n_rows, label="a"):
    zeros = np.zeros(n_rows, dtype=np.int64)
    return MixPlan(
        labels=np.array([label] * n_rows, dtype=object),
        ordinals=np.arange(n_rows),
        attempts=zeros,
        candidates=zeros,
        parents=np.zeros((n_rows, 2), dtype=np.int64),
        weights=np.full((n_rows, 2), 0.5),
        seeds=np.arange(n_rows),
        strategies=np.array(["smote"] * n_rows, dtype=object),
    )


def rows_of(group):
    """Return a row per row of the plan: its number as text, 10 tokens."""
    n_rows = len(group)
    return pd.DataFrame(
        {
            "text": pd.Series([str(number) for number in group.ordinals], dtype=object),
            "label": pd.Series(group.labels.tolist(), dtype=object),
            "key": pd.Series([f"{label}/{n}/0/0" for label, n in zip(group.labels, group.ordinals, strict=True)]),
            "parents": pd.Series([[0, 0]] * n_rows, dtype=object),
            "weights": pd.Series([[0.5, 0.5]] * n_rows, dtype=object),
            "lam": group.lam,
            "seed": group.seeds,
            "prompt": np.zeros(n_rows, dtype=np.int64),
            "strategy": group.strategies.tolist(),
            "mix": "linear",
            "model": "double",
            "n_tokens": np.full(n_rows, 10),
            "is_finished": True,
            "accepted": True,
            "reason": "",
        }
    )


class Listener:
    """Remembers what it is told."""

    def __init__(self):
        self.lines, self.steps, self.n_rows = [], [], 0

    def start(self, what, total, *, done=0):
        self.steps.append((what, total, done))

    def advance(self, n_rows):
        self.n_rows += n_rows

    def reach(self, n_rows):
        self.n_rows = n_rows

    def say(self, message):
        self.lines.append(message)
