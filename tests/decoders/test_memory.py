from __future__ import annotations

import pytest
import torch

from smotext.decoders.memory import free_bytes


def test_memory_that_torch_keeps_unused_on_a_gpu_counts_as_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (100, 1000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 500)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 300)
    assert free_bytes(torch.device("cuda")) == 300


def test_free_memory_of_this_machine_is_a_number_of_bytes() -> None:
    assert 2**20 < free_bytes(torch.device("cpu")) < 2**50
