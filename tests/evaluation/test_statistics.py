import numpy as np
import pytest

from smotext.evaluation.statistics import (
    Interval,
    detectable_difference,
    hierarchical_bootstrap,
    mean_interval,
    not_worse,
    p_worse,
    verdict,
)
from smotext.utils.holm import holm

T_975_2 = 4.302653  # Student's t, 2 degrees of freedom, from a printed table


def test_the_interval_of_three_differences_is_that_of_students_t():
    # 1, 2, 3: mean 2, variance 1, standard error 1 / sqrt(3)
    found = mean_interval([1.0, 2.0, 3.0])
    assert found.mean == 2.0
    assert found.standard_error == pytest.approx(1 / np.sqrt(3))
    assert found.high - found.mean == pytest.approx(T_975_2 / np.sqrt(3), rel=1e-5)


def test_the_nadeau_bengio_correction_widens_by_the_test_train_ratio():
    # variance 1, 3 differences, 5 folds: (1/3 + 1/4) * 1
    found = mean_interval([1.0, 2.0, 3.0], test_train_ratio=1 / 4)
    assert found.standard_error == pytest.approx(np.sqrt(1 / 3 + 1 / 4))
    assert found.mean - found.low == pytest.approx(T_975_2 * np.sqrt(7 / 12), rel=1e-5)


def test_the_corrected_interval_does_not_shrink_to_nothing_with_repetitions():
    differences = np.tile([1.0, 2.0, 3.0], 100)
    assert mean_interval(differences, test_train_ratio=0.25).standard_error > 0.4
    assert mean_interval(differences).standard_error < 0.05


def test_the_choice_of_test_rows_is_a_variance_that_seeds_do_not_shrink():
    differences = np.tile([1.0, 2.0, 3.0], 100)
    assert mean_interval(differences, test_variance=4.0).standard_error == pytest.approx(2.0, rel=1e-3)
    assert mean_interval([1.0, 2.0, 3.0], test_variance=1 / 4).standard_error == pytest.approx(np.sqrt(1 / 3 + 1 / 4))


def test_one_difference_says_nothing_about_chance():
    found = mean_interval([5.0])
    assert (found.mean, found.low, found.high) == (5.0, -np.inf, np.inf)
    assert verdict(found) == "too little data to tell"
    assert detectable_difference(found) == np.inf
    assert p_worse(found) == 1.0


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (0.1, 3.0, "helps"),
        (-3.0, -0.1, "hurts"),
        (-0.9, 0.9, "no difference"),
        (-1.1, 0.9, "too little data to tell"),
        (-0.9, 1.1, "too little data to tell"),
        (-5.0, 9.0, "too little data to tell"),
    ],
)
def test_the_verdict_says_what_the_interval_rules_out(low, high, word):
    assert verdict(Interval((low + high) / 2, low, high, 1.0, 10)) == word


def test_the_detectable_difference_is_found_four_times_in_five():
    rng = np.random.default_rng(0)
    n, spread = 10, 2.0
    typical = Interval(0.0, -1.0, 1.0, spread / np.sqrt(n), n)
    true_difference = detectable_difference(typical)
    draws = rng.normal(true_difference, spread, size=(2000, n))
    found = np.mean([mean_interval(row).low > 0 for row in draws])
    assert found == pytest.approx(0.8, abs=0.04)


def test_p_below_a_fortieth_is_the_same_as_a_lower_bound_above_the_margin():
    for differences in ([0.1, 0.2, -0.4, 0.3], [-0.5, -1.4, 0.2, 0.1], [-2.0, -1.8, -2.1, -2.2]):
        found = mean_interval(differences)
        assert (p_worse(found) < 0.025) == (found.low > -1.0)


def test_equal_differences_are_certain():
    assert p_worse(mean_interval([0.0, 0.0, 0.0])) == 0.0
    assert p_worse(mean_interval([-1.5, -1.5, -1.5])) == 1.0


def test_holm_multiplies_by_the_questions_left_and_never_decreases():
    # sorted: 0.01 * 4 = 0.04, 0.02 * 3 = 0.06, 0.022 * 2 = 0.044 -> 0.06, 0.5
    assert holm([0.02, 0.5, 0.01, 0.022]) == pytest.approx([0.06, 0.5, 0.04, 0.06])
    assert holm([0.6, 0.9]) == [1.0, 1.0]


def test_not_worse_needs_more_evidence_when_more_sets_are_asked_about():
    close = mean_interval([0.0, 0.6, -0.5, 0.6, -0.55])
    assert 0.0125 > p_worse(close) > 0.025 / 4
    assert not_worse([close]) == [True]
    assert not_worse([close] * 4) == [False] * 4


def test_the_bootstrap_over_sets_is_centred_on_the_mean_of_the_sets_means():
    found = hierarchical_bootstrap([[0.0, 2.0], [4.0, 4.0, 4.0]])
    assert found.mean == pytest.approx((1.0 + 4.0) / 2)
    assert found.low < found.mean < found.high


def test_the_bootstrap_over_sets_is_wider_than_one_over_pooled_seeds():
    rng = np.random.default_rng(1)
    sets = [rng.normal(centre, 0.1, size=10) for centre in (-3.0, 0.0, 3.0, 6.0)]
    over_sets = hierarchical_bootstrap(sets)
    pooled = mean_interval(np.concatenate(sets))
    assert over_sets.high - over_sets.low > pooled.high - pooled.low


def test_the_bootstrap_agrees_with_a_slow_loop():
    sets = [[1.0, 2.0, 4.0], [0.0, 5.0], [3.0, 3.5, 2.0, 2.5]]
    rng = np.random.default_rng(7)
    draws = []
    for _ in range(4000):
        chosen = [sets[rng.integers(3)] for _ in sets]
        draws.append(np.mean([np.mean(rng.choice(values, size=len(values))) for values in chosen]))
    found = hierarchical_bootstrap(sets)
    assert [found.low, found.high] == pytest.approx(np.quantile(draws, [0.025, 0.975]), abs=0.12)
    assert found.standard_error == pytest.approx(np.std(draws), rel=0.06)
