import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from smotext.errors import InputError, UnknownNameError
from smotext.fitting.choosing import (
    Candidate,
    FittingRows,
    _leading,
    candidates_for,
    choose_fit,
    fit_each,
    macro_f1,
    resolve_score,
)
from smotext.fitting.heads import Fitting
from smotext.fitting.new_rows import NewRows

NOUNS = "cat dog cow hen sun sea oak elm ivy bee ant owl fox emu eel yak".split()
TEXTS = [f"good {noun}" for noun in NOUNS[:8]] + [f"bad {noun}" for noun in NOUNS[8:]]
LABELS = ["good"] * 8 + ["bad"] * 8


def bayes():
    return make_pipeline(CountVectorizer(), MultinomialNB())


def regression():
    return make_pipeline(TfidfVectorizer(), LogisticRegression())


def new(write, n=24, sources=()):
    labels = [("good", "bad")[number % 2] for number in range(n)]
    return NewRows(tuple(write(label, number) for number, label in enumerate(labels)), tuple(labels), (sources,) * n)


LIES = new(lambda label, number: {"good": "bad", "bad": "good"}[label] + f" thing {number}")


def test_synthetic_rows_with_wrong_labels_get_no_weight():
    rows = FittingRows(TEXTS, LABELS, LIES)
    choice = choose_fit(bayes(), rows, candidates_for(bayes(), rows, weights=(0.0, 0.9)))
    assert choice.weight == 0.0
    assert choice.scores[Candidate(0.9)] < choice.scores[Candidate(0.0)] == 1.0


@pytest.mark.parametrize(("n_more", "weight"), [(0, 0.5), (1, 0.5), (3, 0.0), (6, 0.0)])
def test_a_lead_of_one_row_over_half_weight_is_chance(n_more, weight):
    truth = np.array(["a"] * 10 + ["b"] * 10, dtype=object)
    at_half, without = truth.copy(), truth.copy()
    at_half[:6], without[n_more:6] = "b", "b"  # without synthetic rows so many more are right
    predicted = {Candidate(0.5): at_half, Candidate(0.0): without}
    scores = {one: macro_f1(truth.tolist(), values.tolist()) for one, values in predicted.items()}
    assert _leading([*predicted], scores, predicted, truth).weight == weight


def test_synthetic_rows_that_tell_what_real_ones_cannot_get_weight():
    texts = ["alpha", "beta", "gamma", "delta", "one", "two", "three", "four"]  # no two share a word
    teach = NewRows(("alpha beta gamma delta",) * 8 + ("one two three four",) * 8, ("a",) * 8 + ("b",) * 8, ((),) * 16)
    rows = FittingRows(texts, ["a"] * 4 + ["b"] * 4, teach)
    choice = choose_fit(bayes(), rows, candidates_for(bayes(), rows))
    assert choice.weight > 0
    assert choice.scores[choice.best] == 1.0


def test_rows_that_recite_the_rows_scored_on_are_no_use():
    # each synthetic row repeats its parent: whoever let it into its parent's fold would find it perfect
    names = [f"{number}" * 3 for number in range(12)]
    labels = ["a", "b"] * 6
    recited = NewRows(tuple(f"{name} {name}" for name in names), tuple(labels), tuple((row,) for row in range(12)))
    rows = FittingRows(names, labels, recited)
    choice = choose_fit(bayes(), rows, candidates_for(bayes(), rows))
    assert max(choice.scores.values()) < 0.8


def test_half_weight_stands_where_no_other_leads_clearly_and_the_plainest_strength_of_equals_counts():
    rows = FittingRows(TEXTS, LABELS, new(lambda label, number: f"{label} thing {number}"))
    candidates = candidates_for(regression(), rows, strengths=(100.0, 1.0, 0.1))
    choice = choose_fit(regression(), rows, candidates)
    assert sum(value == 1.0 for value in choice.scores.values()) > 5
    assert (choice.weight, choice.strength) == (0.5, 1.0)


def test_a_choice_is_the_same_for_the_same_seed():
    rows = FittingRows(TEXTS, LABELS, LIES)
    candidates = candidates_for(regression(), rows)
    assert choose_fit(regression(), rows, candidates, seed=4) == choose_fit(regression(), rows, candidates, seed=4)


def test_where_nothing_can_be_held_out_the_weight_is_a_half():
    rows = FittingRows(["a", "b"], ["x", "y"], new(lambda label, number: label, 2))
    choice = choose_fit(regression(), rows, candidates_for(regression(), rows))
    assert (choice.weight, choice.strength, choice.scores) == (0.5, 1.0, {})


def test_without_synthetic_rows_only_the_strength_is_chosen():
    assert {one.weight for one in candidates_for(regression(), FittingRows(TEXTS, LABELS))} == {1.0}
    assert candidates_for(bayes(), FittingRows(TEXTS, LABELS)) == [Candidate(1.0, None)]


class NoWeights(ClassifierMixin, BaseEstimator):
    def fit(self, texts, labels):
        self.classes_ = np.unique(labels)
        self.texts_ = list(texts)
        return self

    def predict(self, texts):
        return np.array([self.classes_[0]] * len(texts))


def test_a_classifier_that_takes_no_weights_is_offered_all_or_nothing():
    rows = FittingRows(TEXTS, LABELS, LIES)
    assert [one.weight for one in candidates_for(NoWeights(), rows)] == [0.0, 1.0]
    with pytest.raises(InputError, match="takes no sample_weight"):
        candidates_for(NoWeights(), rows, weights=(0.5,))


def test_rows_of_no_weight_are_not_shown_to_the_classifier():
    rows = FittingRows(TEXTS, LABELS, LIES)
    without, with_all = (fitted.head.texts_ for _, fitted in fit_each(NoWeights(), rows, [Candidate(0), Candidate(1)]))
    assert without == TEXTS
    assert with_all == [*TEXTS, *LIES.texts]


def test_the_new_rows_alone_are_fitted_on_where_asked():
    rows = FittingRows(TEXTS, LABELS, LIES)
    ((_, fitted),) = fit_each(NoWeights(), rows, [Candidate(1)], Fitting(with_real=False))
    assert fitted.head.texts_ == list(LIES.texts)


def test_a_part_of_the_synthetic_rows_weighs_what_all_of_them_would():
    seen = []

    class Recorder(NoWeights):
        def fit(self, texts, labels, sample_weight=None):
            seen.append((list(labels), sample_weight))
            return super().fit(texts, labels)

    rows = FittingRows(["a", "b"], ["x", "y"], NewRows(("c",), ("x",), ((),)))
    list(fit_each(Recorder(), rows, [Candidate(0.25)], shares={"x": 4.0}))
    # class x counts for 1 + 4: a quarter of the four with the one synthetic row
    assert [(labels, weights.tolist()) for labels, weights in seen] == [(["x", "y", "x"], [4.0, 1.0, 1.0])]


def test_macro_f1_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(4, size=50), rng.integers(5, size=50)
    expected = f1_score(truth, predicted, labels=np.unique(truth), average="macro")
    assert macro_f1(truth.tolist(), predicted.tolist()) == pytest.approx(expected)


def test_an_unknown_score_is_named_with_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'f1_macro'"):
        resolve_score("f1_makro")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": (0, 2)}, "weights are .0, 2.: expected numbers from 0 to 1"),
        ({"weights": ()}, "weights are .*expected numbers from 0 to 1"),
        ({"strengths": (0.0,)}, "Cs are .0.0,.: expected numbers above 0"),
        ({"weights": ("a",)}, "weights are"),
    ],
)
def test_grids_that_make_no_sense_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        candidates_for(regression(), FittingRows(TEXTS, LABELS, LIES), **options)
