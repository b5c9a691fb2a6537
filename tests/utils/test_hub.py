from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import pytest

from smotext.errors import ModelNotFoundError
from smotext.utils.hub import hub_identity, locate, resolve_directory

REVISION = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub cache that holds org/model at one revision."""
    snapshot = tmp_path / "models--org--model" / "snapshots" / REVISION
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").write_bytes(b"")
    original = huggingface_hub.snapshot_download
    monkeypatch.setattr(
        huggingface_hub, "snapshot_download", lambda *a, **k: original(*a, **k, cache_dir=str(tmp_path))
    )
    return tmp_path


def test_a_directory_of_that_name_comes_first(hub_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "org" / "model").mkdir(parents=True)
    found = locate("org/model")
    assert found.name == str(tmp_path / "org" / "model")
    assert found.is_local


def test_home_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "model").mkdir()
    assert locate("~/model").name == str(tmp_path / "model")


def test_a_cached_model_needs_no_hub(hub_cache: Path) -> None:
    found = locate("org/model", REVISION)
    assert (found.name, found.is_local) == ("org/model", True)


def test_a_revision_that_is_not_cached_says_how_to_get_it(hub_cache: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="`hf download org/model --revision other`.*unset HF_HUB_OFFLINE"):
        locate("org/model", "other")


def test_a_cache_without_weights_does_not_count(hub_cache: Path) -> None:
    next(hub_cache.rglob("*.safetensors")).unlink()
    with pytest.raises(ModelNotFoundError, match="neither a directory nor in the hub's cache"):
        locate("org/model", REVISION)


def test_a_cache_that_lacks_a_shard_does_not_count(hub_cache: Path) -> None:
    index = next(hub_cache.rglob("*.safetensors")).with_name("model.safetensors.index.json")
    index.write_text(json.dumps({"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}))
    with pytest.raises(ModelNotFoundError, match="neither a directory nor in the hub's cache"):
        locate("org/model", REVISION)


def test_a_short_name_is_one_of_sentence_transformers(hub_cache: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="`hf download sentence-transformers/model`"):
        locate("model")


@pytest.mark.parametrize("name", ["./model", "/no/such/model", "a/b/c", "~/model"])
def test_a_path_that_is_not_there_is_not_looked_up(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/no/home")
    with pytest.raises(ModelNotFoundError, match=f"there is no directory '{name}'"):
        locate(name)


def test_a_model_on_the_hub_is_to_be_downloaded(hub_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, object]] = []
    api = SimpleNamespace(model_info=lambda name, revision, timeout: asked.append((name, revision)))
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: api)
    assert not locate("org/other", "v1").is_local
    assert asked == [("org/other", "v1")]


def test_a_model_in_the_hubs_cache_is_found_without_the_hub(tmp_path, monkeypatch):
    snapshot = tmp_path / "models--acme--bridge" / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    (snapshot / "model.safetensors").write_bytes(b"")
    refs = tmp_path / "models--acme--bridge" / "refs"
    refs.mkdir()
    (refs / "main").write_text("0" * 40)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    directory = resolve_directory("acme/bridge")
    assert directory == snapshot
    assert hub_identity(directory) == f"acme/bridge@{'0' * 40}"


def test_a_directory_is_its_own_place(tmp_path):
    assert resolve_directory(tmp_path) == tmp_path.resolve()
    assert hub_identity(tmp_path) is None
