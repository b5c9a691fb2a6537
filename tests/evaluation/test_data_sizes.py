from collections import Counter

import numpy as np
import pytest

from smotext.errors import InputError
from smotext.evaluation.data_sizes import Setting, parse_settings
from smotext.evaluation.labelled_texts import labelled


def _data(**counts):
    labels = [label for label, count in counts.items() for _ in range(count)]
    return labelled([f"{label} {row}" for row, label in enumerate(labels)], labels)


def _drawn(setting, data, seed=0):
    rows = setting.draw(data, np.random.default_rng(seed))
    assert len(set(rows.tolist())) == len(rows)
    return Counter(data.labels[row] for row in rows)


def test_shots_takes_so_many_of_each_class_and_all_of_a_smaller_one():
    assert _drawn(Setting("shots", 5), _data(a=20, b=7, c=3)) == {"a": 5, "b": 5, "c": 3}


def test_imbalance_cuts_half_of_the_classes_to_the_ratio():
    drawn = _drawn(Setting("imbalance", 20), _data(a=300, b=300, c=300, d=300, e=300))
    assert sorted(drawn.values()) == [10, 10, 200, 200, 200]


def test_imbalance_draws_other_small_classes_with_another_seed():
    data = _data(a=40, b=40, c=40, d=40)
    small = [
        frozenset(k for k, v in _drawn(Setting("imbalance", 10), data, seed).items() if v == 4) for seed in range(9)
    ]
    assert all(len(classes) == 2 for classes in small)
    assert len(set(small)) > 1


def test_new_rows_balance_an_imbalanced_training_part():
    assert Setting("imbalance", 5).new_rows(["a"] * 10 + ["b"] * 2) == {"a": 0, "b": 8}
    assert Setting().new_rows(["a"] * 10 + ["b"] * 2) == {"a": 0, "b": 8}


def test_balanced_data_are_doubled_unless_told_otherwise():
    assert Setting().new_rows(["a"] * 10 + ["b"] * 10) == {"a": 10, "b": 10}
    assert Setting(per_class=3).new_rows(["a"] * 10 + ["b"] * 10) == {"a": 3, "b": 3}
    assert Setting("shots", 10).new_rows(["a"] * 10 + ["b"] * 10) == {"a": 50, "b": 50}


def test_a_setting_keeps_all_rows_if_it_wants_no_fewer_than_any_class_has():
    counts = {"a": 5, "b": 3}
    assert Setting().keeps_all(counts)
    assert [Setting("shots", amount).keeps_all(counts) for amount in (4, 5, 6)] == [False, True, True]
    assert not Setting("imbalance", 2).keeps_all(counts)


def test_options_become_settings_with_names_of_their_own():
    names = [setting.name for setting in parse_settings([5, 10], imbalance=20)]
    assert names == ["shots-5", "shots-10", "imbalance-20"]
    assert [setting.name for setting in parse_settings([5, 10], per_class=60)] == ["shots-5+60", "shots-10+60"]


@pytest.mark.parametrize("shots", [[], [5]])
def test_new_rows_per_class_are_refused_where_classes_are_filled_up(shots):
    with pytest.raises(InputError, match=r"60 new rows per class with imbalance 20.*leave per_class out"):
        parse_settings(shots, imbalance=20, per_class=60)


@pytest.mark.parametrize(("kind", "amount"), [("shots", 0), ("imbalance", 1), ("shots", -5)])
def test_a_senseless_amount_is_an_error(kind, amount):
    with pytest.raises(InputError, match="expected . or more"):
        Setting(kind, amount)
