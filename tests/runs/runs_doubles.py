"""Doubles for runs: a plan, a writer whose texts are row numbers, a listener, models that die or take notes."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd

from smotext.decoders.echo import EchoDecoder
from smotext.encoders.hashing import HashEncoder
from smotext.errors import InputError
from smotext.mixing.plan import MixPlan
from smotext.privacy.release import Centres, centre_labels
from smotext.utils.geometry import unit


def make_plan(n_rows, label="a"):
    zeros = np.zeros(n_rows, dtype=np.int64)
    return MixPlan(
        labels=np.array([label] * n_rows, dtype=object),
        ordinals=np.arange(n_rows),
        attempts=zeros,
        candidates=zeros,
        parents=np.zeros((n_rows, 2), dtype=np.int64),
        weights=np.full((n_rows, 2), 0.5),
        seeds=np.arange(n_rows),
        strategies=np.array(["smote"] * n_rows, dtype=object),
    )


def targets_of(group):
    """Return a vector per row of the plan: its number."""
    return group.ordinals[:, None].astype(np.float32)


def rows_of(group, targets):
    """Return a row per row of the plan: its target as text, 10 tokens."""
    n_rows = len(group)
    return pd.DataFrame(
        {
            "text": pd.Series([str(int(number)) for number in targets[:, 0]], dtype=object),
            "label": pd.Series(group.labels.tolist(), dtype=object),
            "key": pd.Series([f"{label}/{n}/0/0" for label, n in zip(group.labels, group.ordinals, strict=True)]),
            "parents": pd.Series([[0, 0]] * n_rows, dtype=object),
            "weights": pd.Series([[0.5, 0.5]] * n_rows, dtype=object),
            "lam": group.lam,
            "seed": group.seeds,
            "prompt": np.zeros(n_rows, dtype=np.int64),
            "strategy": group.strategies.tolist(),
            "mix": "linear",
            "model": "double",
            "n_tokens": np.full(n_rows, 10),
            "is_finished": True,
            "accepted": True,
            "reason": "",
        }
    )


class Listener:
    """Remembers what it is told."""

    def __init__(self):
        self.lines, self.steps, self.n_rows = [], [], 0

    def start(self, what, total, *, done=0):
        self.steps.append((what, total, done))

    def advance(self, n_rows):
        self.n_rows += n_rows

    def reach(self, n_rows):
        self.n_rows = n_rows

    def say(self, message):
        self.lines.append(message)


class DyingDecoder(EchoDecoder):
    """Kills its process when it is to decode the row of a certain seed, until it has done so `n_deaths` times."""

    def __init__(self, directory, *, seed, n_deaths):
        super().__init__()
        self.directory, self.seed, self.n_deaths = directory, seed, n_deaths

    def decode_rows(self, vectors, *, seeds, **options):
        if self.seed in seeds and len(list(self.directory.glob("death-*"))) < self.n_deaths:
            (self.directory / f"death-{os.getpid()}").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().decode_rows(vectors, seeds=seeds, **options)


class RefusingDecoder(EchoDecoder):
    """Finds fault with an option."""

    def decode_rows(self, vectors, **options):
        raise InputError("no such prompt")


class NotingEncoder(HashEncoder):
    """Notes, where it is unpickled, its process and the GPUs that this sees."""

    def __init__(self, directory):
        super().__init__()
        self.directory = directory

    def __setstate__(self, state):
        self.__dict__.update(state)
        (self.directory / f"encoder-{os.getpid()}").write_text(os.environ.get("CUDA_VISIBLE_DEVICES", ""))
        atexit.register(time.sleep, 2)  # as one does that frees much memory


class MeetingDecoder(EchoDecoder):
    """Notes the same, and which encoders' processes are alive; decodes as soon as `n` processes have one."""

    def __init__(self, directory, *, n, timeout_s=60):
        super().__init__()
        self.directory, self.n, self.timeout_s = directory, n, timeout_s

    def __setstate__(self, state):
        self.__dict__.update(state)
        note = {
            "gpus": os.environ.get("CUDA_VISIBLE_DEVICES", ""),
            "encoders": living(self.directory.glob("encoder-*")),
        }
        (self.directory / f"decoder-{os.getpid()}").write_text(json.dumps(note))

    def decode_rows(self, vectors, **options):
        until_s = time.monotonic() + self.timeout_s
        while len(list(self.directory.glob("decoder-*"))) < self.n:
            if time.monotonic() > until_s:
                raise TimeoutError(f"{self.n} decoders were never there together")
            time.sleep(0.05)
        return super().decode_rows(vectors, **options)


def living(notes):
    """Return the processes, by files whose names end in their ids, that are alive."""
    return sorted({int(path.name.rpartition("-")[2]) for path in notes} & processes().keys())


def processes(*, under=None):
    """Return the command line of every process by its id; `under`: of those that descend from this one."""
    found, parents = {}, {}
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just ended
            state, parent = (directory / "stat").read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                parents[int(directory.name)] = int(parent)
                found[int(directory.name)] = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return {pid: name for pid, name in found.items() if under is None or under in ancestors_of(pid, parents)}


def ancestors_of(pid, parents):
    found = []
    while pid in parents:
        pid = parents[pid]
        found.append(pid)
    return found


def patch_release(monkeypatch):
    """Have every run go on from the same noisy sums, and give the list of who was told to release, and from what.

    Noise is different each time, so that runs could not be compared; and OpenDP, which draws it, is an extra.
    """
    asked = []

    def release(vectors, labels, privacy):
        asked.append({"process": os.getpid(), "vectors": np.array(vectors)})
        labels = centre_labels(privacy)
        noise = np.random.default_rng(0).normal(size=(len(labels), vectors.shape[1]))
        return Centres(unit(noise).astype(np.float32), labels, privacy)

    monkeypatch.setattr("smotext.privacy.private_planner.release", release)
    for home in ("smotext.privacy.gaussian", "smotext.sampler"):
        monkeypatch.setattr(f"{home}.check_opendp", lambda: None)
    return asked
