"""Which passages of long parents are mixed with which: matched by nearness and order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from smotext.utils.geometry import unit

# So much cosine is lost by two passages that stand at the opposite ends of their texts.
ORDER_WEIGHT = 0.5


def match_passages(
    vectors: Sequence[NDArray[Any]], weights: Sequence[float], *, at_most: int | None = None
) -> NDArray[np.int64]:
    """Return which passage of each parent goes into each passage of the new text, in the new text's order.

    Each passage of the longest parent is matched with one of every other parent: one to one, such that matched passages
    are near to each other and stand at like places of their texts, and what is left over with the nearest one. The
    matches are put in the order of the parents' places, weighted; of these, as many are taken as the parents' lengths
    average to, evenly spaced.

    Parameters
    ----------
    vectors : sequence of ndarray of shape (n_passages, vector_dim)
        Of the passages of each parent, in order; one passage or more.
    weights : sequence of float
        Of each parent, summing to 1.
    at_most : int, optional
        Passages of the new text.

    Returns
    -------
    ndarray of shape (n_new_passages, n_parents), int64

    Examples
    --------
    The first parent speaks of one thing and then of another, the second twice of each:

    >>> one, other = [1.0, 0.0], [0.0, 1.0]
    >>> match_passages([np.array([one, other]), np.array([one, one, other, other])], [0.5, 0.5]).tolist()
    [[0, 0], [1, 2], [1, 3]]
    >>> match_passages([np.array([one, other]), np.array([one])], [1.0, 0.0]).tolist()
    [[0, 0], [1, 0]]
    """
    lengths = np.array([len(each) for each in vectors])
    longest = int(lengths.argmax())
    matches = np.column_stack([_partners(vectors[longest], each) for each in vectors])
    matches[:, longest] = np.arange(lengths[longest])
    places = ((matches + 0.5) / lengths) @ np.asarray(weights)
    matches = matches[np.argsort(places, kind="stable")]
    n_new = max(1, round(float(np.dot(weights, lengths))))
    return matches[_evenly(len(matches), min(n_new, at_most or n_new))]


def _partners(passages: NDArray[Any], others: NDArray[Any]) -> NDArray[np.int64]:
    """Return the passage of the other text for each passage of a text that is as long or longer."""
    distances = np.abs(_places(len(passages))[:, None] - _places(len(others)))
    cost = ORDER_WEIGHT * distances - unit(passages) @ unit(others).T
    partners = cost.argmin(axis=1)
    rows, columns = linear_sum_assignment(cost)
    partners[rows] = columns
    return partners.astype(np.int64)


def _places(n: int) -> NDArray[np.float64]:
    return (np.arange(n) + 0.5) / n


def _evenly(n: int, n_wanted: int) -> NDArray[np.int64]:
    """Return `n_wanted` of the numbers below `n`, evenly spaced."""
    return (_places(min(n, n_wanted)) * n).astype(np.int64)
