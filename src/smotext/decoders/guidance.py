"""Guidance: a linear head that says which words the text of a vector should hold."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from smotext.errors import BridgeError

CAP = 4.0  # nats: keeps one sure word from drowning the language model


class Guidance(nn.Module):
    """Linear head from the vector to log-probabilities of the tokens in its text.

    Its excess over the unigram log-probability, cut to [0, CAP], times a weight, is added to the language
    model's logits at every step. A token that has been written loses its bonus.

    Parameters
    ----------
    weight : tensor of shape (vocabulary, vector_dim)
    bias, unigram : tensors of shape (vocabulary,)
        Bias of the head, and log-probability of each token in the training corpus.
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor, unigram: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)
        self.register_buffer("unigram", unigram)

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, torch.Tensor]) -> Guidance:
        """Return the head of a checkpoint's ``guidance.*`` tensors."""
        names = ("weight", "bias", "unigram")
        if missing := [name for name in names if f"guidance.{name}" not in tensors]:
            raise BridgeError(f"guidance tensors {missing} are missing: expected guidance.weight, .bias and .unigram")
        return cls(*(tensors[f"guidance.{name}"] for name in names))

    def logit_bias(self, vectors: torch.Tensor) -> torch.Tensor:
        """Return what is added to the logits at weight 1, of shape (n_rows, vocabulary), float32."""
        scores = torch.log_softmax(vectors.float() @ self.weight.T + self.bias, dim=-1)
        return (scores - self.unigram).clamp(0.0, CAP)
