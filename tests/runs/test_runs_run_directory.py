"""A run directory has one owner, frozen settings, and knows its own output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from smotext.errors import InputError
from smotext.runs.run_directory import RunDirectory, append_event, digest, may_replace, read_events

SETTINGS = {"options": {"temperature": 0.8, "lam": "0:1"}, "input": {"sha256": "ab"}}


def test_a_run_is_private(tmp_path):
    folder = RunDirectory.open(tmp_path / "o.run", SETTINGS)
    modes = {path.name: path.stat().st_mode & 0o777 for path in [folder.path, *folder.path.iterdir()]}
    folder.close()
    assert modes.pop("o.run") == 0o700
    assert {name: mode for name, mode in modes.items() if mode & 0o077} == {}


def test_same_settings_resume_and_others_are_told_apart(tmp_path):
    RunDirectory.open(tmp_path / "o.run", SETTINGS).close()
    again = RunDirectory.open(tmp_path / "o.run", SETTINGS)
    again.close()
    assert again.is_resumed
    changed = {"options": {"temperature": 0.9, "lam": "0:1"}, "input": {"sha256": "ab"}}
    with pytest.raises(InputError, match=r"other settings: options.temperature was 0.8 and is 0.9: .*resume='never'"):
        RunDirectory.open(tmp_path / "o.run", changed)


def test_always_needs_a_run(tmp_path):
    with pytest.raises(InputError, match="nothing to resume"):
        RunDirectory.open(tmp_path / "o.run", SETTINGS, resume="always")
    assert not (tmp_path / "o.run").exists()


def test_never_drops_the_run(tmp_path):
    RunDirectory.open(tmp_path / "o.run", SETTINGS).close()
    (tmp_path / "o.run" / "parts" / "000-0000000.parquet").write_bytes(b"old")
    folder = RunDirectory.open(tmp_path / "o.run", {"options": {}}, resume="never")
    assert not folder.is_resumed
    assert list((folder.path / "parts").iterdir()) == []
    folder.close()


@pytest.mark.parametrize("resume", ["if-possible", "never"])
def test_what_no_run_has_put_there_is_never_removed(tmp_path, resume):
    thesis = tmp_path / "o.run" / "thesis.txt"
    thesis.parent.mkdir()
    thesis.write_text("mine")
    with pytest.raises(InputError, match=r"o.run holds thesis.txt, which is no part of a run: move it away"):
        RunDirectory.open(tmp_path / "o.run", SETTINGS, resume=resume)
    assert [path.name for path in thesis.parent.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("begun", [False, True])
def test_a_directory_of_another_user_is_refused_and_left_as_it_is(tmp_path, monkeypatch, begun):
    if begun:
        RunDirectory.open(tmp_path / "o.run", SETTINGS).close()
    else:
        (tmp_path / "o.run").mkdir()
    before = sorted((tmp_path / "o.run").rglob("*"))
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    for resume in ("if-possible", "always", "never"):
        with pytest.raises(InputError, match=r"o.run belongs to another user \(.*\): .*choose another output"):
            RunDirectory.open(tmp_path / "o.run", SETTINGS, resume=resume)
    assert sorted((tmp_path / "o.run").rglob("*")) == before


def test_a_directory_that_cannot_be_read_is_a_clear_error(tmp_path, monkeypatch):
    RunDirectory.open(tmp_path / "o.run", SETTINGS).close()
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda *_: False)  # to root, everything is open
        with pytest.raises(InputError, match="o.run cannot be read and written: give yourself the right"):
            RunDirectory.open(tmp_path / "o.run", SETTINGS)
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: (_ for _ in ()).throw(PermissionError(13, "denied")))
    with pytest.raises(InputError, match=r"settings.json cannot be read \(denied\): begin anew with resume='never'"):
        RunDirectory.open(tmp_path / "o.run", SETTINGS)


def test_a_second_process_is_refused_at_once(tmp_path):
    folder = RunDirectory.open(tmp_path / "o.run", SETTINGS)
    code = (
        "import sys; from pathlib import Path; from smotext.runs.run_directory import RunDirectory\n"
        "try: RunDirectory.open(Path(sys.argv[1]), {})\n"
        "except ValueError as error: sys.exit(str(error))"
    )
    for resume in ("first", "second"):  # the refused process leaves the lock as it was
        run = subprocess.run(
            [sys.executable, "-c", code, str(folder.path)], capture_output=True, text=True, check=False
        )
        assert run.returncode == 1, resume
        assert "another process works on" in run.stderr
    folder.close()


def test_frozen_fingerprints_must_agree(tmp_path):
    folder = RunDirectory.open(tmp_path / "o.run", SETTINGS)
    folder.freeze("models", {"decoder": "abc"})
    folder.freeze("models", {"decoder": "abc"})
    with pytest.raises(InputError, match="decoder was 'abc' and is 'def'"):
        folder.freeze("models", {"decoder": "def"})
    folder.close()


def test_only_its_own_unchanged_output_may_be_replaced(tmp_path):
    folder, target = RunDirectory.open(tmp_path / "o.run", SETTINGS), tmp_path / "o"
    target.write_text("mine")
    assert not may_replace(folder.path, target)
    folder.deliver(target, lambda path: path.write_text("whole"))
    assert target.read_text() == "whole"
    assert may_replace(folder.path, target)
    target.write_text("edited")
    assert not may_replace(folder.path, target)
    folder.close()


def test_digest_of_a_directory_depends_on_names_and_contents(tmp_path):
    for name, file, content in (("a", "x", "1"), ("b", "y", "1"), ("c", "x", "2"), ("d", "x", "1")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text(content)
    hashes = [digest(tmp_path / name) for name in "abcd"]
    assert len(set(hashes)) == 3
    assert hashes[0] == hashes[3]


def test_a_torn_line_of_the_manifest_is_passed_over(tmp_path):
    manifest = tmp_path / "manifest.jsonl"
    append_event(manifest, "began", {})
    with manifest.open("a") as file:
        file.write('{"event": "dec')
    append_event(manifest, "resumed", {"n": 1})
    assert [entry["event"] for entry in read_events(tmp_path)] == ["began", "resumed"]
    assert json.loads(manifest.read_text().splitlines()[-1])["n"] == 1


@pytest.mark.parametrize("junk", [b"123\n", b'{"at": "noon"}\n', b"\xff\xfe\n", b"[]\n"])
def test_a_line_of_the_manifest_that_is_no_event_is_passed_over(tmp_path, junk):
    folder = RunDirectory.open(tmp_path / "o.run", SETTINGS)
    manifest = folder.path / "manifest.jsonl"
    manifest.write_bytes(manifest.read_bytes() + junk)
    folder.log("went on")
    assert [entry["event"] for entry in read_events(folder.path)] == ["began", "went on"]
    folder.close()


def test_a_run_beside_which_no_output_can_be_is_refused(tmp_path):
    (tmp_path / "o.run").write_text("a file")
    with pytest.raises(InputError, match=r"o.run is a file, and the run is kept in a directory of that name"):
        RunDirectory.open(tmp_path / "o.run", SETTINGS)


def test_nothing_is_left_of_a_run_without_a_plan(tmp_path):
    folder = RunDirectory.open(tmp_path / "o.run", SETTINGS)
    folder.close_or_drop()
    assert list(tmp_path.iterdir()) == []


def test_a_planned_run_is_kept(tmp_path):
    folder = RunDirectory.open(tmp_path / "o.run", SETTINGS)
    (folder.path / "plans" / "000.npz").write_bytes(b"")
    folder.close_or_drop()
    assert (tmp_path / "o.run" / "settings.json").exists()
