"""Matrices as int8 with a scale a row: half of what bfloat16 takes on disk.

A packed matrix ``NAME`` is two tensors, so that a program that does not know them finds it missing and not wrong::

    NAME.int8         int8, the matrix's own shape; row i times scale[i] is the row
    NAME.int8_scale   float32, (n_rows,)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch

_VALUES, _SCALE = ".int8", ".int8_scale"


def pack(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors with every matrix packed; what has one axis, or more than two, stays as it is.

    Rounding moves an entry by half a 127th of its row's largest at most.

    Examples
    --------
    >>> packed = pack({"weight": torch.tensor([[127.0, -63.6], [0.0, 0.0]])})
    >>> packed["weight.int8"].tolist(), packed["weight.int8_scale"].tolist()
    ([[127, -64], [0, 0]], [1.0, 0.0])
    """
    packed = {}
    for name, tensor in tensors.items():
        if tensor.ndim != 2:
            packed[name] = tensor
            continue
        scale = tensor.float().abs().amax(dim=1) / 127
        steps = tensor.float() / torch.where(scale > 0, scale, 1.0)[:, None]
        packed[name + _VALUES], packed[name + _SCALE] = steps.round().to(torch.int8), scale
    return packed


def unpack(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors with every packed matrix as it was, in float32.

    Examples
    --------
    >>> unpack({"weight.int8": torch.tensor([[2, -1]], dtype=torch.int8), "weight.int8_scale": torch.tensor([0.5])})
    {'weight': tensor([[ 1.0000, -0.5000]])}
    """
    plain = {}
    for name, tensor in tensors.items():
        if name.endswith(_VALUES):
            name = name.removesuffix(_VALUES)
            plain[name] = tensor.float() * tensors[name + _SCALE].float()[:, None]
        elif not name.endswith(_SCALE):
            plain[name] = tensor
    return plain


def is_packed(names: Iterable[str]) -> bool:
    """Return True if one of a checkpoint's tensors is a packed matrix."""
    return any(name.endswith(_VALUES) for name in names)
