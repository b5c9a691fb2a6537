import imblearn.pipeline
import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import SMOTE, RandomOverSampler
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import TunedThresholdClassifierCV
from sklearn.naive_bayes import ComplementNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer

import smotext
from smotext import HashEncoder, SMOTExT, SMOTExTClassifier
from smotext.evaluation.advice import _DOING, _code, advise, rows_needed
from smotext.evaluation.cells import Cell, Result
from smotext.evaluation.classification_scores import ClassificationScores
from smotext.evaluation.classifiers import FROZEN, LSA, TFIDF
from smotext.evaluation.statistics import detectable_difference, mean_interval

SEEDS = np.array([0.0, 0.3, -0.3, 0.2, -0.2])


def results(strength=None, model=TFIDF, **gains):
    """Five seeds of a real score of 50 and the gains given, with a little noise of each condition's own."""
    names = {"ours": "real + SMOTExT", "chosen": "real + SMOTExT at chosen weight", "threshold": "tuned threshold"}
    names |= {"weighed": "class weights", "copies": "duplicated", "adjusted": "logit adjustment"}
    rows = [("real", SEEDS * 0)] + [
        (names[name], np.roll(SEEDS, place) * (30 if gain is None else 1) + (gain or 0.0))
        for place, (name, gain) in enumerate(gains.items())
    ]
    return [
        Result(
            Cell("all", seed, name, model),
            10,
            10,
            scores=ClassificationScores(0.5, 0.5 + value / 100, 0.5, {}),
            strength=strength,
        )
        for name, values in rows
        for seed, value in enumerate(values)
    ]


def only(found):
    (one,) = found
    return one


def test_where_nothing_cheaper_does_as_well_smotext_is_advised():
    one = only(advise(results(chosen=5.0, ours=4.0, copies=1.0), 100))
    assert one.condition == "real + SMOTExT at chosen weight"
    assert "SMOTExT adds 4.7 to 5.3 macro-F1 points. Nothing cheaper does as well: use it." in one.text
    assert "SMOTExTClassifier(model, random_state=0).fit(texts, labels)" in one.code


def test_a_threshold_that_does_as_well_is_advised_instead():
    one = only(advise(results(ours=5.0, threshold=4.9, copies=1.0), 100))
    assert one.condition == "tuned threshold"
    assert "Moving the threshold does as well (+4.9" in one.text
    assert "do that" in one.text


def test_the_cheapest_of_those_that_do_as_well_is_advised():
    assert only(advise(results(ours=5.0, copies=5.5, weighed=5.1, adjusted=4.8), 100)).condition == "logit adjustment"


def test_what_is_clearly_behind_is_not_advised_however_cheap():
    assert only(advise(results(ours=9.0, threshold=5.0), 100)).condition == "real + SMOTExT"


def test_where_smotext_does_not_help_the_best_cheap_thing_is_advised():
    one = only(advise(results(ours=0.0, threshold=3.0, copies=6.0), 100))
    assert one.condition == "duplicated"
    assert "SMOTExT makes no difference" in one.text
    assert "Copying rows helps (+6.0" in one.text


def test_where_nothing_helps_the_data_stay_as_they_are():
    one = only(advise(results(ours=-4.0, threshold=0.0), 100))
    assert one.condition == "real"
    assert "takes 3.7 to 4.3 macro-F1 points away: leave it off." in one.text
    assert "leave the data as they are for now" in one.text


def test_too_little_data_says_how_much_would_do():
    found = results(ours=None)
    one = only(advise(found, 100))
    needed = rows_needed(mean_interval(SEEDS * 30), 100)
    assert f"you would need about {needed:.0f} test rows instead of 100" in one.text
    assert needed == pytest.approx(100 * (detectable_difference(mean_interval(SEEDS * 30)) / 2) ** 2, rel=0.06)
    assert only(advise([one for one in found if one.cell.seed == 0], 100)).text.endswith(
        "run more seeds. Nothing cheaper is shown to help either: leave the data as they are for now."
    )


def test_a_frozen_encoder_that_gains_more_is_named():
    switch = [
        Result(Cell("all", seed, "real", FROZEN), 10, 10, scores=ClassificationScores(0.5, 0.68 + value / 100, 0.5, {}))
        for seed, value in enumerate(SEEDS)
    ]
    one = only(advise([*results(ours=3.0), *switch], 100))
    assert one.condition == "real + SMOTExT"
    assert "A frozen encoder alone, with nothing added, gives +18.0" in one.text


def test_the_lines_name_the_strength_that_was_chosen_most_often():
    assert "LogisticRegression(C=10, max_iter=2000)" in only(advise(results(10.0, ours=9.0), 100)).code


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("model", [TFIDF, FROZEN, LSA])
@pytest.mark.parametrize("condition", [*_DOING])
def test_the_lines_run(condition, model, monkeypatch):
    monkeypatch.setattr(smotext, "load_encoder", lambda name: HashEncoder())
    names = {name: value for name, value in globals().items() if not name.startswith("test_")}
    texts = [f"good {noun}" for noun in "cat dog cow hen sun sea oak elm ivy bee".split()]
    texts += [f"bad {noun}" for noun in "cat dog cow hen sun sea".split()]
    labels = ["good"] * 10 + ["bad"] * 6
    names |= {
        "texts": texts,
        "labels": labels,
        "new_texts": ["good elm", "bad ivy"],
        "unlabelled": ["good good elm", "bad bad ivy", "bad bad elm"],
        "load_encoder": lambda _: HashEncoder(),
    }
    names["SMOTExT"] = lambda **options: SMOTExT("echo", **options)
    names["SMOTExTClassifier"] = lambda model, **options: SMOTExTClassifier(
        model, sampler=SMOTExT("echo"), weights=(0, 1), Cs=(1.0,), cv=2, **options
    )
    names["TruncatedSVD"] = lambda _: TruncatedSVD(5)

    exec(_code(condition, model, 100.0), names)
    predicted = names.get("predicted", None)
    if predicted is None:
        predicted = names["model"].predict(np.array(["good elm", "bad ivy"]))
    assert list(predicted) == ["good", "bad"]


USED = (imblearn, pd, SMOTE, RandomOverSampler, TfidfVectorizer, LogisticRegression, TunedThresholdClassifierCV)
USED += (ComplementNB, make_pipeline, FunctionTransformer, Normalizer)  # by the lines that are run above
