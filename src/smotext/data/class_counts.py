"""How many rows each class has, and how many new ones it gets."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.data.validation import check_count, natural
from smotext.errors import InputError, suggest, unknown_name

SAMPLING_STRATEGIES = (
    "auto",
    "minority",
    "not minority",
    "not majority",
    "all",
)  # imbalanced-learn's names for over-sampling
# The most new rows of one call: a plan takes about 100 bytes a row.
MAX_NEW_ROWS = 10**9


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
    # Shares are computed in integers, so that equal remainders are equal.
    shares = {label: divmod(n * count, total) for label, count in counts.items()}
    new_rows = {label: whole for label, (whole, _) in shares.items()}
    # The sort is stable: of equal remainders the earlier class comes first.
    by_remainder = sorted(counts, key=lambda label: -shares[label][1])
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
            "to add rows to a single class, say how many with n=",
            options=["sampling_strategy", "n"],
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
        if asked not in SAMPLING_STRATEGIES:
            raise unknown_name("sampling_strategy", asked, SAMPLING_STRATEGIES)
    elif isinstance(asked, Mapping):
        for label, total in asked.items():
            if isinstance(total, bool) or not isinstance(total, Integral):
                raise InputError(f"sampling_strategy for class {label!r} is {total!r}: expected an integer, its total")
    elif isinstance(asked, bool) or not isinstance(asked, Real) or not math.isfinite(asked):
        raise InputError(
            f"sampling_strategy is {asked!r}: expected one of {', '.join(SAMPLING_STRATEGIES)}, a ratio, "
            "a dict of totals by class, or a function of the labels that returns one"
        )


def _check_number(number: Any, what: str) -> int:
    check_count(what, number, "an integer of 0 or more, the number of new rows", least=0)
    if number > MAX_NEW_ROWS:
        raise InputError(f"{what} is {number}: expected at most {MAX_NEW_ROWS}; split more over several seeds")
    return int(number)
