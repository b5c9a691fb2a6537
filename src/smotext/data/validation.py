"""Checks of what callers hand in: texts, labels and numbers."""

from __future__ import annotations

import contextlib
import math
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.data.containers import read_column
from smotext.errors import InputError

# A note names so many groups of labels; it counts the others.
_MOST_NAMED = 5


def check_texts(texts: Any, name: str = "texts") -> NDArray[np.object_]:
    """Return the texts as an object array of shape (n_texts,).

    Parameters
    ----------
    texts : a column, as :func:`smotext.data.containers.read_column` takes it
        Strings; None and NaN stand for a missing text.
    name : str
        What they are called where something is wrong with them.

    Raises
    ------
    InputError
        If there are several columns (they are named), no rows, or an entry is no string (its row is named).

    Examples
    --------
    >>> check_texts(["a", "b"]).tolist()
    ['a', 'b']
    """
    if isinstance(texts, str):
        raise InputError(f"{name} is a single string: expected a list of texts, or another 1-D container")
    array = read_column(texts, name)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise InputError(f"{name} has shape {array.shape}: expected one dimension")
    if len(array) == 0:
        raise InputError(f"{name} is empty: expected at least one text")
    for row, text in enumerate(array):
        if not (isinstance(text, str) or _is_missing(text)):
            raise InputError(f"row {row} of {name} is {type(text).__name__} {text!r:.60}: expected a string")
    return array


def check_labels(labels: Any, n_texts: int) -> NDArray[np.object_]:
    """Return the labels as an object array of Python values, of shape (n_texts,).

    Raises
    ------
    InputError
        If the length differs, a label is missing, is neither str, int nor bool, or the types are mixed.

    Examples
    --------
    >>> check_labels(["a", 1], 2)
    Traceback (most recent call last):
        ...
    smotext.errors.InputError: labels mix int (1) and str ('a'): convert them to one type, for instance with str
    """
    if isinstance(labels, str):
        raise InputError(f"labels is a single string, {labels!r:.60}: expected one label per text")
    array = read_column(labels, "labels")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise InputError(f"labels has shape {array.shape}: expected one label per text, not a matrix")
    if len(array) != n_texts:
        raise InputError(f"{n_texts} texts but {len(array)} labels: expected one label per text")
    examples: dict[type, Any] = {}
    for row, label in enumerate(array):
        plain = label.item() if isinstance(label, np.generic) else label
        if _is_missing(plain):
            raise InputError(f"row {row} has no label: fill it in or drop the row")
        if isinstance(plain, float) and plain.is_integer():
            # pandas makes floats of integers in a column that once had a gap.
            plain = int(plain)
        if not isinstance(plain, str | int):
            raise InputError(f"label {plain!r} in row {row} is {type(plain).__name__}: expected str, int or bool")
        examples.setdefault(type(plain), plain)
        array[row] = plain
    if len(examples) > 1:
        named = " and ".join(sorted(f"{kind.__name__} ({label!r})" for kind, label in examples.items()))
        raise InputError(f"labels mix {named}: convert them to one type, for instance with str")
    return array


def alike_note(labels: NDArray[np.object_]) -> list[str]:
    """Return a note on labels that differ only by spaces or case, if there are any.

    Examples
    --------
    >>> alike_note(np.array(["x", "y", "X ", "x"], dtype=object))
    ["classes 'X ', 'x' differ only by spaces or case: make them one if they mean the same; they are kept apart"]
    """
    groups: dict[str, list[str]] = {}
    for label in sorted({label for label in labels.tolist() if isinstance(label, str)}):
        groups.setdefault(" ".join(label.split()).casefold(), []).append(label)
    alike = ["classes " + ", ".join(map(repr, group)) for group in groups.values() if len(group) > 1]
    if not alike:
        return []
    more = f" and {len(alike) - _MOST_NAMED} more such groups" if len(alike) > _MOST_NAMED else ""
    return [
        f"{'; '.join(alike[:_MOST_NAMED])}{more} differ only by spaces or case: make them one if they mean the same; "
        "they are kept apart"
    ]


def natural(labels: NDArray[np.object_]) -> NDArray[Any]:
    """Return integer and bool labels as an array of that type, strings as objects.

    A numpy string array would drop trailing NULs, and scikit-learn takes objects for strings alone.

    Raises
    ------
    InputError
        If integers need more than 64 bits.

    Examples
    --------
    >>> natural(np.array([1, 2**63 + 3], dtype=object)).tolist()
    [1, 9223372036854775811]
    """
    if len(labels) == 0 or isinstance(labels[0], str):
        return labels
    if isinstance(labels[0], bool):
        return labels.astype(bool)
    for dtype in (np.int64, np.uint64):
        # Never a float: large integers would lose digits.
        with contextlib.suppress(OverflowError):
            return labels.astype(dtype)
    raise InputError(f"labels go from {min(labels)} to {max(labels)}, which no 64-bit integer holds: make them strings")


def well_formed(text: str) -> str:
    """Return the text with lone surrogates, which no tokenizer takes, as question marks.

    Examples
    --------
    >>> well_formed("a \\ud800 b")
    'a ? b'
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def check_count(name: str, value: Any, expected: str, *, least: int = 1) -> None:
    """Raise InputError unless the value of an option is an integer of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise InputError(f"{name} is {value!r}: expected {expected}")


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value)) or type(value).__name__ == "NAType"


def is_blank(text: Any) -> bool:
    """Return True for a text that is missing or has no character but spaces."""
    return _is_missing(text) or not text.strip()
