"""Where a model's files are: a directory, the hub's cache, or the hub."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from smotext.errors import ModelNotFoundError

# Pickled weights, which can run anything when they are read, are never fetched.
_NEEDED = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]
Model = TypeVar("Model")
# So many seconds we wait for the hub: its own client tries for minutes when there is no network.
_REACH_S = 10


@dataclass(frozen=True)
class Located:
    """A model that can be loaded.

    Attributes
    ----------
    name : str
        Absolute path, or hub name.
    is_local : bool
        Nothing needs to be downloaded.
    """

    name: str
    is_local: bool


def locate(path_or_name: str | Path, revision: str | None = None) -> Located:
    """Return where a model is: a local directory of that name, else the hub's cache, else the hub.

    Raises
    ------
    ModelNotFoundError
        If it is none of them, or the hub cannot be reached; the message says how to get the model.
    """
    directory = Path(path_or_name).expanduser()
    if directory.is_dir():
        return Located(str(directory.resolve()), is_local=True)
    name = str(path_or_name)
    if name.startswith((".", "/", "~")) or name.count("/") > 1 or "\\" in name:
        raise ModelNotFoundError(f"there is no directory {name!r}: expected a model's directory or a hub name")
    # sentence-transformers reads a name without an owner as one of its own models.
    name = name if "/" in name else f"sentence-transformers/{name}"
    if _is_cached(name, revision):
        return Located(name, is_local=True)
    _check_on_hub(name, revision)
    return Located(name, is_local=False)


def how_to_get(name: str, revision: str | None) -> str:
    """Return what a person can do about a model that is not here.

    Examples
    --------
    >>> how_to_get("org/model", None)
    'run `hf download org/model` where there is a network, unset HF_HUB_OFFLINE, or give the path of a copy'
    """
    pinned = f" --revision {revision}" if revision else ""
    return (
        f"run `hf download {name}{pinned}` where there is a network, unset HF_HUB_OFFLINE, or give the path of a copy"
    )


def resolve_directory(path_or_name: str | Path, *, revision: str | None = None) -> Path:
    """Return the directory of a model's files, fetched from the hub where they are not on this machine.

    Raises
    ------
    ModelNotFoundError
        As :func:`locate`.
    """
    found = locate(path_or_name, revision)
    if Path(found.name).is_dir():
        return Path(found.name)
    from huggingface_hub import snapshot_download

    return Path(
        snapshot_download(found.name, revision=revision, local_files_only=found.is_local, allow_patterns=_NEEDED)
    )


def pickled_weights(found: Located, revision: str | None = None) -> list[str]:
    """Return the pickled weights of a model that stand in no folder with safetensors, which would be read instead.

    Parameters
    ----------
    found : Located
        A directory, or a model in the hub's cache or on the hub.
    revision : str, optional
        On the hub.
    """
    if found.is_local:
        root = Path(found.name) if Path(found.name).is_dir() else _snapshot(found.name, revision)
        names = [path.relative_to(root) for path in root.rglob("*")]
    else:
        from huggingface_hub import HfApi

        names = [Path(name) for name in HfApi().list_repo_files(found.name, revision=revision)]
    safe = {name.parent for name in names if name.suffix == ".safetensors"}
    return sorted(str(name) for name in names if name.match("pytorch_model*.bin") and name.parent not in safe)


def is_hub_name(name: str) -> bool:
    """Return True for ``owner/model``, which no path looks like that begins with a dot, a slash or a tilde.

    Examples
    --------
    >>> is_hub_name("owner/model"), is_hub_name("../model"), is_hub_name("/models/one")
    (True, False, False)
    """
    return re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", name) is not None


def cached_file(name: str, file: str, revision: str | None = None) -> Path | None:
    """Return a file of a hub model that is in the hub's cache, else None; asks no network."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(name, file, revision=revision)
    # Otherwise the cache returns None, or a mark that the hub has no such file.
    return Path(found) if isinstance(found, str) else None


def fetch_file(name: str, file: str, revision: str | None = None) -> Path:
    """Return a file of a hub model, fetched with its config.json if there is one.

    Raises
    ------
    ModelNotFoundError
        If the hub cannot be reached, or has no such model or file.
    """
    from huggingface_hub import snapshot_download

    _check_on_hub(name, revision)
    patterns = [file, "config.json", "generation_config.json"]
    path = Path(snapshot_download(name, revision=revision, allow_patterns=patterns)) / file
    if not path.is_file():
        raise ModelNotFoundError(f"model {name!r} has no file {file!r} on the hub at revision {revision}")
    return path


def hub_identity(directory: Path) -> str | None:
    """Return ``owner/model@commit`` for a directory inside the hub's cache, else None.

    Examples
    --------
    >>> hub_identity(Path("/cache/models--acme--bridge/snapshots/0a1b2c"))
    'acme/bridge@0a1b2c'
    """
    parts = directory.parts
    if len(parts) >= 3 and parts[-2] == "snapshots" and parts[-3].startswith("models--"):
        return f"{parts[-3].removeprefix('models--').replace('--', '/', 1)}@{parts[-1]}"
    return None


def _is_cached(name: str, revision: str | None) -> bool:
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        directory = _snapshot(name, revision)
    except (LocalEntryNotFoundError, HFValidationError):
        return False
    has_weights = any(directory.rglob("*.safetensors")) or any(directory.rglob("*.bin"))
    return has_weights and not any(_absent_shards(index) for index in directory.rglob("*.index.json"))


def _snapshot(name: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(name, revision=revision, local_files_only=True))


def _absent_shards(index: Path) -> set[str]:
    """Return the files that an index of shards names and that are not beside it: the download was interrupted."""
    names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    return {name for name in names if not (index.parent / name).is_file()}


def state_of(directory: str | Path) -> tuple[tuple[str, int, int], ...]:
    """Return name, size and time of change of all files of a directory; nothing where there is none.

    Another state says that what was loaded from there is no longer what is there.
    """
    root = Path(directory)
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return tuple((str(path.relative_to(root)), path.stat().st_size, path.stat().st_mtime_ns) for path in files)


class LoadedOnce(Generic[Model]):
    """Models by their settings: one copy a process, read again when the files that it came from have changed."""

    def __init__(self) -> None:
        # The models with the state of their files when they were loaded.
        self._models: dict[Hashable, tuple[Any, Model]] = {}

    def get(self, settings: Hashable, directory: str | Path, read: Callable[[], Model]) -> Model:
        """Return the model of these settings, whose files are in `directory`; ``read()`` where it is not there yet."""
        state = state_of(directory)
        if settings not in self._models or self._models[settings][0] != state:
            # The older weights go before the newer ones are read: both may not fit into memory.
            self._models.pop(settings, None)
            self._models[settings] = (state, read())
        return self._models[settings][1]


def _check_on_hub(name: str, revision: str | None) -> None:
    from huggingface_hub import HfApi

    try:
        HfApi().model_info(name, revision=revision, timeout=_REACH_S)
    except Exception as error:
        # The hub's client raises the errors of whichever HTTP library it uses.
        raise ModelNotFoundError(
            f"model {name!r} is neither a directory nor in the hub's cache, and the hub did not give it "
            f"({type(error).__name__}): {how_to_get(name, revision)}"
        ) from error
