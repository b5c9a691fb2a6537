"""``--unlabelled FILE`` of ``augment`` and ``plan``."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from smotext.cli import entry
from smotext.reporting.report_inputs import read_run

BAD, GOOD = ["late parcel", "parcel lost", "wrong parcel", "no parcel"], ["love it", "like it"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SMOTEXT_CACHE", "off")
    monkeypatch.setattr("smotext.decoders.echo.EchoDecoder.examples", 4)
    rows = {"text": [*BAD, *GOOD], "label": ["bad"] * len(BAD) + ["good"] * len(GOOD)}
    pd.DataFrame(rows).to_csv("in.csv", index=False)
    pd.DataFrame({"n": [1, 2, 3], "text": ["my lost parcel", "Late parcel", "I love it"]}).to_csv(
        "more.csv", index=False
    )
    return tmp_path


def augment(*options: str) -> int:
    return entry.run(["augment", "in.csv", "-o", "out.csv", "--model", "echo", "--candidates", "1", *options])


def test_the_lineage_says_which_were_shown_and_the_output_has_none(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert augment("--unlabelled", "more.csv", "--per-class", "2") == 0
    assert "1 unlabelled text is left out: 1 is labelled already" in capsys.readouterr().err
    lineage = pd.read_parquet("out.csv.lineage.parquet")
    shown = {label: set(map(tuple, rows)) for label, rows in lineage.groupby("label")["unlabelled_examples"]}
    assert shown == {"bad": {(0,)}, "good": {(2,)}}
    out = pd.read_csv("out.csv")
    assert list(out) == ["text", "label", "is_synthetic"]
    assert not set(out["text"]) & {"my lost parcel", "I love it"}
    assert "--unlabelled more.csv" in " ".join(read_run(here / "out.csv").record.command)


def test_a_run_goes_on_with_the_same_file_alone(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert augment("--unlabelled", "more.csv", "--keep-run") == 0
    assert augment("--unlabelled", "more.csv", "--keep-run") == 0
    with Path("more.csv").open("a") as file:
        file.write("4,one more parcel\n")
    capsys.readouterr()
    assert augment("--unlabelled", "more.csv") == 2
    assert "input.unlabelled was '" in capsys.readouterr().err
    assert augment() == 2
    assert "is 'not set'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("", [], "more.csv is empty: expected unlabelled texts"),
        ("text\n", [], "more.csv is empty: expected unlabelled texts"),
        ("body\na parcel\n", [], "has no column 'text'"),
        ('text\n""\n" "\n', [], "and no text: every one is missing or blank"),
        ("text,is_synthetic\na parcel,True\n", [], "1 of 1 rows are marked 'is_synthetic'"),
        ("text\na parcel\n", ["--privacy", "average", "--group-size", "2"], "does not go with"),
    ],
)
def test_what_cannot_be_used_is_bad_input(
    here: Path, capsys: pytest.CaptureFixture[str], content: str, options: list[str], message: str
) -> None:
    Path("more.csv").write_text(content)
    assert augment("--unlabelled", "more.csv", *options) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not Path("out.csv").exists()


def test_the_file_is_never_overwritten(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = Path("more.csv").read_bytes()
    command = ["augment", "in.csv", "-o", "more.csv", "--model", "echo", "--unlabelled", "more.csv", "--overwrite"]
    assert entry.run(command) == 2
    assert "both input and output" in capsys.readouterr().err
    assert Path("more.csv").read_bytes() == before


def test_plan_takes_them(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.run(["plan", "in.csv", "--model", "echo", "--unlabelled", "more.csv", "--per-class", "2"]) == 0
    assert "new rows" in capsys.readouterr().out


def test_records_take_the_same_columns_of_it(here: Path) -> None:
    frame = pd.read_csv("in.csv").assign(title="A parcel")
    frame.to_csv("in.csv", index=False)
    pd.DataFrame({"title": ["One parcel"], "text": ["my lost parcel"], "n": [1]}).to_csv("more.csv", index=False)
    options = ["--record-columns", "title,text", "--per-class", "1", "--on-shortfall", "report"]
    assert augment("--unlabelled", "more.csv", *options) == 0
