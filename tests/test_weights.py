"""Sample weights: what stays the same, and what the real rows keep."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from smotext import SMOTExT
from smotext.errors import InputError
from smotext.weights import half_weights


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
