"""LoRA layers for ``train="projector+lora"``, through peft."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from smotext.errors import missing_extra
from smotext.training.pair import Pair


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
