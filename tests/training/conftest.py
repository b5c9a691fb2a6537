"""One toy bridge for all tests of the package."""

from __future__ import annotations

from pathlib import Path

import pytest

from smotext.training.build import train_bridge
from tests.training import toy


@pytest.fixture(scope="session")
def toy_bridge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bridge that has learned the 32 toy texts by heart, every weight trained; with a guidance head."""
    folder = tmp_path_factory.mktemp("toy")
    made = train_bridge(toy.job(folder, guidance=0.0), folder / "bridge", toy.settings(), encoder=toy.encoder())
    return made
