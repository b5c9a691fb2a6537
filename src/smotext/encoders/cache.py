"""Vectors that were computed once and are kept on disk.

One SQLite file per encoder fingerprint, in ``{cache}/vectors`` with mode 0700, because texts can be
reconstructed from their vectors. A cache that cannot be read or written costs time and a warning, never a
result.
"""

from __future__ import annotations

import hashlib
import sqlite3
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.encoders.texts import as_texts
from smotext.errors import InputError, SmotextWarning
from smotext.protocols import Encoder, class_name
from smotext.utils.caching import OFF, cache_directory

# So many texts lie between two commits, and an interrupted run loses no more than these.
CHUNK = 1024
# Keys of a query. SQLite allowed 999 variables before version 3.32.
_LOOKUP = 500
# So long does one process wait for another one's commit.
_BUSY_S = 60

EncodeChunks = Callable[[Any, list[list[str]]], Iterable[tuple[int, NDArray[np.float32]]]]


def encode_cached(
    encoder: Encoder,
    texts: Sequence[str],
    *,
    cache: str | Path | None = None,
    on_progress: Callable[[int], None] | None = None,
    encode_chunks: EncodeChunks | None = None,
    keeps: bool = True,
) -> NDArray[np.float32]:
    """Return the encoder's vectors of `texts`, computing only those that are not cached yet.

    Parameters
    ----------
    encoder : Encoder
        Without a fingerprint nothing is read from or written to disk.
    texts : sequence of str
        Equal texts are encoded once.
    cache : path, "off" or None
        Directory of the vector files. None: ``vectors`` in the user's cache directory, which the environment
        variable ``SMOTEXT_CACHE`` moves or, if ``off``, disables.
    on_progress : callable, optional
        Called with the number of different texts done, of which there are ``len(set(texts))``.
    encode_chunks : callable, optional
        ``encode_chunks(encoder, chunks)`` yields the place and the vectors of each chunk of texts, in any order.
        None: one chunk after the other, in this process.
    keeps : bool
        Whether new vectors are stored.

    Returns
    -------
    ndarray of shape (n_texts, vector_dim), float32

    Raises
    ------
    InputError
        If an entry of `texts` is no string, or the encoder returns another shape or non-finite numbers.

    Warns
    -----
    SmotextWarning
        If the cache cannot be used; the vectors are then computed without it.

    Examples
    --------
    >>> from smotext.encoders.hashing import HashEncoder
    >>> encode_cached(HashEncoder(), ["a", "b", "a"], cache="off").shape
    (3, 64)
    """
    texts = as_texts(texts)
    place = {text: row for row, text in enumerate(dict.fromkeys(texts))}
    vector_dim = encoder.vector_dim
    vectors = np.empty((len(place), vector_dim), dtype=np.float32)
    with closing(VectorStore(_file_for(encoder, cache))) as store:
        missing = []
        for chunk in _chunks(list(place), _LOOKUP):
            known = store.read(chunk, vector_dim)
            for text, vector in known.items():
                vectors[place[text]] = vector
            missing += [text for text in chunk if text not in known]
        # Texts of similar length come into one chunk, and then into one batch.
        missing.sort(key=len, reverse=True)
        n_done = len(place) - len(missing)
        chunks = list(_chunks(missing, CHUNK))
        for number, found in (encode_chunks or _in_turn)(encoder, chunks):
            chunk = chunks[number]
            _check_shape(encoder, found, (len(chunk), vector_dim))
            vectors[[place[text] for text in chunk]] = found
            if keeps:
                store.write(chunk, found)
            n_done += len(chunk)
            if on_progress is not None:
                on_progress(n_done)
    return vectors if len(place) == len(texts) else vectors[[place[text] for text in texts]]


class CachingEncoder:
    """An encoder whose vectors are cached on disk; see :func:`encode_cached`.

    Parameters
    ----------
    encoder : Encoder
    keeps : bool
        Whether new vectors are stored. A vector depends on its batch in the last bits: those of some of the texts
        that another process will encode together must not be there when it does.
    """

    def __init__(self, encoder: Encoder, *, keeps: bool = True) -> None:
        self.encoder = encoder
        self.keeps = keeps

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one vector per text: float32 of shape (n_texts, vector_dim)."""
        return encode_cached(self.encoder, texts, keeps=self.keeps)


class VectorStore:
    """Vectors by text in one SQLite file; after the first failure it warns and holds nothing.

    Parameters
    ----------
    path : Path or None
        The file, created with its directory where missing; None holds nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._database: sqlite3.Connection | None = None
        if path is None:
            return
        try:
            if not path.parent.is_dir():
                path.parent.parent.mkdir(parents=True, exist_ok=True)
                path.parent.mkdir(mode=0o700, exist_ok=True)
            self._database = sqlite3.connect(path, timeout=_BUSY_S)
            with self._database:
                self._database.execute(
                    "CREATE TABLE IF NOT EXISTS vectors (text_hash BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID"
                )
        except (sqlite3.Error, OSError) as error:
            self._give_up(error)

    def read(self, texts: Sequence[str], vector_dim: int) -> dict[str, NDArray[np.float32]]:
        """Return the stored vectors of those `texts` (at most 500) that are there and of the right length."""
        if self._database is None:
            return {}
        by_hash = {text_hash(text): text for text in texts}
        query = f"SELECT text_hash, vector FROM vectors WHERE text_hash IN ({','.join('?' * len(by_hash))})"
        try:
            rows = self._database.execute(query, list(by_hash)).fetchall()
        except sqlite3.Error as error:
            self._give_up(error)
            return {}
        return {by_hash[key]: np.frombuffer(blob, dtype="<f4") for key, blob in rows if len(blob) == 4 * vector_dim}

    def write(self, texts: Sequence[str], vectors: NDArray[np.float32]) -> None:
        """Keep one vector per text, all or none of them."""
        if self._database is None:
            return
        rows = [(text_hash(text), vector.astype("<f4").tobytes()) for text, vector in zip(texts, vectors, strict=True)]
        try:
            with self._database:
                # One transaction: it commits, or rolls back on an error.
                self._database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
        except sqlite3.Error as error:
            self._give_up(error)

    def close(self) -> None:
        """Close the file."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def _give_up(self, error: Exception) -> None:
        self.close()
        warnings.warn(
            f"the vector cache {self.path} cannot be used ({error}), so texts are encoded without it: free the disk, "
            "delete the file if it is damaged, move the cache by SMOTEXT_CACHE=path or disable it by SMOTEXT_CACHE=off",
            SmotextWarning,
            stacklevel=4,
        )


def text_hash(text: str) -> bytes:
    """Return the 16 bytes under which a text's vector is stored."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _file_for(encoder: Encoder, cache: str | Path | None) -> Path | None:
    if cache is None:
        root = cache_directory()
        directory = None if root is None else root / "vectors"
    else:
        directory = None if str(cache).lower() == OFF else Path(cache).expanduser()
    if encoder.fingerprint is None or directory is None:
        return None
    return directory / f"{text_hash(encoder.fingerprint).hex()}.sqlite"


def _in_turn(encoder: Any, chunks: list[list[str]]) -> Iterator[tuple[int, NDArray[np.float32]]]:
    return ((number, encode_chunk(encoder, chunk)) for number, chunk in enumerate(chunks))


def encode_chunk(encoder: Any, texts: list[str]) -> NDArray[np.float32]:
    """Return the encoder's vectors, after checking what a foreign encoder may get wrong.

    Raises
    ------
    InputError
        For another shape than one row per text, or numbers that are not finite.
    """
    vectors = np.asarray(encoder.encode(texts), dtype=np.float32)
    width = vectors.shape[1] if vectors.ndim == 2 else "vector_dim"
    _check_shape(encoder, vectors, (len(texts), width))
    if not (finite := np.isfinite(vectors).all(axis=1)).all():
        text = texts[int(np.argmin(finite))]
        raise InputError(f"encoder {class_name(encoder)} returned a vector that is not finite for {text[:60]!r}")
    return vectors


def _check_shape(encoder: Any, vectors: NDArray[np.float32], expected: tuple[int, int | str]) -> None:
    if vectors.shape != expected:
        raise InputError(f"encoder {class_name(encoder)} returned shape {vectors.shape}: expected {expected}")


def _chunks(texts: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(texts), size):
        yield texts[start : start + size]
