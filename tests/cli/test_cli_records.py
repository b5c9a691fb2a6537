"""``smotext augment`` on a file with several text columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from smotext.cli import entry
from smotext.decoders.echo import EchoDecoder
from smotext.protocols import Decoded


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SMOTEXT_CACHE", "off")
    rows = [(i, f"Late parcel {i}", f"It was promised for day {i}.", "bad") for i in range(3)]
    rows += [(i, f"Thank you {i}", f"The lamp number {i} is lovely.", "good") for i in range(5)]
    pd.DataFrame(rows, columns=["id", "title", "body", "label"]).to_csv("in.csv", index=False)

    def decode_rows(self: EchoDecoder, vectors: Any, **options: Any) -> list[Decoded]:
        return [
            Decoded(f"Title: Row {seed % 1000}. Body: Somebody wrote {seed % 997} words.", 9, True)
            for seed in options["seeds"]
        ]

    monkeypatch.setattr(EchoDecoder, "decode_rows", decode_rows)
    return tmp_path


def run(*options: str) -> int:
    return entry.run(["augment", "in.csv", "-o", "out.csv", "--model", "echo", "--candidates", "1", *options])


def test_new_rows_have_their_columns(here: Path) -> None:
    assert run("--record-columns", "title,body") == 0
    before, after = pd.read_csv("in.csv"), pd.read_csv("out.csv")
    assert list(after.columns) == ["id", "title", "body", "label", "is_synthetic"]
    pd.testing.assert_frame_equal(after.iloc[: len(before), 1:4], before.iloc[:, 1:4])
    new = after[after["is_synthetic"]]
    assert len(new) == 2
    assert new["title"].str.fullmatch(r"Row \d+").all()
    assert new["body"].str.fullmatch(r"Somebody wrote \d+ words\.").all()
    assert "record" not in pd.read_parquet("out.csv.lineage.parquet")


def test_only_synthetic_rows_have_them_too(here: Path) -> None:
    assert run("--record-columns", "title,body", "--only-synthetic") == 0
    assert pd.read_csv("out.csv")["body"].str.startswith("Somebody wrote").all()


@pytest.mark.parametrize(
    ("names", "message"),
    [("title,bodi", "no column 'bodi' of --record-columns; did you mean 'body'"), ("title", "expected two or more")],
)
def test_columns_that_are_not_there_are_named(
    here: Path, capsys: pytest.CaptureFixture[str], names: str, message: str
) -> None:
    assert run("--record-columns", names) == 2
    assert message in capsys.readouterr().err


def test_a_row_that_lacks_a_value_is_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = pd.read_csv("in.csv")
    frame.loc[2, "body"] = ""
    frame.to_csv("in.csv", index=False)
    assert run("--record-columns", "title,body") == 2
    assert "row 2 has no 'body'" in capsys.readouterr().err
