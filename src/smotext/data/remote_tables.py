"""Data sets of the Hugging Face hub, by name: fetched once, and read from this machine like any other table.

::

    owner/name                             its only split, or train
    owner/name:test                        another split
    owner/name:config:test                 of one of its configurations
    hf://datasets/owner/name               the same, where a folder of that name lies here
    hf://datasets/owner/name/data.csv      one file of it; owner/name@revision for another than the newest
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from smotext.errors import InputError, MissingExtraError, MissingFileError

# A path has lost the second slash.
_SCHEME = re.compile(r"hf:/+datasets/", re.IGNORECASE)
_NAME = r"[\w-][\w.-]*"
_HUB_NAME = re.compile(rf"(?P<repo>{_NAME}/{_NAME})(?P<parts>(:[\w.-]+){{0,2}})")
_FILE = re.compile(rf"(?P<repo>{_NAME}/{_NAME})(@(?P<revision>[^/]+))?/(?P<file>.+)")


@dataclass(frozen=True)
class RemoteTable:
    """A data set on the hub.

    Attributes
    ----------
    repo : str
        ``owner/name``.
    file : str
        One file of it; empty: a split, as ``datasets`` loads it.
    revision : str or None
    config, split : str or None
    """

    repo: str
    file: str = ""
    revision: str | None = None
    config: str | None = None
    split: str | None = None


def find_remote(path: str | Path) -> RemoteTable | None:
    """Return the data set of the hub that a name speaks of; None where it is the name of a file here.

    Raises
    ------
    InputError
        If it begins with ``hf://`` and names no data set.

    Examples
    --------
    >>> find_remote("acme/mail:test")
    RemoteTable(repo='acme/mail', file='', revision=None, config=None, split='test')
    >>> find_remote("hf://datasets/acme/mail@v1/data/all.csv")
    RemoteTable(repo='acme/mail', file='data/all.csv', revision='v1', config=None, split=None)
    >>> find_remote("folder/mail.csv") is None, find_remote("./acme/mail") is None
    (True, True)
    """
    # Imported here, since it loads numpy, which the command line's help does without.
    from smotext.data.formats import FORMATS

    name = str(path)
    if name.lower().startswith("hf:"):
        return _of_address(name)
    found = _HUB_NAME.fullmatch(name)
    is_file = PurePosixPath(name.removesuffix(".gz")).suffix.lower() in FORMATS
    if found is None or is_file or Path(name).exists() or Path(name.partition("/")[0]).is_dir():
        return None
    return _of_split(found)


def local_table(path: Path) -> Path:
    """Return where a table is on this machine: `path` itself, or what was fetched of the data set that it names.

    Raises
    ------
    InputError
        If a name with ``hf://`` cannot be read, or the data set has no such split.
    MissingFileError
        If the data set is neither in the hub's cache nor to be had.
    MissingExtraError
        If a split is asked for and ``datasets`` is not installed.
    """
    remote = find_remote(path)
    if remote is None:
        return path
    try:
        return _fetch_file(remote) if remote.file else _fetch_split(remote)
    except (InputError, MissingExtraError):
        raise
    except Exception as error:
        # Of the HTTP client of the day, of datasets, or of a full disk.
        raise MissingFileError(
            f"{remote.repo!r} is neither a file here nor a data set that the hub gave ({type(error).__name__}: "
            f"{str(error).splitlines()[0] if str(error) else ''}): check the name, or fetch it where there is a network"
        ) from error


def table_name(path: Path) -> str:
    """Return what a command that is typed again calls a table: files by their names, data sets in full.

    Examples
    --------
    >>> table_name(Path("folder/mail.csv")), table_name(Path("hf://datasets/acme/mail/all.csv"))
    ('mail.csv', 'hf://datasets/acme/mail/all.csv')
    """
    if find_remote(path) is None:
        return path.name
    return _SCHEME.sub("hf://datasets/", str(path))


def short_name(path: Path) -> str:
    """Return what files about a table are named after: its path here, or the last part of a data set's name.

    Examples
    --------
    >>> short_name(Path("folder/mail.csv")), short_name(Path("acme/mail:test"))
    ('folder/mail.csv', 'mail')
    """
    remote = find_remote(path)
    if remote is None:
        return str(path)
    return PurePosixPath(remote.file or remote.repo).name


def _of_address(name: str) -> RemoteTable:
    inner = _SCHEME.sub("", name)
    if found := _HUB_NAME.fullmatch(inner):
        return _of_split(found)
    if (found := _FILE.fullmatch(inner)) and inner != name:
        return RemoteTable(found["repo"], found["file"], found["revision"])
    raise InputError(
        f"{name} names no data set: expected hf://datasets/owner/name, and a file of it behind it if need be"
    )


def _of_split(found: re.Match[str]) -> RemoteTable:
    parts = [part for part in found["parts"].split(":") if part]
    return RemoteTable(found["repo"], config=parts[0] if len(parts) == 2 else None, split=parts[-1] if parts else None)


def _fetch_file(remote: RemoteTable) -> Path:
    from huggingface_hub import hf_hub_download

    return Path(hf_hub_download(remote.repo, remote.file, repo_type="dataset", revision=remote.revision))


def _fetch_split(remote: RemoteTable) -> Path:
    """Return the folder of a split, as ``save_to_disk`` writes it; one that was fetched before is used again."""
    from huggingface_hub import cached_assets_path

    from smotext.data.formats import import_datasets

    datasets = import_datasets()
    splits: Any = datasets.load_dataset(remote.repo, remote.config)
    split = remote.split or ("train" if "train" in splits or len(splits) != 1 else next(iter(splits)))
    if split not in splits:
        raise InputError(
            f"{remote.repo} has no split {split!r}: choose one, for example {remote.repo}:{next(iter(splits))}"
        )
    table = splits[split]
    place = cached_assets_path("smotext", remote.repo.replace("/", "--"), f"{split}-{table._fingerprint}")
    # This file is written last.
    if not (place / "state.json").is_file():
        table.save_to_disk(str(place))
    return Path(place)
