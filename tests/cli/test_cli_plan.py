"""``smotext plan`` shows what a run would do, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import time

import pytest

from smotext.cli import entry
from smotext.sampler import SMOTExT


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SMOTEXT_CACHE", "off")
    rows = [f"text number {i},{'spam' if i < 5 else 'ham'}\n" for i in range(30)]
    (tmp_path / "in.csv").write_text("text,label\n" + "".join(rows) + ",ham\n")
    return tmp_path


def test_plan_shows_rows_tokens_and_costs_and_writes_nothing(here, capsys):
    assert entry.run(["plan", "in.csv", "--model", "echo"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[:3] == [
        ["class", "before", "new", "after", "texts", "to", "mix"],
        ["ham", "26", "0", "26", "25"],
        ["spam", "5", "21", "26", "5"],
    ]
    assert ["new", "rows", "21"] in lines
    # eight candidates each, of twice their parents' three words and 16 more: echo writes as much as it may
    assert ["new", "tokens", "about", "3696"] in lines
    assert ["timed", "on", "21", "rows"] in lines
    assert {line[0] for line in lines if line} >= {"time", "peak", "disk"}
    assert os.listdir(here) == ["in.csv"]


def test_plans_time_has_reading_and_loading_in_it_and_is_never_rounded_to_nothing(here, capsys, monkeypatch):
    load = SMOTExT.load

    def slow(self):
        time.sleep(1.2)
        return load(self)

    monkeypatch.setattr(SMOTExT, "load", slow)
    started_s = time.perf_counter()
    assert entry.run(["plan", "in.csv", "--model", "echo"]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("time"))
    told = float(re.search(r"about ([\d.]+) s \(read and load ([\d.]+) s, encode", line)[1])
    assert 1.2 <= told <= time.perf_counter() - started_s + 0.1


def test_plan_of_nothing_is_shown_too(here, capsys):
    assert entry.run(["plan", "in.csv", "--model", "echo", "-n", "0"]) == 0
    assert "about 0" in capsys.readouterr().out


@pytest.mark.parametrize("options", [[], ["-n", "1"], ["--sampling-strategy", '{"a": 8, "c": 9}']])
def test_classes_that_get_no_rows_are_no_obstacle(here, capsys, options):
    (here / "in.csv").write_text("text,label\n" + "".join(f"text {i},{'aabbc'[i % 5]}\n" for i in range(20)))
    assert entry.run(["plan", "in.csv", "--model", "echo", *options]) == 0
    assert "timed on" in capsys.readouterr().out


def test_bad_input_is_bad_input_here_too(here, capsys):
    assert entry.run(["plan", "in.csv", "--model", "echo", "--text-column", "txt"]) == 2
    assert "no column 'txt'; did you mean 'text'" in capsys.readouterr().err
