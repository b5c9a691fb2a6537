"""Which device and number format a model is loaded in when the caller does not say."""

from __future__ import annotations

import platform
import time
from functools import lru_cache
from pathlib import Path

import torch

from smotext.utils.caching import recall, remember
from smotext.utils.devices import default_device, find_device, find_dtype

# bfloat16 loses digits, so it has to be clearly faster to be chosen.
_MIN_GAIN = 1.4


def choose_device(device: str | torch.device | None) -> torch.device:
    """Return the device asked for, or for None the first there is of cuda, mps and cpu.

    Raises
    ------
    InputError
        If torch does not know the device or cannot use it here.
    """
    if device is not None:
        return find_device(device)
    return torch.device("mps" if torch.backends.mps.is_available() else default_device())


def choose_dtype(dtype: str | torch.dtype | None, device: torch.device) -> torch.dtype:
    """Return the dtype asked for, or for None the fast one that is good enough for vectors.

    None is bfloat16 on GPUs that have it and on CPUs where it was measured to be at least 1.4 times as fast;
    the cosine between both vectors of a text is then above 0.999. Elsewhere it is float32.

    Raises
    ------
    UnknownNameError
        If `dtype` is none of float32, bfloat16 and float16.
    """
    if dtype is None:
        if device.type == "cuda":
            return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
        return torch.bfloat16 if device.type == "cpu" and bf16_is_fast() else torch.float32
    return find_dtype(dtype)


@lru_cache(maxsize=1)
def bf16_is_fast() -> bool:
    """Return whether this CPU multiplies bf16 matrices clearly faster than float32 ones.

    Measured once (about 0.1 s) and remembered per CPU model and torch version in the cache directory.
    """
    key = f"{_cpu_name()} | {torch.backends.cpu.get_cpu_capability()} | torch {torch.__version__}"
    gain = recall("bf16", key)
    if not isinstance(gain, int | float):
        gain = _product_seconds(torch.float32) / _product_seconds(torch.bfloat16)
        remember("bf16", key, round(gain, 2))
    return gain >= _MIN_GAIN


def _product_seconds(dtype: torch.dtype) -> float:
    """Return the seconds of a matrix product of MiniLM's shapes on one thread, the best of seven."""
    tokens, weights = torch.ones(1024, 384, dtype=dtype), torch.ones(1536, 384, dtype=dtype)
    n_threads, seconds = torch.get_num_threads(), []
    # One thread is disturbed least by other programs.
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            for _ in range(7):
                start = time.perf_counter()
                torch.nn.functional.linear(tokens, weights)
                seconds.append(time.perf_counter() - start)
    finally:
        torch.set_num_threads(n_threads)
    return min(seconds)


def _cpu_name() -> str:
    """Return the CPU's model name; Linux tells it in a file only."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def release_memory(device: torch.device) -> None:
    """Give memory that torch holds without using it back to the device."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
