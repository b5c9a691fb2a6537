"""Passages on disk, ready to train on: token ids, and vectors that are computed once, piece by piece."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.errors import InputError
from smotext.training.data.drawing import DrawnPassages
from smotext.training.loop.processes import ProcessGroup
from smotext.training.training_settings import check_same_settings
from smotext.utils.files import atomic_write

EncodePassages = Callable[[list[str]], NDArray[np.float32]]
Tokenize = Callable[[list[str]], list[list[int]]]
_MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Piece:
    """One piece of a store, in memory.

    Attributes
    ----------
    tokens : ndarray of shape (n_tokens,), uint16 or uint32
        Token ids of all its passages, one after the other, without the end token.
    offsets : ndarray of shape (n_passages + 1,), int64
        Passage i is ``tokens[offsets[i]:offsets[i + 1]]``.
    vectors : ndarray of shape (n_passages, vector_dim), float16
        The encoder's vectors, a memory map.
    """

    tokens: NDArray[Any]
    offsets: NDArray[np.int64]
    vectors: NDArray[np.float16]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each passage, shape (n_passages,)."""
        return np.diff(self.offsets)

    def passage(self, row: int) -> NDArray[np.int64]:
        """Return the token ids of one passage, int64."""
        return self.tokens[self.offsets[row] : self.offsets[row + 1]].astype(np.int64)


class PassageStore:
    """A directory of pieces; :meth:`create` writes one, the constructor opens it.

    Parameters
    ----------
    directory : path
        What :meth:`create` wrote.
    encode : callable
        Texts to vectors of shape (n_texts, vector_dim), for pieces whose vectors are not on disk yet.
    """

    def __init__(self, directory: str | Path, encode: EncodePassages) -> None:
        self.directory = Path(directory)
        self.encode = encode
        self.manifest: dict[str, Any] = json.loads((self.directory / _MANIFEST).read_text(encoding="utf-8"))
        self.n_passages: list[int] = self.manifest["n_passages"]
        self.group_size: int = self.manifest["group_size"]

    @classmethod
    def open_or_create(
        cls,
        directory: Path,
        settings: dict[str, Any],
        read: Callable[[], DrawnPassages],
        *,
        tokenize: Tokenize,
        encode: EncodePassages,
        world: ProcessGroup = ProcessGroup(),  # noqa: B008 (frozen)
    ) -> PassageStore:
        """Return the store in `directory`, written first, by the main process, if none is there.

        Parameters
        ----------
        directory : path
        settings : dict
            All that decides what stands in the store, as plain values.
        read : callable
            Gives the passages; called only if they are to be written.
        tokenize, encode
            As in :meth:`create`.
        world : ProcessGroup

        Raises
        ------
        InputError
            If the store in `directory` was made with other settings.
        """
        if world.is_main and not cls.is_complete(directory):
            corpus = read()
            about = {"settings": settings, "sources": corpus.sources}
            cls.create(
                directory, corpus.passages, corpus.held_out, tokenize=tokenize, encode=encode, about=about,
                group_size=corpus.group_size,
            )  # fmt: skip
        world.wait()
        store = cls(directory, encode)
        check_same_settings(store.manifest.get("settings", {}), settings, directory)
        return store

    @classmethod
    def create(
        cls,
        directory: str | Path,
        passages: Sequence[str],
        held_out: Sequence[str],
        *,
        tokenize: Tokenize,
        encode: EncodePassages,
        about: dict[str, Any],
        group_size: int = 1,
        piece_size: int = 10_000,
    ) -> PassageStore:
        """Write passages in pieces of about `piece_size` and return the store; `about` goes into its manifest.

        `tokenize` gives the token ids of texts as they stand after a prompt. `group_size` passages in a row are of
        one document or source, and stay together.

        The manifest is written last, so that a store that was interrupted is none. A store that was there is
        dropped with its vectors. Its directory is for its owner alone: texts can be private.
        """
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        _drop(directory)
        sizes = []
        piece_size = max(1, piece_size // group_size) * group_size
        for number, start in enumerate(range(0, len(passages), piece_size)):
            texts = list(passages[start : start + piece_size])
            _write_piece(directory / f"piece-{number:04d}", texts, tokenize)
            sizes.append(len(texts))
        _write_texts(directory / "held-out.jsonl.gz", held_out)
        with atomic_write(directory / _MANIFEST, mode=0o600) as file:
            file.write(json.dumps({**about, "n_passages": sizes, "group_size": group_size}, indent=1).encode())
        return cls(directory, encode)

    @staticmethod
    def is_complete(directory: str | Path) -> bool:
        """Return True if `directory` holds a store that was written to its end."""
        return (Path(directory) / _MANIFEST).is_file()

    def __len__(self) -> int:
        return sum(self.n_passages)

    @property
    def n_pieces(self) -> int:
        """Number of pieces."""
        return len(self.n_passages)

    def piece(self, number: int) -> Piece:
        """Return one piece, its vectors computed and kept if they are not on disk yet."""
        folder = self.directory / f"piece-{number:04d}"
        vectors = folder / "vectors.npy"
        if not vectors.is_file():
            computed = self.encode(self.texts(number)).astype(np.float16)
            _save_array(vectors, computed)
        return Piece(np.load(folder / "tokens.npy"), np.load(folder / "offsets.npy"), np.load(vectors, mmap_mode="r"))

    def texts(self, number: int) -> list[str]:
        """Return the passages of one piece."""
        return read_texts(self.directory / f"piece-{number:04d}" / "texts.jsonl.gz")

    def held_out(self) -> list[str]:
        """Return the held-out passages."""
        return read_texts(self.directory / "held-out.jsonl.gz")


def read_texts(path: Path) -> list[str]:
    """Return the texts of a gzipped JSON-lines file of strings."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _drop(directory: Path) -> None:
    """Remove the store in a directory, manifest first: what is left of it is none."""
    (directory / _MANIFEST).unlink(missing_ok=True)
    for folder in directory.glob("piece-*"):
        shutil.rmtree(folder)


def _write_texts(path: Path, texts: Sequence[str]) -> None:
    with gzip.open(path, "wt", encoding="utf-8", compresslevel=3) as file:
        file.writelines(json.dumps(text) + "\n" for text in texts)


def _write_piece(folder: Path, texts: list[str], tokenize: Tokenize) -> None:
    ids = tokenize(texts)
    folder.mkdir(exist_ok=True)
    dtype = np.uint16 if max(max(row, default=0) for row in ids) < 2**16 else np.uint32
    _save_array(folder / "tokens.npy", np.concatenate([np.asarray(row, dtype=dtype) for row in ids]))
    _save_array(folder / "offsets.npy", np.cumsum([0, *map(len, ids)], dtype=np.int64))
    _write_texts(folder / "texts.jsonl.gz", texts)


def _save_array(path: Path, array: NDArray[Any]) -> None:
    partial = path.with_name(path.name + ".partial.npy")
    np.save(partial, array)
    partial.replace(path)


def check_vector_width(vectors: NDArray[Any], vector_dim: int) -> None:
    """Raise InputError if vectors do not have the width that the projector takes."""
    if vectors.shape[1] != vector_dim:
        raise InputError(
            f"the encoder gives vectors of {vectors.shape[1]} numbers, the projector takes {vector_dim}: "
            "use the encoder that the bridge was trained for"
        )
