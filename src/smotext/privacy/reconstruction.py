"""What the private files would give away: vectors of real rows, from mixed vectors with or without their weights.

References
----------
"SMOTE and Mirrors" (arXiv 2510.15083): points on a line between two rows give the line away, and lines that meet give
the row in which they meet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smotext.privacy.attack_scene import AuditRows
from smotext.privacy.epsilon_bounds import clopper_pearson
from smotext.privacy.rates import IntervalEstimate
from smotext.utils.geometry import row_cosines, unit

# From this cosine on, a vector counts as the row's own.
SAME = 0.99
# Rows of a class; solving for more takes memory and minutes.
MAX_SOLVED_ROWS = 3000
# Lines are sought among so many points of a class: the time grows with the third power.
MOST_POINTS = 400
# Lines of a class, of which every two are tried.
MOST_LINES = 500
# Below this sine three points count as lying on a line.
_STRAIGHT = 1e-4
# Two lines that come nearer than this count as meeting; vectors have length 1.
_MEET = 1e-3


@dataclass(frozen=True)
class Reconstruction:
    """How many real rows' vectors the mixed vectors give back.

    Attributes
    ----------
    with_weights : IntervalEstimate
        Of the real rows that are a parent at all, with the lineage's parents and weights.
    by_lines : IntervalEstimate
        Of the same rows, from the mixed vectors alone.
    precision : IntervalEstimate
        Share of the vectors found by lines that are a real row's; NaN where none was found.
    """

    with_weights: IntervalEstimate
    by_lines: IntervalEstimate
    precision: IntervalEstimate


def reconstruct(
    real: AuditRows, labels: NDArray[np.object_], parents: Sequence[Sequence[int]], weights: Sequence[Sequence[float]]
) -> Reconstruction | None:
    """Return what parents, weights and mixed vectors give away; None where no row has known weights.

    Parameters
    ----------
    real : AuditRows
        With vectors.
    labels : ndarray of shape (n_released,), object
    parents, weights : sequences of n_released sequences
        Row numbers of the real file, and how much each weighs in the (linear) mix.
    """
    assert real.vectors is not None
    places = {number: place for place, number in enumerate(real.numbers.tolist())}
    solved = by_lines = n_rows = n_found = n_true = 0
    for label in dict.fromkeys(labels.tolist()):
        rows = [row for row in np.flatnonzero(labels == label).tolist() if len(parents[row]) == len(weights[row]) > 0]
        known = sorted({places[number] for row in rows for number in parents[row] if number in places})
        if not known or max(len(known), len(rows)) > MAX_SOLVED_ROWS:
            continue
        column = {place: position for position, place in enumerate(known)}
        mixing = np.zeros((len(rows), len(known)))
        for position, row in enumerate(rows):
            for number, weight in zip(parents[row], weights[row], strict=True):
                if number in places:
                    mixing[position, column[places[number]]] += weight
        originals = unit(real.vectors[known]).astype(np.float64)
        mixed = mixing @ originals
        n_rows += len(known)
        solved += int((row_cosines(solve(mixing, mixed), originals) >= SAME).sum())
        found = meeting_points(mixed[:MOST_POINTS])
        n_found += len(found)
        if len(found):
            cosines = unit(found) @ originals.T
            n_true += int((cosines.max(axis=1) >= SAME).sum())
            by_lines += int((cosines.max(axis=0) >= SAME).sum())
    if not n_rows:
        return None
    return Reconstruction(_share(solved, n_rows), _share(by_lines, n_rows), _share(n_true, n_found))


def solve(mixing: NDArray[np.float64], mixed: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rows of least length that give `mixed` when weighed by `mixing`.

    Examples
    --------
    >>> solve(np.array([[0.5, 0.5], [0.25, 0.75]]), np.array([[1.0], [1.5]])).round(6).tolist()
    [[0.0], [2.0]]
    """
    return np.asarray(np.linalg.lstsq(mixing, mixed, rcond=1e-9)[0], dtype=np.float64)


def meeting_points(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where lines through three or more of the points meet, each place once; shape (n_found, n_dims).

    Examples
    --------
    Two lines that meet in the origin, and a stray point:

    >>> points = np.array([[1, 0, 0], [2, 0, 0], [3, 0, 0], [0, 1, 0], [0, 2, 0], [0, 3, 0], [5, 7, 1]], float)
    >>> (meeting_points(points).round(6) + 0.0).tolist()
    [[0.0, 0.0, 0.0]]
    """
    starts, directions = _lines(points)
    found: list[NDArray[np.float64]] = []
    for first in range(len(starts)):
        for second in range(first + 1, len(starts)):
            meeting = _meeting(starts[first], directions[first], starts[second], directions[second])
            if meeting is not None and all(np.linalg.norm(meeting - other) > _MEET for other in found):
                found.append(meeting)
    return np.array(found).reshape(len(found), points.shape[1])


def _lines(points: NDArray[np.float64]) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
    """Return a point and the direction of each line that holds at least three of the points."""
    known: set[frozenset[int]] = set()
    starts: list[NDArray[np.float64]] = []
    directions: list[NDArray[np.float64]] = []
    points = _apart(points)
    for first in range(len(points)):
        if len(known) >= MOST_LINES:
            break
        steps = points - points[first]
        lengths = np.linalg.norm(steps, axis=1)
        others = np.flatnonzero(lengths > _MEET)
        ways = steps[others] / lengths[others, None]
        is_same = np.abs(ways @ ways.T) >= 1 - _STRAIGHT**2 / 2
        for position in np.flatnonzero(is_same.sum(axis=1) >= 2):
            line = frozenset([first, *others[is_same[position]].tolist()])
            if line in known:
                continue
            known.add(line)
            on_line = points[sorted(line)]
            centre = on_line.mean(axis=0)
            starts.append(centre)
            directions.append(np.linalg.svd(on_line - centre, full_matrices=False)[2][0])
    return starts, directions


def _apart(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the points without those that lie on an earlier one: two on one place make a line with any third."""
    kept: list[int] = []
    for row in range(len(points)):
        if not kept or np.linalg.norm(points[kept] - points[row], axis=1).min() > _MEET:
            kept.append(row)
    return points[kept]


def _meeting(
    start: NDArray[np.float64],
    direction: NDArray[np.float64],
    other_start: NDArray[np.float64],
    other_direction: NDArray[np.float64],
) -> NDArray[np.float64] | None:
    """Return where two lines meet, or None if they pass each other or run along each other."""
    step, cosine = other_start - start, float(direction @ other_direction)
    sine2 = 1 - cosine**2
    if sine2 < _STRAIGHT:
        return None
    along = (direction @ step - cosine * (other_direction @ step)) / sine2
    other_along = (cosine * (direction @ step) - other_direction @ step) / sine2
    here, there = start + along * direction, other_start + other_along * other_direction
    return (here + there) / 2 if np.linalg.norm(here - there) < _MEET else None


def _share(hits: int, of: int) -> IntervalEstimate:
    if not of:
        return IntervalEstimate(float("nan"), 0.0, 1.0)
    return IntervalEstimate(hits / of, *clopper_pearson(hits, of), hits=hits, of=of)
