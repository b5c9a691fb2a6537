"""The bridge itself: from the encoder's vector to what the language model reads.

Of kind ``mlp{n}x_gelu`` it writes the input embeddings of one or several soft tokens, as xRAG does. Of kind ``kv`` it
writes keys and values straight into the attention layers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from smotext.errors import BridgeError

PREFIX = "projector."  # tensors are projector.projector.{0,2,...}.{weight,bias}, as in xRAG's checkpoints
KV = "kv"
# Width of the hidden layer of the slots' MLP.
_HIDDEN = 768


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
    n_tokens : int
        Soft tokens for each vector (``n_soft_tokens`` in config.json); xRAG has one.

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
    torch.Size([3, 1, 8])
    """

    def __init__(self, projector_type: str, vector_dim: int, hidden_size: int, n_tokens: int = 1) -> None:
        super().__init__()
        match = re.fullmatch(r"mlp(\d+)x_gelu", str(projector_type))
        if match is None or int(match[1]) < 1:
            raise BridgeError(
                f"unknown projector_type {projector_type!r}: expected 'mlp2x_gelu' or another 'mlp{{n}}x_gelu'"
            )
        n_layers = int(match[1])
        widths = [vector_dim, *[hidden_size] * (n_layers - 1), hidden_size * n_tokens]
        layers: list[nn.Module] = [nn.Linear(widths[0], widths[1])]
        for number in range(1, n_layers):
            layers += [nn.GELU(), nn.Linear(widths[number], widths[number + 1])]
        self.projector = nn.Sequential(*layers)
        self.projector_type = projector_type
        self.vector_dim = vector_dim
        self.hidden_size = hidden_size
        self.n_tokens = n_tokens

    @property
    def config(self) -> dict[str, Any]:
        """What config.json says of it."""
        about = {"projector_type": self.projector_type, "retriever_hidden_size": self.vector_dim}
        return about if self.n_tokens == 1 else {**about, "n_soft_tokens": self.n_tokens}

    @property
    def n_places(self) -> int:
        """Positions of the language model that a vector takes."""
        return self.n_tokens

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """Return soft tokens of shape (n_rows, n_tokens, hidden_size) for vectors of shape (n_rows, vector_dim)."""
        return self.projector(vectors).unflatten(-1, (self.n_tokens, self.hidden_size))


class SlotProjector(nn.Module):
    """Key/value slots: what the vector says stands in the cache of every layer from `first_layer` on.

    An MLP makes a code for each slot, which all layers share, and each layer has a linear map from a code to the
    slot's key and value. Keys are rotated to the slot's position like any other key. Layers below `first_layer` have
    no slots: nothing is learned there, so that training goes back through the upper layers alone.

    Parameters
    ----------
    vector_dim : int
        Width of the encoder's vectors (``retriever_hidden_size``).
    n_slots : int
        Slots in each layer.
    code_size : int
        Width of a slot's code: decides how many weights there are.
    first_layer, n_layers : int
        The first layer with slots, and how many layers the language model has.
    n_heads, head_dim : int
        Key-value heads of the language model, and their width.

    Examples
    --------
    >>> slots = SlotProjector(vector_dim=4, n_slots=2, code_size=8, first_layer=1, n_layers=3, n_heads=1, head_dim=5)
    >>> keys, values = slots(torch.zeros(7, 4))
    >>> keys.shape  # layers, rows, heads, slots, head_dim
    torch.Size([2, 7, 1, 2, 5])
    """

    projector_type = KV

    def __init__(
        self,
        vector_dim: int,
        *,
        n_slots: int,
        code_size: int,
        first_layer: int,
        n_layers: int,
        n_heads: int,
        head_dim: int,
    ) -> None:
        super().__init__()
        if not 0 <= first_layer < n_layers:
            raise BridgeError(f"first_slot_layer is {first_layer}: the language model has layers 0 to {n_layers - 1}")
        self.vector_dim, self.n_slots, self.code_size = vector_dim, n_slots, code_size
        self.first_layer, self.n_heads, self.head_dim = first_layer, n_heads, head_dim
        self.codes = nn.Sequential(nn.Linear(vector_dim, _HIDDEN), nn.GELU(), nn.Linear(_HIDDEN, n_slots * code_size))
        shape = (n_layers - first_layer, n_heads * head_dim, code_size)
        # A code has length sqrt(code_size): entries of keys begin near the size that keys of language models have.
        self.keys = nn.Parameter(torch.randn(shape) * code_size**-0.5)
        self.values = nn.Parameter(torch.randn(shape) * 0.1 * code_size**-0.5)

    @property
    def config(self) -> dict[str, Any]:
        """What config.json says of it."""
        return {
            "projector_type": KV,
            "retriever_hidden_size": self.vector_dim,
            "n_slots": self.n_slots,
            "slot_code_size": self.code_size,
            "first_slot_layer": self.first_layer,
        }

    @property
    def n_places(self) -> int:
        """Positions of the language model that a vector takes."""
        return self.n_slots

    def forward(self, vectors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return keys, not rotated, and values, each (n_layers with slots, n_rows, n_heads, n_slots, head_dim)."""
        codes = self.codes(vectors).unflatten(-1, (self.n_slots, self.code_size))
        codes = nn.functional.rms_norm(codes, (self.code_size,))
        return self._heads(codes, self.keys), self._heads(codes, self.values)

    def _heads(self, codes: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        rows = torch.einsum("nsc,lhc->lnsh", codes, weight)
        return rows.unflatten(-1, (self.n_heads, self.head_dim)).transpose(2, 3)


AnyProjector = Projector | SlotProjector


def new_projector(config: Mapping[str, Any], language_model: Any) -> AnyProjector:
    """Return a projector with new weights, of the kind that entries of config.json describe.

    Parameters
    ----------
    config : mapping
        With ``projector_type`` and ``retriever_hidden_size``; ``n_soft_tokens``, or ``n_slots``, ``slot_code_size``
        and ``first_slot_layer`` where the kind has them.
    language_model : config of the language model
        For its widths.

    Raises
    ------
    BridgeError
        For an unknown kind, or an entry that is missing or no number.
    """
    for key in ("projector_type", "retriever_hidden_size"):
        if key not in config:
            raise BridgeError(f"config.json has no {key!r}: this checkpoint is not a bridge in xRAG's format")
    vector_dim = _whole_number(config, "retriever_hidden_size")
    if config["projector_type"] != KV:
        n_tokens = _whole_number({"n_soft_tokens": 1, **config}, "n_soft_tokens")
        return Projector(config["projector_type"], vector_dim, language_model.hidden_size, n_tokens)
    return SlotProjector(
        vector_dim,
        n_slots=_whole_number(config, "n_slots"),
        code_size=_whole_number(config, "slot_code_size"),
        first_layer=_whole_number(config, "first_slot_layer", least=0),
        n_layers=language_model.num_hidden_layers,
        n_heads=key_value_heads(language_model),
        head_dim=head_dim(language_model),
    )


def key_value_heads(config: Any) -> int:
    """Return the number of key-value heads of a language model's config."""
    return getattr(config, "num_key_value_heads", None) or config.num_attention_heads


def head_dim(config: Any) -> int:
    """Return the width of a language model's attention heads."""
    return getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads


def _whole_number(config: Mapping[str, Any], key: str, least: int = 1) -> int:
    value = config.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        expected = "a positive integer" if least == 1 else f"an integer, {least} or more"
        raise BridgeError(f"config.json's {key} is {value!r}: expected {expected}")
    return value


def projector_from_tensors(
    config: Mapping[str, Any], tensors: Mapping[str, torch.Tensor], language_model: Any
) -> AnyProjector:
    """Return the projector that a checkpoint's config and ``projector.*`` tensors describe.

    Parameters
    ----------
    config : mapping
        The bridge's config.json.
    tensors : mapping of str to Tensor
    language_model : config of the language model

    Raises
    ------
    BridgeError
        If config.json lacks a key, or a tensor is missing, superfluous or of another shape; each is named.
    """
    module = new_projector(config, language_model)
    expected = {f"{PREFIX}{name}": tensor.shape for name, tensor in module.state_dict().items()}
    missing, extra = sorted(expected.keys() - tensors.keys()), sorted(tensors.keys() - expected.keys())
    if missing or extra:
        raise BridgeError(f"projector tensors do not fit: missing {missing or 'none'}, extra {extra or 'none'}")
    for name, shape in expected.items():
        if tensors[name].shape != shape:
            raise BridgeError(
                f"{name} has shape {tuple(tensors[name].shape)}: expected {tuple(shape)}, "
                "as projector and language model that were trained together have it"
            )
    module.load_state_dict({name.removeprefix(PREFIX): tensor for name, tensor in tensors.items()})
    return module
