from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from smotext.downloads import check_preset, get_model, locate_base
from smotext.errors import ModelNotFoundError, UnknownNameError
from tests.decoders.references import FILE, change_base, make_reference_bridge


def test_checking_a_preset_that_is_not_here_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelNotFoundError, match="hf download Salesforce/SFR-Embedding-Mistral"):
        check_preset("xrag-7b")


def test_a_preset_without_files_cannot_be_checked() -> None:
    with pytest.raises(UnknownNameError, match="expected one of tiny, xrag-7b, xrag-moe"):
        check_preset("echo")


def test_the_bundled_pair_is_what_it_should_be() -> None:
    findings = check_preset("tiny")
    assert {finding.what for finding in findings} >= {
        "encoder: model.safetensors SHA-256",
        "decoder: projector tensors",
        "decoder: guidance tensors",
        "decoder: token <xRAG>",
    }
    assert all(finding.is_ok for finding in findings)


def test_a_bridge_that_names_its_language_model_is_checked_by_its_directory(tmp_path: Path) -> None:
    bridge = make_reference_bridge(tmp_path / "bridge")
    assert check_preset(str(bridge))[0].what == f"{FILE} SHA-256"


def test_a_named_language_model_is_located_with_its_reference(tmp_path: Path) -> None:
    bridge = make_reference_bridge(tmp_path / "bridge", base_directory=tmp_path / "base")
    named = locate_base(bridge)
    assert named is not None
    assert (named[0].file, named[1]) == (FILE, tmp_path / "base" / FILE)
    (tmp_path / "base" / FILE).unlink()
    named = locate_base(bridge)
    assert named is not None
    assert named[1] is None


def test_getting_says_where_everything_is(tmp_path: Path) -> None:
    bridge = make_reference_bridge(tmp_path / "bridge", base_directory=tmp_path / "base")
    assert get_model(str(bridge)) == {"decoder": bridge, "language model": tmp_path / "base" / FILE}
    assert get_model("tiny").keys() >= {"encoder", "decoder"}
    assert get_model("echo") == {}


def test_getting_fetches_the_language_model_from_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bridge = make_reference_bridge(tmp_path / "bridge", base_directory=tmp_path / "hub")
    change_base(bridge, repo_id="acme/lm")
    asked: list[str] = []
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: SimpleNamespace(model_info=lambda *a, **k: None))
    monkeypatch.setattr(
        "huggingface_hub.snapshot_download", lambda name, **k: asked.append(name) or str(tmp_path / "hub")
    )
    assert get_model(str(bridge))["language model"] == tmp_path / "hub" / FILE
    assert asked == ["acme/lm"]


def test_a_name_that_is_nothing_cannot_be_got() -> None:
    with pytest.raises(UnknownNameError, match="unknown preset to get 'tinny'.*did you mean 'tiny'"):
        get_model("tinny")
