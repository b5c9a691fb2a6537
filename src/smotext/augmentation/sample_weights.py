"""How much a synthetic row counts beside a real one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.data.containers import read_column
from smotext.data.validation import check_count
from smotext.errors import InputError


def weights_at(
    labels: Any, n_real: int, weight: float, *, shares: Mapping[Any, float] | None = None
) -> NDArray[np.float64]:
    """Return sample weights with which synthetic rows hold `weight` times their part of their class.

    The balance between classes is that of the rows: what synthetic rows give up, the real rows of their class get. At
    1 every row counts alike. 0 is the real rows as they were, nothing added and nothing balanced.

    .. versionadded:: 0.1.0

    Parameters
    ----------
    labels : column of length n_rows
        Of the real rows and then of the synthetic ones, in any container that ``fit_resample`` takes and returns.
    n_real : int
        How many of the rows are real.
    weight : float in [0, 1]
    shares : mapping of label to float, optional
        How many synthetic rows a class is to count for, for each real row of it; what there is, unless given. For a
        part of the rows which is to weigh what the whole would.

    Returns
    -------
    ndarray of shape (n_rows,)
        For a classifier's ``fit(..., sample_weight=...)``.

    Raises
    ------
    InputError
        If there are not as many rows as `n_real`, or the weight is outside [0, 1].

    See Also
    --------
    half_weights : Weights that leave real rows half of their class.
    smotext.SMOTExTClassifier : Chooses the weight.

    Examples
    --------
    A class of 2 real rows and 4 synthetic ones weighs 6; at a quarter, 1 of it is with the synthetic rows:

    >>> weights_at(["spam"] * 6, n_real=2, weight=0.25).tolist()
    [2.5, 2.5, 0.25, 0.25, 0.25, 0.25]
    >>> weights_at(["spam"] * 6, n_real=2, weight=0).tolist()
    [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    """
    labels = _labels_of_all(labels, n_real)
    if isinstance(weight, bool) or not isinstance(weight, Real) or not 0 <= weight <= 1:
        raise InputError(f"weight is {weight!r}: expected a number from 0 to 1")
    real, synthetic = Counter(labels[:n_real]), Counter(labels[n_real:])
    # A class without real rows keeps the weight of its synthetic rows: there is no real row to give it to.
    meant = {
        label: count if shares is None or not real[label] else shares.get(label, 0.0) * real[label]
        for label, count in synthetic.items()
    }
    of_synthetic = {label: weight * meant[label] / count for label, count in synthetic.items()}
    given_up = (1 - weight) if weight > 0 else 0.0
    of_real = {label: 1.0 + given_up * meant.get(label, 0.0) / count for label, count in real.items()}
    return np.array([of_real[label] for label in labels[:n_real]] + [of_synthetic[label] for label in labels[n_real:]])


def half_weights(labels: Any, n_real: int) -> NDArray[np.float64]:
    """Return sample weights that leave real rows at least half of their class's weight.

    Fifty synthetic texts beside ten real ones outvote them, and they are not as good. Where a class has more
    synthetic rows than real ones, both kinds get half of the class's weight; a class's weight stays its number
    of rows, so the balance between classes does not change.

    .. versionadded:: 0.1.0

    Parameters
    ----------
    labels : column of length n_rows
        Of the real rows and then of the synthetic ones, in any container that ``fit_resample`` takes and returns.
    n_real : int
        How many of the rows are real.

    Returns
    -------
    ndarray of shape (n_rows,)
        For a classifier's ``fit(..., sample_weight=...)``; 1 in classes with no more synthetic rows than real ones.

    Raises
    ------
    InputError
        If there are not as many rows as `n_real`.

    See Also
    --------
    weights_at : Any other weight.

    Examples
    --------
    >>> half_weights(["spam", "ham", "ham", "spam", "spam", "spam"], n_real=3).tolist()
    [2.0, 1.0, 1.0, 0.6666666666666666, 0.6666666666666666, 0.6666666666666666]
    """
    labels = _labels_of_all(labels, n_real)
    real, synthetic = Counter(labels[:n_real]), Counter(labels[n_real:])
    total = real + synthetic
    halves = {label for label in total if 0 < real[label] < synthetic[label]}
    counts = [real] * n_real + [synthetic] * (len(labels) - n_real)
    return np.array(
        [
            total[label] / (2 * count[label]) if label in halves else 1.0
            for label, count in zip(labels, counts, strict=True)
        ]
    )


def _labels_of_all(labels: Any, n_real: int) -> list[Any]:
    """Return the labels of all rows as a list; raise InputError unless `n_real` of them can be real."""
    found = read_column(labels, "labels").tolist()
    check_count("n_real", n_real, f"a number of real rows from 0 to {len(found)}, all labels", least=0)
    if n_real > len(found):
        raise InputError(f"n_real is {n_real}, and there are {len(found)} labels: expected those of all rows")
    return found
