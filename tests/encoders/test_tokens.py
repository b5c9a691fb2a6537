from __future__ import annotations

import time
from typing import Any

import pytest
from transformers import AutoTokenizer

from smotext.encoders.minilm import find_minilm
from smotext.encoders.tokens import TextTokenizer
from smotext.errors import InputError
from tests.encoders.checkpoints import WORDS, make_tokenizer

LONG = " ".join(WORDS * 40)
BOS, EOS = 1, 2


@pytest.fixture(scope="module")
def bert() -> Any:
    return AutoTokenizer.from_pretrained(find_minilm())


TEXTS = [
    "",
    " ",
    "short",
    LONG,
    "x" * 5000,
    "word " * 30 + "y" * 9000 + " end",
    " " * 9000 + "after blanks",
    "漢字" * 900,
]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
@pytest.mark.parametrize("max_tokens", [3, 17, 256])
def test_cutting_early_changes_nothing(bert: Any, text: str, max_tokens: int) -> None:
    whole = bert(text, truncation=True, max_length=max_tokens)["input_ids"]
    assert TextTokenizer(bert, max_tokens).encode([text]) == [whole]


def test_a_megabyte_is_cut_before_it_is_tokenized(bert: Any) -> None:
    tokens = TextTokenizer(bert, 256)
    start = time.perf_counter()
    assert len(tokens.encode(["ten chars " * 100_000])[0]) == 256
    assert time.perf_counter() - start < 0.5  # the whole of it takes over a second


def test_truncated_texts_are_counted(bert: Any) -> None:
    tokens = TextTokenizer(bert, 10)
    assert tokens.count_truncated(["a " * 8, "a " * 9, "", "b " * 5000, "漢字漢字漢字漢字漢"]) == 3


def test_a_text_that_just_fits_is_whole(bert: Any) -> None:
    ids = TextTokenizer(bert, 10).encode(["a " * 8])[0]
    assert bert.decode(ids) == "[CLS] a a a a a a a a [SEP]"


@pytest.mark.parametrize("adds_eos", [False, True])
@pytest.mark.parametrize("text", ["", "the parcel", LONG])
def test_required_end_of_text_is_last_and_single(adds_eos: bool, text: str) -> None:
    tokens = TextTokenizer(make_tokenizer(adds_eos=adds_eos), 180, require_eos=True)
    ids = tokens.encode([text])[0]
    assert ids[0] == BOS
    assert ids[-1] == EOS
    assert ids.count(EOS) == 1
    assert len(ids) == 180 if text == LONG else len(ids) < 180


def test_a_written_end_of_text_does_not_stand_for_the_required_one() -> None:
    ids = TextTokenizer(make_tokenizer(), 180, require_eos=True).encode(["the parcel</s>"])[0]
    assert ids[-2:] == [EOS, EOS]


def test_end_of_text_is_not_added_unasked() -> None:
    assert EOS not in TextTokenizer(make_tokenizer(), 180).encode(["the parcel"])[0]


def test_the_tokenizer_is_left_as_it_was() -> None:
    tokenizer = make_tokenizer()
    before = tokenizer.backend_tokenizer.to_str()
    TextTokenizer(tokenizer, 5, require_eos=True).encode([LONG])
    assert tokenizer.backend_tokenizer.to_str() == before


def test_lone_surrogates_become_question_marks(bert: Any) -> None:
    tokens = TextTokenizer(bert, 20)
    assert tokens.encode(["a \ud800 b"]) == tokens.encode(["a ? b"])


def test_a_tokenizer_without_end_of_text_is_refused(bert: Any) -> None:
    with pytest.raises(InputError, match="the tokenizer has no eos_token"):
        TextTokenizer(bert, 20, require_eos=True)


def test_a_limit_without_room_for_text_is_refused(bert: Any) -> None:
    with pytest.raises(InputError, match="max_tokens is 2: expected more than the 2 special tokens"):
        TextTokenizer(bert, 2)
