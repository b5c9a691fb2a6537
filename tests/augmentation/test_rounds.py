"""The ledger of rounds: what is open, what fills, what is told."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from smotext.augmentation.rounds import Closed, Ledger, best_first, funnel
from smotext.errors import InputError, ShortfallError, UnknownNameError


def rows(*entries: tuple[str, str, str], **columns: list[Any]) -> pd.DataFrame:
    """Return rows of (key, text, reason); the label is the key's front, accepted is having no reason."""
    keys, texts, reasons = zip(*entries, strict=True)
    return pd.DataFrame(
        {
            "text": texts,
            "label": [key.rsplit("/", 3)[0] for key in keys],
            "key": keys,
            "accepted": [not reason for reason in reasons],
            "reason": reasons,
            **columns,
        }
    )


def closed(*rounds: pd.DataFrame, on_shortfall: str = "fill", **options: Any) -> Closed:
    ledger = Ledger(["a real text"], **options)
    for each in rounds:
        ledger.add(each)
    return ledger.close(on_shortfall=on_shortfall)


def test_open_rows_are_the_rejected_ones_with_the_attempt_after_their_last() -> None:
    ledger = Ledger([])
    ledger.add(rows(("b/0/0/0", "x", ""), ("b/1/3/0", "y", "short"), ("a/0/0/0", "z", "short")))
    assert ledger.open_rows() == (["b", "a"], [1, 0], [4, 1])
    ledger.add(rows(("b/1/4/0", "y", ""), ("a/0/1/0", "z", "short")))
    assert ledger.open_rows() == (["a"], [0], [2])


def test_labels_may_hold_slashes() -> None:
    ledger = Ledger([])
    ledger.add(rows(("a/b/c/7/0/0", "x", "short")))
    assert ledger.open_rows() == (["a/b/c"], [7], [1])


def test_rows_are_given_up_after_max_tries() -> None:
    ledger = Ledger([], max_tries=2)
    for attempt in range(2):
        assert bool(attempt) == bool(ledger.open_rows())
        ledger.add(rows((f"a/0/{attempt}/0", "x", "short")))
    assert ledger.open_rows() is None


def test_kept_rows_come_in_the_order_they_were_planned() -> None:
    found = closed(
        rows(("b/0/0/0", "b0", "short"), ("b/1/0/0", "b1", ""), ("a/0/0/0", "a0", "")),
        rows(("b/0/1/0", "b0 again", "")),
    )
    assert found.synthetic["text"].tolist() == ["b0 again", "b1", "a0"]
    assert found.rejected[["text", "reason"]].values.tolist() == [["b0", "short"]]
    assert found.notes == ()


def test_the_best_of_its_own_attempts_fills_a_slot() -> None:
    scores = {"label_score": [0.9, 0.2, 0.3], "target_cosine": [0.9, 0.9, 0.9]}
    found = closed(
        rows(
            ("a/0/0/0", "zero", "off_label"),
            ("a/1/0/0", "one", "off_label"),
            ("a/1/1/0", "one again", "off_label"),
            **scores,
        )
    )
    assert found.synthetic["text"].tolist() == ["zero", "one again"]
    assert found.synthetic["accepted"].tolist() == [False, False]
    assert found.synthetic["reason"].tolist() == ["off_label", "off_label"]
    assert found.rejected["text"].tolist() == ["one"]
    assert len(found.notes) == 1
    assert found.notes[0].startswith("2 of 2 texts were rejected")


def test_copies_and_empty_texts_never_fill_and_others_of_the_class_step_in() -> None:
    found = closed(
        rows(("a/0/0/0", "A real text!", "copied"), ("a/1/0/0", "spare", "short"), ("a/2/0/0", " ", "empty")),
        rows(("a/0/1/0", "kept", "short"), ("a/1/1/0", "worse", "short"), ("a/2/1/0", "KEPT", "duplicate")),
    )
    # Slot 0: its copy never; "kept". Slot 1: its first. Slot 2: empty, and a duplicate of "kept": "worse" steps in.
    assert found.synthetic["text"].tolist() == ["kept", "spare", "worse"]
    assert sorted(found.rejected["text"]) == [" ", "A real text!", "KEPT"]


def test_what_cannot_be_filled_is_named_by_class() -> None:
    found = closed(rows(("a/0/0/0", "", "empty"), ("b/0/0/0", "fine", "")))
    assert found.synthetic["text"].tolist() == ["fine"]
    assert found.notes == ("fewer texts than asked for (rounds: 1): 'a' 0 of 1",)


def test_texts_of_another_class_fill_nothing() -> None:
    found = closed(rows(("a/0/0/0", "", "empty"), ("b/0/0/0", "one", ""), ("b/0/0/1", "two", "candidate")))
    assert found.synthetic["label"].tolist() == ["b"]


def test_beaten_candidates_never_fill() -> None:
    found = closed(rows(("a/0/0/0", "", "empty"), ("a/0/0/1", "unjudged", "candidate")))
    assert len(found.synthetic) == 0


@pytest.mark.parametrize("reason", ["copied", "unfinished", "empty", "candidate"])
def test_what_the_guards_and_the_writer_reject_never_fills_whatever_it_scores(reason: str) -> None:
    scores = {"label_score": [1.0, 0.1], "target_cosine": [1.0, 0.1]}
    found = closed(rows(("a/0/0/0", "words of its own", reason), ("a/1/0/0", "off the label", "off_label"), **scores))
    assert found.synthetic["text"].tolist() == ["off the label"]
    assert found.rejected["reason"].tolist() == [reason]
    assert found.notes[-1] == "fewer texts than asked for (rounds: 1): 'a' 1 of 2"


def test_report_returns_fewer_with_a_note() -> None:
    found = closed(rows(("a/0/0/0", "x", "short"), ("a/1/0/0", "y", "")), on_shortfall="report")
    assert found.synthetic["text"].tolist() == ["y"]
    assert found.notes == ("fewer texts than asked for (rounds: 1): 'a' 1 of 2",)


def test_raise_raises_with_the_numbers() -> None:
    with pytest.raises(ShortfallError, match=r"\(rounds: 1\): 'a' 0 of 1: loosen the filters"):
        closed(rows(("a/0/0/0", "x", "short")), on_shortfall="raise")


def test_many_short_classes_are_counted() -> None:
    found = closed(rows(*((f"{name}/0/0/0", "", "empty") for name in "abcdefgh")))
    assert found.notes[0].endswith("and 3 more classes")


def test_the_funnel_counts_every_text_once() -> None:
    found = closed(
        rows(("a/0/0/0", "x", "short"), ("a/1/0/0", "y", "")), rows(("a/0/1/0", "z", "decoding failed: memory"))
    )
    assert dict(found.funnel.itertuples(index=False)) == {
        "written": 3, "short": 1, "decoding failed": 1, "accepted": 1, "filled": 1,
    }  # fmt: skip


def test_filters_to_which_nothing_fell_stay_in_the_funnel_in_their_order() -> None:
    table = funnel(rows(("a/0/0/0", "x", "b")), ["a", "b"])
    assert table["step"].tolist() == ["written", "a", "b", "accepted", "filled"]


def test_undefined_scores_rank_as_one_and_ties_by_the_order_of_writing() -> None:
    table = rows(*(("a/0/0/0", "x", "short"),) * 4, label_score=[0.5, None, 0.5, -1.0])
    assert best_first(table, pd.RangeIndex(4).to_numpy()).tolist() == [1, 0, 2, 3]


def test_nothing_planned_closes_empty() -> None:
    found = Ledger([]).close(["short"])
    assert (len(found.synthetic), len(found.rejected), found.notes) == (0, 0, ())
    assert found.funnel["n_texts"].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("max_tries", [0, True, 1.5])
def test_max_tries_is_a_positive_integer(max_tries: Any) -> None:
    with pytest.raises(InputError, match="expected an integer of 1 or more"):
        Ledger([], max_tries=max_tries)


def test_unknown_shortfall_is_named() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'fill'"):
        Ledger([]).close(on_shortfall="fil")
