"""What users of other augmentation tools reported, tried here; the place of each report is beside it."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from smotext import EchoDecoder, SMOTExT
from smotext.cli import entry
from smotext.data.tables import read_table
from smotext.errors import SmotextWarning

ADDRESSES = ["Just released version 0.0.0.16", "My IP address is 192.168.1.1.", "See https://a.org/x?y=1#z, v2.0-rc1"]
FRENCH = ["Où est la gare\u00a0?", "«\u00a0Bonjour\u00a0» dit-elle\u202f!", "L’été coûte 1\u202f000\u00a0€"]
ODD = [
    "two\nlines",
    "tab\there",
    "dos\r\nlines",
    "mac\rline",
    " spaces around ",
    'a "quote", a comma; a bar|',
    "\ttab first",
]
OTHERS = [f"an ordinary text, number {i}" for i in range(9)]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SMOTEXT_CACHE", "off")
    return tmp_path


def write(frame: pd.DataFrame, path: str) -> None:
    from smotext.data.tables import write_table

    write_table(frame, path)


def augment(source: str, output: str, *options: str) -> int:
    return entry.run(["augment", source, "-o", output, "--model", "echo", "--quiet", *options])


@pytest.mark.filterwarnings("ignore::smotext.errors.SmotextWarning")
@pytest.mark.parametrize("filters", [None, "default", "strict"])
@pytest.mark.parametrize("texts", [ADDRESSES, FRENCH, ODD], ids=["addresses", "French", "white space"])
def test_originals_come_back_whole_whatever_is_in_them(texts: list[str], filters: Any) -> None:
    """nlpaug #143 (version numbers), #313 (non-breaking spaces), AugLy #200 (newlines and tabs)."""
    X, y = [*texts, *OTHERS], ["few"] * len(texts) + ["many"] * len(OTHERS)
    X_res, y_res = SMOTExT("echo", filters=filters, random_state=0).fit_resample(X, y)
    assert X_res[: len(X)] == X
    assert Counter(y_res) == {"few": 9, "many": 9}


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet", ".csv.gz"])
def test_synthetic_texts_with_any_white_space_go_through_every_format(
    here: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    written = [*ADDRESSES, *FRENCH, *ODD]

    def decode(self: Any, vectors: np.ndarray, **_: Any) -> list[str]:
        return [written[row % len(written)] for row in range(len(vectors))]

    monkeypatch.delattr(EchoDecoder, "decode_rows")
    monkeypatch.setattr(EchoDecoder, "decode", decode)
    frame = pd.DataFrame({"text": [*written, *OTHERS], "label": ["few"] * len(written) + ["many"] * len(OTHERS)})
    write(frame, f"in{suffix}")
    assert augment(f"in{suffix}", f"out{suffix}", "-n", "40") == 0
    assert read_table(f"out{suffix}").texts.tolist() == frame["text"].tolist()
    synthetic = pd.read_parquet(f"out{suffix}.lineage.parquet")["text"]
    assert set(synthetic) <= {text.strip() for text in written} | set(written)  # the ends of a decoded text may be cut
    assert {"two\nlines", "tab\there", "Où est la gare\u00a0?", "My IP address is 192.168.1.1."} <= set(synthetic)


def eighty_rows() -> tuple[list[str], list[str]]:
    words = "late lost wrong torn wet old new cold slow early".split()
    texts = [
        f"my {word} parcel went to street {i} {when}" for when in ("again", "today") for i in range(4) for word in words
    ]
    return texts, ["a", "b"] * 40


def test_of_eighty_rows_made_five_hundred_none_is_written_twice() -> None:
    """synthetic-data-tutorial #5: a third were duplicates."""
    X, y = eighty_rows()
    rows = SMOTExT("echo", random_state=0).generate(X, y, n=420)
    assert len(rows) == 420
    assert rows["text"].duplicated().sum() == 0
    assert not set(rows["text"]) & set(X)


class Parrot(EchoDecoder):
    """Knows a hundred sentences."""

    def decode_rows(self, vectors: np.ndarray, *, seeds: Any = None, **options: Any) -> list[Any]:
        rows = super().decode_rows(vectors, seeds=seeds, **options)
        return [replace(row, text=f"sentence number {seed % 100}") for row, seed in zip(rows, seeds, strict=True)]


def test_duplicates_are_dropped_and_counted_where_a_decoder_repeats_itself() -> None:
    X, y = eighty_rows()
    smx = SMOTExT("echo", decoder=Parrot(), filters=["duplicate"], candidates=1, on_shortfall="report", random_state=0)
    with pytest.warns(SmotextWarning, match="fewer"):
        rows = smx.generate(X, y, n=420)
    assert len(rows) == rows["text"].nunique() == 100
    funnel = dict(smx.funnel_.values.tolist())
    assert funnel["accepted"] == 100
    assert funnel["duplicate"] == funnel["written"] - 100


def test_the_summary_counts_texts_that_repeat_another(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    X, y = eighty_rows()
    pd.DataFrame({"text": X, "label": y}).to_csv("in.csv", index=False)
    monkeypatch.setattr("smotext.presets.load_decoder", lambda *_, **__: Parrot())
    assert entry.run(["augment", "in.csv", "-o", "out.csv", "--model", "echo", "-n", "420"]) == 0
    n_repeated = pd.read_csv("out.csv")["text"].duplicated().sum()
    assert n_repeated >= 320
    assert f"{n_repeated} of them repeat another text word by word" in capsys.readouterr().err


def test_seventy_rows_of_seven_columns_keep_all_of_them(here: Path) -> None:
    """gretel-blueprints #36: 70 rows are enough to start."""
    columns = {"id": [f"{i:03d}" for i in range(70)], "text": [f"text of row {i}" for i in range(70)]}
    columns |= {"label": ["few" if i < 10 else "many" for i in range(70)], "when": ["2024-01-01"] * 70}
    columns |= {"n": [str(i) for i in range(70)], "empty": [""] * 70, "a, b": ["x, y"] * 70}
    pd.DataFrame(columns).to_csv("in.csv", index=False)
    assert augment("in.csv", "out.csv") == 0
    out = pd.read_csv("out.csv", dtype=str, keep_default_na=False)
    assert list(out.columns) == [*columns, "is_synthetic"]
    assert out.iloc[:70, :7].to_dict("list") == columns
    assert (out.iloc[70:][["id", "when", "n", "empty", "a, b"]] == "").all(axis=None)
    assert out["label"].value_counts().to_dict() == {"many": 60, "few": 60}


@pytest.mark.slow
def test_a_hundred_thousand_rows_with_a_rare_class_are_balanced_in_bounded_memory_and_time(here: Path) -> None:
    """imbalanced-learn #768, #688: 135 GiB for a SMOTE."""
    import resource

    rng = np.random.default_rng(0)
    words = np.array("alpha beta gamma delta stone light cloud paper green bridge copper window garden letter".split())
    texts = [" ".join(row) for row in words[rng.integers(len(words), size=(100_000, 8))]]
    labels = ["rare" if row % 125 == 0 else "common" for row in range(100_000)]
    pd.DataFrame({"text": texts, "label": labels}).to_csv("in.csv", index=False)
    started_s, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert augment("in.csv", "out.csv") == 0
    assert read_table("out.csv").n_synthetic == 98_400
    assert time.process_time() - started_s < 300
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2_000_000  # kB
