"""How much a synthetic row counts beside a real one."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.containers import read_column
from smotext.errors import InputError
from smotext.inputs import check_count


def half_weights(labels: Any, n_real: int) -> NDArray[np.float64]:
    """Return sample weights that leave real rows at least half of their class's weight.

    Fifty synthetic texts beside ten real ones outvote them, and they are not as good. Where a class has more
    synthetic rows than real ones, both kinds get half of the class's weight; a class's weight stays its number
    of rows, so the balance between classes does not change.

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

    Examples
    --------
    >>> half_weights(["spam", "ham", "ham", "spam", "spam", "spam"], n_real=3).tolist()
    [2.0, 1.0, 1.0, 0.6666666666666666, 0.6666666666666666, 0.6666666666666666]
    """
    labels = read_column(labels, "labels").tolist()
    check_count("n_real", n_real, f"a number of real rows from 0 to {len(labels)}, all labels", least=0)
    if n_real > len(labels):
        raise InputError(f"n_real is {n_real}, and there are {len(labels)} labels: expected those of all rows")
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
