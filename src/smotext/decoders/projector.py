"""The bridge itself: from the encoder's vector to the input embedding of one prompt token."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from smotext.errors import BridgeError

PREFIX = "projector."  # tensors are projector.projector.{0,2,...}.{weight,bias}, as in xRAG's checkpoints


class Projector(nn.Module):
    """xRAG's ``mlp{n}x_gelu``: n linear layers with GELU between them.

    Parameters
    ----------
    projector_type : str
        ``"mlp2x_gelu"`` in every published checkpoint; any n >= 1 works.
    vector_dim : int
        Width of the encoder's vectors (``retriever_hidden_size``).
    hidden_size : int
        Width of the language model's token embeddings.

    Raises
    ------
    BridgeError
        For a type that is not ``mlp{n}x_gelu``. (The reference silently builds nothing.)

    References
    ----------
    xRAG (arXiv 2405.13792), section 3.2; SMOTExT (arXiv 2505.13434), section 3.

    Examples
    --------
    >>> Projector("mlp2x_gelu", 4, 8)(torch.zeros(3, 4)).shape
    torch.Size([3, 8])
    """

    def __init__(self, projector_type: str, vector_dim: int, hidden_size: int) -> None:
        super().__init__()
        match = re.fullmatch(r"mlp(\d+)x_gelu", str(projector_type))
        if match is None or int(match[1]) < 1:
            raise BridgeError(
                f"unknown projector_type {projector_type!r}: expected 'mlp2x_gelu' or another 'mlp{{n}}x_gelu'"
            )
        layers: list[nn.Module] = [nn.Linear(vector_dim, hidden_size)]
        for _ in range(1, int(match[1])):
            layers += [nn.GELU(), nn.Linear(hidden_size, hidden_size)]
        self.projector = nn.Sequential(*layers)
        self.projector_type = projector_type
        self.vector_dim = vector_dim
        self.hidden_size = hidden_size

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """Return the soft tokens of shape (n_rows, hidden_size) for vectors of shape (n_rows, vector_dim)."""
        return self.projector(vectors)

    @classmethod
    def from_tensors(cls, config: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> Projector:
        """Return the projector that a checkpoint's config and ``projector.*`` tensors describe.

        Raises
        ------
        BridgeError
            If config.json lacks a key, or a tensor is missing, superfluous or of another shape; each is named.
        """
        for key in ("projector_type", "retriever_hidden_size"):
            if key not in config:
                raise BridgeError(f"config.json has no {key!r}: this checkpoint is not a bridge in xRAG's format")
        vector_dim = config["retriever_hidden_size"]
        if not isinstance(vector_dim, int) or vector_dim < 1:
            raise BridgeError(f"config.json's retriever_hidden_size is {vector_dim!r}: expected a positive integer")
        first = tensors.get(f"{PREFIX}projector.0.weight")  # not every config calls its width hidden_size
        hidden_size = config.get("hidden_size", 1) if first is None else len(first)
        module = cls(config["projector_type"], vector_dim, hidden_size)
        expected = {f"{PREFIX}{name}": tensor.shape for name, tensor in module.state_dict().items()}
        missing, extra = sorted(expected.keys() - tensors.keys()), sorted(tensors.keys() - expected.keys())
        if missing or extra:
            raise BridgeError(f"projector tensors do not fit: missing {missing or 'none'}, extra {extra or 'none'}")
        for name, shape in expected.items():
            if tensors[name].shape != shape:
                raise BridgeError(f"{name} has shape {tuple(tensors[name].shape)}: expected {tuple(shape)}")
        module.load_state_dict({name.removeprefix(PREFIX): tensor for name, tensor in tensors.items()})
        return module
