from dataclasses import replace

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import ComplementNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from smotext import HashEncoder
from smotext.errors import UnknownNameError
from smotext.evaluation.classifiers import frozen_encoder, tfidf
from smotext.evaluation.conditions import (
    BUILT_IN,
    CHEAP,
    CONDITIONS,
    DEFAULT,
    GENERATOR_OF,
    WITH_UNLABELLED,
    base_of,
    check_conditions,
    weighting_of,
)
from smotext.evaluation.labelled_texts import Fold, NotApplicable, as_new_rows, labelled
from smotext.evaluation.training_sets import fit_predict, model_for, training_set
from tests.evaluation.doubles import Spy, two_classes

BALANCED = Fold(two_classes(4), two_classes(20, start=4), two_classes(3, start=30), 0, {"good": 6, "bad": 6}, seed=0)
IMBALANCED = replace(
    BALANCED,
    train=labelled(["good cat", "good dog", "good hen", "bad cow"], ["good", "good", "good", "bad"]),
    new_rows={"good": 0, "bad": 2},
)


def as_rows(generate):
    return lambda *given: as_new_rows(generate(*given))


def _build(condition, fold, model=None):
    source = GENERATOR_OF.get(condition, "copies")
    generate = BUILT_IN.get(source, Spy())
    new = as_new_rows(generate(fold.train.texts, fold.train.labels, fold.new_rows, fold.seed))
    model = tfidf() if model is None else model
    return training_set(
        condition, fold, model, new if condition in GENERATOR_OF else as_new_rows([]), as_rows(generate)
    )


def _rows(training):
    """All rows of a training set, real ones first."""
    return labelled(training.real.texts + training.new.texts, training.real.labels + training.new.labels)


ON_REAL_ROWS = ("class weights", "logit adjustment", "tuned threshold", "ComplementNB")
ON_FEATURES = ("SMOTE on features", "SMOTE on features at half weight", "mixup on features")


def test_all_that_add_rows_have_the_same_number_of_each_class():
    for name in CONDITIONS:
        if name in ON_FEATURES:
            found = _build(name, BALANCED)
            assert len(found) == 20
            assert found.fitting.expand.n_new == {"good": 6, "bad": 6}
        elif name not in ("real", "SMOTExT only", "class weights", "logit adjustment", *ON_REAL_ROWS):
            assert _rows(_build(name, BALANCED)).counts == {"bad": 10, "good": 10}, name


def test_the_real_rows_come_first_and_are_untouched():
    for name in CONDITIONS:
        if name not in ("class weights", "logit adjustment"):
            found = _build(name, BALANCED)
            assert found.real.texts[:8] == BALANCED.train.texts
            assert found.fitting.with_real == (name != "SMOTExT only")


def test_smotext_only_needs_rows_of_every_class():
    with pytest.raises(NotApplicable, match="some classes get no synthetic rows"):
        _build("SMOTExT only", IMBALANCED)


def test_class_weights_need_an_imbalance_and_a_model_that_knows_them():
    assert _build("class weights", IMBALANCED).fitting.is_balanced
    with pytest.raises(NotApplicable, match="the classes are balanced"):
        _build("class weights", BALANCED)
    with pytest.raises(NotApplicable, match="no class weights"):
        _build("class weights", IMBALANCED, DummyClassifier())


def test_at_half_weight_the_real_rows_keep_half_of_each_class():
    found = _build("real + SMOTExT at half weight", BALANCED)
    labels = _rows(found).labels
    weights, is_bad = found.fitting.weigh(labels, 8, 1.0), np.array(labels) == "bad"
    assert weights[:8][is_bad[:8]].sum() == weights[8:][is_bad[8:]].sum() == 5.0
    with pytest.raises(NotApplicable, match="fit takes no sample_weight"):
        _build("real + SMOTExT at half weight", BALANCED, KNeighborsClassifier())


def test_feature_interpolation_needs_features():
    with pytest.raises(NotApplicable, match="no pipeline"):
        _build("SMOTE on features", BALANCED, DummyClassifier())


def test_more_real_rows_are_spare_ones():
    found = _build("more real", BALANCED)
    assert set(found.real.texts[8:]) <= set(BALANCED.spare.texts)
    assert len(set(found.real.texts)) == 20


def test_without_spare_rows_there_is_no_ceiling():
    with pytest.raises(NotApplicable, match="no real rows are left"):
        _build("more real", replace(BALANCED, spare=labelled([], [])))


def test_conditions_come_in_the_tables_order_with_the_real_rows():
    assert check_conditions(["duplicated", "real + SMOTExT"]) == ["real", "real + SMOTExT", "duplicated"]


def test_an_unknown_condition_is_named_with_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'duplicated'"):
        check_conditions(["duplicates"])


def test_only_a_chosen_weight_has_several_to_choose_from():
    several = {name for name in CONDITIONS if name not in ("class weights", "logit adjustment")}
    several = {name for name in several if len(_build(name, BALANCED).weights) > 1}
    assert several == {name for name in CONDITIONS if weighting_of(name) == "chosen"}
    assert {base_of(name) for name in several} >= {"real + SMOTExT", "random words", "prompting"}


def test_what_runs_by_default_needs_no_model_but_smotexts_own():
    assert {GENERATOR_OF[name] for name in DEFAULT if name in GENERATOR_OF} == {
        "smotext",
        "copies",
        "word edits",
        "random words",
    }
    written = {name for name, source in GENERATOR_OF.items() if source not in (*BUILT_IN, "pseudo-labelling")}
    assert written.isdisjoint(CHEAP)
    assert set(WITH_UNLABELLED).isdisjoint(DEFAULT)


def test_a_moved_decision_needs_probabilities_and_an_imbalance():
    assert _build("logit adjustment", IMBALANCED).decision == "logit adjustment"
    with pytest.raises(NotApplicable, match="the classes are balanced"):
        _build("logit adjustment", BALANCED)
    with pytest.raises(NotApplicable, match="no probabilities"):
        _build("logit adjustment", IMBALANCED, LinearSVC())


def test_logit_adjustment_finds_the_rare_class_that_is_hidden_by_its_rarity():
    train = labelled(["cat"] * 20 + ["cat dog"], ["common"] * 20 + ["rare"])
    fold = Fold(train, labelled([], []), labelled(["cat dog"], ["rare"]), 0, {"rare": 19}, seed=0)
    plain, moved = (
        fit_predict(_build(name, fold), tfidf(), ["cat dog"]).predicted for name in ("real", "logit adjustment")
    )
    assert (plain, moved) == (["common"], ["rare"])


def test_complement_naive_bayes_takes_the_place_of_the_head():
    assert isinstance(model_for("ComplementNB", tfidf())[-1], ComplementNB)
    model = tfidf()
    assert model_for("real", model) is model
    with pytest.raises(NotApplicable, match="no pipeline"):
        model_for("ComplementNB", DummyClassifier())
    training = _build("ComplementNB", BALANCED)
    assert fit_predict(training, model_for("ComplementNB", tfidf()), ["good elm"]).predicted == ["good"]
    frozen = model_for("ComplementNB", frozen_encoder(HashEncoder()))
    with pytest.raises(NotApplicable, match="takes no negative features"):
        fit_predict(training, frozen, ["good elm"])


def test_mixup_needs_a_head_that_takes_weights():
    with pytest.raises(NotApplicable, match="fit takes no sample_weight"):
        _build("mixup on features", BALANCED, make_pipeline(CountVectorizer(), KNeighborsClassifier()))
    assert fit_predict(_build("mixup on features", BALANCED), tfidf(), ["good elm"]).predicted == ["good"]


def test_a_chosen_weight_is_told_with_the_outcome():
    found = fit_predict(_build("random words at chosen weight", BALANCED), tfidf(), ["good elm"], is_tuned=True)
    assert found.weight in (0.0, 0.1, 0.25, 0.5, 1.0)
    assert fit_predict(_build("random words", BALANCED), tfidf(), ["good elm"], is_tuned=True).weight is None
