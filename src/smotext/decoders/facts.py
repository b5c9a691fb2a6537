"""Whether a downloaded checkpoint is what its preset expects: names and shapes, without loading a weight."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from smotext.decoders.bridge import read_config, weight_files


@dataclass(frozen=True)
class Finding:
    """One fact that was looked at.

    Attributes
    ----------
    what : str
        The fact.
    expected, given : str
        What it should be, and what it is.
    """

    what: str
    expected: str
    given: str

    @property
    def is_ok(self) -> bool:
        """True if the fact holds."""
        return self.expected == self.given


def check_checkpoint(directory: Path, facts: Mapping[str, Any]) -> list[Finding]:
    """Return what was found of a checkpoint's config, tensors and tokenizer.

    Parameters
    ----------
    directory : Path
        Config, safetensors (headers alone are read) and tokenizer.json.
    facts : mapping
        ``config``: values; ``tensors``: names with ``{layer}`` and ``{expert}``, and shapes in which
        ``"vocab_size"`` stands for the config's; ``n_layers``, ``n_experts``; ``tokenizer``:
        ``special_tokens`` with their ids, and the ``placeholder`` if it has one.

    Raises
    ------
    BridgeError
        If there is no config.json or no safetensors.
    """
    config = read_config(directory)
    findings = [Finding(f"config {key}", str(value), str(config.get(key))) for key, value in facts["config"].items()]
    return [*findings, *_check_tensors(directory, facts, config), *_check_tokenizer(directory, facts["tokenizer"])]


def expected_tensors(facts: Mapping[str, Any], vocab_size: int) -> dict[str, tuple[int, ...]]:
    """Return the name and shape of every tensor that the facts describe.

    Examples
    --------
    >>> facts = {"tensors": {"wte": ["vocab_size", 4], "h.{layer}.w": [4]}, "n_layers": 2, "n_experts": 0}
    >>> expected_tensors(facts, 9)
    {'wte': (9, 4), 'h.0.w': (4,), 'h.1.w': (4,)}
    """
    found = {}
    for pattern, shape in facts["tensors"].items():
        layers = range(facts["n_layers"]) if "{layer}" in pattern else [0]
        experts = range(facts["n_experts"]) if "{expert}" in pattern else [0]
        for layer, expert in product(layers, experts):
            size = tuple(vocab_size if length == "vocab_size" else length for length in shape)
            found[pattern.replace("{layer}", str(layer)).replace("{expert}", str(expert))] = size
    return found


def _check_tensors(directory: Path, facts: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[Finding]:
    from safetensors import safe_open

    given: dict[str, tuple[int, ...]] = {}
    for path in weight_files(directory):
        with safe_open(path, framework="numpy") as file:
            given |= {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    expected = expected_tensors(facts, config.get("vocab_size", 0))
    yield Finding("tensors missing", "none", _names(expected.keys() - given.keys()))
    yield Finding("tensors not expected", "none", _names(given.keys() - expected.keys()))
    wrong = {name for name in expected.keys() & given.keys() if expected[name] != given[name]}
    yield Finding("tensors of another shape", "none", _names(wrong))


def _check_tokenizer(directory: Path, facts: Mapping[str, Any]) -> Iterator[Finding]:
    path = directory / "tokenizer.json"
    if not path.is_file():
        yield Finding("tokenizer.json", "present", "missing")
        return
    entries = json.loads(path.read_text(encoding="utf-8"))
    ids = dict(entries["model"]["vocab"]) | {token["content"]: token["id"] for token in entries["added_tokens"]}
    for token, number in facts["special_tokens"].items():
        yield Finding(f"token {token}", str(number), str(ids.get(token)))
    if "placeholder" in facts:
        yield Finding(
            f"token {facts['placeholder']}", "present", "present" if facts["placeholder"] in ids else "missing"
        )


def _names(names: set[str]) -> str:
    shown = sorted(names)[:5]
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(shown) + more if names else "none"
