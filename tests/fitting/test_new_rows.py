import numpy as np
import pytest

from smotext.fitting.new_rows import NewRows, real_folds, rows_for_fold

TEXTS = ["a one", "a two", "a three", "a four", "b one", "b two", "b three", "b four"]
LABELS = ["a"] * 4 + ["b"] * 4
LONG = " ".join(f"w{number}" for number in range(13))


def new_rows(*sources, texts=None, labels=None):
    names = texts or [f"new {number}" for number in range(len(sources))]
    return NewRows(tuple(names), tuple(labels or ["a"] * len(sources)), sources)


def test_a_row_is_usable_where_none_of_its_sources_is_held_out():
    usable = new_rows((0, 1), (1, 2), (2, 3), None, ()).usable_without(np.array([0, 4]), TEXTS)
    assert usable.tolist() == [False, True, True, False, True]


def test_a_row_that_repeats_a_held_out_text_is_not_usable():
    texts = [f"{LONG} and more", *TEXTS[1:]]
    usable = new_rows((1,), (1,), texts=[f"so {LONG}", "new"]).usable_without(np.array([0]), texts)
    assert usable.tolist() == [False, True]


def test_rows_are_written_anew_where_under_a_fifth_of_a_class_is_usable():
    calls = []

    def write(texts, labels, n_new, seed):
        calls.append((texts, labels, dict(n_new), seed))
        return new_rows(*[(0,)] * 6, texts=[f"anew {number}" for number in range(6)], labels=["a"] * 6)

    new = new_rows(*[(0, 1)] * 7, (2, 3), (4,), (5,), labels=["a"] * 8 + ["b"] * 2)
    found = rows_for_fold(new, TEXTS, LABELS, np.array([0, 4]), write=write, seed=3)
    # 1 of 8 is left to class a, 1 of 2 to class b; 8 rows for 4 real ones are 6 for 3, and half of these will do
    assert calls == [(["a two", "a three", "a four", "b two", "b three", "b four"], ["a"] * 3 + ["b"] * 3, {"a": 3}, 3)]
    assert found.texts == ("new 9", *(f"anew {number}" for number in range(6)))
    assert found.labels == ("b", *["a"] * 6)


def test_nothing_is_written_anew_where_enough_is_usable():
    new = new_rows((0,), (1,), (2,), (3,), (1,))
    found = rows_for_fold(new, TEXTS, LABELS, np.array([0]), write=lambda *_: pytest.fail("written anew"))
    assert found.texts == ("new 1", "new 2", "new 3", "new 4")


def test_without_a_writer_what_is_left_is_used():
    assert rows_for_fold(new_rows(None, None), TEXTS, LABELS, np.array([0])).texts == ()


def test_folds_hold_out_each_row_once_and_near_duplicates_together():
    texts = [*TEXTS, "A one!"]
    folds = real_folds(texts, [*LABELS, "a"], n_folds=3, seed=0)
    assert sorted(np.concatenate(folds).tolist()) == list(range(9))
    assert any({0, 8} <= set(fold.tolist()) for fold in folds)


def test_there_are_no_folds_where_no_class_has_two_texts():
    assert real_folds(["a", "b"], ["a", "b"], n_folds=5, seed=0) == []
    assert real_folds(["a", "A!", "b"], ["a", "a", "b"], n_folds=5, seed=0) == []


def test_a_class_of_one_text_sits_most_folds_out_without_a_warning(recwarn):
    folds = real_folds([*TEXTS, "c one"], [*LABELS, "c"], n_folds=5, seed=0)
    assert sum(8 in fold for fold in folds) == 1
    assert not len(recwarn)
