from __future__ import annotations

import sys

import numpy as np
import pytest
from scipy.special import ndtr

from smotext.errors import InputError, MissingExtraError
from smotext.mixing.mixes import mix
from smotext.mixing.plan import UNKNOWN
from smotext.privacy import Privacy, PrivatePlanner
from smotext.privacy.gaussian import ceilings, check_opendp, delta_of, mu_for, sigma_for, with_noise
from smotext.privacy.privacy_option import parse_privacy
from smotext.privacy.rates import stratified_auc
from smotext.privacy.refused_options import RULES, check_allowed, refusals
from smotext.privacy.release import clip, draw_groups, group_sums, release, statement
from smotext.utils.geometry import unit

LABELS = {"a": 600, "b": 600}
DP = Privacy("dp", epsilon=8, group_size=50, labels=LABELS)


def rows_of(n, seed=0, dim=16):
    vectors = unit(np.random.default_rng(seed).normal(size=(n, dim)))
    labels = np.array([("a", "b")[i % 2] for i in range(n)], dtype=object)
    return vectors, labels


@pytest.fixture
def opendp():
    return pytest.importorskip("opendp", reason="extra privacy")


@pytest.mark.parametrize(("epsilon", "sigma"), [(1, 3.73), (4, 1.08), (8, 0.600), (10, 0.500)])
def test_the_noise_is_what_the_analytic_gaussian_mechanism_asks_for(epsilon, sigma):
    assert sigma_for(epsilon, 1e-5) == pytest.approx(sigma, rel=0.005)


def test_the_noise_agrees_with_numerical_composition_of_privacy_losses():
    assert sigma_for(8.0, 1e-5) == pytest.approx(0.60024, rel=1e-4)  # dp-accounting's PLD gives epsilon 8.000 there


@pytest.mark.parametrize(
    ("epsilon", "auc", "tpr"), [(1, 0.575, 0.020), (4, 0.743, 0.081), (8, 0.881, 0.255), (10, 0.921, 0.372)]
)
def test_no_attack_can_exceed_the_ceilings(epsilon, auc, tpr):
    found = ceilings(epsilon, 1e-5)
    assert found.auc == pytest.approx(auc, abs=0.001)
    assert found.tpr == pytest.approx(tpr, abs=0.001)


def test_the_sigma_meets_its_delta_by_direct_integration():
    sigma, epsilon = sigma_for(1.0, 1e-3), 1.0
    x = np.linspace(-60, 60, 1_200_001)
    density = [np.exp(-((x - centre) ** 2) / (2 * sigma**2)) / (sigma * np.sqrt(2 * np.pi)) for centre in (1, 0)]
    excess = np.trapezoid(np.maximum(density[0] - np.exp(epsilon) * density[1], 0), x)
    assert excess == pytest.approx(1e-3, rel=1e-4)
    assert excess <= 1e-3 * (1 + 1e-6)


def test_replacing_and_several_rows_of_a_person_take_as_much_more_noise():
    one = Privacy("dp", epsilon=1, labels=["a"])
    more = Privacy("dp", epsilon=1, labels=["a"], rows_per_person=3, is_replacing=True)
    assert (one.sensitivity, more.sensitivity) == (1.0, 6.0)
    assert more.unit == "one person's rows, 3 at most, replaced by others"
    assert sigma_for(1, 1e-5, more.sensitivity) == pytest.approx(6 * sigma_for(1, 1e-5))


def test_one_more_row_changes_exactly_one_group_sum_and_by_at_most_one():
    vectors, labels = rows_of(500, dim=384)
    vectors[-1] *= 7.0  # longer than 1
    groups = draw_groups(labels, DP.n_groups, np.random.default_rng(1))
    with_row, without = (group_sums(clip(vectors[:n]), groups[:n], 24) for n in (500, 499))
    changes = np.linalg.norm(with_row - without, axis=1)
    assert np.flatnonzero(changes).tolist() == [groups[-1]]
    assert changes.max() <= 1.0


@pytest.mark.parametrize("row", [0, 200, 499])
def test_a_row_changes_one_sum_wherever_it_stood_and_the_order_changes_none(row):
    vectors, labels = rows_of(500)
    groups = draw_groups(labels, DP.n_groups, np.random.default_rng(2))
    kept = np.random.default_rng(3).permutation(np.delete(np.arange(500), row))
    change = group_sums(clip(vectors), groups, 24) - group_sums(clip(vectors[kept]), groups[kept], 24)
    assert np.flatnonzero(change.any(axis=1)).tolist() == [groups[row]]
    assert (change[groups[row]] == clip(vectors[row : row + 1])[0]).all()  # exact: no rounding gives a row away


def test_clipped_vectors_are_never_longer_than_one():
    vectors = np.random.default_rng(4).normal(size=(2000, 384)) * np.geomspace(1e-3, 1e3, 2000)[:, None]
    assert np.linalg.norm(clip(vectors), axis=1).max() <= 1.0
    assert np.linalg.norm(clip(np.array([[1.0, 0.0], [0.6, 0.8]])), axis=1).max() <= 1.0


def test_each_row_draws_its_group_by_itself():
    vectors, labels = rows_of(10_000)
    groups = draw_groups(labels, {"a": 4, "b": 1}, np.random.default_rng(5))
    counts = np.bincount(groups)
    assert len(vectors) == counts.sum()
    assert counts[4] == 5000  # all of class b
    assert np.abs(counts[:4] - 1250).max() < 150  # not dealt out evenly, but near it
    assert counts[:4].std() > 0


def test_rows_of_classes_that_are_not_public_take_no_part():
    vectors, labels = rows_of(6)
    groups = draw_groups(labels, {"b": 1}, np.random.default_rng(0))
    assert groups.tolist() == [-1, 0, -1, 0, -1, 0]
    assert group_sums(clip(vectors), groups, 1) == pytest.approx(clip(vectors)[1::2].sum(axis=0)[None])


def test_the_same_random_state_twice_gives_different_noise(opendp):
    vectors, labels = rows_of(200)
    plans = [PrivatePlanner(vectors, labels, DP, seed=0).plan({"a": 5}) for _ in range(2)]
    assert (plans[0].seeds == plans[1].seeds).all()
    assert not np.isclose(plans[0].vectors, plans[1].vectors, atol=1e-3).all()


def test_numpys_seed_does_not_reach_the_noise(opendp):
    drawn = []
    for _ in range(2):
        np.random.seed(0)  # noqa: NPY002
        drawn.append(with_noise(np.zeros(8), 1.0))
    assert (drawn[0] != drawn[1]).all()


def test_the_noise_has_the_standard_deviation_that_was_asked_for(opendp):
    drawn = with_noise(np.zeros((40, 100)), 0.6)
    assert drawn.shape == (40, 100)
    assert drawn.std() == pytest.approx(0.6, rel=0.05)
    assert abs(drawn.mean()) < 0.05


def test_opendps_own_account_of_the_noise_is_ours(opendp):
    import opendp.prelude as dp

    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T=float, nan=False)), dp.l2_distance(T=float)
    assert dp.m.make_gaussian(*space, scale=0.6).map(1.0) == pytest.approx(1 / (2 * 0.6**2))


def test_any_number_of_texts_comes_from_one_release(opendp, monkeypatch):
    from smotext.privacy import private_planner

    calls = []
    monkeypatch.setattr(private_planner, "release", lambda *args: calls.append(args) or release(*args))
    planner = PrivatePlanner(*rows_of(300), DP, seed=0)
    few, many = planner.plan({"a": 500}), planner.plan({"a": 50_000})
    again = planner.replan(["a"], [3], [1])
    assert len(calls) == 1
    assert (few.vectors == many.vectors[:500]).all()
    assert len(again) == 1
    assert statement(DP)[0].startswith("differential privacy: epsilon 8, delta 1e-05, for one row added or removed")


def test_planned_vectors_are_mixes_of_two_centres_of_the_class_and_parents_are_unknown(opendp):
    planner = PrivatePlanner(*rows_of(300), DP, seed=0, lam=1.0)
    plan = planner.plan({"b": 24, "a": 2})
    own = planner.centres.vectors[planner.centres.labels == "b"]
    assert np.allclose(np.linalg.norm(plan.vectors, axis=1), 1.0, atol=1e-5)
    assert np.allclose((plan.vectors[:24] @ own.T).max(axis=1), 1.0, atol=1e-5)
    assert len(np.unique((plan.vectors[:24] @ own.T).argmax(axis=1))) == 12  # in turns: each centre twice
    assert (plan.parents == UNKNOWN).all()
    assert np.isnan(plan.weights).all()
    assert plan.labels.tolist() == ["b"] * 24 + ["a"] * 2


def test_centres_that_were_kept_are_taken_instead_of_drawn(opendp, monkeypatch):
    from smotext.privacy import private_planner

    first = PrivatePlanner(*rows_of(300), DP, seed=0)
    kept = first.centres.vectors
    monkeypatch.setattr(private_planner, "release", lambda *_: pytest.fail("noise is drawn a second time"))
    second = PrivatePlanner(*rows_of(300), DP, seed=0, keep=lambda draw: kept)
    assert (second.replan(["a"], [0], [1]).vectors == first.replan(["a"], [0], [1]).vectors).all()


def test_a_class_that_is_not_public_cannot_be_planned():
    with pytest.raises(InputError, match="unknown public class 'c'"):
        PrivatePlanner(*rows_of(30), DP, seed=0).plan({"c": 1})


def test_an_attack_that_knows_all_other_rows_and_the_groups_stays_below_the_ceilings(opendp):
    # the strongest attacker there is: it subtracts everything but the row's own vector and looks along that
    privacy = Privacy("dp", epsilon=4, labels=["a"])
    sigma, row = sigma_for(4, privacy.delta), clip(rows_of(1)[0])[0]
    is_used = np.arange(800) < 400
    noisy = with_noise(np.outer(is_used, row), sigma)
    found = stratified_auc(noisy @ row, is_used, np.zeros(800, np.int64))
    top = ceilings(4, privacy.delta)
    assert found <= top.auc + 0.05
    assert found == pytest.approx(top.auc, abs=0.05)  # and it reaches them: the noise is not larger than needed


def test_an_attack_by_nearness_on_what_is_released_stays_below_the_ceilings(opendp):
    # every group has about one row, so that a centre has the direction of a row: the worst that averaging can do
    privacy, scores = Privacy("dp", epsilon=8, group_size=1, labels={"a": 6}), []
    for seed in range(200):
        vectors = rows_of(12, seed=seed, dim=16)[0]
        found = release(vectors[:6], np.array(["a"] * 6, dtype=object), privacy)
        scores.append((vectors @ found.vectors.T).max(axis=1))
    is_used, top = np.tile(np.arange(12) < 6, 200), ceilings(8, privacy.delta)
    assert 0.55 < stratified_auc(np.concatenate(scores), is_used, np.zeros(2400, np.int64)) <= top.auc + 0.02
    threshold = np.quantile(np.concatenate(scores)[~is_used], 0.99)
    assert (np.concatenate(scores)[is_used] > threshold).mean() <= top.tpr + 0.03


def test_centres_of_large_groups_keep_their_direction_and_of_no_rows_are_noise(opendp):
    rng = np.random.default_rng(6)
    vectors = unit(np.eye(16)[0] + 0.1 * rng.normal(size=(400, 16)))
    labels = np.array(["a"] * 400, dtype=object)
    found = release(vectors, labels, Privacy("dp", epsilon=8, group_size=100, labels={"a": 400, "b": 100}))
    cosines = found.vectors @ unit(np.eye(16)[:1])[0]
    assert cosines[:4].min() > 0.95
    assert abs(cosines[4]) < 0.95
    assert found.labels.tolist() == ["a"] * 4 + ["b"]


def test_without_opendp_the_error_names_the_pip_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "opendp.prelude", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'smotext\[privacy\]'"):
        check_opendp()


class Sampler:
    """Stands for an over-sampler object."""


class Fitted:
    """Stands for a filter that is fitted on real rows."""

    name = "fitted"

    def fit(self, real):
        return self


REFUSED = [
    {"strategy": "smote"},
    {"strategy": "borderline"},
    {"strategy": "adasyn"},
    {"strategy": "kmeans"},
    {"strategy": Sampler()},
    {"n": 500},
    {"n": None},
    {"max_new_tokens": "auto"},
    {"filters": "default"},
    {"filters": ["copied"]},
    {"filters": [Fitted()]},
    {"examples": 4},
    {"is_adapted": True},
    {"is_tuned": True},
    {"lineage": True},
    {"vector_norm": "raw"},
    {"by_audit": True},
    {"hide_values": True},
    {"record_columns": ("complaint", "answer")},
    {"turns": True},
    {"unlabelled": ["a text"]},
]


@pytest.mark.parametrize("option", REFUSED, ids=str)
def test_every_option_on_the_refused_list_is_an_error_that_names_it(option):
    with pytest.raises(InputError, match=f"does not go with {next(iter(option))}[=:]"):
        check_allowed(DP, option)


def test_every_rule_for_dp_is_tested():
    refused = {rule.reason for rule in RULES if "dp" in rule.kinds}
    told = {
        rule.reason
        for rule in RULES
        for option in REFUSED
        if rule.name in option and rule.is_refused(option[rule.name])
    }
    assert told == refused


def test_what_reads_no_real_row_is_allowed():
    options = {
        "strategy": "random",
        "n": {"a": 300},
        "max_new_tokens": 64,
        "filters": [lambda texts, labels: [True] * len(texts)],
        "examples": 0,
        "lineage": False,
        "mix": "slerp",
    }
    assert refusals(DP, options) == []
    assert refusals(None, {"examples": 4, "n": 500}) == []


def test_several_refused_options_are_told_at_once():
    assert len(refusals(DP, {"strategy": "smote", "n": 5, "max_new_tokens": "auto"})) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "dp"}, "needs epsilon"),
        ({"kind": "dp", "epsilon": 8}, "needs labels"),
        ({"kind": "dp", "epsilon": 8, "labels": "spam"}, "needs labels"),
        ({"kind": "dp", "epsilon": 8, "labels": []}, "labels is empty"),
        ({"kind": "dp", "epsilon": 8, "labels": ["a"], "group_size": 5}, "the true counts are secret"),
        ({"kind": "dp", "epsilon": 8, "labels": {"a": 0}}, "expected a public number of rows"),
        ({"kind": "dp", "epsilon": "auto", "labels": ["a"]}, "spends privacy that nobody counts"),
        ({"kind": "dp", "epsilon": 8, "group_size": "auto", "labels": {"a": 9}}, "spends privacy that nobody counts"),
        ({"kind": "dp", "epsilon": 0, "labels": ["a"]}, "epsilon is 0"),
        ({"kind": "dp", "epsilon": 8, "labels": {"a": 600}, "delta": 0.01}, "far below 1 / rows"),
        ({"kind": "dp", "epsilon": 8, "labels": ["a"], "rows_per_person": 0}, "rows_per_person is 0"),
        ({"kind": "average"}, "needs group_size"),
        ({"kind": "average", "group_size": 1}, "expected an integer of 2 or more"),
        ({"kind": "average", "group_size": 5, "epsilon": 8}, "guarantees nothing"),
        ({"kind": "averge"}, "did you mean 'average'"),
    ],
)
def test_settings_that_do_not_fit_together_are_errors(options, message):
    with pytest.raises(InputError, match=message):
        Privacy(**options)


def test_options_beside_privacy_mean_what_the_record_says():
    assert parse_privacy("dp", epsilon=8, group_size=50, labels=LABELS) == DP
    assert parse_privacy(DP) is DP
    assert parse_privacy(None, epsilon=None) is None
    with pytest.raises(InputError, match="epsilon go with privacy="):
        parse_privacy(None, epsilon=8)


def test_the_settings_can_be_hashed_and_made_again_from_themselves():
    assert Privacy("dp", epsilon=8, group_size=50, labels=DP.labels) == DP
    assert len({DP, Privacy("dp", epsilon=8, group_size=50, labels=LABELS)}) == 1


@pytest.mark.parametrize("mu", [0.1, 1.0, 3.0])
def test_delta_at_epsilon_zero_is_the_distance_of_the_two_outputs(mu):
    assert delta_of(0.0, mu) == pytest.approx(2 * ndtr(mu / 2) - 1)
    assert mu_for(1e-9, delta_of(1e-9, mu)) == pytest.approx(mu, rel=1e-6)


def test_sizes_without_a_group_size_are_one_group_a_class():
    assert Privacy("dp", epsilon=1, labels={"a": 600, "b": 30}).n_groups == {"a": 1, "b": 1}


# averaging


def test_averaging_deals_a_class_once_into_groups_of_at_least_the_size():
    vectors, labels = rows_of(46)  # 23 of each
    planner = PrivatePlanner(vectors, labels, Privacy("average", group_size=5), seed=0)
    plan = planner.plan({"a": 40})
    sizes = (plan.parents != UNKNOWN).sum(axis=1)
    assert set(sizes.tolist()) == {5, 6}
    groups = {tuple(sorted(row[row != UNKNOWN].tolist())) for row in plan.parents}
    assert len(groups) == 4
    assert sorted(row for group in groups for row in group) == np.flatnonzero(labels == "a").tolist()
    assert np.allclose(plan.weights.sum(axis=1), 1.0)
    means = np.stack([vectors[row[row != UNKNOWN]].mean(axis=0) for row in plan.parents])
    assert np.allclose(mix(vectors, plan.parents, plan.weights), means, atol=1e-6)


def test_more_averaged_rows_keep_the_earlier_ones_and_another_attempt_takes_another_group():
    planner = PrivatePlanner(*rows_of(46), Privacy("average", group_size=5), seed=0)
    few, many = planner.plan({"b": 3}), planner.plan({"b": 9})
    assert (few.parents == many.parents[:3]).all()
    again = planner.replan(["b", "a"], [2, 0], [1, 1])
    assert again.labels.tolist() == ["b", "a"]
    assert not set(again.parents[0]) - {UNKNOWN} & set(few.parents[2])


def test_a_class_smaller_than_a_group_is_an_error():
    with pytest.raises(InputError, match="class 'a' has 3 texts and group_size is 5"):
        PrivatePlanner(*rows_of(6), Privacy("average", group_size=5), seed=0).plan({"a": 1})


def test_averaging_says_that_it_guarantees_nothing_and_takes_no_real_examples():
    privacy = Privacy("average", group_size=5)
    assert "guarantees nothing" in statement(privacy)[0]
    assert len(refusals(privacy, {"examples": 4, "strategy": "smote", "n": 5})) == 1
    assert len(refusals(privacy, {"examples": 0, "mix": "slerp"})) == 1
