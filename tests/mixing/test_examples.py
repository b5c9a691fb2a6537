"""Which texts a row's prompt shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from smotext.mixing.examples import EXAMPLES_BLOCK, with_examples
from smotext.mixing.plan import UNKNOWN, MixPlan, plan_of_class, stack
from smotext.mixing.planning import Planner

SIZES = {"a": 30, "b": 25, "few": 3}
LABELS = np.array([label for label, n in SIZES.items() for _ in range(n)], dtype=object)[
    np.random.default_rng(0).permutation(sum(SIZES.values()))
]


def members_of(label: str) -> np.ndarray:
    return np.array([place for place, one in enumerate(LABELS) if one == label])


def plan_of(label: str, n_rows: int, *, n_parents: int = 2, seed: int = 0, attempt: int = 0) -> MixPlan:
    """Return a plan of one class with parents drawn at random."""
    rng, members = np.random.default_rng(seed), members_of(label)
    return plan_of_class(
        label, np.arange(n_rows), np.full(n_rows, attempt), seed=seed, strategy="random",
        parents=np.array([rng.permutation(members)[:n_parents] for _ in range(n_rows)]),
        weights=rng.dirichlet(np.ones(n_parents), size=n_rows),
    )  # fmt: skip


def shown_in(plan: MixPlan, n_examples: int, *, labels: Any = LABELS, seed: int = 0) -> list[list[int]]:
    """Return what each row shows, without the places it does not use."""
    found = with_examples(plan, labels, n_examples, seed=seed).examples
    assert found is not None
    assert found.shape == (len(plan), n_examples)
    rows = [[place for place in row if place != UNKNOWN] for row in found.tolist()]
    assert all(row == full[: len(row)] for row, full in zip(rows, found.tolist(), strict=True)), (
        "unused places are last"
    )
    return rows


@pytest.mark.parametrize("n_parents", [1, 2, 3])
def test_parents_come_last_and_others_of_the_class_before_them_each_once(n_parents: int) -> None:
    plan = plan_of("a", 50, n_parents=n_parents)
    for row, parents in zip(shown_in(plan, 5), plan.parents.tolist(), strict=True):
        assert set(row[-n_parents:]) == set(parents)
        assert len(set(row)) == 5
        assert set(LABELS[row]) == {"a"}


def test_the_parents_order_is_drawn_and_says_nothing_of_their_weights() -> None:
    plan = plan_of("a", 400)
    heavier_last = [
        row[-1] == parents[int(weights.argmax())]
        for row, parents, weights in zip(shown_in(plan, 2), plan.parents.tolist(), plan.weights, strict=True)
    ]
    assert np.mean(heavier_last) == pytest.approx(0.5, abs=0.08)
    first_last = [row[-1] == parents[0] for row, parents in zip(shown_in(plan, 2), plan.parents.tolist(), strict=True)]
    assert np.mean(first_last) == pytest.approx(0.5, abs=0.08)


def test_the_others_are_the_same_for_a_block_of_rows_but_for_what_are_parents() -> None:
    plan = plan_of("a", 12 * EXAMPLES_BLOCK)
    rows = shown_in(plan, 6)
    n_alike = 0
    for start in range(0, len(rows), EXAMPLES_BLOCK):
        block, parents = rows[start : start + EXAMPLES_BLOCK], plan.parents[start : start + EXAMPLES_BLOCK].tolist()
        for row, own in zip(block, parents, strict=True):
            assert set(own).isdisjoint(row[:-2])
            for other in block:
                # What two rows of a block both show comes in the same order.
                assert [p for p in row[:-2] if p in other[:-2]] == [p for p in other[:-2] if p in row[:-2]]
        assert len({place for row in block for place in row[:-2]}) <= 4 + 2 * EXAMPLES_BLOCK
        n_alike += sum(row[0] == block[0][0] for row in block)
    assert n_alike > 0.5 * len(rows), "most rows of a block begin alike, which is read once"
    assert {tuple(row[:-2]) for row in rows[:EXAMPLES_BLOCK]} != {
        tuple(row[:-2]) for row in rows[EXAMPLES_BLOCK : 2 * EXAMPLES_BLOCK]
    }


def test_a_class_with_fewer_texts_shows_all_it_has() -> None:
    plan = plan_of("few", 9)
    for row, parents in zip(shown_in(plan, 8), plan.parents.tolist(), strict=True):
        assert set(row) == set(members_of("few").tolist())
        assert set(row[1:]) == set(parents)


def test_rows_of_unknown_parents_show_others_alone() -> None:
    plan = plan_of("b", 20)
    unknown = MixPlan(**{**vars(plan), "parents": np.full((20, 2), UNKNOWN), "weights": np.full((20, 2), np.nan)})
    rows = shown_in(unknown, 4)
    assert all(len(set(row)) == 4 and set(LABELS[row]) == {"b"} for row in rows)
    assert rows[0] == rows[EXAMPLES_BLOCK - 1] != rows[EXAMPLES_BLOCK]


def test_a_row_with_one_known_parent_shows_it_once() -> None:
    members = members_of("a")
    alone = plan_of_class(
        "a", np.arange(2), np.zeros(2, dtype=int), seed=0, strategy="smote",
        parents=np.array([[members[0], UNKNOWN], [members[1], members[1]]]), weights=np.array([[1.0, 0.0], [0.4, 0.6]]),
    )  # fmt: skip
    first, twin = shown_in(alone, 3)
    assert (first.count(members[0]), first[-1]) == (1, members[0])
    assert (twin.count(members[1]), twin[-1]) == (1, members[1])
    assert len(first) == len(twin) == 3


def test_with_room_for_fewer_than_the_parents_the_weightier_are_shown() -> None:
    plan = plan_of("a", 40, n_parents=3)
    for n_examples in (1, 2):
        for row, parents, weights in zip(shown_in(plan, n_examples), plan.parents, plan.weights, strict=True):
            heaviest = parents[np.argsort(-weights)[:n_examples]]
            assert set(row) == set(heaviest.tolist())


def test_asking_for_more_rows_or_classes_keeps_what_the_earlier_ones_show() -> None:
    few, many = shown_in(plan_of("a", 10), 4), shown_in(plan_of("a", 60), 4)
    assert many[:10] == few
    both = stack([plan_of("b", 30), plan_of("a", 10)], n_parents=2)
    assert shown_in(both, 4)[30:] == few


def test_a_row_depends_on_its_key_its_parents_and_the_seed_alone() -> None:
    plan = plan_of("a", 40)
    rows = shown_in(plan, 4)
    order = np.random.default_rng(1).permutation(40)
    assert shown_in(plan.take(order), 4) == [rows[place] for place in order]
    assert shown_in(plan, 4) == rows
    assert shown_in(plan, 4, seed=1) != rows


def test_a_later_attempt_shows_the_same_others() -> None:
    first, later = plan_of("a", EXAMPLES_BLOCK), plan_of("a", EXAMPLES_BLOCK, attempt=2)
    for row, again in zip(shown_in(first, 5), shown_in(later, 5), strict=True):
        assert row[:-2] == again[:-2]
        assert set(row) == set(again)


def test_no_row_of_another_class_is_ever_shown() -> None:
    vectors = np.random.default_rng(0).normal(size=(len(LABELS), 4)).astype(np.float32)
    plan = Planner(vectors, LABELS, seed=3).plan(dict.fromkeys(SIZES, 100))
    rows = shown_in(plan, 7, seed=3)
    for row, label in zip(rows, plan.labels, strict=True):
        assert set(LABELS[row]) == {label}
        assert len(row) == min(7, SIZES[label])


def test_no_examples_leave_the_plan_as_it_is() -> None:
    plan = plan_of("a", 3)
    assert with_examples(plan, LABELS, 0, seed=0) is plan
    assert plan.examples is None


@pytest.mark.parametrize("labels", [[1, 2, 1, 1], [True, False, True, True], ["x", "y", "x", "x"]])
def test_labels_of_any_type_are_found(labels: Sequence[Any]) -> None:
    array = np.array(labels, dtype=object)
    plan = plan_of_class(
        labels[0], np.arange(1), np.zeros(1, dtype=int), seed=0, strategy="random", parents=np.array([[0, 2]]),
        weights=np.array([[0.5, 0.5]]),
    )  # fmt: skip
    assert set(shown_in(plan, 4, labels=array)[0]) == {0, 2, 3}
