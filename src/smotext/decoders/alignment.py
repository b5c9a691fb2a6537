"""A map from another encoder's vectors to those that a bridge was trained on.

``smotext align`` fits it. It stands before the projector and before the guidance head: nothing behind it knows of the
other encoder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.errors import BridgeError, InputError

ALIGNMENT_NAME = "alignment.safetensors"
_PREFIX = "alignment."


@dataclass(frozen=True, eq=False)
class Alignment:
    """An affine map of directions: ``weight @ (vector / |vector|) + bias``.

    Parameters
    ----------
    weight : ndarray of shape (bridge_dim, vector_dim), float32
    bias : ndarray of shape (bridge_dim,), float32

    Examples
    --------
    >>> turn = Alignment(np.array([[0, 1], [1, 0]], dtype=np.float32), np.zeros(2, dtype=np.float32))
    >>> turn(np.array([[3, 0]], dtype=np.float32)).tolist()
    [[0.0, 1.0]]
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]

    @property
    def vector_dim(self) -> int:
        """Width of the vectors that it takes."""
        return self.weight.shape[1]

    @property
    def bridge_dim(self) -> int:
        """Width of the vectors that it gives."""
        return self.weight.shape[0]

    def __call__(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the bridge would be given instead of `vectors`, float32 of shape (n_rows, bridge_dim).

        Computed in float64, so that a row does not depend on those beside it.

        Raises
        ------
        InputError
            If a vector is all zeros.
        """
        unit = unit_rows(vectors).astype(np.float64)
        return (unit @ self.weight.T.astype(np.float64) + self.bias).astype(np.float32)


def unit_rows(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the vectors rescaled to length 1.

    Raises
    ------
    InputError
        If one is all zeros.
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if (lengths == 0).any():
        raise InputError(f"vector {int(np.argmin(lengths))} is all zeros: it has no direction to decode")
    return vectors / lengths


def read_alignment(directory: Path, aligned_to: str | None, bridge_dim: int) -> Alignment | None:
    """Return the map in a bridge directory; None for a bridge that was not aligned.

    Raises
    ------
    BridgeError
        If there is a map where the spec knows of none, or none where it does, or the file does not hold one to vectors
        of width `bridge_dim`.
    """
    path = directory / ALIGNMENT_NAME
    if path.is_file() != (aligned_to is not None):
        found = "there is one" if path.is_file() else "there is none"
        raise BridgeError(f"{directory}: aligned_to is {aligned_to!r} and {found} of {ALIGNMENT_NAME}: align again")
    if aligned_to is None:
        return None
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise BridgeError(f"{path} cannot be read: {error}") from error
    return _from_tensors(tensors, bridge_dim, path)


def _from_tensors(tensors: Mapping[str, NDArray[Any]], bridge_dim: int, path: Path) -> Alignment:
    shapes = {name.removeprefix(_PREFIX): tensor.shape for name, tensor in tensors.items()}
    weight = shapes.get("weight", ())
    if set(shapes) != {"weight", "bias"} or len(weight) != 2 or weight[0] != bridge_dim or shapes["bias"] != weight[:1]:
        raise BridgeError(
            f"{path} holds {shapes}: expected weight of shape ({bridge_dim}, vector_dim) and bias of ({bridge_dim},), "
            "as the bridge's projector takes them: run smotext align again"
        )
    return Alignment(*(np.asarray(tensors[f"{_PREFIX}{name}"], dtype=np.float32) for name in ("weight", "bias")))


def write_alignment(alignment: Alignment, directory: Path) -> None:
    """Write the map beside a bridge's other files."""
    from safetensors.numpy import save_file

    path = directory / ALIGNMENT_NAME
    tensors = {f"{_PREFIX}{name}": np.ascontiguousarray(getattr(alignment, name)) for name in ("weight", "bias")}
    save_file(tensors, path, metadata={"format": "np"})
