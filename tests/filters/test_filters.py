"""Each filter on numbers worked out by hand, and the contract that all of them keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from smotext.errors import InputError, UnknownNameError
from smotext.filters import (
    Batch,
    Copied,
    CutOff,
    Duplicate,
    Filter,
    FittedFilter,
    Gibberish,
    NearCopy,
    OffLabel,
    OffTarget,
    OffTopic,
    PlainFilter,
    RealTexts,
    Repetitive,
    Short,
    SoftLabels,
    WordSalad,
    default_filters,
    resolve_filters,
    strict_filters,
)
from smotext.filters.copying import LONGEST_RUN, Bounds
from smotext.filters.fluency import Spelling, WordOrder
from smotext.filters.named import FILTERS
from smotext.filters.protocol import Earlier
from smotext.filters.score_bounds import Bounded, high_bound, low_bound

SENTENCES = [
    "the parcel came late and the box was broken.",
    "my parcel is lost and nobody answers the phone.",
    "the driver left the parcel in the rain again.",
    "i love the new phone and the box it came in.",
    "the phone is quick and the screen is bright.",
    "a bright screen and a quick phone, i love it.",
]


def real_texts(texts: Sequence[str] = SENTENCES, labels: Sequence[Any] = ("bad",) * 3 + ("good",) * 3) -> RealTexts:
    vectors = np.random.default_rng(0).normal(size=(len(texts), 4)).astype(np.float32)
    return RealTexts(list(texts), np.array(labels, dtype=object), vectors)


def batch_of(texts: Sequence[str], label: str = "bad", **parts: Any) -> Batch:
    n_texts = len(texts)
    made = {
        "texts": list(texts),
        "labels": np.array([label] * n_texts, dtype=object),
        "vectors": np.random.default_rng(1).normal(size=(n_texts, 4)).astype(np.float32),
        "targets": np.ones((n_texts, 4), dtype=np.float32),
        "parents": np.full((n_texts, 2), -1),
        "is_finished": np.ones(n_texts, dtype=bool),
        "is_alive": np.ones(n_texts, dtype=bool),
    }
    return Batch(**(made | parts))


def at_angles(*degrees: float) -> np.ndarray:
    """Return unit vectors in the plane."""
    radians = np.radians(degrees)
    return np.column_stack([np.cos(radians), np.sin(radians)]).astype(np.float32)


EVERY = [
    *default_filters(),
    OffTopic(),
    SoftLabels(),
    *strict_filters(),
    PlainFilter(lambda texts, labels: [True] * len(texts)),
]


@pytest.mark.parametrize("each", EVERY, ids=lambda each: each.name)
class TestContract:
    def test_it_has_the_protocol(self, each: Filter) -> None:
        assert isinstance(each, Filter)
        fitted = each.fit(real_texts())
        assert isinstance(fitted, FittedFilter)
        assert fitted.name == each.name

    def test_answers_are_row_aligned_and_repeatable(self, each: Filter) -> None:
        fitted, batch = each.fit(real_texts()), batch_of([*SENTENCES[:2], "", "?!", "new words altogether " * 9])
        is_kept, scores = fitted(batch)
        again, _ = fitted(batch)
        assert np.asarray(is_kept).shape == (5,)
        assert all(np.asarray(column).shape == (5,) for column in scores.values())
        assert np.array_equal(is_kept, again)

    def test_a_single_real_text_is_enough_to_fit(self, each: Filter) -> None:
        is_kept, _ = each.fit(real_texts(SENTENCES[:1], ["bad"]))(batch_of(["a new sentence about nothing much."]))
        assert len(is_kept) == 1

    def test_no_texts_give_no_answers(self, each: Filter) -> None:
        is_kept, _ = each.fit(real_texts())(batch_of([]))
        assert len(is_kept) == 0

    def test_fitting_changes_neither_the_filter_nor_the_texts(self, each: Filter) -> None:
        real = real_texts()
        before, vectors = repr(each), real.vectors.copy()
        each.fit(real)
        assert repr(each) == before
        assert np.array_equal(real.vectors, vectors)


def test_bounds_are_the_score_that_the_share_falls_short_of() -> None:
    scores = np.arange(100, dtype=np.float64)
    assert (scores < low_bound(None, scores, 0.05)).sum() == 5
    assert (scores > high_bound(None, scores, 0.05)).sum() == 5
    assert low_bound(None, scores, 0.0) == 0
    assert low_bound(None, np.array([np.nan]), 0.5) == -np.inf


def test_a_score_on_the_bound_is_kept_and_an_undefined_one_too() -> None:
    each = Bounded("x", "x", lambda batch: np.array([0.9, 1.0, 2.0, 2.1, np.nan]), at_least=1, at_most=2)
    assert each(batch_of([""] * 5))[0].tolist() == [False, True, True, False, True]


@pytest.mark.parametrize("share", [-0.1, 0.6, "some", True])
def test_a_share_out_of_range_is_an_error(share: Any) -> None:
    with pytest.raises(InputError, match="a share of the real texts, from 0 to 0.5"):
        OffLabel(share=share)


def test_empty_texts_have_no_letter_or_digit() -> None:
    fitted = FILTERS["empty"]().fit(real_texts())
    assert fitted(batch_of(["", " \n", "?!", "7", "é"]))[0].tolist() == [False, False, False, True, True]


def test_short_texts_have_fewer_words_than_the_bound() -> None:
    is_kept, scores = Short(at_least=3).fit(real_texts())(batch_of(["one two", "one two, three"]))
    assert is_kept.tolist() == [False, True]
    assert scores["n_words"].tolist() == [2, 3]


def test_the_shortest_real_text_bounds_a_small_set() -> None:
    fitted = Short().fit(real_texts(["a b", "a b c", "a b c d"], ["x"] * 3))
    assert fitted.at_least == 2


def test_one_repeat_is_too_many_where_real_texts_have_none() -> None:
    is_kept, scores = Repetitive().fit(real_texts())(batch_of(["a b c d and a b c d", "a b c d"]))
    assert is_kept.tolist() == [False, True]
    assert scores["repeated_share"].tolist() == pytest.approx([1 / 6, 0])  # six 4-grams, the last is the first


def test_cut_off_texts_end_without_a_sentence_end() -> None:
    fitted = CutOff().fit(real_texts())
    batch = batch_of(["It was", "It was.", "It was"], is_finished=np.array([False, False, True]))
    assert fitted(batch)[0].tolist() == [False, True, True]


def test_open_ends_are_no_fault_where_real_texts_have_them() -> None:
    fitted = CutOff().fit(real_texts(["no stop", "none here", "one."], ["x"] * 3))
    assert fitted(batch_of(["It was"], is_finished=np.array([False])))[0].tolist() == [True]


def test_copies_are_caught_whole_in_part_and_by_long_runs() -> None:
    fitted = Copied(at_most=5).fit(real_texts())
    texts = [
        "THE PARCEL CAME LATE, AND THE BOX WAS BROKEN",  # equal but for case and punctuation
        "nobody answers the phone",  # whole text inside a real one, four words
        "answers the phone",  # three words may be anybody's
        "well, the driver left the parcel in here",  # a run of six
        "well, the driver left the parcel out here",  # a run of five
    ]
    is_kept, scores = fitted(batch_of(texts))
    assert scores["copied_words"].tolist() == [9, 4, 3, 6, 5]
    assert is_kept.tolist() == [False, False, True, False, True]


def test_a_run_bound_that_is_never_reached_is_an_error() -> None:
    with pytest.raises(InputError, match="at_most is 128: expected a number of words from 0 to 127"):
        Copied(at_most=128)


def test_a_short_real_text_cannot_be_repeated() -> None:
    fitted = Copied().fit(real_texts(["ok", "fine thanks"], ["x"] * 2))
    assert fitted(batch_of(["OK!", "fine", "ok fine"]))[0].tolist() == [False, True, True]


def test_the_run_bound_stays_between_its_ends() -> None:
    long = " ".join(f"w{number}" for number in range(200))
    assert Copied().fit(real_texts([f"a {long}", f"b {long}"], ["x"] * 2)).bounds["x"].run == LONGEST_RUN
    assert Copied().fit(real_texts()).bounds == {"bad": Bounds(), "good": Bounds()}


def test_a_real_text_that_stands_twice_moves_no_bound() -> None:
    long = " ".join(f"w{number}" for number in range(60))
    fitted = Copied().fit(real_texts([long, long.upper(), *SENTENCES], ["bad"] * 8))
    assert fitted.bounds == {"bad": Bounds()}
    assert not fitted(batch_of([long]))[0][0]


def test_near_copies_and_off_topic_texts_by_the_cosine_to_the_nearest_real_text() -> None:
    real = RealTexts(["a"] * 3, np.array(["x"] * 3, dtype=object), at_angles(0, 30, 60))
    batch = batch_of(["t"] * 3, vectors=at_angles(45, 61, 150))
    expected = np.cos(np.radians([15, 1, 90]))
    for each, kept in ((NearCopy(at_most=0.99), [True, False, True]), (OffTopic(at_least=0.5), [True, True, False])):
        is_kept, scores = each.fit(real)(batch)
        assert scores["nearest_real_cosine"] == pytest.approx(expected, abs=1e-6)
        assert is_kept.tolist() == kept


def test_real_texts_set_the_cosine_bounds_with_themselves_left_out() -> None:
    real = RealTexts(["a"] * 3, np.array(["x"] * 3, dtype=object), at_angles(0, 30, 75))
    assert OffTopic().fit(real).at_least == pytest.approx(np.cos(np.radians(45)), abs=1e-6)
    assert NearCopy().fit(real).at_most == 0.9  # real texts are at most 0.87 near: the lower limit holds


def test_off_target_compares_with_the_vector_asked_for() -> None:
    batch = batch_of(["t"] * 2, vectors=at_angles(0, 0), targets=3 * at_angles(60, 10))
    real = RealTexts(["a"] * 3, np.array(["x"] * 3, dtype=object), at_angles(0, 30, 60))
    is_kept, scores = OffTarget(at_least=0.6).fit(real)(batch)
    assert scores["target_cosine"] == pytest.approx(np.cos(np.radians([60, 10])), abs=1e-6)
    assert is_kept.tolist() == [False, True]
    # The middle text lies on the middle of its neighbours; the outer ones 45 degrees off theirs.
    assert OffTarget().fit(real).at_least == pytest.approx(np.cos(np.radians(45)), abs=1e-6)


def test_off_label_rejects_what_another_class_explains_better() -> None:
    rng = np.random.default_rng(0)
    labels = np.array(["bad"] * 20 + ["good"] * 20, dtype=object)
    vectors = (np.where(labels == "bad", 0, 5)[:, None] + rng.normal(size=(40, 3))).astype(np.float32)
    fitted = OffLabel().fit(RealTexts(["t"] * 40, labels, vectors))
    is_kept, scores = fitted(batch_of(["t"] * 2, "bad", vectors=np.array([[0.0] * 3, [5.0] * 3], dtype=np.float32)))
    assert is_kept.tolist() == [True, False]
    assert scores["label_score"][0] > 0.9 > 0.1 > scores["label_score"][1]
    assert fitted.screen(np.full((1, 3), 5.0), np.array(["bad"], dtype=object), np.array([[-1, -1]])).tolist() == [
        False
    ]


def test_no_class_loses_more_of_its_own_texts_than_the_share() -> None:
    rng = np.random.default_rng(1)
    labels = np.array(["easy"] * 200 + ["hard"] * 40, dtype=object)
    vectors = (
        np.where(labels == "easy", 0, 1)[:, None]
        + rng.normal(size=(240, 2)) * np.where(labels == "easy", 0.3, 2)[:, None]
    )
    fitted = OffLabel(share=0.1).fit(RealTexts(["t"] * 240, labels, vectors.astype(np.float32)))
    for label in ("easy", "hard"):
        rows = np.flatnonzero(labels == label)
        batch = batch_of(["t"] * len(rows), label, vectors=vectors[rows], parents=rows[:, None])
        assert 1 - fitted(batch)[0].mean() <= 0.1


def test_soft_labels_are_columns_that_sum_to_one() -> None:
    is_kept, scores = SoftLabels().fit(real_texts())(batch_of(["t"] * 2))
    assert list(scores) == ["probability_bad", "probability_good"]
    assert np.add(*scores.values()).tolist() == pytest.approx([1, 1])
    assert is_kept.all()


def test_spelling_scores_characters_by_the_two_before_them() -> None:
    # "aa aa" is read as "  aa aa ": triples __a, _aa, aa_, a_a, _aa, aa_ and so on. 2 characters and a space.
    spelling = Spelling.of(["aa"])
    # Triples of "  aa ": "  a", " aa", "aa "; each once, after a pair seen once; two kinds of character ("a", space).
    assert spelling.score("aa") == pytest.approx(np.log((1 + 0.5) / (1 + 0.5 * 2)))
    assert spelling.score("aa", is_own=True) == pytest.approx(np.log(0.5 / (0.5 * 2)))
    assert np.isnan(spelling.score("?!"))


def test_word_order_scores_pairs_by_hand() -> None:
    text = "a b c d e f g h i"
    order = WordOrder.of([text, text])
    # Every pair of neighbours twice, never backwards, by chance 2 * 2 / 18.
    assert order.score(text) == pytest.approx(2 * np.log(3) - np.log(4 / 18 + 1))
    # Itself left out, the other copy is what there is: once, by chance 1 * 1 / 9.
    assert order.score(text, is_own=True) == pytest.approx(2 * np.log(2) - np.log(1 / 9 + 1))
    assert order.score(text[::-1]) == pytest.approx(-np.log(4 / 18 + 1) - np.log(3))
    assert np.isnan(order.score("a b c d e f g h"))


def test_a_text_left_out_scores_as_if_it_had_never_been_counted() -> None:
    texts = [f"{sentence} {SENTENCES[number - 1]}" for number, sentence in enumerate(SENTENCES)]
    for kind in (Spelling, WordOrder):
        for row, text in enumerate(texts):
            others = [other for number, other in enumerate(texts) if number != row]
            # one character that only the text has would change the number of characters, so all have the same
            assert set(text) <= set("".join(others))
            assert kind.of(texts).score(text, is_own=True) == pytest.approx(kind.of(others).score(text))


def test_gibberish_and_word_salad_fall() -> None:
    rng = np.random.default_rng(0)
    parts = (["the driver", "my sister", "a friend of mine"], ["lost", "found", "broke"], ["the parcel", "the phone"])
    texts = [" and then ".join(" ".join(map(rng.choice, parts)) for _ in range(4)) for _ in range(61)]
    real, fresh = real_texts(texts[:60], ["x"] * 60), texts[60]
    salad = " ".join(rng.permutation(fresh.split()))
    assert Gibberish().fit(real)(batch_of([fresh, "xq zvw kkj pqx"]))[0].tolist() == [True, False]
    assert WordSalad().fit(real)(batch_of([fresh, salad]))[0].tolist() == [True, False]


def test_earlier_rows_win_among_duplicates() -> None:
    fitted = Duplicate(at_most=0.99).fit(real_texts())
    batch = batch_of(["one", "two", "One!", "four", "five"], vectors=at_angles(0, 40, 80, 41, 120))
    is_kept, scores = fitted(batch)
    assert is_kept.tolist() == [True, True, False, False, True]
    assert scores["nearest_synthetic_cosine"][1:4] == pytest.approx(np.cos(np.radians([40, 40, 1])), abs=1e-6)
    assert np.isnan(scores["nearest_synthetic_cosine"][0])


def test_a_duplicate_holds_no_place_against_later_rows() -> None:
    # 4 degrees from the first falls; 8 degrees from the first stays, since the middle one is gone.
    fitted = Duplicate(at_most=float(np.cos(np.radians(5)))).fit(real_texts())
    assert fitted(batch_of(["a", "b", "c"], vectors=at_angles(0, 4, 8)))[0].tolist() == [True, False, True]


def test_rejected_rows_displace_nothing() -> None:
    batch = batch_of(["same", "same"], vectors=at_angles(0, 0), is_alive=np.array([False, True]))
    assert Duplicate().fit(real_texts())(batch)[0].tolist() == [True, True]


def test_near_duplicates_are_sought_within_the_class_and_equal_words_everywhere() -> None:
    batch = batch_of(["a", "b", "b"], vectors=at_angles(0, 0, 90))
    batch = replace(batch, labels=np.array(["x", "y", "z"], dtype=object))
    assert Duplicate().fit(real_texts())(batch)[0].tolist() == [True, True, False]


def test_duplicates_of_earlier_batches_fall() -> None:
    earlier = Earlier({"old text"}, {"bad": at_angles(0)})
    batch = batch_of(["Old text.", "new", "newer"], vectors=at_angles(90, 1, 50), earlier=earlier)
    assert Duplicate().fit(real_texts())(batch)[0].tolist() == [False, False, True]


def test_duplicates_agree_with_a_slow_version_over_several_blocks() -> None:
    vectors = np.random.default_rng(5).normal(size=(1200, 3)).astype(np.float32)
    fitted = Duplicate(at_most=0.999).fit(real_texts())
    is_kept, _ = fitted(batch_of([f"t{number}" for number in range(1200)], vectors=vectors))
    directions = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    kept: list[int] = []
    for row in range(1200):
        if not kept or (directions[kept] @ directions[row]).max() <= 0.999:
            kept.append(row)
    assert np.flatnonzero(is_kept).tolist() == kept
    assert 100 < len(kept) < 1100


def test_names_functions_and_filters_resolve() -> None:
    def no_questions(texts: list[str], labels: np.ndarray) -> list[bool]:
        return ["?" not in text for text in texts]

    found = resolve_filters(["short", OffLabel(share=0.1), no_questions])
    assert [each.name for each in found] == ["short", "off_label", "no_questions"]
    is_kept, scores = found[2].fit(real_texts())(batch_of(["so?", "so."]))
    assert (is_kept.tolist(), scores) == ([False, True], {})
    assert resolve_filters(None) == []
    default, strict = ([each.name for each in resolve_filters(name)] for name in ("default", "strict"))
    assert default == [name for name in strict if name != "off_topic"]
    assert strict == [name for name in FILTERS if name != "soft_labels"]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("defualt", "did you mean 'default'"),
        (["of_label"], "did you mean 'off_label'"),
        ([OffLabel], r"expected an object, such as OffLabel\(\)"),
        ([3], "filter 3 is int"),
        (3, "expected None, 'default', 'strict' or a list"),
    ],
)
def test_what_is_no_filter_is_named(spec: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolve_filters(spec)


def test_unknown_names_have_their_own_error() -> None:
    with pytest.raises(UnknownNameError, match="unknown filter 'x'"):
        resolve_filters(["x"])


@pytest.mark.parametrize(("answer", "message"), [([True], r"shape \(1,\)"), ([0.5, 2.0], "float64 values")])
def test_a_function_that_answers_otherwise_is_named(answer: list, message: str) -> None:
    def odd(texts: list[str], labels: np.ndarray) -> list:
        return answer

    with pytest.raises(InputError, match=message):
        PlainFilter(odd)(batch_of(["a", "b"]))


def test_five_words_are_never_too_few() -> None:
    assert Short().fit(real_texts(["a b c d e f g h"] * 3, ["x"] * 3)).at_least == 5
    assert Short(at_least=8).fit(real_texts()).at_least == 8
