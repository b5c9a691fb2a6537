"""The scripts of ``experiments/`` and ``benchmarks/``, which are no package, as modules for a while."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


@contextmanager
def importable(folder: str) -> Iterator[Callable[[str], ModuleType]]:
    """Give what imports a script of a folder by its name; skip where the folder is not there."""
    path = ROOT / folder
    if not path.is_dir():
        pytest.skip(f"needs the folder {folder}/, which an installed package lacks")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(path))
        yield importlib.import_module
    for name, module in list(sys.modules.items()):
        if Path(getattr(module, "__file__", None) or "").parent == path:
            del sys.modules[name]
