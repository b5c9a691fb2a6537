"""The encoder side of a bridge: loaded in the conventions that are trained on, which are those of decoding."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from smotext.decoders.bridge import BridgeSpec
from smotext.errors import InputError
from smotext.presets import MINILM, load_encoder_of
from smotext.utils.caching import sha256_of


def load_training_encoder(spec: BridgeSpec, *, bridge: str = "", device: str | None = None) -> tuple[Any, BridgeSpec]:
    """Return the encoder of a bridge to be, as decoding will load it, and the spec with what the encoder is.

    Parameters
    ----------
    spec : BridgeSpec
        Encoder, scale, and, unless they are the model's own, pooling and number of tokens.
    bridge : str
        The preset or bridge gone on from; decides where the spec names no encoder.
    device : str or None
        None: the best there is.

    Returns
    -------
    encoder : Encoder
    spec : BridgeSpec
        With the pooling, number of tokens and, where the weights are one file on this machine, hash of the
        encoder that was loaded. One without a name is left without.

    Raises
    ------
    InputError
        If the encoder is a directory with a language model in it, or neither `spec` nor `bridge` names one.
    """
    if spec.encoder is None:
        return load_encoder_of(bridge, spec, device=device), spec
    _check_is_encoder(Path(spec.encoder))
    # The spec alone says which: the bridge may name another encoder.
    encoder: Any = load_encoder_of("", spec, device=device)
    pooling = spec.pooling or _pooling(encoder.model)
    sha256 = _weights_hash(encoder) or spec.encoder_sha256
    return encoder, replace(spec, encoder_sha256=sha256, pooling=pooling, encoder_max_tokens=encoder.max_tokens)


def with_encoder(spec: BridgeSpec, name: str | None) -> BridgeSpec:
    """Return the spec for another encoder, None being one without a name; the scale of the vectors stays.

    A directory is named by its absolute path.

    Examples
    --------
    >>> spec = with_encoder(BridgeSpec(encoder="a/b", pooling="cls", vector_norm="unit"), "tiny")
    >>> spec.encoder, spec.pooling, spec.vector_norm
    ('sentence-transformers/all-MiniLM-L6-v2', None, 'unit')

    What is the spec's own encoder already keeps its conventions:

    >>> with_encoder(BridgeSpec(encoder="a/b", pooling="cls"), "a/b").pooling
    'cls'
    """
    name = None if name is None else _absolute(MINILM if name == "tiny" else name)
    if name is not None and spec.encoder is not None and Path(name) == Path(_absolute(spec.encoder)):
        return replace(spec, encoder=name)
    return replace(
        spec, encoder=name, encoder_revision=None, encoder_sha256=None, pooling=None, encoder_max_tokens=None
    )


def _absolute(name: str) -> str:
    """Return the absolute path of a directory, since bridges are used elsewhere than trained; else the name."""
    return os.path.abspath(name) if Path(name).is_dir() else name


def _weights_hash(encoder: Any) -> str | None:
    """Return the SHA-256 of the encoder's weights if they are one file in a directory."""
    weights = Path(encoder.settings.name) / "model.safetensors"
    return sha256_of(weights) if weights.is_file() else None


def _pooling(model: Any) -> str | None:
    from sentence_transformers.sentence_transformer.modules import Pooling

    modes = [module.pooling_mode for module in model if isinstance(module, Pooling)]
    return modes[0] if len(modes) == 1 and isinstance(modes[0], str) else None


def _check_is_encoder(directory: Path) -> None:
    config = directory / "config.json"
    if (directory / "modules.json").exists() or not config.is_file():
        return
    if 'ForCausalLM"' in config.read_text(encoding="utf-8"):
        raise InputError(f"{directory} is a causal language model, not an encoder: did you swap encoder and LM?")
