"""A run in the background of the page: it tells how far it is, can be stopped, and outlives the tab that began it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smotext.app.turns import Turns
from smotext.augmentation.augment import Augmented, augment
from smotext.augmentation.notes import language_note, skipped_note, truncated_note
from smotext.augmentation.running import AskForGroup, DrawCentres, MakeVectors, WriteGroup
from smotext.data.corpus import make_corpus
from smotext.encoders.cache import encode_chunk
from smotext.errors import RunStopped, SmotextError
from smotext.mixing.plan import MixPlan
from smotext.privacy.private_planner import check_rows
from smotext.privacy.refused_options import check_allowed, model_facts
from smotext.privacy.release import statement
from smotext.protocols import Encoder
from smotext.sampler import SMOTExT
from smotext.utils.seeding import root_seed

# So many mixes are written between two looks at the clock and at those who wait: some seconds on a laptop.
PIECE = 2
# So many texts are read between two such looks.
_ENCODED = 64
# So many texts are shown while the others are written.
_LATEST = 5


@dataclass(frozen=True)
class Task:
    """What is to be written.

    Attributes
    ----------
    texts, labels : ndarray of shape (n_texts,), object
        The real rows that are worked with.
    rows : ndarray of shape (n_texts,), int64
        Their places in the whole table.
    label : object
        The class that gets new texts.
    n : int
    """

    texts: NDArray[np.object_]
    labels: NDArray[np.object_]
    rows: NDArray[np.int64]
    label: Any
    n: int


@dataclass
class Progress:
    """How far a run is.

    Attributes
    ----------
    step : str
        What it is doing, in words.
    done, total : int
        Of this step; a total of 0 is not known.
    """

    step: str = "waiting"
    done: int = 0
    total: int = 0
    latest: deque[str] = field(default_factory=lambda: deque(maxlen=_LATEST))


class Job:
    """One run.

    Parameters
    ----------
    task : Task
    sampler : SMOTExT
        With its options; models are loaded when the run begins.
    turns : Turns
        Shared with everybody else who uses the models.
    spent : float
        Epsilon of the noisy releases that were made before.

    Attributes
    ----------
    progress : Progress
    found : Augmented or None
        What it came to; where it was stopped, what was written before.
    notes : tuple of str
        What had to be adapted.
    error : Exception or None
    is_stopped : bool
        Whether it was asked to stop.
    spent : float
        With the epsilon of its own release, once it has drawn noise.
    """

    def __init__(self, task: Task, sampler: SMOTExT, turns: Turns, *, spent: float = 0.0) -> None:
        self.task, self.sampler, self.turns, self.spent = task, sampler, turns, spent
        self.progress = Progress()
        self.found: Augmented | None = None
        self.notes: tuple[str, ...] = ()
        self.error: Exception | None = None
        self.seconds = 0.0
        self._stop = threading.Event()
        self._started_s = time.monotonic()
        self._thread = threading.Thread(target=self._work, name="smotext-run", daemon=True)

    def start(self) -> Job:
        """Begin, and return at once."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Ask it to end after the piece that is at work; what was written is kept."""
        self._stop.set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Return True once it has ended, or False after so many seconds."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def is_running(self) -> bool:
        """Whether it is still at work."""
        return self._thread.is_alive()

    @property
    def is_stopped(self) -> bool:
        """Whether it was asked to stop."""
        return self._stop.is_set()

    @property
    def elapsed_s(self) -> float:
        """Seconds since it began, or that it took."""
        return time.monotonic() - self._started_s if self.is_running else self.seconds

    def check(self) -> None:
        """Raise RunStopped if it was asked to stop."""
        if self._stop.is_set():
            raise RunStopped("stopped")

    def _work(self) -> None:
        try:
            self._write()
        except RunStopped as stop:
            self.found = stop.partial
        except Exception as error:
            # Whatever a model throws has to be told by the page: an error in a thread reaches nobody.
            self.error = error
        self.seconds = time.monotonic() - self._started_s

    def _write(self) -> None:
        corpus = make_corpus(self.task.texts, self.task.labels)
        new_rows = {self.task.label: self.task.n}
        settings = self.sampler.settings()
        check_rows(corpus, new_rows, settings.privacy)
        self.progress.step = "loading the model"
        with self.turns.taken():
            encoder, decoder = self.sampler.load()
        check_allowed(settings.privacy, model_facts(encoder, decoder))
        run = PieceByPiece(self, n_candidates=settings.candidates)
        self.found = augment(
            corpus, new_rows, encoder=encoder, decoder=decoder, settings=settings,
            seed=root_seed(self.sampler.random_state), run=run,
        )  # fmt: skip
        cut = truncated_note(corpus, encoder, self.found.long_classes)
        self.notes = (*self.found.notes, *skipped_note(corpus), *cut, *language_note(corpus.texts, decoder))

    @property
    def promises(self) -> list[str]:
        """What is guaranteed of the texts where rows are hidden, and what is not."""
        privacy = self.sampler.settings().privacy
        if privacy is None:
            return []
        lines = statement(privacy)
        if privacy.epsilon is not None and self.spent > privacy.epsilon:
            lines.append(f"epsilon {self.spent:g} in all, with your earlier runs: each draws noise of its own")
        return lines

    def spend(self) -> None:
        """Note that noise is drawn: whatever becomes of the run, its epsilon is spent."""
        privacy = self.sampler.settings().privacy
        if privacy is not None:
            self.spent += privacy.epsilon or 0.0


class PieceByPiece:
    """The steps of :func:`smotext.augmentation.augment.augment` in small pieces, each in one's turn.

    Where a text does not depend on its neighbours in the batch, as in float32, the texts are those that one piece would
    give.

    Parameters
    ----------
    job : Job
        Is told how far it is, and asked whether to stop.
    n_candidates : int
        Drafts per text, which stand next to each other in a plan.
    """

    def __init__(self, job: Job, *, n_candidates: int) -> None:
        self.job, self.n_candidates = job, n_candidates
        self._n_planned: dict[int, int] = {}

    def vectors(self, n_texts: int, make: MakeVectors) -> NDArray[np.float32]:
        """Return the texts' vectors."""
        self._begin("reading your texts", n_texts)
        return make(on_progress=self._reach, encode_chunks=self._encode)

    def centres(self, draw: DrawCentres) -> NDArray[np.float32]:
        """Return what ``privacy="dp"`` releases; every run draws noise of its own."""
        self.job.spend()
        return draw()

    def plan(self, round_number: int, make: Callable[[], MixPlan]) -> MixPlan:
        """Return the plan of a round."""
        self.job.check()
        self._begin("choosing what to mix" if round_number == 0 else "looking at what was written", 0)
        plan = make()
        self._n_planned[round_number] = int((plan.candidates == 0).sum())
        return plan

    def decode(
        self, round_number: int, groups: Iterable[MixPlan], ask: AskForGroup, write: WriteGroup
    ) -> Iterator[pd.DataFrame]:
        """Yield the rows of each piece."""
        step = "writing" if round_number == 0 else f"writing rejected texts again, round {round_number + 1}"
        self._begin(step, self._n_planned[round_number])
        n_done, size = 0, PIECE * self.n_candidates
        for group in groups:
            for start in range(0, len(group), size):
                self.job.check()
                piece = group.take(slice(start, start + size))
                with self.job.turns.taken():
                    rows = write(piece, ask(piece))
                is_first = piece.candidates == 0
                n_done += int(is_first.sum())
                self._reach(n_done)
                self.job.progress.latest.extend(rows["text"][is_first])
                yield rows
        self._begin("looking at what was written", 0)

    def _encode(self, encoder: Encoder, chunks: Sequence[list[str]]) -> Iterator[tuple[int, NDArray[np.float32]]]:
        n_done = sum(map(len, chunks))
        n_done = self.job.progress.total - n_done if self.job.progress.total > n_done else 0
        for number, chunk in enumerate(chunks):
            parts = []
            for start in range(0, len(chunk), _ENCODED):
                self.job.check()
                with self.job.turns.taken():
                    parts.append(encode_chunk(encoder, chunk[start : start + _ENCODED]))
                n_done += len(parts[-1])
                self._reach(n_done)
            yield number, np.concatenate(parts)

    def _begin(self, step: str, total: int) -> None:
        progress = self.job.progress
        progress.step, progress.done, progress.total = step, 0, total

    def _reach(self, n_done: int) -> None:
        self.job.progress.done = n_done


def spell_failure(error: Exception) -> str:
    """Return what went wrong, in a sentence for the page."""
    if isinstance(error, SmotextError):
        return str(error)
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return "there is not enough memory: take fewer candidates, or work with fewer texts"
    return f"{type(error).__name__}: {error}"
