"""The experiments' scripts on small data; their real runs take hours."""

import gzip
import json
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import ModernBertConfig, ModernBertModel

from smotext import presets
from tests.decoders import checkpoints
from tests.encoders.checkpoints import HIDDEN, make_last_token_checkpoint, make_tokenizer
from tests.evaluation.doubles import two_classes
from tests.scripts import importable


@pytest.fixture
def script(monkeypatch):
    with importable("experiments") as load:

        def run(name, *arguments):
            monkeypatch.setattr(sys, "argv", [f"{name}.py", *map(str, arguments)])
            load(name).main()

        run.load = load
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
    options += ["--settings", "shots-10,imbalance-20"]  # no class of these sets has 50 rows
    script("labelled_sets", *options, "--conditions", "real + SMOTExT,duplicated")
    table = (tmp_path / "out" / "results.md").read_text()
    for setting in ("shots-10", "imbalance-20"):
        assert f"| trec6 | {setting} | TF-IDF |" in table
    assert "TF-IDF, shots-10, +4 over the best of what is free" in table
    rows = json.loads((tmp_path / "out" / "trec6" / "report.json").read_text())["rows"]
    copied = [row["gain"]["mean"] for row in rows if row["condition"] == "duplicated"]
    assert f"| duplicated | {' | '.join(f'{gain:+.1f}' for gain in copied)} |" in table  # the means over one set
    pytest.importorskip("matplotlib")
    picture = tmp_path / "gains.svg"
    script("labelled_sets", *options, "--conditions", "real + SMOTExT,duplicated", "--picture", picture)
    drawn = picture.read_text()
    assert all(f"<!-- {name} -->" in drawn for name in ("real + SMOTExT", "duplicated", "shots-10, TF-IDF"))


def test_pools_are_written_once_and_all_ways_of_fitting_draw_from_them(script, data, tmp_path, capsys):
    pools = tmp_path / "pools"
    common = ["--data", data, "--model", "echo"]
    options = ["--out", pools, *common, "--sets", "trec6", "--seeds", 2, "--option", "dtype=null"]
    script("pools", *options)
    assert sorted(path.name for path in pools.iterdir()) == ["trec6-0.jsonl", "trec6-1.jsonl"]
    rows = [json.loads(line) for line in (pools / "trec6-0.jsonl").read_text().splitlines()]
    assert [sum(row["is_synthetic"] is kind for row in rows) for kind in (False, True)] == [20, 40]
    capsys.readouterr()
    script("pools", *options)
    assert capsys.readouterr().out == ""
    script("fitting", "--pools", pools, *common)
    out = capsys.readouterr().out
    assert "| TF-IDF | trec6 | 2 |" in out
    assert "| frozen encoder | all | 2 |" in out
    script("helpful_texts", "--pools", pools, *common)
    out = capsys.readouterr().out
    assert "| frozen encoder | label | 2 |" in out
    assert "| Vendi |" in out


def test_a_pull_leads_from_the_first_fit_to_that_of_the_real_rows(script):
    fitting = script.load("fitting")
    rng = np.random.default_rng(0)
    rows, labels = rng.normal(size=(60, 3)), np.arange(60) % 3
    first = fitting.Linear(rng.normal(size=(3, 3)), np.zeros(3))
    held = fitting.pulled_fit(first, rows, labels, 1e-6)
    assert np.allclose(held.coef, first.coef, atol=1e-3)
    free = fitting.Linear.of(fitting.head(rows, labels, 1e6))
    apart = fitting.pulled_fit(first, rows, labels, 1e6)
    assert (apart.predict(rows) == free.predict(rows)).mean() > 0.95


def test_vendi_score_counts_what_is_different(script):
    vendi_score = script.load("helpful_texts").vendi_score
    assert vendi_score(np.eye(3)) == pytest.approx(3.0)
    assert vendi_score(np.ones((3, 2))) == pytest.approx(1.0)


def test_the_report_half_stays_shut_unless_asked_for(script, data, tmp_path, capsys):
    options = ["--out", tmp_path / "out", "--data", data, "--model", "echo", "--sets", "sms_spam"]
    with pytest.raises(SystemExit, match="2"):
        script("labelled_sets", *options)
    assert "sms_spam belongs to the report half" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_copies_are_counted_among_other_real_texts_and_edits(script, data, capsys):
    script("copies", "--data", data, "--sets", "trec6", "--seeds", 1)
    lines = [line.split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    assert [line[:2] for line in lines] == [["| trec6", "15"], ["| trec6", "100"]]
    assert lines[0][2].endswith(" % of 36"), "18 of each class are left"
    assert lines[1][2].endswith(" % of 22"), "a third of a small class is left"
    unlike = [" ".join(f"w{n}x{place}" for place in range(9)) for n in range(40)]
    found = script.load("copies").measure({"unlike": unlike}, 15, seed=0, share=0.02)
    assert found == [(0, 25), (0, 0), (0, 0), (15, 15), (0, 0)]  # others, and edits of 9 to 12 words


def test_missing_data_are_named(script, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        script("twenty_newsgroups", "--out", tmp_path / "out", "--data", tmp_path)
    assert "give the folder of the data with --data" in capsys.readouterr().err


@pytest.fixture
def paper_models(tmp_path, monkeypatch):
    """Tiny random checkpoints in the formats of the paper's three models, where preset "paper" finds them."""
    monkeypatch.setattr(checkpoints, "VECTOR_DIM", HIDDEN)
    encoder, bridge = make_last_token_checkpoint(tmp_path / "sfr"), checkpoints.make_checkpoint(tmp_path / "xrag")
    paper = replace(presets.PRESETS["xrag-7b"], encoder=str(encoder), decoder=str(bridge), encoder_revision=None)
    monkeypatch.setitem(presets.PRESETS, "xrag-7b", paper)
    tokenizer, folder = make_tokenizer(), tmp_path / "answerdotai" / "ModernBERT-base"
    torch.manual_seed(0)
    sizes = {"hidden_size": HIDDEN, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    ids = {"bos_token_id": 1, "cls_token_id": 1, "eos_token_id": 2, "sep_token_id": 2, "pad_token_id": 2}
    ModernBertModel(ModernBertConfig(vocab_size=len(tokenizer), **sizes, **ids)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    monkeypatch.chdir(tmp_path)


def test_the_papers_models_write_and_classify(script, paper_models, tmp_path, monkeypatch, capsys):
    small = two_classes(12), two_classes(8, start=30)
    monkeypatch.setattr(script.load("twenty_newsgroups"), "load_newsgroups", lambda data: small)
    options = ["--preset", "paper", "--shots", 6, "--per-class", 3, "--seeds", 1, "--option", "max_new_tokens=8"]
    script("twenty_newsgroups", "--out", tmp_path / "out", *options, "--conditions", "real + SMOTExT,SMOTExT only")
    assert "80.37" in capsys.readouterr().out
    rows = json.loads((tmp_path / "out" / "report.json").read_text())["rows"]
    found = {(row["model"], row["condition"]): row["n_train"] for row in rows if row["accuracy"] is not None}
    assert found["frozen encoder", "real + SMOTExT"] == found["TF-IDF", "real + SMOTExT"] == 18
    assert found["frozen encoder", "SMOTExT only"] == 6


@pytest.mark.slow
def test_the_newsgroups_are_set_beside_the_paper(script, shared, tmp_path, capsys):
    options = ["--out", tmp_path, "--data", shared / "data", "--model", "echo", "--quick", "--seeds", 1]
    script("twenty_newsgroups", *options, "--conditions", "real + SMOTExT,SMOTExT only")
    out = capsys.readouterr().out
    assert "synthetic / real" in out
    assert "80.37" in out


def test_unlabelled_texts_are_training_rows_that_are_never_drawn(script, data, tmp_path):
    options = ["--out", tmp_path / "out", "--data", data, "--model", "echo", "--seeds", 1, "--sets", "trec6"]
    options += ["--settings", "shots-10", "--unlabelled", 20, "--no-tuning"]
    script("labelled_sets", *options, "--conditions", "real + SMOTExT,pseudo-labelling")
    rows = json.loads((tmp_path / "out" / "trec6" / "report.json").read_text())["rows"]
    found = {row["condition"]: row["n_train"] for row in rows if row["model"] == "TF-IDF"}
    assert found["real"] == 20
    assert 20 < found["pseudo-labelling"] <= 40

    keep = script.load("common").keep_unlabelled
    train, test = two_classes(25), two_classes(8, start=30)
    rest, unlabelled = keep(train, test, 1000)
    assert len(rest) == 25
    assert set(unlabelled) == set(train.texts) - set(rest.texts)
