"""A key-value cache in buffers of full length: nothing is copied when a token is added."""

from __future__ import annotations

from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer


class PreallocatedLayer(DynamicLayer):
    """One layer's keys and values, written into a buffer with room for the whole text.

    ``DynamicLayer`` grows by concatenation, which copies all that is cached at every step; a static layer
    attends to its whole length under a mask. This one hands out the filled part of its buffer as a view.

    Parameters
    ----------
    capacity : int
        Largest number of tokens, prompt included.
    """

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self.capacity = capacity
        self.length = 0

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Allocate the buffers in the shape and type of the first states."""
        super().lazy_initialization(key_states, value_states)
        self._keys = key_states.new_empty((*key_states.shape[:2], self.capacity, key_states.shape[3]))
        self._values = value_states.new_empty((*value_states.shape[:2], self.capacity, value_states.shape[3]))

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append the states; return all keys and values so far, as views."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        end = self.length + key_states.shape[-2]
        self._keys[:, :, self.length : end] = key_states
        self._values[:, :, self.length : end] = value_states
        self.length = end
        self.keys, self.values = self._keys[:, :, :end], self._values[:, :, :end]
        return self.keys, self.values

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep only the rows `indices` of the batch."""
        self._keys, self._values = self._keys[indices], self._values[indices]
        self.keys, self.values = self._keys[:, :, : self.length], self._values[:, :, : self.length]


def keep_rows(cache: Any, rows: torch.Tensor) -> None:
    """Keep only these rows of the batch, in every layer that holds some: layers may lie on several GPUs."""
    for layer in cache.layers:
        if layer.is_initialized:
            layer.batch_select_indices(rows.to(layer.keys.device))


def make_cache(config: Any, capacity: int) -> Cache:
    """Return an empty cache for the model: buffers of full length for plain attention layers, else its own kind."""
    cache = DynamicCache(config=config)
    cache.layers = [PreallocatedLayer(capacity) if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache
