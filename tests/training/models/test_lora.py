"""LoRA layers: from which layer on, at which rate, and what they leave alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from smotext.decoders.bridge import BridgeSpec
from smotext.training.data.passage_store import PassageStore
from smotext.training.loop.trainer import Trainer
from smotext.training.models.lora import add_lora
from smotext.training.models.pair import Pair, assemble_pair
from tests.decoders.checkpoints import make_model
from tests.training import toy

pytest.importorskip("peft")

SPEC = BridgeSpec(chat_template="{bos}{content}", prompts=("<xRAG>-",), vector_norm="unit")


def make_pair(n_layers: int = 3) -> Pair:
    lm = toy.language_model(num_hidden_layers=n_layers)
    return assemble_pair(lm, toy.tokenizer(), vector_dim=32, spec=SPEC)


def layers_of(pair: Pair) -> set[int]:
    """Return which of the language model's layers have LoRA layers."""
    return {int(name.split(".layers.")[1].split(".")[0]) for name, _ in pair.lm.named_parameters() if "lora_" in name}


@pytest.mark.parametrize("first_layer", [0, 1, 2])
def test_layers_below_the_first_one_have_none(first_layer: int) -> None:
    pair = make_pair()
    add_lora(pair, rank=2, alpha=4, first_layer=first_layer, seed=0)
    assert layers_of(pair) == set(range(first_layer, 3))
    of_a_layer = {
        name.split(".lora_")[0].rsplit(".", 1)[1] for name, _ in pair.lm.named_parameters() if "lora_" in name
    }
    assert of_a_layer == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}


@pytest.mark.filterwarnings("ignore:fan_in_fan_out")
def test_layers_are_found_whatever_the_architecture_calls_them() -> None:
    pair = make_pair()
    pair.lm = make_model("gpt2", toy.VOCABULARY, 2)
    add_lora(pair, rank=2, alpha=4, first_layer=1, seed=0)
    names = {name.split(".lora_")[0] for name, _ in pair.lm.named_parameters() if "lora_" in name}
    assert {name.split("transformer.h.")[1] for name in names} == {
        "1.attn.c_attn", "1.attn.c_proj", "1.mlp.c_fc", "1.mlp.c_proj",
    }  # fmt: skip


def test_the_same_seed_draws_the_same_layers() -> None:
    def drawn(seed: int) -> list[torch.Tensor]:
        pair = make_pair()
        add_lora(pair, rank=2, alpha=4, first_layer=1, seed=seed)
        return [weight.detach() for name, weight in pair.lm.named_parameters() if "lora_A" in name]

    assert all(map(torch.equal, drawn(0), drawn(0)))
    assert not any(map(torch.equal, drawn(0), drawn(1)))


def trained(folder: Path, **changes: Any) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Return the weights before and after two steps."""
    pair = make_pair()
    store = PassageStore.create(
        folder / "store", toy.TEXTS, [], tokenize=pair.prompts.text_ids, encode=toy.encoder().encode, about={}
    )
    options = {
        "train": "projector+lora",
        "max_steps": 2,
        "lora_rank": 2,
        "lora_alpha": 4,
        "warmup_ratio": 0.0,
        **changes,
    }
    trainer = Trainer(pair, store, toy.settings(**options), folder / "run")
    before = {name: weight.detach().clone() for name, weight in pair.parameters()}
    trainer.run()
    return before, {name: weight.detach() for name, weight in pair.parameters()}


def test_training_moves_projector_and_lora_layers_and_nothing_else(tmp_path: Path) -> None:
    before, after = trained(tmp_path, lora_first_layer=1)
    for name, weight in after.items():
        is_trained = name.startswith("projector.") or "lora_" in name
        assert torch.equal(weight, before[name]) != is_trained, name


def test_a_rate_of_next_to_nothing_leaves_the_lora_layers_and_trains_the_projector(tmp_path: Path) -> None:
    before, after = trained(tmp_path, lora_learning_rate=1e-12)
    for name, weight in after.items():
        moved = float((weight - before[name]).abs().max())
        assert moved > 1e-3 if name.startswith("projector.") else moved < 1e-9, name
