"""The encoder side of a bridge: load it in the scale that is trained on, and say what it was."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from smotext.encoders.bundled import find_minilm
from smotext.encoders.loading import load_sentence_encoder
from smotext.encoders.store import sha256_of
from smotext.errors import InputError
from smotext.presets import MINILM


@dataclass(frozen=True)
class EncoderFacts:
    """What ``smotext.json`` says of an encoder; None where it is not known.

    Attributes
    ----------
    name : str or None
        Hub name or path.
    sha256 : str or None
        Of its one weights file.
    pooling : str or None
        ``"mean"``, ``"cls"``, ``"lasttoken"``, ...
    max_tokens : int or None
        Where it cuts a text.
    """

    name: str | None = None
    sha256: str | None = None
    pooling: str | None = None
    max_tokens: int | None = None


def load_training_encoder(
    name: str, *, norm: Literal["unit", "raw"], device: str | None = None
) -> tuple[Any, EncoderFacts]:
    """Return a sentence-transformers encoder and its facts.

    Parameters
    ----------
    name : str
        Hub name or path; ``"tiny"`` is the bundled bridge's all-MiniLM-L6-v2.
    norm : {"unit", "raw"}
        ``"raw"`` takes away a Normalize module that the model ends with.
    device : str or None
        None: the best there is.

    Raises
    ------
    InputError
        If `name` is a directory with a language model in it.
    """
    name = MINILM if name == "tiny" else name
    _check_is_encoder(Path(name))
    place = find_minilm() if name == MINILM and not Path(name).is_dir() else Path(name)
    encoder = load_sentence_encoder(str(place), device=device, normalize=norm == "unit")
    weights = place / "model.safetensors"
    sha256 = sha256_of(weights) if weights.is_file() else None
    return encoder, EncoderFacts(name, sha256, _pooling(encoder.model), encoder.max_tokens)


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
