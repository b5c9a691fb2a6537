"""Tables and progress, on terminals and in pipes."""

from __future__ import annotations

import io
import sys

import pytest

from smotext.cli import screen
from smotext.cli.screen import Reporter, print_rows


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


def test_a_piped_table_keeps_each_row_on_its_line_and_brackets_as_they_are(capsys):
    path = "/a" * 150
    print_rows(["name", "n"], [["[bold]", 1], [path, 20]], right=["n"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [["name", "n"], ["[bold]", "1"], [path, "20"]]
    assert lines[1].endswith(" 1")
    assert all(line == line.rstrip() for line in lines)


def test_a_table_on_a_narrow_terminal_is_folded_and_nothing_is_lost(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", "24")
    print_rows(["text"], [["abcdefghij" * 4]])
    lines = terminal.getvalue().splitlines()
    assert all(len(line) <= 24 for line in lines[1:])
    assert "".join(lines[1:]) == "abcdefghij" * 4


def test_without_a_terminal_progress_is_a_line_now_and_then(capsys, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(screen.time, "monotonic", lambda: now[0])
    reporter = Reporter()
    with reporter.drawing():
        reporter.start("writing", 50, done=10)
        for _ in range(4):
            now[0] += 20.0
            reporter.advance(10)
        reporter.end()
    assert capsys.readouterr().err == (
        "writing: 30 of 50, 0.5 rows/s, 0:00:40 left\nwriting: 50 of 50, 0.5 rows/s, 0:00:00 left\n"
    )


def test_a_step_may_tell_something_else_than_rows_and_correct_its_total(capsys, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(screen.time, "monotonic", lambda: now[0])
    reporter = Reporter()
    reporter.start("training", 50)
    now[0] += 30.0
    reporter.reach(10, total=20, state="loss 1.5")
    assert capsys.readouterr().err == "training: 10 of 20, loss 1.5, 0:00:30 left\n"


def test_quiet_tells_nothing(capsys, monkeypatch):
    monkeypatch.setattr(screen, "LOG_EVERY_S", 0)
    reporter = Reporter(is_quiet=True)
    with reporter.drawing():
        reporter.start("writing", 5)
        reporter.advance(5)
        reporter.say("resumed 5 rows")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("total", [40, 0])
def test_a_terminal_shows_a_bar_and_lines_stay_whole(monkeypatch, total):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm")
    reporter = Reporter()
    line = "resumed 10 rows " + "x" * 80
    with reporter.drawing():
        reporter.start("writing", total, done=10)
        reporter.say(line)
        reporter.advance(10)
        reporter.start("filtering", total)
    assert "writing" in terminal.getvalue()
    assert line in terminal.getvalue()
