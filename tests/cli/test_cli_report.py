from __future__ import annotations

import json
import stat
from pathlib import Path

import pandas as pd
import pytest
from tests.reporting.pages import HOSTILE, Page

from smotext.cli import entry
from smotext.reporting.report_inputs import read_run

REAL = ["one parcel is late", "two parcels are late", "my card is gone", "the card was lost", "a card, please"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pd.DataFrame({"body": REAL, "kind": ["late"] * 2 + ["card"] * 3}).to_csv("in.csv", index=False)
    return tmp_path


def augment(*options: str, output: str = "out.csv") -> int:
    columns = ["--text-column", "body", "--label-column", "kind", "--model", "echo", "--k-neighbors", "1"]
    return entry.run(["augment", "in.csv", "-o", output, *columns, "--random-seed", "5", "--per-class", "3", *options])


def mode(path: str) -> int:
    return stat.S_IMODE(Path(path).stat().st_mode)


def test_a_page_made_with_the_run_is_that_made_later(folder, capsys):
    assert augment("--report", "now.html") == 0
    assert "report: now.html" in capsys.readouterr().err
    assert entry.run(["report", "out.csv"]) == 0
    now, later = Path("now.html").read_text(), Path("out.csv.report.html").read_text()
    assert now == later
    page = Page(now)
    assert (
        "smotext augment in.csv -o out.csv --text-column body --label-column kind --per-class 3 --model echo"
        in page.text
    )
    assert "--random-seed 5" in page.text
    assert not any(text in now for text in REAL)
    assert mode("now.html") & 0o044


def test_real_texts_are_in_a_private_page_alone_which_is_the_owners(folder):
    assert augment() == 0
    Path("page.html").write_text("an older page, which others may read")
    assert entry.run(["report", "out.csv", "--private", "-o", "page.html", "--overwrite"]) == 0
    content = Path("page.html").read_text()
    assert mode("page.html") == 0o600
    assert "Private." in content
    assert any(text in content for text in REAL)


@pytest.mark.parametrize("output", ["out.parquet", "out.jsonl", "out.tsv"])
def test_every_format_has_a_page(folder, output):
    assert augment(output=output) == 0
    assert entry.run(["report", output, "--no-map"]) == 0
    assert "No map: it was not asked for." in Page(Path(f"{output}.report.html").read_text()).text


def test_an_output_without_its_real_rows_has_counts_from_its_record(folder, capsys):
    assert augment("--only-synthetic") == 0
    assert [(label, n) for label, n in read_run(Path("out.csv")).record.counts] == [("card", 3), ("late", 2)]
    assert entry.run(["report", "out.csv"]) == 0
    assert entry.run(["report", "out.csv", "--private", "-o", "p.html"]) == 2
    assert "--private shows: leave it out" in capsys.readouterr().err


def test_a_semicolon_file_in_another_encoding_is_read_back(folder):
    Path("in.csv").write_bytes("body;kind\nüber eins;a\nüber zwei;a\nüber drei;b\nüber vier;b\n".encode("cp1252"))
    assert augment("--encoding", "cp1252", "--only-synthetic") == 0
    assert entry.run(["report", "out.csv"]) == 0
    assert augment("--encoding", "cp1252", output="all.csv") == 0
    assert entry.run(["report", "all.csv"]) == 0


def damage(name: str) -> None:
    """Change what a run has written so that no page can be made of it."""
    lineage = Path("out.csv.lineage.parquet")
    if name == "no output":
        Path("out.csv").unlink()
    elif name == "no lineage":
        lineage.unlink()
    elif name == "cut off":
        lineage.write_bytes(lineage.read_bytes()[:-200])
    elif name == "another table":
        pd.DataFrame({"text": ["a"]}).to_parquet(lineage)
    elif name == "fewer rows":
        import pyarrow.parquet as pq

        pq.write_table(pq.read_table(lineage).slice(0, 2), lineage)
    elif name == "damaged record":
        import pyarrow.parquet as pq

        table = pq.read_table(lineage)
        pq.write_table(table.replace_schema_metadata({"smotext": '{"counts": 3}'}), lineage)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no output", "out.csv does not exist: expected what smotext augment wrote"),
        ("no lineage", "out.csv.lineage.parquet does not exist: a report is made from the lineage"),
        ("cut off", "out.csv.lineage.parquet is not a Parquet file that can be read"),
        ("another table", "has no column 'label': expected the lineage"),
        ("fewer rows", "has 2 rows, and 6 texts were kept: it is damaged"),
        ("damaged record", "is damaged: its record of the run cannot be read"),
    ],
)
def test_a_damaged_run_is_refused_in_a_line(folder, capsys, name, message):
    assert augment() == 0
    damage(name)
    capsys.readouterr()
    assert entry.run(["report", "out.csv", "-o", "page.html"]) == 2
    assert message in capsys.readouterr().err
    assert not Path("page.html").exists()


def test_an_output_that_was_changed_since_is_told(folder):
    assert augment() == 0
    lines = Path("out.csv").read_text().splitlines(keepends=True)
    Path("out.csv").write_text("".join(lines[:-1]))
    assert entry.run(["report", "out.csv"]) == 0
    assert "has 5 synthetic rows and the run wrote 6" in Path("out.csv.report.html").read_text()


def test_a_lineage_of_an_earlier_version_has_a_page(folder):
    import pyarrow.parquet as pq

    assert augment() == 0
    lineage = Path("out.csv.lineage.parquet")
    pq.write_table(pq.read_table(lineage).replace_schema_metadata(None), lineage)
    assert entry.run(["report", "out.csv", "--text-column", "body", "--label-column", "kind"]) == 0
    assert "an earlier version wrote the lineage" in Path("out.csv.report.html").read_text()


def test_nothing_is_replaced_unless_asked_and_no_table_is_taken_for_a_page(folder, capsys):
    assert augment("--report", "out.csv") == 2
    assert "expected a name that ends in .html" in capsys.readouterr().err
    Path("page.html").write_text("mine")
    assert augment("--report", "page.html") == 2
    assert Path("page.html").read_text() == "mine"
    assert not Path("out.csv").exists()
    assert entry.run(["report", "out.csv.lineage.parquet"]) == 2
    assert "is the lineage: give the output, out.csv" in capsys.readouterr().err


def test_hostile_rows_go_through_a_whole_run(folder):
    pd.DataFrame({"body": [HOSTILE] * 3 + REAL[:2], "kind": [HOSTILE] * 3 + ["late"] * 2}).to_csv("in.csv", index=False)
    assert augment("--report", "page.html") == 0
    page = Page(Path("page.html").read_text())
    assert "img" not in page.names()
    assert page.names().count("script") == 4


def test_an_evaluation_has_a_page_now_and_later(folder, capsys):
    rows = [{"text": f"{word} {number}", "label": word} for word in ("good", "bad") for number in range(12)]
    Path("mail.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = ["evaluate", "mail.jsonl", "--model", "echo", "--seeds", "2", "--k-neighbors", "2", "--quiet"]
    assert entry.run([*command, "--report", "now.html"]) == 0
    assert entry.run(["report", "mail.jsonl.evaluation"]) == 0
    assert Path("now.html").read_text() == Path("mail.jsonl.evaluation/report.html").read_text()
    assert (
        "smotext evaluate mail.jsonl --seeds 2 --model echo --k-neighbors 2" in Page(Path("now.html").read_text()).text
    )
    assert entry.run(["report", "mail.jsonl.evaluation", "--private"]) == 2
    assert "is an evaluation, which holds no text" in capsys.readouterr().err
    for damaged in (
        "{",
        "[]",
        '{"rows": []}',
        json.dumps({**json.loads(Path("mail.jsonl.evaluation/report.json").read_text()), "rows": [{}]}),
    ):
        Path("report.json").write_text(damaged)
        assert entry.run(["report", "report.json", "-o", "page.html"]) == 2


def test_a_directory_without_a_report_and_with_several_is_told(folder, capsys):
    Path("out.csv.run").mkdir()
    assert entry.run(["report", "out.csv.run"]) == 2
    assert "give the output beside it" in capsys.readouterr().err
    Path("some").mkdir()
    for name in ("report.json", "report-shots-5.json"):
        Path("some", name).write_text("{}")
    assert entry.run(["report", "some"]) == 2
    assert "holds several reports" in capsys.readouterr().err
