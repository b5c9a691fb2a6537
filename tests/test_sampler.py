from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Callable
from typing import Any

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import Pipeline
from imblearn.under_sampling import RandomUnderSampler
from imblearn.utils import estimator_checks
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from smotext import EchoDecoder, HashEncoder, SMOTExT, interpolate
from smotext.augmentation.running import InMemoryRun
from smotext.data.containers import read_column
from smotext.errors import InputError, ShortfallError, SmotextWarning, UnknownNameError
from smotext.protocols import Decoded
from tests.doubles import Showing

THINGS = ["parcel", "train", "phone", "letter", "garden", "bridge", "kettle", "window"]
BAD = [f"my {thing} came {how} and nobody helped" for thing in THINGS for how in ("late", "broken")]
GOOD = [f"thank you for the {thing}, I love it" for thing in THINGS]
TEXTS = BAD + GOOD
LABELS = ["bad"] * len(BAD) + ["good"] * len(GOOD)


class Never:
    """An encoder that may not run."""

    vector_dim = 64

    def encode(self, texts: list[str]) -> np.ndarray:
        raise AssertionError("the encoder has run")


def sampler(**options: Any) -> SMOTExT:
    """Return a sampler that writes one text for each mix, unless the test is about several."""
    return SMOTExT("echo", random_state=0, **{"candidates": 1, **options})


class Saying:
    """Writes what a function says of each row's number, as finished or not."""

    def __init__(self, say: Callable[[int], str], *, is_finished: bool = True) -> None:
        self.say, self.is_finished = say, is_finished

    def decode_rows(self, vectors: np.ndarray, *, seeds: np.ndarray, **options: Any) -> list[Decoded]:
        return [Decoded(self.say(int(seed)), 5, self.is_finished) for seed in seeds]

    def decode(self, vectors: np.ndarray, **options: Any) -> list[str]:
        return [row.text for row in self.decode_rows(vectors, **options)]


def test_originals_come_first_untouched_and_classes_are_balanced() -> None:
    texts, labels = sampler().fit_resample(TEXTS, LABELS)
    assert texts[: len(TEXTS)] == TEXTS
    assert labels[: len(LABELS)] == LABELS
    assert Counter(labels) == {"bad": 16, "good": 16}
    assert labels[len(LABELS) :] == ["good"] * 8


@pytest.mark.parametrize(
    ("texts", "labels"),
    [
        (TEXTS, LABELS),
        (np.array(TEXTS), np.array(LABELS)),
        (np.array(TEXTS, dtype=object), np.array(LABELS, dtype=object)),
        (TEXTS, np.array([1] * 16 + [0] * 8, dtype=np.int32)),
        (TEXTS, np.array([True] * 16 + [False] * 8)),
        (TEXTS, np.array([1.0] * 16 + [0.0] * 8)),
        (TEXTS, [1.0] * 16 + [0.0] * 8),
        (tuple(TEXTS), tuple(LABELS)),
        (TEXTS, np.array([2**63 + 3] * 16 + [1] * 8, dtype=np.uint64)),
        (TEXTS, np.array([1] * 16 + [0] * 8, dtype=object)),
    ],
)
def test_lists_and_arrays_come_back_as_what_they_were(texts: Any, labels: Any) -> None:
    texts_res, labels_res = sampler().fit_resample(texts, labels)
    assert type(texts_res) is type(texts)
    assert type(labels_res) is type(labels)
    if isinstance(labels, np.ndarray):
        assert labels_res.dtype == labels.dtype
    assert list(texts_res[:24]) == list(texts)
    assert list(labels_res[:24]) == list(labels)
    assert [type(label) for label in labels_res[:24]] == [type(label) for label in labels]


def is_equal(one: Any, other: Any) -> bool:
    """Return whether two containers are of one type and hold the same."""
    same = getattr(one, "equals", None)
    return type(one) is type(other) and bool(same(other) if same else one == other)


COLUMNS = {
    "polars": lambda values: pl.Series("body", values),
    "polars categories": lambda values: pl.Series("body", values, dtype=pl.Categorical),
    "pyarrow": pa.array,
    "pyarrow chunks": lambda values: pa.chunked_array([values[:5], values[5:]]),
    "large strings": lambda values: pa.array(values, type=pa.large_string()),
    "pyarrow dictionary": lambda values: pa.array(values).dictionary_encode(),
    "pandas categories": pd.Categorical,
    "pandas strings": lambda values: pd.array(values, dtype="string"),
    "pandas index": pd.Index,
    "polars table": lambda values: pl.DataFrame({"body": values}),
    "pyarrow table": lambda values: pa.table({"body": values}),
    "pandas table": lambda values: pd.DataFrame({"body": values}),
}


@pytest.mark.parametrize("make", COLUMNS.values(), ids=COLUMNS)
def test_a_column_comes_back_as_what_it_was(make: Any) -> None:
    texts, labels = make(TEXTS), make(LABELS)
    expected_texts, expected_labels = sampler().fit_resample(TEXTS, LABELS)
    texts_res, labels_res = sampler().fit_resample(texts, labels)
    assert read_column(texts_res, "X").ravel().tolist() == expected_texts
    assert is_equal(labels_res, make(expected_labels))
    assert type(texts_res) is type(texts)
    if hasattr(texts, "type"):
        assert texts_res.type == texts.type


def test_a_label_column_of_polars_with_fixed_categories_keeps_them_and_one_of_texts_becomes_strings() -> None:
    labels = pl.Series(LABELS, dtype=pl.Enum(["good", "bad", "never"]))
    texts_res, labels_res = sampler().fit_resample(pl.Series(TEXTS, dtype=pl.Enum(TEXTS)), labels)
    assert labels_res.dtype == labels.dtype
    assert texts_res.dtype == pl.String
    assert texts_res[:24].to_list() == TEXTS


def test_a_column_of_a_hugging_face_dataset_comes_back_as_a_list() -> None:
    dataset = datasets.Dataset.from_dict({"text": TEXTS, "label": [int(label == "bad") for label in LABELS]})
    texts_res, labels_res = sampler().fit_resample(dataset["text"], dataset["label"])
    assert (type(texts_res), type(labels_res)) == (list, list)
    assert texts_res[:24] == TEXTS
    assert Counter(labels_res) == {1: 16, 0: 16}


class Full(pd.Series):
    """A column that takes no more than it has."""

    def __init__(self, values: Any, **options: Any) -> None:
        if len(values) > len(TEXTS):
            raise OverflowError("no more room")
        super().__init__(values, **options)


@pytest.mark.parametrize(
    ("texts", "labels", "message"),
    [
        (datasets.Dataset.from_dict({"text": TEXTS, "label": LABELS}), LABELS, "the columns 'text', 'label'"),
        (pl.DataFrame({"title": TEXTS, "body": TEXTS}), LABELS, "the columns 'title', 'body': expected one"),
        (pl.LazyFrame({"body": TEXTS}), LABELS, "LazyFrame"),
        (iter(TEXTS), LABELS, "texts is a list_iterator: expected a list, a numpy array, a column of pandas"),
        (TEXTS, set(LABELS), "labels is a set: expected a list"),
        (np.ma.masked_array(TEXTS, mask=[True] + [False] * 23), LABELS, "texts is a masked array"),
        (datasets.Dataset.from_dict({"text": TEXTS}), LABELS, "a whole Dataset: expected its column"),
        (Full(TEXTS), LABELS, r"X is a Full that takes no new row .no more room.: pass a list"),
        (pa.array(TEXTS), pa.array([1.5] * 24), "label 1.5 in row 0 is float"),
    ],
)
def test_a_column_that_cannot_be_used_is_refused_before_a_model_runs(texts: Any, labels: Any, message: str) -> None:
    smx = sampler(encoder=Never())
    with pytest.raises(InputError, match=message):
        smx.fit_resample(texts, labels)


@pytest.mark.parametrize("index", [list(range(23, -1, -1)), [0] * 24, [f"row {i % 5}" for i in range(24)]])
def test_an_index_that_is_shuffled_or_repeated_changes_nothing(index: list) -> None:
    texts, labels = pd.Series(TEXTS, index=index), pd.Series(LABELS, index=index)
    texts_res, labels_res = sampler().fit_resample(texts, labels)
    expected_texts, expected_labels = sampler().fit_resample(TEXTS, LABELS)
    assert texts_res.tolist() == expected_texts
    assert labels_res.tolist() == expected_labels


def test_pandas_comes_back_named_with_a_fresh_index() -> None:
    texts = pd.Series(TEXTS, name="body", index=range(100, 124))
    labels = pd.Series(LABELS, name="mood", index=range(100, 124), dtype="category")
    texts_res, labels_res = sampler().fit_resample(texts, labels)
    assert (texts_res.name, labels_res.name) == ("body", "mood")
    assert labels_res.dtype == labels.dtype
    assert texts_res.index.tolist() == list(range(32))
    assert texts_res[:24].tolist() == TEXTS


@pytest.mark.parametrize("dtype", ["category", "string", object])
def test_new_texts_are_there_whatever_the_column_is_made_of(dtype: Any) -> None:
    texts = pd.Series(TEXTS, dtype=dtype)
    for given in (texts, texts.to_frame("body")):
        texts_res, _ = sampler().fit_resample(given, LABELS)
        assert not pd.isna(texts_res).to_numpy().any()
        assert len(texts_res) == 32


@pytest.mark.parametrize("labels", [pd.Series([1] * 16 + [0] * 8, dtype=object), pd.Series([True] * 16 + [False] * 8)])
def test_a_series_of_labels_keeps_its_type(labels: pd.Series) -> None:
    _, labels_res = sampler().fit_resample(TEXTS, labels)
    assert labels_res.dtype == labels.dtype
    assert labels_res[:24].tolist() == labels.tolist()


def test_a_table_of_one_column_comes_back_as_one() -> None:
    texts_res, _ = sampler().fit_resample(pd.DataFrame({"body": TEXTS}), LABELS)
    assert list(texts_res.columns) == ["body"]
    assert texts_res["body"][:24].tolist() == TEXTS


def test_a_table_of_two_columns_is_refused_by_name() -> None:
    table = pd.DataFrame({"title": TEXTS, "body": TEXTS})
    smx = sampler()
    with pytest.raises(InputError, match="columns 'title', 'body'"):
        smx.fit_resample(table, LABELS)


def test_mixed_labels_are_refused_before_numpy_joins_them() -> None:
    smx = sampler()
    with pytest.raises(InputError, match="labels mix"):
        smx.fit_resample(["a", "b", "c"], ["x", "x", 1])


def test_missing_and_blank_texts_stay_and_are_not_mixed() -> None:
    texts = [*TEXTS, None, "  ", float("nan")]
    smx = sampler()
    with pytest.warns(SmotextWarning, match="3 rows have no text: kept in the output, not mixed"):
        texts_res, labels_res = smx.fit_resample(texts, [*LABELS, "good", "good", "good"])
    assert texts_res[24] is None
    assert texts_res[25] == "  "
    assert Counter(labels_res) == {"bad": 16, "good": 16}  # a total counts every row of the class
    assert max(max(parents) for parents in smx.synthetic_["parents"]) < 24


def test_a_class_without_any_text_is_refused() -> None:
    smx = sampler()
    with pytest.raises(InputError, match="class 'empty' has no text to mix"):
        smx.generate([*TEXTS, None], [*LABELS, "empty"], n={"empty": 2})


def test_synthetic_has_one_row_per_text_with_its_lineage() -> None:
    smx = sampler(k_neighbors=3)
    texts_res, _ = smx.fit_resample(TEXTS, LABELS)
    rows = smx.synthetic_
    assert rows["text"].tolist() == texts_res[24:]
    for row in rows.itertuples():
        assert all(LABELS[parent] == row.label == "good" for parent in row.parents)
        assert len(set(row.parents)) == 2
        assert row.weights == pytest.approx([row.lam, 1 - row.lam])
        assert row.text.startswith("Echo")
    assert rows["key"].tolist() == [f"good/{ordinal}/0/0" for ordinal in range(8)]
    assert rows["seed"].is_unique
    assert set(rows["model"]) == {"hash-64+echo-1"}


def test_asking_for_more_rows_keeps_the_earlier_ones() -> None:
    few = sampler().generate(TEXTS, LABELS, n={"bad": 5, "good": 4})
    many = sampler().generate(TEXTS, LABELS, n={"bad": 40, "good": 30})
    kept = many[many["key"].isin(few["key"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, few)


def test_another_class_changes_nothing() -> None:
    alone = sampler().generate(GOOD, ["good"] * 8, n=6)
    beside = sampler().generate(GOOD + BAD, ["good"] * 8 + ["bad"] * 16, n={"good": 6})
    assert alone["text"].tolist() == beside["text"].tolist()


def test_the_same_random_state_gives_the_same_texts_and_another_does_not() -> None:
    runs = [SMOTExT("echo", random_state=seed).fit_resample(TEXTS, LABELS)[0] for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]


def test_every_parent_is_used_evenly() -> None:
    rows = sampler(k_neighbors=4).generate(BAD, ["bad"] * 16, n=160)
    firsts = Counter(parents[0] for parents in rows["parents"])
    assert set(firsts.values()) == {10}


def test_generate_takes_one_class_and_fit_resample_does_not() -> None:
    assert len(sampler().generate(BAD, ["bad"] * 16, n=3)) == 3
    smx = sampler()
    with pytest.raises(InputError, match="more than 1 class"):
        smx.fit_resample(BAD, ["bad"] * 16)


def test_n_is_split_in_proportion_to_the_counts() -> None:
    rows = sampler().generate(TEXTS, LABELS, n=9)
    assert Counter(rows["label"]) == {"bad": 6, "good": 3}


def test_numbers_are_logged_under_the_packages_name_and_no_texts(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="smotext"):
        sampler().fit_resample(TEXTS, LABELS)
    assert "mixing 24 texts; new rows: {'good': 8}" in caplog.text
    assert "'written': 8" in caplog.text
    assert all(record.name.startswith("smotext.") for record in caplog.records)
    assert not any(text in caplog.text for text in TEXTS)


@pytest.mark.filterwarnings("ignore::smotext.errors.SmotextWarning")
@pytest.mark.parametrize("options", [{}, {"candidates": 3}, {"filters": "default"}])
def test_no_new_rows_give_an_empty_table_with_the_same_columns(options: dict[str, Any]) -> None:
    smx = sampler(**options)
    assert list(smx.generate(TEXTS, LABELS, n=0).columns) == list(smx.generate(TEXTS, LABELS, n=1).columns)
    texts_res, _ = smx.fit_resample(BAD, [1, 0] * 8)
    assert texts_res == BAD


def test_generate_takes_texts_and_labels_by_imbalanced_learns_names() -> None:
    by_name = sampler().generate(X=TEXTS, y=LABELS, n=3)
    pd.testing.assert_frame_equal(by_name, sampler().generate(TEXTS, LABELS, 3))


def test_without_a_random_state_numpys_own_is_drawn_from() -> None:
    found = []
    for _ in range(2):
        np.random.seed(5)  # noqa: NPY002 (what callers of imbalanced-learn do)
        found.append(SMOTExT("echo").generate(TEXTS, LABELS, n=3)["text"].tolist())
    assert found[0] == found[1]


def test_a_warning_points_at_the_callers_line() -> None:
    smx = sampler(k_neighbors=50)
    for call in (lambda: smx.fit_resample(TEXTS, LABELS), lambda: smx.generate(TEXTS, LABELS, n=2)):
        with pytest.warns(SmotextWarning) as caught:
            call()
        assert {warning.filename for warning in caught} == {__file__}


def test_small_classes_step_down_the_ladder_with_one_warning() -> None:
    texts, labels = [*BAD, "one", "two", "alone"], ["bad"] * 16 + ["pair"] * 2 + ["single"]
    smx = sampler()
    with pytest.warns(SmotextWarning) as caught:
        _, labels_res = smx.fit_resample(texts, labels)
    assert len(caught) == 1
    assert "'pair'" in str(caught[0].message)
    assert "'single'" in str(caught[0].message)
    assert Counter(labels_res) == {"bad": 16, "pair": 16, "single": 16}
    singles = smx.synthetic_[smx.synthetic_["label"] == "single"]
    assert {tuple(parents) for parents in singles["parents"]} == {(18,)}
    assert set(singles["lam"]) == {1.0}


def test_three_parents_have_weights_and_no_lam() -> None:
    rows = sampler(n_parents=3).generate(BAD, ["bad"] * 16, n=5)
    assert all(len(set(parents)) == 3 for parents in rows["parents"])
    assert all(sum(weights) == pytest.approx(1) for weights in rows["weights"])
    assert rows["lam"].isna().all()


@pytest.mark.filterwarnings("ignore::smotext.errors.SmotextWarning")
def test_of_three_places_two_or_one_taken_have_a_lam() -> None:
    for n_texts in (1, 2):
        rows = sampler(n_parents=3).generate(BAD[:n_texts], ["bad"] * n_texts, n=5)
        assert rows["lam"].tolist() == [weights[0] for weights in rows["weights"]]


@pytest.mark.parametrize("strategy", ["smote", "random", "borderline", "adasyn", "kmeans"])
@pytest.mark.parametrize("mix", ["linear", "slerp", "linear_renorm"])
@pytest.mark.filterwarnings("ignore::smotext.errors.SmotextWarning")
def test_every_strategy_and_mix_balances(strategy: str, mix: str) -> None:
    _, labels_res = sampler(strategy=strategy, mix=mix).fit_resample(TEXTS, LABELS)
    assert Counter(labels_res) == {"bad": 16, "good": 16}


@pytest.mark.parametrize("foreign", [SMOTE(k_neighbors=2), RandomOverSampler()])
def test_a_foreign_over_sampler_leaves_parents_unknown(foreign: Any) -> None:
    smx = sampler(strategy=foreign)
    _, labels_res = smx.fit_resample(TEXTS, LABELS)
    assert Counter(labels_res) == {"bad": 16, "good": 16}
    assert smx.synthetic_["parents"].tolist() == [[]] * 8
    assert smx.synthetic_["lam"].isna().all()


def test_an_under_sampler_is_refused_as_a_strategy() -> None:
    smx = sampler(strategy=RandomUnderSampler())
    with pytest.raises(InputError, match="RandomUnderSampler"):
        smx.fit_resample(TEXTS, LABELS)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"strategy": "smoth"}, UnknownNameError, "did you mean 'smote'"),
        ({"mix": "cubic"}, UnknownNameError, "unknown mix 'cubic'"),
        ({"k_neighbors": 0}, InputError, "k_neighbors is 0"),
        ({"n_parents": 1}, InputError, "n_parents is 1"),
        ({"lam": (0.5, 1.5)}, InputError, r"lam is \(0.5, 1.5\)"),
        ({"lam": -0.1}, InputError, "lam is -0.1"),
        ({"lam": "gamma:1"}, InputError, "lam is 'gamma:1'"),
        ({"prompt": 9}, InputError, "expected 'random' or a number from 0 to 1"),
        ({"max_new_tokens": 0}, InputError, "max_new_tokens is 0"),
        ({"temperature": 0}, InputError, "temperature is 0"),
        ({"top_p": 1.5}, InputError, "top_p is 1.5"),
        ({"candidates": 0}, InputError, "candidates is 0"),
        ({"examples": -1}, InputError, "examples is -1: expected 0 or more, or None for the bridge's own number"),
        ({"examples": 1.5}, InputError, "examples is 1.5"),
        ({"on_shortfall": "cry"}, UnknownNameError, "unknown on_shortfall"),
        ({"batch_size": -4}, InputError, "batch_size is -4"),
        ({"encoder": "tiny"}, InputError, "smotext.load_encoder"),
        ({"encoder": HashEncoder(vector_dim=8)}, InputError, "8 dimensions and the decoder takes 64"),
        ({"decoder": object()}, InputError, "has no .decode"),
        ({"filters": "defualt"}, UnknownNameError, "did you mean 'default'"),
        ({"filters": ["emtpy"]}, UnknownNameError, "did you mean 'empty'"),
        ({"random_state": -1}, InputError, "random_state is -1"),
        ({"sampling_strategy": None}, InputError, "sampling_strategy is None: expected one of auto"),
        ({"sampling_strategy": {"good": 20.5}}, InputError, "for class 'good' is 20.5: expected an integer"),
        ({"temperature": None}, InputError, "temperature is None: expected a number above 0"),
        ({"temperature": float("nan")}, InputError, "temperature is nan"),
        ({"top_p": "0.9"}, InputError, "top_p is '0.9'"),
        ({"top_k": 2.5}, InputError, "top_k is 2.5"),
        ({"repetition_penalty": True}, InputError, "repetition_penalty is True"),
        ({"model": 5}, InputError, "model is 5: expected a preset"),
        ({"model": ""}, InputError, "model is ''"),
        ({"model": "tiny", "device": 5}, InputError, "device is 5: expected 'cpu'"),
    ],
)
def test_options_that_cannot_be_used_are_refused(options: dict, error: type, message: str) -> None:
    smx = SMOTExT(**{"model": "echo", **options})
    with pytest.raises(error, match=message):
        smx.fit_resample(TEXTS, LABELS)


@pytest.mark.parametrize("name", ["max_new_tokens", "candidates", "batch_size", "top_k", "k_neighbors", "n_parents"])
def test_numpys_integers_are_integers(name: str) -> None:
    expected = sampler(**{name: 2}).generate(TEXTS, LABELS, n=3)["text"].tolist()
    assert sampler(**{name: np.int64(2)}).generate(TEXTS, LABELS, n=3)["text"].tolist() == expected


@pytest.mark.parametrize("options", [{"prompt": 9}, {"random_state": -1}, {"temperature": 0}])
def test_options_are_checked_before_a_model_runs(options: dict) -> None:
    smx = SMOTExT("echo", encoder=Never(), **options)
    with pytest.raises(InputError):
        smx.generate(TEXTS, LABELS, n=3)


def test_an_unknown_preset_suggests_the_nearest() -> None:
    smx = SMOTExT("tinny")
    with pytest.raises(UnknownNameError, match="did you mean 'tiny'"):
        smx.fit_resample(TEXTS, LABELS)


@pytest.mark.parametrize("n", [None, 3])
def test_the_prompt_shows_texts_of_the_class_the_parents_last(n: int | None) -> None:
    decoder = Showing()
    rows = sampler(decoder=decoder, examples=n, k_neighbors=3).generate(TEXTS, LABELS, n={"bad": 20, "good": 9})
    for row in rows.itertuples():
        assert len(row.examples) == (n or Showing.examples)
        assert set(row.examples[-2:]) == set(row.parents)
        assert {LABELS[shown] for shown in row.examples} == {row.label}
    assert {tuple(row.examples[-2:]) == tuple(row.parents) for row in rows.itertuples()} == {True, False}
    given = [texts for asked in decoder.asked for texts in asked["examples"]]
    assert given == [[TEXTS[place] for place in shown] for shown in rows["examples"]]


def test_examples_are_row_numbers_of_the_given_texts() -> None:
    texts, labels = [None, *BAD, " "], ["bad"] * (len(BAD) + 2)
    decoder = Showing()
    with pytest.warns(SmotextWarning, match="2 rows have no text"):
        rows = sampler(decoder=decoder).generate(texts, labels, n=6)
    given = [shown for asked in decoder.asked for shown in asked["examples"]]
    assert [[texts[place] for place in shown] for shown in rows["examples"]] == given
    assert min(min(shown) for shown in rows["examples"]) > 0


def test_all_candidates_of_a_mix_and_nothing_else_share_its_examples() -> None:
    rows_kept = (smx := sampler(decoder=Showing(), candidates=3)).generate(BAD, ["bad"] * 16, n=12)
    rows = pd.concat([rows_kept, smx.rejected_])
    mixes = rows["key"].str.rsplit("/", n=1).str[0]
    shown = rows["examples"].map(tuple)
    assert (shown.groupby(mixes).nunique() == 1).all()
    assert shown.nunique() > 6


def test_asking_for_more_rows_keeps_the_examples_of_the_earlier_ones() -> None:
    few, many = (sampler(decoder=Showing(), examples=4).generate(TEXTS, LABELS, n={"bad": n}) for n in (5, 40))
    pd.testing.assert_frame_equal(many.head(5), few)


def test_without_examples_the_decoder_is_not_told_of_any() -> None:
    class Strict(EchoDecoder):
        def decode_rows(
            self, vectors: np.ndarray, *, prompt: Any, max_new_tokens: Any, do_sample: bool, temperature: float,
            top_p: float, top_k: int, repetition_penalty: float, batch_size: int | None, seeds: Any,
        ) -> list[Decoded]:  # fmt: skip
            return super().decode_rows(
                vectors, prompt=prompt, max_new_tokens=max_new_tokens, do_sample=do_sample, seeds=seeds
            )

    for examples in (None, 0):
        rows = sampler(decoder=Strict(), examples=examples).generate(TEXTS, LABELS, n=4)
        assert rows["examples"].tolist() == [[]] * 4
    decoder = Showing()
    assert sampler(decoder=decoder, examples=0).generate(TEXTS, LABELS, n=4)["examples"].tolist() == [[]] * 4
    assert all("examples" not in asked for asked in decoder.asked)


def test_examples_that_a_decoder_cannot_show_are_refused_before_a_model_runs() -> None:
    class Never:
        vector_dim = 64

        def encode(self, texts: list[str]) -> np.ndarray:
            raise AssertionError("the encoder has run")

    smx = SMOTExT("echo", encoder=Never(), examples=2)
    message = "examples is 2, but the decoder EchoDecoder shows no texts in its prompt: expected 0 or None"
    with pytest.raises(InputError, match=message):
        smx.generate(TEXTS, LABELS, n=3)
    with pytest.raises(InputError, match=message):
        smx.fit_resample(TEXTS, LABELS)
    with pytest.raises(InputError, match=message):
        interpolate("a", "b", model="echo", encoder=Never(), examples=2)


def test_copies_are_never_returned_even_where_nothing_else_came() -> None:
    copying = Saying(lambda seed: BAD[seed % 16].upper() if seed % 4 else "New words altogether.")
    for shortfall in ("fill", "report"):
        smx = sampler(decoder=copying, on_shortfall=shortfall)
        with pytest.warns(SmotextWarning, match="fewer texts than asked for"):
            rows = smx.generate(BAD, ["bad"] * 16, n=200)
        assert set(rows["text"]) == {"New words altogether."}
        assert rows["accepted"].all()
        assert set(smx.rejected_["reason"]) == {"copied"}
    with pytest.raises(ShortfallError, match="fewer texts than asked for"):
        sampler(decoder=copying, on_shortfall="raise").generate(BAD, ["bad"] * 16, n=200)


def test_an_unfinished_text_is_written_again_and_never_returned() -> None:
    def say(seed: int) -> str:
        return f"Text {seed} is whole. And the" if seed % 2 else f"Text {seed} goes on and"

    smx = sampler(decoder=Saying(say, is_finished=False))
    rows = smx.generate(BAD, ["bad"] * 16, n=30)
    assert rows["text"].str.fullmatch(r"Text \d+ is whole\.").all()
    assert not rows["is_finished"].any()
    assert set(smx.rejected_["reason"]) == {"unfinished"}
    never = sampler(decoder=Saying(lambda seed: "no end and", is_finished=False))
    with pytest.warns(SmotextWarning, match="'bad' 0 of 3"):
        assert len(never.generate(BAD, ["bad"] * 16, n=3)) == 0


def test_a_number_of_tokens_may_cut_texts() -> None:
    smx = sampler(decoder=Saying(lambda seed: f"Text {seed} is whole. And the ", is_finished=False), max_new_tokens=5)
    rows = smx.generate(BAD, ["bad"] * 16, n=3)
    assert rows["text"].str.fullmatch(r"Text \d+ is whole\. And the").all()
    assert len(smx.rejected_) == 0


def test_a_text_that_ends_by_itself_needs_no_full_stop() -> None:
    rows = sampler(decoder=Saying(lambda seed: f"text {seed} without a stop")).generate(BAD, ["bad"] * 16, n=3)
    assert rows["text"].str.endswith("without a stop").all()


def test_own_encoder_and_decoder_need_only_encode_and_decode() -> None:
    class Lengths:
        def encode(self, texts: list[str]) -> np.ndarray:
            return np.array([[len(text), text.count(" ")] for text in texts], dtype=np.float32)

    class Numbers:
        def decode(self, vectors: np.ndarray, **options: Any) -> list[str]:
            return [f"{first:.1f} {second:.1f}" for first, second in vectors]

    smx = sampler(encoder=Lengths(), decoder=Numbers())
    rows = smx.generate(GOOD, ["good"] * 8, n=4)
    for row in rows.itertuples():
        vectors = Lengths().encode([GOOD[parent] for parent in row.parents])
        expected = np.array(row.weights) @ vectors
        assert row.text == f"{expected[0]:.1f} {expected[1]:.1f}"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (["one"], "returned 1 texts for 3 vectors"),
        (None, "returned NoneType: expected a list of texts"),
        ("abc", "returned str: expected a list of texts"),
        (["a", b"b", "c"], "returned a text of type bytes"),
    ],
)
def test_what_a_foreign_decoder_gets_wrong_is_told(answer: Any, message: str) -> None:
    class Wrong:
        def decode(self, vectors: np.ndarray, **options: Any) -> Any:
            return answer

    smx = sampler(decoder=Wrong())
    with pytest.raises(InputError, match=message):
        smx.generate(GOOD, ["good"] * 8, n=3)


def test_clone_keeps_the_very_models() -> None:
    encoder, decoder = HashEncoder(), EchoDecoder()
    copy = clone(sampler(encoder=encoder, decoder=decoder, k_neighbors=2))
    assert copy.k_neighbors == 2
    texts_res, _ = copy.fit_resample(TEXTS, LABELS)
    assert texts_res == sampler(k_neighbors=2).fit_resample(TEXTS, LABELS)[0]


def test_the_sampler_pickles() -> None:
    again = pickle.loads(pickle.dumps(sampler(encoder=HashEncoder())))
    assert again.fit_resample(TEXTS, LABELS)[0] == sampler().fit_resample(TEXTS, LABELS)[0]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_it_works_in_a_pipeline_under_cross_validation(n_jobs: int) -> None:
    pipeline = Pipeline(
        [("smotext", sampler(k_neighbors=2)), ("tfidf", TfidfVectorizer()), ("clf", LogisticRegression())]
    )
    scores = cross_val_score(pipeline, TEXTS, LABELS, cv=3, n_jobs=n_jobs)
    assert scores.shape == (3,)
    assert scores.min() > 0.5


def test_a_warning_comes_once_in_a_cross_validation_and_points_at_its_line() -> None:
    steps = [("smotext", sampler(k_neighbors=50)), ("tfidf", TfidfVectorizer()), ("clf", LogisticRegression())]
    with pytest.warns(SmotextWarning, match="no more than k_neighbors=50 texts") as caught:
        cross_val_score(Pipeline(steps), TEXTS[:-1], LABELS[:-1], cv=5)  # 6 or 5 of the smaller class in a fold
    assert [warning.filename for warning in caught] == [__file__]


# imbalanced-learn's estimator checks draw tables of numbers. These take what they draw and still apply; the
# others (fit, fit_resample, list, pandas, one label, 2-D target, dtypes) have their textual twins in this file.
@pytest.mark.parametrize(
    "check",
    [
        estimator_checks.check_target_type,
        estimator_checks.check_samplers_sampling_strategy_fit_resample,
        estimator_checks.check_sampler_get_feature_names_out,
        estimator_checks.check_sampler_get_feature_names_out_pandas,
    ],
    ids=lambda check: check.__name__,
)
def test_imbalanced_learns_check_passes(check: Any) -> None:
    check("SMOTExT", sampler())


def test_fit_alone_learns_the_sampling_strategy() -> None:
    assert sampler().fit(TEXTS, LABELS).sampling_strategy_ == {"good": 8}


def test_a_target_of_one_column_is_flattened() -> None:
    _, labels_res = sampler().fit_resample(TEXTS, np.array([1] * 16 + [0] * 8).reshape(-1, 1))
    assert Counter(labels_res.tolist()) == {1: 16, 0: 16}


def test_tags_say_one_dimension_of_strings() -> None:
    tags = sampler().__sklearn_tags__()
    assert tags.input_tags.string is True
    assert tags.input_tags.two_d_array is False
    assert tags.estimator_type == "sampler"


def test_random_prompts_are_recorded_per_row() -> None:
    rows = sampler(prompt="random").generate(BAD, ["bad"] * 16, n=40)
    assert set(rows["prompt"]) == {0, 1}


def test_auto_length_is_twice_the_longest_parents_and_some_more_whatever_lam() -> None:
    texts, bounds = ["one", "one two", "one two three"], [18, 20, 22]  # echo writes as much as it may, up to 24
    for lam in ((0.0, 1.0), 1.0):
        rows = sampler(k_neighbors=2, lam=lam).generate(texts, ["a"] * 3, n=30)
        assert rows["n_tokens"].tolist() == [max(bounds[parent] for parent in parents) for parents in rows["parents"]]
        assert set(rows["n_tokens"]) == {20, 22}


def test_interpolation_runs_from_the_first_text_to_the_second() -> None:
    steps = interpolate(BAD[0], GOOD[0], steps=5, model="echo", random_state=0)
    assert [step.lam for step in steps] == [1.0, 0.75, 0.5, 0.25, 0.0]
    assert [step.weights for step in steps] == [(1, 0), (0.75, 0.25), (0.5, 0.5), (0.25, 0.75), (0, 1)]
    assert len({step.text for step in steps}) == 5


def test_interpolating_a_text_with_itself_writes_one_text() -> None:
    assert len({step.text for step in interpolate("same", "same", steps=4, model="echo", random_state=0)}) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("a", "b", 1), "steps is 1"), (("a", " "), "a text is blank"), (("a", "b", True), "steps is True")],
)
def test_interpolation_refuses_what_it_cannot_use(arguments: tuple, message: str) -> None:
    with pytest.raises(InputError, match=message):
        interpolate(*arguments, model="echo")


def test_interpolation_refuses_options_that_it_would_ignore() -> None:
    with pytest.raises(InputError, match="interpolate takes no filters, strategy"):
        interpolate("a", "b", model="echo", filters="default", strategy="random", candidates=2)
    with pytest.raises(InputError, match="interpolate takes no hide_values, turns"):
        interpolate("a", "b", model="echo", hide_values=True, turns=True)


def test_texts_that_the_encoder_cuts_are_counted_in_one_warning() -> None:
    class Short(HashEncoder):
        max_tokens = 5

        def count_truncated(self, texts: list[str]) -> int:
            return sum(len(text.split()) > self.max_tokens for text in texts)

    smx = sampler(encoder=Short())
    with pytest.warns(SmotextWarning, match="24 texts are longer than the 5 tokens that the encoder reads") as caught:
        smx.generate(TEXTS, LABELS, n=2)
    assert len(caught) == 1


def test_a_verbose_sampler_shows_a_bar_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    sampler(verbose=True).generate(TEXTS, LABELS, n=2)
    shown = capsys.readouterr()
    assert "writing" in shown.err
    assert shown.out == ""


def test_a_function_is_a_filter_and_its_rejects_are_replaced() -> None:
    smx = sampler(filters=[lambda texts, labels: [len(text) % 2 == 1 for text in texts]])
    _, labels_res = smx.fit_resample(TEXTS, LABELS)
    assert Counter(labels_res) == {"bad": 16, "good": 16}
    assert (smx.synthetic_["text"].str.len() % 2 == 1).all()
    assert (smx.rejected_["text"].str.len() % 2 == 0).all()
    assert len(smx.rejected_) > 0
    assert smx.funnel_.set_index("step")["n_texts"]["accepted"] == 8


def test_a_function_is_never_asked_of_no_texts() -> None:
    smx = sampler(filters=[lambda texts, labels: np.array([len(text) for text in texts]).max() > 3])
    assert len(smx.generate(TEXTS, LABELS, n=0)) == 0


def test_without_enough_kept_the_best_rejected_stand_in_or_not() -> None:
    never = [lambda texts, labels: [False] * len(texts)]
    smx = sampler(filters=never)
    with pytest.warns(SmotextWarning, match="8 of 8 texts were rejected each time"):
        _, labels_res = smx.fit_resample(TEXTS, LABELS)
    assert Counter(labels_res) == {"bad": 16, "good": 16}
    assert not smx.synthetic_["accepted"].any()
    fewer = sampler(filters=never, on_shortfall="report")
    with pytest.warns(SmotextWarning, match="fewer texts than asked for"):
        assert len(fewer.fit_resample(TEXTS, LABELS)[0]) == 24
    strict = sampler(filters=never, on_shortfall="raise")
    with pytest.raises(ShortfallError, match="fewer texts than asked for"):
        strict.fit_resample(TEXTS, LABELS)


def test_eight_candidates_are_written_for_each_mix_unless_the_caller_says() -> None:
    smx = SMOTExT("echo", random_state=0)
    rows = smx.generate(BAD, ["bad"] * 16, n=5)
    assert Counter(pd.concat([rows, smx.rejected_])["key"].str.rsplit("/", n=1).str[1]) == dict.fromkeys("01234567", 5)
    assert set(smx.rejected_["reason"]) == {"candidate"}


def test_of_several_candidates_the_nearest_to_its_vector_is_kept() -> None:
    smx = sampler(candidates=3)
    rows = smx.generate(BAD, ["bad"] * 16, n=5)
    everything = pd.concat([rows, smx.rejected_])
    assert len(everything) == 15
    best = everything.assign(mix_key=everything["key"].str.rsplit("/", n=1).str[0]).groupby("mix_key")["target_cosine"]
    assert sorted(rows["target_cosine"]) == pytest.approx(sorted(best.max()))


def test_soft_labels_add_a_probability_per_class() -> None:
    rows = sampler().generate(TEXTS, LABELS, n=6, soft_labels=True)
    assert (rows["probability_bad"] + rows["probability_good"]).to_numpy() == pytest.approx(1.0)
    smx = sampler()
    with pytest.raises(InputError, match="soft_labels is 'firm'"):
        smx.generate(TEXTS, LABELS, n=1, soft_labels="firm")  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore::smotext.errors.SmotextWarning")
def test_filtered_rows_keep_their_texts_when_more_are_asked_for() -> None:
    rejects = [lambda texts, labels: ["amber" not in text for text in texts]]
    few = sampler(filters=rejects).generate(BAD, ["bad"] * 16, n=6)
    many = sampler(filters=rejects).generate(BAD, ["bad"] * 16, n=20)
    assert many["text"][:6].tolist() == few["text"].tolist()


def test_a_resumed_run_replaces_the_rows_of_a_foreign_over_sampler() -> None:
    """A plan kept from another process is read back, so that the planner never made it."""
    kept: dict[int, Any] = {}

    class Keeping(InMemoryRun):
        def plan(self, round_number: int, make: Any) -> Any:
            if round_number not in kept:
                kept[round_number] = make()
            return kept[round_number]

    options = {"strategy": RandomOverSampler(), "filters": [lambda texts, labels: ["amber" not in t for t in texts]]}
    runs = []
    for _ in range(2):
        runs.append(sampler(**options).generate(TEXTS, LABELS, {"good": 12}, run=Keeping())["text"].tolist())
        kept = {0: kept[0]}
    assert runs[0] == runs[1]


def test_at_both_ends_of_the_line_the_length_leaves_room_for_the_longer_text() -> None:
    steps = interpolate("one two three", "one", steps=2, model="echo", random_state=0)
    assert [step.n_tokens for step in steps] == [22, 22]  # 2 x 3 + 16


def test_of_a_steps_candidates_the_nearest_to_its_vector_is_kept() -> None:
    encoder = HashEncoder()
    targets = encoder.encode([BAD[0], GOOD[0]])

    def cosines(n: int) -> np.ndarray:
        steps = interpolate(BAD[0], GOOD[0], steps=4, model="echo", random_state=0, candidates=n)
        return np.array([
            float(encoder.encode([step.text])[0] @ (step.lam * targets[0] + (1 - step.lam) * targets[1]))
            for step in steps
        ])  # fmt: skip

    one, many = cosines(1), cosines(12)
    assert (many >= one).all()
    assert (many > one).any()


def test_interpolation_shows_the_two_texts_where_the_model_shows_some() -> None:
    decoder = Showing()
    steps = interpolate("one parcel", "two trains", steps=3, model="echo", decoder=decoder, candidates=2)
    shown = [row for asked in decoder.asked for row in asked["examples"]]
    assert [sorted(row) for row in shown] == [["one parcel", "two trains"]] * 6
    assert len({tuple(row) for row in shown}) == 1, "one order for the whole line: lam alone differs"
    assert len(steps) == 3
    decoder.asked.clear()
    interpolate("one parcel", "two trains", steps=3, model="echo", decoder=decoder, examples=0)
    assert all("examples" not in asked for asked in decoder.asked)


def test_a_step_of_which_only_copies_came_says_so() -> None:
    copying = Saying(lambda seed: "One parcel came late.")
    with pytest.warns(SmotextWarning, match=r"at lam 1\.00, 0\.50, 0\.00 only copies of the two texts were written"):
        steps = interpolate("One parcel came late", "two trains", steps=3, model="echo", decoder=copying)
    assert [step.text for step in steps] == ["One parcel came late."] * 3


def test_a_step_of_which_no_text_came_to_its_end_says_so() -> None:
    endless = Saying(lambda seed: "on and on and", is_finished=False)
    with pytest.warns(SmotextWarning, match=r"at lam 1\.00, 0\.00 no text came to its end: another seed"):
        steps = interpolate("one parcel", "two trains", steps=2, model="echo", decoder=endless)
    assert [step.text for step in steps] == ["on and on and"] * 2
    blank = Saying(lambda seed: "")
    with pytest.warns(SmotextWarning, match="no words were written"):
        interpolate("one parcel", "two trains", steps=2, model="echo", decoder=blank)


def test_a_copy_stands_in_before_a_blank_text() -> None:
    texts = ["", "two trains", "one parcel came late"]
    mixed = Saying(lambda seed: texts[seed % 3], is_finished=True)
    with pytest.warns(SmotextWarning, match="only copies"):
        steps = interpolate("one parcel came late", "two trains", steps=2, model="echo", decoder=mixed, candidates=9)
    assert {step.text for step in steps} <= {"two trains", "one parcel came late"}
