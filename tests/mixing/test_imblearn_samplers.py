"""imbalanced-learn's samplers as strategies."""

from __future__ import annotations

import numpy as np
import pytest
from imblearn.combine import SMOTEENN, SMOTETomek
from imblearn.over_sampling import ADASYN, SMOTE, RandomOverSampler
from imblearn.over_sampling.base import BaseOverSampler
from imblearn.under_sampling import EditedNearestNeighbours, RandomUnderSampler

from smotext.errors import InputError
from smotext.mixing.plan import UNKNOWN
from smotext.mixing.planning import Planner


@pytest.fixture(scope="module")
def data():
    """Classes of 60, 20 and 15 texts whose labels are of no kind that a sampler would take."""
    rng = np.random.default_rng(0)
    labels = np.array(["big"] * 60 + [7] * 20 + ["a b/c"] * 15, dtype=object)[rng.permutation(95)]
    return rng.standard_normal((95, 4)).astype(np.float32), labels


class Repeating(BaseOverSampler):
    """Adds the first text of each class, as often as is asked for; has no random state."""

    def __init__(self, *, sampling_strategy="auto", n_per_class=None):
        super().__init__(sampling_strategy=sampling_strategy)
        self.n_per_class = n_per_class

    def _fit_resample(self, X, y):
        for code, n in self.sampling_strategy_.items():
            first = np.flatnonzero(y == code)[0]
            n = n if self.n_per_class is None else self.n_per_class
            X, y = np.concatenate([X, np.repeat(X[[first]], n, axis=0)]), np.concatenate([y, np.full(n, code)])
        return X, y


class Forgetful(Repeating):
    """Calls itself an over-sampler and takes texts away."""

    def _fit_resample(self, X, y):
        return X[::2], y[::2]


@pytest.mark.parametrize("sampler", [SMOTE(k_neighbors=3), RandomOverSampler(shrinkage=0.1), Repeating()])
def test_each_class_gets_as_many_new_vectors_as_asked_for(sampler, data):
    plan = Planner(*data, strategy=sampler, n_parents=3).plan({"a b/c": 7, "big": 2, 7: 0})

    assert plan.labels.tolist() == ["a b/c"] * 7 + ["big"] * 2
    assert plan.ordinals.tolist() == [*range(7), 0, 1]
    assert plan.vectors.shape == (9, 4)
    assert plan.vectors.dtype == np.float32
    assert plan.parents.tolist() == [[UNKNOWN] * 3] * 9
    assert np.isnan(plan.weights).all()
    assert plan.strategies.tolist() == [type(sampler).__name__] * 9
    assert plan.notes == ()


def test_the_vectors_are_the_samplers_own(data):
    vectors, labels = data
    plan = Planner(vectors, labels, strategy=Repeating()).plan({7: 3})

    np.testing.assert_array_equal(plan.vectors, vectors[[np.flatnonzero(labels == 7)[0]] * 3])


def test_the_sampler_is_seeded_by_ours_and_left_alone(data):
    sampler = SMOTE(random_state=1, sampling_strategy="all")
    one, same, other = (Planner(*data, strategy=sampler, seed=seed).plan({7: 9}).vectors for seed in (0, 0, 5))

    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
    assert (sampler.random_state, sampler.sampling_strategy) == (1, "all")
    assert not hasattr(sampler, "sampling_strategy_")


def test_a_replacement_comes_from_another_run_of_the_sampler(data):
    planner = Planner(*data, strategy=SMOTE())
    plan = planner.plan({7: 9, "big": 3})
    again = planner.replan(["big", 7, 7, 7], [2, 8, 0, 0], [1, 1, 2, 1])

    assert again.labels.tolist() == ["big", 7, 7, 7]
    assert again.ordinals.tolist() == [2, 8, 0, 0]
    assert again.attempts.tolist() == [1, 1, 2, 1]
    np.testing.assert_array_equal(planner.replan([7], [8], [1]).vectors, again.vectors[1:2])
    assert len(np.unique(np.concatenate([plan.vectors, again.vectors]), axis=0)) == 12 + 4


def test_a_replacement_without_a_plan_is_an_error(data):
    with pytest.raises(InputError, match="class 7 has no planned row 0: call plan before replan"):
        Planner(*data, strategy=SMOTE()).replan([7], [0], [1])


@pytest.mark.parametrize(("made", "what"), [(2, "some are used again"), (9, "the last are dropped")])
def test_a_sampler_that_makes_another_number_is_cut_or_used_again_and_noted(made, what, data):
    plan = Planner(*data, strategy=Repeating(n_per_class=made)).plan({7: 5})

    assert plan.vectors.shape == (5, 4)
    assert plan.notes == (f"class 7: Repeating made {made} of 5 vectors, so {what}",)


def test_adasyn_gives_exactly_as_many_as_asked_for(data):
    plan = Planner(*data, strategy=ADASYN()).plan({7: 11, "a b/c": 13})

    assert plan.labels.tolist() == [7] * 11 + ["a b/c"] * 13


def test_no_rows_run_no_sampler(data):
    assert len(Planner(*data, strategy=Forgetful()).plan({7: 0})) == 0


@pytest.mark.parametrize("sampler", [RandomUnderSampler(), EditedNearestNeighbours(), SMOTEENN(), SMOTETomek()])
def test_a_sampler_that_takes_texts_away_is_refused(sampler, data):
    with pytest.raises(InputError, match="which takes texts away: expected an over-sampler"):
        Planner(*data, strategy=sampler)


def test_a_sampler_class_is_refused(data):
    with pytest.raises(InputError, match="strategy is the class SMOTE: expected an object"):
        Planner(*data, strategy=SMOTE)


@pytest.mark.parametrize("strategy", [None, 3, object()])
def test_anything_else_is_refused(strategy, data):
    with pytest.raises(InputError, match="expected a name or an imbalanced-learn over-sampler"):
        Planner(*data, strategy=strategy)


def test_a_failing_sampler_is_an_input_error_with_its_cause(data):
    vectors, labels = data
    rows = np.concatenate([np.flatnonzero(labels == "big"), np.flatnonzero(labels == 7)[:2]])
    planner = Planner(vectors[rows], labels[rows], strategy=SMOTE())

    with pytest.raises(
        InputError, match=r"SMOTE failed .*n_neighbors.*the smallest, 7, with 2 text.*add texts"
    ) as info:
        planner.plan({7: 5})
    assert isinstance(info.value.__cause__, ValueError)


def test_a_sampler_that_loses_texts_is_an_error(data):
    planner = Planner(*data, strategy=Forgetful())

    with pytest.raises(InputError, match="does not keep the vectors it is given"):
        planner.plan({7: 5})


def test_a_sampler_that_makes_nothing_is_an_error(data):
    planner = Planner(*data, strategy=Repeating(n_per_class=0))

    with pytest.raises(InputError, match="made nothing for class 7"):
        planner.plan({7: 5})
