from __future__ import annotations

import json

import pytest

from smotext.evaluation.data_sizes import Setting
from smotext.evaluation.study import Study
from smotext.evaluation.study_report import make_report, write_report
from smotext.reporting.evaluation_facts import confusions, headline
from smotext.reporting.evaluation_page import evaluation_page
from smotext.reporting.report_inputs import read_evaluation
from tests.evaluation.doubles import Spy, WordEncoder, bayes, two_classes
from tests.reporting.pages import HOSTILE, Page


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    settings = [Setting("shots", shots, per_class=4) for shots in (2, 4)]
    study = Study(
        two_classes(20), models={"bayes": bayes()}, generators={"smotext": Spy()}, settings=settings, n_seeds=3,
        encoder=WordEncoder(),
    )  # fmt: skip
    study.run()
    done = {"command": ["smotext", "evaluate", "a.csv"], "options": {"model": "echo", "dtype": None}}
    write_report(make_report(study), study.results(), folder, done=done)
    return read_evaluation(folder / "report.json")


def test_the_page_has_the_verdict_first_and_every_condition(content):
    html = evaluation_page(content)
    page = Page(html)
    assert page.loaded(html) == []
    assert headline(content["verdicts"]) in page.text
    for row in content["rows"]:
        assert row["condition"] in page.text
    assert "smotext evaluate a.csv" in page.text
    charts = {chart["name"]: chart for chart in json.loads(page.scripts[0])}
    assert charts["curve-0"]["data"][0]["x"] == [2, 4]
    assert {"gains-0", "gains-1", "recall-0"} <= charts.keys()


def test_intervals_are_drawn_from_low_to_high(content):
    page = Page(evaluation_page(content))
    chart = next(chart for chart in json.loads(page.scripts[0]) if chart["name"] == "gains-0")
    gained = [row for row in content["rows"] if row["setting"] == "shots-2+4" and row["gain"]]
    points = chart["data"][0]
    assert points["x"] == [row["gain"]["mean"] for row in gained]
    assert points["error_x"]["array"] == pytest.approx([row["gain"]["high"] - row["gain"]["mean"] for row in gained])


def test_confusions_are_stored_and_shown(content):
    cells = content["cells"]
    assert all(cell["scores"]["confusion"] for cell in cells if cell["scores"])
    found = confusions(cells, "shots-2+4", "bayes")
    text = Page(evaluation_page(content)).text
    assert ("no confusion changed more" in text) == bool(found or confusions(cells, "shots-4+4", "bayes"))


def test_results_of_an_earlier_version_have_a_page_without_confusions(content):
    cells = [{**cell, "scores": {k: v for k, v in (cell["scores"] or {}).items() if k != "confusion"}}
             for cell in content["cells"]]  # fmt: skip
    page = Page(evaluation_page({**{k: v for k, v in content.items() if k != "done"}, "cells": cells}))
    assert "no confusion changed more" not in page.text


def test_one_seed_has_no_interval_and_a_page(content):
    def without_ends(interval):
        return interval and {**interval, "low": None, "high": None}

    rows = [{**row, "gain": without_ends(row["gain"])} for row in content["rows"]]
    verdicts = [{**one, "gain": without_ends(one["gain"])} for one in content["verdicts"]]
    page = Page(evaluation_page({**content, "rows": rows, "verdicts": verdicts}))
    assert "a single run, which says nothing about chance" in page.text


def test_hostile_names_of_classes_are_shown_as_text(content):
    rows = [{**row, "recall": {HOSTILE: 50.0} if row["recall"] else None} for row in content["rows"]]
    page = Page(evaluation_page({**content, "rows": rows}))
    assert "img" not in page.names()
    assert page.names().count("script") == 4
    assert HOSTILE in page.text


def test_the_headline_says_what_holds_for_whom():
    gain = {"mean": -3.0, "low": -5.0, "high": -1.0}
    one = {"setting": "all", "model": "TF-IDF", "word": "hurts", "gain": gain, "cheap": None, "cheap_gain": None}
    other = {**one, "model": "frozen encoder", "word": "no difference", "gain": {"mean": 0.1, "low": -0.5, "high": 0.7}}
    assert headline([one, other]) == (
        "Adding SMOTExT's texts hurts TF-IDF (-3.0 points of macro-F1, 95 % interval -5.0 to -1.0); adding SMOTExT's "
        "texts makes no difference to the frozen encoder (+0.1 points of macro-F1, 95 % interval -0.5 to +0.7)."
    )
    assert headline([]) == "This evaluation did not compare SMOTExT's texts with the real rows alone."
