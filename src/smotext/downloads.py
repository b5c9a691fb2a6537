"""Where a preset's files are on this machine, and whether they are what they should be; asks no network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from smotext.errors import ModelNotFoundError, unknown_name
from smotext.presets import MINILM, PRESETS, assets, bundled_bridge

if TYPE_CHECKING:
    from smotext.decoders.facts import Finding


def locate_preset(name: str) -> dict[str, Path | None]:
    """Return the directories of a preset's ``"encoder"`` and ``"decoder"`` on this machine; asks no network.

    None stands for what is not downloaded, or needs no files.
    """
    preset = PRESETS[name]
    return {
        "encoder": _on_this_machine(preset.encoder, preset.encoder_revision),
        "decoder": _on_this_machine(preset.decoder, preset.decoder_revision),
    }


def check_preset(name: str) -> list[Finding]:
    """Return what holds of a preset's files, against the facts shipped in ``assets/NAME.json``; decodes nothing.

    Raises
    ------
    UnknownNameError
        If there are no facts for the preset.
    ModelNotFoundError
        If its files are not on this machine; the message says how to get them.
    """
    from smotext.decoders.facts import Finding, check_checkpoint

    checkable = [path.stem for path in assets().glob("*.json")]
    if name not in checkable:
        raise unknown_name("preset to check", name, sorted(checkable))
    facts = json.loads((assets() / f"{name}.json").read_text(encoding="utf-8"))
    found = []
    for role, directory in locate_preset(name).items():
        if directory is None:
            model = getattr(PRESETS[name], role)
            raise ModelNotFoundError(f"{role} {model!r} is not on this machine: run `hf download {model}`")
        found += [
            Finding(f"{role}: {finding.what}", finding.expected, finding.given)
            for finding in check_checkpoint(directory, facts[role])
        ]
    return found


def _on_this_machine(model: str, revision: str | None) -> Path | None:
    if model == "bundled":
        return bundled_bridge()
    if model == MINILM:
        from smotext.encoders.bundled import find_minilm

        return find_minilm()
    if "/" not in model:
        return None
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(model, revision=revision, local_files_only=True))
    except LocalEntryNotFoundError:
        return None
