"""Sentence encoders by path or hub name, loaded once per process."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from smotext.encoders.precision import choose_device, choose_dtype
from smotext.encoders.sentence import SentenceEncoder
from smotext.errors import InputError, ModelNotFoundError
from smotext.utils.hub import LoadedOnce, Located, how_to_get, locate, pickled_weights


@dataclass(frozen=True)
class SentenceSettings:
    """What it takes to load a :class:`SentenceEncoder` again, every choice made.

    The attributes are the parameters of :func:`load_sentence_encoder`.
    """

    name: str
    device: str
    dtype: str
    revision: str | None = None
    trust_remote_code: bool = False
    normalize: bool | None = None
    pooling: str | None = None
    max_tokens: int | None = None
    require_eos: bool = False

    def load(self) -> SentenceEncoder:
        """Return the encoder of these settings."""
        options = asdict(self)
        return load_sentence_encoder(options.pop("name"), **options)


_loaded: LoadedOnce[SentenceEncoder] = LoadedOnce()


def load_sentence_encoder(
    path_or_name: str | Path,
    *,
    device: str | torch.device | None = None,
    dtype: str | torch.dtype | None = None,
    revision: str | None = None,
    trust_remote_code: bool = False,
    normalize: bool | None = None,
    pooling: str | None = None,
    max_tokens: int | None = None,
    require_eos: bool = False,
) -> SentenceEncoder:
    """Return the encoder of a sentence-transformers model: one per process and options, until its files change.

    Parameters
    ----------
    path_or_name : str or Path
        A directory, which comes first, or a name on the Hugging Face hub.
    device : str, torch.device or None
        None: cuda, mps or cpu, the first that is there.
    dtype : {"float32", "bfloat16", "float16"}, torch.dtype or None
        Number format of the weights. None: bfloat16 on GPUs, and on CPUs where it was measured to be clearly
        faster; otherwise float32. The vectors are float32 in any case.
    revision : str or None
        Commit, branch or tag on the hub.
    trust_remote_code : bool
        Let the model run code from its repository.
    normalize, pooling, max_tokens, require_eos
        As in :class:`~smotext.encoders.sentence.SentenceEncoder`.

    Raises
    ------
    ModelNotFoundError
        If the model is neither a directory nor cached, and the hub cannot be reached; or if what is there
        is no model.
    InputError
        If an option is unknown or does not fit the model, or the model's weights are pickled.
    """
    place = choose_device(device)
    weights = choose_dtype(dtype, place)
    found = locate(path_or_name, revision)
    settings = SentenceSettings(
        name=found.name,
        device=str(place),
        dtype=str(weights).removeprefix("torch."),
        revision=revision,
        trust_remote_code=trust_remote_code,
        normalize=normalize,
        pooling=pooling,
        max_tokens=max_tokens,
        require_eos=require_eos,
    )
    return _loaded.get(settings, found.name, lambda: _make(found, settings, weights))


def _make(found: Located, settings: SentenceSettings, weights: torch.dtype) -> SentenceEncoder:
    return SentenceEncoder(
        _load_model(found, settings, weights),
        normalize=settings.normalize,
        pooling=settings.pooling,
        max_tokens=settings.max_tokens,
        require_eos=settings.require_eos,
        settings=settings,
    )


def _load_model(found: Located, settings: SentenceSettings, dtype: torch.dtype) -> Any:
    from sentence_transformers import SentenceTransformer

    if pickled := pickled_weights(found, settings.revision):
        raise InputError(
            f"encoder {found.name!r} holds pickled weights ({pickled[0]}), which are never read: such a file can run "
            "anything; convert them to safetensors first, or name another model"
        )
    try:
        with _no_progress_bar():
            return SentenceTransformer(
                found.name,
                device=settings.device,
                revision=settings.revision,
                trust_remote_code=settings.trust_remote_code,
                local_files_only=found.is_local,
                model_kwargs={"dtype": dtype, "use_safetensors": True},
            )
    except (OSError, ValueError) as error:
        raise ModelNotFoundError(
            f"{found.name!r} cannot be loaded as a sentence-transformers model ({error}): "
            f"{how_to_get(found.name, settings.revision)}"
        ) from error


@contextlib.contextmanager
def _no_progress_bar() -> Iterator[None]:
    """Silence transformers' bar over a model's tensors: it is drawn for fractions of a second."""
    from transformers.utils import logging

    was_on = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_on:
            logging.enable_progress_bar()
