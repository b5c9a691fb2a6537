"""Dialogues: read on one line, written in turns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smotext import EchoDecoder, HashEncoder, SMOTExT
from smotext.data.dialogues import in_turns, is_dialogue, speakers_of
from smotext.errors import InputError
from smotext.privacy import Privacy
from smotext.protocols import Decoded

TEXTS = [f"Customer: Where is parcel {i}?\nAgent: It left on day {i}.\nCustomer: Thank you!" for i in range(6)]
LABELS = ["late"] * 6


class Talking(EchoDecoder):
    """Writes dialogues on one line, but not at first."""

    examples = 2

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[str] = []
        self.n_calls = 0

    def decode_rows(self, vectors: np.ndarray, **options: Any) -> list[Decoded]:
        self.shown += [text for row in options.pop("examples") or [] for text in row]
        self.n_calls += 1
        rows = super().decode_rows(vectors, **options)
        if self.n_calls == 1:
            return rows
        return [Decoded(f"Customer: {row.text} Agent: Note: it is on its way.", 9, True) for row in rows]


def test_speakers_begin_lines_of_more_than_one_text() -> None:
    texts = [
        *TEXTS,
        "Customer: Once.\nNote to self: no.\nAgent: Hm.",
        "Dear all: this is no dialogue",
    ]
    assert speakers_of(texts) == ["Agent", "Customer"]


def test_a_name_within_a_turn_begins_no_turn() -> None:
    assert in_turns("Agent: I am the Agent: of nobody. Customer: ah", ["Agent"]).count("\n") == 1
    assert in_turns("Agent: Ask an Agent, please.", ["Agent"]) == "Agent: Ask an Agent, please."
    assert not is_dialogue("Agent: Customer:", ["Agent", "Customer"])


def test_new_dialogues_have_their_turns_on_lines() -> None:
    decoder = Talking()
    smx = SMOTExT(encoder=HashEncoder(), decoder=decoder, turns=True, candidates=1, random_state=0)
    made = smx.generate(TEXTS, LABELS, n=3)
    assert not any("\n" in text for text in decoder.shown)
    assert (smx.rejected_["reason"] == "dialogue").sum() == 3
    for text in made["text"]:
        first, second = text.split("\n")
        assert first.startswith("Customer: ")
        assert second == "Agent: Note: it is on its way."


def test_names_of_speakers_do_not_go_with_privacy() -> None:
    with pytest.raises(InputError, match="turns=True: the names of speakers"):
        SMOTExT("echo", turns=True, privacy=Privacy("average", group_size=2)).generate(TEXTS, LABELS, n={"late": 1})


def test_texts_without_turns_are_refused() -> None:
    with pytest.raises(InputError, match="no text has two lines that begin with a speaker"):
        SMOTExT("echo", turns=True).generate(["Late again.", "Dear all: late"], ["late"] * 2, n=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"turns": "yes"}, "turns is 'yes': expected True or False"),
        ({"turns": True, "record_columns": ("a", "b")}, "both"),
    ],
)
def test_options_that_do_not_fit_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        SMOTExT("echo", **options).settings()
