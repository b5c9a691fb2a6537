from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from smotext.encoders import precision
from smotext.encoders.precision import bf16_is_fast, choose_device, choose_dtype, is_out_of_memory
from smotext.errors import InputError, UnknownNameError

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    bf16_is_fast.cache_clear()
    yield
    bf16_is_fast.cache_clear()


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> dict[torch.dtype, float]:
    """What a product takes, instead of a measurement; counts the measurements under None."""
    table = {torch.float32: 3.0, torch.bfloat16: 1.0}
    monkeypatch.setattr(precision, "_product_seconds", lambda dtype: table[dtype])
    return table


def test_bf16_is_taken_where_it_is_fast(seconds: dict[torch.dtype, float]) -> None:
    assert choose_dtype(None, CPU) is torch.bfloat16


@pytest.mark.parametrize("bf16_seconds", [2.5, 30.0])
def test_float32_is_taken_where_bf16_gains_little(seconds: dict[torch.dtype, float], bf16_seconds: float) -> None:
    seconds[torch.bfloat16] = bf16_seconds
    assert choose_dtype(None, CPU) is torch.float32


def test_it_is_measured_once_and_remembered(seconds: dict[torch.dtype, float]) -> None:
    assert bf16_is_fast()
    seconds[torch.bfloat16] = 30.0
    bf16_is_fast.cache_clear()  # as in another process
    assert bf16_is_fast()


def test_the_measurement_ends_quickly_and_gives_seconds() -> None:
    assert 0 < precision._product_seconds(torch.float32) < 1


@pytest.mark.parametrize("dtype", ["float16", torch.float16, "torch.float16"])
def test_a_dtype_may_be_named_or_given(dtype: str | torch.dtype) -> None:
    assert choose_dtype(dtype, CPU) is torch.float16


def test_an_unknown_dtype_suggests_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="unknown dtype 'bfloat': .*did you mean 'bfloat16'"):
        choose_dtype("bfloat", CPU)


def test_no_device_means_what_there_is() -> None:
    expected = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert choose_device(None).type == expected


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(InputError, match="device is 'gpu': expected 'cpu', 'cuda'"):
        choose_device("gpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="torch finds no CUDA device here"):
        choose_device("cuda")


def test_out_of_memory_is_told_from_other_errors() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory"))
    assert not is_out_of_memory(RuntimeError("shapes do not fit"))


def test_measuring_leaves_torchs_threads_alone() -> None:
    before = torch.get_num_threads()
    precision._product_seconds(torch.float32)
    assert torch.get_num_threads() == before
