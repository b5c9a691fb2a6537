"""SMOTE for text: mix two texts of a class in embedding space, and let a language model write the result."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smotext.decoders.echo import EchoDecoder
    from smotext.encoders.hashing import HashEncoder
    from smotext.fitting.classifier import SMOTExTClassifier
    from smotext.interpolation import Synthetic, interpolate
    from smotext.presets import load_decoder, load_encoder
    from smotext.sampler import SMOTExT
    from smotext.training.align import align

__version__ = "0.1.0"

__all__ = [
    "EchoDecoder",
    "HashEncoder",
    "SMOTExT",
    "SMOTExTClassifier",
    "Synthetic",
    "align",
    "interpolate",
    "load_decoder",
    "load_encoder",
]

_HOMES = {
    "EchoDecoder": "smotext.decoders.echo",
    "HashEncoder": "smotext.encoders.hashing",
    "SMOTExT": "smotext.sampler",
    "SMOTExTClassifier": "smotext.fitting.classifier",
    "Synthetic": "smotext.interpolation",
    "align": "smotext.training.align",
    "interpolate": "smotext.interpolation",
    "load_decoder": "smotext.presets",
    "load_encoder": "smotext.presets",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562), so that `import smotext` is quick."""
    if name not in _HOMES:
        raise AttributeError(f"module 'smotext' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
