"""Likeness by words in whatever order, found with few looks, agrees with that found by trying all."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from smotext.filters.word_bags import WordBags, full_words

RNG = np.random.default_rng(0)
VOCABULARY = [f"w{number}" for number in range(12)]
REAL = [" ".join(RNG.choice(VOCABULARY, RNG.integers(4, 30))) for _ in range(200)]


def changed(text: str) -> str:
    parts = text.split()
    for _ in range(RNG.integers(0, 4)):
        parts[RNG.integers(len(parts))] = str(RNG.choice([*VOCABULARY, "unknown"]))
    return " ".join(parts)


def slow_likeness(text: str, others: list[str]) -> float:
    bags = [Counter(other.split()) for other in others]
    mine, found = Counter(text.split()), []
    for theirs in bags:
        common, longer = mine & theirs, max(mine.total(), theirs.total())
        if longer - common.total() > max(1, longer // 6):
            continue
        # A word's second occurrence is counted among texts that have it twice.
        holders = [sum(bag[word] >= n for bag in bags) for word in common for n in range(1, common[word] + 1)]
        rarity = np.mean(np.log(len(bags) / np.array(holders))) / np.log(len(bags))
        share = (common.total() - 3) / max(longer - 3, 1)
        found.append(1.0 if share >= 0.95 else (share + 0.8 * rarity) / 1.8)
    return max(found, default=np.nan)


def test_the_search_finds_what_trying_all_finds() -> None:
    texts, bags = [changed(text) for text in REAL], WordBags.of(REAL)
    expected = [slow_likeness(text, REAL) for text in texts]
    assert 20 < np.isfinite(expected).sum() < 200, "some are near a real text, and some are not"
    assert bags.likenesses(texts).tolist() == pytest.approx(expected, nan_ok=True)
    left_out = [slow_likeness(text, REAL[:row] + REAL[row + 1 :]) for row, text in enumerate(REAL)]
    assert bags.likenesses(REAL, own=range(len(REAL))).tolist() == pytest.approx(left_out, nan_ok=True)


def test_a_text_without_known_words_and_one_without_words_share_nothing() -> None:
    assert np.isnan(WordBags.of(["a b", "?!"]).likenesses(["x y", "", "..."])).all()


def test_common_words_that_many_texts_have_make_less_of_a_likeness() -> None:
    bags = WordBags.of(["what is my balance", "what is my name", "what is my limit", "purple otters juggle quietly"])
    usual, rare = bags.likenesses(["what is my wage", "purple otters juggle loudly"])
    assert usual < rare
    assert bags.likenesses(["quietly juggle purple otters"]) == [1.0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I'd say he's late", "i would say he is late"),
        ("She can't, they won't, we shan't", "she can not they will not we shall not"),
        ("it doesnt matter, theyre gone", "it does not matter they are gone"),
        ("We were ill. Show ID.", "we were ill show id"),  # words of their own without the apostrophe
        ("l'été n'est pas fini", "l été n est pas fini"),
    ],
)
def test_contractions_are_written_out(text: str, expected: str) -> None:
    assert " ".join(full_words(text)) == expected
