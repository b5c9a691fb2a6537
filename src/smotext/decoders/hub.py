"""From a model's name to a directory on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from smotext.errors import ModelNotFoundError

_NEEDED = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]  # never pickled weights


def resolve_directory(name: str | Path, *, revision: str | None = None) -> Path:
    """Return the directory of a model given as a path or as a hub name; a path comes first.

    Parameters
    ----------
    name : str or Path
        A directory, or ``"owner/model"`` on the Hugging Face hub. Files in the hub's cache are used
        without asking the hub if ``HF_HUB_OFFLINE=1`` or the hub can't be reached.
    revision : str, optional
        Branch, tag or commit on the hub.

    Raises
    ------
    ModelNotFoundError
        If it is neither; the message says how to get the model.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    text = str(name)
    if text.count("/") != 1 or text.startswith((".", "/", "~")):
        raise ModelNotFoundError(
            f"no model at {text!r}: expected a preset, an existing directory, or a hub name 'owner/model'"
        )
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(text, revision=revision, allow_patterns=_NEEDED))
    except Exception as error:  # the hub's errors have no common base that covers being offline
        at = f" --revision {revision}" if revision else ""
        offline = " (HF_HUB_OFFLINE is set)" if os.environ.get("HF_HUB_OFFLINE") else ""
        raise ModelNotFoundError(
            f"model {text!r} is neither a directory nor in the hub's cache, and could not be fetched{offline}: "
            f"run `hf download {text}{at}` where there is a network, or give the path of a copy"
        ) from error


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
