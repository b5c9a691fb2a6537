"""Long texts are cut into passages where sentences end, and nothing of them is lost."""

from __future__ import annotations

import numpy as np
import pytest

from smotext.data.passages import split_into_passages


def count_words(texts: list[str]) -> np.ndarray:
    return np.array([len(text.split()) for text in texts])


def count_characters(texts: list[str]) -> np.ndarray:
    return np.array([len(text) for text in texts])


STORY = "It rained. We waited for an hour. Nobody came to let us in.\n\nAt noon we left. The door was open all along!"


def joined(passages: list) -> str:
    return "".join(passage.lead + passage.text for passage in passages)


@pytest.mark.parametrize("most", [1, 3, 7, 12, 100])
def test_passages_and_what_stands_between_them_are_the_text(most: int) -> None:
    assert joined(split_into_passages(STORY, count_words, most)) == STORY


def test_passages_are_whole_sentences_of_about_one_length() -> None:
    passages = split_into_passages(STORY, count_words, 12)
    assert [passage.text for passage in passages] == [
        "It rained. We waited for an hour.",
        "Nobody came to let us in.",
        "At noon we left. The door was open all along!",
    ]
    assert [passage.n_tokens for passage in passages] == [7, 6, 10]
    assert [passage.lead for passage in split_into_passages(STORY, count_words, 6)] == ["", " ", " ", "\n\n", " "]


def test_a_sentence_that_is_too_long_is_cut_at_its_lines_and_then_between_words() -> None:
    table = "name size weight\nbolt 3 4\nnut 5 6"
    assert [passage.text for passage in split_into_passages(table, count_words, 3)] == table.split("\n")
    words = " ".join(f"w{number}" for number in range(10))
    passages = split_into_passages(words, count_words, 4)
    assert [passage.n_tokens for passage in passages] == [3, 4, 3]
    assert joined(passages) == words


def test_chinese_is_cut_at_its_full_stops_and_joined_without_spaces() -> None:
    text = "他来了。他看见了。他走到了门口。"
    passages = split_into_passages(text, count_characters, 9)
    assert [passage.text for passage in passages] == ["他来了。他看见了。", "他走到了门口。"]
    assert joined(passages) == text


def test_a_word_without_end_is_cut_all_the_same() -> None:
    passages = split_into_passages("x" * 100, count_characters, 40)
    assert max(passage.n_tokens for passage in passages) <= 40
    assert joined(passages) == "x" * 100


def test_a_blank_text_has_no_passages_and_a_short_one_is_one() -> None:
    assert split_into_passages(" \n\n ", count_words, 5) == []
    assert [passage.text for passage in split_into_passages("  one word ", count_words, 5)] == ["one word"]
