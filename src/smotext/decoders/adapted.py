"""A caller's own decoder, with all that the method asks of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.errors import InputError
from smotext.protocols import Decoded, Decoder, has_members

# For a decoder that does not say how long the texts are that it was trained to write.
DEFAULT_MAX_NEW_TOKENS = 128


def as_decoder(given: Any) -> Decoder:
    """Return the decoder itself if it has every member of :class:`~smotext.protocols.Decoder`, else adapted to it.

    Raises
    ------
    InputError
        If it is a name instead of an object, or has no ``decode``.

    Examples
    --------
    >>> class Counting:
    ...     def decode(self, vectors, **options):
    ...         return [f"text {row}" for row in range(len(vectors))]
    >>> decoder = as_decoder(Counting())
    >>> decoder.decode_rows(np.zeros((1, 3)))
    [Decoded(text='text 0', n_tokens=-1, is_finished=True)]
    >>> decoder.max_new_tokens, decoder.examples
    (128, None)
    """
    if isinstance(given, str):
        raise InputError(f"decoder={given!r} is a name: pass smotext.load_decoder({given!r})")
    if not callable(getattr(given, "decode", None)):
        raise InputError(f"decoder={given!r:.80} has no .decode: expected an object that has")
    return given if has_members(given, Decoder) else AdaptedDecoder(given)


class AdaptedDecoder:
    """A decoder made of any object with ``decode``; what that lacks is filled in, and what it returns is checked.

    Parameters
    ----------
    given : object
        With ``decode(vectors, **options)``. Optional are ``vector_dim``, ``fingerprint``, ``prompts``, ``examples``,
        ``max_new_tokens``, ``most_new_tokens``, ``decode_rows`` and ``count_tokens``; see
        :class:`~smotext.protocols.Decoder`.
    """

    def __init__(self, given: Any) -> None:
        self.given = given
        self.vector_dim: int | None = getattr(given, "vector_dim", None)
        self.fingerprint: str | None = getattr(given, "fingerprint", None)
        self.prompts: Sequence[str] = getattr(given, "prompts", ("",))
        self.examples: int | None = getattr(given, "examples", None)
        self.max_new_tokens = int(getattr(given, "max_new_tokens", DEFAULT_MAX_NEW_TOKENS))
        self.most_new_tokens: int | None = getattr(given, "most_new_tokens", None)

    def __getattr__(self, name: str) -> Any:
        """Return what the given object has beside the members that the method asks for."""
        if name == "given" or name.startswith("__"):
            # Copying and unpickling ask for these before the object has any attribute.
            raise AttributeError(name)
        return getattr(self.given, name)

    def decode(self, vectors: NDArray[np.float32], **options: Any) -> list[str]:
        """Return one text per vector, as the given object writes it."""
        name, texts = type(self.given).__name__, self.given.decode(vectors, **options)
        if isinstance(texts, str | bytes) or not hasattr(texts, "__len__"):
            raise InputError(f"decoder {name} returned {type(texts).__name__}: expected a list of texts")
        if len(texts) != len(vectors):
            raise InputError(
                f"decoder {name} returned {len(texts)} texts for {len(vectors)} vectors: expected one each"
            )
        if wrong := [text for text in texts if not isinstance(text, str)]:
            raise InputError(f"decoder {name} returned a text of type {type(wrong[0]).__name__}: expected str")
        return list(texts)

    def decode_rows(self, vectors: NDArray[np.float32], **options: Any) -> list[Decoded]:
        """Return one :class:`~smotext.protocols.Decoded` per vector; -1 tokens where nobody counted them."""
        if (own := getattr(self.given, "decode_rows", None)) is not None:
            return own(vectors, **options)
        return [Decoded(text, n_tokens=-1, is_finished=True) for text in self.decode(vectors, **options)]

    def count_tokens(self, texts: Sequence[str]) -> NDArray[np.int64] | None:
        """Return the number of tokens of each text, or None where the decoder counts none."""
        count = getattr(self.given, "count_tokens", None)
        return None if count is None else count(texts)
