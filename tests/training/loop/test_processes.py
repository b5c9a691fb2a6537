"""Two processes: gradients are added up, and a run gives what one process gives."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from safetensors.torch import load_file

from smotext.training.loop.processes import ProcessGroup, join_process_group
from tests.training import toy

RUN = """
import sys
from pathlib import Path
from smotext.training.build import train_bridge
from smotext.training.loop.trainer import Trainer
from tests.training import toy
folder = Path(sys.argv[1])
settings = toy.settings(max_steps=6, max_minutes=60.0, micro_tokens=128, noise=0.1)
Trainer.__init__.__kwdefaults__["checkpoint_every_s"] = 0.05  # some steps save and some do not
train_bridge(toy.job(folder), folder / sys.argv[2], settings, encoder=toy.encoder(), device="cpu")
"""


def start(folder: Path, name: str, rank: int, size: int, port: int) -> subprocess.Popen[bytes]:
    places = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size, "MASTER_PORT": port}
    environment = {**os.environ, "MASTER_ADDR": "127.0.0.1", "OMP_NUM_THREADS": "1"}
    environment |= {key: str(value) for key, value in places.items()}
    root = Path(__file__).parents[3]
    return subprocess.Popen([sys.executable, "-c", RUN, str(folder), name], cwd=root, env=environment)


def test_one_process_is_a_world_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert join_process_group("cpu") == ProcessGroup(rank=0, size=1, device="cpu")
    assert ProcessGroup().is_main


def test_processes_wait_for_the_main_one_longer_than_a_corpus_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    accelerate, given = pytest.importorskip("accelerate"), {}

    def join(**options: Any) -> SimpleNamespace:
        given.update(options)
        return SimpleNamespace(process_index=1, num_processes=2, device="cpu")

    monkeypatch.setattr(accelerate, "PartialState", join)
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert join_process_group("cpu") == ProcessGroup(rank=1, size=2, device="cpu")
    assert given["timeout"] >= timedelta(hours=12)


@pytest.mark.slow
def test_two_gloo_processes_train_what_one_trains(tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    toy.job(tmp_path)  # writes corpus and configuration before the processes race for them
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert start(tmp_path, "one", 0, 1, port).wait(timeout=240) == 0
    pair = [start(tmp_path, "two", rank, 2, port) for rank in (0, 1)]
    assert [process.wait(timeout=240) for process in pair] == [0, 0]
    one, two = (load_file(tmp_path / name / "projector.safetensors") for name in ("one", "two"))
    for name, tensor in one.items():  # sums of gradients differ in their last bit, weights are stored in bfloat16
        assert (tensor.float() - two[name].float()).abs().max() < 1e-2
