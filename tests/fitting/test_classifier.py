import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC
from sklearn.utils import estimator_checks

from smotext import EchoDecoder, HashEncoder, SMOTExT, SMOTExTClassifier
from smotext.errors import InputError, SmotextWarning, UnknownNameError

NOUNS = "cat dog cow hen sun sea oak elm ivy bee ant owl fox emu eel yak".split()
TEXTS = [f"good {noun}" for noun in NOUNS[:12]] + [f"bad {noun}" for noun in NOUNS[10:]]
LABELS = ["good"] * 12 + ["bad"] * 6


class EchoWithExamples(EchoDecoder):
    """Writes the last of its examples and a word: a text that depends on what it was shown."""

    examples = 2

    def decode_rows(self, vectors, *, examples=None, **options):
        rows = super().decode_rows(vectors, **options)
        shown = examples or [[]] * len(rows)
        return [type(row)(" ".join([*texts[-1:], row.text]), 3, True) for row, texts in zip(rows, shown, strict=True)]


def classifier(estimator=None, **options):
    sampler = options.pop("sampler", SMOTExT("echo", candidates=1, k_neighbors=2))
    return SMOTExTClassifier(estimator, sampler=sampler, **{"random_state": 0, "cv": 3, **options})


def test_it_learns_predicts_and_says_what_it_chose():
    found = classifier().fit(TEXTS, LABELS)
    assert found.predict(["good yak", "bad cat"]).tolist() == ["good", "bad"]
    assert found.score(TEXTS, LABELS) == 1.0
    assert found.weight_ in (0.0, 0.1, 0.25, 0.5, 1.0)
    assert len(found.choices_) == 5 * 4
    assert (
        found.choices_["score"].max()
        == found.choices_.query("weight == @found.weight_ and C == @found.C_").score.item()
    )
    assert len(found.synthetic_) == 6
    assert len(found.sample_weight_) == 18 + 6
    assert found.predict_proba(["good"]).sum() == pytest.approx(1.0)


def test_probabilities_are_in_the_order_of_classes():
    found = classifier().fit(TEXTS, LABELS)
    assert found.classes_.tolist() == ["bad", "good"]
    first, second = found.predict_proba(["good cat"])[0]
    assert first < second


def test_the_same_seed_gives_the_same_classifier():
    one, other = (classifier(sampler=_with_examples()).fit(TEXTS, LABELS) for _ in range(2))
    assert one.synthetic_["text"].tolist() == other.synthetic_["text"].tolist()
    assert (one.predict_proba(TEXTS) == other.predict_proba(TEXTS)).all()


def _with_examples():
    return SMOTExT(encoder=HashEncoder(64), decoder=EchoWithExamples(64), candidates=1, k_neighbors=2)


def test_no_fold_sees_a_text_made_from_or_beside_a_row_it_is_scored_on():
    seen = []

    class Watcher(MultinomialNB):
        def fit(self, X, y, sample_weight=None):
            return super().fit(X, y, sample_weight=sample_weight)

    class Watched(CountVectorizer):
        def fit_transform(self, texts, y=None):
            seen.append(set(texts))
            return super().fit_transform(texts, y)

    found = classifier(make_pipeline(Watched(), Watcher()), sampler=_with_examples(), n={"bad": 60, "good": 60})
    found.fit(TEXTS, LABELS)
    rows = found.synthetic_
    assert all(len(shown) == 2 for shown in rows["examples"])
    n_used = 0
    for texts in seen[:-1]:
        held_out = {row for row, text in enumerate(TEXTS) if text not in texts}
        used = rows[rows["text"].isin(texts)]
        n_used += len(used)
        for parents, shown in zip(used["parents"], used["examples"], strict=True):
            assert held_out.isdisjoint([*parents, *shown])
    assert n_used > 0
    assert set(TEXTS) <= seen[-1]  # the last fit has all rows


def test_cross_val_score_and_grid_search_work():
    scores = cross_val_score(classifier(), TEXTS, LABELS, cv=2, scoring="f1_macro")
    assert len(scores) == 2
    assert not np.isnan(scores).any()
    grid = {
        "sampler__k_neighbors": [1, 2],
        "estimator__tfidfvectorizer__lowercase": [True, False],
        "scoring": ["accuracy"],
    }
    base = make_pipeline(TfidfVectorizer(), LogisticRegression())
    search = GridSearchCV(classifier(base, weights=(0, 1), Cs=(1.0,)), grid, cv=2).fit(TEXTS, LABELS)
    assert search.best_estimator_.predict(["good cow"]).tolist() == ["good"]


def test_a_clone_has_the_same_options_and_shares_the_models():
    encoder, decoder = HashEncoder(64), EchoDecoder(64)
    copy = clone(classifier(sampler=SMOTExT(encoder=encoder, decoder=decoder), cv=4, Cs=None))
    assert (copy.cv, copy.Cs, copy.sampler.encoder) == (4, None, encoder)
    assert not hasattr(copy, "estimator_")


def test_a_fitted_one_can_be_pickled():
    found = classifier().fit(TEXTS, LABELS)
    again = pickle.loads(pickle.dumps(found))
    assert again.predict(TEXTS).tolist() == found.predict(TEXTS).tolist()


@pytest.mark.parametrize(
    "check",
    [
        estimator_checks.check_no_attributes_set_in_init,
        estimator_checks.check_parameters_default_constructible,
        estimator_checks.check_get_params_invariance,
        estimator_checks.check_set_params,
        estimator_checks.check_estimator_repr,
        estimator_checks.check_estimator_cloneable,
        estimator_checks.check_do_not_raise_errors_in_init_or_set_params,
        estimator_checks.check_estimator_tags_renamed,
        estimator_checks.check_valid_tag_types,
        estimator_checks.check_mixin_order,
    ],
    ids=lambda check: check.__name__,
)
def test_the_checks_of_scikit_learn_that_draw_no_numbers_pass(check):
    check("SMOTExTClassifier", SMOTExTClassifier())


def test_a_classifier_without_weights_gets_the_rows_or_none():
    found = classifier(make_pipeline(CountVectorizer(), KNeighborsClassifier(1))).fit(TEXTS, LABELS)
    assert found.weight_ in (0.0, 1.0)
    assert found.C_ is None
    assert set(found.choices_["weight"]) == {0.0, 1.0}


def test_it_offers_what_its_classifier_offers():
    found = classifier(make_pipeline(CountVectorizer(), LinearSVC())).fit(TEXTS, LABELS)
    assert not hasattr(found, "predict_proba")
    assert found.decision_function(["good"]).shape == (1,)
    assert not hasattr(classifier(make_pipeline(CountVectorizer(), LinearSVC())), "predict_proba")


@pytest.mark.parametrize("labels", [[1] * 12 + [0] * 6, [True] * 12 + [False] * 6])
def test_labels_of_other_types_come_back(labels):
    found = classifier().fit(pd.Series(TEXTS), pd.Series(labels))
    assert found.predict(["good cat", "bad ant"]).tolist() == [labels[0], labels[-1]]
    assert found.classes_.dtype == np.asarray(labels).dtype


def test_rows_without_text_are_left_out_and_predicted_all_the_same():
    found = classifier().fit([*TEXTS, None, " "], [*LABELS, "good", "bad"])
    assert len(found.sample_weight_) == 18 + 6
    assert found.predict([None]).shape == (1,)


def test_classes_of_equal_size_get_rows_where_a_number_is_given():
    texts, labels = TEXTS[6:], LABELS[6:]
    assert len(classifier().fit(texts, labels).synthetic_) == 0
    assert len(classifier(n=10).fit(texts, labels).synthetic_) == 10


@pytest.mark.filterwarnings("ignore::smotext.errors.SmotextWarning")
def test_one_text_a_class_is_enough():
    found = classifier(n=4).fit(["good cat", "bad dog"], ["good", "bad"])
    assert (found.weight_, found.C_) == (0.5, 1.0)
    assert found.choices_["score"].isna().all()


def test_unknown_parents_are_written_anew_in_every_fold():
    from imblearn.over_sampling import SMOTE

    found = classifier(sampler=SMOTExT("echo", candidates=1, strategy=SMOTE(k_neighbors=1)), weights=(0, 1))
    found.fit(TEXTS, LABELS)
    assert not found.choices_["score"].isna().any()


def test_small_classes_warn_once_and_not_in_every_fold():
    with pytest.warns(SmotextWarning) as caught:
        classifier(n={"bad": 40}).fit(TEXTS[:12] + TEXTS[12:14], LABELS[:14])
    assert [str(one.message).count("'bad' (2)") for one in caught] == [1]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"cv": 1}, InputError, "cv is 1: expected 2 or more folds"),
        ({"scoring": "f1"}, UnknownNameError, "unknown scoring 'f1'"),
        ({"weights": (2,)}, InputError, "weights are"),
    ],
)
def test_bad_options_are_named(options, error, message):
    with pytest.raises(error, match=message):
        classifier(**options).fit(TEXTS, LABELS)


def test_one_class_is_an_error():
    with pytest.raises(InputError, match="one class: a classifier needs 2"):
        classifier().fit(["a", "b"], ["x", "x"])


@pytest.mark.parametrize("is_matrix", [True, False])
def test_several_labels_are_fitted_one_by_one_and_given_back_as_they_came(is_matrix):
    nouns = "cat dog cow hen sun sea oak elm".split()
    texts = [f"{word} {noun}" for word in ("late", "rude", "late rude") for noun in nouns]
    sets = [labels for labels in ({"late"}, {"rude"}, {"late", "rude"}) for _ in nouns]
    matrix = np.array([["late" in labels, "rude" in labels] for labels in sets]).astype(int)
    sampler = SMOTExT("echo", k_neighbors=2)
    classifier = SMOTExTClassifier(sampler=sampler, n=4, cv=2, random_state=0)
    classifier.fit(texts, matrix if is_matrix else sets)
    found = classifier.predict(["late zoo", "rude zoo", "late rude zoo"]).tolist()
    assert found == ([[1, 0], [0, 1], [1, 1]] if is_matrix else [("late",), ("rude",), ("late", "rude")])
    assert classifier.classes_.tolist() == ([0, 1] if is_matrix else ["late", "rude"])
    assert classifier.sample_weight_.tolist() == [1.0] * 24 + [classifier.weight_] * 4
    if is_matrix:
        assert classifier.score(texts, matrix) > 0.8
    assert not hasattr(classifier, "predict_proba")


def test_label_sets_of_one_label_alone_are_refused():
    with pytest.raises(InputError, match="y has one class"):
        SMOTExTClassifier(sampler=SMOTExT("echo")).fit(["a b", "c d"], [["x"], ["x"]])
