"""The mix of the parents' vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smotext.errors import InputError, unknown_name
from smotext.mixing.plan import UNKNOWN

MIXES = ("linear", "slerp", "linear_renorm")
# Below this sine of the angle between two vectors, the great circle through them is a point or undefined.
_PARALLEL = 1e-6


def check_mix(kind: str, n_parents: int) -> None:
    """Raise unless `kind` is a known mix that takes so many parents.

    Raises
    ------
    UnknownNameError
        If the mix is not known.
    InputError
        If it is ``"slerp"`` and there are more than two parents: a great circle joins two points, and
        iterating it would depend on the parents' order.

    Examples
    --------
    >>> check_mix("slerp", 3)
    Traceback (most recent call last):
        ...
    smotext.errors.InputError: mix 'slerp' joins 2 parents, got n_parents=3: use n_parents=2, 'linear' or
    'linear_renorm'
    """
    if kind not in MIXES:
        raise unknown_name("mix", kind, MIXES)
    if kind == "slerp" and n_parents > 2:
        raise InputError(
            f"mix 'slerp' joins 2 parents, got n_parents={n_parents}: use n_parents=2, 'linear' or 'linear_renorm'"
        )


def mix(
    vectors: NDArray[np.float32],
    parents: NDArray[np.int64],
    weights: NDArray[np.float64],
    *,
    kind: str = "linear",
) -> NDArray[np.float32]:
    """Return the mix of each row's parents.

    Parameters
    ----------
    vectors : ndarray of shape (n_texts, vector_dim), float32
        May be a memory map.
    parents : ndarray of shape (n_rows, n_parents), int64
        Positions in `vectors`; ``UNKNOWN`` where a place is not used.
    weights : ndarray of shape (n_rows, n_parents), float64
        Weight of each parent; 0 where a place is not used.
    kind : {"linear", "slerp", "linear_renorm"}
        ``"linear"`` is the paper's. ``"linear_renorm"`` rescales that to the weighted mean of the parents'
        lengths, so that a mix of raw vectors is not shorter than they are. ``"slerp"`` turns the
        direction at even speed along the great circle between two parents and has the same length as
        ``"linear_renorm"``; where the parents point the same or opposite ways it is linear.

    Returns
    -------
    ndarray of shape (n_rows, vector_dim), float32

    Raises
    ------
    InputError
        If the mix is unknown or takes fewer parents, or if a place without a parent has a weight.

    References
    ----------
    SMOTExT (arXiv 2505.13434), section 3, "Latent Space Interpolation". Shoemake, "Animating rotation
    with quaternion curves", SIGGRAPH 1985, for slerp.

    Examples
    --------
    >>> ends = np.array([[0.0, 4.0], [4.0, 0.0]], dtype=np.float32)
    >>> mix(ends, np.array([[0, 1]]), np.array([[0.75, 0.25]])).tolist()
    [[1.0, 3.0]]
    """
    check_mix(kind, parents.shape[1])
    if np.any((parents == UNKNOWN) & (weights != 0)):
        raise InputError("a row gives weight to an unknown parent: its vector cannot be mixed from parents")
    # A place without a parent has weight 0, so that any vector can stand there.
    places = np.where(parents == UNKNOWN, 0, parents)
    if kind == "linear":
        return _weighted_sum(vectors, places, weights)
    direction = weights if kind == "linear_renorm" else _slerp_weights(vectors, places, weights)
    return _rescaled(_weighted_sum(vectors, places, direction), _mean_lengths(vectors, places, weights))


def _weighted_sum(
    vectors: NDArray[np.float32], parents: NDArray[np.int64], weights: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return the sum over the parents of weight times vector."""
    mixed = np.zeros((len(parents), vectors.shape[1]), dtype=np.float32)
    for places, shares in zip(parents.T, weights.astype(np.float32).T, strict=True):
        mixed += shares[:, None] * np.asarray(vectors[places])
    return mixed


def _lengths(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the Euclidean length of each row."""
    return np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))


def _mean_lengths(
    vectors: NDArray[np.float32], parents: NDArray[np.int64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the weighted mean of each row's parents' lengths."""
    return sum(
        (shares * _lengths(np.asarray(vectors[places])) for places, shares in zip(parents.T, weights.T, strict=True)),
        start=np.zeros(len(parents)),
    )


def _rescaled(rows: NDArray[np.float32], lengths: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the rows scaled to the given lengths; a row of zeros stays as it is."""
    now = _lengths(rows)
    scale = np.divide(lengths, now, out=np.ones_like(now), where=now > 0)
    return rows * scale[:, None].astype(np.float32)


def _slerp_weights(
    vectors: NDArray[np.float32], parents: NDArray[np.int64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return weights whose linear mix has the direction that slerp gives."""
    if parents.shape[1] == 1:
        return weights
    first, second = (np.asarray(vectors[places]) for places in parents.T)
    lengths = np.column_stack([_lengths(first), _lengths(second)])
    lengths[lengths == 0] = 1
    cosine = np.einsum("ij,ij->i", first, second, dtype=np.float64) / lengths.prod(axis=1)
    angle = np.arccos(np.clip(cosine, -1, 1))
    is_arc = np.sin(angle) > _PARALLEL
    turned = np.sin(weights * angle[:, None]) / lengths
    return np.where(is_arc[:, None], turned, weights)
