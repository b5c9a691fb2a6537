"""Checkpoints that are there whole or not at all, and the run's diary."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from smotext.errors import RunError
from smotext.utils.files import atomic_write

_NAME, _METRICS = "checkpoint.pt", "metrics.jsonl"


def make_training_directory(output: str | Path) -> Path:
    """Return ``OUTPUT.run``, made if it is not there: its owner's alone, since the texts in it can be private."""
    directory = Path(f"{output}.run")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


def save_checkpoint(directory: Path, state: dict[str, Any]) -> None:
    """Write the run's state over the older one; the older one stays if that fails.

    Raises
    ------
    RunError
        If it cannot be written, for one because the disk is full.
    """
    try:
        with atomic_write(directory / _NAME, mode=0o600) as file:
            torch.save(state, file)
    except OSError as error:
        kept = "the checkpoint before it is kept" if (directory / _NAME).exists() else "there is none before it"
        raise RunError(
            f"no checkpoint could be written in {directory} ({error}); {kept}: make room and resume"
        ) from error


def load_checkpoint(directory: Path) -> dict[str, Any] | None:
    """Return the state last saved in `directory`, or None."""
    path = directory / _NAME
    if not path.is_file():
        return None
    return torch.load(path, map_location="cpu", weights_only=True)


class Diary:
    """``metrics.jsonl``: a line a report, cut back to the checkpoint when a run is resumed."""

    def __init__(self, directory: Path, resumed_at: int) -> None:
        self._path = directory / _METRICS
        entries = read_metrics(directory) if resumed_at else []
        kept = [entry for entry in entries if entry["step"] <= resumed_at]
        self._path.write_text("".join(json.dumps(entry) + "\n" for entry in kept), encoding="utf-8")

    def write(self, entry: dict[str, Any]) -> None:
        """Append an entry."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")


def read_metrics(directory: str | Path) -> list[dict[str, Any]]:
    """Return the entries of a run's ``metrics.jsonl``; a last line that was cut off is left out."""
    path = Path(directory) / _METRICS
    if not path.is_file():
        return []
    entries = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            entries.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return entries
