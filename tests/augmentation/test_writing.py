"""What the writer asks of a decoder, and what becomes of the texts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from smotext.augmentation.writing import ROW_COLUMNS, Writer, examples_shown, no_rows
from smotext.data.corpus import make_corpus
from smotext.decoders.adapted import as_decoder
from smotext.encoders.hashing import HashEncoder
from smotext.errors import InputError
from smotext.mixing.plan import UNKNOWN, DecoderInput, MixPlan, plan_of_class
from smotext.protocols import Decoded
from smotext.settings import Settings

CORPUS = make_corpus(
    np.array(["one", None, "one two", "one two three four", "a b c d e f g h"], dtype=object),
    np.array(["a", "a", "a", "a", "b"], dtype=object),
)


class Noting:
    """Counts words, remembers what it was asked for, and writes what it was made with."""

    vector_dim = 2
    max_new_tokens = 12

    def __init__(self, rows: list[Decoded] | None = None, **facts: Any) -> None:
        self.rows, self.asked = rows, {}
        vars(self).update(facts)

    def count_tokens(self, texts: list[str]) -> np.ndarray:
        return np.array([len(text.split()) for text in texts])

    def decode_rows(self, vectors: np.ndarray, **options: Any) -> list[Decoded]:
        self.asked = options
        return self.rows or [Decoded("text", 1, is_finished=True)] * len(vectors)

    def decode(self, vectors: np.ndarray, **options: Any) -> list[str]:
        return [row.text for row in self.decode_rows(vectors, **options)]


def plan_of(parents: list[list[int]], label: str = "a") -> MixPlan:
    n = len(parents)
    return plan_of_class(
        label, np.arange(n), np.zeros(n, dtype=int), seed=0, strategy="smote", parents=np.array(parents),
        weights=np.full((n, 2), 0.5),
    )  # fmt: skip


def writer(decoder: Any, **options: Any) -> Writer:
    return Writer(CORPUS, HashEncoder(2), as_decoder(decoder), Settings(**options))


def ask(plan: MixPlan, examples: list[list[str]] | None = None) -> DecoderInput:
    return DecoderInput(np.zeros((len(plan), 2), dtype=np.float32), examples)


PLAN = plan_of([[0, 1], [1, 2], [0, 0]])  # of one and two words, two and four, one


def test_auto_is_a_bound_on_top_of_the_longest_parents_length() -> None:
    decoder = Noting(max_new_tokens=100)
    assert writer(decoder).limits_for(PLAN).tolist() == [2 * 2 + 16, 2 * 4 + 16, 2 * 1 + 16]


def test_auto_is_not_much_over_what_the_bridge_was_trained_for_nor_over_the_models_positions() -> None:
    assert writer(Noting()).limits_for(PLAN).tolist() == [18, 18, 18]  # 1.5 x 12
    assert writer(Noting(most_new_tokens=7)).limits_for(PLAN).tolist() == [7, 7, 7]


def test_rows_of_unknown_parents_go_by_the_longest_text_of_their_class() -> None:
    unknown = plan_of([[UNKNOWN, UNKNOWN], [0, UNKNOWN]])
    assert writer(Noting(max_new_tokens=100)).limits_for(unknown).tolist() == [2 * 4 + 16, 2 * 1 + 16]


def test_a_number_of_tokens_is_every_rows_and_has_to_fit() -> None:
    assert writer(Noting(), max_new_tokens=99).limits_for(PLAN).tolist() == [99] * 3
    with pytest.raises(InputError, match="max_new_tokens is 99: the language model has room for 98"):
        writer(Noting(most_new_tokens=98), max_new_tokens=99)


def test_a_decoder_that_counts_no_tokens_gets_what_it_was_trained_for() -> None:
    class Plain:
        vector_dim = 2

        def decode(self, vectors: np.ndarray, **options: Any) -> list[str]:
            return ["text"] * len(vectors)

    assert writer(Plain()).limits_for(PLAN).tolist() == [128] * 3


def test_what_is_the_same_for_all_rows_is_a_number() -> None:
    decoder = Noting()
    writer(decoder).write(PLAN, ask(PLAN))
    assert (decoder.asked["max_new_tokens"], decoder.asked["prompt"]) == (18, 0)
    assert "examples" not in decoder.asked
    assert decoder.asked["seeds"].tolist() == PLAN.seeds.tolist()


def test_examples_go_to_the_decoder_and_their_row_numbers_into_the_lineage() -> None:
    decoder, examples = Noting(examples=2), [["one", "one two"], ["one two"], []]
    plan = replace(PLAN, examples=np.array([[0, 1], [1, UNKNOWN], [UNKNOWN, UNKNOWN]]))
    rows = writer(decoder).write(plan, ask(plan, examples))
    assert decoder.asked["examples"] == examples
    assert rows["examples"].tolist() == [[0, 2], [2], []], "row 1 of the table has no text"
    assert list(rows.columns) == list(ROW_COLUMNS) == list(no_rows().columns)


CUT = [
    Decoded(" It ends by itself ", 4, is_finished=True),
    Decoded("One sentence. And half a", 5, is_finished=False),
    Decoded("No sentence at all", 4, is_finished=False),
]


def test_without_a_limit_a_text_ends_by_itself_or_with_its_last_sentence_or_counts_as_unfinished() -> None:
    rows = writer(Noting(CUT)).write(PLAN, ask(PLAN))
    assert rows["text"].tolist() == ["It ends by itself", "One sentence.", "No sentence at all"]
    assert rows["reason"].tolist() == ["", "", "unfinished"]
    assert rows["accepted"].tolist() == [True, True, False]
    assert rows["is_finished"].tolist() == [True, False, False]


def test_a_limit_that_was_asked_for_cuts_where_it_is() -> None:
    rows = writer(Noting(CUT), max_new_tokens=5).write(PLAN, ask(PLAN))
    assert rows["text"].tolist() == ["It ends by itself", "One sentence. And half a", "No sentence at all"]
    assert rows["accepted"].all()


@pytest.mark.parametrize(("given", "own", "shown"), [(None, 4, 4), (None, None, 0), (0, 4, 0), (7, 4, 7), (0, None, 0)])
def test_prompts_show_what_the_caller_says_else_what_the_decoder_does(
    given: int | None, own: int | None, shown: int
) -> None:
    decoder = Noting() if own is None else Noting(examples=own)
    assert examples_shown(Settings(examples=given), as_decoder(decoder)) == shown


def test_what_some_rows_ask_is_a_part_of_what_all_do() -> None:
    asked = DecoderInput(np.arange(6, dtype=np.float32).reshape(3, 2), [["a"], ["b", "c"], []])
    assert len(asked) == 3
    assert (asked[1:].vectors.tolist(), asked[1:].examples) == ([[2.0, 3.0], [4.0, 5.0]], [["b", "c"], []])
    assert DecoderInput(asked.vectors)[:1].examples is None
