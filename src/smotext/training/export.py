"""From a trained pair to a bridge directory: small bfloat16 shards, smotext.json, and a card that tells all."""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from smotext.decoders.alignment import ALIGNMENT_NAME, write_alignment
from smotext.decoders.bridge import GUIDANCE_PREFIX, INDEX_NAME, SPEC_NAME
from smotext.decoders.projector import PREFIX
from smotext.decoders.quiet_loading import quiet_loading
from smotext.errors import InputError
from smotext.presets import is_bridge
from smotext.training.models.lora import write_adapter
from smotext.training.models.pair import Pair
from smotext.utils.files import temporary_name

_CONFIG = "config.json"
# The number format of weights on disk.
_DTYPE = torch.bfloat16
# Package indexes and git hosts take files under 16 MB without complaint.
_SHARD = "15MB"


@dataclass(frozen=True)
class Card:
    """What a bridge's README.md says.

    Attributes
    ----------
    title : str
        First line.
    about : dict of str to str
        Facts, a line each: encoder, language model, steps, tokens, seed, ...
    data : list of tuple
        (name, what it is, licence) of each part of the corpus.
    scores : dict of str to dict
        Columns of the score table: a name to measure-value pairs.
    command : str
        What made it.
    notes : list of str
        Paragraphs at the end.
    license : str
        Of the weights.
    """

    title: str
    about: dict[str, str] = field(default_factory=dict)
    data: list[tuple[str, str, str]] = field(default_factory=list)
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    command: str = ""
    notes: list[str] = field(default_factory=list)
    license: str = "see the data below"

    def to_markdown(self) -> str:
        """Return the card's text."""
        lines = [f"# {self.title}", "", *(f"* **{name}**: {value}" for name, value in self.about.items())]
        lines += [f"* **licence of the weights**: {self.license}", ""]
        if self.data:
            lines += ["## Data", "", "| part | what | licence |", "|---|---|---|"]
            lines += [f"| {' | '.join(row)} |" for row in self.data] + [""]
        if self.scores:
            lines += ["## Scores on held-out passages", "", *score_table(self.scores), ""]
        if self.command:
            lines += ["## Command", "", "```", self.command, "```", ""]
        return "\n".join([*lines, *(line for note in self.notes for line in (note, ""))]).rstrip() + "\n"


def score_table(columns: dict[str, dict[str, float]]) -> list[str]:
    """Return the lines of a Markdown table with one column a model.

    Examples
    --------
    >>> score_table({"old": {"cosine": 0.25}, "new": {"cosine": 0.5}})
    ['| measure | old | new |', '|---|---|---|', '| cosine | 0.250 | 0.500 |']
    """
    measures = list(dict.fromkeys(name for column in columns.values() for name in column))
    lines = [f"| measure | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name in measures:
        values = [f"{column[name]:.3f}" if name in column else "" for column in columns.values()]
        lines.append(f"| {name} | {' | '.join(values)} |")
    return lines


def check_bridge_output(directory: str | Path) -> None:
    """Raise InputError if a bridge written to `directory` would come among files that are none of a bridge's.

    Where ``DIRECTORY.run`` is, a run has begun to write there.
    """
    path = Path(directory)
    if path.exists() and not path.is_dir():
        raise InputError(f"{path} is a file: expected the directory of a bridge, to be made")
    if path.is_dir() and any(path.iterdir()) and not is_bridge(path) and not Path(f"{directory}.run").exists():
        raise InputError(f"{path} holds other files and no bridge: choose another directory for the output")


def export_bridge(
    pair: Pair,
    directory: str | Path,
    *,
    card: Card,
) -> Path:
    """Write a bridge directory that :func:`smotext.load_decoder` reads, and return its path.

    Parameters
    ----------
    pair : Pair
        In float32; not changed. Where its spec names a base, LoRA layers are written beside the projector as an
        adapter, else they are merged into the weights.
    directory : path
        Made if it is not there. Weights go to shards under 16 MB where no single tensor is larger. A bridge in it
        is replaced, and what is no part of one stays. Whatever happens meanwhile, it never holds half a bridge:
        it lacks its config.json until all else is there.
    card : Card
        For README.md.
    """
    with staged(directory) as staging:
        _write(pair, staging, card)
    return Path(directory)


@contextmanager
def staged(directory: str | Path) -> Iterator[Path]:
    """Give a folder to write a bridge into, which replaces the one in `directory` when the block has ended well."""
    target = Path(os.path.realpath(directory))
    staging = temporary_name(target)
    # A killed process may have left this.
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        yield staging
        _put_in_place(staging, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def with_spec(pair: Pair, **changes: Any) -> Pair:
    """Return the pair with some entries of its spec replaced."""
    return dataclasses.replace(pair, spec=dataclasses.replace(pair.spec, **changes))


def _write(pair: Pair, directory: Path, card: Card) -> None:
    if pair.spec.base is None:
        weight_map = _write_language_model(pair, directory)
    else:
        _write_config(pair.lm, pair, directory)
        weight_map = write_adapter(pair.lm, pair.spec.base, directory)
    pair.tokenizer.save_pretrained(directory)
    weight_map |= _write_shard(directory, "projector.safetensors", PREFIX, pair.projector)
    if pair.guidance is not None:
        weight_map |= _write_shard(directory, "guidance.safetensors", GUIDANCE_PREFIX, pair.guidance)
    if pair.spec.base is None:
        _write_index(directory, weight_map)
    if pair.alignment is not None:
        write_alignment(pair.alignment, directory)
        weight_map[ALIGNMENT_NAME] = ALIGNMENT_NAME
    (directory / SPEC_NAME).write_text(pair.spec.to_json(), encoding="utf-8")
    (directory / "README.md").write_text(card.to_markdown(), encoding="utf-8")
    let_others_read(directory, set(weight_map.values()))


def let_others_read(directory: Path, names: Iterable[str]) -> None:
    """Give weight files the permissions of the others: safetensors writes for the owner alone, whatever the umask."""
    for name in names:
        (directory / name).chmod((directory / SPEC_NAME).stat().st_mode & 0o777)


def _write_language_model(pair: Pair, directory: Path) -> dict[str, str]:
    """Write the language model itself; return which file holds which tensor."""
    lm = _merged(pair.lm).to(_DTYPE)
    for key, value in pair.projector.config.items():
        setattr(lm.config, key, value)
    with quiet_loading():
        lm.save_pretrained(directory, max_shard_size=_SHARD)
    return _read_weight_map(directory)


def _write_config(lm: Any, pair: Pair, directory: Path) -> None:
    """Write what says of the language model how to build it, without its weights."""
    config = copy.deepcopy(lm.config)
    for key, value in pair.projector.config.items():
        setattr(config, key, value)
    config.save_pretrained(directory)
    if getattr(lm, "generation_config", None) is not None:
        lm.generation_config.save_pretrained(directory)


def _put_in_place(staging: Path, directory: Path) -> None:
    """Move a bridge into a directory, which is no bridge meanwhile: config.json goes first and comes last."""
    if not directory.exists():
        staging.replace(directory)
        return
    files = [path.relative_to(staging) for path in staging.rglob("*") if path.is_file()]
    (directory / _CONFIG).unlink(missing_ok=True)
    for name in _shards(directory) - {path.name for path in files}:
        (directory / name).unlink(missing_ok=True)
    for path in sorted(files, key=lambda path: path.name == _CONFIG):
        (directory / path).parent.mkdir(exist_ok=True)
        (staging / path).replace(directory / path)


def _shards(directory: Path) -> set[str]:
    """Return the names of the weight files of a bridge that may be there."""
    # transformers prefers a single file to an index.
    index, single = directory / INDEX_NAME, "model.safetensors"
    if not index.is_file():
        return {single, ALIGNMENT_NAME}
    weight_map = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
    return {single, ALIGNMENT_NAME, *(Path(name).name for name in weight_map.values())}


def _merged(lm: Any) -> Any:
    """Return a copy of the language model on the CPU, without LoRA layers if it had some."""
    device = next(lm.parameters()).device
    # On the CPU: a GPU may not hold two copies.
    copied = copy.deepcopy(lm.to("cpu"))
    lm.to(device)
    return copied.merge_and_unload() if hasattr(copied, "merge_and_unload") else copied


def _read_weight_map(directory: Path) -> dict[str, str]:
    from safetensors import safe_open

    index = directory / INDEX_NAME
    if index.is_file():
        return json.loads(index.read_text(encoding="utf-8"))["weight_map"]
    with safe_open(directory / "model.safetensors", framework="pt") as file:
        return dict.fromkeys(file.keys(), "model.safetensors")


def _write_shard(directory: Path, name: str, prefix: str, module: nn.Module) -> dict[str, str]:
    from safetensors.torch import save_file

    tensors = {f"{prefix}{key}": value.to("cpu", _DTYPE).contiguous() for key, value in module.state_dict().items()}
    save_file(tensors, directory / name, metadata={"format": "pt"})
    return dict.fromkeys(tensors, name)


def _write_index(directory: Path, weight_map: dict[str, str]) -> None:
    total = sum((directory / name).stat().st_size for name in set(weight_map.values()))
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))}
    (directory / INDEX_NAME).write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
