from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from smotext.utils.caching import cache_directory, recall, remember, sha256_of


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SMOTEXT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_without_a_setting_it_is_the_users_cache_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SMOTEXT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = cache_directory()
    assert found is not None
    assert "smotext" in found.parts


def test_a_fact_is_remembered(directory: Path) -> None:
    assert recall("topic", "key") is None
    remember("topic", "key", 2.5)
    remember("topic", "other", [1])
    assert (recall("topic", "key"), recall("topic", "other")) == (2.5, [1])
    assert os.listdir(directory) == ["topic.json"]


@pytest.mark.parametrize("content", ["{", "[1]", "\x00"])
def test_a_damaged_file_holds_nothing_and_is_replaced(directory: Path, content: str) -> None:
    directory.mkdir()
    (directory / "topic.json").write_text(content)
    assert recall("topic", "key") is None
    remember("topic", "key", 1)
    assert recall("topic", "key") == 1


def test_off_remembers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMOTEXT_CACHE", "off")
    remember("topic", "key", 1)
    assert recall("topic", "key") is None


def test_a_directory_that_cannot_be_made_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SMOTEXT_CACHE", str(tmp_path / "file" / "cache"))
    remember("topic", "key", 1)
    assert recall("topic", "key") is None


def test_sha256_is_worked_out_once_for_the_same_size_and_mtime(directory: Path, tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(b"abc")
    stamp = path.stat().st_mtime_ns
    expected = hashlib.sha256(b"abc").hexdigest()
    assert sha256_of(path) == expected
    path.write_bytes(b"xyz")
    os.utime(path, ns=(stamp, stamp))
    assert sha256_of(path) == expected  # not read again
    os.utime(path, ns=(stamp, stamp + 1))
    assert sha256_of(path) == hashlib.sha256(b"xyz").hexdigest()
