"""How much of each parent goes into a mix, and the mix itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, gammaincinv

from smotext.errors import InputError, unknown_name
from smotext.records import UNKNOWN
from smotext.seeding import uniforms

MIXES = ("linear", "slerp", "linear_renorm")
_PARALLEL = 1e-6  # below this sine of the angle, a great circle is either a point or undefined


@dataclass(frozen=True, slots=True)
class LamSpec:
    """How the weight of the first parent is drawn.

    Attributes
    ----------
    low, high : float
        Window of a uniform draw, 0 <= low <= high <= 1; equal ends fix the weight.
    alpha : float or None
        Parameter of a symmetric Beta(alpha, alpha) that replaces the uniform draw.
    """

    low: float = 0.0
    high: float = 1.0
    alpha: float | None = None


def parse_lam(lam: Any) -> LamSpec:
    """Return how the weight of the first parent is drawn, from any of the forms a caller may give.

    Parameters
    ----------
    lam : (float, float), str or float
        A window ``(low, high)``; ``"beta:0.4"`` for a symmetric Beta(0.4, 0.4); or one number for all rows.

    Raises
    ------
    InputError
        If it is none of these, leaves [0, 1], or is not a number.

    Examples
    --------
    >>> parse_lam((0.2, 0.8))
    LamSpec(low=0.2, high=0.8, alpha=None)
    >>> parse_lam("beta:0.4").alpha
    0.4
    >>> parse_lam(1.5)
    Traceback (most recent call last):
        ...
    smotext.errors.InputError: lam is 1.5: expected a window (low, high) with 0 <= low <= high <= 1, 'beta:a' with
    a > 0, or a number in [0, 1]
    """
    if isinstance(lam, LamSpec):
        return lam
    if isinstance(lam, str):
        alpha = _beta_parameter(lam)
        if alpha is not None:
            return LamSpec(alpha=alpha)
    elif isinstance(lam, tuple | list | np.ndarray):
        if len(lam) == 2 and all(_is_number(end) for end in lam) and 0 <= lam[0] <= lam[1] <= 1:
            return LamSpec(float(lam[0]), float(lam[1]))
    elif _is_number(lam) and 0 <= lam <= 1:
        return LamSpec(float(lam), float(lam))
    raise InputError(
        f"lam is {lam!r}: expected a window (low, high) with 0 <= low <= high <= 1, "
        "'beta:a' with a > 0, or a number in [0, 1]"
    )


def _beta_parameter(text: str) -> float | None:
    """Return the parameter of ``"beta:0.4"``, or None if the text is not of that form."""
    family, _, number = text.partition(":")
    try:
        alpha = float(number)
    except ValueError:
        return None
    return alpha if family.strip() == "beta" and 0 < alpha < math.inf else None


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def draw_weights(spec: LamSpec, seeds: NDArray[np.int64], n_parents: int) -> NDArray[np.float64]:
    """Return the weight of each parent, drawn from each row's own stream by inverse distribution functions.

    Two parents get (lam, 1 - lam). More get a flat Dirichlet, given that the first weight lies in the
    window; with ``"beta:a"`` a symmetric Dirichlet(a), of which Beta(a, a) is the case of two.

    Parameters
    ----------
    spec : LamSpec
        As :func:`parse_lam` gives it.
    seeds : ndarray of shape (n_rows,), int64
        Row seeds.
    n_parents : int
        1 or more; a single parent has weight 1.

    Returns
    -------
    ndarray of shape (n_rows, n_parents), float64
        Rows sum to 1.

    Examples
    --------
    >>> draw_weights(parse_lam(0.25), np.array([1, 2]), 2).tolist()
    [[0.25, 0.75], [0.25, 0.75]]
    """
    if n_parents == 1:
        return np.ones((len(seeds), 1))
    if spec.alpha is None:
        return _flat_weights(spec, uniforms(seeds, "lam", n_parents))
    if n_parents == 2:
        lam = betaincinv(spec.alpha, spec.alpha, uniforms(seeds, "lam")[:, 0])
        return np.column_stack([lam, 1 - lam])
    return _dirichlet(spec.alpha, uniforms(seeds, "lam", 2 * n_parents))


def _flat_weights(spec: LamSpec, draws: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return flat Dirichlet weights whose first lies in the window; `draws` has a column per parent."""
    others = draws.shape[1] - 1
    # the first of a flat Dirichlet is Beta(1, others), with distribution function 1 - (1 - x)^others
    below_low, below_high = 1 - (1 - spec.low) ** others, 1 - (1 - spec.high) ** others
    lam = 1 - (1 - (below_low + (below_high - below_low) * draws[:, 0])) ** (1 / others)
    lam = np.clip(lam, spec.low, spec.high)  # rounding may leave the window by an ulp
    if others == 1:
        return np.column_stack([lam, 1 - lam])
    shares = -np.log(draws[:, 1:])
    return np.column_stack([lam, (1 - lam)[:, None] * shares / shares.sum(axis=1, keepdims=True)])


def _dirichlet(alpha: float, draws: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return symmetric Dirichlet(alpha) weights; `draws` has two columns per parent."""
    size, boost = np.split(draws, 2, axis=1)
    # Gamma(a) = Gamma(a + 1) U^(1/a) (Stuart 1962), in logarithms: small alphas would underflow
    logs = np.log(gammaincinv(alpha + 1, size)) + np.log(boost) / alpha
    parts = np.exp(logs - logs.max(axis=1, keepdims=True))
    return parts / parts.sum(axis=1, keepdims=True)


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
    places = np.where(parents == UNKNOWN, 0, parents)  # their weight is 0, so any vector will do
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
