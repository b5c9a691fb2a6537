"""Controls without a language model: chains of words, rows in feature space, moved decisions."""

import itertools
from collections import Counter

import numpy as np
import pytest
from scipy import sparse
from sklearn.svm import LinearSVC

from smotext.evaluation.classifiers import tfidf
from smotext.evaluation.feature_space import Interpolated, Mixup
from smotext.evaluation.labelled_texts import NotApplicable
from smotext.evaluation.markov import generate_chains
from smotext.evaluation.thresholds import adjusted_predictions, tuned_threshold_predictions


def test_a_chain_goes_from_word_to_word_as_some_text_does():
    texts = ["a b c d", "c a b", "b x y", "d y b x"]
    steps = {pair for text in texts for pair in itertools.pairwise(text.split())}
    made = generate_chains(texts, ["m", "m", "o", "o"], {"m": 100}, seed=0)
    for text, label in made:
        words = text.split()
        assert label == "m"
        assert len(words) in (3, 4)
        # after a word that nothing follows, a chain begins anew
        assert all(pair in steps or pair[1] in ("a", "c") for pair in itertools.pairwise(words))


def test_about_half_of_the_steps_are_borrowed_where_both_know_the_word():
    made = generate_chains(["a own"] * 3 + ["a other"] * 50, ["m"] * 3 + ["o"] * 50, {"m": 2000}, seed=0)
    counts = Counter(text for text, _ in made)
    assert set(counts) == {"a own", "a other"}
    assert counts["a other"] == pytest.approx(1000, abs=4 * np.sqrt(500))


def test_chains_of_an_only_class_borrow_nothing_and_empty_texts_make_empty_chains():
    assert {text for text, _ in generate_chains(["a b"], ["m"], {"m": 5}, seed=0)} == {"a b"}
    assert generate_chains([""], ["m"], {"m": 1}, seed=0) == [("", "m")]


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix])
def test_mixup_rows_lie_between_two_rows_and_weigh_one_together(make):
    rows, labels = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 4.0]]), ["a", "a", "b"]
    more, targets, weights = Mixup({"a": 2, "b": 1}, {"a": 4, "b": 2})(make(rows), labels, seed=0)
    more = more.toarray() if sparse.issparse(more) else more
    assert more.shape == (3 + 2 * 6, 2)
    assert (more[:3] == rows).all()
    assert weights[:3].tolist() == [1.0] * 3
    first, second = weights[3:9], weights[9:]
    assert first + second == pytest.approx(np.ones(6))
    assert targets[3:9] == ["a"] * 4 + ["b"] * 2
    assert (more[3:9] == more[9:]).all()
    # a row of class b is the third row with the weight of the class
    for place in (7, 8):
        height = first[place - 3] * 4 + (second[place - 3] * 4 if targets[place + 6] == "b" else 0)
        assert more[place, 1] == pytest.approx(height)


def test_a_part_of_the_rows_gets_its_part_of_the_new_ones():
    rows = np.arange(16.0).reshape(8, 2)
    added = Interpolated({"a": 10, "b": 5}, {"a": 5, "b": 10})
    _, targets, weights = added(rows, ["a"] * 4 + ["b"] * 4, seed=0)
    assert Counter(targets) == {"a": 4 + 2, "b": 4 + 8}
    assert weights is None
    _, _, weights = Interpolated({"a": 10, "b": 5}, {"a": 5, "b": 10}, is_half=True)(rows, ["a"] * 4 + ["b"] * 4, 0)
    assert weights[4:8].sum() == weights[10:].sum() == 6


def test_a_moved_decision_is_bayes_rule_for_classes_of_equal_frequency():
    rng = np.random.default_rng(0)
    likelihood, shares = rng.random((50, 3)), np.array([0.7, 0.2, 0.1])
    posterior = likelihood * shares / (likelihood * shares).sum(axis=1, keepdims=True)
    labels = ["a"] * 7 + ["b"] * 2 + ["c"]
    expected = ["abc"[place] for place in likelihood.argmax(axis=1)]
    assert adjusted_predictions(posterior, ["a", "b", "c"], labels) == expected


TEXTS = [f"common {word}" for word in "cat dog cow hen sun sea oak elm ivy bee ant owl".split() * 2]
RARE = [f"rare {word}" for word in "cat dog cow hen".split()]


def test_a_tuned_threshold_finds_a_rare_class_that_half_a_chance_misses():
    texts, labels = [*TEXTS, *RARE], [1] * 24 + [0] * 4
    model, test = tfidf(), ["rare elm", "common elm"]
    assert model.fit(texts, labels).predict(test).tolist() == [1, 1]
    assert tuned_threshold_predictions(tfidf(), texts, labels, test, seed=0) == [0, 1]
    names = ["common" if label else "rare" for label in labels]
    assert tuned_threshold_predictions(tfidf(), texts, names, test, seed=0) == ["rare", "common"]


@pytest.mark.parametrize(
    ("texts", "labels", "message"),
    [
        (["a", "b", "c"], [1, 2, 3], "there are 3 classes, and a single threshold parts two"),
        (["a", "b", "c d"], [1, 1, 0], "too few texts of a class to choose a threshold on"),
    ],
)
def test_a_threshold_parts_two_classes_of_some_texts(texts, labels, message):
    with pytest.raises(NotApplicable, match=message):
        tuned_threshold_predictions(tfidf(), texts, labels, ["a"], seed=0)


def test_a_threshold_can_be_tuned_on_scores_that_are_no_probabilities():
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(TfidfVectorizer(), LinearSVC())
    assert tuned_threshold_predictions(model, [*TEXTS, *RARE], [1] * 24 + [0] * 4, ["rare elm"], seed=0) == [0]
