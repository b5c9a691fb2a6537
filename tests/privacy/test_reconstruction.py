from __future__ import annotations

import numpy as np
import pytest

from smotext.privacy.attack_scene import AuditRows, as_rows
from smotext.privacy.likelihood import leads
from smotext.privacy.reconstruction import meeting_points, reconstruct
from smotext.utils.geometry import unit


def rows_of(vectors):
    n = len(vectors)
    return AuditRows(tuple(map(str, range(n))), np.array(["x"] * n, dtype=object), np.arange(n), vectors)


def test_parents_and_weights_give_every_vector_back():
    rng = np.random.default_rng(0)
    vectors = unit(rng.normal(size=(30, 64)))
    parents = [rng.choice(30, 2, replace=False).tolist() for _ in range(60)]
    weights = [[lam, 1 - lam] for lam in rng.uniform(size=60)]
    found = reconstruct(rows_of(vectors), np.array(["x"] * 60, dtype=object), parents, weights)
    n_parents = len({row for pair in parents for row in pair})
    assert (found.with_weights.hits, found.with_weights.of) == (n_parents, n_parents)


def test_lines_through_three_mixes_meet_in_the_real_rows():
    vectors = unit(np.random.default_rng(1).normal(size=(4, 64)))
    pairs = [[0, 1], [0, 2], [1, 2], [2, 3]]
    parents = [pair for pair in pairs for _ in range(3)]
    weights = [[lam, 1 - lam] for _ in pairs for lam in (0.2, 0.5, 0.7)]
    found = reconstruct(rows_of(vectors), np.array(["x"] * 12, dtype=object), parents, weights)
    assert found.by_lines.hits == 3  # the fourth lies on one line only
    assert found.precision.value == 1.0


def test_mixes_on_one_place_make_no_line():
    vectors = unit(np.random.default_rng(4).normal(size=(4, 16)))
    twins = np.stack([vectors[0] + vectors[1]] * 3 + [vectors[2] + vectors[3]] * 3)
    assert len(meeting_points(twins)) == 0


def test_mixes_of_eight_lie_on_no_line():
    rng = np.random.default_rng(2)
    mixed = rng.dirichlet(np.ones(8), size=40) @ unit(rng.normal(size=(8, 64)))
    assert len(meeting_points(mixed)) == 0


def test_without_weights_there_is_nothing_to_reconstruct():
    vectors = unit(np.random.default_rng(3).normal(size=(3, 8)))
    assert reconstruct(rows_of(vectors), np.array(["x"], dtype=object), [[0, 1]], [[]]) is None


def test_a_lead_over_nobody_is_none_and_absent_candidates_lead_nobody():
    values = np.array([[1.0, -np.inf, -np.inf], [2.0, 5.0, 1.0]])
    assert leads(values)[1].tolist() == [-3.0, 3.0, -4.0]
    assert leads(values)[0, 1:].tolist() == [-np.inf, -np.inf]


@pytest.mark.parametrize("given", [["a", "b"], (["a", "b"], [1, 2])])
def test_texts_alone_are_one_class_and_pairs_have_theirs(given):
    rows = as_rows(given, "real")
    assert len(rows) == 2
    assert len(set(rows.labels.tolist())) == (1 if isinstance(given, list) else 2)
