"""Runs of words, against a slow search."""

from __future__ import annotations

import numpy as np

from smotext.filters.ngrams import LONGEST_COUNTED, WordRuns, repeated_share, squeeze, words


def slow_longest(text: str, others: list[str]) -> int:
    sequence = words(text)
    runs = {tuple(w[i:j]) for w in map(words, others) for i in range(len(w)) for j in range(i + 1, len(w) + 1)}
    lengths = [
        j - i for i in range(len(sequence)) for j in range(i + 1, len(sequence) + 1) if tuple(sequence[i:j]) in runs
    ]
    return max(lengths, default=0)


def random_texts(n_texts: int, seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice([*"abcd"], rng.integers(0, 12))) for _ in range(n_texts)]


def test_longest_copies_agree_with_a_slow_search() -> None:
    real, texts = random_texts(6, 0), random_texts(40, 1)
    assert WordRuns.of(real).longest_copies(texts).tolist() == [slow_longest(text, real) for text in texts]


def test_longest_shared_agrees_with_a_slow_search() -> None:
    real = random_texts(15, 2)
    expected = [slow_longest(text, real[:row] + real[row + 1 :]) for row, text in enumerate(real)]
    assert WordRuns.of(real).longest_shared().tolist() == expected


def test_a_run_does_not_go_on_from_one_text_into_the_next() -> None:
    assert WordRuns.of(["a b", "c d"]).longest_copies(["a b c d"]).tolist() == [2]
    assert WordRuns.of(["a b", "c d"]).longest_copies(["a b", "c d"]).tolist() == [2, 2]


def test_repeats_within_a_text_are_not_shared_with_others() -> None:
    assert WordRuns.of(["a b a b a b", "c"]).longest_shared().tolist() == [0, 0]


def test_texts_without_words_copy_nothing() -> None:
    assert WordRuns.of([":-)", ""]).longest_copies([":-)", "a"]).tolist() == [0, 0]
    assert WordRuns.of([]).longest_shared().tolist() == []


def test_squeeze_ignores_case_and_punctuation() -> None:
    assert squeeze("It's  HERE.") == squeeze("it s here") == "it s here"


def test_repeated_share_counts_later_occurrences() -> None:
    # "x x x x x x": three 4-grams, all the same.
    assert repeated_share("x x x x x x") == 2 / 3
    assert repeated_share("a b c d e f") == 0


def test_runs_are_counted_up_to_their_limit() -> None:
    long = " ".join(f"w{number}" for number in range(LONGEST_COUNTED + 50))
    assert WordRuns.of([long, f"x {long}"]).longest_shared().tolist() == [LONGEST_COUNTED] * 2
    assert WordRuns.of([long]).longest_copies([long]).tolist() == [LONGEST_COUNTED]
