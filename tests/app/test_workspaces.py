from __future__ import annotations

import os

import pytest

from smotext.app import workspaces
from smotext.app.forms import Option
from smotext.app.sheets import open_sheet
from smotext.app.workspaces import Visitors
from smotext.errors import InputError
from tests.app.doubles import make_form, write_table


@pytest.fixture
def table(tmp_path):
    return write_table(tmp_path)


@pytest.fixture
def visitors(table):
    return Visitors(make_form(), open_sheet(table), ("text", "label"))


def test_a_visitor_that_comes_back_finds_the_run_and_its_texts(visitors):
    token = visitors.welcome(None)
    job = visitors.of(token).begin("card", 3, {"k_neighbors": 2})
    assert visitors.welcome(token) == token
    again = visitors.of(token)
    assert again.job is job
    assert job.wait(60)
    assert (again.collect(), again.collect()) == (3, 0)
    assert len(again.review.entries) == 3


def test_two_visitors_have_nothing_in_common_but_the_first_table(visitors):
    one, two = (visitors.of(visitors.welcome(None)) for _ in range(2))
    assert one.begin("card", 2, {}).wait(60)
    one.collect()
    assert two.review.entries == []
    assert two.data.counts == one.data.counts


def test_a_token_that_was_not_given_here_is_not_taken(visitors):
    assert visitors.welcome("made up") != "made up"
    with pytest.raises(InputError, match="load it again"):
        visitors.of("made up")


def test_texts_of_several_runs_are_reviewed_together(visitors):
    workspace = visitors.of(visitors.welcome(None))
    for label in ("card", "late"):
        assert workspace.begin(label, 2, {}).wait(60)
    workspace.collect()
    assert [entry.label for entry in workspace.review.entries] == ["card", "card", "late", "late"]


def test_another_table_is_not_opened_over_texts_that_would_be_lost(visitors, table):
    workspace = visitors.of(visitors.welcome(None))
    assert workspace.begin("card", 2, {}).wait(60)
    with pytest.raises(InputError, match="2 texts of the present table are in step 4"):
        workspace.open(table)
    workspace.discard()
    assert workspace.open(table).n_rows == 12


def test_a_visitor_who_comes_after_the_file_has_changed_can_read_it_again(visitors, table):
    os.utime(table, ns=(1, 1))
    workspace = visitors.of(visitors.welcome(None))
    assert workspace.data is None
    workspace.reread()
    assert len(workspace.use("text", "label").labels) == 12


def test_a_changed_file_starts_no_run_until_it_is_read_again(visitors, table):
    workspace = visitors.of(visitors.welcome(None))
    os.utime(table, ns=(1, 1))
    with pytest.raises(InputError, match="has changed since it was read"):
        workspace.begin("card", 2, {})
    workspace.reread()
    workspace.use("text", "label")
    assert workspace.begin("card", 2, {}).wait(60)


@pytest.mark.parametrize(
    ("label", "n", "values", "told"),
    [
        ("cart", 2, {}, "did you mean 'card'"),
        ("card", 0, {}, "expected a whole number from 1"),
        ("card", 2000, {}, "at most 1,000 here; for more, use the command line"),
        ("card", None, {}, "the number of new texts is None"),
        ("card", 2, {"k_neighbors": 2.5}, "k_neighbors is 2.5: expected a whole number"),
        ("card", 2, {"filters": "lax"}, "filters"),
    ],
)
def test_what_cannot_be_used_is_told_and_no_run_begins(visitors, label, n, values, told):
    workspace = visitors.of(visitors.welcome(None))
    if values.get("filters"):
        assert workspace.begin(label, n, values).wait(60)
        assert told in str(workspace.job.error)
        return
    with pytest.raises(InputError, match=told):
        workspace.begin(label, n, values)
    assert workspace.job is None


def test_without_a_table_there_is_advice():
    visitors = Visitors(make_form())
    workspace = visitors.of(visitors.welcome(None))
    with pytest.raises(InputError, match="step 1"):
        workspace.begin("card", 2, {})
    with pytest.raises(InputError, match="choose a file first"):
        workspace.use("text", "label")


def test_what_lies_between_grows_by_one_where_the_same_texts_are_asked_for(visitors):
    workspace = visitors.of(visitors.welcome(None))
    line = workspace.write_between("a parcel", "a card", None, {})
    assert sorted(line.texts) == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert workspace.write_between("a parcel", "a card", 0.3, {}) is line
    assert sorted(line.texts) == [0.0, 0.25, 0.3, 0.5, 0.75, 1.0]
    for first, second in (("a", " "), ("a", "a ")):
        with pytest.raises(InputError, match="is empty|are the same"):
            workspace.write_between(first, second, None, {})


def test_the_visitor_with_nothing_to_lose_makes_way(visitors, monkeypatch):
    monkeypatch.setattr(workspaces, "MOST_VISITORS", 2)
    busy, idle = visitors.welcome(None), visitors.welcome(None)
    assert visitors.of(busy).begin("card", 1, {}).wait(60)
    visitors.of(busy).collect()
    third = visitors.welcome(None)
    assert visitors.welcome(busy) == busy
    assert visitors.welcome(third) == third
    with pytest.raises(InputError, match="load it again"):
        visitors.of(idle)


def test_options_left_empty_are_the_defaults():
    assert Option("examples", int, None, "").read("") is None
    assert Option("temperature", float, 0.8, "").read(1) == 1.0
    with pytest.raises(InputError, match="examples is 'four': expected a whole number"):
        Option("examples", int, None, "").read("four")
