"""A caller's own encoder, with all that the method asks of one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.encoders.cache import encode_chunk
from smotext.errors import InputError
from smotext.protocols import Encoder, has_members


def as_encoder(given: Any) -> Encoder:
    """Return the encoder itself if it has every member of :class:`~smotext.protocols.Encoder`, else adapted to it.

    Raises
    ------
    InputError
        If it is a name instead of an object, has no ``encode``, or its ``vector_dim`` is no positive integer.

    Examples
    --------
    >>> class Lengths:
    ...     def encode(self, texts):
    ...         return [[len(text), 1.0] for text in texts]
    >>> encoder = as_encoder(Lengths())
    >>> encoder.vector_dim, encoder.fingerprint
    (2, None)
    """
    if isinstance(given, str):  # a string has a method `encode` of its own
        raise InputError(f"encoder={given!r} is a name: pass smotext.load_encoder({given!r})")
    if not callable(getattr(given, "encode", None)):
        raise InputError(f"encoder={given!r:.80} has no .encode: expected an object that has")
    return given if has_members(given, Encoder) else AdaptedEncoder(given)


class AdaptedEncoder:
    """An encoder made of any object with ``encode``; what that lacks is filled in.

    Parameters
    ----------
    given : object
        With ``encode(texts)``; optional are ``vector_dim``, ``fingerprint``, ``max_tokens`` and ``count_truncated``.
    """

    def __init__(self, given: Any) -> None:
        self.given = given
        self.fingerprint: str | None = getattr(given, "fingerprint", None)
        self.max_tokens: int | None = getattr(given, "max_tokens", None)

    def __getattr__(self, name: str) -> Any:
        """Return what the given object has beside the members that the method asks for."""
        if name == "given" or name.startswith("__"):
            # Copying and unpickling ask for these before the object has any attribute.
            raise AttributeError(name)
        return getattr(self.given, name)

    @cached_property
    def vector_dim(self) -> int:
        """The given object's own, or the width of a word's vector where it has none."""
        found = getattr(self.given, "vector_dim", None)
        if found is None:
            return encode_chunk(self.given, ["word"]).shape[1]
        if isinstance(found, bool) or not isinstance(found, int | np.integer) or found < 1:
            raise InputError(
                f"encoder {type(self.given).__name__} has vector_dim {found!r}: expected a positive integer"
            )
        return int(found)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one vector per text: float32 of shape (n_texts, vector_dim)."""
        return encode_chunk(self.given, list(texts))

    def count_truncated(self, texts: Sequence[str]) -> int:
        """Return how many texts are longer than the encoder reads; 0 where it does not say."""
        count = getattr(self.given, "count_truncated", None)
        return 0 if count is None else int(count(texts))
