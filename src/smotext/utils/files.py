"""Files that are either whole or not there: written under another name, flushed to the disk, then renamed."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

# Files that are being written have names that end like this.
TEMPORARY = ".smotext-tmp"


def step(name: str, path: Path) -> None:
    """Mark a point at which a process may die; does nothing. Tests replace it to kill the process there."""


@contextlib.contextmanager
def atomic_write(path: str | Path, *, mode: int = 0o666) -> Iterator[IO[bytes]]:
    """Give a binary file whose content appears at `path` only when the block ends without an error.

    Parameters
    ----------
    path : str or Path
        Where the content goes; an existing file is replaced. A symbolic link is followed.
    mode : int
        Permissions from the moment of creation, less the umask.

    Raises
    ------
    OSError
        If the directory is not writable or the disk is full; what was at `path` is untouched.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with atomic_write(folder / "a.txt", mode=0o600) as file:
    ...     _ = file.write(b"whole")
    >>> (folder / "a.txt").read_bytes(), [p.name for p in folder.iterdir()]
    (b'whole', ['a.txt'])
    """
    target = Path(os.path.realpath(path))
    temporary = temporary_name(target)
    # A killed process may have left the file, perhaps with other permissions.
    temporary.unlink(missing_ok=True)
    handle = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    step("created", target)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        step("synced", target)
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    step("renamed", target)
    sync_directory(target.parent)


def temporary_name(path: Path) -> Path:
    """Return the hidden name beside `path` under which it is written.

    Examples
    --------
    >>> temporary_name(Path("out.csv")).name
    '.out.csv.smotext-tmp'
    """
    return path.with_name(f".{path.name}{TEMPORARY}")


def is_disk_full(error: BaseException) -> bool:
    """Return True if the error says that a file cannot grow: the disk, a quota or a limit on files is full.

    Examples
    --------
    >>> is_disk_full(OSError(errno.ENOSPC, "No space left on device")), is_disk_full(ValueError())
    (True, False)
    """
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def sync_directory(directory: Path) -> None:
    """Flush the directory's entries, so that a rename survives a power cut; not every system allows it."""
    with contextlib.suppress(OSError):
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
