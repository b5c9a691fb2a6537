"""The three commands from arguments to files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from smotext.cli.entry import run
from smotext.decoders.bridge import read_spec
from tests.training import toy


def test_train_writes_a_bridge_and_the_same_command_resumes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.json").write_text(json.dumps(toy.CONFIG), encoding="utf-8")
    out = tmp_path / "bridge"
    command = [
        "train", str(toy.write_corpus(tmp_path)), "-o", str(out), "--from-scratch", str(tmp_path / "config.json"),
        "--train", "all", "--min-tokens", "2", "--max-tokens", "40", "--held-out", "0", "--max-steps", "2",
        "--epochs", "9", "--device", "cpu", "--guidance", "0.5", "--data", "toys | sentences | CC0",
    ]  # fmt: skip
    assert run(command) == 0
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "| toys | sentences | CC0 |" in card
    assert "sentence-transformers/all-MiniLM-L6-v2" in card
    assert read_spec(out).guidance == 0.5
    assert run(command) == 0
    assert f"written: {out}" in capsys.readouterr().err


def test_train_needs_one_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", str(toy.write_corpus(tmp_path)), "-o", str(tmp_path / "out")]) == 2
    assert "exactly one of lm, bridge and from_scratch" in capsys.readouterr().err


def test_data_for_the_card_has_three_parts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = [
        "train",
        str(toy.write_corpus(tmp_path)),
        "-o",
        str(tmp_path / "out"),
        "--bridge",
        "tiny",
        "--data",
        "a|b",
    ]
    assert run(command) == 2
    assert "expected 'name|what it is|licence'" in capsys.readouterr().err
