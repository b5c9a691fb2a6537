"""Which passages are mixed with which, and how many there are."""

from __future__ import annotations

import numpy as np
import pytest

from smotext.mixing.passage_matching import match_passages

AXES = np.eye(4)


def test_alike_texts_are_matched_passage_by_passage_in_order() -> None:
    assert match_passages([AXES, AXES], [0.3, 0.7]).tolist() == [[0, 0], [1, 1], [2, 2], [3, 3]]


def test_nearness_wins_over_order_where_passages_say_the_same() -> None:
    matches = match_passages([AXES[:2], AXES[1::-1]], [0.6, 0.4]).tolist()
    assert sorted(matches) == [[0, 1], [1, 0]]
    assert matches[0] == [0, 1], "the weightier text's order"


def test_order_decides_between_passages_that_are_equally_near() -> None:
    alike = np.ones((3, 2))
    assert match_passages([alike, alike], [0.5, 0.5]).tolist() == [[0, 0], [1, 1], [2, 2]]


@pytest.mark.parametrize(("lam", "n_new"), [(1.0, 8), (0.5, 5), (0.0, 2), (0.25, 4)])
def test_the_number_of_passages_is_the_parents_average(lam: float, n_new: int) -> None:
    rng = np.random.default_rng(0)
    matches = match_passages([rng.normal(size=(8, 4)), rng.normal(size=(2, 4))], [lam, 1 - lam])
    assert len(matches) == n_new
    assert (np.diff(matches[:, 0]) != 0).all(), "no passage of the longer text comes twice"
    assert set(matches[:, 1].tolist()) <= {0, 1}


def test_there_are_no_more_passages_than_allowed_and_they_are_spread_over_the_text() -> None:
    many = np.ones((20, 2))
    assert match_passages([many, many], [0.5, 0.5], at_most=4)[:, 0].tolist() == [2, 7, 12, 17]


def test_one_parent_or_three_are_matched_as_well() -> None:
    assert match_passages([AXES], [1.0]).tolist() == [[0], [1], [2], [3]]
    assert match_passages([AXES[:1], AXES, AXES[:2]], [0.2, 0.5, 0.3]).shape == (3, 3)
