from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from smotext import SMOTExT
from smotext.app.jobs import Job, Task
from smotext.app.review import Entry, Review, as_bytes, as_table
from smotext.app.turns import Turns
from smotext.errors import InputError, UnknownNameError
from tests.app.doubles import CARD, data_of, write_table


@pytest.fixture
def data(tmp_path):
    return data_of(write_table(tmp_path))


def written(data, filters=None) -> tuple[Review, Task]:
    task = Task(data.table.texts, data.labels, np.arange(len(data.labels)), "card", 5)
    job = Job(task, SMOTExT("echo", random_state=0, k_neighbors=2, filters=filters), Turns()).start()
    assert job.wait(60)
    review = Review()
    review.add(job.found, task, data)
    return review, task


def test_drafts_that_another_beat_are_left_out_and_parents_are_told(data):
    review, _ = written(data)
    assert len(review.entries) == 5  # of 20 drafts
    assert all(entry.is_kept and entry.label == "card" for entry in review.entries)
    weights, parents = zip(*review.entries[0].parents, strict=True)
    assert sum(weights) == pytest.approx(1)
    assert set(parents) <= set(CARD)


def test_what_a_filter_rejected_comes_in_dropped_with_its_reason(data):
    review, _ = written(data, filters=[lambda texts, labels: [len(text) % 2 == 0 for text in texts]])
    dropped = [review.entries[place] for place in review.places("dropped")]
    assert dropped
    assert {entry.reason for entry in dropped} == {"<lambda>"}


def test_the_table_has_the_kept_texts_in_its_own_columns(data):
    review, _ = written(data)
    review.decide(0, is_kept=False)
    review.rewrite(1, "written by hand")
    new = as_table(review, data, only_new=True)
    assert new.columns.tolist() == ["text", "label", "is_synthetic"]
    assert len(new) == 4
    assert new["text"].iloc[0] == "written by hand"
    assert new["is_synthetic"].all()
    everything = as_table(review, data, only_new=False)
    assert everything["text"].tolist()[: len(data.labels)] == data.table.texts.tolist()
    assert len(everything) == len(data.labels) + 4


def test_texts_of_one_class_stand_together():
    review = Review([Entry("b", "1", "1"), Entry("a", "2", "2"), Entry("b", "3", "3")])
    assert [entry.text for entry in review.kept()] == ["1", "3", "2"]


def test_an_emptied_text_is_dropped_and_cannot_be_kept():
    review = Review([Entry("a", "one", "one")])
    review.rewrite(0, "  ")
    assert not review.entries[0].is_kept
    with pytest.raises(InputError, match="empty text can't be kept"):
        review.decide(0, is_kept=True)
    with pytest.raises(UnknownNameError, match="expected one of all, kept"):
        review.places("mine")


def test_formulas_are_escaped_in_csv_and_left_in_parquet(tmp_path):
    data = data_of(
        write_table(tmp_path, **{"text": ["=cmd()", "-5", "fine"], "label": ["+a", "+a", "+a"], "=n": ["1", "2", "3"]})
    )
    review = Review([Entry("+a", "@x", "@x"), Entry("+a", "\t=y", "\t=y"), Entry("+a", "-5", "-5")])
    frame = as_table(review, data, only_new=False)
    lines = as_bytes(frame, "csv").decode().split("\r\n")
    assert lines[0] == "text,label,'=n,is_synthetic"
    assert lines[1] == "'=cmd(),'+a,1,False"
    assert lines[2].startswith("-5,")  # a number is no formula
    assert lines[4].startswith("'@x,")
    assert lines[5].startswith("'\t=y,")
    back = pd.read_parquet(io.BytesIO(as_bytes(frame, "parquet")))
    assert back["text"].tolist() == ["=cmd()", "-5", "fine", "@x", "\t=y", "-5"]
    with pytest.raises(UnknownNameError, match="xlsx"):
        as_bytes(frame, "xlsx")


def test_without_labels_no_column_of_classes_is_added(tmp_path):
    data = data_of(write_table(tmp_path, text=CARD))
    frame = as_table(Review([Entry("all texts", "new", "new")]), data, only_new=False)
    assert frame.columns.tolist() == ["text", "is_synthetic"]
