from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from smotext.data.corpus import make_corpus, with_unlabelled
from smotext.data.unlabelled import read_unlabelled
from smotext.errors import InputError


def test_none_is_no_text() -> None:
    assert len(read_unlabelled(None, ["a"])) == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "unlabelled is empty: expected at least one text"),
        ("one text", "unlabelled is a single string"),
        (["a", 3], "row 1 of unlabelled is int 3: expected a string"),
        ([None, " ", ""], "unlabelled has 3 rows and no text"),
    ],
)
def test_what_holds_no_texts_is_refused(given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_unlabelled(given, ["a"])


def test_texts_that_are_labelled_or_repeated_are_left_out_and_told() -> None:
    given = pd.Series(["new", "OLD  text", None, "new", "other", "old text"])
    found = read_unlabelled(given, ["Old text"])
    assert (found.texts, found.rows.tolist()) == (["new", "other"], [0, 4])
    assert found.notes == ("3 unlabelled texts are left out: 2 are labelled already, 1 is there twice",)
    assert read_unlabelled(["new"], ["old"]).notes == ()


def test_records_are_given_as_a_table_of_the_same_columns() -> None:
    table = pd.DataFrame({"title": ["Late parcel"], "body": ["It is Thursday."]})
    assert read_unlabelled(table, [], ["title", "body"]).texts == ["Title: Late parcel. Body: It is Thursday."]
    with pytest.raises(InputError, match="expected a table with these columns"):
        read_unlabelled(["Late parcel"], [], ["title", "body"])


def test_a_corpus_has_them_behind_its_own_texts() -> None:
    corpus = make_corpus(np.array(["a", "b"], dtype=object), np.array([1, 0], dtype=object))
    assert corpus.all_texts == ["a", "b"]
    assert with_unlabelled(corpus, ["c", "a"]).all_texts == ["a", "b", "c"]
