"""First parents, on points laid out by hand and against imbalanced-learn's own runs."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from imblearn.over_sampling import ADASYN, BorderlineSMOTE, KMeansSMOTE
from sklearn.cluster import MiniBatchKMeans

from smotext.mixing.first_parents import Group, LabelledVectors, find_groups, other_class_share, take_turns
from smotext.utils.seeding import stable_hash


def on_a_line(*places: float) -> np.ndarray:
    return np.array(places, dtype=np.float32)[:, None]


@pytest.fixture(scope="module")
def overlapping() -> LabelledVectors:
    """A rare class that overlaps a frequent one."""
    rng = np.random.default_rng(0)
    vectors = np.concatenate([rng.normal(0, 1, (300, 4)), rng.normal(1.2, 1, (60, 4))]).astype(np.float32)
    return LabelledVectors(vectors, ["common"] * 300 + ["rare"] * 60, seed=3)


@pytest.fixture(scope="module")
def clustered() -> LabelledVectors:
    """Blobs, two of them mostly rare (20 and 12 texts), of different spread; the others common."""
    rng = np.random.default_rng(1)
    centres = rng.normal(0, 20, (8, 3))
    sizes = [(20, 4, 1.0), (12, 3, 1.1), (2, 40, 1.0), (3, 1, 1.0)] + [(0, 40, 1.0)] * 4  # rare, common, spread
    vectors, labels = [], []
    for centre, (n_rare, n_common, spread) in zip(centres, sizes, strict=True):
        vectors.append(rng.normal(centre, spread, (n_rare + n_common, 3)))
        labels += ["rare"] * n_rare + ["common"] * n_common
    return LabelledVectors(np.concatenate(vectors).astype(np.float32), labels, seed=5)


class NoSteps(np.random.RandomState):
    """Makes imbalanced-learn's samplers interpolate by nothing, so that new rows equal their first parents."""

    def uniform(self, low=0.0, high=1.0, size=None):
        return np.zeros(size)


def first_parents_of(sampler, corpus: LabelledVectors, n_new: int) -> np.ndarray:
    """How often the sampler used each text of class "rare" as a first parent."""
    labels = np.array(["rare" if code == corpus.codes[corpus.rows["rare"][0]] else "common" for code in corpus.codes])
    sampler.set_params(random_state=NoSteps(0), sampling_strategy={"rare": len(corpus.rows["rare"]) + n_new})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn's remarks on these small data
        made = sampler.fit_resample(corpus.vectors, labels)[0][len(labels) :]
    rare = corpus.vectors[corpus.rows["rare"]]
    rows = ((made[:, None] - rare[None]) ** 2).sum(axis=2).argmin(axis=1)
    np.testing.assert_array_equal(made, rare[rows])
    return np.bincount(rows, minlength=len(rare))


def our_first_parents(strategy: str, corpus: LabelledVectors, n_new: int) -> np.ndarray:
    firsts = take_turns(find_groups(strategy, corpus, "rare", 5), n_new)
    return np.bincount(firsts, minlength=len(corpus.rows["rare"]))


def test_a_corpus_numbers_its_classes_and_finds_their_rows():
    corpus = LabelledVectors(on_a_line(1, 2, 3, 4), np.array(["b", 7, "b", True], dtype=object)[[0, 1, 2, 1]], seed=0)

    assert corpus.codes.tolist() == [0, 1, 0, 1]
    assert {label: rows.tolist() for label, rows in corpus.rows.items()} == {"b": [0, 2], 7: [1, 3]}


def test_the_share_of_other_classes_is_counted_in_the_whole_data():
    corpus = LabelledVectors(on_a_line(0, 1, 2.1, 3.3, 10, 11.2), list("aabbab"), seed=0)

    # the two nearest of 0: 1, 2.1; of 1: 0, 2.1; of 10: 11.2, 3.3
    assert other_class_share(corpus, "a", 2).tolist() == [0.5, 0.5, 1.0]


@pytest.mark.parametrize("strategy", ["smote", "random"])
def test_the_whole_class_takes_turns(strategy, overlapping):
    (group,) = find_groups(strategy, overlapping, "rare", 5)

    assert sorted(group.members) == list(range(60))
    assert list(group.members) != list(range(60))


def test_borderline_takes_those_with_half_or_more_but_not_all_neighbours_of_another_class():
    safe, danger, noise = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], [5.0], [20.0]
    common = [5 + 0.1 * step for step in range(1, 7)] + [20 + 0.1 * step for step in range(1, 12)]
    labels = ["rare"] * 10 + ["common"] * len(common)
    corpus = LabelledVectors(on_a_line(*safe, *danger, *noise, *common), labels, seed=0)

    (group,) = find_groups("borderline", corpus, "rare", 5)

    # of the ten nearest of 5.0, six are common; all ten of 20.0 are; a safe one has seven of its own
    assert group.members.tolist() == [8]
    assert group.partners.tolist() == list(range(10))


def test_borderlines_first_parents_are_imbalanced_learns(overlapping):
    sampler = BorderlineSMOTE(random_state=0)
    labels = np.where(np.arange(360) < 300, "common", "rare")
    sampler.fit_resample(overlapping.vectors, labels)

    (group,) = find_groups("borderline", overlapping, "rare", 5)

    assert 0 < len(group.members) < 60
    assert sorted(overlapping.rows["rare"][group.members]) == sorted(sampler.in_danger_indices["rare"])


def test_adasyns_turns_follow_the_share_of_other_classes():
    corpus = LabelledVectors(on_a_line(0, 0.1, 10, 10.1, 10.25, 0.15), ["a", "a", "a", "b", "b", "a"], seed=0)

    counts = np.bincount(take_turns(find_groups("adasyn", corpus, "a", 2), 12), minlength=4)

    assert counts.tolist() == [0, 0, 12, 0]  # the other three have neighbours of their own only


def test_adasyns_counts_are_imbalanced_learns_up_to_rounding(overlapping):
    theirs, ours = first_parents_of(ADASYN(), overlapping, 240), our_first_parents("adasyn", overlapping, 240)

    assert np.array_equal(theirs > 0, ours > 0)
    assert np.abs(theirs - ours).max() <= 1


def test_kmeans_groups_are_the_clusters_where_the_class_is_not_rare(clustered):
    groups = find_groups("kmeans", clustered, "rare", 5)

    members = sorted(sorted(group.members.tolist()) for group in groups)
    assert members == [list(range(20)), list(range(20, 32))]
    assert all(np.array_equal(group.partners, np.sort(group.members)) for group in groups)
    by_size = sorted(groups, key=lambda group: len(group.members))
    assert by_size[0].weight > by_size[1].weight  # the smaller is the sparser


def test_kmeans_first_parents_are_imbalanced_learns(clustered):
    estimator = MiniBatchKMeans(8, random_state=stable_hash(clustered.seed, "kmeans") >> 33)
    theirs = first_parents_of(KMeansSMOTE(kmeans_estimator=estimator, k_neighbors=5), clustered, 400)
    ours = our_first_parents("kmeans", clustered, 400)

    groups = find_groups("kmeans", clustered, "rare", 5)
    assert sum(theirs[group.members].sum() for group in groups) == theirs.sum()
    for group in groups:
        assert ours[group.members].sum() > 50
        assert 0 <= theirs[group.members].sum() - ours[group.members].sum() <= 1  # theirs rounds a cluster's part up


@pytest.mark.parametrize("strategy", ["borderline", "adasyn", "kmeans"])
def test_a_strategy_without_first_parents_has_no_groups(strategy):
    alone = LabelledVectors(on_a_line(*range(12), *range(50, 54)), ["a"] * 12 + ["b"] * 4, seed=0)
    scattered = LabelledVectors(np.eye(12, dtype=np.float32), ["a", "b", "b"] * 4, seed=0)

    assert find_groups(strategy, scattered if strategy == "kmeans" else alone, "a", 2) == []


def test_equal_texts_do_not_break_the_sparsity():
    corpus = LabelledVectors(np.zeros((9, 2), dtype=np.float32), ["a"] * 9, seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # k-means finds fewer clusters than asked for
        (group,) = find_groups("kmeans", corpus, "a", 5)

    assert sorted(group.members) == list(range(9))


@pytest.mark.parametrize("n_rows", [1, 7, 50])
def test_more_rows_keep_the_earlier_turns(n_rows):
    groups = [Group(np.array([3, 1]), np.arange(5), 0.21), Group(np.array([0, 2, 4]), np.arange(5), 1.9)]

    np.testing.assert_array_equal(take_turns(groups, n_rows), take_turns(groups, 200)[:n_rows])


def test_groups_get_their_share_to_the_nearest_row():
    groups = [Group(np.array([place]), np.arange(3), weight) for place, weight in enumerate([0.5, 0.3, 0.2])]

    for n_rows in range(1, 60):
        counts = np.bincount(take_turns(groups, n_rows), minlength=3)
        assert np.abs(counts - n_rows * np.array([0.5, 0.3, 0.2])).max() < 1
