"""A run that goes on after a crash: each step is read back if it is there, else made and kept."""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smotext.augment import MakeVectors
from smotext.errors import RunError, SmotextError, SmotextWarning
from smotext.records import MixPlan
from smotext.runs.folder import RunFolder
from smotext.runs.stopping import Stopper
from smotext.runs.storage import load_plan, load_rows, load_vectors, save_plan, save_rows, save_vectors
from smotext.writing import COLUMNS

TRIES = 2  # how often a group, and then each of its rows alone, is decoded before it counts as failed
_FAILED = "decoding failed: "
_DTYPES = {
    "lam": "float64",
    "seed": "int64",
    "prompt": "int64",
    "n_tokens": "int64",
    "is_finished": bool,
    "accepted": bool,
}

Write = Callable[[MixPlan], pd.DataFrame]


class Progress(Protocol):
    """Who is told how far the run is."""

    def start(self, what: str, total: int, *, done: int = 0) -> None:
        """Begin a step of `total` rows."""
        ...

    def advance(self, n_rows: int) -> None:
        """Count `n_rows` more."""
        ...

    def reach(self, n_rows: int) -> None:
        """Say that `n_rows` are done in all."""
        ...

    def say(self, message: str) -> None:
        """Tell one line."""
        ...


class DurableRun:
    """The steps of :func:`smotext.augment.augment`, kept in a run directory.

    Parameters
    ----------
    folder : RunFolder
        Open, and held by this process.
    stopper : Stopper
        Says when to stop.
    progress : Progress
        Is told how far it is.

    Notes
    -----
    A part holds a whole decode group. Killed at any moment, the run loses the group at work and no other;
    the same groups are decoded in the same order afterwards, hence the same texts.
    """

    def __init__(self, folder: RunFolder, *, stopper: Stopper, progress: Progress) -> None:
        self.folder = folder
        self.stopper = stopper
        self.progress = progress
        self.n_resumed = 0
        self._n_planned: dict[int, int] = {}
        self._has_written = False

    def vectors(self, n_texts: int, make: MakeVectors) -> NDArray[np.float32]:
        """Return the texts' vectors, memory-mapped."""
        path = self.folder.path / "vectors.npy"
        if not path.exists():
            self.progress.start("encoding", n_texts)
            started_s = time.monotonic()
            save_vectors(make(self.progress.reach), path)
            self.folder.log("encoded", seconds=round(time.monotonic() - started_s, 3))
        return load_vectors(path)

    def plan(self, round_number: int, make: Callable[[], MixPlan]) -> MixPlan:
        """Return the plan of a round; it is on disk before any of its groups is decoded."""
        path = self.folder.path / "plans" / f"{round_number:03d}.npz"
        if not path.exists():
            started_s = time.monotonic()
            plan = make()
            save_plan(plan, path)
            self.folder.log(
                "planned", round=round_number, rows=len(plan), seconds=round(time.monotonic() - started_s, 3)
            )
        plan = load_plan(path)
        self._n_planned[round_number] = len(plan)
        return plan

    def decode(self, round_number: int, groups: Iterable[MixPlan], write: Write) -> Iterator[pd.DataFrame]:
        """Yield the rows of each group, in order.

        Raises
        ------
        RunStopped
            Between two groups, after Ctrl-C or when a cap is reached.
        RunError
            If no row of a group can be decoded, tried again and one by one.
        """
        self._tell_resumed(round_number)
        with self.stopper.watching():
            for number, group in enumerate(groups):
                path = self._part(round_number, number)
                if not path.exists():
                    self.stopper.check()
                    self._decode_part(round_number, number, group, write)
                    self.progress.advance(len(group))
                yield load_rows(path)

    def _part(self, round_number: int, number: int) -> Any:
        return self.folder.path / "parts" / f"{round_number:03d}-{number:07d}.parquet"

    def _tell_resumed(self, round_number: int) -> None:
        import pyarrow.parquet as pq

        parts = (self.folder.path / "parts").glob(f"{round_number:03d}-*.parquet")
        done = sum(pq.read_metadata(path).num_rows for path in parts)
        self.n_resumed += done
        if done:
            self._has_written = True
            self.progress.say(f"resumed {done} rows")
        name = "writing" if round_number == 0 else f"writing, round {round_number + 1}"
        self.progress.start(name, self._n_planned.get(round_number, 0), done=done)

    def _decode_part(self, round_number: int, number: int, group: MixPlan, write: Write) -> None:
        started_s = time.monotonic()
        with _heard() as notes:
            rows = self._write_patiently(round_number, number, group, write)
        save_rows(rows, self._part(round_number, number))
        seconds, tokens = time.monotonic() - started_s, int(rows["n_tokens"].clip(lower=0).sum())
        self.stopper.count(tokens=tokens, seconds=seconds)
        failed = rows.loc[rows["reason"].str.startswith(_FAILED), ["key", "reason"]].to_dict("records")
        self.folder.log(
            "decoded", round=round_number, group=number, rows=len(rows), tokens=tokens, seconds=round(seconds, 3),
            **({"failed": failed} if failed else {}), **({"notes": notes} if notes else {}),
        )  # fmt: skip
        self._has_written = True

    def _write_patiently(self, round_number: int, number: int, group: MixPlan, write: Write) -> pd.DataFrame:
        """Return the group's rows; if it fails again and again, its rows one by one, marked where they fail too.

        A group of which no row succeeds says more of the engine than of the rows: the run stops, and only if
        the group fails in another process too are its rows given up.
        """
        rows, error = _try(write, group)
        if rows is not None:
            return rows
        alone = [_try(write, group.take(slice(row, row + 1))) for row in range(len(group))]
        place = {"round": round_number, "group": number}
        is_lost = all(found is None for found, _ in alone) and (len(group) > 1 or not self._has_written)
        if is_lost and not any(place.items() <= event.items() for event in self.folder.events("lost")):
            self.folder.log("lost", **place, reason=f"{type(error).__name__}: {error}")
            raise RunError(
                f"no row of decode group {number} can be decoded: {type(error).__name__}: {error}: the same command "
                "tries again, and gives the group up if that fails too"
            ) from error
        return pd.concat(
            [
                _failed_row(group.take(slice(row, row + 1)), why) if found is None else found
                for row, (found, why) in enumerate(alone)
            ],
            ignore_index=True,
        )


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


def _try(write: Write, group: MixPlan) -> tuple[pd.DataFrame | None, Exception | None]:
    """Return the group's rows, or None and why they could not be written, after `TRIES` times."""
    error: Exception | None = None
    for _ in range(TRIES):
        try:
            return write(group), None
        except (SmotextError, OSError):
            raise  # a wrong option or a full disk is no row's fault
        except Exception as caught:  # whatever a model's engine raises
            error = caught
    return None, error


def _failed_row(group: MixPlan, error: Exception | None) -> pd.DataFrame:
    """Return the row that stands for one that cannot be decoded: no text, not accepted, the reason."""
    key = (group.labels[0], group.ordinals[0], group.attempts[0], group.candidates[0])
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    row |= {"text": "", "label": group.labels[0], "key": "/".join(map(str, key)), "parents": [], "weights": []}
    row |= {"lam": np.nan, "seed": int(group.seeds[0]), "prompt": -1, "strategy": group.strategies[0], "mix": ""}
    row |= {"model": "", "n_tokens": -1, "is_finished": False, "accepted": False}
    row |= {"reason": f"{_FAILED}{type(error).__name__}: {error}"}
    return pd.DataFrame({name: pd.Series([value], dtype=_DTYPES.get(name, object)) for name, value in row.items()})
