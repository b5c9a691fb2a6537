"""
In a pipeline, under cross-validation
=====================================

SMOTExT is a sampler of imbalanced-learn. In a pipeline of that library it adds texts in ``fit`` alone, so that every
fold of a cross-validation writes its own texts from its own training rows, and no synthetic text is ever tested on.
"""

from pathlib import Path

import pandas as pd
from imblearn.pipeline import make_pipeline
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score

from smotext import SMOTExT

folder = next(path for path in (Path("examples"), Path("..")) if (path / "tickets.csv").is_file())
tickets = pd.read_csv(folder / "tickets.csv")

pipeline = make_pipeline(
    SMOTExT(sampling_strategy={"fraud": 12, "refund": 12}, k_neighbors=2, candidates=2, random_state=0),
    TfidfVectorizer(sublinear_tf=True),
    LogisticRegression(max_iter=1000),
)
folds = StratifiedKFold(3, shuffle=True, random_state=0)
scores = {
    "real": cross_val_score(pipeline[1:], tickets["text"], tickets["label"], cv=folds, scoring="f1_macro"),
    "real + SMOTExT": cross_val_score(pipeline, tickets["text"], tickets["label"], cv=folds, scoring="f1_macro"),
}
print(pd.DataFrame(scores, index=["fold 1", "fold 2", "fold 3"]).T.round(2).to_string())

# %%
# Three folds of thirteen tickets, with one or two about fraud in each, say very little. ``smotext evaluate`` repeats
# this with several seeds, adds the cheap alternatives, and gives intervals.
