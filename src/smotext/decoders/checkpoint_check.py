"""Whether a checkpoint is what it should be: names and shapes, without a language model's weights.

Of a downloaded one the facts come with the package; a bridge that names its language model says itself what it needs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from smotext.decoders.alignment import read_alignment
from smotext.decoders.base_model import find_base
from smotext.decoders.bridge import GUIDANCE_PREFIX, read_config, read_spec, read_tensors, weight_files
from smotext.decoders.prompt_templates import PLACEHOLDER
from smotext.errors import BridgeError

_AS_SAID = "as config.json says"


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


def check_bridge(directory: Path) -> list[Finding]:
    """Return what was found of a bridge: its language model's file if it names one, its own tensors, its tokenizer.

    Parameters
    ----------
    directory : Path
        The bridge directory.

    Raises
    ------
    BridgeError
        If there is no config.json, or a file cannot be read.
    ModelNotFoundError
        If the language model that it names is not on this machine; asks no network.
    """
    from transformers import AutoConfig

    from smotext.decoders.projector import PREFIX, projector_from_tensors

    config, spec = read_config(directory), read_spec(directory)
    base = spec.base
    findings = []
    if base is not None:
        findings.append(check_file(find_base(base, directory, asks_hub=False), base.sha256))
        findings.append(_tried("adapter tensors", lambda: _check_adapter(directory)))
    projector, language_model = read_tensors(directory, PREFIX), AutoConfig.from_pretrained(directory)
    findings.append(_tried("projector tensors", lambda: projector_from_tensors(config, projector, language_model)))
    findings.append(_tried("guidance tensors", lambda: _check_guidance(directory, config)))
    if spec.aligned_to is not None:
        vector_dim = config["retriever_hidden_size"]
        findings.append(_tried("alignment tensors", lambda: read_alignment(directory, spec.aligned_to, vector_dim)))
    return [*findings, *_check_tokenizer(directory, {"special_tokens": {}, "placeholder": PLACEHOLDER})]


def check_file(path: Path, sha256: str) -> Finding:
    """Return whether a file has the SHA-256 that it should; it is read anew, whatever is remembered."""
    with path.open("rb") as file:
        return Finding(f"{path.name} SHA-256", sha256, hashlib.file_digest(file, "sha256").hexdigest())


def _tried(what: str, check: Callable[[], object]) -> Finding:
    try:
        check()
    except BridgeError as error:
        return Finding(what, _AS_SAID, str(error))
    return Finding(what, _AS_SAID, _AS_SAID)


def _check_adapter(directory: Path) -> None:
    """Raise BridgeError unless the adapter, if there is one, fits the language model of config.json."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from smotext.decoders.lora_adapter import read_adapter

    base = read_spec(directory).base
    adapter = None if base is None else read_adapter(directory, base)
    if adapter is not None:
        with torch.device("meta"):
            # On this device a model has names and shapes, but no weights.
            model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(directory))
        adapter.check_fit({name: tuple(tensor.shape) for name, tensor in model.state_dict().items()})


def _check_guidance(directory: Path, config: Mapping[str, Any]) -> None:
    """Raise BridgeError unless the guidance head, if there is one, fits the language model and the vectors."""
    tensors = read_tensors(directory, GUIDANCE_PREFIX)
    if not tensors:
        return
    shapes = {name.removeprefix(GUIDANCE_PREFIX): tuple(tensor.shape) for name, tensor in tensors.items()}
    vocabulary, vector_dim = config.get("vocab_size"), config.get("retriever_hidden_size")
    free = {"weight": (vocabulary, vector_dim), "bias": (vocabulary,), "unigram": (vocabulary,)}
    # A tied head is followed by the language model's own embeddings.
    tied = free | {"weight": (config.get("hidden_size"), vector_dim)}
    size = shapes.get("hidden.bias", (0,))
    deep = free | {
        "weight": (config.get("hidden_size"), *size),
        "hidden.weight": (*size, vector_dim),
        "hidden.bias": size,
    }
    if shapes not in (free, tied, deep):
        raise BridgeError(f"guidance tensors have shapes {shapes}: expected {free}, {tied} or {deep}")


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
