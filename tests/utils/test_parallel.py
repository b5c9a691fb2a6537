from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from smotext.utils.parallel import spread


@pytest.fixture(autouse=True)
def four_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


def threads_of_a_new_thread() -> int:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return found[0]


def test_every_batch_is_worked_on_once() -> None:
    done: list[int] = []
    spread(done.append, range(100))
    assert sorted(done) == list(range(100))


@pytest.mark.parametrize(("n_batches", "share"), [(1, 4), (2, 2), (3, 1), (50, 1)])
def test_torchs_threads_are_shared_out(n_batches: int, share: int) -> None:
    found: list[int] = []
    spread(lambda batch: found.append(torch.get_num_threads()), range(n_batches))
    assert found == [share] * n_batches


def test_torchs_threads_are_as_before_here_and_in_new_threads() -> None:
    spread(lambda batch: None, range(50))
    assert torch.get_num_threads() == 4
    assert threads_of_a_new_thread() == 4


def test_an_error_is_raised_and_ends_the_work() -> None:
    done: list[int] = []

    def work(batch: int) -> None:
        if batch == 0:
            raise ValueError("a bad batch")
        threading.Event().wait(0.01)
        done.append(batch)

    with pytest.raises(ValueError, match="a bad batch"):
        spread(work, range(1000))
    assert len(done) < 500


def test_no_batches_are_no_work() -> None:
    spread(lambda batch: pytest.fail("called"), [])
