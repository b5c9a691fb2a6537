"""Killed between two checkpoints, the same command goes on and writes the same bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from smotext.training.loop.checkpoint import load_checkpoint, read_metrics
from tests.training import toy

RUN = """
import sys
from smotext.cli import main
from smotext.training.loop.trainer import Trainer
saved_at, held_at = map(int, sys.argv[1:3])
take_step = Trainer._step
def step(self, groups, share):
    if self.progress.step == saved_at:
        self.save()
    if self.progress.step == held_at:
        print("held", flush=True)
        sys.stdin.read()
    return take_step(self, groups, share)
Trainer._step = step
main(sys.argv[3:])
"""
NEVER = -1


def command(folder: Path, out: Path) -> list[str]:
    lm = toy.write_lm(folder, max_position_embeddings=512)
    return [
        "train", str(toy.write_corpus(folder)), "--out", str(out), "--lm", str(lm), "--prompt-style", "list",
        "--group-size", "4", "--most-examples", "3", "--train", "all", "--optimizer", "muon", "--noise", "0.1",
        "--average-from", "0.3", "--min-tokens", "2",
        "--max-tokens", "40", "--held-out", "0", "--batch-size", "8", "--epochs", "9", "--max-steps", "20",
        "--precision", "float32", "--device", "cpu", "--quiet",
    ]  # fmt: skip


def start(arguments: list[str], *, saved_at: int = NEVER, held_at: int = NEVER) -> subprocess.Popen[str]:
    """Start a run that saves a checkpoint before one step and waits before another."""
    words = [sys.executable, "-c", RUN, str(saved_at), str(held_at), *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def kill_when_held(process: subprocess.Popen[str]) -> None:
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        process.kill()
    assert process.returncode == -signal.SIGKILL


def finish(process: subprocess.Popen[str]) -> None:
    process.communicate()
    assert process.returncode == 0


@pytest.mark.slow
@pytest.mark.timeout(1200)  # four processes that load torch and an encoder
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_killed_twice_the_same_command_ends_with_the_weights_of_an_uninterrupted_run(tmp_path: Path) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    finish(start(command(tmp_path, whole)))
    for saved_at, held_at in ((5, 8), (12, 13)):  # before and after averaging has begun
        kill_when_held(start(command(tmp_path, out), saved_at=saved_at, held_at=held_at))
        state = load_checkpoint(Path(f"{out}.run"))
        assert state is not None
        assert state["progress"]["step"] == saved_at
        assert not out.exists()
    finish(start(command(tmp_path, out)))
    names = sorted(path.name for path in whole.glob("*.safetensors"))
    assert "projector.safetensors" in names
    for name in names:
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name
    assert [entry["step"] for entry in read_metrics(f"{out}.run")] == [10, 20]
