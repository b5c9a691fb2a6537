"""``--privacy`` of augment, plan and privacy: what is written, what is said, and that noise is drawn once."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from smotext.cli import entry
from smotext.privacy import private_planner
from smotext.privacy.release import release

N_REAL = 60
PUBLIC = '{"a": 30, "b": 30}'
DP = ["--privacy", "dp", "--epsilon", "8", "--group-size", "10", "--public-labels", PUBLIC]
ALLOWED = ["--strategy", "random", "--max-new-tokens", "9"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SMOTEXT_CACHE", "off")
    rows = [(f"row {i} about parcel {i * 7 % 31} word{i}", "ab"[i % 2], f"name{i}") for i in range(N_REAL)]
    pd.DataFrame(rows, columns=["text", "label", "sender"]).to_csv(tmp_path / "in.csv", index=False)
    return tmp_path


@pytest.fixture
def releases(monkeypatch):
    """Every release that is made."""
    pytest.importorskip("opendp", reason="extra privacy")
    made = []

    def counted(*args):
        made.append(release(*args))
        return made[-1]

    monkeypatch.setattr(private_planner, "release", counted)
    return made


def augment(*options, output="out.csv", hidden=(*DP, *ALLOWED, "--only-synthetic", "--per-class", "8")):
    return entry.run(["augment", "in.csv", "-o", output, "--model", "echo", "--candidates", "1", *hidden, *options])


def test_noisy_rows_are_written_alone_without_lineage_run_or_other_columns(here, releases, capsys):
    assert augment() == 0
    assert sorted(os.listdir(here)) == ["in.csv", "out.csv"]
    made = pd.read_csv("out.csv")
    assert list(made.columns) == ["text", "label", "is_synthetic"]
    assert made["label"].value_counts().to_dict() == {"a": 8, "b": 8}
    assert made["is_synthetic"].all()
    assert not set(made["text"]) & set(pd.read_csv("in.csv")["text"])
    assert len(releases) == 1


def test_the_summary_has_epsilon_delta_unit_and_ceilings_and_counts_no_real_row(here, releases, capsys):
    assert augment() == 0
    out, err = capsys.readouterr()
    assert out == ""
    table = [line.split() for line in err.splitlines()]
    assert table[0] == ["class", "public", "size", "groups", "synthetic", "synthetic", "length"]
    assert table[1][:4] == ["a", "30", "3", "8"]
    assert "epsilon 8, delta 1e-05, for one row added or removed" in err
    assert "an AUC above 0.881, or more than 25.5% of the rows" in err
    assert "no lineage is written" in err
    assert str(N_REAL) not in err.replace("0.600", "")


def test_several_rows_of_a_person_are_said_and_take_more_noise(here, releases, capsys):
    assert augment("--rows-per-person", "3", "--delta", "0.0001") == 0
    err = capsys.readouterr().err
    assert "delta 0.0001, for one person's rows, 3 at most, added or removed" in err
    sigma = float(re.search(r"standard deviation ([\d.]+)", err)[1])
    assert sigma > 3 * 0.5


def test_the_same_seed_twice_draws_other_noise(here, releases):
    assert augment() == augment(output="again.csv") == 0
    assert Path("out.csv").read_bytes() != Path("again.csv").read_bytes()


def test_a_class_that_only_the_public_knows_gets_rows_of_the_files_type(here, releases):
    rows = [{"text": f"text {i}", "label": i % 2} for i in range(20)]
    (here / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    hidden = ["--privacy", "dp", "--epsilon", "1", "--public-labels", '{"0": 10, "1": 10, "2": 10}', *ALLOWED]
    amount = ["--per-class", '{"2": 3, "0": 1}', "--only-synthetic", "--model", "echo"]
    assert entry.run(["augment", "in.jsonl", "-o", "out.jsonl", *hidden, *amount]) == 0
    labels = [json.loads(line)["label"] for line in (here / "out.jsonl").read_text().splitlines()]
    assert labels == [0, 2, 2, 2]


def test_nothing_of_the_real_rows_is_in_the_bytes_of_a_parquet_output(here, releases):
    frame = pd.read_csv("in.csv").astype("category")  # a category's type lists all texts there are
    frame.to_parquet("in.parquet")
    hidden = [*DP, *ALLOWED, "--only-synthetic", "--per-class", "2"]
    assert entry.run(["augment", "in.parquet", "-o", "out.parquet", "--model", "echo", *hidden]) == 0
    content = Path("out.parquet").read_bytes()
    assert b"parcel" not in content
    assert b"name1" not in content
    assert b"sender" not in content
    assert b'"stop": 60' not in content


def test_a_resumed_run_never_draws_noise_a_second_time(here, releases, capsys, monkeypatch):
    monkeypatch.setattr("smotext.settings.GROUP_SIZE", 4)
    assert augment("--max-tokens", "40") == 3
    assert "holds vectors of the real rows without noise" in capsys.readouterr().err
    begun = pd.read_csv("out.csv")
    kept = np.load("out.csv.run/centres.npy")
    assert not Path("out.csv.lineage.parquet").exists()
    assert augment() == 0
    assert len(releases) == 1
    assert (kept == releases[0].vectors).all()
    whole = pd.read_csv("out.csv")
    assert len(begun) < len(whole) == 16
    assert set(begun["text"]) <= set(whole["text"])
    assert not Path("out.csv.run").exists()


@pytest.mark.parametrize("name", ["plans/000.npz", "vectors.npy"])
def test_a_damaged_plan_is_made_again_from_the_same_noise(here, releases, monkeypatch, name):
    monkeypatch.setattr("smotext.settings.GROUP_SIZE", 4)
    assert augment("--max-tokens", "40") == 3
    begun = pd.read_csv("out.csv")
    (here / "out.csv.run" / name).write_bytes(b"damaged")
    assert augment() == 0
    assert len(releases) == 1
    assert set(begun["text"]) <= set(pd.read_csv("out.csv")["text"])


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(b"damaged"), lambda path: path.unlink()])
def test_noise_that_is_lost_is_not_drawn_again_unless_the_run_begins_anew(here, releases, capsys, monkeypatch, damage):
    monkeypatch.setattr("smotext.settings.GROUP_SIZE", 4)
    assert augment("--max-tokens", "40") == 3
    damage(here / "out.csv.run" / "centres.npy")
    (here / "out.csv.run" / "plans" / "000.npz").unlink()
    capsys.readouterr()
    for _ in range(2):
        assert augment() == 1
    err = capsys.readouterr().err
    assert "to draw noise again would spend epsilon a second time" in err
    assert "begin anew with --resume never" in err
    assert len(releases) == 1
    assert augment("--resume", "never", "--overwrite") == 0
    assert len(releases) == 2


def test_other_privacy_is_another_run(here, releases, capsys, monkeypatch):
    monkeypatch.setattr("smotext.settings.GROUP_SIZE", 4)
    assert augment("--max-tokens", "40") == 3
    assert augment("--delta", "0.000001") == 2
    assert "privacy.delta was None and is 1e-06" in capsys.readouterr().err


def test_a_run_that_is_kept_says_what_is_in_it(here, releases, capsys):
    assert augment("--keep-run") == 0
    assert f"warning: {here / 'out.csv.run'} holds vectors of the real rows" in capsys.readouterr().err
    assert augment("--quiet") == 0  # complete already
    assert len(releases) == 1


def test_lineage_of_an_earlier_output_does_not_stay_beside_noisy_texts(here, releases):
    assert augment(hidden=["--per-class", "2"]) == 0
    assert augment() == 2
    assert augment("--overwrite") == 0
    assert sorted(os.listdir(here)) == ["in.csv", "out.csv"]


REFUSED = {
    "-n": (["-n", "16"], "-n 16: a number that is split by class counts"),
    "--sampling-strategy": (["--sampling-strategy", "all"], "--sampling-strategy all: a number that is split"),
    "no amount": ([], "--sampling-strategy auto: a number that is split"),
    "smote": (["--strategy", "smote"], "--privacy dp does not go with --strategy smote: neighbours"),
    "borderline": (["--strategy", "borderline"], "--strategy borderline: borderline"),
    "adasyn": (["--strategy", "adasyn"], "--strategy adasyn: adasyn"),
    "kmeans": (["--strategy", "kmeans"], "--strategy kmeans: k-means"),
    "auto": (["--max-new-tokens", "auto"], "--max-new-tokens auto: lengths drawn from parents"),
    "filters": (["--filters", "default"], "--filters default: filters, judges and copy guards"),
    "examples": (["--examples", "4"], "--examples=4: examples from real rows"),
    "real rows": (["--per-class", "2", "real rows"], "out.csv would hold the real rows beside the synthetic ones"),
    "--report": (["--per-class", "2", "--report", "page.html"], "--report shows what came from what"),
    "unknown class": (["--per-class", '{"c": 2}'], "unknown class 'c'"),
    "bad amount": (["--per-class", "few"], "--per-class is 'few': expected a whole number, or JSON"),
    "epsilon": (["--epsilon", "0"], "--epsilon is 0"),
    "delta": (["--delta", "0.5"], "--delta is 0.5: expected a number above 0 and far below"),
    "group": (["--group-size", "0"], "--group-size is 0: expected an integer of 1 or more"),
    "labels": (["--public-labels", "[1]"], "--public-labels is '[1]': expected a JSON object"),
    "no JSON": (["--public-labels", "{spam"], "--public-labels is not JSON"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_would_show_real_rows_is_refused_by_name_before_a_model_is_loaded(here, capsys, monkeypatch, case):
    from smotext.sampler import SMOTExT

    pytest.importorskip("opendp", reason="extra privacy")
    monkeypatch.setattr(SMOTExT, "load", lambda self: pytest.fail("a model is loaded"))
    options, message = REFUSED[case]
    alone = [] if "real rows" in options else ["--only-synthetic"]
    has_amount = {"-n", "--sampling-strategy", "--per-class"} & set(options) or case == "no amount"
    amount = [] if has_amount else ["--per-class", "2"]
    words = [*DP, *ALLOWED, *alone, *amount, *(word for word in options if word != "real rows")]
    assert augment(hidden=words) == 2
    assert re.search(re.escape(message).replace("=4", "[= ]4"), capsys.readouterr().err)
    assert os.listdir(here) == ["in.csv"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--privacy", "dp", "--epsilon", "8"], "--public-labels is missing"),
        (["--privacy", "dp", "--public-labels", PUBLIC], "--privacy dp needs epsilon"),
        (["--privacy", "average", "--group-size", "5", "--public-labels", PUBLIC], "without --privacy dp"),
        (["--privacy", "average"], "--privacy average needs --group-size"),
        (["--privacy", "average", "--group-size", "40"], "class 'a' has 30 texts and --group-size is 40"),
        (["--epsilon", "8"], "epsilon go with --privacy average or 'dp'"),
        (["--privacy", "averag"], "did you mean 'average'"),
        (["--privacy", "average", "--group-size", "5", "--examples", "2"], "examples from real rows"),
    ],
)
def test_privacy_options_that_do_not_fit_are_told(here, capsys, options, message):
    assert augment("--per-class", "2", hidden=options) == 2
    assert message in capsys.readouterr().err


def test_a_public_label_of_another_type_is_told(here, capsys):
    (here / "in.jsonl").write_text("".join(json.dumps({"text": f"text {i}", "label": i % 2}) + "\n" for i in range(9)))
    options = ["--model", "echo", *DP, *ALLOWED, "--only-synthetic", "--per-class", "1"]
    assert entry.run(["augment", "in.jsonl", "-o", "out.jsonl", *options]) == 2
    assert "--public-labels names class 'a': expected whole numbers" in capsys.readouterr().err


def test_averaged_rows_have_lineage_and_are_said_to_guarantee_nothing(here, capsys):
    assert augment("--per-class", "3", hidden=["--privacy", "average", "--group-size", "5"]) == 0
    lineage = pd.read_parquet("out.csv.lineage.parquet")
    assert [weights.tolist() for weights in lineage["weights"]] == [[0.2] * 5] * 6
    assert "it lowers what attacks find, and guarantees nothing" in capsys.readouterr().err
    assert len(pd.read_csv("out.csv")) == N_REAL + 6


def test_new_rows_of_named_classes_need_no_privacy(here):
    assert augment("--per-class", '{"b": 3}', hidden=[]) == 0
    made = pd.read_csv("out.csv")
    assert made.loc[made["is_synthetic"], "label"].tolist() == ["b"] * 3


def test_a_file_of_options_may_hold_public_numbers_as_tables(here, releases):
    Path("run.toml").write_text(
        'model = "echo"\noutput = "out.csv"\nprivacy = "dp"\nepsilon = 8\ngroup_size = 10\nstrategy = "random"\n'
        "max_new_tokens = 9\nonly_synthetic = true\npublic_labels = {a = 30, b = 30}\nper_class = {a = 3}\n"
    )
    assert entry.run(["augment", "in.csv", "--config", "run.toml"]) == 0
    assert pd.read_csv("out.csv")["label"].tolist() == ["a"] * 3


def test_plan_takes_the_same_options_and_releases_nothing_but_its_cost(here, releases, capsys):
    hidden = [*DP, *ALLOWED, "--per-class", "4"]
    assert entry.run(["plan", "in.csv", "--model", "echo", *hidden]) == 0
    out, err = capsys.readouterr()
    assert [line.split() for line in out.splitlines()][:2] == [
        ["class", "before", "new", "after", "texts", "to", "mix"],
        ["a", "30", "4", "34", "30"],
    ]
    assert "differential privacy: epsilon 8" in err
    assert os.listdir(here) == ["in.csv"]
    assert entry.run(["plan", "in.csv", "--model", "echo", "--privacy", "average", "--group-size", "20"]) == 0


def test_an_audit_of_the_method_takes_them_too_and_prints_the_ceilings(here, releases, capsys):
    command = ["privacy", "in.csv", "--generate", "--model", "echo", *DP, *ALLOWED, "--no-controls", "--quiet"]
    assert entry.run(command) == 2
    assert "use --per-class with public numbers" in capsys.readouterr().err
    assert entry.run([*command, "--per-class", "20"]) == 0
    out = capsys.readouterr().out
    assert not out.startswith("LEAKS")
    assert "no attack on these texts finds out who was used with an AUC above 0.881" in out
    assert len(releases) == 1


def test_privacy_options_do_not_go_with_texts_that_are_there(here, capsys):
    files = ["in.csv", "in.csv", "--held-out", "in.csv"]
    assert entry.run(["privacy", *files, "--privacy", "average", "--group-size", "5"]) == 2
    assert "--privacy and its options go with --generate" in capsys.readouterr().err


@pytest.fixture
def showing(monkeypatch):
    """What prompts show: the echo decoder shows two texts, and writes as ever."""
    from smotext import EchoDecoder

    shown = []
    plain = EchoDecoder.decode_rows

    def decode_rows(self, vectors, *, examples=None, **options):
        shown.extend(map(list, examples or []))
        return plain(self, vectors, **options)

    monkeypatch.setattr(EchoDecoder, "examples", 2)
    monkeypatch.setattr(EchoDecoder, "decode_rows", decode_rows)
    return shown


def test_public_examples_of_a_file_are_shown_by_class_or_by_all(here, releases, showing, capsys):
    (here / "public.csv").write_text("text,label\npublic one,a\npublic two,a\npublic three,b\n")
    assert augment("--public-examples", "public.csv") == 0
    assert "taken as public, as you said: the 3 examples that prompts show" in capsys.readouterr().err
    assert [set(row) for row in showing] == [{"public one", "public two"}] * 8 + [{"public three"}] * 8
    showing.clear()
    (here / "public.txt").write_text("public four\n\npublic five\n")
    assert augment("--public-examples", "public.txt", output="again.csv") == 0
    assert [set(row) for row in showing] == [{"public four", "public five"}] * 16


def test_another_file_of_public_examples_is_another_run(here, releases, showing, capsys, monkeypatch):
    monkeypatch.setattr("smotext.settings.GROUP_SIZE", 4)
    (here / "public.txt").write_text("public four\n\npublic five\n")
    assert augment("--public-examples", "public.txt", "--max-tokens", "40") == 3
    (here / "public.txt").write_text("public four\n\npublic six\n")
    assert augment("--public-examples", "public.txt") == 2
    assert "privacy.public_examples was" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "public.csv does not exist: --public-examples expects a file of texts that are public"),
        ("words,label\nx,a\n", "public.csv has no column 'text'"),
        ("text,label\npublic,a\n", "--public-examples has no text of class 'b'"),
        ("text\nROW 3 about parcel 21  word3\n", "1 of 1 public examples are among the texts that are to be hidden"),
    ],
)
def test_public_examples_that_cannot_be_shown_are_told_before_a_model_is_loaded(here, capsys, content, message):
    pytest.importorskip("opendp", reason="extra privacy")
    if content is not None:
        (here / "public.csv").write_text(content)
    assert augment("--public-examples", "public.csv") == 2
    assert message in capsys.readouterr().err


def test_public_examples_without_privacy_are_told(here, capsys):
    (here / "public.txt").write_text("public four\n")
    assert augment("--per-class", "2", "--public-examples", "public.txt", hidden=[]) == 2
    assert "--public-examples go with --privacy average or 'dp'" in capsys.readouterr().err
