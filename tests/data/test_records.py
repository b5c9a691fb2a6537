"""Rows of several text columns: written as one text, taken apart again."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from smotext import EchoDecoder, HashEncoder, SMOTExT
from smotext.data.records import RecordForm, join_record, split_record
from smotext.errors import InputError
from smotext.protocols import Decoded

NAMES = ("title", "body_text")
ROWS = [(f"Late parcel {i}", f"It was promised for day {i}, and nobody came!") for i in range(6)]
ROWS += [(f"Thank you {i}", f"The lamp number {i} is lovely.\nI like it.") for i in range(9)]
TABLE = pd.DataFrame(ROWS, columns=list(NAMES))
LABELS = ["bad"] * 6 + ["good"] * 9


class Filling(EchoDecoder):
    """Writes records; where `forgets`, not at first."""

    examples = 2

    def __init__(self, *, forgets: bool = False) -> None:
        super().__init__()
        self.forgets = forgets
        self.shown: list[str] = []

    def decode_rows(self, vectors: np.ndarray, **options: Any) -> list[Decoded]:
        self.shown += [text for row in options.pop("examples") or [] for text in row]
        rows = super().decode_rows(vectors, **options)
        texts = [f"Title: {row.text.split()[1]} again. Body text: {row.text}" for row in rows]
        if self.forgets:
            self.forgets, texts = False, [row.text for row in rows]
        return [Decoded(text, 9, True) for text in texts]


def sampler(decoder: EchoDecoder, **options: Any) -> SMOTExT:
    given = {"candidates": 1, "record_columns": NAMES, **options}
    return SMOTExT(encoder=HashEncoder(), decoder=decoder, random_state=0, **given)


def test_what_was_joined_is_split_again() -> None:
    for row in ROWS:
        back = split_record(join_record(row, NAMES), NAMES)
        assert back is not None
        plain, given = ([" ".join(value.split()).removesuffix(".") for value in values] for values in (back, row))
        assert plain == given


@pytest.mark.parametrize(
    "text",
    [
        "Title: only this.",
        "Body text: before. Title: after.",
        "Title: . Title: twice. Body text: x.",
        "Title: Body text: nothing between.",
        "Well, Title: a. Body text: b.",
        "",
    ],
)
def test_what_is_no_record_is_none(text: str) -> None:
    assert split_record(text, NAMES) is None


@pytest.mark.parametrize(
    "make", [lambda: TABLE, lambda: pl.from_pandas(TABLE), lambda: pa.Table.from_pandas(TABLE)],
    ids=["pandas", "polars", "pyarrow"],
)  # fmt: skip
def test_tables_come_back_with_new_rows_in_their_columns(make: Any) -> None:
    decoder = Filling()
    table = make()
    found, labels = sampler(decoder).fit_resample(table, LABELS)
    assert type(found) is type(table)
    assert len(found) == len(labels) == 18
    frame = found if isinstance(found, pd.DataFrame) else found.to_pandas()
    assert list(frame.columns) == list(NAMES)
    pd.testing.assert_frame_equal(frame.iloc[:15].reset_index(drop=True), TABLE)
    new = frame.iloc[15:]
    assert new["title"].str.fullmatch(r"\S+ again").all()  # titles have no full stop
    assert new["body_text"].str.endswith(".").all()
    assert all(re.match(r"Title: .*\. Body text: .*[.!]$", text) for text in decoder.shown)


def test_what_lacks_a_column_is_written_again() -> None:
    smx = sampler(Filling(forgets=True))
    made = smx.generate(TABLE, LABELS, n={"bad": 4})
    assert (smx.rejected_["reason"] == "record").sum() == 4
    assert all(set(record) == set(NAMES) and all(record.values()) for record in made["record"])
    assert all(split_record(text, NAMES) for text in made["text"])


class Never(Filling):
    """Writes no record at all."""

    def decode_rows(self, vectors: np.ndarray, **options: Any) -> list[Decoded]:
        options.pop("examples", None)
        return EchoDecoder.decode_rows(self, vectors, **options)


def test_what_is_no_record_never_stands_in() -> None:
    smx = sampler(Never())
    with pytest.warns(UserWarning, match="fewer texts than asked for"):
        assert len(smx.generate(TABLE, LABELS, n={"bad": 2})) == 0


@pytest.mark.parametrize(
    ("table", "names", "message"),
    [
        (TABLE.assign(title=[None, *TABLE["title"][1:]]), NAMES, "row 0 has no 'title'"),
        (TABLE.assign(title=[" ", *TABLE["title"][1:]]), NAMES, "row 0 has no 'title'"),
        (TABLE, ("titlle", "body_text"), "no column 'titlle'; did you mean 'title'"),
        (TABLE.assign(more="x"), NAMES, "column 'more' is not among record_columns"),
        (["a", "b"], NAMES, "texts is a list, and record_columns is"),
        (TABLE, ("title", "Title"), "expected two or more different names"),
        (TABLE, "title", "expected the names of two or more text columns"),
    ],
)
def test_what_is_no_table_of_records_is_said(table: Any, names: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        sampler(Filling(), record_columns=names).generate(table, ["bad"] * len(table), n=1)


def test_a_form_knows_which_columns_end_like_sentences() -> None:
    assert RecordForm.of(TABLE, NAMES).keeps_stop == (False, True)


def test_rows_of_a_pandas_table_are_numbered_anew() -> None:
    found = RecordForm.of(TABLE.iloc[3:5], NAMES).with_rows(["Title: One. Body text: Two."])
    assert found.index.tolist() == [0, 1, 2]
