"""Plans: keys, prefixes, even use of parents, the ladder and replacements."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from smotext.errors import InputError, UnknownNameError
from smotext.mixing.first_parents import PARENT_STRATEGIES
from smotext.mixing.plan import UNKNOWN
from smotext.mixing.planning import Planner
from smotext.utils.seeding import row_seeds

COLUMNS = ("labels", "ordinals", "attempts", "candidates", "parents", "weights", "seeds", "strategies")


@pytest.fixture(scope="module")
def data():
    """Three overlapping classes of 120, 40 and 25 texts, in mixed order."""
    rng = np.random.default_rng(0)
    labels = np.array(["big"] * 120 + ["mid"] * 40 + ["few"] * 25, dtype=object)
    centres = {"big": 0.0, "mid": 1.0, "few": 1.5}
    vectors = np.array([rng.normal(centres[label], 1, 5) for label in labels], dtype=np.float32)
    order = rng.permutation(len(labels))
    return vectors[order], labels[order]


def assert_same_rows(one, other):
    for column in COLUMNS:
        np.testing.assert_array_equal(getattr(one, column), getattr(other, column), err_msg=column)


def sets_of(plan) -> list[frozenset[int]]:
    return [frozenset(row) - {UNKNOWN} for row in plan.parents.tolist()]


def test_every_row_is_keyed_and_mixes_its_own_class(data):
    vectors, labels = data
    plan = Planner(vectors, labels, seed=9).plan({"few": 30, "mid": 4})

    assert plan.labels.tolist() == ["few"] * 30 + ["mid"] * 4
    assert plan.ordinals.tolist() == [*range(30), *range(4)]
    assert not plan.attempts.any()
    assert not plan.candidates.any()
    np.testing.assert_array_equal(plan.seeds[30:], row_seeds(9, "mid", range(4)))
    np.testing.assert_array_equal(labels[plan.parents], np.column_stack([plan.labels] * 2))
    np.testing.assert_array_equal(plan.weights, np.column_stack([plan.lam, 1 - plan.lam]))
    assert (plan.parents[:, 0] != plan.parents[:, 1]).all()
    assert plan.notes == ()
    assert plan.vectors is None


@pytest.mark.parametrize("strategy", PARENT_STRATEGIES)
@pytest.mark.parametrize("n_parents", [2, 3])
def test_more_rows_keep_the_earlier_ones(strategy, n_parents, data):
    def planner():
        return Planner(*data, strategy=strategy, n_parents=n_parents, seed=1)

    few, many, grown = planner().plan({"mid": 13}), planner().plan({"mid": 170}), planner()
    grown.plan({"mid": 5})

    assert_same_rows(many.take(slice(13)), few)
    assert_same_rows(grown.plan({"mid": 170}), many)


@pytest.mark.parametrize("strategy", PARENT_STRATEGIES)
def test_other_classes_counts_change_nothing(strategy, data):
    alone = Planner(*data, strategy=strategy, seed=1).plan({"mid": 50})
    together = Planner(*data, strategy=strategy, seed=1).plan({"few": 60, "mid": 50, "big": 7})

    assert_same_rows(together.take(slice(60, 110)), alone)


@pytest.mark.parametrize("strategy", ["smote", "random"])
def test_first_parents_are_used_evenly(strategy, data):
    vectors, labels = data
    plan = Planner(vectors, labels, strategy=strategy).plan({"few": 90})

    uses = np.bincount(plan.parents[:, 0], minlength=len(labels))[labels == "few"]
    assert set(uses) == {3, 4}


def test_two_classes_do_not_share_their_draws():
    vectors = np.random.default_rng(0).standard_normal((20, 3)).astype(np.float32)
    plan = Planner(np.concatenate([vectors, vectors]), ["a"] * 20 + ["b"] * 20).plan({"a": 20, "b": 20})

    assert not np.array_equal(plan.parents[:20], plan.parents[20:] - 20)
    assert not np.intersect1d(plan.lam[:20], plan.lam[20:]).size


def test_seeds_change_shuffle_and_weights(data):
    one, other = (Planner(*data, seed=seed).plan({"few": 25}) for seed in (0, 1))

    assert not np.array_equal(one.parents[:, 0], other.parents[:, 0])
    assert not np.intersect1d(one.lam, other.lam).size


def test_partners_are_the_least_used_of_the_nearest_neighbours():
    ring = np.array([[np.cos(turn), np.sin(turn)] for turn in np.arange(12) * np.pi / 6], dtype=np.float32)
    plan = Planner(ring, ["a"] * 12, k_neighbors=2).plan({"a": 120})

    steps = (plan.parents[:, 1] - plan.parents[:, 0]) % 12
    assert set(steps) == {1, 11}  # the two beside it
    uses = np.bincount(plan.parents[:, 1], minlength=12)
    assert uses.max() - uses.min() <= 2
    used = np.zeros(12, dtype=int)
    for first, second in plan.parents:
        assert used[second] == min(used[(first - 1) % 12], used[(first + 1) % 12])
        used[second] += 1


def test_random_partners_are_the_least_used_of_all_others():
    vectors = np.random.default_rng(0).standard_normal((7, 3)).astype(np.float32)
    plan = Planner(vectors, [True] * 7, strategy="random").plan({True: 700})

    used = np.zeros(7, dtype=int)
    for first, second in plan.parents:
        assert used[second] == min(used[one] for one in range(7) if one != first)
        used[second] += 1
    assert used.max() - used.min() <= 2
    pairs = {tuple(row) for row in plan.parents.tolist()}
    assert len(pairs) == 42  # every ordered pair turns up


def test_further_parents_are_different_neighbours(data):
    vectors, labels = data
    plan = Planner(vectors, labels, n_parents=4, k_neighbors=3).plan({"few": 60})

    few = np.flatnonzero(labels == "few")
    for row in plan.parents:
        distances = np.linalg.norm(vectors[few] - vectors[row[0]], axis=1)
        assert set(row) == set(few[np.argsort(distances)[:4]])
    np.testing.assert_allclose(plan.weights.sum(axis=1), 1)


def test_a_class_of_k_or_fewer_uses_all_pairs_and_says_so():
    vectors = np.random.default_rng(0).standard_normal((9, 3)).astype(np.float32)
    plan = Planner(vectors, ["a", "a", "a"] + ["b"] * 6).plan({"a": 60, "b": 2})

    assert {tuple(row) for row in plan.parents[:60].tolist()} == {(i, j) for i in range(3) for j in range(3) if i != j}
    assert plan.notes == ("class 'a' (3): no more than k_neighbors=5 texts, so all pairs are used",)


def test_a_class_of_one_is_paraphrased_and_says_so():
    vectors = np.eye(4, dtype=np.float32)
    plan = Planner(vectors, ["one", "b", "b", "other"], strategy="random").plan({"one": 2, "other": 1, "b": 1})

    assert plan.parents[:3].tolist() == [[0, UNKNOWN], [0, UNKNOWN], [3, UNKNOWN]]
    assert plan.weights[:3].tolist() == [[1, 0]] * 3
    assert plan.strategies.tolist() == ["paraphrase"] * 3 + ["random"]
    assert plan.notes == ("classes 'one' (1), 'other' (1): a single text, which is paraphrased",)


def test_three_parents_of_a_class_of_two_are_two():
    plan = Planner(np.eye(2, dtype=np.float32), ["a", "a"], n_parents=3, lam="beta:2").plan({"a": 4})

    assert (plan.parents[:, 2] == UNKNOWN).all()
    assert (plan.weights[:, 2] == 0).all()
    np.testing.assert_allclose(plan.weights.sum(axis=1), 1)


def test_an_empty_seed_set_falls_back_to_smote_and_says_so():
    vectors = np.array([[0.0], [0.1], [0.2], [9.0], [9.1], [9.2]], dtype=np.float32)
    args = {"k_neighbors": 2, "seed": 4}
    plan = Planner(vectors, list("aaabbb"), strategy="adasyn", **args).plan({"a": 5})

    assert_same_rows(plan, Planner(vectors, list("aaabbb"), **args).plan({"a": 5}))
    assert plan.strategies.tolist() == ["smote"] * 5
    assert plan.notes == ("class 'a' (3): no first parents by strategy 'adasyn', so 'smote' is used",)


def test_notes_name_ten_classes_and_count_the_rest():
    plan = Planner(np.eye(12, dtype=np.float32), list(range(12))).plan(dict.fromkeys(range(12), 1))

    assert "9 (1) and 2 more: a single text" in plan.notes[0]


def test_a_class_that_gets_no_rows_is_not_noted():
    assert Planner(np.eye(3, dtype=np.float32), ["a", "b", "b"]).plan({"a": 0}).notes == ()


def test_no_rows_make_an_empty_plan(data):
    plan = Planner(*data).plan({})

    assert len(plan) == 0
    assert plan.parents.shape == (0, 2)


def test_a_memory_map_gives_the_same_plan(data, tmp_path):
    vectors, labels = data
    np.save(tmp_path / "vectors.npy", vectors)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")

    for strategy in PARENT_STRATEGIES:
        assert_same_rows(
            Planner(mapped, labels, strategy=strategy).plan({"few": 30}),
            Planner(vectors, labels, strategy=strategy).plan({"few": 30}),
        )


@pytest.mark.parametrize("strategy", PARENT_STRATEGIES)
@pytest.mark.parametrize("n_parents", [2, 3])
def test_a_replacement_depends_on_its_key_alone(strategy, n_parents, data):
    used = Planner(*data, strategy=strategy, n_parents=n_parents)
    used.plan({"few": 99, "mid": 99})
    used.replan(["few"] * 3, [20, 4, 7], [1, 1, 2])
    many = used.replan(["mid", "few", "mid", "few"], [3, 7, 0, 7], [1, 3, 2, 1])

    fresh = Planner(*data, strategy=strategy, n_parents=n_parents)
    assert_same_rows(fresh.replan(["few"], [7], [3]), many.take(slice(1, 2)))
    assert many.labels.tolist() == ["mid", "few", "mid", "few"]
    assert many.attempts.tolist() == [1, 3, 2, 1]
    np.testing.assert_array_equal(many.seeds[:1], row_seeds(0, "mid", [3], [1]))


@pytest.mark.parametrize("strategy", PARENT_STRATEGIES)
def test_no_attempt_repeats_the_parents_of_an_earlier_one(strategy, data):
    planner = Planner(*data, strategy=strategy)
    first = planner.plan({"few": 25})
    rounds = [first] + [planner.replan(first.labels, first.ordinals, np.full(25, a)) for a in range(1, 9)]

    for row in range(25):
        assert len({sets_of(plan)[row] for plan in rounds}) == 9


def test_attempts_use_up_all_pairs_before_they_repeat_one():
    vectors = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
    planner = Planner(vectors, ["a"] * 4)
    plan = planner.replan(["a"] * 6, [0] * 6, range(1, 7))

    seen = sets_of(planner.plan({"a": 1})) + sets_of(plan)
    assert len(set(seen[:6])) == 6  # 4 texts make 6 pairs
    assert seen[6] in seen[:6]


def test_replacements_draw_first_parents_by_the_strategys_weights():
    # "a" at 10 has two neighbours of "b"; the a's near 0 have none
    vectors = np.array([[0.0], [0.1], [10.0], [10.1], [10.25], [0.15]], dtype=np.float32)
    planner = Planner(vectors, ["a", "a", "a", "b", "b", "a"], strategy="adasyn", k_neighbors=2)

    assert set(planner.replan(["a"] * 9, range(9), [1] * 9).parents[:, 0]) == {2}


def test_replacements_draw_first_parents_from_the_whole_class(data):
    vectors, labels = data
    plan = Planner(vectors, labels).replan(["few"] * 400, range(400), [1] * 400)

    uses = np.bincount(plan.parents[:, 0], minlength=len(labels))[labels == "few"]
    assert uses.min() >= 4  # 16 on average
    assert uses.max() <= 34


def test_a_paraphrase_is_replaced_by_another_of_the_same_text():
    planner = Planner(np.eye(2, dtype=np.float32), ["a", "b"])
    plans = [planner.plan({"a": 1}), *(planner.replan(["a"], [0], [attempt]) for attempt in (1, 2))]

    assert [plan.parents.tolist() for plan in plans] == [[[0, UNKNOWN]]] * 3
    assert len({int(plan.seeds[0]) for plan in plans}) == 3
    assert all(one.weights.tolist() == other.weights.tolist() for one, other in pairwise(plans))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k_neighbors": 0}, "k_neighbors is 0: expected an integer of 1 or more"),
        ({"k_neighbors": 2.5}, "k_neighbors is 2.5"),
        ({"k_neighbors": True}, "k_neighbors is True"),
        ({"n_parents": 1}, "n_parents is 1: expected an integer of 2 or more"),
        ({"n_parents": 7}, "n_parents=7 needs 6 neighbours, k_neighbors is 5"),
        ({"lam": 2}, "lam is 2"),
    ],
)
def test_options_out_of_range_are_errors(options, message, data):
    with pytest.raises(InputError, match=message):
        Planner(*data, **options)


def test_an_unknown_strategy_is_an_error_with_the_near_name(data):
    with pytest.raises(UnknownNameError, match=r"unknown strategy 'boarderline'.*did you mean 'borderline'"):
        Planner(*data, strategy="boarderline")


def test_lengths_that_differ_are_an_error(data):
    with pytest.raises(InputError, match=r"vectors of shape \(185, 5\) and 184 labels"):
        Planner(data[0], data[1][1:])


def test_no_texts_are_an_error():
    with pytest.raises(InputError, match=r"vectors of shape \(0, 3\) and 0 labels"):
        Planner(np.zeros((0, 3), dtype=np.float32), [])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_vector_that_is_not_finite_is_an_error_naming_the_text(value):
    vectors = np.zeros((5000, 2), dtype=np.float32)
    vectors[4711, 1] = value
    with pytest.raises(InputError, match="the vector of text 4711 has NaN or infinite"):
        Planner(vectors, ["a"] * 5000)


def test_rows_for_an_unknown_class_are_an_error(data):
    with pytest.raises(UnknownNameError, match=r"unknown class 'fwe'.*did you mean 'few'"):
        Planner(*data).plan({"fwe": 3})


@pytest.mark.parametrize("n", [-1, 2.5, None])
def test_a_number_of_rows_below_zero_or_not_whole_is_an_error(n, data):
    with pytest.raises(InputError, match=r"n_new\['few'\] is .*: expected a number of rows, 0 or more"):
        Planner(*data).plan({"few": n})


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ((["few"], [0], [0]), "attempts of 1 or more"),
        ((["few"], [-1], [1]), "ordinals of 0 or more"),
        ((["few"], [0, 1], [1]), "got 1 labels, 2 ordinals and 1 attempts"),
        ((["none"], [0], [1]), "unknown class 'none'"),
    ],
)
def test_keys_that_cannot_be_replanned_are_errors(keys, message, data):
    with pytest.raises(InputError, match=message):
        Planner(*data).replan(*keys)
