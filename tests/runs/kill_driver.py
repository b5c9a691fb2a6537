"""Kills ``smotext augment`` at a point of its life, runs it again, and compares what it wrote.

A program of its own: it loads the package once and forks a process for each attempt, so that fifty kills
take seconds. Called with the mode, the input file and a list of points or seconds as JSON; prints JSON.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

import smotext.cli.augment
import smotext.cli.augment_job
import smotext.runs.durable
import smotext.sampler  # noqa: F401 (loaded before forking)
from smotext import settings
from smotext.cli import entry
from smotext.decoders.echo import EchoDecoder
from smotext.runs import run_directory
from smotext.utils import files

N_STEPS_OF_REMOVAL = 2  # the manifest's and the settings' removal: the output is complete and named by then


def augment(output: Path, source: Path) -> int:
    options = ["--model", "echo", "--per-class", "11", "--candidates", "1"]
    return entry.run(["augment", str(source), "-o", str(output), *options])


def in_a_child(work) -> int:
    """Return the child's exit status as waitpid gives it."""
    child = os.fork()
    if child == 0:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        os._exit(work())
    return os.waitpid(child, 0)[1]


def watch_steps(action) -> None:
    """Call `action` with the number of each step, wherever a module has taken the hook."""
    count = [0]

    def step(name, path):
        action(count[0], f"{name} {path.name}")
        count[0] += 1

    files.step = run_directory.step = step


def die_at(point):
    def action(number, name):
        if number == point:
            os.kill(os.getpid(), signal.SIGKILL)

    return action


def names_of_steps(directory: Path, source: Path) -> list[str]:
    log = directory / "steps"

    def note(number, name):
        with log.open("a") as file:
            file.write(name + "\n")

    def work():
        watch_steps(note)
        return augment(directory / "out.csv", source)

    assert in_a_child(work) == 0
    return log.read_text().splitlines()


def outcome(directory: Path, source: Path, whole: Path, first) -> dict:
    """Kill a run in `directory` as `first` says, run it again, and say what is there."""
    directory.mkdir()
    status = first(directory / "out.csv")
    had_output = (directory / "out.csv").exists()
    again = os.waitstatus_to_exitcode(in_a_child(lambda: augment(directory / "out.csv", source)))
    is_same = all(
        (directory / f"out.csv{end}").exists()
        and (directory / f"out.csv{end}").read_bytes() == (whole / f"out.csv{end}").read_bytes()
        for end in ("", ".lineage.parquet")
    )
    left = sorted(path.name for path in directory.iterdir())
    shutil.rmtree(directory)
    return {
        "killed": os.waitstatus_to_exitcode(status) == -signal.SIGKILL,
        "again": again,
        "had_output": had_output,
        "is_same": is_same,
        "left": left,
    }


def kill_at_steps(base: Path, source: Path, every: int) -> list[dict]:
    whole = base / "whole"
    whole.mkdir()
    steps = names_of_steps(whole, source)
    found = []
    for point in range(0, len(steps), every):

        def first(output, point=point):
            def work():
                watch_steps(die_at(point))
                return augment(output, source)

            return in_a_child(work)

        is_late = point >= len(steps) - N_STEPS_OF_REMOVAL - 1
        found.append({"step": steps[point], "is_late": is_late, **outcome(base / "run", source, whole, first)})
    return found


def kill_at_moments(base: Path, source: Path, n_kills: int) -> list[dict]:
    write = EchoDecoder.decode_rows

    def slowly(self, *args, **options):
        time.sleep(0.02)
        return write(self, *args, **options)

    EchoDecoder.decode_rows = slowly
    whole = base / "whole"
    whole.mkdir()
    started_s = time.monotonic()
    assert in_a_child(lambda: augment(whole / "out.csv", source)) == 0
    takes_s, draw, found = time.monotonic() - started_s, random.Random(0), []
    for _ in range(10 * n_kills):
        if sum(attempt["killed"] for attempt in found) == n_kills:
            break
        wait_s = draw.uniform(0, takes_s)

        def first(output, wait_s=wait_s):
            child = os.fork()
            if child == 0:
                os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
                os._exit(augment(output, source))
            time.sleep(wait_s)
            os.kill(child, signal.SIGKILL)
            return os.waitpid(child, 0)[1]

        found.append({"wait_s": wait_s, **outcome(base / "run", source, whole, first)})
        if not found[-1]["killed"]:
            takes_s *= 0.8  # it was done before: the first run was slower than this one
    return found


if __name__ == "__main__":
    mode, base, source, number = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
    settings.GROUP_SIZE = 4
    print(json.dumps({"steps": kill_at_steps, "moments": kill_at_moments}[mode](base, source, number)))
