"""Killed at any moment, the same command goes on and ends with the same bytes."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("text,label\n" + "".join(f"text number {i},{'ab'[i % 2]}\n" for i in range(14)))
    return path


def drive(mode, source, number):
    base = source.parent / "kills"
    base.mkdir()
    environment = {**os.environ, "SMOTEXT_CACHE": "off", "OMP_NUM_THREADS": "1"}
    driver = Path(__file__).with_name("kill_driver.py")
    command = [sys.executable, str(driver), mode, str(base), str(source), str(number)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def is_survived(found):
    """Return True if the second run ended well, or found the complete output of a run killed at its last breath."""
    is_good_end = found["again"] == 0 and found["left"] == ["out.csv", "out.csv.lineage.parquet"]
    is_refusal = found["again"] == 2 and found["had_output"] and found.get("is_late", True)
    return found["is_same"] and (is_good_end or is_refusal)


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_at_a_write_point_the_run_ends_with_the_same_bytes(source, every):
    found = drive("steps", source, every)
    assert len(found) * every > 40
    assert all(attempt["killed"] for attempt in found)
    assert [attempt for attempt in found if not is_survived(attempt)] == []


@pytest.mark.slow
def test_killed_at_random_moments_the_run_ends_with_the_same_bytes(source):
    found = drive("moments", source, 20)
    assert sum(attempt["killed"] for attempt in found) == 20
    assert [attempt for attempt in found if not is_survived(attempt)] == []


def test_of_two_processes_one_works_and_the_other_is_refused_at_once(source):
    hold = (
        "import sys, time; from smotext.decoders.echo import EchoDecoder; from smotext.cli import entry\n"
        "write = EchoDecoder.decode_rows\n"
        "def slowly(self, *args, **options):\n"
        "    print('writing', flush=True); sys.stdin.readline()\n"
        "    return write(self, *args, **options)\n"
        "EchoDecoder.decode_rows = slowly\n"
        "sys.exit(entry.run(sys.argv[1:]))"
    )
    options = ["augment", str(source), "-o", str(source.with_name("out.csv")), "--model", "echo", "-n", "3"]
    environment = {**os.environ, "SMOTEXT_CACHE": "off"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environment}
    with subprocess.Popen([sys.executable, "-c", hold, *options], **pipes) as first:
        assert first.stdout.readline() == "writing\n"
        started_s = time.monotonic()
        second = subprocess.run(
            [sys.executable, "-m", "smotext", *options], capture_output=True, text=True, check=False, env=environment
        )
        assert time.monotonic() - started_s < 30
        assert second.returncode == 2
        assert "another process works on" in second.stderr
        first.communicate("\n")
    assert first.returncode == 0
    assert source.with_name("out.csv").exists()


def smotext(source, output, *options, **more):
    """Return the finished process of an augmentation with groups of four rows."""
    code = "import sys; from smotext import settings; settings.GROUP_SIZE = 4; from smotext.cli import main; main()"
    command = [sys.executable, "-c", code, "augment", str(source), "-o", str(output), *options]
    environment = {**os.environ, "SMOTEXT_CACHE": "off"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, **more)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_bundled_model_killed_at_random_moments_ends_with_the_same_bytes(source):
    options = ["--model", "tiny", "--per-class", "4", "--candidates", "2"]
    whole, output = source.with_name("whole.csv"), source.with_name("out.csv")
    started_s = time.monotonic()
    assert smotext(source, whole, *options).returncode == 0
    takes_s, draw = time.monotonic() - started_s, random.Random(1)
    n_kills = 0
    while n_kills < 3:
        try:
            smotext(source, output, *options, timeout=draw.uniform(0.4, 0.95) * takes_s)
            takes_s *= 0.8  # it was done before: the first run was slower than this one
        except subprocess.TimeoutExpired:  # subprocess.run has killed it
            n_kills += 1
            was_complete = output.exists()  # killed at its last breath
            assert smotext(source, output, *options).returncode in ((0, 2) if was_complete else (0,))
        assert output.read_bytes() == whole.read_bytes()
        for path in (output, output.with_name("out.csv.lineage.parquet")):
            path.unlink()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 128 kB that can be made larger; needs the right to mount one."""
    path = tmp_path / "disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(path)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a tmpfs: the full disk is shown by a double in test_cli_augment.py alone")
    yield path
    subprocess.run(["umount", str(path)], check=True)


@pytest.mark.slow
def test_on_a_full_disk_the_run_says_so_and_goes_on_when_there_is_space(source, small_disk):
    options = ["--model", "echo", "--per-class", "40"]
    whole, output = source.with_name("whole.csv"), small_disk / "out.csv"
    assert smotext(source, whole, *options).returncode == 0
    full = smotext(source, output, *options)
    assert full.returncode == 1
    assert "error: no space left where" in full.stderr
    assert not output.exists()
    subprocess.run(["mount", "-o", "remount,size=10m", str(small_disk)], check=True)
    again = smotext(source, output, *options, "--resume", "always")
    assert again.returncode == 0
    assert "resumed " in again.stderr
    assert output.read_bytes() == whole.read_bytes()
