"""Several labels per text, from any container to new rows with labels of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from imblearn.pipeline import make_pipeline
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, cross_val_score
from sklearn.multiclass import OneVsRestClassifier

from smotext import EchoDecoder, HashEncoder, SMOTExT
from smotext.augmentation.shared_labels import agreed
from smotext.data.label_sets import has_label_sets, imbalance, mean_imbalance, new_rows_for_sets, read_label_sets
from smotext.encoders.cache import encode_cached
from smotext.errors import InputError, UnknownNameError

THINGS = ["parcel", "train", "phone", "letter", "garden", "bridge", "kettle", "window"]
LATE = [(f"my {thing} came late, what a week", ("late",)) for thing in THINGS]
RUDE = [(f"the man with the {thing} was rude to us", ("rude",)) for thing in THINGS[:5]]
BOTH = [(f"the {thing} was late and they were rude", ("late", "rude", "refund")) for thing in THINGS[:3]]
TEXTS = [text for text, _ in LATE + RUDE + BOTH]
SETS = [list(labels) for _, labels in LATE + RUDE + BOTH]  # late 11, rude 8, refund 3
LABELS = ("late", "refund", "rude")
MATRIX = np.array([[label in found for label in LABELS] for found in SETS], dtype=int)


def sampler(**options: Any) -> SMOTExT:
    return SMOTExT("echo", random_state=0, **{"candidates": 1, "k_neighbors": 2, **options})


def test_imbalance_is_measured_as_by_hand() -> None:
    counts = {"late": 11, "rude": 8, "refund": 3}
    assert imbalance(counts) == {"late": 1.0, "rude": 11 / 8, "refund": 11 / 3}
    assert mean_imbalance(counts) == pytest.approx((1 + 11 / 8 + 11 / 3) / 3)
    assert new_rows_for_sets("auto", counts) == {"refund": 3}  # the only one above the mean; one for each that is there
    assert new_rows_for_sets("minority", counts) == {"refund": 8}
    assert new_rows_for_sets("all", counts) == {"rude": 3, "refund": 8}
    assert new_rows_for_sets(lambda found: {"rude": found["rude"] + 2}, counts) == {"rude": 2}


@pytest.mark.parametrize(
    "make",
    [
        lambda: SETS,
        lambda: [set(labels) for labels in SETS],
        lambda: tuple(tuple(labels) for labels in SETS),
        lambda: pd.Series(SETS, name="labels"),
        lambda: pl.Series("labels", SETS),
    ],
    ids=["lists", "sets", "tuples", "pandas", "polars"],
)
def test_columns_of_sets_come_back_in_their_container(make: Any) -> None:
    y = make()
    texts, labels = sampler().fit_resample(TEXTS, y)
    assert type(labels) is type(y)
    assert len(labels) == len(texts) == len(TEXTS) + 3
    entries = list(labels)
    assert [sorted(entry) for entry in entries[: len(SETS)]] == [sorted(entry) for entry in SETS]
    assert all("refund" in entry for entry in entries[len(SETS) :])


@pytest.mark.parametrize(
    "make",
    [
        lambda: MATRIX,
        lambda: MATRIX.astype(bool),
        lambda: sparse.csr_matrix(MATRIX),
        lambda: pd.DataFrame(MATRIX, columns=list(LABELS)),
        lambda: pl.DataFrame(MATRIX, schema=list(LABELS)),
    ],
    ids=["numpy", "bool", "sparse", "pandas", "polars"],
)
def test_indicator_matrices_come_back_with_rows(make: Any) -> None:
    y = make()
    texts, labels = sampler().fit_resample(TEXTS, y)
    assert type(labels) is type(y)
    assert labels.shape == (len(texts), 3)
    dense = labels.toarray() if sparse.issparse(labels) else np.asarray(labels)
    np.testing.assert_array_equal(dense[: len(TEXTS)], MATRIX)
    assert dense[len(TEXTS) :, 1].all()
    if isinstance(y, np.ndarray):
        assert labels.dtype == y.dtype


def test_parents_share_the_label_and_the_neighbourhood_votes() -> None:
    smx = sampler(sampling_strategy={"rude": 14})
    smx.fit_resample(TEXTS, SETS)
    made = smx.synthetic_
    assert made["label"].tolist() == ["rude"] * 6
    encoder = HashEncoder()
    vectors = encode_cached(encoder, TEXTS, cache="off").astype(np.float64)
    members = [row for row, labels in enumerate(SETS) if "rude" in labels]
    for _, row in made.iterrows():
        assert all("rude" in SETS[parent] for parent in row["parents"])
        first = row["parents"][0]
        others = [one for one in members if one != first]
        near = sorted(others, key=lambda one: (np.linalg.norm(vectors[one] - vectors[first]), one))[:2]
        voters = [SETS[first], *(SETS[one] for one in near)]
        expected = {label for label in LABELS if sum(label in voter for voter in voters) >= 2} | {"rude"}
        assert set(row["labels"]) == expected


def test_each_rule_counts_the_same_voters() -> None:
    voters = [("a", "b"), ("a",), ("a", "c"), ("a", "c")]
    assert agreed(voters, "ranking") == {"a"}  # c has half of the votes, not more
    assert agreed(voters, "union") == {"a", "b", "c"}
    assert agreed(voters, "intersection") == {"a"}


def test_union_and_intersection_reach_the_rows() -> None:
    few = sampler(labelset_strategy="intersection", k_neighbors=9).generate(TEXTS, SETS, n={"late": 8})
    many = sampler(labelset_strategy="union", k_neighbors=9).generate(TEXTS, SETS, n={"late": 8})
    assert few["text"].tolist() == many["text"].tolist()
    assert sum(map(len, few["labels"])) < sum(map(len, many["labels"]))
    assert all(set(a) <= set(b) for a, b in zip(few["labels"], many["labels"], strict=True))


def test_imbalance_before_and_after_is_kept() -> None:
    smx = sampler()
    _, labels = smx.fit_resample(TEXTS, SETS)
    found = smx.imbalance_.set_index("label")
    assert found.loc["refund", "n_before"] == 3
    assert found.loc["refund", "n_after"] == 6 == sum("refund" in entry for entry in labels)
    assert found["irlbl_after"].mean() < found["irlbl_before"].mean()
    assert smx.sampling_strategy_ == {"refund": 3}
    assert smx.sample_weight_.tolist() == [1.0] * (len(TEXTS) + 3)


class Copying(EchoDecoder):
    """Writes a real text for every third vector."""

    def decode_rows(self, vectors: np.ndarray, **options: Any) -> list[Any]:
        rows = super().decode_rows(vectors, **options)
        return [row.__class__(TEXTS[0], 5, True) if place % 3 == 0 else row for place, row in enumerate(rows)]


def test_copies_are_found_though_a_text_stands_in_several_labels() -> None:
    smx = sampler(decoder=Copying(), encoder=HashEncoder(), on_shortfall="report")
    with pytest.warns(UserWarning, match="fewer texts than asked for"):
        made = smx.generate(TEXTS, SETS, n={"refund": 6})
    assert TEXTS[0] not in made["text"].tolist()
    assert (smx.rejected_["reason"] == "copied").any()
    assert "labels" in smx.rejected_


def test_ready_made_filters_go_without_those_of_single_classes() -> None:
    smx = sampler(filters="default", on_shortfall="report")
    with pytest.warns(UserWarning, match="fewer texts|stand in|rejected"):
        smx.generate(TEXTS, SETS, n={"late": 2})
    assert "off_label" not in smx.funnel_["step"].tolist()


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([[], *SETS[1:]], "row 0 has no label: give it one"),
        (["late", *SETS[1:]], "row 0 has the label 'late': expected a list or set"),
        (SETS[1:], "16 texts but labels of 15"),
        ([["late", 3], *SETS[1:]], "labels mix int"),
        (MATRIX * 2, "the label matrix holds 2: expected 0 and 1"),
        (MATRIX * np.array([[1, 0, 0]]), "row 8 has no label"),
        (pd.DataFrame(MATRIX, columns=["a", "b", "a"]), "two label columns are named 'a'"),
    ],
    ids=["empty", "single", "short", "types", "numbers", "no column", "twice"],
)
def test_labels_that_cannot_be_used_are_named(y: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        sampler().fit_resample(TEXTS, y)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strategy": "adasyn"}, "strategy is 'adasyn', which compares classes"),
        ({"filters": ["off_label"]}, "filter 'off_label' compares classes"),
        ({"sampling_strategy": 0.5}, "sampling_strategy is 0.5: with several labels"),
        ({"sampling_strategy": {"rude": 3}}, "expected its total, an integer of at least 8"),
        ({"sampling_strategy": {"rud": 30}}, "did you mean 'rude'"),
        ({"labelset_strategy": "rank"}, "did you mean 'ranking'"),
    ],
)
def test_options_that_do_not_go_with_several_labels_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        sampler(**options).fit_resample(TEXTS, SETS)
    assert issubclass(UnknownNameError, InputError)


def test_single_labels_are_read_as_before() -> None:
    singles = (["a", "b"], np.array([1, 2]), pd.Series(["a"]), np.array([["a"], ["b"]]))
    assert not any(has_label_sets(y) for y in singles)
    assert read_label_sets([{"b", "a"}, {"a"}], 2).counts == {"a": 2, "b": 1}


def test_one_classifier_a_label_is_cross_validated_with_synthetic_rows_in_its_training_parts_alone() -> None:
    classifier = OneVsRestClassifier(LogisticRegression())
    model = make_pipeline(sampler(sampling_strategy="all"), TfidfVectorizer(), classifier)
    texts, matrix = np.array(TEXTS * 2, dtype=object), np.vstack([MATRIX, MATRIX])
    scores = cross_val_score(model, texts, matrix, cv=KFold(2, shuffle=True, random_state=0), scoring="f1_macro")
    assert scores.min() > 0.5
    assert model.fit(texts, matrix).predict(texts[:2]).shape == (2, 3)


def test_rows_of_an_indicator_of_pandas_are_numbered_anew() -> None:
    given = read_label_sets(pd.DataFrame({"a": [1, 0], "b": [1, 1]}, index=[5, 9]), 2)
    assert given.with_rows([("b",)]).index.tolist() == [0, 1, 2]
