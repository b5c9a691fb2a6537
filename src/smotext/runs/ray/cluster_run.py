"""A durable run whose texts are encoded and decoded by the workers of a Ray cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smotext.augmentation.running import AskForGroup, MakeVectors, WriteGroup
from smotext.encoders.cache import encode_chunk
from smotext.errors import RunError, RunStopped
from smotext.mixing.plan import MixPlan
from smotext.runs.durable import DurableRun, RunProgress
from smotext.runs.ray.workers import Workers, death_of, result_of
from smotext.runs.retry import give_up, write_with_retries
from smotext.runs.run_directory import RunDirectory
from smotext.runs.stopping import Stopper
from smotext.runs.storage import load_rows


class ClusterRun(DurableRun):
    """The same steps in the same run directory as a :class:`DurableRun`; others compute.

    Workers encode chunks of texts, and when that is done and their processes have ended, others decode groups. This
    process plans, computes the vectors that a group asks for, and alone writes files: the cluster needs no
    shared file system. A run that was begun here can go on there, and the other way round.

    Parameters
    ----------
    folder, stopper, progress
        As for :class:`DurableRun`.
    workers : Workers
    """

    def __init__(self, folder: RunDirectory, *, workers: Workers, stopper: Stopper, progress: RunProgress) -> None:
        super().__init__(folder, stopper=stopper, progress=progress)
        self.workers = workers

    def vectors(self, n_texts: int, make: MakeVectors) -> NDArray[np.float32]:
        """Return the texts' vectors, memory-mapped."""
        return super().vectors(n_texts, partial(make, encode_chunks=self._encode_chunks))

    def decode(
        self, round_number: int, groups: Iterable[MixPlan], ask: AskForGroup, write: WriteGroup
    ) -> Iterator[pd.DataFrame]:
        """Yield the rows of each group, in order, when all that can be written are.

        Raises
        ------
        RunStopped
            After the rows of the groups before the first one that is missing, on Ctrl-C or when a cap is reached.
            What other workers had under way is dropped.
        RunError
            As :meth:`DurableRun.decode`, and for a group whose workers die again and again.
        """
        self._tell_resumed(round_number)
        groups = list(groups)
        stop: RunStopped | None = None
        try:
            self._decode_missing(round_number, groups, ask, write)
        except RunStopped as caught:
            stop = caught
        for number in range(len(groups)):
            path = self._part(round_number, number)
            if not path.exists():
                break
            rows = load_rows(path)
            yield rows
            if len(rows) < len(groups[number]):
                # A run in a single process has begun this group, and a cap has stopped it within it.
                break
        if stop is not None:
            raise stop

    def _decode_missing(self, round_number: int, groups: list[MixPlan], ask: AskForGroup, write: WriteGroup) -> None:
        """Write the parts that are not there, each when it arrives."""
        numbers = range(len(groups))
        missing = [number for number in numbers if not self._is_whole(round_number, number, groups[number])]
        items = ((number, (groups[number], ask(groups[number]))) for number in missing)
        n_open = len(missing)
        with (
            self.stopper.watching(),
            closing(self.workers.map(partial(write_with_retries, write=write), items)) as found,
        ):
            while n_open:
                self.stopper.check(len(groups[missing[0]]))
                done = next(found)
                if done.n_attempts > 1:
                    self._tell_repeated(round_number, done.number, done.n_attempts)
                died = RunError(death_of(done)) if done.is_given_up else None
                outcome = done.result if died is None else give_up(groups[done.number], died)
                if outcome.error and (len(outcome.rows) > 1 or not self._has_written):
                    # A single failed row tells of the row. A whole group of failed rows, or the very first row, may as
                    # well tell of the worker.
                    self._stop_once(round_number, done.number, outcome)
                self._keep(round_number, done.number, outcome)
                n_open -= 1

    def _is_whole(self, round_number: int, number: int, group: MixPlan) -> bool:
        rows = self._kept_rows(round_number, number, group)
        return rows is not None and len(rows) == len(group)

    def _tell_repeated(self, round_number: int, number: int, n_attempts: int) -> None:
        self.folder.log("repeated", round=round_number, group=number, attempts=n_attempts)
        self.progress.say(f"a worker died at decode group {number}: another one took it over")

    def _encode_chunks(self, encoder: Any, chunks: list[list[str]]) -> Iterator[tuple[int, NDArray[np.float32]]]:
        items = ((number, (chunk,)) for number, chunk in enumerate(chunks))
        for done in self.workers.map(partial(encode_chunk, encoder), items):
            yield done.number, result_of(done)
