from __future__ import annotations

import numpy as np
import pytest

from smotext.privacy.epsilon_bounds import attribute_epsilon, clopper_pearson, one_run_epsilon
from smotext.privacy.rates import guesses, hits_at, measure, permuted_sums, stratified_auc


@pytest.mark.parametrize(("right", "of", "epsilon"), [(84, 84, 3.32), (42, 84, 0.0), (0, 84, 0.0)])
def test_the_guesses_of_one_run_rule_out_an_epsilon(right, of, epsilon):
    assert one_run_epsilon(right, of) == pytest.approx(epsilon, abs=0.005)


@pytest.mark.parametrize(("right", "epsilon"), [(80, 5.21), (43, 1.70), (10, 0.0)])
def test_the_attribute_game_rules_out_an_epsilon(right, epsilon):
    assert attribute_epsilon(right, 80, 8) == pytest.approx(epsilon, abs=0.005)


def test_the_bound_of_one_run_holds_for_a_mechanism_of_known_epsilon():
    # randomised response tells each bit with odds e^eps: the bound may exceed eps in 5 % of the runs
    rng, epsilon = np.random.default_rng(0), 1.0
    right = rng.binomial(200, np.exp(epsilon) / (1 + np.exp(epsilon)), size=2000)
    assert np.mean([one_run_epsilon(int(n), 200) > epsilon for n in right]) <= 0.06


def test_an_interval_of_no_hits_starts_at_zero_and_of_all_hits_ends_at_one():
    assert clopper_pearson(0, 20)[0] == 0.0
    assert clopper_pearson(20, 20)[1] == 1.0


def test_the_auc_equals_counting_pairs_within_classes():
    rng = np.random.default_rng(1)
    scores, member, strata = rng.integers(0, 5, 60).astype(float), rng.random(60) < 0.5, rng.integers(0, 3, 60)
    wins = pairs = 0.0
    for i in np.flatnonzero(member):
        for j in np.flatnonzero(~member & (strata == strata[i])):
            wins += (scores[i] > scores[j]) + 0.5 * (scores[i] == scores[j])
            pairs += 1
    assert stratified_auc(scores, member, strata) == pytest.approx(wins / pairs)


def test_members_are_counted_above_all_but_one_in_a_hundred():
    scores = np.concatenate([np.arange(200.0), [198.5, 196.5, 250.0]])
    is_member = np.arange(203) >= 200
    assert hits_at(scores, is_member) == (2, 2)  # 199 and 198 may lie above; 198.5 and 250 are beyond 197


def test_chance_scores_are_significant_in_one_run_of_twenty():
    rng = np.random.default_rng(2)
    p_values = []
    for seed in range(200):
        scores, member, strata = rng.normal(size=80), np.arange(80) < 40, np.arange(80) % 2
        p_values.append(measure(scores, member, strata, n_draws=100, seed=seed).p_value)
    assert np.mean(np.array(p_values) <= 0.05) <= 0.08


def test_a_class_that_is_rarer_among_the_held_out_rows_is_no_leak():
    strata = np.repeat([0, 1], 60)
    is_member = np.r_[np.arange(60) < 50, np.arange(60) < 10]
    scores = strata * -5.0 + np.random.default_rng(3).normal(size=120)
    assert measure(scores, is_member, strata, n_draws=200).p_value > 0.05


def test_membership_is_dealt_again_within_classes_alone():
    strata, is_member = np.repeat([0, 1], 10), np.arange(20) < 10  # all of class 0, none of class 1
    sums = permuted_sums(np.arange(20.0)[None], is_member, strata, 50, np.random.default_rng(0))
    assert (sums == 45.0).all()


def test_as_many_members_as_others_take_part_in_guessing():
    is_member = np.arange(100) < 80
    n_guesses, n_right = guesses(is_member.astype(float), is_member, np.zeros(100, np.int64), np.random.default_rng(0))
    assert (n_guesses, n_right) == (10, 10)
