"""Where what was worked out once is kept, and the small facts remembered there.

``SMOTEXT_CACHE`` moves the directory; ``SMOTEXT_CACHE=off`` keeps nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import platformdirs

OFF = "off"


def cache_directory() -> Path | None:
    """Return the directory of SMOTExT's caches, which need not exist yet; None where caching is off."""
    setting = os.environ.get("SMOTEXT_CACHE", "")
    if setting.lower() == OFF:
        return None
    return Path(setting).expanduser() if setting else Path(platformdirs.user_cache_dir("smotext", appauthor=False))


def recall(topic: str, key: str) -> Any:
    """Return what was remembered under `key`, or None; a file that cannot be read holds nothing."""
    directory = cache_directory()
    return None if directory is None else _read(directory / f"{topic}.json").get(key)


def remember(topic: str, key: str, value: Any) -> None:
    """Keep a JSON value under `key` in ``{topic}.json``, silently not where the disk refuses.

    The file is replaced as a whole. Of two processes that write at once one may lose its entry, which then
    is worked out again.
    """
    directory = cache_directory()
    if directory is None:
        return
    with contextlib.suppress(OSError):
        # What cannot be kept is worked out again: that costs a second and no result.
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = directory / f"{topic}.json"
        entries = _read(path) | {key: value}
        with tempfile.NamedTemporaryFile("w", dir=directory, suffix=".tmp", delete=False, encoding="utf-8") as file:
            json.dump(entries, file, indent=1)
        os.replace(file.name, path)


def sha256_of(path: Path) -> str:
    """Return the file's SHA-256 as hex digits, remembered by real path, size and mtime."""
    status = path.stat()
    key = f"{path.resolve()}|{status.st_size}|{status.st_mtime_ns}"
    known = recall("sha256", key)
    if known is None:
        with path.open("rb") as file:
            known = hashlib.file_digest(file, "sha256").hexdigest()
        remember("sha256", key, known)
    return known


def _read(path: Path) -> dict[str, Any]:
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return entries if isinstance(entries, dict) else {}
