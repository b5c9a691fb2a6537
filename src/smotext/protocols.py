"""What the method asks of encoders and decoders: any object that has these methods will do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


@runtime_checkable
class Encoder(Protocol):
    """Anything that turns texts into vectors.

    An optional attribute ``fingerprint`` (str) lets vectors be cached on disk. A caller's own encoder may do without
    ``vector_dim``: it is then found by encoding a word.
    """

    vector_dim: int

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one vector per text: float32 of shape (n_texts, vector_dim)."""
        ...


@runtime_checkable
class Decoder(Protocol):
    """Anything that turns vectors into texts.

    Optional: ``decode_rows`` (as ``decode``, but one :class:`Decoded` per row), ``count_tokens(texts)``,
    ``max_new_tokens`` (the longest trained output), ``prompts``, ``fingerprint``, and ``examples`` (how many texts a
    prompt shows unless the caller says; a decoder that has it takes ``decode(..., examples=)``, a list of texts a row).
    """

    vector_dim: int

    @property
    def decode(self) -> Callable[..., list[str]]:
        """Return one text per vector: ``decode(vectors, *, prompt=0, max_new_tokens=128, ...)``."""
        ...


class LoadedFrom(Protocol):
    """Where a loaded model came from: all that a pickle of it holds, so that no fold or worker copies weights."""

    @property
    def name(self) -> str:
        """Path or hub name."""
        ...

    def load(self) -> Any:
        """Return the same model again, in this process or another."""
        ...


@dataclass(frozen=True, slots=True)
class Decoded:
    """One decoded text as it left the language model.

    Attributes
    ----------
    text : str
        Raw text, special tokens removed.
    n_tokens : int
        New tokens, the end token not counted.
    is_finished : bool
        True if the model ended the text itself; False if it was stopped by the token limit.
    """

    text: str
    n_tokens: int
    is_finished: bool
