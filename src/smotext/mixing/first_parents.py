"""Which texts of a class are first parents, and in which order they take their turns.

Every strategy is a list of groups. Groups take turns in proportion to their weights, the members of a group
go round in one seeded shuffle, and their partners are sought among the group's partners:

============  ==============================  ========================================  ===================
strategy      groups                          weight of a group                         partners
============  ==============================  ========================================  ===================
smote,random  the class                                                                 the class
borderline    its texts in danger                                                       the class
adasyn        texts with as many neighbours   how many, times members                   the class
              of other classes
kmeans        clusters where it is not rare   sparsity                                  the cluster's texts
============  ==============================  ========================================  ===================
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.mixing.neighbours import nearest
from smotext.utils.seeding import generator, stable_hash

PARENT_STRATEGIES = ("smote", "random", "borderline", "adasyn", "kmeans")
# The number m of Han, Wang & Mao (2005), with imbalanced-learn's default.
DANGER_NEIGHBOURS = 10
# As in imbalanced-learn's KMeansSMOTE.
N_CLUSTERS = 8
# A cluster's mean distance is taken over so many of its rows: all pairs of more rows would take hours.
_SPARSITY_SAMPLE = 4000


@dataclass(frozen=True)
class Group:
    """First parents that take turns among themselves; all positions are within the class.

    Attributes
    ----------
    members : ndarray of shape (n_members,), int64
        In the order of their turns.
    partners : ndarray of shape (n_partners,), int64
        Ascending; among these the members' neighbours are sought.
    weight : float
        Share of the class's rows that start from this group, relative to the other groups'.
    """

    members: NDArray[np.int64]
    partners: NDArray[np.int64]
    weight: float = 1.0


class LabelledVectors:
    """All vectors with the classes they belong to.

    Parameters
    ----------
    vectors : ndarray of shape (n_texts, vector_dim), float32
        May be a memory map.
    labels : sequence of n_texts hashables
        Class of each.
    seed : int
        The run's root seed.

    Attributes
    ----------
    codes : ndarray of shape (n_texts,), int64
        Number of each text's class, in the order in which the classes first appear.
    rows : dict of ndarray
        Ascending positions of each class's texts.
    """

    def __init__(self, vectors: NDArray[np.float32], labels: Sequence[Any] | NDArray[Any], seed: int) -> None:
        self.vectors, self.seed = vectors, seed
        numbers: dict[Any, int] = {}
        self.codes = np.fromiter((numbers.setdefault(label, len(numbers)) for label in labels), np.int64, len(labels))
        ends = np.cumsum(np.bincount(self.codes))[:-1]
        self.rows = dict(zip(numbers, np.split(np.argsort(self.codes, kind="stable"), ends), strict=True))

    @cached_property
    def clusters(self) -> NDArray[np.int32]:
        """Cluster of each text, from one k-means over all classes."""
        from sklearn.cluster import MiniBatchKMeans

        # scikit-learn takes seeds of 31 bits.
        state = stable_hash(self.seed, "kmeans") >> 33
        return MiniBatchKMeans(min(N_CLUSTERS, len(self.vectors)), random_state=state).fit_predict(self.vectors)


def find_groups(strategy: str, corpus: LabelledVectors, label: Any, k_neighbors: int) -> list[Group]:
    """Return a class's groups of first parents; none where the strategy finds no first parent.

    Parameters
    ----------
    strategy : str
        One of ``PARENT_STRATEGIES``.
    corpus : LabelledVectors
        All classes: three strategies look at the others.
    label : hashable
        The class; it has at least two texts.
    k_neighbors : int
        Neighbours that ``"adasyn"`` counts and that ``"kmeans"`` needs within a cluster.

    Returns
    -------
    list of Group

    References
    ----------
    Chawla et al., "SMOTE", JAIR 2002; Han, Wang and Mao, "Borderline-SMOTE", ICIC 2005; He et al.,
    "ADASYN", IJCNN 2008; Douzas, Bacao and Last, "Improving imbalanced learning through a heuristic
    oversampling method based on k-means and SMOTE", Information Sciences 2018.
    """
    rows = corpus.rows[label]
    shuffle = generator(corpus.seed, label, "first").permutation(len(rows))
    if strategy == "kmeans":
        return _cluster_groups(corpus, label, shuffle, k_neighbors)
    if strategy == "borderline":
        share = other_class_share(corpus, label, DANGER_NEIGHBOURS)
        # A text whose neighbours all belong to other classes counts as noise, and is no parent.
        in_danger = (share >= 0.5) & (share < 1)
        levels = np.where(in_danger, 1.0, 0.0)
    elif strategy == "adasyn":
        levels = other_class_share(corpus, label, k_neighbors)
    else:
        levels = np.ones(len(rows))
    everyone = np.arange(len(rows))
    groups = [(level, shuffle[levels[shuffle] == level]) for level in np.unique(levels[levels > 0])]
    return [Group(members, everyone, float(level * len(members))) for level, members in groups]


def other_class_share(corpus: LabelledVectors, label: Any, k: int) -> NDArray[np.float64]:
    """Return, for each text of a class, the share of other classes among its `k` nearest in the whole data.

    Parameters
    ----------
    corpus : LabelledVectors
        All classes.
    label : hashable
        The class.
    k : int
        Neighbours; one less than there are texts if there are fewer.

    Returns
    -------
    ndarray of shape (n_texts of the class,), float64
        Each in [0, 1].
    """
    rows = corpus.rows[label]
    found = nearest(corpus.vectors, rows, min(k, len(corpus.vectors) - 1))
    return (corpus.codes[found] != corpus.codes[rows[0]]).mean(axis=1)


def _cluster_groups(corpus: LabelledVectors, label: Any, shuffle: NDArray[np.int64], k_neighbors: int) -> list[Group]:
    """Return the class's part of each cluster where it is not rare and has neighbours enough."""
    mine = corpus.clusters[corpus.rows[label]]
    # imbalanced-learn's threshold, for the case that all classes but one grow by as much.
    threshold = 0.5 / max(len(corpus.rows) - 1, 1)
    sizes = np.bincount(corpus.clusters)
    groups, log_weights = [], []
    for cluster in np.unique(mine):
        members = shuffle[mine[shuffle] == cluster]
        if len(members) > min(k_neighbors, len(mine) - 1) and len(members) >= threshold * sizes[cluster]:
            groups.append(members)
            log_weights.append(_log_sparsity(corpus, corpus.rows[label][members]))
    weights = _softmax(np.array(log_weights))
    return [Group(members, np.sort(members), float(w)) for members, w in zip(groups, weights, strict=True) if w > 0]


def _log_sparsity(corpus: LabelledVectors, rows: NDArray[np.int64]) -> float:
    """Return the logarithm of imbalanced-learn's sparsity of a cluster: mean distance ** exponent / size."""
    # The rows come in random order, so that the first ones are a sample.
    distance = _mean_distance(np.asarray(corpus.vectors[rows[:_SPARSITY_SAMPLE]]))
    # What imbalanced-learn does for density_exponent="auto".
    exponent = math.log(len(rows), 1.6) ** 1.8 * 0.16
    return exponent * math.log(distance) - math.log(len(rows)) if distance > 0 else -math.inf


def _mean_distance(rows: NDArray[np.float32]) -> float:
    """Return the mean Euclidean distance over all pairs, in blocks."""
    from sklearn.metrics import pairwise_distances_chunked

    total = sum(float(block.sum(dtype=np.float64)) for block in pairwise_distances_chunked(rows, working_memory=16))
    return total / (len(rows) * (len(rows) - 1))


def _softmax(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return weights in proportion to exp(logs) summing to 1; equal ones where all are -inf."""
    if not len(logs) or np.isneginf(logs).all():
        return np.full(len(logs), 1 / max(len(logs), 1))
    weights = np.exp(logs - logs.max())
    return weights / weights.sum()


def take_turns(groups: Sequence[Group], n_rows: int) -> NDArray[np.int64]:
    """Return each row's first parent, as a position within the class; more rows keep the earlier ones.

    Groups share the rows by Webster's method, which rounds each group's part to the nearest; the members
    of a group differ by at most one turn.

    Parameters
    ----------
    groups : sequence of Group
        At least one.
    n_rows : int
        Rows of the class.

    Returns
    -------
    ndarray of shape (n_rows,), int64

    Examples
    --------
    >>> pair, single = Group(np.array([0, 1]), np.arange(3), 2.0), Group(np.array([2]), np.arange(3), 1.0)
    >>> take_turns([pair, single], 6).tolist()
    [0, 2, 1, 0, 2, 1]
    """
    turns = _webster(np.array([group.weight for group in groups]), n_rows)
    firsts = np.empty(n_rows, dtype=np.int64)
    for place, group in enumerate(groups):
        mine = np.flatnonzero(turns == place)
        firsts[mine] = group.members[np.arange(len(mine)) % len(group.members)]
    return firsts


def _webster(weights: NDArray[np.float64], n_rows: int) -> NDArray[np.int64]:
    """Return whose turn each row is: the j-th turn of weight w comes at time (j + 1/2) / w."""
    shares = weights / weights.sum()
    # Rounded up like this, the counts sum to n_rows or more.
    counts = np.floor(shares * (n_rows + len(weights)) + 0.5).astype(np.int64)
    turns = np.repeat(np.arange(len(weights)), counts)
    nth = np.arange(len(turns)) - np.repeat(np.cumsum(counts) - counts, counts)
    return turns[np.argsort((nth + 0.5) / shares[turns], kind="stable")][:n_rows]
