from __future__ import annotations

import os

import pytest

from smotext.app import drawing, workspaces
from smotext.app.forms import Option
from smotext.app.review import as_table
from smotext.app.sheets import open_sheet
from smotext.app.workspaces import Visitors
from smotext.cli.app import AppOptions
from smotext.cli.app import make_form as make_real_form
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


# hiding rows: with the options that the command makes, as on the page

DP = {
    "privacy": "dp", "epsilon": 8.0, "public_labels": '{"late": 8, "card": 4}', "strategy": "random",
    "max_new_tokens": "9", "k_neighbors": 2, "candidates": 1,
}  # fmt: skip


@pytest.fixture
def hiding(table):
    visitors = Visitors(make_real_form(AppOptions(model="echo")), open_sheet(table), ("text", "label"))
    return visitors.of(visitors.welcome(None))


def test_the_page_asks_for_privacy_in_the_words_and_with_the_defaults_of_the_command_line():
    asked = {option.name: option for option in make_real_form(AppOptions(model="echo")).hiding}
    assert list(asked) == ["privacy", "group_size", "epsilon", "delta", "public_labels", "rows_per_person"]
    assert asked["privacy"].choices == ("none", "average", "dp")
    assert {option.default for option in asked.values()} == {None}
    assert asked["epsilon"].words == "Of dp: how much a row can show at most; 1 is strong, 8 is weak."


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"privacy": "dp", "epsilon": 8}, "--public-labels is missing"),
        ({"privacy": "average"}, "privacy='average' needs group_size"),
        ({"epsilon": 8}, "epsilon go with privacy="),
        ({**DP, "strategy": "smote"}, "privacy='dp' does not go with strategy='smote': neighbours"),
        ({**DP, "max_new_tokens": "auto"}, "lengths drawn from parents' lengths"),
        ({**DP, "filters": "default"}, "filters, judges and copy guards compare with real rows"),
        ({**DP, "examples": "3"}, "examples from real rows"),
        ({**DP, "epsilon": "much"}, "epsilon is 'much': expected a number"),
    ],
)
def test_what_does_not_go_with_privacy_is_told_and_no_run_begins(hiding, values, told):
    pytest.importorskip("opendp", reason="extra privacy")
    with pytest.raises(InputError, match=told.replace("(", r"\(")):
        hiding.begin("card", 2, values)
    assert hiding.job is None


def test_averaged_texts_come_with_the_sentence_that_nothing_is_guaranteed(hiding):
    assert hiding.begin("late", 3, {"privacy": "average", "group_size": 4, "candidates": 1}).wait(60)
    hiding.collect()
    assert hiding.job.error is None
    assert [len(entry.parents) for entry in hiding.review.entries] == [4, 4, 4]
    assert "guarantees nothing" in drawing.progress_view(hiding.job)
    assert len(as_table(hiding.review, hiding.data, only_new=False)) == 15


def test_noisy_texts_come_with_the_guarantee_and_never_beside_the_rows_that_they_hide(hiding):
    pytest.importorskip("opendp", reason="extra privacy")
    for _ in range(2):
        assert hiding.begin("card", 2, DP).wait(60)
        assert hiding.job.error is None
    hiding.collect()
    told = drawing.progress_view(hiding.job)
    assert "differential privacy: epsilon 8, delta 1e-05" in told.lower()
    assert "epsilon 16 in all, with your earlier runs" in told.lower()
    assert [entry.parents for entry in hiding.review.entries] == [()] * 4
    assert len(as_table(hiding.review, hiding.data, only_new=True)) == 4
    with pytest.raises(InputError, match="take the new texts only"):
        as_table(hiding.review, hiding.data, only_new=False)
    offered = drawing.downloads_view(hiding.review, hiding.data)
    assert "download/new.csv" in offered
    assert "download/all" not in offered


def test_a_class_that_is_not_public_is_told_by_the_run(hiding):
    pytest.importorskip("opendp", reason="extra privacy")
    assert hiding.begin("card", 2, {**DP, "public_labels": '{"late": 8}'}).wait(60)
    assert "unknown public class 'card'" in str(hiding.job.error)
    assert hiding.job.spent == 0


def test_of_a_large_table_noisy_texts_are_written_on_the_command_line(hiding, monkeypatch):
    pytest.importorskip("opendp", reason="extra privacy")
    monkeypatch.setattr(workspaces, "MOST_TEXTS", 10)
    with pytest.raises(InputError, match="use smotext augment, which works with all"):
        hiding.begin("card", 2, DP)


def test_two_texts_alone_hide_no_rows(hiding):
    assert hiding.write_between("a parcel", "a card", 0.5, {"privacy": "dp", "candidates": 1}).texts
