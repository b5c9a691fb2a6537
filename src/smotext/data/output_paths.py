"""Where a file is going to be written: checked before any work is done for it."""

from __future__ import annotations

import os
from pathlib import Path

from smotext.data.formats import import_datasets, is_dataset, table_format
from smotext.errors import InputError, MissingFileError
from smotext.utils.files import temporary_name


def check_target(path: str | Path, *, overwrite: bool = False) -> None:
    """Raise if nothing can be written to `path`; see :func:`smotext.data.tables.check_table_output`."""
    path = Path(path)
    check_file_name(path)
    kind = table_format(path)
    if kind == "datasets":
        import_datasets()
    if path.name == "-":
        raise InputError("the output is '-': expected the name of a file; nothing is written to standard output")
    if path.is_dir() and any(path.iterdir()) and not is_dataset(path):
        raise InputError(f"{path} is a directory that holds no dataset: choose another name; it would be replaced")
    check_output_path(path, overwrite=overwrite)


def check_file_name(path: Path) -> None:
    """Raise InputError if no file can have this name, as one that is too long."""
    try:
        path.exists()
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}: choose another name") from error


def check_output_path(path: Path, *, overwrite: bool = False) -> None:
    """Raise InputError if no file can be written to `path`, whatever its format, or one is there already."""
    check_file_name(path)
    if path.exists() and not overwrite:
        raise InputError(
            f"{path} exists: choose another name, or allow it to be replaced with overwrite=True", options=["overwrite"]
        )
    parent = Path(os.path.realpath(path)).parent
    if not parent.is_dir():
        raise MissingFileError(f"{parent} is no directory: create it first to write {path.name} there")
    probe = temporary_name(parent / f"{path.name}.probe")
    try:
        os.close(os.open(probe, os.O_CREAT | os.O_WRONLY, 0o600))
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}: choose another place") from error
    probe.unlink()
