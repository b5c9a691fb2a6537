import json

import numpy as np
import pytest

from smotext.evaluation.cells import Cell, Result
from smotext.evaluation.classification_scores import ClassificationScores
from smotext.evaluation.classifiers import FROZEN, TFIDF
from smotext.evaluation.conditions import DEFAULT
from smotext.evaluation.data_sizes import Setting
from smotext.evaluation.study import Study
from smotext.evaluation.study_report import (
    StudyReport,
    make_report,
    markdown,
    overall_table,
    plot_shots,
    sentence,
    write_report,
)
from smotext.evaluation.summary import over_sets, summarise, verdicts
from tests.evaluation.doubles import Spy, bayes, two_classes


def _results(scores, setting="shots-10"):
    """One result per (model, condition) and seed from lists of macro-F1 in points."""
    return [
        Result(
            Cell(setting, seed, condition, model),
            100,
            50,
            scores=ClassificationScores(0.5, value / 100, 0.5, {"a": 0.25}),
        )
        for (model, condition), values in scores.items()
        for seed, value in enumerate(values)
    ]


HELPED = _results(
    {
        (FROZEN, "real"): [80.0, 81.0, 82.0],
        (FROZEN, "real + SMOTExT"): [80.1, 81.0, 82.1],
        (TFIDF, "real"): [50.0, 51.0, 52.0],
        (TFIDF, "real + SMOTExT"): [53.0, 55.0, 55.0],
        (TFIDF, "duplicated"): [50.5, 51.5, 52.5],
        (TFIDF, "word edits"): [51.0, 51.0, 52.0],
    }
)


def test_a_row_averages_its_seeds_and_pairs_its_gain():
    row = next(row for row in summarise(HELPED) if (row.model, row.condition) == (TFIDF, "real + SMOTExT"))
    assert row.macro_f1 == pytest.approx(163 / 3)
    assert row.gain.mean == pytest.approx((3 + 4 + 3) / 3)
    assert row.gain.standard_error == pytest.approx(np.std([3, 4, 3], ddof=1) / np.sqrt(3))
    assert row.recall == {"a": 25.0}


def test_the_verdict_names_the_best_cheap_alternative_and_the_switch_to_the_encoder():
    found = {one.model: one for one in verdicts(HELPED)}
    assert found[TFIDF].word == "helps"
    assert (found[TFIDF].cheap, found[TFIDF].cheap_gain) == ("duplicated", pytest.approx(0.5))
    assert found[TFIDF].switch.mean == pytest.approx(30.0)
    assert found[FROZEN].word == "no difference"
    assert found[FROZEN].switch is None


def test_seeds_that_only_one_condition_has_are_not_compared():
    results = _results({("m", "real"): [50.0, 60.0], ("m", "real + SMOTExT"): [51.0]})
    (found,) = verdicts(results)
    assert (found.gain.n, found.gain.mean) == (1, pytest.approx(1.0))
    assert "One seed says nothing about chance" in sentence(found)


def test_a_loss_is_called_a_loss():
    hurt = _results({("m", "real"): [50.0, 51.0, 50.0], ("m", "real + SMOTExT"): [45.0, 46.5, 45.2]})
    assert "SMOTExT hurts: -4.8 macro-F1 points" in sentence(verdicts(hurt)[0])


def test_noise_is_called_too_little_data_with_the_detectable_difference():
    noisy = _results({("m", "real"): [50.0, 51.0, 50.0], ("m", "real + SMOTExT"): [58.0, 44.0, 52.0]})
    found = sentence(verdicts(noisy)[0])
    assert "too little data to tell" in found
    assert "four times in five" in found


def test_over_sets_takes_the_better_of_real_and_duplicated_in_each_set():
    one = _results(
        {("m", "real"): [50.0, 50.0], ("m", "duplicated"): [52.0, 52.0], ("m", "real + SMOTExT"): [55.0, 55.0]}
    )
    other = _results(
        {("m", "real"): [60.0, 60.0], ("m", "duplicated"): [58.0, 58.0], ("m", "real + SMOTExT"): [61.0, 61.0]}
    )
    (found,) = over_sets({"one": one, "other": other})
    assert found.over_real.mean == pytest.approx((5 + 1) / 2)
    assert found.over_better.mean == pytest.approx((3 + 1) / 2)
    assert found.alternatives == {"duplicated": pytest.approx(0.0)}
    assert found.is_not_worse == {"one": True, "other": True}
    assert "+3.0 [+1.0, +5.0]" in overall_table([found])[2]


def test_over_sets_takes_a_moved_decision_where_it_is_the_best_that_costs_nothing():
    scores = {"real": 50.0, "duplicated": 52.0, "logit adjustment": 54.0, "word edits": 58.0, "real + SMOTExT": 55.0}
    (found,) = over_sets({"one": _results({("m", name): [value] * 2 for name, value in scores.items()})})
    assert found.over_better.mean == pytest.approx(1)


def test_the_weight_that_was_chosen_is_told_beside_the_plain_one():
    results = _results({("m", "real"): [50.0, 50.0], ("m", "real + SMOTExT"): [49.0, 50.0],
                        ("m", "real + SMOTExT at chosen weight"): [52.0, 53.0]})  # fmt: skip
    assert "With a weight chosen on the training rows: +2.5 [" in sentence(verdicts(results)[0])


def test_the_report_is_written_as_markdown_and_as_json_without_infinities(tmp_path):
    study = Study(
        two_classes(20),
        {"bayes": bayes()},
        {"smotext": Spy()},
        n_seeds=1,
        settings=[Setting("shots", 5)],
        conditions=DEFAULT,
    )
    study.run()
    report = make_report(study)
    paths = write_report(report, study.results(), tmp_path / "new")
    assert [path.name for path in paths] == ["report.md", "report.json"]
    content = json.loads(paths[1].read_text(), parse_constant=pytest.fail)
    assert content["verdicts"][0]["gain"]["low"] is None
    assert len(content["cells"]) == len(study.all_cells())
    text = paths[0].read_text()
    assert "| real | 10 |" in text
    assert "not applicable: the classes are balanced" in text
    assert "Recall per class" in text
    assert "```python" in text
    assert [one["model"] for one in content["advice"]] == ["bayes"]


def test_the_report_on_closeness_says_that_it_is_no_guarantee():
    from smotext.evaluation.cells import Closeness
    from smotext.evaluation.nearness_to_real import Nearness

    near = Nearness((0.1, 0.5, 0.9, 1.0), (1.0, 2.0, 5.0, 13.0), 700)
    text = markdown(StudyReport("d", 1, 1, 0, 0, [], [], [Closeness("all", near, near)]))
    assert "This is not a privacy guarantee." in text
    assert "| all | synthetic | 700 | 0.10 | 0.50 | 0.90 | 1.00 | 1 | 2 | 5 | 13 |" in text


def test_the_plot_draws_one_panel_per_model(tmp_path):
    pytest.importorskip("matplotlib")
    more = _results({(TFIDF, "real"): [60.0], (TFIDF, "real + SMOTExT"): [61.0]}, setting="shots-20+5")
    plot_shots(summarise(HELPED + more), tmp_path / "shots.png")
    assert (tmp_path / "shots.png").read_bytes().startswith(b"\x89PNG")
