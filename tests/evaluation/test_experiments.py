"""The experiments' scripts on small data; their real runs take hours."""

import gzip
import json
import sys

import pytest

from tests.evaluation.doubles import two_classes
from tests.scripts import importable


@pytest.fixture
def script(monkeypatch):
    with importable("experiments") as load:

        def run(name, *arguments):
            monkeypatch.setattr(sys, "argv", [f"{name}.py", *map(str, arguments)])
            load(name).main()

        yield run


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data" / "labelled"
    folder.mkdir(parents=True)
    for name, start in (("trec6", 0), ("sms_spam", 5)):
        for part, rows in (("train", two_classes(25, start)), ("test", two_classes(8, start=30))):
            with gzip.open(folder / f"{name}.{part}.jsonl.gz", "wt") as file:
                for text, label in zip(rows.texts, rows.labels, strict=True):
                    file.write(json.dumps({"text": text, "label": label}) + "\n")
    return folder.parent


def test_the_sets_end_in_one_table_with_the_bars(script, data, tmp_path):
    options = ["--out", tmp_path / "out", "--data", data, "--model", "echo", "--seeds", 2, "--sets", "trec6"]
    script("labelled_sets", *options, "--conditions", "real + SMOTExT,duplicated")
    table = (tmp_path / "out" / "results.md").read_text()
    for setting in ("shots-10", "shots-50", "imbalance-20"):
        assert f"| trec6 | {setting} | TF-IDF |" in table
    assert "TF-IDF, shots-10, +3 over the better of real and duplicated" in table
    rows = json.loads((tmp_path / "out" / "trec6" / "report.json").read_text())["rows"]
    copied = [row["gain"]["mean"] for row in rows if row["condition"] == "duplicated"]
    assert f"| duplicated | {' | '.join(f'{gain:+.1f}' for gain in copied)} |" in table  # the means over one set


def test_the_report_half_stays_shut_unless_asked_for(script, data, tmp_path, capsys):
    options = ["--out", tmp_path / "out", "--data", data, "--model", "echo", "--sets", "sms_spam"]
    with pytest.raises(SystemExit, match="2"):
        script("labelled_sets", *options)
    assert "sms_spam belongs to the report half" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_missing_data_are_named(script, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        script("twenty_newsgroups", "--out", tmp_path / "out", "--data", tmp_path)
    assert "give the folder of the data with --data" in capsys.readouterr().err


@pytest.mark.slow
def test_the_newsgroups_are_set_beside_the_paper(script, shared, tmp_path, capsys):
    options = ["--out", tmp_path, "--data", shared / "data", "--model", "echo", "--quick", "--seeds", 1]
    script("twenty_newsgroups", *options, "--conditions", "real + SMOTExT,SMOTExT only")
    out = capsys.readouterr().out
    assert "synthetic / real" in out
    assert "80.37" in out
