"""What every decoder asks of its input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.errors import InputError


def check_vectors(vectors: Any, vector_dim: int) -> NDArray[np.float32]:
    """Return the vectors as a float32 array of shape (n_rows, vector_dim).

    Raises
    ------
    InputError
        If the shape is another or a value is not finite; the first such row is named.

    Examples
    --------
    >>> check_vectors([[1.0, 2.0]], 3)
    Traceback (most recent call last):
        ...
    smotext.errors.InputError: vectors have shape (1, 2): expected (n_rows, 3), as the bridge's encoder gives them
    """
    array = np.asarray(vectors, dtype=np.float32)
    if array.ndim != 2 or array.shape[1] != vector_dim:
        raise InputError(
            f"vectors have shape {array.shape}: expected (n_rows, {vector_dim}), as the bridge's encoder gives them"
        )
    is_finite = np.isfinite(array).all(axis=1)
    if not is_finite.all():
        raise InputError(f"vector {int(np.argmin(is_finite))} holds NaN or infinity: expected finite numbers")
    return array


def per_row(value: int | Sequence[int] | NDArray[np.int64], n_rows: int) -> NDArray[np.int64]:
    """Return `value` as one integer per row: a number is repeated, a sequence must have the right length.

    Examples
    --------
    >>> per_row(3, 2).tolist()
    [3, 3]
    """
    array = np.asarray(value)
    if array.dtype.kind not in "iu" or array.shape not in ((), (n_rows,)):
        raise InputError(f"{value!r} given for {n_rows} rows: expected an integer, or one integer per row")
    return np.broadcast_to(array, (n_rows,)).astype(np.int64)
