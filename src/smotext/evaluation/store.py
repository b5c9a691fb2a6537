"""Finished work on disk, one JSON line each, so that a study that was stopped goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from smotext.errors import RunError


class Store:
    """Values by key, appended to a file of JSON lines as they come.

    Parameters
    ----------
    path : Path or None
        None keeps everything in memory. A last line that was cut off by a crash is left out.

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
            _cut_torn_line(path)
            self._values.update(_read(path))

    def get(self, key: dict[str, Any]) -> Any:
        """Return the value under `key`, or None."""
        return self._values.get(_canonical(key))

    def put(self, key: dict[str, Any], value: Any) -> None:
        """Keep `value` under `key`, on disk before this returns."""
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            line = json.dumps({"key": key, "value": value}, ensure_ascii=False)
            with open(self._path, "ab") as file:
                file.write(line.encode() + b"\n")
        self._values[_canonical(key)] = value


def _read(path: Path) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            entry = json.loads(line)
            yield _canonical(entry["key"]), entry["value"]
        except (ValueError, KeyError, TypeError) as error:
            raise RunError(f"{path}, line {number} is no finished cell: delete the line, or the file") from error


def _cut_torn_line(path: Path) -> None:
    """Drop what follows the last newline: the process died while it wrote there."""
    content = path.read_bytes()
    if not content.endswith(b"\n"):
        with open(path, "rb+") as file:
            file.truncate(content.rfind(b"\n") + 1)


def _canonical(key: dict[str, Any]) -> str:
    return json.dumps(key, sort_keys=True)
