"""LoRA layers for ``train="projector+lora"``, through peft."""

from __future__ import annotations

import torch

from smotext.errors import missing_extra
from smotext.training.pair import Pair


def add_lora(pair: Pair, *, rank: int, alpha: int, seed: int) -> None:
    """Wrap the pair's language model: low-rank layers on every linear one but the head, the rest frozen.

    References
    ----------
    Hu et al., "LoRA", ICLR 2022.
    """
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise missing_extra("peft", "train", "train='projector+lora'") from error
    config = LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        pair.lm = get_peft_model(pair.lm, config)
