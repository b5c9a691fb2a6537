"""The Gaussian mechanism: how much noise an epsilon takes, what no attack can exceed then, and the noise itself.

The noise is drawn by OpenDP from the operating system's entropy. It never comes from ``random_state``: whoever knew or
guessed the seed could take the noise away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import log_ndtr, ndtr, ndtri

from smotext.errors import missing_extra


@dataclass(frozen=True)
class Ceilings:
    """What any attack on a row can reach, whatever it knows besides.

    Attributes
    ----------
    auc : float
    tpr : float
        Share of the rows found where one in a hundred that was not used is taken for used.
    """

    auc: float
    tpr: float


def delta_of(epsilon: float, mu: float) -> float:
    """Return the delta at `epsilon` of noise whose standard deviation is the sensitivity over `mu`.

    References
    ----------
    Balle and Wang, "Improving the Gaussian mechanism for differential privacy", ICML 2018, theorem 8; Dong, Roth and
    Su, "Gaussian differential privacy", 2022, corollary 2.13.
    """
    first = ndtr(mu / 2 - epsilon / mu)
    return float(first - math.exp(min(700.0, epsilon + log_ndtr(-mu / 2 - epsilon / mu))))


def mu_for(epsilon: float, delta: float) -> float:
    """Return the largest mu whose delta at `epsilon` is at most `delta`."""
    found = brentq(lambda mu: delta_of(epsilon, mu) - delta, 1e-9, 100.0 + epsilon, xtol=1e-12)
    # A little less, so that the result is never on the wrong side of the root.
    return float(found) * (1 - 1e-9)


def sigma_for(epsilon: float, delta: float = 1e-5, sensitivity: float = 1.0) -> float:
    """Return the standard deviation of the noise, the least that the analytic Gaussian mechanism allows.

    Examples
    --------
    >>> [round(sigma_for(epsilon), 3) for epsilon in (1, 4, 8, 10)]
    [3.731, 1.081, 0.6, 0.5]
    """
    return sensitivity / mu_for(epsilon, delta)


def ceilings(epsilon: float, delta: float = 1e-5) -> Ceilings:
    """Return what any attack can reach on noise made for this epsilon and delta.

    Examples
    --------
    >>> found = ceilings(8)
    >>> round(found.auc, 3), round(found.tpr, 3)
    (0.881, 0.255)
    """
    mu = mu_for(epsilon, delta)
    return Ceilings(auc=float(ndtr(mu / math.sqrt(2))), tpr=float(ndtr(mu + ndtri(0.01))))


def with_noise(values: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Return the values with Gaussian noise on each, drawn by OpenDP from the operating system's entropy.

    Parameters
    ----------
    values : ndarray of any shape, float64
        Finite. They go through OpenDP's mechanism whole: adding ready-made noise to them in floating point would leave
        traces in the last bits (Mironov 2012).
    sigma : float
        Standard deviation, above 0.

    Returns
    -------
    ndarray of the same shape
        Different each time.

    Raises
    ------
    MissingExtraError
        Without OpenDP.
    """
    dp = _import_opendp()
    space = dp.vector_domain(dp.atom_domain(T=float, nan=False)), dp.l2_distance(T=float)
    released = dp.m.make_gaussian(*space, scale=float(sigma))(values.ravel().tolist())
    return np.asarray(released, dtype=np.float64).reshape(values.shape)


def check_opendp() -> None:
    """Raise MissingExtraError if OpenDP is not installed: before a model runs, not after."""
    _import_opendp()


def _import_opendp() -> Any:
    try:
        import opendp.prelude as dp
    except ImportError as error:
        raise missing_extra("opendp", "privacy", "privacy='dp'") from error
    # OpenDP calls mechanisms so whose proofs are published, but not yet all vetted.
    dp.enable_features("contrib")
    return dp
