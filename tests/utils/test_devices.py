"""Devices and number formats by name, and how running out of memory is told."""

from __future__ import annotations

import pytest
import torch

import smotext
from smotext.decoders.loading import DecoderSettings, dtype_of
from smotext.errors import InputError, UnknownNameError
from smotext.training.loop.processes import join_process_group
from smotext.utils.devices import default_device, find_device, find_dtype, is_out_of_memory


@pytest.mark.parametrize("dtype", ["float16", torch.float16, "torch.float16"])
def test_a_dtype_may_be_named_or_given(dtype: str | torch.dtype) -> None:
    assert find_dtype(dtype) is torch.float16


def test_an_unknown_dtype_suggests_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="unknown dtype 'bfloat': .*did you mean 'bfloat16'"):
        find_dtype("bfloat")


def test_the_default_device_can_be_used() -> None:
    assert find_device(default_device()).type == default_device()


@pytest.mark.parametrize(
    ("device", "has_gpu", "expected"),
    [
        (None, True, torch.bfloat16),
        (None, False, torch.float32),
        ("auto", True, torch.bfloat16),
        ("auto", False, torch.float32),
        ("cpu", True, torch.float32),
        ("cuda:1", True, torch.bfloat16),
    ],
)
def test_decoders_work_in_bfloat16_on_gpus_and_in_float32_on_cpus(
    device: str | None, has_gpu: bool, expected: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_gpu)
    assert dtype_of(DecoderSettings("bridge", device)) is expected


@pytest.mark.parametrize(
    "use",
    [
        find_device,
        lambda device: smotext.load_encoder("tiny", device=device),
        lambda device: smotext.load_decoder("tiny", device=device),
        join_process_group,
    ],
    ids=["alone", "encoder", "decoder", "training"],
)
def test_a_device_that_is_unknown_or_not_there_is_refused(use, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="device is 'gpu': expected 'cpu', 'cuda'"):
        use("gpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="torch finds no CUDA device here"):
        use("cuda")


def test_out_of_memory_is_told_from_other_errors() -> None:
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory"))
    assert is_out_of_memory(RuntimeError("MPS backend out of memory"))
    assert not is_out_of_memory(RuntimeError("shapes do not fit"))
    assert not is_out_of_memory(ValueError("out of memory"))
