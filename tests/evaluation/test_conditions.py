from dataclasses import replace

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.neighbors import KNeighborsClassifier

from smotext.errors import UnknownNameError
from smotext.evaluation.classifiers import tfidf
from smotext.evaluation.conditions import (
    BUILT_IN,
    CONDITIONS,
    GENERATOR_OF,
    NotApplicable,
    check_conditions,
    training_set,
)
from smotext.evaluation.data import Fold, labelled
from tests.evaluation.doubles import Spy, two_classes

BALANCED = Fold(two_classes(4), two_classes(20, start=4), two_classes(3, start=30), 0, {"good": 6, "bad": 6}, seed=0)
IMBALANCED = replace(
    BALANCED,
    train=labelled(["good cat", "good dog", "good hen", "bad cow"], ["good", "good", "good", "bad"]),
    new_rows={"good": 0, "bad": 2},
)


def _build(condition, fold, model=None):
    source = GENERATOR_OF.get(condition, "copies")
    generate = BUILT_IN.get(source, Spy())
    pairs = generate(fold.train.texts, fold.train.labels, fold.new_rows, fold.seed)
    new = labelled([text for text, _ in pairs], [label for _, label in pairs])
    return training_set(condition, fold, model or tfidf(), new)


def test_all_that_add_rows_have_the_same_number_of_each_class():
    adding = [name for name in CONDITIONS if name not in ("real", "SMOTExT only", "class weights", "SMOTE on features")]
    for name in adding:
        assert _build(name, BALANCED).rows.counts == {"bad": 10, "good": 10}, name
    interpolated = _build("SMOTE on features", BALANCED)
    assert len(interpolated) == 20
    assert interpolated.smote_rows == {"good": 6, "bad": 6}


def test_the_real_rows_come_first_and_are_untouched():
    for name in CONDITIONS:
        if name not in ("SMOTExT only", "class weights"):
            assert _build(name, BALANCED).rows.texts[:8] == BALANCED.train.texts


def test_smotext_only_holds_no_real_row():
    assert set(_build("SMOTExT only", BALANCED).rows.texts).isdisjoint(BALANCED.train.texts)


def test_smotext_only_needs_rows_of_every_class():
    with pytest.raises(NotApplicable, match="some classes get no synthetic rows"):
        _build("SMOTExT only", IMBALANCED)


def test_class_weights_need_an_imbalance_and_a_model_that_knows_them():
    assert _build("class weights", IMBALANCED).weigh_classes
    with pytest.raises(NotApplicable, match="the classes are balanced"):
        _build("class weights", BALANCED)
    with pytest.raises(NotApplicable, match="no class weights"):
        _build("class weights", IMBALANCED, DummyClassifier())


def test_at_half_weight_the_real_rows_keep_half_of_each_class():
    found = _build("real + SMOTExT at half weight", BALANCED)
    is_bad = np.array(found.rows.labels) == "bad"
    assert found.weights[:8][is_bad[:8]].sum() == found.weights[8:][is_bad[8:]].sum() == 5.0
    with pytest.raises(NotApplicable, match="fit takes no sample_weight"):
        _build("real + SMOTExT at half weight", BALANCED, KNeighborsClassifier())


def test_feature_interpolation_needs_features():
    with pytest.raises(NotApplicable, match="no pipeline"):
        _build("SMOTE on features", BALANCED, DummyClassifier())


def test_more_real_rows_are_spare_ones():
    found = _build("more real", BALANCED)
    assert set(found.rows.texts[8:]) <= set(BALANCED.spare.texts)
    assert len(set(found.rows.texts)) == 20


def test_without_spare_rows_there_is_no_ceiling():
    with pytest.raises(NotApplicable, match="no real rows are left"):
        _build("more real", replace(BALANCED, spare=labelled([], [])))


def test_conditions_come_in_the_tables_order_with_the_real_rows():
    assert check_conditions(["duplicated", "real + SMOTExT"]) == ["real", "real + SMOTExT", "duplicated"]


def test_an_unknown_condition_is_named_with_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'duplicated'"):
        check_conditions(["duplicates"])
