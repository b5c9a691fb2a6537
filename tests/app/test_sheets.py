from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest

from smotext.app.sheets import ONE_CLASS, open_sheet, read_data, working_rows
from smotext.errors import InputError, MissingFileError, UnknownNameError
from tests.app.doubles import CARD, LATE, data_of, write_table


def test_the_likeliest_columns_are_those_with_usual_names(tmp_path):
    sheet = open_sheet(
        write_table(tmp_path, id=range(4), body=["a b", "c d", "e f", "g h"], topic=[*"xxyy"], note=["long " * 9] * 4)
    )
    assert (sheet.text_column, sheet.label_column, sheet.n_rows) == ("body", "topic", 4)


def test_without_usual_names_the_longest_cells_are_texts_and_recurring_ones_classes(tmp_path):
    sheet = open_sheet(
        write_table(tmp_path, a=["one two three", "four five six", "seven eight nine"] * 2, b=[*"uvw"] * 2)
    )
    assert (sheet.text_column, sheet.label_column) == ("a", "b")


def test_a_table_without_labels_is_one_class(tmp_path):
    path = write_table(tmp_path, text=LATE)
    data = data_of(path)
    assert not data.has_labels
    assert data.counts == {ONE_CLASS: len(LATE)}
    assert "one class" in data.notes[0]


def test_semicolons_are_seen_before_the_columns_are_known(tmp_path):
    path = tmp_path / "mail.csv"
    path.write_text("text;label\nhello, you;x\nbye, you;y\n")
    data = data_of(path)
    assert data.counts == {"x": 1, "y": 1}
    assert data.texts_of("x") == ["hello, you"]


def test_a_row_without_a_label_is_named(tmp_path):
    sheet = open_sheet(write_table(tmp_path, text=["a", "b", "c"], label=["x", None, "x"]))
    with pytest.raises(InputError, match="1 of 3 rows have no label"):
        read_data(sheet, "text", "label")


def test_a_file_that_changed_or_went_is_told(tmp_path):
    path = write_table(tmp_path)
    data = data_of(path)
    data.sheet.check_unchanged()
    os.utime(path, ns=(1, 1))
    with pytest.raises(InputError, match=r"mail\.csv has changed since it was read: read it again"):
        data.sheet.check_unchanged()
    path.unlink()
    with pytest.raises(MissingFileError, match="is gone"):
        read_data(data.sheet, "text", "label")


def test_ten_thousand_classes_are_told_from_classes(tmp_path):
    numbers = [str(number) for number in range(10_000)]
    path = write_table(tmp_path, text=[f"text {number}" for number in numbers], label=numbers)
    data = data_of(path)
    assert len(data.counts) == 10_000
    assert "10,000 of 10,000 classes have a single text" in data.notes[0]


def test_a_table_that_was_augmented_before_is_refused_with_labels_and_without(tmp_path):
    path = write_table(tmp_path, text=["a b", "c d", "e f"], label=["x", "x", "x"], is_synthetic=[False, False, True])
    sheet = open_sheet(path)
    for label in ("label", ""):
        with pytest.raises(InputError, match="as a file that was augmented"):
            read_data(sheet, "text", label)


@pytest.mark.parametrize(
    ("content", "told"),
    [("", "is empty"), ("text,label\n", "no rows"), ("a,b\n1,2\n", None), ("text\n\x80\n", "is not UTF-8")],
)
def test_what_is_wrong_with_a_file_is_told_by_the_name_that_its_owner_knows(tmp_path, content, told):
    path = tmp_path / "upload-1234.csv"
    path.write_bytes(content.encode("latin-1"))
    if told is None:
        assert open_sheet(path, "mine.csv").columns == ("a", "b")  # cells of CSV are text, whatever they look like
        return
    with pytest.raises(InputError, match=told) as caught:
        open_sheet(path, "mine.csv")
    assert "mine.csv" in str(caught.value)
    assert "upload-1234" not in str(caught.value)


def test_a_parquet_file_without_texts_is_refused(tmp_path):
    pd.DataFrame({"a": [1, 2]}).to_parquet(tmp_path / "numbers.parquet")
    with pytest.raises(InputError, match="no column of texts: it has a"):
        open_sheet(tmp_path / "numbers.parquet")


def test_an_unknown_class_is_answered_with_the_nearest(tmp_path):
    data = data_of(write_table(tmp_path))
    with pytest.raises(UnknownNameError, match="did you mean 'card'"):
        data.label_of("cart")
    assert data.texts_of("card") == CARD


def test_of_a_large_table_the_class_that_is_written_for_gets_half_of_the_room(tmp_path):
    data = data_of(write_table(tmp_path, text=[f"text {n}" for n in range(500)], label=["a"] * 490 + ["b"] * 10))
    rows = working_rows(data, "b", most=100)
    assert len(rows) == 100
    assert (rows >= 490).sum() == 10
    assert np.array_equal(rows, np.unique(rows))
    assert len(working_rows(data, "a", most=1000)) == 500
