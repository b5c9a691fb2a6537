"""Which rows of a table are marked as synthetic, so that they are never taken for real ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from smotext.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

SYNTHETIC_COLUMN = "is_synthetic"
# False in this column: a rejected text stands in for one that was asked for.
ACCEPTED_COLUMN = "accepted"
_MARK_WORDS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False, "none": False, "": False}


def count_synthetic(frame: pd.DataFrame, path: Path) -> int:
    """Return how many rows a table marks as synthetic.

    Raises
    ------
    InputError
        If a mark is neither True nor False.
    """
    return int(synthetic_marks(frame, path).sum())


def synthetic_marks(frame: pd.DataFrame, path: Path) -> NDArray[np.bool_]:
    """Return which rows are marked as synthetic; where there is no mark, the row is real."""
    if SYNTHETIC_COLUMN not in frame.columns:
        return np.zeros(len(frame), dtype=bool)
    marks = np.zeros(len(frame), dtype=bool)
    for row, value in enumerate(python_values(frame[SYNTHETIC_COLUMN])):
        word = "" if value != value else str(value).strip().lower()  # NaN is not equal to itself
        if word not in _MARK_WORDS:
            raise InputError(
                f"{path}: column {SYNTHETIC_COLUMN!r} holds {value!r} in row {row + 1}: expected True or False; "
                "rename the column if it means something else"
            )
        marks[row] = _MARK_WORDS[word]
    return marks


def without_synthetic(frame: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, int]:
    """Return the real rows, and how many others there were."""
    marks = synthetic_marks(frame, path)
    if marks.all():
        raise InputError(f"{path}: all {len(frame)} rows are marked {SYNTHETIC_COLUMN!r}: expected real rows")
    return (frame[~marks].reset_index(drop=True) if marks.any() else frame), int(marks.sum())


def only_synthetic_rows(frame: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, int]:
    """Return the synthetic rows of a table that marks them, else the whole table, and how many these are."""
    if SYNTHETIC_COLUMN not in frame:
        return frame, len(frame)
    marks = synthetic_marks(frame, path)
    if not marks.any():
        raise InputError(f"{path} has no row with {SYNTHETIC_COLUMN} True: expected synthetic texts")
    return frame[marks].reset_index(drop=True), int(marks.sum())


def python_values(column: pd.Series) -> NDArray[np.object_]:
    """Return the column's plain Python values; missing ones are NaN."""
    values = np.empty(len(column), dtype=object)
    is_missing = column.isna().to_numpy()
    for row, (value, gone) in enumerate(zip(column.tolist(), is_missing, strict=True)):
        values[row] = np.nan if gone else value
    return values
