"""The bridge directory: xRAG's checkpoint format plus an optional ``smotext.json``.

One that holds its language model::

    config.json            the language model's, with projector_type and retriever_hidden_size
    *.safetensors          the language model's tensors and projector.*, sharded or not
    tokenizer*             holds the placeholder token <xRAG>
    smotext.json           which encoder, how its vectors are scaled, template, prompts (optional)

One that names it, by ``base`` in ``smotext.json`` (:class:`~smotext.decoders.base_model.BaseReference`)::

    config.json                  the language model's, with projector_type and retriever_hidden_size
    projector.safetensors        projector.*
    guidance.safetensors         guidance.* (optional)
    adapter_config.json          a plain LoRA adapter in PEFT's format (optional)
    adapter_model.safetensors
    tokenizer*, smotext.json     as above

Either may have ``alignment.safetensors``, a map from another encoder's vectors
(:class:`~smotext.decoders.alignment.Alignment`); ``encoder`` in ``smotext.json`` is then the other one.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_type_hints

from smotext.decoders.alignment import ALIGNMENT_NAME
from smotext.decoders.base_model import BaseReference
from smotext.decoders.prompt_templates import XRAG_PROMPTS, XRAG_TEMPLATE, XRAG_TEXT, split_text_template
from smotext.errors import BridgeError

SPEC_NAME = "smotext.json"
INDEX_NAME = "model.safetensors.index.json"
ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_NAME = "adapter_model.safetensors"
# The bridge's own files, where it names its language model instead of holding it.
OWN_NAMES = (ADAPTER_NAME, "guidance.safetensors", "projector.safetensors")
# Begins the names of the tensors of the guidance head, which a bridge need not have.
GUIDANCE_PREFIX = "guidance."


@dataclass(frozen=True)
class BridgeSpec:
    """What ``smotext.json`` says; the defaults are what xRAG's own checkpoints get, which have none.

    Attributes
    ----------
    encoder : str or None
        Hub name or path of the encoder whose vectors the bridge was trained on.
    encoder_revision : str or None
        Its revision on the hub.
    encoder_sha256 : str or None
        SHA-256 of the encoder's model.safetensors, or of its weight files in name order.
    pooling : str or None
        ``"mean"``, ``"cls"`` or ``"lasttoken"``.
    encoder_max_tokens : int or None
        Where the encoder cut its texts in training.
    vector_norm : {"raw", "unit"}
        ``"unit"``: trained on unit vectors, so the decoder rescales what it is given.
    chat_template : str
        ``{content}`` is the prompt; a leading ``{bos}`` the begin-of-text token.
    prompts : tuple of str
        Numbered paraphrase instructions, each with ``<xRAG>`` once.
    text_template : str
        How a text stands after the prompt: ``{text}``, and what ends it, ``{eos}`` or a piece of text that is one
        token.
    examples_template : str or None
        A prompt that shows texts: ``{examples}`` once, where each stands as ``- text`` on a line of its own, and
        ``<xRAG>`` after it. None: the bridge's prompts show none.
    examples : int
        How many the prompt shows unless the caller says another number.
    max_new_tokens : int
        Longest output that the bridge was trained for, in tokens.
    guidance : float
        Default weight of the guidance head; 0 is off.
    guidance_alone : float or None
        Default weight where the prompt shows no texts and the vector is all there is. None: as `guidance`.
    trained_guidance : float
        Weight of the head in the loss that the bridge was trained with; 0: it knew nothing of the head.
    base : BaseReference or None
        The language model that the bridge names; None: it holds one itself.
    is_adapted : bool
        Whether it was adapted to somebody's own texts, which it may know by heart.
    languages : tuple of str
        What it was trained on, as :func:`smotext.data.languages.language_of` names it; empty: nobody knows. The default
        is that of bridges which do not say.
    aligned_to : str or None
        The encoder that the bridge was trained with, or ``"an encoder without a name"``, where ``encoder`` is another
        whose vectors are mapped to that one's; only their direction counts. None: ``encoder`` is its own.
    """

    encoder: str | None = None
    encoder_revision: str | None = None
    encoder_sha256: str | None = None
    pooling: str | None = None
    encoder_max_tokens: int | None = None
    vector_norm: Literal["raw", "unit"] = "raw"
    chat_template: str = XRAG_TEMPLATE
    prompts: tuple[str, ...] = XRAG_PROMPTS
    text_template: str = XRAG_TEXT
    examples_template: str | None = None
    examples: int = 0
    # The length that xRAG was trained with.
    max_new_tokens: int = 336
    guidance: float = 0.0
    guidance_alone: float | None = None
    trained_guidance: float = 0.0
    base: BaseReference | None = None
    is_adapted: bool = False
    languages: tuple[str, ...] = ("en",)
    aligned_to: str | None = None

    @classmethod
    def from_dict(cls, entries: Mapping[str, Any], where: str = SPEC_NAME) -> BridgeSpec:
        """Return the spec that the entries of a ``smotext.json`` give; unknown entries are an error.

        Examples
        --------
        >>> BridgeSpec.from_dict({"vector_norm": "unit"}).vector_norm
        'unit'
        """
        known = get_type_hints(cls)
        if unknown := sorted(entries.keys() - known.keys()):
            raise BridgeError(f"{where} has unknown entries {unknown}: expected some of {sorted(known)}")
        for name, value in entries.items():
            kind, expected = _JSON_KINDS[known[name]]
            if not isinstance(value, kind) or isinstance(value, bool) != (kind is bool):
                raise BridgeError(f"{where}: {name} is {value!r:.60}: expected {expected}")
        lists = {name: tuple(value) for name, value in entries.items() if known[name] == tuple[str, ...]}
        given = {**entries, **lists}
        if entries.get("base") is not None:
            given["base"] = BaseReference.from_dict(entries["base"], f"{where}: base")
        spec = cls(**given)
        if spec.vector_norm not in ("raw", "unit"):
            raise BridgeError(f"{where}: vector_norm is {spec.vector_norm!r}: expected 'raw' or 'unit'")
        if spec.max_new_tokens < 1:
            raise BridgeError(f"{where}: max_new_tokens is {spec.max_new_tokens}: expected 1 or more")
        # A template without {text}, or without an end, is an error.
        split_text_template(spec.text_template)
        if spec.examples_template is not None and spec.examples_template.count("{examples}") != 1:
            raise BridgeError(
                f"{where}: examples_template is {spec.examples_template!r}: expected {{examples}} in it once"
            )
        if spec.examples < 0 or (spec.examples and spec.examples_template is None):
            raise BridgeError(
                f"{where}: examples is {spec.examples}: expected 0 or more, and a template that shows them"
            )
        if not spec.prompts:
            raise BridgeError(f"{where}: prompts is empty: expected at least one, with the placeholder in it")
        return spec

    def to_json(self) -> str:
        """Return the text of ``smotext.json``."""
        return json.dumps(dataclasses.asdict(self), indent=1, ensure_ascii=False) + "\n"


# How an entry of each type is written in the file, and what an error calls it.
_JSON_KINDS: dict[Any, tuple[Any, str]] = {
    str: (str, "a string"),
    str | None: (str | None, "a string or null"),
    bool: (bool, "true or false"),
    int: (int, "an integer"),
    int | None: (int | None, "an integer or null"),
    float: (int | float, "a number"),
    float | None: (int | float | None, "a number or null"),
    tuple[str, ...]: (list | tuple, "a list of strings"),
    Literal["raw", "unit"]: (str, "'raw' or 'unit'"),
    BaseReference | None: (dict | None, "an object or null"),
}


def read_config(directory: Path) -> dict[str, Any]:
    """Return the bridge directory's config.json, or raise BridgeError if it is none."""
    path = directory / "config.json"
    if not path.is_file():
        raise BridgeError(f"{directory} has no config.json: expected a bridge directory in xRAG's checkpoint format")
    return read_object(path)


def read_spec(directory: Path) -> BridgeSpec:
    """Return the directory's :class:`BridgeSpec`; without a ``smotext.json`` xRAG's own conventions."""
    path = directory / SPEC_NAME
    if not path.is_file():
        return BridgeSpec()
    return BridgeSpec.from_dict(read_object(path), where=str(path))


def read_object(path: Path) -> dict[str, Any]:
    """Return the object that a JSON file of a bridge holds, or raise BridgeError."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        # It is no JSON, or no UTF-8.
        raise BridgeError(f"{path} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise BridgeError(f"{path} holds a {type(found).__name__}: expected an object of names and values")
    return found


def weight_files(directory: Path) -> list[Path]:
    """Return the safetensors files that the checkpoint consists of, in name order; not that of a named base.

    Raises
    ------
    BridgeError
        If there are none (pickled ``.bin`` weights are never read), a shard named by the index is missing, or
        it is unclear whether the language model is held or named.
    """
    index = directory / INDEX_NAME
    if read_spec(directory).base is not None:
        return _files_beside_base(directory)
    if (directory / ADAPTER_CONFIG).is_file():
        raise BridgeError(f"{directory} holds an adapter: {SPEC_NAME} has to name the language model it is for (base)")
    if index.is_file():
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    else:
        names = sorted(path.name for path in directory.glob("*.safetensors"))
    names = [name for name in names if name != ALIGNMENT_NAME]
    if not names:
        raise BridgeError(f"{directory} has no .safetensors weights: convert the checkpoint to safetensors first")
    if absent := [name for name in names if not (directory / name).is_file()]:
        raise BridgeError(f"{directory} lacks the shards {absent} that its index names: download it again")
    return [directory / name for name in names] + _aligned(directory)


def _files_beside_base(directory: Path) -> list[Path]:
    own = [directory / name for name in OWN_NAMES if (directory / name).is_file()]
    held = [path.name for path in [*directory.glob("model*.safetensors"), directory / INDEX_NAME] if path.is_file()]
    if held:
        raise BridgeError(f"{directory} holds a language model ({sorted(held)[0]}) and names another: delete either")
    if not own:
        raise BridgeError(f"{directory} has no projector.safetensors: the bridge is incomplete")
    return own + _aligned(directory)


def _aligned(directory: Path) -> list[Path]:
    return [path for path in [directory / ALIGNMENT_NAME] if path.is_file()]


def read_tensors(directory: Path, prefix: str) -> dict[str, Any]:
    """Return the checkpoint's tensors whose names start with `prefix`, in float32, on the CPU."""
    from safetensors import safe_open

    found = {}
    for path in weight_files(directory):
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 (safe_open is no mapping)
                if name.startswith(prefix):
                    found[name] = file.get_tensor(name)
    return {name: tensor.float() for name, tensor in found.items()}


def fingerprint(directory: Path) -> str:
    """Return a short hash of all that decides what the bridge writes: weights, config, tokenizer, spec.

    The SHA-256 of a base that is named stands in the spec, and no other file is loaded.
    """
    digest = hashlib.sha256()
    small = [directory / name for name in ("config.json", "tokenizer.json", SPEC_NAME, ADAPTER_CONFIG)]
    for path in [*weight_files(directory), *(path for path in small if path.is_file())]:
        digest.update(path.name.encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]
