"""Finished work on disk, one JSON line each, so that a study that was stopped goes on where it was."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from smotext.errors import RunError


class Store:
    """Values by key, appended to a file of JSON lines as they come.

    Parameters
    ----------
    path : Path or None
        None keeps everything in memory. A last line that was cut off by a crash is left out. Several processes
        may write to one file: each line stays whole, and of equal keys the last one written counts.

    Examples
    --------
    >>> store = Store(None)
    >>> store.put({"seed": 1}, 0.5)
    >>> store.get({"seed": 1}), store.get({"seed": 2})
    (0.5, None)
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._values: dict[str, Any] = {}
        if path is not None and path.exists():
            with _locked(path) as file:
                _cut_torn_line(file)
                self._values.update(_read(path))

    def get(self, key: dict[str, Any]) -> Any:
        """Return the value under `key`, or None."""
        return self._values.get(_canonical(key))

    def put(self, key: dict[str, Any], value: Any) -> None:
        """Keep `value` under `key`, on disk before this returns."""
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            line = json.dumps({"key": key, "value": value}, ensure_ascii=False)
            with _locked(self._path) as file:
                _cut_torn_line(file)
                file.write(line.encode() + b"\n")
        self._values[_canonical(key)] = value


def _read(path: Path) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            entry = json.loads(line)
            yield _canonical(entry["key"]), entry["value"]
        except (ValueError, KeyError, TypeError) as error:
            raise RunError(f"{path}, line {number} is no finished cell: delete the line, or the file") from error


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[IO[bytes]]:
    """Give the file for reading and appending; no other process has it until the block ends."""
    with open(path, "ab+") as file:
        with contextlib.suppress(ImportError, OSError):
            # Windows and some network disks have no such lock.
            import fcntl

            # Held until the file is closed, which writes out what is buffered first.
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def _cut_torn_line(file: IO[bytes]) -> None:
    """Drop what follows the last newline: a process died while it wrote there."""
    if not file.seek(0, os.SEEK_END):
        return
    file.seek(-1, os.SEEK_END)
    if file.read(1) != b"\n":
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)


def _canonical(key: dict[str, Any]) -> str:
    return json.dumps(key, sort_keys=True)
