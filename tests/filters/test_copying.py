"""What counts as a copy: near-copies of any text, and hardly any other real text, however alike a class's texts are."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from smotext.filters import Batch, Copied, RealTexts
from smotext.filters.copying import KnownTexts, copies
from smotext.filters.judge import GUARDED_SHARE
from smotext.filters.ngrams import grams, words
from smotext.filters.word_bags import WordBags

PARTS = (
    ("the customer", "a client", "our tenant", "the driver", "one nurse", "a teacher", "my neighbour", "the courier"),
    ("called about", "complained about", "asked us about", "wrote a long letter about", "forgot to mention"),
    ("the late delivery", "a broken window", "the wrong invoice", "the missing parcel", "a noisy lift"),
    ("on monday morning", "last week", "twice this month", "before the holidays", "in the evening after work"),
    ("and wants an answer", "and got no reply", "but it was settled", "so we sent a refund", "and will call again"),
)
TEMPLATES = [" ".join(parts) for parts in product(*PARTS)]
# Made-up words: no two texts have any in common.
OTHERS = [" ".join(f"w{n}x{place}" for place in range(9)) for n in range(500)]


def real_texts(**classes: list[str]) -> RealTexts:
    texts = [text for members in classes.values() for text in members]
    labels = [label for label, members in classes.items() for _ in members]
    return RealTexts(texts, np.array(labels, dtype=object), np.zeros((len(texts), 2), dtype=np.float32))


def batch_of(texts: list[str], label: str) -> Batch:
    n = len(texts)
    return Batch(
        texts=texts,
        labels=np.array([label] * n, dtype=object),
        vectors=np.zeros((n, 2), dtype=np.float32),
        targets=np.zeros((n, 2), dtype=np.float32),
        parents=np.full((n, 2), -1),
        is_finished=np.ones(n, dtype=bool),
        is_alive=np.ones(n, dtype=bool),
    )


def test_few_other_real_texts_of_a_class_count_as_copies_even_where_all_are_of_one_template() -> None:
    rejected = []
    for seed in range(6):
        order = np.random.default_rng(seed).permutation(len(TEMPLATES))
        real, held_out = ([TEMPLATES[row] for row in rows] for rows in (order[:500], order[500:1500]))
        fitted = Copied(share=GUARDED_SHARE).fit(real_texts(template=real, other=OTHERS))
        rejected.append(1 - fitted(batch_of(held_out, "template"))[0].mean())
        assert fitted.bounds["template"].likeness > 0, "the class's own texts have set the bound"
    assert 0 < np.mean(rejected) <= 0.025, "2 %, and what chance does to bounds from 500 texts"


def test_of_the_real_texts_themselves_no_more_than_the_share_is_above_a_bound() -> None:
    order = np.random.default_rng(3).permutation(len(TEMPLATES))
    real = [TEMPLATES[row] for row in order[:60]]
    bounds = Copied(share=0.2).fit(real_texts(template=real)).bounds["template"]
    likenesses, n_above = WordBags.of(real).likenesses(real, own=range(len(real))), 0
    for row, text in enumerate(real):
        others = [other for place, other in enumerate(real) if place != row]
        share = max(len(grams(text) & grams(other)) / len(grams(text)) for other in others)
        run = max(longest_run(text, other) for other in others)
        n_above += run > bounds.run or share > bounds.share or likenesses[row] > bounds.likeness
    assert 0 < n_above <= 0.2 * len(real)


def longest_run(text: str, other: str) -> int:
    """Return the number of words in the longest run that two texts share, found by trying all."""
    mine, theirs = words(text), f" {' '.join(words(other))} "
    runs = [mine[start:end] for start in range(len(mine)) for end in range(start + 1, len(mine) + 1)]
    return max((len(run) for run in runs if f" {' '.join(run)} " in theirs), default=0)


@pytest.mark.parametrize("place", range(12))
def test_a_text_of_a_class_without_templates_is_a_copy_with_any_one_word_changed(place: int) -> None:
    text = "yesterday the driver left our parcel in the rain behind the garage"
    real = real_texts(bad=[text, "nobody ever answers your phone", "what a shame"], good=["i love it", "so do i"])
    changed = words(text)
    changed[place] = "xyz"
    is_kept, scores = Copied(share=GUARDED_SHARE).fit(real)(batch_of([" ".join(changed)], "bad"))
    assert not is_kept[0]
    n_touched = min(place, 11 - place, 2) + 1  # of the ten runs of three words
    assert scores["copied_share"][0] == pytest.approx((10 - n_touched) / 10)
    assert 0 < scores["word_likeness"][0] < 1


def test_each_class_has_bounds_of_its_own_and_a_copy_of_any_class_counts() -> None:
    order = np.random.default_rng(4).permutation(len(TEMPLATES))
    real = real_texts(template=[TEMPLATES[row] for row in order[:500]], other=OTHERS)
    fitted = Copied(share=GUARDED_SHARE).fit(real)
    assert all(low < high for low, high in zip(fitted.bounds["other"], fitted.bounds["template"], strict=True))
    fresh = [TEMPLATES[row] for row in order[500:800]]
    kept = {label: fitted(batch_of(fresh, label))[0].mean() for label in ("template", "other")}
    assert kept["other"] < 0.9 < kept["template"]
    assert not fitted(batch_of([TEMPLATES[order[0]]], "unheard of"))[0][0], "a whole copy is one in any class"


def test_small_classes_share_their_bounds() -> None:
    order = np.random.default_rng(5).permutation(len(TEMPLATES))[:90]
    parts = {f"class {n}": [TEMPLATES[row] for row in order[n::6]] for n in range(6)}
    bounds = Copied(share=GUARDED_SHARE).fit(real_texts(**parts)).bounds
    assert len(set(bounds.values())) == 1
    assert bounds["class 0"].likeness > 0


BALANCE = "what is my balance"
QUESTIONS = [BALANCE, "how do i order another card for my son", "is the branch in the old town open on sundays"]


@pytest.mark.parametrize(
    ("text", "is_copy"),
    [
        ("What's my balance?", True),  # a contraction
        ("whats my BALANCE", True),  # ... without its apostrophe
        ("my balance is what", True),  # the order
        ("what is my account balance", True),  # a word inserted
        ("what is my", False),  # three words may be anybody's
        ("what is your balance", True),  # a word replaced
        ("what is your name", False),
        ("how do i order a card for my son", True),
        ("how do i block a card that was stolen", False),
        ("on sundays, is the branch open in the old town?", True),
        ("is the branch in the new town open on mondays", False),  # two words of ten
    ],
)
def test_a_short_text_with_a_word_changed_is_a_copy(text: str, is_copy: bool) -> None:
    fitted = Copied(share=GUARDED_SHARE).fit(real_texts(bank=QUESTIONS))
    assert bool(fitted(batch_of([text], "bank"))[0][0]) is not is_copy
    assert bool(copies([text], QUESTIONS)[0]) is is_copy, "the same notion where there are few texts to compare with"


def test_where_real_texts_differ_by_a_word_only_the_same_words_are_copies() -> None:
    things = [f"thing{n}" for n in range(200)]
    real = real_texts(bank=[f"what is the {thing} of my card" for thing in things[:120]])
    fitted = Copied(share=GUARDED_SHARE).fit(real)
    others = [f"what is the {thing} of my card" for thing in things[120:]]
    assert fitted(batch_of(others, "bank"))[0].all()
    assert not fitted(batch_of(["What's the THING7 of my card?", "of my card, what is the thing7"], "bank"))[0].any()


def test_without_texts_to_compare_with_nothing_is_a_copy() -> None:
    assert copies(["a text of five words", ""], []).tolist() == [False, False]
    assert KnownTexts.of([]).compare([]).above([]).tolist() == []


def test_three_words_may_be_anybodys_and_four_may_not() -> None:
    fitted = Copied().fit(real_texts(bad=["we want our money back now please"], good=["i love it"]))
    is_kept, scores = fitted(batch_of(["our money back", "want our money back", "our money back soon"], "bad"))
    assert is_kept.tolist() == [True, False, True]
    assert scores["copied_share"].tolist() == [0.0, 1.0, 0.5]


def test_the_words_of_a_real_text_in_another_order_are_a_copy_from_four_words_on() -> None:
    real = real_texts(question=["What is the difference between hair and fur ?", "Who? Me"])
    kept, _ = Copied().fit(real)(
        batch_of(
            ["What is the difference between fur and hair?", "What is the use of fur and hair?", "me, who"], "question"
        )
    )
    assert kept.tolist() == [False, True, True]
