"""``smotext augment`` and ``plan`` on files whose texts have several labels."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from smotext.cli import entry

THINGS = ["parcel", "train", "phone", "letter", "garden", "bridge", "kettle"]
ROWS = [
    *((f"my {thing} came late, what a week", "late") for thing in THINGS),
    *((f"the man with the {thing} was rude to us", "rude") for thing in THINGS[:4]),
    *((f"the {thing} was late and they were rude", "late; rude; refund") for thing in THINGS[:2]),
]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SMOTEXT_CACHE", "off")
    pd.DataFrame(ROWS, columns=["text", "label"]).to_csv("in.csv", index=False)
    return tmp_path


def run(command: str, *options: str, file: str = "in.csv") -> int:
    return entry.run([command, file, "--model", "echo", "--candidates", "1", *options])


def test_cells_of_labels_are_split_and_joined_again(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("augment", "-o", "out.csv", "--label-separator", ";") == 0
    before, after = pd.read_csv("in.csv"), pd.read_csv("out.csv")
    assert after["label"][: len(before)].tolist() == before["label"].tolist()
    new = after[after["is_synthetic"]]
    assert len(new) == 2  # one for each that has the label whose IRLbl is above the mean
    assert all("refund" in cell.split(";") for cell in new["label"])
    lineage = pd.read_parquet("out.csv.lineage.parquet")
    assert lineage["label"].tolist() == ["refund", "refund"]
    assert {row for parents in lineage["parents"] for row in parents} == {11, 12}
    shown = capsys.readouterr().err
    assert "IRLbl before" in shown
    assert "mean (MeanIR)" in shown


def test_the_same_command_gives_the_same_file_and_more_rows_keep_the_earlier_ones(here: Path) -> None:
    options = ("--label-separator", ";", "--per-class")
    assert run("augment", "-o", "a.csv", *options, "2") == 0
    assert run("augment", "-o", "b.csv", *options, "2") == 0
    assert run("augment", "-o", "c.csv", *options, "3") == 0
    first, again, more = (pd.read_csv(name) for name in ("a.csv", "b.csv", "c.csv"))
    assert first.equals(again)
    assert set(first["text"]) <= set(more["text"])


def test_lists_in_json_lines_need_no_separator(here: Path) -> None:
    lines = [json.dumps({"text": text, "label": label.split("; ")}) for text, label in ROWS]
    Path("in.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert run("augment", "-o", "out.jsonl", "--labelset-strategy", "union", file="in.jsonl") == 0
    rows = [json.loads(line) for line in Path("out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert rows[0]["label"] == ["late"]
    assert rows[-1]["label"] == ["late", "refund", "rude"]


def test_plan_counts_labels(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("plan", "--label-separator", ";", "-n", "4") == 0
    assert "late" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--label-separator", " "), "--label-separator is ' '"),
        (("--label-separator", ";", "--labelset-strategy", "rank"), "did you mean 'ranking'"),
        (("--label-separator", ";", "--strategy", "adasyn"), "which compares classes"),
    ],
)
def test_what_cannot_be_used_is_said(
    here: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], message: str
) -> None:
    assert run("augment", "-o", "out.csv", *options) == 2
    assert message in capsys.readouterr().err


def test_a_cell_without_a_label_is_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pd.DataFrame([*ROWS, ("nothing to say", ";")], columns=["text", "label"]).to_csv("in.csv", index=False)
    assert run("augment", "-o", "out.csv", "--label-separator", ";") == 2
    assert "row 13 has no label" in capsys.readouterr().err
