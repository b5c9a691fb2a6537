"""Float32 masters of the trained weights, their optimizers, and the running average."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from smotext.errors import InputError
from smotext.training.training_settings import TrainingSettings

Named = Sequence[tuple[str, nn.Parameter]]


class Masters:
    """The trained weights in float32, whatever precision the model works in.

    Gradients of all micro-batches of a step are summed in float32: with bfloat16 working weights, a sum in
    their own precision would lose the later ones.

    Parameters
    ----------
    named : sequence of (name, parameter)
        Trained parameters in float32, before the model is converted.
    settings : TrainingSettings
        Optimizer and averaging.
    device : str
        Where the model will work.
    """

    def __init__(self, named: Named, settings: TrainingSettings, device: str = "cpu") -> None:
        self.names = [name for name, _ in named]
        self.weights = [parameter.detach().to(device, torch.float32, copy=True) for _, parameter in named]
        self.average: list[torch.Tensor] | None = None
        self.n_averaged = 0
        self._working = [parameter for _, parameter in named]
        self._clip = settings.clip
        self._optimizers = _optimizers(self.names, self.weights, settings)

    def accumulate(self) -> None:
        """Add the working weights' gradients to the masters' and clear them."""
        for master, working in zip(self.weights, self._working, strict=True):
            if working.grad is None:
                continue
            if master.grad is None:
                master.grad = torch.zeros_like(master)
            master.grad += working.grad
            working.grad = None

    def gradients(self) -> list[torch.Tensor]:
        """Return the summed gradients, zeros where a weight took no part."""
        for master in self.weights:
            if master.grad is None:
                master.grad = torch.zeros_like(master)
        return [master.grad for master in self.weights if master.grad is not None]

    def step(self, rate: float, n_tokens: int) -> float:
        """Update the weights with the gradients' mean over `n_tokens`; return its norm before clipping."""
        gradients = self.gradients()
        torch._foreach_div_(gradients, float(n_tokens))
        norm = nn.utils.clip_grad_norm_(self.weights, self._clip, foreach=True)
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * group.get("scale", 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.publish(self.weights)
        return float(norm)

    def publish(self, weights: Sequence[torch.Tensor]) -> None:
        """Copy `weights` into the model."""
        with torch.no_grad():
            for working, master in zip(self._working, weights, strict=True):
                working.copy_(master)

    def update_average(self) -> None:
        """Take the present weights into the running mean."""
        self.n_averaged += 1
        if self.average is None:
            self.average = [weight.clone() for weight in self.weights]
        else:
            torch._foreach_lerp_(self.average, self.weights, 1.0 / self.n_averaged)

    def final(self) -> list[torch.Tensor]:
        """Return the averaged weights if there are any, else the last ones."""
        return self.weights if self.average is None else self.average

    def state(self) -> dict[str, Any]:
        """Return all that a checkpoint needs."""
        return {
            "names": self.names,
            "weights": self.weights,
            "average": self.average,
            "n_averaged": self.n_averaged,
            "optimizers": [optimizer.state_dict() for optimizer in self._optimizers],
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take over a checkpoint's state."""
        if state["names"] != self.names:
            raise InputError("the checkpoint's weights are those of another model: give the model it was started with")
        for weight, saved in zip(self.weights, state["weights"], strict=True):
            weight.copy_(saved)
        self.n_averaged, average = state["n_averaged"], state["average"]
        if average is not None:
            # The checkpoint was read to the CPU, wherever the weights are.
            self.average = [saved.to(weight.device) for saved, weight in zip(average, self.weights, strict=True)]
        for optimizer, saved in zip(self._optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.publish(self.weights)


def _optimizers(
    names: list[str], weights: list[torch.Tensor], settings: TrainingSettings
) -> list[torch.optim.Optimizer]:
    is_muon = [settings.optimizer == "muon" and _is_layer_matrix(*pair) for pair in zip(names, weights, strict=True)]
    matrices = list(itertools.compress(weights, is_muon))
    others = [(name, weight) for name, weight, chosen in zip(names, weights, is_muon, strict=True) if not chosen]
    parts = [
        (1.0, [weight for name, weight in others if not _is_lora(name)]),
        (settings.lora_scale, [weight for name, weight in others if _is_lora(name)]),
    ]
    groups = [{"params": found, "scale": scale} for scale, found in parts if found]
    made: list[torch.optim.Optimizer] = []
    if others:
        betas = (settings.beta1, settings.beta2)
        made.append(torch.optim.AdamW(groups, lr=0.0, betas=betas, weight_decay=settings.weight_decay))
    if matrices:
        made.append(_muon(matrices, settings))
    return made


def _is_lora(name: str) -> bool:
    return "lora_" in name


def _is_layer_matrix(name: str, weight: torch.Tensor) -> bool:
    """Muon is for the matrices inside the layers, not for embeddings, heads and the projector (Jordan 2024)."""
    is_table = any(part in name for part in ("embed", "lm_head", "cls.predictions", "wte", "wpe", "projector."))
    return weight.ndim == 2 and not is_table


def _muon(matrices: list[torch.Tensor], settings: TrainingSettings) -> torch.optim.Optimizer:
    if not hasattr(torch.optim, "Muon"):
        raise InputError(f"optimizer='muon' needs torch 2.9 or newer, this is {torch.__version__}: use 'adamw'")
    return torch.optim.Muon(
        matrices, lr=0.0, weight_decay=settings.weight_decay, momentum=0.95, adjust_lr_fn="match_rms_adamw"
    )
