"""Oversample, then fine-tune: does SetFit gain from synthetic texts where a class is rare?

Half of ``examples/tickets.csv`` is held out; the other half is balanced with SMOTExT, and SetFit fine-tunes a sentence
encoder and its head on the real rows alone and on the balanced ones. Run from the repository's root::

    pip install -c constraints.txt 'smotext[examples]'
    python examples/finetune_setfit.py
"""

from __future__ import annotations

import argparse
import tempfile
from typing import Any

import pandas as pd
from datasets import Dataset
from setfit import SetFitModel, Trainer, TrainingArguments
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split

from smotext import SMOTExT
from smotext.encoders.minilm import find_minilm


def fine_tuned(base: str, texts: list[str], labels: list[str], *, n_pairs: int, seed: int) -> Any:
    """Return a SetFit model that was fine-tuned on labelled texts.

    Parameters
    ----------
    base : str
        A sentence-transformers model, by name or path.
    n_pairs : int
        Pairs of texts that the encoder learns from, in all.
    """
    model = SetFitModel.from_pretrained(base, labels=sorted(set(labels)))
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder, batch_size=8, max_steps=-(-n_pairs // 8), seed=seed, report_to="none", save_strategy="no"
        )
        rows = Dataset.from_dict({"text": texts, "label": labels})
        Trainer(model=model, args=arguments, train_dataset=rows).train()
    return model


def main(arguments: list[str] | None = None) -> pd.DataFrame:
    """Print and return macro-F1 on the held-out tickets, with and without synthetic rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--file", default="examples/tickets.csv", help="CSV with the columns text and label")
    parser.add_argument("--base", help="what SetFit fine-tunes; all-MiniLM-L6-v2 unless given")
    parser.add_argument("--model", default="tiny", help="what SMOTExT writes with")
    parser.add_argument("--pairs", type=int, default=320, help="pairs of texts that SetFit learns from")
    parser.add_argument("--random-seed", type=int, default=0)
    options = parser.parse_args(arguments)
    table = pd.read_csv(options.file)
    seed = options.random_seed
    train, test = train_test_split(table, test_size=0.5, stratify=table["label"], random_state=seed)
    X, y = train["text"].tolist(), train["label"].tolist()

    X_res, y_res = SMOTExT(options.model, k_neighbors=1, random_state=seed).fit_resample(X, y)

    found = []
    for name, texts, labels in (("real", X, y), ("real + SMOTExT", X_res, y_res)):
        model = fine_tuned(options.base or str(find_minilm()), texts, labels, n_pairs=options.pairs, seed=seed)
        predicted = [str(label) for label in model.predict(test["text"].tolist())]
        macro_f1 = f1_score(test["label"], predicted, average="macro")
        found.append({"trained on": name, "rows": len(texts), "macro-F1": round(100 * macro_f1, 1)})
    print(pd.DataFrame(found).to_string(index=False))
    return pd.DataFrame(found)


if __name__ == "__main__":
    main()
