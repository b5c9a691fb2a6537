"""Texts of several labels: scored label by label, with one head for each."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import MultiLabelBinarizer

from smotext import SMOTExT
from smotext.cli.entry import run
from smotext.errors import InputError
from smotext.evaluation.classification_scores import resampled_macro_f1, score
from smotext.evaluation.classifiers import tfidf
from smotext.evaluation.data_sizes import Setting
from smotext.evaluation.generators import SmotextGenerator
from smotext.evaluation.labelled_texts import labelled
from smotext.evaluation.study import Study
from smotext.evaluation.study_report import make_report, sentence
from smotext.evaluation.thresholds import tuned_threshold_predictions
from smotext.evaluation.word_edits import generate_copies
from smotext.fitting.one_vs_rest import OneVsRest
from tests.evaluation.doubles import NOUNS


def complaints(n: int = 12):
    """``late`` texts, ``rude`` ones, and half as many that are both; no two of a kind share a noun."""
    rows = [(f"late {noun}", ("late",)) for noun in NOUNS[:n]]
    rows += [(f"rude {noun}", ("rude",)) for noun in NOUNS[n : 2 * n]]
    rows += [(f"late and rude {noun}", ("late", "rude")) for noun in NOUNS[2 * n : 2 * n + n // 2]]
    return labelled([text for text, _ in rows], [labels for _, labels in rows])


def test_scores_run_over_labels_and_accuracy_over_whole_sets():
    found = score([("a", "b"), ("a",)], [("a",), ("a",)])
    assert (found.accuracy, found.macro_f1, found.recall, found.confusion) == (0.5, 0.5, {"a": 1.0, "b": 0.0}, ())
    assert found.weighted_f1 == pytest.approx(2 / 3)
    draws = np.array([[1, 1], [0, 2]])
    assert resampled_macro_f1([("a", "b"), ("a",)], [("a",), ("a",)], draws).tolist() == [0.5, 1.0]


def test_a_head_for_each_label_predicts_as_scikit_learns_own():
    data, binarizer = complaints(), MultiLabelBinarizer()
    rows = TfidfVectorizer().fit_transform(data.texts)
    expected = OneVsRestClassifier(LogisticRegression()).fit(rows, binarizer.fit_transform(data.labels)).predict(rows)
    found = OneVsRest(LogisticRegression()).fit(rows, data.labels).predict(rows)
    assert found.tolist() == binarizer.inverse_transform(expected)


def test_a_label_that_every_text_has_is_predicted_for_all():
    head = OneVsRest(LogisticRegression()).fit(np.array([[0.0], [1.0]]), [("a", "b"), ("a",)])
    assert all("a" in labels for labels in head.predict(np.array([[0.0], [5.0]])))


def test_each_label_has_a_threshold_of_its_own():
    data = complaints()
    found = tuned_threshold_predictions(
        tfidf(), data.texts, data.labels, ["late zoo", "rude zoo", "late rude zoo"], seed=0
    )
    assert found == [("late",), ("rude",), ("late", "rude")]


def test_copies_keep_all_labels_and_are_made_for_each():
    data = complaints(4)
    made = generate_copies(data.texts, data.labels, {"late": 6, "rude": 0}, 0)
    assert [data.labels[row] for (row,) in made.sources] == list(made.labels)
    assert set(made.labels) == {("late",), ("late", "rude")}


def test_shots_are_of_each_label_and_a_text_is_drawn_once():
    data = complaints()
    rows = Setting("shots", 6).draw(data, np.random.default_rng(0))
    assert len(set(rows.tolist())) == len(rows) <= 12
    assert min(data.take(rows).counts.values()) >= 6
    assert Setting("shots", 6, per_class=3).new_rows(data.take(rows).labels) == {"late": 3, "rude": 3}


def test_a_study_measures_every_condition_or_says_why_it_cannot():
    generator = SmotextGenerator(SMOTExT("echo", k_neighbors=2))
    study = Study(
        complaints(),
        models={"TF-IDF": tfidf()},
        generators={"smotext": generator},
        conditions=None,
        n_seeds=1,
        settings=[Setting("shots", 6, per_class=4)],
    )
    found = {result.cell.condition: result for result in study.run()}
    said = {name: result.skipped for name, result in found.items() if result.skipped}
    assert "these texts have several labels" in said.pop("logit adjustment")
    for name in ("SMOTE on features", "SMOTE on features at half weight", "mixup on features"):
        assert "these texts have several labels" in said.pop(name)
    assert set(said) <= {"class weights"}  # where both labels are as frequent
    assert found["real"].scores.macro_f1 > 0.8
    assert found["real + SMOTExT at chosen weight"].weight in (0.0, 0.1, 0.25, 0.5, 1.0)
    report = make_report(study)
    assert sentence(report.verdicts[0]).startswith("TF-IDF, shots-6+4: ")
    assert report.advice == []


def test_a_study_goes_on_from_what_it_kept(tmp_path):
    options = {"models": {"TF-IDF": tfidf()}, "conditions": ["real + SMOTExT"], "n_seeds": 1, "folder": tmp_path}
    generator = SmotextGenerator(SMOTExT("echo", k_neighbors=2))
    study = Study(complaints(), generators={"smotext": generator}, **options)
    first = study.run()
    (tmp_path / "cells.jsonl").unlink()
    again = Study(complaints(), generators={"smotext": generator}, **options).run()
    assert [result.scores for result in again] == [result.scores for result in first]


def test_imbalance_is_refused_by_name():
    with pytest.raises(InputError, match="imbalance is for texts of one label each"):
        Study(complaints(), models={}, generators={}, settings=[Setting("imbalance", 4)])


@pytest.fixture
def tickets(tmp_path):
    path, data = tmp_path / "tickets.csv", complaints()
    rows = [f"{text},{';'.join(labels)}" for text, labels in zip(data.texts, data.labels, strict=True)]
    path.write_text("\n".join(["text,label", *rows, ",late"]) + "\n")
    return path


def test_the_command_splits_cells_and_reads_lists(tickets, capsys):
    options = ["--model", "echo", "--seeds", "2", "--k-neighbors", "2", "--conditions", "real + SMOTExT,duplicated"]
    options += ["--no-tuning", "--classifier", "tfidf"]
    assert run(["evaluate", str(tickets), "--label-separator", ";", *options]) == 0
    out, err = capsys.readouterr()
    assert "TF-IDF, all: " in out
    assert "1 rows without text are left out" in err
    lists = tickets.with_suffix(".jsonl")
    data = complaints()
    lists.write_text(
        "".join(json.dumps({"text": t, "label": list(y)}) + "\n" for t, y in zip(data.texts, data.labels, strict=True))
    )
    assert run(["evaluate", str(lists), *options]) == 0
    assert capsys.readouterr().out == out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--imbalance", "3"], "imbalance is for texts of one label each"),
        (["--strategy", "adasyn"], "strategy is 'adasyn', which compares classes"),
        (["--label-separator", " "], "--label-separator is ' ': expected what stands between labels"),
    ],
)
def test_what_needs_one_label_is_refused_before_a_model_is_loaded(tickets, capsys, monkeypatch, options, message):
    monkeypatch.setattr("smotext.sampler.SMOTExT.load", lambda self: pytest.fail("a model was loaded"))
    assert run(["evaluate", str(tickets), "--label-separator", ";", "--model", "echo", *options]) == 2
    assert message in capsys.readouterr().err
