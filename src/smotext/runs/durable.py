"""A run that goes on after a crash: each step is read back if it is there, else made and kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smotext.augmentation.running import AskForGroup, DrawCentres, MakeVectors, WriteGroup
from smotext.errors import RunError, RunStopped
from smotext.mixing.plan import MixPlan
from smotext.runs.retry import DECODING_FAILED, GroupOutcome, write_with_retries
from smotext.runs.run_directory import RunDirectory, digest
from smotext.runs.stopping import Stopper
from smotext.runs.storage import count_rows, load_plan, load_rows, load_vectors, save_plan, save_rows, save_vectors

Kept = TypeVar("Kept")


class RunProgress(Protocol):
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
    """The steps of :func:`smotext.augmentation.augment.augment`, kept in a run directory.

    Parameters
    ----------
    folder : RunDirectory
        Open, and held by this process.
    stopper : Stopper
        Says when to stop.
    progress : RunProgress
        Is told how far it is.

    Notes
    -----
    A part holds a decode group, or its first rows where a cap has stopped the run within it. Killed at any moment,
    the run loses the rows at work and no others; the same rows are decoded in the same order afterwards, hence the same
    texts where a text does not depend on its neighbours in the batch.
    """

    def __init__(self, folder: RunDirectory, *, stopper: Stopper, progress: RunProgress) -> None:
        self.folder = folder
        self.stopper = stopper
        self.progress = progress
        self.n_resumed = 0
        self._n_planned: dict[int, int] = {}
        self._has_written = False
        # A row that could be decoded: if it still can, a failure is the fault of other rows and not of the model.
        self._good: MixPlan | None = None

    def vectors(self, n_texts: int, make: MakeVectors) -> NDArray[np.float32]:
        """Return the texts' vectors, memory-mapped."""
        path = self.folder.path / "vectors.npy"
        kept = self._kept(path, load_vectors, lambda vectors: len(vectors) == n_texts)
        if kept is not None:
            return kept
        self.progress.start("encoding", n_texts)
        started_s = time.monotonic()
        save_vectors(make(on_progress=self.progress.reach), path)
        self._note(path, "encoded", seconds=round(time.monotonic() - started_s, 3))
        return load_vectors(path)

    def centres(self, draw: DrawCentres) -> NDArray[np.float32]:
        """Return what ``privacy="dp"`` releases; it is on disk before any plan is made of it.

        Raises
        ------
        RunError
            If what was released is not there any more, or damaged: it is not drawn a second time.
        """
        path = self.folder.path / "centres.npy"
        if path.exists() and self.folder.noted_digest(path) in (None, digest(path)):
            return load_vectors(path)
        if path.exists() or self.folder.events("released"):
            raise RunError(
                f"{path}, the noisy sums of this run, is damaged or gone: to draw noise again would spend epsilon a "
                "second time; if that is accounted for, begin anew with resume='never'",
                options=["resume"],
            )
        save_vectors(draw(), path)
        self._note(path, "released")
        return load_vectors(path)

    def plan(self, round_number: int, make: Callable[[], MixPlan]) -> MixPlan:
        """Return the plan of a round; it is on disk before any of its groups is decoded."""
        path = self.folder.path / "plans" / f"{round_number:03d}.npz"
        plan = self._kept(path, load_plan)
        if plan is None:
            started_s = time.monotonic()
            plan = make()
            save_plan(plan, path)
            seconds = round(time.monotonic() - started_s, 3)
            self._note(path, "planned", round=round_number, rows=len(plan), seconds=seconds)
            plan = load_plan(path)
        self._n_planned[round_number] = len(plan)
        return plan

    def decode(
        self, round_number: int, groups: Iterable[MixPlan], ask: AskForGroup, write: WriteGroup
    ) -> Iterator[pd.DataFrame]:
        """Yield the rows of each group, in order; of the last one fewer, where a cap is reached within it.

        Raises
        ------
        RunStopped
            After Ctrl-C, or when a cap is reached.
        RunError
            If no row of a group can be decoded, tried again and one by one, and no row decoded before can either.
        """
        self._tell_resumed(round_number)
        with self.stopper.watching():
            for number, group in enumerate(groups):
                stop = self._write_group(round_number, number, group, ask, write)
                if self._part(round_number, number).exists():
                    yield load_rows(self._part(round_number, number))
                if stop is not None:
                    raise stop

    def _write_group(
        self, round_number: int, number: int, group: MixPlan, ask: AskForGroup, write: WriteGroup
    ) -> RunStopped | None:
        """Write what is missing of a group, or as much of it as the caps allow; return why it is not whole."""
        kept = self._kept_rows(round_number, number, group)
        n_done = 0 if kept is None else len(kept)
        if kept is not None:
            self._remember_good(group, kept)
        while n_done < len(group):
            try:
                self.stopper.check()
            except RunStopped as stop:
                return stop
            piece = group.take(slice(n_done, n_done + self.stopper.room_for(len(group) - n_done)))
            outcome = write_with_retries(piece, ask(piece), write)
            if outcome.error and not self._can_still_write(ask, write):
                self._stop_once(round_number, number, outcome)
            self._keep(round_number, number, outcome, after=n_done)
            self._remember_good(piece, outcome.rows)
            n_done += len(piece)
        return None

    def _kept(
        self, path: Path, load: Callable[[Path], Kept], is_right: Callable[[Kept], bool] | None = None
    ) -> Kept | None:
        """Return what an earlier process has kept, or None if it is not there or not as it was written."""
        if not path.exists():
            return None
        # A crash can come between writing a file and noting its hash.
        is_same = self.folder.noted_digest(path) in (None, digest(path))
        try:
            kept = load(path) if is_same else None
        except MemoryError:
            raise
        except Exception:
            # numpy, pyarrow and json raise all kinds of errors on damaged bytes.
            kept = None
        if kept is not None and (is_right is None or is_right(kept)):
            return kept
        self.folder.log("damaged", damaged=path.name)
        self.progress.say(f"{path} is not what was written there: made again")
        path.unlink()
        return None

    def _kept_rows(self, round_number: int, number: int, group: MixPlan) -> pd.DataFrame | None:
        """Return the rows of a group that are there, which may be its first ones alone."""
        path = self._part(round_number, number)
        return self._kept(path, load_rows, lambda rows: rows["key"].tolist() == group.keys[: len(rows)])

    def _note(self, path: Path, event: str, **entries: Any) -> None:
        """Log what was written, with its hash: a file that has another one later is made again."""
        self.folder.log(event, **entries, file=path.name, sha256=digest(path))

    def _remember_good(self, group: MixPlan, rows: pd.DataFrame) -> None:
        is_good = ~rows["reason"].str.startswith(DECODING_FAILED).to_numpy(dtype=bool)
        if is_good.any():
            self._good = group.take(np.flatnonzero(is_good)[:1])

    def _can_still_write(self, ask: AskForGroup, write: WriteGroup) -> bool:
        """Return True if a row that was decoded before can be decoded now: then a failure is the other rows' own."""
        return self._good is not None and not write_with_retries(self._good, ask(self._good), write).error

    def _part(self, round_number: int, number: int) -> Path:
        return self.folder.path / "parts" / f"{round_number:03d}-{number:07d}.parquet"

    def _tell_resumed(self, round_number: int) -> None:
        done = sum(map(count_rows, (self.folder.path / "parts").glob(f"{round_number:03d}-[0-9]*.parquet")))
        self.n_resumed += done
        if done:
            self._has_written = True
            self.progress.say(f"resumed {done} rows")
        name = "writing" if round_number == 0 else f"writing, round {round_number + 1}"
        self.progress.start(name, self._n_planned.get(round_number, 0), done=done)

    def _keep(self, round_number: int, number: int, outcome: GroupOutcome, *, after: int = 0) -> None:
        """Write the part of a decoded group, or of a piece of it `after` so many rows, and count it."""
        rows, path = outcome.rows, self._part(round_number, number)
        save_rows(pd.concat([load_rows(path), rows], ignore_index=True) if after else rows, path)
        tokens = _count_tokens(rows)
        self.stopper.count(tokens=tokens, seconds=outcome.seconds, rows=len(rows))
        failed = rows.loc[rows["reason"].str.startswith(DECODING_FAILED), ["key", "reason"]].to_dict("records")
        self._note(
            path, "decoded", round=round_number, group=number, rows=len(rows), tokens=tokens,
            seconds=round(outcome.seconds, 3),
            **({"failed": failed} if failed else {}), **({"notes": list(outcome.notes)} if outcome.notes else {}),
        )  # fmt: skip
        self._has_written = True
        self.progress.advance(len(rows))

    def _stop_once(self, round_number: int, number: int, outcome: GroupOutcome) -> None:
        """Raise RunError for a group of which no row can be decoded, unless an earlier process did so.

        Where nothing else can be decoded either, that says more of the engine than of the rows: only if the group
        fails in another process too are its rows given up.
        """
        place = {"round": round_number, "group": number}
        if any(place.items() <= event.items() for event in self.folder.events("lost")):
            return
        self.folder.log("lost", **place, reason=outcome.error)
        raise RunError(
            f"no row of decode group {number} can be decoded: {outcome.error}: the same command tries again, and "
            "gives the group up if that fails too"
        ) from outcome.cause


def _count_tokens(rows: pd.DataFrame) -> int:
    """Return the new tokens of the rows, or the words where a decoder counts none: a cap holds for it as well.

    Of long texts those of all candidates count.
    """
    tokens = rows["n_tokens"]
    if "n_written" in rows:
        # A row that failed has no such number.
        tokens = rows["n_written"].astype("float64").fillna(tokens)
    is_counted = tokens >= 0
    words = sum(len(text.split()) for text in rows.loc[~is_counted, "text"])
    return int(tokens[is_counted].sum()) + words
