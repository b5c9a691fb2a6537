"""Sample weights: what stays the same, and what the real rows keep."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from smotext import SMOTExT
from smotext.augmentation.sample_weights import half_weights, weights_at
from smotext.errors import InputError


def test_a_class_keeps_its_weight_and_its_real_rows_half_of_it():
    labels = np.array(["a"] * 2 + ["b"] * 5 + ["c"] + ["a"] * 6 + ["b"] * 3 + ["d"], dtype=object)
    weights, is_real = half_weights(labels, n_real=8), np.arange(len(labels)) < 8
    for label, share in {"a": 0.5, "b": 5 / 8, "c": 1.0, "d": 0.0}.items():
        of_class = weights[labels == label]
        assert of_class.sum() == np.float64(len(of_class))
        assert weights[(labels == label) & is_real].sum() / of_class.sum() == share


def test_fit_resample_leaves_the_weights_of_its_rows():
    texts, labels = [f"text {row}" for row in range(9)], ["many"] * 6 + ["few"] * 3
    smx = SMOTExT("echo", k_neighbors=2, random_state=0, sampling_strategy={"many": 6, "few": 12})
    _, labels_res = smx.fit_resample(texts, labels)
    assert len(smx.sample_weight_) == len(labels_res) == 18
    assert smx.sample_weight_.tolist() == half_weights(labels_res, 9).tolist()
    assert smx.sample_weight_[:9].tolist() == [1.0] * 6 + [2.0] * 3


@pytest.mark.parametrize("make", [list, np.array, pd.Series, pl.Series, pa.array, pd.Categorical])
def test_labels_in_any_container_weigh_the_same(make):
    labels = ["spam", "ham", "ham", "spam", "spam", "spam"]
    assert half_weights(make(labels), n_real=3).tolist() == half_weights(labels, n_real=3).tolist()


@pytest.mark.parametrize(("n_real", "message"), [(7, "n_real is 7, and there are 6 labels"), (-1, "n_real is -1")])
def test_more_real_rows_than_labels_are_refused(n_real, message):
    with pytest.raises(InputError, match=message):
        half_weights(["a"] * 6, n_real=n_real)


def test_a_weight_moves_a_class_from_its_real_rows_to_its_synthetic_ones():
    labels = ["a"] * 2 + ["b"] * 5 + ["a"] * 6 + ["b"] * 3
    for weight in (0.1, 0.25, 0.5, 1.0):
        found = weights_at(labels, 7, weight)
        assert found[:2].sum() + found[7:13].sum() == pytest.approx(8)  # class a keeps its weight
        assert found[2:7].sum() + found[13:].sum() == pytest.approx(8)
        assert found[7:13].sum() == pytest.approx(6 * weight)
    assert weights_at(labels, 7, 1).tolist() == [1.0] * 16


def test_a_weight_of_zero_is_the_real_rows_as_they_were():
    assert weights_at(["a", "b", "a", "a"], 2, 0).tolist() == [1.0, 1.0, 0.0, 0.0]


def test_shares_have_a_part_of_the_synthetic_rows_weigh_what_all_of_them_would():
    found = weights_at(["a", "a", "a"], 2, 0.5, shares={"a": 4.0})  # 8 synthetic rows for the 2 real ones
    assert found.tolist() == [3.0, 3.0, 4.0]


@pytest.mark.parametrize("weight", [-0.1, 1.5, "half", True, float("nan")])
def test_a_weight_that_is_no_share_is_refused(weight):
    with pytest.raises(InputError, match="expected a number from 0 to 1"):
        weights_at(["a"], 1, weight)
