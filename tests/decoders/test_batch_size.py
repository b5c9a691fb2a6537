from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from smotext.decoders import batch_size
from smotext.decoders.batch_size import free_bytes, rows_per_batch
from smotext.decoders.kv_cache import keep_rows
from smotext.utils.parallel import MOST_WORKERS


def test_memory_that_torch_keeps_unused_on_a_gpu_counts_as_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (100, 1000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 500)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 300)
    assert free_bytes(torch.device("cuda")) == 300


def test_free_memory_of_this_machine_is_a_number_of_bytes() -> None:
    assert 2**20 < free_bytes(torch.device("cpu")) < 2**50


@pytest.mark.parametrize(("n_threads", "expected"), [(1, 64), (4, 16), (MOST_WORKERS, 8), (64, 8)])
def test_rows_are_shared_out_over_as_many_batches_as_run_side_by_side(
    monkeypatch: pytest.MonkeyPatch, n_threads: int, expected: int
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: n_threads)
    monkeypatch.setattr(batch_size, "rows_that_fit", lambda model, n_tokens: 256)
    assert rows_per_batch(SimpleNamespace(device=torch.device("cpu")), 64, 10) == expected


def test_rows_are_dropped_from_each_layer_where_it_is() -> None:
    """On a machine without GPUs, "meta" is the other device."""
    seen: list[Any] = []
    layers = [
        SimpleNamespace(is_initialized=True, keys=torch.empty(1, device=device), batch_select_indices=seen.append)
        for device in ("cpu", "meta")
    ]
    keep_rows(SimpleNamespace(layers=[*layers, SimpleNamespace(is_initialized=False)]), torch.tensor([0, 2]))
    assert [rows.device.type for rows in seen] == ["cpu", "meta"]
