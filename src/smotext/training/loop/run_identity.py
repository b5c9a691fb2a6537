"""What a run's result depends on: a run is resumed by the same alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from smotext.decoders.bridge import fingerprint
from smotext.training.models.pair import Pair
from smotext.training.training_settings import TrainingSettings
from smotext.utils.hub import hub_identity
from smotext.utils.seeding import stable_hash

# Of the spec; others decide no weight.
_CONVENTIONS = (
    "chat_template", "prompts", "text_template", "examples_template", "vector_norm", "trained_guidance",
)  # fmt: skip


def models_identity(encoder: Any, bridge: Path | None) -> dict[str, str | None]:
    """Return fingerprints of the encoder and of the bridge directory gone on from, None being a new bridge."""
    found = None if bridge is None else hub_identity(bridge.resolve()) or fingerprint(bridge)
    return {"encoder": str(getattr(encoder, "fingerprint", type(encoder).__name__)), "bridge": found}


def texts_identity(texts: Sequence[str]) -> str:
    """Return a hash of the texts and their order.

    Examples
    --------
    >>> texts_identity(["a", "b"]) == texts_identity(["b", "a"])
    False
    """
    return f"{len(texts)} texts, {stable_hash(*texts):016x}"


def run_identity(pair: Pair, settings: TrainingSettings, store: Any) -> dict[str, Any]:
    """Return settings, conventions between encoder and language model, and what the store was made of."""
    # Stage 3 samples texts with the guidance head.
    names = (*_CONVENTIONS, "guidance", "guidance_alone") if settings.stage == 3 else _CONVENTIONS
    return {
        **settings.to_dict(),
        **{name: getattr(pair.spec, name) for name in names},
        **pair.projector.config,
        "store": store,
    }
