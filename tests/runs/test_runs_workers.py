"""What travels to a cluster's workers, and what comes back."""

from __future__ import annotations

import pickle
import socket
import subprocess
import sys

import pytest

from smotext.errors import ModelNotFoundError, RunError
from smotext.runs.ray.workers import Done, Worker, in_waves, portable, result_of, wait_for_end


def test_waves_hold_about_as_much_as_they_may_and_nothing_is_lost():
    items = [(number, (b"x" * size,)) for number, size in enumerate([10, 10, 300, 10, 10])]
    waves = list(in_waves(iter(items), 100))
    assert [[item["number"] for item in wave] for wave in waves] == [[0, 1, 2], [3, 4]]
    assert [pickle.loads(item["arguments"]) for wave in waves for item in wave] == [arguments for _, arguments in items]


def test_waves_take_no_item_before_it_is_due():
    taken = []

    def items():
        for number in range(4):
            taken.append(number)
            yield number, (bytes(100),)

    next(in_waves(items(), 150))
    assert taken == [0, 1]


def test_an_error_of_ours_keeps_its_type_on_its_way_and_names_the_machine():
    error = pickle.loads(pickle.dumps(portable(ModelNotFoundError("no model"))))
    assert type(error) is ModelNotFoundError
    assert str(error) == f"no model (on the worker {socket.gethostname()})"


def test_an_error_of_another_package_becomes_one_that_can_travel():
    class Odd(Exception):
        def __init__(self, one, two):
            super().__init__(f"{one}{two}")

    error = pickle.loads(pickle.dumps(portable(Odd("dev", "ice"))))
    assert type(error) is RunError
    assert str(error).startswith("Odd: device (on the worker ")


def test_an_item_that_was_given_up_has_no_result():
    assert result_of(Done(0, "text", 3)) == "text"
    with pytest.raises(RunError, match="3 workers died at it"):
        result_of(Done(0, None, 4))


def test_a_worker_with_another_smotext_refuses():
    with pytest.raises(RunError, match="and 0.0.0 where it was called"):
        Worker(pickle.dumps(len), "0.0.0", None)._load()


def test_a_worker_waits_for_the_processes_before_it():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        with pytest.raises(RunError, match=f"process {process.pid}, a worker of the step before, does not end"):
            wait_for_end([process.pid], timeout_s=0.2)
        process.communicate(b"\n")
    wait_for_end([process.pid])
