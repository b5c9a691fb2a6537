from __future__ import annotations

import threading

import numpy as np
import pytest

from smotext import EchoDecoder, HashEncoder, SMOTExT
from smotext.app.jobs import PIECE, Job, Task, spell_failure
from smotext.app.turns import Turns
from tests.app.doubles import CARD, LATE

TEXTS = np.array(LATE + CARD, dtype=object)
LABELS = np.array(["late"] * len(LATE) + ["card"] * len(CARD), dtype=object)


def task(label: str = "card", n: int = 11) -> Task:
    return Task(TEXTS, LABELS, np.arange(len(TEXTS)), label, n)


class Waiting(EchoDecoder):
    """Writes its first piece, and the others when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.n_pieces, self.may_go_on, self.has_begun = 0, threading.Event(), threading.Event()

    def decode_rows(self, vectors, **options):
        self.n_pieces += 1
        if self.n_pieces > 1:
            self.has_begun.set()
            assert self.may_go_on.wait(30)
        return super().decode_rows(vectors, **options)


class Broken(EchoDecoder):
    def decode_rows(self, vectors, **options):
        raise MemoryError


@pytest.mark.filterwarnings("ignore::smotext.errors.SmotextWarning")  # generate warns of a small class
@pytest.mark.parametrize("filters", [None, "default"])
def test_written_in_pieces_the_texts_are_those_of_generate(filters):
    sampler = SMOTExT("echo", random_state=3, filters=filters, candidates=3, on_shortfall="report", k_neighbors=2)
    job = Job(task(), sampler, Turns()).start()
    assert job.wait(60)
    assert job.error is None
    expected = sampler.generate(TEXTS, LABELS, n={"card": 11})
    assert job.found.synthetic["text"].tolist() == expected["text"].tolist()
    assert job.found.synthetic["parents"].tolist() == expected["parents"].tolist()


def test_a_run_that_is_stopped_keeps_what_it_wrote():
    decoder = Waiting()
    job = Job(
        task(), SMOTExT("echo", encoder=HashEncoder(), decoder=decoder, candidates=1, k_neighbors=2), Turns()
    ).start()
    assert decoder.has_begun.wait(30)
    assert (job.progress.step, job.progress.done, job.progress.total) == ("writing", PIECE, 11)
    assert len(job.progress.latest) == PIECE
    assert job.is_running
    job.stop()
    decoder.may_go_on.set()
    assert job.wait(30)
    assert (job.error, len(job.found.synthetic)) == (None, 2 * PIECE)  # the piece at work is finished


def test_two_runs_with_one_model_both_end():
    turns = Turns()
    jobs = [
        Job(task(label), SMOTExT("echo", random_state=0, k_neighbors=2), turns).start() for label in ("card", "late")
    ]
    assert all(job.wait(60) for job in jobs)
    assert [set(job.found.synthetic["label"]) for job in jobs] == [{"card"}, {"late"}]


def test_what_a_model_throws_is_told_by_the_job():
    job = Job(task(), SMOTExT("echo", encoder=HashEncoder(), decoder=Broken(), k_neighbors=2), Turns()).start()
    assert job.wait(30)
    assert job.found is None
    assert "not enough memory: take fewer candidates" in spell_failure(job.error)
    assert spell_failure(KeyError("x")) == "KeyError: 'x'"
