"""What encoders and decoders ask of torch: devices, number formats by name, and whether memory ran out."""

from __future__ import annotations

import torch

from smotext.errors import InputError, unknown_name

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

_BACKENDS = ("cuda", "mps", "xpu")


def default_device() -> str:
    """Return ``"cuda"`` where there is one, else ``"cpu"``."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def find_device(device: str | torch.device) -> torch.device:
    """Return the device asked for.

    Raises
    ------
    InputError
        If torch does not know the device or cannot use it here.
    """
    expected = "expected 'cpu', 'cuda', 'cuda:1', 'mps' or None"
    if not isinstance(device, str | torch.device):
        raise InputError(f"device is {device!r}: {expected}")
    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise InputError(f"device is {device!r}: {expected}") from error
    if found.type == "meta":
        raise InputError(f"device is {device!r}, which holds no numbers: {expected}")
    if found.type != "cpu" and not _is_usable(found):
        name = found.type.upper() if found.index is None else f"{found.type.upper()}:{found.index}"
        raise InputError(f"device is {device!r}, but torch finds no {name} device here: use device='cpu' or None")
    return found


def _is_usable(device: torch.device) -> bool:
    backend = torch.get_device_module(device.type) if device.type in _BACKENDS else None
    return backend is not None and backend.is_available() and (device.index or 0) < backend.device_count()


def default_dtype(device: str) -> str:
    """Return what a language model works in unless told: ``"bfloat16"`` on GPUs, ``"float32"`` on CPUs.

    bfloat16 is the fast one there; in float32 texts do not depend on the batch size. Encoders measure instead
    (:func:`smotext.encoders.precision.choose_dtype`).

    Examples
    --------
    >>> default_dtype("cuda:1"), default_dtype("cpu")
    ('bfloat16', 'float32')
    """
    return "bfloat16" if str(device).startswith("cuda") else "float32"


def find_dtype(dtype: str | torch.dtype) -> torch.dtype:
    """Return the number format of a name.

    Raises
    ------
    UnknownNameError
        If it is none of float32, bfloat16 and float16.

    Examples
    --------
    >>> find_dtype("bfloat16")
    torch.bfloat16
    """
    name = str(dtype).removeprefix("torch.")
    if name not in DTYPES:
        raise unknown_name("dtype", name, DTYPES)
    return DTYPES[name]


def is_out_of_memory(error: BaseException) -> bool:
    """Return True if the error says that memory ran out, on whatever device.

    Examples
    --------
    >>> is_out_of_memory(MemoryError()), is_out_of_memory(ValueError("out of memory"))
    (True, False)
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    # On CPUs torch's allocator raises a plain RuntimeError.
    words = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in words or "can't allocate memory" in words)
