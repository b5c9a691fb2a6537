from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest

from smotext.data.class_counts import new_rows_for_n, new_rows_for_strategy
from smotext.data.corpus import make_corpus
from smotext.data.validation import check_labels, check_texts
from smotext.errors import InputError


@pytest.mark.parametrize(
    "container",
    [list, tuple, np.array, lambda x: np.array(x, dtype=object), pd.Series, lambda x: pd.DataFrame({"body": x})],
)
def test_texts_come_out_of_any_container_unchanged(container: Any) -> None:
    texts = ["a", " b \n", "naïve 🙂"]
    assert check_texts(container(texts)).tolist() == texts


def test_a_trailing_nul_survives_in_an_object_array() -> None:
    assert check_texts(["a\0", "b"]).tolist() == ["a\0", "b"]


def test_pandas_string_dtype_with_a_gap_gives_a_missing_text() -> None:
    corpus = make_corpus(check_texts(pd.Series(["a", None, "b"], dtype="string")), np.array([1, 1, 1], dtype=object))
    assert corpus.texts == ["a", "b"]
    assert corpus.rows.tolist() == [0, 2]
    assert corpus.n_skipped == 1


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("one text", "a single string"),
        ([], "texts is empty"),
        (["a", 3], "row 1 of texts is int 3: expected a string"),
        (np.array([["a", "b"]]), r"shape \(1, 2\)"),
        (pd.DataFrame({"title": ["a"], "body": ["b"]}), "columns 'title', 'body': expected one"),
        ({"a": 1}, "texts is a dict: expected a list"),
    ],
)
def test_texts_that_cannot_be_used_are_refused(texts: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_texts(texts)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["a", "b"], ["a", "b"]),
        (np.array([1, 0]), [1, 0]),
        (np.array([True, False]), [True, False]),
        (pd.Series(["x", "y"], dtype="category"), ["x", "y"]),
        (pd.Series([1.0, 2.0]), [1, 2]),
        (np.array([[1], [2]]), [1, 2]),
    ],
)
def test_labels_become_python_values(labels: Any, expected: list) -> None:
    found = check_labels(labels, 2).tolist()
    assert found == expected
    assert [type(label) for label in found] == [type(label) for label in expected]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["a"], "2 texts but 1 labels"),
        (["a", None], "row 1 has no label"),
        ([1, float("nan")], "row 1 has no label"),
        (["a", 1], r"labels mix int \(1\) and str \('a'\)"),
        ([True, 1], r"labels mix bool \(True\) and int \(1\)"),
        ([1.5, 2.5], "label 1.5 in row 0 is float"),
        (np.eye(2), "not a matrix"),
    ],
)
def test_labels_that_cannot_be_used_are_refused(labels: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_labels(labels, 2)


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (0, {"a": 0, "b": 0, "c": 0}),
        (1, {"a": 1, "b": 0, "c": 0}),  # shares 0.5, 0.25, 0.25: the largest remainder is a's
        (2, {"a": 1, "b": 1, "c": 0}),  # 1, 0.5, 0.5: a tie goes to the first label
        (3, {"a": 1, "b": 1, "c": 1}),  # 1.5, 0.75, 0.75
        (2600, {"a": 1300, "b": 650, "c": 650}),
        ({"c": 5}, {"c": 5}),
    ],
)
def test_n_speaks_of_new_rows(n: Any, expected: dict) -> None:
    assert new_rows_for_n(n, {"a": 2, "b": 1, "c": 1}) == expected


@pytest.mark.parametrize(
    ("n", "message"),
    [
        (-1, "n is -1"),
        (1.5, "n is 1.5"),
        (True, "n is True"),
        ({"spma": 1}, "did you mean 'spam'"),
        ({"spam": -2}, "-2"),
    ],
)
def test_n_that_cannot_be_used_is_refused(n: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        new_rows_for_n(n, {"spam": 2})


LABELS = np.array(["a"] * 6 + ["b"] * 3 + ["c"] * 1, dtype=object)


@pytest.mark.parametrize("n", range(40))
def test_equal_remainders_go_in_label_order_exactly(n: int) -> None:
    """Against fractions, whose ties are ties."""
    counts = {"a": 6, "b": 7, "c": 2}
    shares = {label: Fraction(n * count, 15) for label, count in counts.items()}
    expected = {label: int(share) for label, share in shares.items()}
    order = sorted(counts, key=lambda label: (expected[label] - shares[label], label))
    for label in order[: n - sum(expected.values())]:
        expected[label] += 1
    assert new_rows_for_n(n, counts) == expected


@pytest.mark.parametrize(
    ("sampling_strategy", "expected"),
    [
        ("auto", {"a": 0, "b": 3, "c": 5}),
        ("minority", {"c": 5}),
        ("not majority", {"b": 3, "c": 5}),
        ("all", {"a": 0, "b": 3, "c": 5}),
        ({"b": 10}, {"b": 7}),
        (lambda y: {"c": 4}, {"c": 3}),
    ],
)
def test_sampling_strategy_speaks_of_final_totals(sampling_strategy: Any, expected: dict) -> None:
    found = new_rows_for_strategy(sampling_strategy, LABELS)
    assert {label: number for label, number in found.items() if number} == {k: v for k, v in expected.items() if v}


def test_a_ratio_is_for_two_classes() -> None:
    assert new_rows_for_strategy(0.5, np.array([0] * 8 + [1] * 2, dtype=object)) == {1: 2}
    with pytest.raises(InputError, match="sampling_strategy=0.5"):
        new_rows_for_strategy(0.5, LABELS)


@pytest.mark.parametrize(
    "sampling_strategy", [{"b": 2}, {"z": 9}, {"b": 4.9}, {"b": "5"}, "most", 7.0, None, ("a",), lambda y: 3]
)
def test_sampling_strategies_that_imbalanced_learn_refuses_are_refused(sampling_strategy: Any) -> None:
    with pytest.raises(InputError, match="sampling_strategy"):
        new_rows_for_strategy(sampling_strategy, LABELS)


def test_one_class_cannot_be_balanced() -> None:
    with pytest.raises(InputError, match="more than 1 class"):
        new_rows_for_strategy("auto", np.array(["a", "a"], dtype=object))
