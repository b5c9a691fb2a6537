"""What the method asks of encoders and decoders: any object that has these methods will do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Encoder(Protocol):
    """Turns texts into vectors.

    A caller's own encoder needs ``encode`` alone: :func:`~smotext.encoders.adapted.as_encoder` fills in the rest.
    """

    @property
    def vector_dim(self) -> int:
        """Length of the vectors."""
        ...

    @property
    def fingerprint(self) -> str | None:
        """A string that changes whenever the vectors would; with it they are cached on disk. None: they are not."""
        ...

    @property
    def max_tokens(self) -> int | None:
        """Most tokens of a text that are read; None where there is no limit, or it is not known."""
        ...

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one vector per text: float32 of shape (n_texts, vector_dim)."""
        ...

    def count_truncated(self, texts: Sequence[str]) -> int:
        """Return how many texts are longer than what is read."""
        ...


class Decoder(Protocol):
    """Turns vectors into texts.

    A caller's own decoder needs ``decode`` alone: :func:`~smotext.decoders.adapted.as_decoder` fills in the rest.
    """

    @property
    def vector_dim(self) -> int | None:
        """Width of the vectors that it takes; None where it does not say."""
        ...

    @property
    def fingerprint(self) -> str | None:
        """A string that changes whenever the texts would."""
        ...

    @property
    def prompts(self) -> Sequence[str]:
        """The numbered prompts that show no texts."""
        ...

    @property
    def examples(self) -> int | None:
        """How many texts a prompt shows unless the caller says. None: it takes no option ``examples``."""
        ...

    @property
    def max_new_tokens(self) -> int:
        """The longest output that it was trained for."""
        ...

    @property
    def most_new_tokens(self) -> int | None:
        """The longest output that it can write; None where there is no limit, or it is not known."""
        ...

    @property
    def decode(self) -> Callable[..., list[str]]:
        """Return one text per vector: ``decode(vectors, *, prompt=0, max_new_tokens=128, ...)``."""
        ...

    @property
    def decode_rows(self) -> Callable[..., list[Decoded]]:
        """Return one :class:`Decoded` per vector; parameters as of ``decode``."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> NDArray[np.int64] | None:
        """Return the number of tokens of each text, or None where they are not counted."""
        ...


def has_members(model: Any, protocol: type) -> bool:
    """Return whether an object has every member of a protocol; none of them is computed to find out.

    Examples
    --------
    >>> has_members("text", Encoder)
    False
    """
    names = [name for name in vars(protocol) if not name.startswith("_")]
    found = {*getattr(model, "__dict__", {}), *(name for kind in type(model).__mro__ for name in vars(kind))}
    return found.issuperset(names)


def class_name(model: Encoder | Decoder) -> str:
    """Return the name of the model's class, of the caller's own where it was adapted."""
    return type(getattr(model, "given", model)).__name__


def name_of(model: Encoder | Decoder) -> str:
    """Return the model's fingerprint, or the name of its class where it has none."""
    return model.fingerprint or class_name(model)


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
