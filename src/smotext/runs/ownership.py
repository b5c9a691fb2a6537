"""Whose the place of a run is: it holds what real texts can be reconstructed from."""

from __future__ import annotations

import os
from pathlib import Path

from smotext.errors import InputError


def check_run_path(path: Path) -> None:
    """Raise InputError if the run cannot be beside its output, from where its files are renamed, or is not ours."""
    if not path.exists():
        return
    if not path.is_dir():
        raise InputError(f"{path} is a file, and the run is kept in a directory of that name: move it away")
    if path.stat().st_dev != path.parent.stat().st_dev:
        raise InputError(f"{path} lies on another file system than its output: move it away")
    for place in (path, path / "settings.json"):
        # Whoever owns these can change what is written in our name.
        _check_owner(place)
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise InputError(
            f"{path} cannot be read and written: give yourself the right (chmod u+rwx), or choose another output"
        )


def _check_owner(path: Path) -> None:
    """Raise InputError if the file or directory belongs to another user."""
    try:
        owner = path.stat().st_uid
    except OSError:
        # It is not there or cannot be seen; the caller looks at the directory's own rights next.
        return
    if hasattr(os, "geteuid") and owner != os.geteuid():
        raise InputError(
            f"{path} belongs to another user ({_user_name(owner)}): a run holds private vectors, and its owner could "
            "change them; choose another output, or have it removed"
        )


def _user_name(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"number {uid}"
