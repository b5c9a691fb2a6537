"""How much of each parent goes into a mix: drawn for each row from its own random stream."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, gammaincinv

from smotext.errors import InputError
from smotext.utils.seeding import uniforms


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
    # Rounding can lead out of the window by the last bit.
    lam = np.clip(lam, spec.low, spec.high)
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
