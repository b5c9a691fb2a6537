"""Decoding a group whose rows may fail: it is tried again, then row by row, and what fails to the last is marked."""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from smotext.augmentation.running import WriteGroup
from smotext.augmentation.writing import ROW_COLUMNS
from smotext.errors import SmotextError, SmotextWarning
from smotext.mixing.plan import DecoderInput, MixPlan
from smotext.utils.files import is_disk_full

# A group, and then each of its rows alone, is tried so many times before it counts as failed.
TRIES = 2
# Begins the reason of a row that cannot be decoded.
DECODING_FAILED = "decoding failed: "
_DTYPES = {
    "lam": "float64",
    "seed": "int64",
    "prompt": "int64",
    "n_tokens": "int64",
    "is_finished": bool,
    "accepted": bool,
}


@dataclass(frozen=True)
class GroupOutcome:
    """What became of a decode group.

    Attributes
    ----------
    rows : DataFrame
        One row per row of the group; those that cannot be decoded have a reason.
    error : str
        Why the group failed, if none of its rows could be decoded; else empty.
    cause : Exception or None
        The same as it was raised; not pickled, since not every package's errors can be.
    seconds : float
        What it took.
    notes : tuple of str
        What the decoder warned of.
    """

    rows: pd.DataFrame
    error: str = ""
    cause: Exception | None = None
    seconds: float = 0.0
    notes: tuple[str, ...] = ()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "cause": None}


def write_with_retries(group: MixPlan, asked: DecoderInput, write: WriteGroup) -> GroupOutcome:
    """Return the group's rows; if it fails again and again, its rows one by one, marked where they fail too.

    Raises
    ------
    SmotextError, OSError
        At once for a wrong option or a full disk, which are no row's fault.
    """
    started_s = time.monotonic()
    with _heard() as notes:
        found = _try(write, group, asked)
        outcome = _one_by_one(write, group, asked, found) if isinstance(found, Exception) else GroupOutcome(found)
    return replace(outcome, seconds=time.monotonic() - started_s, notes=tuple(notes))


def give_up(group: MixPlan, error: Exception) -> GroupOutcome:
    """Return the outcome of a group of which no row can be decoded."""
    return _marked(group, [error] * len(group), error)


def _one_by_one(write: WriteGroup, group: MixPlan, asked: DecoderInput, error: Exception) -> GroupOutcome:
    """Return the outcome of a group that failed as a whole, each row decoded alone."""
    return _marked(group, [_try(write, group.take(place), asked[place]) for place in _places(group)], error)


def _marked(group: MixPlan, tried: Sequence[pd.DataFrame | Exception], error: Exception) -> GroupOutcome:
    """Return the outcome of rows that were decoded or not; the group's error counts if none was."""
    pairs = zip(_places(group), tried, strict=True)
    rows = [_failed_row(group.take(place), found) if isinstance(found, Exception) else found for place, found in pairs]
    is_lost = all(isinstance(found, Exception) for found in tried)
    return GroupOutcome(
        pd.concat(rows, ignore_index=True), _spell(error) if is_lost else "", error if is_lost else None
    )


def _places(group: MixPlan) -> list[slice]:
    return [slice(row, row + 1) for row in range(len(group))]


def _try(write: WriteGroup, group: MixPlan, asked: DecoderInput) -> pd.DataFrame | Exception:
    """Return the group's rows, or why they could not be written, after `TRIES` times."""
    for _ in range(TRIES):
        try:
            return write(group, asked)
        except SmotextError:
            raise
        except Exception as caught:
            # A model's engine may raise anything.
            if is_disk_full(caught):
                raise
            error = caught
    return error


@contextlib.contextmanager
def _heard() -> Iterator[list[str]]:
    """Give the list of our warnings within the block, for the manifest; they are shown all the same.

    A decoder warns when it had to halve a batch, for example, which can change texts in bfloat16.
    """
    notes: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", SmotextWarning)
        yield notes
    for warning in caught:
        if issubclass(warning.category, SmotextWarning):
            notes.append(str(warning.message))
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


def _spell(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _failed_row(group: MixPlan, error: Exception) -> pd.DataFrame:
    """Return the row that stands for one that cannot be decoded: no text, not accepted, the reason."""
    row: dict[str, Any] = dict.fromkeys(ROW_COLUMNS)
    row |= {"text": "", "label": group.labels[0], "key": group.keys[0], "parents": [], "weights": [], "examples": []}
    row |= {"lam": np.nan, "seed": int(group.seeds[0]), "prompt": -1, "strategy": group.strategies[0], "mix": ""}
    row |= {"model": "", "n_tokens": -1, "is_finished": False, "accepted": False}
    row |= {"reason": f"{DECODING_FAILED}{_spell(error)}"}
    return pd.DataFrame({name: pd.Series([value], dtype=_DTYPES.get(name, object)) for name, value in row.items()})
