"""A LoRA adapter in PEFT's file format, merged into the language model's weights without PEFT.

::

    adapter_config.json          r, lora_alpha, target_modules, ...; base_model_name_or_path is the base's hub name
    adapter_model.safetensors    base_model.model.{module}.lora_A.weight (r, in) and .lora_B.weight (out, r)
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from smotext.decoders.base_model import BaseReference
from smotext.decoders.bridge import ADAPTER_CONFIG, ADAPTER_NAME, read_object
from smotext.errors import BridgeError

# Entries that are read here, and those that say nothing about what the merged weights are. Whatever else is set
# changes the maths, or may do so in a version of PEFT that is yet to come, and is refused by name.
_READ = {"r", "lora_alpha", "use_rslora", "target_modules", "layers_to_transform", "peft_type", "bias"}
_OF_NO_MATTER = {
    "auto_mapping", "base_model_name_or_path", "inference_mode", "lora_dropout", "megatron_core", "peft_version",
    "qalora_group_size", "revision", "task_type",
}  # fmt: skip
# Other ways to initialise an adapter, such as PiSSA, change the language model's weights as well.
_PLAIN_STARTS = (True, False, "gaussian", "orthogonal", None)
_TENSOR = re.compile(r"base_model\.model\.(?P<module>.+)\.lora_(?P<side>[AB])\.weight")
# As PEFT finds a layer's number: the first one after two names.
_LAYER = re.compile(r".*?\.[^.]*\.(\d+)\.")


@dataclass(frozen=True)
class Adapter:
    """A plain LoRA adapter.

    Attributes
    ----------
    scale : float
        What the product of the two matrices is multiplied by.
    modules : mapping of str to (Tensor, Tensor)
        By the name of the linear layer in the language model: A of shape (r, in) and B of shape (out, r).
    """

    scale: float
    modules: Mapping[str, tuple[torch.Tensor, torch.Tensor]]

    def merged_into(self, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return the language model's tensors with ``weight + scale * B @ A`` where the adapter has a say.

        Parameters
        ----------
        tensors : mapping of str to Tensor
            Of the base; not changed. Those that the adapter has no say in are handed on as they are.

        Returns
        -------
        dict of str to Tensor
            The changed ones in float32.

        Raises
        ------
        BridgeError
            If a layer is missing, or of another shape: the base is of another architecture.

        References
        ----------
        Hu et al., "LoRA", ICLR 2022, equation 3.

        Examples
        --------
        >>> adapter = Adapter(0.5, {"layer": (torch.ones(1, 2), torch.ones(3, 1))})
        >>> adapter.merged_into({"layer.weight": torch.zeros(3, 2)})["layer.weight"].tolist()
        [[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]]
        """
        self.check_fit({name: tuple(tensor.shape) for name, tensor in tensors.items()})
        merged = dict(tensors)
        for module, (down, up) in self.modules.items():
            weight = tensors[f"{module}.weight"].float()
            merged[f"{module}.weight"] = torch.addmm(weight, up.float(), down.float(), alpha=self.scale)
        return merged

    def check_fit(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Raise BridgeError if the language model's tensors, by name, lack a layer or have it in another shape."""
        for module, (down, up) in self.modules.items():
            given, needed = shapes.get(f"{module}.weight"), (len(up), down.shape[1])
            if given != needed:
                raise BridgeError(
                    f"the adapter needs {module}.weight of shape {needed}, which "
                    f"{'is missing' if given is None else f'has shape {given}'} in the language model: the adapter "
                    "was made for one of another architecture"
                )


def read_adapter(directory: Path, reference: BaseReference) -> Adapter | None:
    """Return the adapter in a bridge directory, None where there is none.

    Raises
    ------
    BridgeError
        If it is no plain LoRA adapter (what is more is named), is incomplete, or was made for another base.
    """
    path, weights = directory / ADAPTER_CONFIG, directory / ADAPTER_NAME
    if path.is_file() != weights.is_file():
        raise BridgeError(f"{directory} has one of {ADAPTER_CONFIG} and {ADAPTER_NAME}: the adapter needs both")
    if not path.is_file():
        return None
    config = read_object(path)
    check_config(config, str(path))
    tensors, metadata = _read_file(weights)
    _check_base(config, metadata, reference, str(path))
    modules = _modules_of(tensors, config["r"], str(weights))
    _check_targets(modules, config, str(path))
    root = math.sqrt(config["r"]) if config.get("use_rslora") else config["r"]
    return Adapter(config["lora_alpha"] / root, modules)


def check_config(config: Mapping[str, Any], where: str = ADAPTER_CONFIG) -> None:
    """Raise BridgeError unless ``adapter_config.json`` describes plain LoRA; what is more is named.

    Examples
    --------
    >>> plain = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"]}
    >>> check_config(plain)
    >>> check_config(plain | {"use_dora": True})
    Traceback (most recent call last):
        ...
    smotext.errors.BridgeError: adapter_config.json: use_dora is True: plain LoRA alone is merged here; merge it ...
    """
    refused = []
    if config.get("peft_type") != "LORA":
        refused.append("peft_type")
    if config.get("bias", "none") != "none":
        refused.append("bias")
    if config.get("init_lora_weights", True) not in _PLAIN_STARTS:
        refused.append("init_lora_weights")
    if config.get("layers_pattern") not in (None, [], "layers", ["layers"]):
        refused.append("layers_pattern")
    looked_at = _READ | _OF_NO_MATTER | {"init_lora_weights", "layers_pattern"}
    refused += sorted(name for name, value in config.items() if name not in looked_at and value)
    if refused:
        named = ", ".join(f"{name} is {config.get(name)!r:.60}" for name in refused)
        raise BridgeError(
            f"{where}: {named}: plain LoRA alone is merged here; merge it into the language model with PEFT, and "
            "name or hold the result"
        )
    for name, kind, expected in (("r", int, "a positive integer"), ("lora_alpha", int | float, "a number")):
        value = config.get(name)
        if not isinstance(value, kind) or isinstance(value, bool) or (name == "r" and value < 1):
            raise BridgeError(f"{where}: {name} is {value!r:.60}: expected {expected}")


def _read_file(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118


def _check_base(config: Mapping[str, Any], metadata: Mapping[str, str], reference: BaseReference, where: str) -> None:
    for what, made_for, named in (
        ("base_model_name_or_path", config.get("base_model_name_or_path"), reference.repo_id),
        ("revision", config.get("revision") or reference.revision, reference.revision),
        ("base_sha256 of the tensors' file", metadata.get("base_sha256", reference.sha256), reference.sha256),
    ):
        if made_for != named:
            raise BridgeError(
                f"{where}: {what} is {made_for!r} and the bridge's base is {named!r}: the adapter was made for "
                "another language model"
            )


def _modules_of(
    tensors: Mapping[str, torch.Tensor], rank: int, where: str
) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    sides: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        match = _TENSOR.fullmatch(name)
        if match is None:
            raise BridgeError(f"{where} holds {name}, which is no matrix of plain LoRA on a linear layer")
        if tensor.ndim != 2 or tensor.shape[0 if match["side"] == "A" else 1] != rank:
            raise BridgeError(f"{where}: {name} has shape {tuple(tensor.shape)}, which does not fit r = {rank}")
        sides.setdefault(match["module"], {})[match["side"]] = tensor
    if lone := sorted(module for module, pair in sides.items() if len(pair) < 2):
        raise BridgeError(f"{where} has one matrix of two for {lone[:3]}: it is incomplete")
    return {module: (pair["A"], pair["B"]) for module, pair in sides.items()}


def _check_targets(modules: Mapping[str, Any], config: Mapping[str, Any], where: str) -> None:
    """Raise BridgeError if a layer is adapted that the config does not name, or one that it names nowhere."""
    targets, layers = config.get("target_modules"), config.get("layers_to_transform")
    if isinstance(layers, int):
        layers = [layers]
    for module in modules:
        if isinstance(targets, str):
            is_named = targets == "all-linear" or re.fullmatch(targets, module) is not None
        else:
            is_named = any(module == target or module.endswith(f".{target}") for target in targets or ())
        layer = _LAYER.match(f"{module}.")
        if not is_named or (layers and (layer is None or int(layer[1]) not in layers)):
            raise BridgeError(f"{where}: target_modules and layers_to_transform do not name {module}, which is adapted")
    lasts = {module.rpartition(".")[2] for module in modules}
    if not isinstance(targets, str) and (idle := sorted(t for t in targets or () if t.rpartition(".")[2] not in lasts)):
        raise BridgeError(f"{where}: target_modules names {idle}, of which the adapter has no matrices")
    found = {int(layer[1]) for layer in (_LAYER.match(f"{module}.") for module in modules) if layer}
    if layers and (idle_layers := sorted(set(layers) - found)):
        raise BridgeError(f"{where}: layers_to_transform names {idle_layers}, of which the adapter has no matrices")
