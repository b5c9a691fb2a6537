"""Weights and mixes, against values worked out by hand and the distributions' own formulas."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from smotext.errors import InputError, UnknownNameError
from smotext.mixing.mixes import check_mix, mix
from smotext.mixing.plan import UNKNOWN
from smotext.mixing.weights import LamSpec, draw_weights, parse_lam
from smotext.utils.seeding import row_seeds

SEEDS = row_seeds(0, "class", range(4000))
AXES = np.array([[2.0, 0.0], [0.0, 4.0], [-2.0, 0.0]], dtype=np.float32)


def p_value(values, distribution) -> float:
    return stats.kstest(values, distribution.cdf).pvalue


@pytest.mark.parametrize(
    ("lam", "spec"),
    [
        ((0.0, 1.0), LamSpec(0.0, 1.0)),
        ([0.3, 0.3], LamSpec(0.3, 0.3)),
        (np.array([0.1, 0.2]), LamSpec(0.1, 0.2)),
        (1, LamSpec(1.0, 1.0)),
        (np.float32(0.5), LamSpec(0.5, 0.5)),
        ("beta:2", LamSpec(alpha=2.0)),
        (LamSpec(0.2, 0.4), LamSpec(0.2, 0.4)),
    ],
)
def test_every_form_of_lam_is_read(lam, spec):
    assert parse_lam(lam) == spec


@pytest.mark.parametrize(
    "lam",
    [
        (0.8, 0.2),
        (-0.1, 1),
        (0, 1.1),
        (0, float("nan")),
        (0.1, 0.2, 0.3),
        ("0", "1"),
        float("nan"),
        -0.5,
        True,
        (False, True),
        None,
        "beta",
        "beta:0",
        "beta:-1",
        "beta:nan",
        "beta:inf",
        "gamma:1",
        "0.5",
    ],
)
def test_any_other_lam_is_refused_with_what_is_expected(lam):
    with pytest.raises(InputError, match=r"lam is .*: expected a window \(low, high\).*'beta:a'.*number"):
        parse_lam(lam)


@pytest.mark.parametrize("n_parents", [1, 2, 3, 5])
@pytest.mark.parametrize("lam", [(0.0, 1.0), (0.2, 0.4), 0.0, 1.0, 0.3, "beta:0.4", "beta:0.001", "beta:50"])
def test_weights_are_a_partition_of_one(lam, n_parents):
    weights = draw_weights(parse_lam(lam), SEEDS, n_parents)

    assert weights.shape == (len(SEEDS), n_parents)
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-12)


def test_a_window_is_uniform_for_two_parents():
    lam = draw_weights(parse_lam((0.2, 0.7)), SEEDS, 2)[:, 0]

    assert lam.min() >= 0.2
    assert lam.max() <= 0.7
    assert p_value(lam, stats.uniform(0.2, 0.5)) > 0.01


def test_beta_is_symmetric_beta_for_two_parents():
    assert p_value(draw_weights(parse_lam("beta:0.4"), SEEDS, 2)[:, 0], stats.beta(0.4, 0.4)) > 0.01


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(("lam", "alpha"), [((0.0, 1.0), 1.0), ("beta:0.4", 0.4), ("beta:3", 3.0)])
def test_three_parents_have_a_dirichlets_margins(lam, alpha, place):
    weights = draw_weights(parse_lam(lam), SEEDS, 3)

    assert p_value(weights[:, place], stats.beta(alpha, 2 * alpha)) > 0.01


def test_a_window_of_three_parents_is_the_flat_dirichlet_given_the_window():
    weights = draw_weights(parse_lam((0.2, 0.5)), SEEDS, 3)
    flat = draw_weights(parse_lam((0.0, 1.0)), row_seeds(1, "class", range(20000)), 3)
    inside = flat[(flat[:, 0] >= 0.2) & (flat[:, 0] <= 0.5)]

    assert stats.ks_2samp(weights[:, 0], inside[:, 0]).pvalue > 0.01
    assert stats.ks_2samp(weights[:, 2], inside[:, 2]).pvalue > 0.01


def test_a_number_fixes_the_first_of_three_weights():
    weights = draw_weights(parse_lam(0.5), SEEDS, 3)

    np.testing.assert_allclose(weights[:, 0], 0.5)
    assert p_value(weights[:, 1], stats.uniform(0, 0.5)) > 0.01


def test_a_weight_depends_on_its_rows_seed_alone():
    together = draw_weights(parse_lam("beta:0.4"), SEEDS[:10], 3)

    np.testing.assert_array_equal(draw_weights(parse_lam("beta:0.4"), SEEDS[7:8], 3), together[7:8])


def test_linear_is_the_papers_equation():
    mixed = mix(AXES, np.array([[0, 1], [1, 0]]), np.array([[0.75, 0.25], [1.0, 0.0]]))

    assert mixed.dtype == np.float32
    assert mixed.tolist() == [[1.5, 1.0], [0.0, 4.0]]


@pytest.mark.parametrize("kind", ["linear", "slerp", "linear_renorm"])
@pytest.mark.parametrize(("weights", "parent"), [([1.0, 0.0], 0), ([0.0, 1.0], 1)])
def test_the_whole_weight_returns_that_parent(kind, weights, parent):
    np.testing.assert_allclose(
        mix(AXES, np.array([[0, 1]]), np.array([weights]), kind=kind)[0], AXES[parent], atol=1e-6
    )


def test_linear_renorm_has_the_weighted_mean_of_the_parents_lengths():
    mixed = mix(AXES, np.array([[0, 1]]), np.array([[0.5, 0.5]]), kind="linear_renorm")

    # (1, 2) has length sqrt(5); the parents' mean length is 3
    np.testing.assert_allclose(mixed[0], np.array([1, 2]) * 3 / np.sqrt(5), rtol=1e-6)


def test_slerp_turns_at_even_speed():
    mixed = mix(AXES, np.array([[0, 1]] * 2), np.array([[0.5, 0.5], [2 / 3, 1 / 3]]), kind="slerp")

    half, third = 3 * np.array([np.sqrt(0.5), np.sqrt(0.5)]), 8 / 3 * np.array([np.cos(np.pi / 6), 0.5])
    np.testing.assert_allclose(mixed, [half, third], rtol=1e-6)


def test_slerp_of_opposite_or_equal_directions_is_linear():
    mixed = mix(
        AXES, np.array([[0, 2], [0, 0], [0, 2]]), np.array([[0.75, 0.25], [0.4, 0.6], [0.5, 0.5]]), kind="slerp"
    )

    np.testing.assert_allclose(mixed, [[2, 0], [2, 0], [0, 0]], atol=1e-6)


def test_slerp_takes_a_vector_of_zeros():
    vectors = np.array([[0.0, 0.0], [0.0, 2.0]], dtype=np.float32)

    mixed = mix(vectors, np.array([[0, 1]]), np.array([[0.5, 0.5]]), kind="slerp")

    np.testing.assert_allclose(mixed, [[0, 1]], atol=1e-6)


def test_linear_and_linear_renorm_of_unit_vectors_point_the_same_way():
    vectors = np.random.default_rng(0).standard_normal((6, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    parents, weights = np.array([[0, 1], [2, 3]]), np.array([[0.3, 0.7], [0.9, 0.1]])

    linear, renormed = (mix(vectors, parents, weights, kind=kind) for kind in ("linear", "linear_renorm"))

    np.testing.assert_allclose(np.linalg.norm(renormed, axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(linear / np.linalg.norm(linear, axis=1, keepdims=True), renormed, rtol=1e-5)


@pytest.mark.parametrize("kind", ["linear", "slerp", "linear_renorm"])
def test_an_unused_place_adds_nothing(kind):
    mixed = mix(AXES, np.array([[1, UNKNOWN]]), np.array([[1.0, 0.0]]), kind=kind)

    np.testing.assert_allclose(mixed, AXES[1:2], atol=1e-6)


def test_a_mix_leaves_its_arguments_alone_and_reads_a_memory_map(tmp_path):
    np.save(tmp_path / "vectors.npy", AXES)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    parents, weights = np.array([[1, UNKNOWN]]), np.array([[1.0, 0.0]])

    mixed = mix(mapped, parents, weights)

    assert type(mixed) is np.ndarray
    assert mixed.tolist() == [[0.0, 4.0]]
    assert parents.tolist() == [[1, UNKNOWN]]
    assert weights.tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize("weight", [0.5, np.nan])
def test_a_weight_for_an_unknown_parent_is_an_error(weight):
    with pytest.raises(InputError, match="weight to an unknown parent"):
        mix(AXES, np.array([[0, UNKNOWN]]), np.array([[0.5, weight]]))


def test_an_unknown_mix_is_an_error_with_the_near_name():
    with pytest.raises(UnknownNameError, match=r"unknown mix 'slurp'.*did you mean 'slerp'"):
        mix(AXES, np.array([[0, 1]]), np.array([[0.5, 0.5]]), kind="slurp")


def test_slerp_refuses_three_parents():
    with pytest.raises(InputError, match="joins 2 parents, got n_parents=3"):
        check_mix("slerp", 3)
