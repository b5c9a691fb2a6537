"""An encoder without a model: hashed words. For tests, dry runs and the preset ``echo``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.encoders.texts import as_texts
from smotext.errors import InputError

_WORD = re.compile(r"\w+")


class HashEncoder:
    """Encode a text as the normalised sum of pseudo-random vectors of its lower-cased words.

    The more words two texts share, the nearer they are; word order does not matter. The same text has the
    same vector in every process and on every machine. A text without any word (``""``, ``"?!"``) gets the
    fixed vector of its stripped characters, so that every vector has unit length.

    .. versionadded:: 0.1.0

    Parameters
    ----------
    vector_dim : int
        Length of the vectors.

    Attributes
    ----------
    vector_dim : int
    fingerprint : str

    Raises
    ------
    InputError
        If `vector_dim` is no positive integer.

    See Also
    --------
    load_encoder : Encoders that know what texts mean.

    Examples
    --------
    >>> vectors = HashEncoder().encode(["free prize now", "free prize today", "see you at home"])
    >>> vectors.shape
    (3, 64)
    >>> bool(vectors[0] @ vectors[1] > vectors[0] @ vectors[2])
    True
    """

    # Every text is read whole.
    max_tokens: int | None = None

    def __init__(self, vector_dim: int = 64) -> None:
        if not isinstance(vector_dim, int) or isinstance(vector_dim, bool) or vector_dim < 1:
            raise InputError(f"vector_dim is {vector_dim!r}: expected an integer >= 1")
        self.vector_dim = vector_dim

    @property
    def fingerprint(self) -> str:
        """Name under which vectors may be cached."""
        return f"hash-{self.vector_dim}"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector per text: float32 of shape (n_texts, vector_dim)."""
        vectors = np.empty((len(texts), self.vector_dim), dtype=np.float32)
        for row, text in enumerate(as_texts(texts)):
            vectors[row] = _text_vector(text, self.vector_dim)
        return vectors

    def count_truncated(self, texts: Sequence[str]) -> int:
        """Return 0: all texts are read whole."""
        return 0

    def __sklearn_clone__(self) -> HashEncoder:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> HashEncoder:
        return self

    def __repr__(self) -> str:
        return f"HashEncoder(vector_dim={self.vector_dim})"


def _text_vector(text: str, vector_dim: int) -> NDArray[np.float32]:
    words = _WORD.findall(text.lower()) or [text.strip()]
    total = np.sum([_word_vector(word, vector_dim) for word in words], axis=0, dtype=np.float32)
    if not total.any():
        # Words can cancel each other, though hardly in more than a few dimensions.
        total = _word_vector(text, vector_dim).astype(np.float32)
    return np.asarray(total / np.linalg.norm(total), dtype=np.float32)


@lru_cache(maxsize=65536)
def _word_vector(word: str, vector_dim: int) -> NDArray[np.int8]:
    """Return the word's signs: int8 of shape (vector_dim,), each -1 or 1."""
    n_bytes = -(-vector_dim // 8)
    seed = word.encode("utf-8", "surrogatepass")
    blocks = [
        hashlib.blake2b(seed, digest_size=min(64, n_bytes - start), salt=(start // 64).to_bytes(8, "big")).digest()
        for start in range(0, n_bytes, 64)
    ]
    bits = np.unpackbits(np.frombuffer(b"".join(blocks), dtype=np.uint8))[:vector_dim]
    return bits.astype(np.int8) * 2 - 1
