"""Where a preset's files are on this machine, whether they are what they should be, and how they get here."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

from smotext.errors import ModelNotFoundError, unknown_name
from smotext.presets import MINILM, PRESETS, assets, bundled_bridge, decoder_directory, is_bridge

if TYPE_CHECKING:
    from smotext.decoders.base_model import BaseReference
    from smotext.decoders.checkpoint_check import Finding


def locate_preset(name: str) -> dict[str, Path | None]:
    """Return the directories of a preset's ``"encoder"`` and ``"decoder"`` on this machine; asks no network.

    None stands for what is not downloaded, or needs no files.
    """
    preset = PRESETS[name]
    return {
        "encoder": _on_this_machine(preset.encoder, preset.encoder_revision),
        "decoder": _on_this_machine(preset.decoder, preset.decoder_revision),
    }


def locate_base(directory: Path) -> tuple[BaseReference, Path | None] | None:
    """Return the language model that a bridge names, and its file on this machine if there is one; asks no network.

    None stands for a bridge that holds its language model.
    """
    from smotext.decoders.base_model import find_base
    from smotext.decoders.bridge import read_spec

    base = read_spec(directory).base
    if base is None:
        return None
    try:
        return base, find_base(base, directory, asks_hub=False)
    except ModelNotFoundError:
        return base, None


def get_model(name: str) -> dict[str, Path]:
    """Return where the files of a preset or of a bridge directory are, after fetching from the hub what is not here.

    Returns
    -------
    dict of str to Path
        ``"encoder"`` (of a preset), ``"decoder"``, and ``"language model"`` where the bridge names one; nothing for
        a preset that needs no files.

    Raises
    ------
    UnknownNameError
        If the name is neither.
    ModelNotFoundError
        If something is not here and the hub does not give it.
    """
    from smotext.decoders.base_model import find_base
    from smotext.decoders.bridge import read_spec
    from smotext.utils.hub import resolve_directory

    found = {}
    if is_bridge(Path(name)):
        found["decoder"] = Path(name)
    elif name not in PRESETS:
        raise unknown_name("preset to get", name, PRESETS)
    elif PRESETS[name].decoder == "echo":
        return {}
    else:
        preset = PRESETS[name]
        here = _on_this_machine(preset.encoder, preset.encoder_revision) if preset.encoder == MINILM else None
        found["encoder"] = here or resolve_directory(preset.encoder, revision=preset.encoder_revision)
        found["decoder"] = decoder_directory(name)
    if (base := read_spec(found["decoder"]).base) is not None:
        found["language model"] = find_base(base, found["decoder"])
    return found


def check_preset(name: str) -> list[Finding]:
    """Return what holds of the files of a preset, or of a bridge directory; decodes nothing and asks no network.

    Those of the hub are compared with the facts shipped in ``assets/NAME.json``.

    Raises
    ------
    UnknownNameError
        If the name is neither a preset with files nor a bridge directory.
    ModelNotFoundError
        If its files are not on this machine; the message says how to get them.
    """
    from smotext.decoders.checkpoint_check import check_bridge, check_checkpoint

    if is_bridge(Path(name)):
        return check_bridge(Path(name))
    bundled = [preset for preset in PRESETS if PRESETS[preset].decoder == "bundled"]
    if name in bundled:
        return _of_role("encoder", _check_minilm()) + _of_role("decoder", check_bridge(bundled_bridge()))
    checkable = [path.stem for path in assets().glob("*.json")]
    if name not in checkable:
        raise unknown_name("preset to check", name, sorted([*bundled, *checkable]))
    facts = json.loads((assets() / f"{name}.json").read_text(encoding="utf-8"))
    found = []
    for role, directory in locate_preset(name).items():
        if directory is None:
            model = getattr(PRESETS[name], role)
            raise ModelNotFoundError(f"{role} {model!r} is not on this machine: run `hf download {model}`")
        found += _of_role(role, check_checkpoint(directory, facts[role]))
    return found


def _of_role(role: str, findings: list[Finding]) -> list[Finding]:
    return [dataclasses.replace(finding, what=f"{role}: {finding.what}") for finding in findings]


def _check_minilm() -> list[Finding]:
    from smotext.decoders.checkpoint_check import check_file
    from smotext.encoders.minilm import WEIGHTS_SHA256, find_minilm

    return [check_file(find_minilm() / "model.safetensors", WEIGHTS_SHA256)]


def _on_this_machine(model: str, revision: str | None) -> Path | None:
    if model == "bundled":
        return bundled_bridge()
    if model == MINILM:
        from smotext.encoders.minilm import find_minilm

        return find_minilm()
    if "/" not in model:
        return None
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(model, revision=revision, local_files_only=True))
    except LocalEntryNotFoundError:
        return None
