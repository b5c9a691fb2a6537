from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from smotext.encoders import precision
from smotext.encoders.precision import bf16_is_fast, choose_device, choose_dtype

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


def test_a_dtype_asked_for_is_taken() -> None:
    assert choose_dtype("float16", CPU) is torch.float16


def test_no_device_means_what_there_is() -> None:
    expected = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert choose_device(None).type == expected
    assert choose_device("cpu").type == "cpu"


def test_measuring_leaves_torchs_threads_alone() -> None:
    before = torch.get_num_threads()
    precision._product_seconds(torch.float32)
    assert torch.get_num_threads() == before
