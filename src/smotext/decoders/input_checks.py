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
    try:
        array = np.asarray(vectors, dtype=np.float32)
    except (TypeError, ValueError, RuntimeError) as error:
        # A RuntimeError comes of a tensor with a gradient.
        raise InputError(
            f"vectors are no array of numbers ({error}): expected shape (n_rows, {vector_dim}), as the bridge's "
            "encoder gives them"
        ) from error
    if array.ndim != 2 or array.shape[1] != vector_dim:
        raise InputError(
            f"vectors have shape {array.shape}: expected (n_rows, {vector_dim}), as the bridge's encoder gives them"
        )
    is_finite = np.isfinite(array).all(axis=1)
    if not is_finite.all():
        raise InputError(f"vector {int(np.argmin(is_finite))} holds NaN or infinity: expected finite numbers")
    return array


def check_examples(examples: Any, n_rows: int, *, can_show: bool) -> list[tuple[str, ...]]:
    """Return the texts that each row's prompt shows; none where `examples` is None.

    Raises
    ------
    InputError
        If it is not one list of texts for each row, or the decoder's prompts show no texts.

    Examples
    --------
    >>> check_examples([["a", "b"], []], 2, can_show=True)
    [('a', 'b'), ()]
    """
    if examples is None:
        return [()] * n_rows
    expected = f"expected a list of texts for each of the {n_rows} rows"
    if isinstance(examples, str) or not hasattr(examples, "__len__") or len(examples) != n_rows:
        raise InputError(f"examples is {examples!r:.80}: {expected}")
    for row, texts in enumerate(examples):
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise InputError(f"examples of row {row} are {texts!r:.80}: {expected}")
    found = [tuple(texts) for texts in examples]
    if any(found) and not can_show:
        raise InputError("this bridge's prompts show no texts: use examples=None, or another model")
    return found


def per_row(
    value: int | Sequence[int] | NDArray[np.int64],
    n_rows: int,
    name: str,
    *,
    least: int | None = None,
    most: int | None = None,
) -> NDArray[np.int64]:
    """Return `value` as one integer per row: a number is repeated, a sequence must have the right length.

    Parameters
    ----------
    value, n_rows
        What was given, for how many rows.
    name : str
        Of the option, for the error.
    least, most : int, optional
        The smallest and the largest that may be.

    Examples
    --------
    >>> per_row(3, 2, "prompt").tolist()
    [3, 3]
    """
    try:
        array = np.asarray(value)
    except ValueError as error:
        # The rows have different lengths.
        raise InputError(f"{name} is {value!r:.80}: expected an integer, or one integer per row") from error
    if array.shape == (0,) == (n_rows,):
        # numpy takes an empty list for one of floats.
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu" or array.shape not in ((), (n_rows,)):
        raise InputError(f"{name} is {value!r:.80} for {n_rows} rows: expected an integer, or one integer per row")
    if least is not None and array.size and array.min() < least:
        raise InputError(f"{name} is {array.min()}: expected at least {least}")
    if most is not None and array.size and array.max() > most:
        raise InputError(f"{name} is {array.max()}: the language model has room for {most}")
    return np.broadcast_to(array, (n_rows,)).astype(np.int64)
