"""The directory of a run: one owner at a time, frozen settings, a log that only grows.

::

    OUT.run/
      lock             held (flock) by the process that works on the run
      settings.json    options, input, versions: what the texts depend on; written once
      models.json      fingerprints of encoder and decoder; written once
      manifest.jsonl   what happened, one JSON object per line
      vectors.npy      the texts' vectors
      centres.npy      with privacy="dp": the noisy sums, which are drawn once
      plans/           one file per round: who is mixed with whom
      parts/           one file per finished decode group
      done/            the output, between its last byte and its renaming
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from smotext.errors import InputError
from smotext.runs.ownership import check_run_path
from smotext.utils.files import TEMPORARY, atomic_write, step, sync_directory

_LOG = logging.getLogger(__name__)
Resume = Literal["if-possible", "always", "never"]
_CHUNK_BYTES = 1 << 20
_FILES = {"lock", "settings.json", "models.json", "manifest.jsonl", "vectors.npy", "centres.npy"}
_ENTRIES = _FILES | {"plans", "parts", "done"}


class RunDirectory:
    """An open run directory; made by :meth:`open`, which holds its lock until :meth:`close`.

    Attributes
    ----------
    path : Path
        The directory, mode 0700: it holds vectors and lineage, from which real texts can be reconstructed.
    is_resumed : bool
        Whether an earlier process has worked on it.
    """

    def __init__(self, path: Path, lock: int, *, is_resumed: bool) -> None:
        self.path = path
        self.is_resumed = is_resumed
        self._lock = lock
        # The hash of each file as the log has it; read when it is first asked for.
        self._digests: dict[str, str] | None = None

    @classmethod
    def open(cls, path: Path, settings: Mapping[str, Any], *, resume: Resume = "if-possible") -> RunDirectory:
        """Return the run at `path`, begun or resumed.

        Parameters
        ----------
        path : Path
        settings : mapping
            Everything that the texts depend on, as JSON takes it.
        resume : {"if-possible", "always", "never"}
            Go on if there is a run; insist on one; or drop it and begin again.

        Raises
        ------
        InputError
            If another process works on it, if the settings differ from the run's, if there is nothing to
            resume and `resume` is "always", or if the directory belongs to somebody else, cannot be read and written,
            or holds what is no part of a run.
        """
        check_run_path(path)
        if resume == "always" and not has_run(path):
            raise InputError(
                f"nothing to resume: {path} holds no run; leave out resume='always' to begin one", options=["resume"]
            )
        path.mkdir(mode=0o700, exist_ok=True)
        _check_own(path)
        lock = _take_lock(path)
        try:
            if resume == "never":
                _empty(path)
            is_resumed = has_run(path)
            if is_resumed:
                _compare(path / "settings.json", settings)
            else:
                # A process has died before it had written its settings; what it left is of no use.
                _empty(path)
                _write_json(path / "settings.json", settings)
        except BaseException:
            os.close(lock)
            raise
        for name in ("plans", "parts", "done"):
            (path / name).mkdir(mode=0o700, exist_ok=True)
        folder = cls(path, lock, is_resumed=is_resumed)
        folder.log("resumed" if is_resumed else "began")
        return folder

    def freeze(self, name: str, values: Mapping[str, Any]) -> None:
        """Keep `values` in ``{name}.json``, or raise InputError if they differ from those kept before."""
        path = self.path / f"{name}.json"
        if path.exists():
            _compare(path, values)
        else:
            _write_json(path, values)

    def kept(self, name: str) -> dict[str, Any]:
        """Return the values that are kept in ``{name}.json``."""
        return dict(json.loads((self.path / f"{name}.json").read_text(encoding="utf-8")))

    def log(self, event: str, **entries: Any) -> None:
        """Append one line to the manifest."""
        append_event(self.path / "manifest.jsonl", event, entries)
        _LOG.info("%s: %s %s", self.path.name, event, entries)
        if "sha256" in entries and self._digests is not None:
            self._digests[entries["file"]] = entries["sha256"]

    def events(self, event: str) -> list[dict[str, Any]]:
        """Return the manifest's lines of one kind, oldest first."""
        return [entry for entry in read_events(self.path) if entry["event"] == event]

    def noted_digest(self, path: Path) -> str | None:
        """Return the hash that the manifest has of a file, or None; the last one if it was written again."""
        if self._digests is None:
            self._digests = {entry["file"]: entry["sha256"] for entry in read_events(self.path) if "sha256" in entry}
        return self._digests.get(path.name)

    def is_finished(self, *targets: Path) -> bool:
        """Return True if an earlier process finished the run and its files at `targets` are unchanged."""
        return bool(self.events("finished")) and all(may_replace(self.path, target) for target in targets)

    def deliver(self, target: Path, write: Callable[[Path], None]) -> None:
        """Have `write` make a file or directory, and rename it to `target` once it is whole.

        Its hash is noted before it is renamed: a file at `target` with that hash is this run's own and may
        be replaced when the run goes on.
        """
        staged = self.path / "done" / target.name
        write(staged)
        self.log("delivered", file=target.name, sha256=digest(staged))
        earlier = staged.with_name(f"{target.name}.earlier")
        if target.is_dir():
            # A rename does not replace a directory.
            if earlier.exists():
                shutil.rmtree(earlier)
            step("putting aside", target)
            os.replace(target, earlier)
        step("delivering", target)
        os.replace(staged, target)
        step("delivered", target)
        if earlier.exists():
            shutil.rmtree(earlier)
        sync_directory(target.parent)

    def remove(self) -> None:
        """Remove the directory and give up the lock.

        The settings go late, so that a process killed here is resumed; the lock goes last, so that nobody
        else comes in before.
        """
        last = ("manifest.jsonl", "settings.json", "lock")
        _remove_all(entry for entry in self.path.iterdir() if entry.name not in last)
        for name in last:
            (self.path / name).unlink(missing_ok=True)
            step("removed", self.path / name)
        with contextlib.suppress(OSError):
            # If the directory is not empty, another process has begun a run of its own in it.
            self.path.rmdir()
        self.close()

    def close_or_drop(self) -> None:
        """Close the run, and remove it if it has not planned anything: a mistyped option is no reason to keep it.

        Where noise was released it stays: begun anew, the run would release a second time.
        """
        is_begun = any((self.path / "plans").glob("*.npz")) or (self._lock >= 0 and bool(self.events("released")))
        if self._lock >= 0 and not is_begun:
            self.remove()
        self.close()

    def close(self) -> None:
        """Give up the lock."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def run_path(target: Path) -> Path:
    """Return the run directory of an output.

    Examples
    --------
    >>> run_path(Path("balanced.csv")).name
    'balanced.csv.run'
    """
    return target.with_name(target.name + ".run")


def has_run(path: Path) -> bool:
    """Return True if `path` holds a run that got as far as its settings."""
    return (path / "settings.json").is_file()


def may_replace(path: Path, target: Path) -> bool:
    """Return True if what is at `target` was put there, byte by byte, by the run at `path`."""
    hashes = {entry["sha256"] for entry in read_events(path) if entry["event"] == "delivered"}
    return bool(hashes) and target.exists() and digest(target) in hashes


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, or of all files below a directory with their names."""
    hasher = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            hasher.update(b"" if file == path else str(file.relative_to(path)).encode() + b"\0")
            with file.open("rb") as opened:
                while chunk := opened.read(_CHUNK_BYTES):
                    hasher.update(chunk)
    return hasher.hexdigest()


def append_event(path: Path, event: str, entries: Mapping[str, Any]) -> None:
    """Append one line of JSON to a file; a torn last line, left by a crash, is closed first."""
    line = json.dumps({"event": event, "at": time.strftime("%Y-%m-%dT%H:%M:%S%z"), **entries}) + "\n"
    with open(os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600), "rb+") as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            line = line if file.read(1) == b"\n" else "\n" + line
        file.write(line.encode())
        file.flush()
        os.fsync(file.fileno())
    step("logged", path)


def read_events(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the manifest's lines; a line that a crash has torn is passed over."""
    manifest = path / "manifest.jsonl"
    for line in manifest.read_text(encoding="utf-8", errors="replace").splitlines() if manifest.exists() else []:
        with contextlib.suppress(json.JSONDecodeError):
            entry = json.loads(line)
            if isinstance(entry, dict) and "event" in entry:
                yield entry


def _take_lock(path: Path) -> int:
    """Return the file descriptor of the run's lock, held until it is closed or the process ends."""
    try:
        import fcntl
    except ImportError:
        # Windows has no flock: runs are durable there, but not guarded against a second process.
        return os.open(path / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    lock = -1
    try:
        lock = os.open(path / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The process before us may have removed the file between our opening and our locking it.
        if os.stat(path / "lock").st_ino != os.fstat(lock).st_ino:
            raise BlockingIOError
    except (BlockingIOError, FileNotFoundError) as error:
        if lock >= 0:
            os.close(lock)
        raise InputError(f"another process works on {path}: wait for it, or choose another output") from error
    return lock


def _check_own(path: Path) -> None:
    """Raise InputError if the directory holds what no run has put there: a run that begins anew empties it."""
    names = {entry.name for entry in path.iterdir()}
    foreign = sorted(name for name in names - _ENTRIES if not name.endswith(TEMPORARY))
    if foreign:
        raise InputError(
            f"{path} holds {', '.join(foreign[:3])}, which is no part of a run: move it away, or choose another output"
        )


def _empty(path: Path) -> None:
    """Remove all but the lock; the settings go first, so that a crash leaves no run to resume."""
    (path / "settings.json").unlink(missing_ok=True)
    _remove_all(entry for entry in path.iterdir() if entry.name != "lock")


def _remove_all(entries: Iterable[Path]) -> None:
    for entry in list(entries):
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()
        step("removed", entry)


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    with atomic_write(path, mode=0o600) as file:
        file.write(json.dumps(values, indent=1, ensure_ascii=True).encode() + b"\n")


def _compare(path: Path, values: Mapping[str, Any]) -> None:
    """Raise InputError naming each entry in which `values` differ from those in the file."""
    try:
        before = _flat(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, AttributeError) as error:
        raise InputError(f"{path} is damaged ({error}): begin anew with resume='never'", options=["resume"]) from error
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}): begin anew with resume='never'", options=["resume"]
        ) from error
    now = _flat(json.loads(json.dumps(values)))
    changes = [
        f"{name} was {before.get(name, 'not set')!r} and is {now.get(name, 'not set')!r}"
        for name in dict.fromkeys([*before, *now])
        # The function stands for a missing entry: no JSON holds it.
        if before.get(name, _flat) != now.get(name, _flat)
    ]
    if changes:
        raise InputError(
            f"{path.parent} was begun with other settings: {'; '.join(changes)}: use the same again, or begin anew "
            "with resume='never'",
            options=["resume"],
        )


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested entries under dotted names.

    Examples
    --------
    >>> _flat({"a": 1, "b": {"c": 2}})
    {'a': 1, 'b.c': 2}
    """
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            found.update(_flat(value, f"{prefix}{name}."))
        else:
            found[f"{prefix}{name}"] = value
    return found
