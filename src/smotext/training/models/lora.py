"""LoRA layers for ``train="projector+lora"``, through peft, and the adapter files that hold them."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import nn

from smotext.decoders.base_model import BaseReference
from smotext.decoders.bridge import ADAPTER_CONFIG, ADAPTER_NAME
from smotext.errors import missing_extra
from smotext.training.models.pair import Pair, load_bridge

_LAYER = re.compile(r"\.(\d+)\.")


def add_lora(pair: Pair, *, rank: int, alpha: int, first_layer: int, seed: int) -> None:
    """Wrap the pair's language model: low-rank layers on every linear one from `first_layer` on, the rest frozen.

    References
    ----------
    Hu et al., "LoRA", ICLR 2022.
    """
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise missing_extra("peft", "train", "train='projector+lora'") from error
    config = LoraConfig(
        r=rank,
        lora_alpha=alpha,
        lora_dropout=0.0,
        target_modules=_linear_layers(pair.lm, first_layer),
        task_type="CAUSAL_LM",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        pair.lm = get_peft_model(pair.lm, config)


def load_for_training(directory: Path) -> Pair:
    """Return the pair in a bridge directory; the adapter of a language model that it names stays apart, in LoRA layers.

    Raises
    ------
    MissingExtraError
        If there is an adapter and peft is not installed.
    """
    pair = load_bridge(directory, is_adapted=False)
    if pair.spec.base is not None and (directory / ADAPTER_CONFIG).is_file():
        _resume_lora(pair, directory)
    return pair


def _resume_lora(pair: Pair, directory: Path) -> None:
    """Wrap the pair's language model with the LoRA layers of a bridge directory's adapter."""
    try:
        from peft import PeftModel
    except ImportError as error:
        raise missing_extra("peft", "train", "training a bridge with an adapter further") from error
    with tempfile.TemporaryDirectory() as folder:
        # In a directory of its own peft finds nothing else to read.
        for name in (ADAPTER_CONFIG, ADAPTER_NAME):
            shutil.copy(directory / name, folder)
        pair.lm = PeftModel.from_pretrained(pair.lm, folder, is_trainable=True)


def has_lora(lm: Any) -> bool:
    """Return True if the language model is wrapped in LoRA layers."""
    return hasattr(lm, "peft_config")


def write_adapter(lm: Any, base: BaseReference, directory: Path) -> dict[str, str]:
    """Write the LoRA layers of a language model as an adapter in PEFT's format; nothing where there are none.

    Returns
    -------
    dict of str to str
        Which file holds which tensor.
    """
    if not has_lora(lm):
        return {}
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    config = lm.peft_config["default"]
    tensors = {
        name: tensor.to("cpu", torch.bfloat16).contiguous() for name, tensor in get_peft_model_state_dict(lm).items()
    }
    modules = {name.removeprefix("base_model.model.").partition(".lora_")[0] for name in tensors}
    about = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base.repo_id,
        "revision": base.revision,
        "r": config.r,
        "lora_alpha": config.lora_alpha,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": sorted({module.rpartition(".")[2] for module in modules}),
        "layers_to_transform": sorted({int(_LAYER.findall(module)[0]) for module in modules}),
        "inference_mode": True,
    }
    (directory / ADAPTER_CONFIG).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    save_file(tensors, directory / ADAPTER_NAME, metadata={"format": "pt", "base_sha256": base.sha256})
    return dict.fromkeys(tensors, ADAPTER_NAME)


def _linear_layers(lm: Any, first_layer: int) -> list[str]:
    """Return the names of the linear layers in the decoder's layers from `first_layer` on."""
    layers = _layers_of(lm)
    chosen = {id(module) for layer in layers[first_layer:] for module in layer.modules()}
    return [
        name
        for name, module in lm.named_modules()
        if id(module) in chosen and (isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D")
    ]


def _layers_of(lm: Any) -> nn.ModuleList:
    """Return the decoder's layers, whatever its architecture calls them: the longest list of modules."""
    lists = [module for module in lm.get_decoder().modules() if isinstance(module, nn.ModuleList)]
    return max(lists, key=len)
