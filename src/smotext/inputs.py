"""What callers hand in: texts, labels, and how many new rows they want."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.containers import read_column
from smotext.errors import InputError, suggest, unknown_name

STRATEGIES = ("auto", "minority", "not minority", "not majority", "all")  # imbalanced-learn's names for over-sampling

_MOST_NAMED = 5  # groups in a note
MOST_ROWS = 10**9  # of one call; a plan takes about 100 bytes a row


@dataclass(frozen=True)
class Corpus:
    """The real texts that can be mixed, with their labels.

    Attributes
    ----------
    texts : list of str
        Neither missing nor blank.
    labels : ndarray of shape (n_texts,), object
        Python values: str, int or bool.
    rows : ndarray of shape (n_texts,), int64
        Row number of each text in what the caller gave.
    n_skipped : int
        Rows without text; they are kept in the caller's data and never mixed.
    """

    texts: list[str]
    labels: NDArray[np.object_]
    rows: NDArray[np.int64]
    n_skipped: int


def make_corpus(texts: NDArray[np.object_], labels: NDArray[np.object_]) -> Corpus:
    """Return the rows that have a text.

    Examples
    --------
    >>> corpus = make_corpus(np.array(["a", None, " "], dtype=object), np.array([1, 1, 0], dtype=object))
    >>> corpus.texts, corpus.n_skipped
    (['a'], 2)
    """
    rows = np.array([i for i, text in enumerate(texts) if not _is_blank(text)], dtype=np.int64)
    return Corpus([texts[i] for i in rows], labels[rows], rows, len(texts) - len(rows))


def check_texts(texts: Any) -> NDArray[np.object_]:
    """Return the texts as an object array of shape (n_texts,).

    Parameters
    ----------
    texts : a column, as :func:`smotext.containers.read_column` takes it
        Strings; None and NaN stand for a missing text.

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
        raise InputError("texts is a single string: expected a list of texts, or another 1-D container")
    array = read_column(texts, "texts")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise InputError(f"texts has shape {array.shape}: expected one dimension")
    if len(array) == 0:
        raise InputError("texts is empty: expected at least one text")
    for row, text in enumerate(array):
        if not (isinstance(text, str) or _is_missing(text)):
            raise InputError(f"row {row} of texts is {type(text).__name__} {text!r:.60}: expected a string")
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
            plain = int(plain)  # what pandas makes of integers in a column that once had a gap
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


def counts_by_class(labels: NDArray[np.object_]) -> dict[Any, int]:
    """Return how many rows each class has, in label order.

    Examples
    --------
    >>> counts_by_class(np.array(["b", "a", "b"], dtype=object))
    {'a': 1, 'b': 2}
    """
    classes, counts = np.unique(labels, return_counts=True)
    return dict(zip(classes.tolist(), counts.tolist(), strict=True))


def new_rows_for_n(n: int | Mapping[Hashable, int] | None, counts: Mapping[Any, int]) -> dict[Any, int]:
    """Return how many new rows each class gets.

    Parameters
    ----------
    n : int or mapping
        An int is split over the classes in proportion to their counts (largest remainder, ties by label
        order); a mapping gives the new rows of the classes it names, the others get none.
    counts : mapping
        Rows per class, in label order.

    Raises
    ------
    InputError
        If a number is negative or a class unknown.

    Examples
    --------
    >>> new_rows_for_n(10, {"a": 2, "b": 1})
    {'a': 7, 'b': 3}
    >>> new_rows_for_n(12, {"a": 6, "b": 7, "c": 2})  # 4.8, 5.6 and 1.6
    {'a': 5, 'b': 6, 'c': 1}
    >>> new_rows_for_n({"b": 4}, {"a": 2, "b": 1})
    {'b': 4}
    """
    if isinstance(n, Mapping):
        for label, number in n.items():
            if label not in counts:
                raise InputError(
                    f"n names class {label!r}: expected one of {list(counts)}{suggest(str(label), map(str, counts))}"
                )
            _check_number(number, f"n for class {label!r}")
        return {label: int(n[label]) for label in counts if label in n}
    n = _check_number(n, "n")
    total = sum(counts.values())
    shares = {label: divmod(n * count, total) for label, count in counts.items()}  # in integers: ties are ties
    new_rows = {label: whole for label, (whole, _) in shares.items()}
    by_remainder = sorted(counts, key=lambda label: -shares[label][1])  # sorted is stable: ties by order
    for label in by_remainder[: n - sum(new_rows.values())]:
        new_rows[label] += 1
    return new_rows


def new_rows_for_strategy(sampling_strategy: Any, labels: NDArray[np.object_]) -> dict[Any, int]:
    """Return how many new rows each class gets under an imbalanced-learn ``sampling_strategy``.

    Raises
    ------
    InputError
        Where imbalanced-learn refuses: one class only, a total below the present count, an unknown class.
    """
    from imblearn.utils import check_sampling_strategy

    classes = list(counts_by_class(labels))
    if len(classes) == 1:
        raise InputError(
            f"all labels are {classes[0]!r}: sampling_strategy balances more than 1 class; "
            "to add rows to a single class, say how many with n (-n or --per-class on the command line)"
        )
    asked = sampling_strategy(natural(labels)) if callable(sampling_strategy) else sampling_strategy
    _check_strategy(asked)
    try:
        wanted = check_sampling_strategy(asked, natural(labels), "over-sampling")
    except (ValueError, TypeError) as error:
        raise InputError(f"sampling_strategy={sampling_strategy!r}: {error}") from error
    plain = {key.item() if isinstance(key, np.generic) else key: int(number) for key, number in wanted.items()}
    return {label: plain[label] for label in counts_by_class(labels) if label in plain}


def _check_strategy(asked: Any) -> None:
    """Raise InputError for what imbalanced-learn would stumble over or, like a total of 4.9, round."""
    if isinstance(asked, str):
        if asked not in STRATEGIES:
            raise unknown_name("sampling_strategy", asked, STRATEGIES)
    elif isinstance(asked, Mapping):
        for label, total in asked.items():
            if isinstance(total, bool) or not isinstance(total, Integral):
                raise InputError(f"sampling_strategy for class {label!r} is {total!r}: expected an integer, its total")
    elif isinstance(asked, bool) or not isinstance(asked, Real) or not math.isfinite(asked):
        raise InputError(
            f"sampling_strategy is {asked!r}: expected one of {', '.join(STRATEGIES)}, a ratio, "
            "a dict of totals by class, or a function of the labels that returns one"
        )


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
    for dtype in (np.int64, np.uint64):  # never a float, which large integers do not fit
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


def _check_number(number: Any, what: str) -> int:
    check_count(what, number, "an integer of 0 or more, the number of new rows", least=0)
    if number > MOST_ROWS:
        raise InputError(f"{what} is {number}: expected at most {MOST_ROWS}; split more over several seeds")
    return int(number)


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value)) or type(value).__name__ == "NAType"


def _is_blank(text: Any) -> bool:
    return _is_missing(text) or not text.strip()
