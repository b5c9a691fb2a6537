"""Models that workers load: here they are known by what the run asks of them, and pickled as what loads them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.decoders import bridge
from smotext.decoders.prompts import count_tokens
from smotext.encoders.texts import as_texts
from smotext.encoders.tokens import TextTokenizer
from smotext.errors import RunError
from smotext.presets import PRESETS, decoder_directory, dtype_of_pair, load_decoder, load_encoder_of, load_pair
from smotext.protocols import Decoded, Decoder, Encoder
from smotext.runs.ray.workers import Workers
from smotext.utils.devices import default_dtype
from smotext.utils.hub import hub_identity


@dataclass(frozen=True)
class Placement:
    """Precision and kind of device of a model that is loaded elsewhere; a run that goes on must have the same."""

    dtype: str
    device: str


class RemoteModel:
    """A model that is loaded where it is unpickled, and here only if it is asked to work here.

    Parameters
    ----------
    load : callable
        ``load(device=...)`` returns the model.
    vector_dim : int
    fingerprint : str
        The loaded model must have the same.
    model : Placement
    """

    def __init__(self, load: Callable[..., Any], vector_dim: int, fingerprint: str, model: Placement) -> None:
        self.load = load
        self.vector_dim = vector_dim
        self.fingerprint = fingerprint
        self.model = model

    @cached_property
    def here(self) -> Any:
        """The model itself, on this machine's CPU: its GPUs are the workers'."""
        return load_same(partial(self.load, device="cpu"), self.fingerprint)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return load_same, (partial(self.load, device=self.model.device), self.fingerprint)

    def __sklearn_clone__(self) -> RemoteModel:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> RemoteModel:
        return self


@dataclass(frozen=True)
class EncoderDescription:
    """What a worker tells of an encoder; attributes as of :class:`~smotext.encoders.sentence.SentenceEncoder`."""

    vector_dim: int
    fingerprint: str
    dtype: str
    device: str
    tokens: TextTokenizer | None


class RemoteEncoder(RemoteModel):
    """An encoder that workers load; filters have it encode here.

    Parameters
    ----------
    load : callable
        ``load(device=..., dtype=...)`` returns the encoder.
    described : EncoderDescription
    """

    def __init__(self, load: Callable[..., Encoder], described: EncoderDescription) -> None:
        # The precision that one worker has chosen holds for all, whatever machines they are on.
        same = partial(load, dtype=described.dtype.removeprefix("torch."))
        super().__init__(
            same, described.vector_dim, described.fingerprint, Placement(described.dtype, described.device)
        )
        self.tokens = described.tokens

    @property
    def max_tokens(self) -> int | None:
        """Most tokens of a text that are read; None if the model tokenizes itself."""
        return None if self.tokens is None else self.tokens.max_tokens

    def count_truncated(self, texts: Sequence[str]) -> int:
        """Return how many of `texts` are longer than the model reads; 0 where it does not say."""
        return 0 if self.tokens is None else self.tokens.count_truncated(as_texts(texts))

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one vector per text, encoded in this process."""
        return self.here.encode(texts)


class RemoteDecoder(RemoteModel):
    """A bridge that workers load; here it counts tokens and says what it was trained for.

    Parameters
    ----------
    load : callable
        ``load(device=...)`` returns the decoder.
    directory : Path
        The bridge directory on this machine; no weights are read but to hash them, where it has no hub name.
    model : Placement
    """

    def __init__(self, load: Callable[..., Decoder], directory: Path, model: Placement) -> None:
        from transformers import AutoTokenizer

        fingerprint = hub_identity(directory.resolve()) or bridge.fingerprint(directory)
        super().__init__(load, bridge.read_config(directory)["retriever_hidden_size"], fingerprint, model)
        self.spec = bridge.read_spec(directory)
        self.prompts = self.spec.prompts
        self.examples = None if self.spec.examples_template is None else self.spec.examples
        self.max_new_tokens = self.spec.max_new_tokens
        # The language model's limit is not known here, where its weights are not loaded.
        self.most_new_tokens: int | None = None
        self._tokenizer = AutoTokenizer.from_pretrained(directory)

    def count_tokens(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return the number of the language model's tokens in each text, special tokens not counted."""
        return count_tokens(self._tokenizer, texts)

    def decode(self, vectors: NDArray[np.float32], **options: Any) -> list[str]:
        """Return one text per vector, decoded in this process."""
        return self.here.decode(vectors, **options)

    def decode_rows(self, vectors: NDArray[np.float32], **options: Any) -> list[Decoded]:
        """Return one :class:`~smotext.protocols.Decoded` per vector, decoded in this process."""
        return self.here.decode_rows(vectors, **options)


def load_same(load: Callable[[], Any], fingerprint: str) -> Any:
    """Return the loaded model, or raise RunError if it is another one than where the run was started."""
    model = load()
    if model.fingerprint != fingerprint:
        raise RunError(
            f"the {type(model).__name__} is {model.fingerprint} here, and {fingerprint} where the run was started: put "
            "the same files on every machine, or choose a dtype=",
            options=["dtype"],
        )
    return model


def describe_encoder(load: Callable[[], Any]) -> EncoderDescription:
    """Return what there is to know of an encoder, by loading it."""
    encoder = load()
    return EncoderDescription(
        encoder.vector_dim, encoder.fingerprint, str(encoder.dtype), encoder.device.type, encoder.tokens
    )


def remote_pair(model: str, workers: Workers, *, dtype: str | None = None) -> tuple[Encoder, Decoder]:
    """Return the pair of a preset or bridge for workers to load; what needs no weights is loaded here.

    Parameters
    ----------
    model : str
        A preset, or the path or hub name of a bridge. A path must hold the same on every machine.
    workers : Workers
        One of them says what the encoder is.
    dtype : str, optional
        As for :func:`smotext.load_encoder` and :func:`smotext.load_decoder`.
    """
    if Path(model).expanduser().is_dir():
        # Workers have working directories of their own, in which a relative path means something else.
        model = str(Path(model).expanduser().resolve())
    elif model in PRESETS and PRESETS[model].decoder == "echo":
        return load_pair(model)
    decoder_dtype = dtype or default_dtype(workers.device)
    decoder = RemoteDecoder(
        partial(load_decoder, model, dtype=decoder_dtype),
        decoder_directory(model),
        Placement(f"torch.{decoder_dtype}", workers.device),
    )
    load = partial(load_encoder_of, model, decoder.spec)
    encoder_dtype = dtype_of_pair(model, workers.device, dtype)
    described = workers.ask(describe_encoder, partial(load, device=workers.device, dtype=encoder_dtype))
    return RemoteEncoder(load, described), decoder
