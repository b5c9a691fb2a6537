"""
A class of five, made larger
============================

Thirty-nine tickets of an invented shop, of which five are about fraud. The sampler fills the small classes up, and a
classifier is trained on the real rows, on the real rows with more weight on the rare classes, and on the filled-up
rows.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score
from sklearn.pipeline import make_pipeline

import smotext

folder = next(path for path in (Path("examples"), Path("..")) if (path / "tickets.csv").is_file())
tickets = pd.read_csv(folder / "tickets.csv")
test = pd.read_csv(folder / "tickets_test.csv")
print(tickets["label"].value_counts().to_string())

# %%
# ``fit_resample`` returns the real rows first and the synthetic ones after them. The last five are about refunds.

smx = smotext.SMOTExT(k_neighbors=4, random_state=0)
X_res, y_res = smx.fit_resample(tickets["text"], tickets["label"])
print(*X_res[-5:], sep="\n")

# %%
# Where the new texts lie among the real ones: the encoder's vectors, seen from the side that shows most of them. Filled
# dots are real texts and rings are synthetic ones.

encoder = smotext.load_encoder()
real, made = encoder.encode(tickets["text"].tolist()), encoder.encode(smx.synthetic_["text"].tolist())
places = PCA(2).fit(real)
figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
for number, label in enumerate(sorted(tickets["label"].unique())):
    x, y = places.transform(real[np.array(tickets["label"] == label)]).T
    axes.scatter(x, y, color=f"C{number}", label=f"{label}, real")
    if (is_label := np.array(smx.synthetic_["label"] == label)).any():
        x, y = places.transform(made[is_label]).T
        axes.scatter(x, y, facecolors="none", edgecolors=f"C{number}", label=f"{label}, synthetic")
axes.set(xticks=[], yticks=[])
axes.legend(fontsize="small")
plt.show()

# %%
# Recall is the share of a class's test tickets that are found. Look at the third line as well as at the second:
# giving the rare classes more weight adds no text at all, and costs nothing.


def recalls(texts, labels, class_weight=None):
    """Return the recall of each class on the test tickets."""
    model = make_pipeline(TfidfVectorizer(sublinear_tf=True), LogisticRegression(class_weight=class_weight))
    predicted = model.fit(texts, labels).predict(test["text"])
    names = sorted(set(test["label"]))
    return dict(zip(names, recall_score(test["label"], predicted, labels=names, average=None), strict=True))


found = {
    "real": recalls(tickets["text"], tickets["label"]),
    "real + SMOTExT": recalls(X_res, y_res),
    "real, class weights": recalls(tickets["text"], tickets["label"], "balanced"),
}
print(pd.DataFrame(found).T.round(2).to_string())
