import numpy as np
import pytest

from smotext.errors import InputError
from smotext.evaluation.data_sizes import Setting
from smotext.evaluation.labelled_texts import labelled
from smotext.evaluation.splits import GivenTest, GroupFolds, draw_fold, resamples, separate
from smotext.filters.near_duplicates import overlaps
from tests.evaluation.doubles import two_classes


def test_every_row_is_tested_once_per_repetition():
    data = two_classes(20)
    folds = GroupFolds(data)
    tested = [text for seed in range(folds.n_folds) for text in folds.parts(seed).test.texts]
    assert sorted(tested) == sorted(data.texts)


def test_every_fold_has_the_classes_in_proportion():
    for seed in range(5):
        assert GroupFolds(two_classes(20)).parts(seed).test.counts == {"bad": 4, "good": 4}


def test_another_repetition_splits_otherwise():
    folds = GroupFolds(two_classes(20))
    assert set(folds.parts(0).test.texts) != set(folds.parts(folds.n_folds).test.texts)


def test_near_duplicates_stay_on_one_side():
    data = two_classes(20)
    copies = labelled([*data.texts, *(f"{text}!" for text in data.texts)], data.labels * 2)
    for seed in range(10):
        parts = GroupFolds(copies).parts(seed)
        assert not overlaps(parts.test.texts, parts.train.texts).any()
        assert parts.n_dropped == 0


def test_fewer_folds_are_made_for_a_class_of_few_texts():
    data = two_classes(20)
    small = labelled([*data.texts, "rare one", "rare two", "rare three"], [*data.labels, "rare", "rare", "rare"])
    folds = GroupFolds(small)
    assert folds.n_folds == 3
    assert folds.test_train_ratio == pytest.approx(1 / 2)


def test_a_class_of_one_text_and_its_copies_cannot_be_cross_validated():
    data = two_classes(20)
    single = labelled([*data.texts, "rare one", "Rare one."], [*data.labels, "rare", "rare"])
    with pytest.raises(InputError, match="class 'rare' has 1 text apart from near-duplicates"):
        GroupFolds(single)


def test_test_rows_that_repeat_a_training_row_are_dropped_and_counted():
    train = labelled(["good cat", "bad dog"], ["good", "bad"])
    parts = separate(train, labelled(["Good cat!", "good hen", "bad dog"], ["good", "good", "bad"]))
    assert parts.test.texts == ("good hen",)
    assert parts.n_dropped == 2


def test_a_test_set_of_copies_is_an_error():
    data = two_classes(3)
    with pytest.raises(InputError, match="all 6 test rows repeat a training row"):
        GivenTest(data, data)


def test_a_test_label_that_training_lacks_is_an_error():
    with pytest.raises(InputError, match="labels that the training set lacks: 'odd'"):
        GivenTest(two_classes(3), labelled(["odd cow"], ["odd"]))


def test_labels_of_another_type_are_other_labels():
    with pytest.raises(InputError, match="lacks: '1'"):
        GivenTest(labelled(["a cat", "a dog"], [0, 1]), labelled(["an owl"], ["1"]))


def test_drawn_and_spare_rows_are_the_training_part():
    parts = GivenTest(two_classes(10), two_classes(5, start=10)).parts(0)
    fold = draw_fold(parts, Setting("shots", 3), seed=1)
    assert sorted(fold.train.texts + fold.spare.texts) == sorted(parts.train.texts)
    assert fold.train.counts == {"bad": 3, "good": 3}


def test_a_fold_depends_on_its_seed_alone():
    parts = GivenTest(two_classes(10), two_classes(5, start=10)).parts(0)
    first, again, other = (draw_fold(parts, Setting("shots", 3), seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.train != other.train
    assert first.seed != other.seed


def test_the_test_rows_are_cut_alike_for_every_seed():
    parts = GivenTest(two_classes(5), two_classes(20, start=10)).parts(0)
    folds = [draw_fold(parts, Setting(), seed=seed, max_test_rows=7) for seed in range(3)]
    assert {fold.test for fold in folds} == {folds[0].test}
    assert len(folds[0].test) == 7
    assert len(np.unique(folds[0].test.texts)) == 7


def test_resamples_of_the_test_rows_are_as_large_as_the_test_set_and_always_the_same():
    draws = resamples(30, root=3, n_draws=500)
    assert set(draws.sum(axis=1).tolist()) == {30}
    assert (draws == resamples(30, root=3, n_draws=500)).all()
    assert draws.mean(axis=0) == pytest.approx(np.ones(30), abs=0.25)  # every row as often as any other
