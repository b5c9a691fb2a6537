from collections import Counter

import numpy as np
import pytest

from smotext.evaluation.word_edits import (
    delete,
    edit_words,
    generate_copies,
    generate_edits,
    generate_random_words,
    insert,
    swap,
)

WORDS = "one two three four five".split()


@pytest.mark.parametrize("seed", range(5))
def test_swap_keeps_the_words(seed):
    assert Counter(swap(WORDS, np.random.default_rng(seed))) == Counter(WORDS)


@pytest.mark.parametrize("seed", range(5))
def test_delete_takes_one_word_and_keeps_the_order(seed):
    left = delete(WORDS, np.random.default_rng(seed))
    assert len(left) == 4
    assert left == [word for word in WORDS if word in left]


def test_delete_leaves_the_last_word():
    assert delete(["alone"], np.random.default_rng(0)) == ["alone"]


@pytest.mark.parametrize("seed", range(5))
def test_insert_repeats_one_word(seed):
    more = insert(WORDS, np.random.default_rng(seed))
    assert len(more) == 6
    assert set(more) == set(WORDS)


def test_a_tenth_of_the_words_is_touched():
    text = " ".join(f"w{number}" for number in range(100))
    lengths = {len(edit_words(text, np.random.default_rng(seed)).split()) for seed in range(20)}
    assert lengths <= {90, 100, 110}
    assert len(lengths) > 1


def test_blank_text_stays_as_it_is():
    assert edit_words("  ", np.random.default_rng(0)) == "  "


def test_originals_are_taken_in_turn():
    copies = generate_copies(["a", "b", "c"], ["x", "x", "y"], {"x": 5, "y": 2}, seed=0)
    counts = Counter(copies)
    assert counts["c", "y"] == 2
    assert sorted([counts["a", "x"], counts["b", "x"]]) == [2, 3]


@pytest.mark.parametrize("generate", [generate_copies, generate_edits, generate_random_words])
def test_the_same_seed_gives_the_same_rows_of_the_classes_asked_for(generate):
    texts, labels = ["a b c d", "e f g h"], ["x", "y"]
    first, again = (generate(texts, labels, {"x": 3, "y": 1}, seed=5) for _ in range(2))
    assert first == again
    assert Counter(label for _, label in first) == {"x": 3, "y": 1}


def test_random_words_come_from_every_class():
    made = generate_random_words(["a b", "c d"], ["x", "y"], {"x": 50}, seed=0)
    assert {word for text, _ in made for word in text.split()} == set("abcd")
