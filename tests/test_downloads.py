from __future__ import annotations

from pathlib import Path

import pytest

from smotext.downloads import check_preset
from smotext.errors import ModelNotFoundError, UnknownNameError


def test_checking_a_preset_that_is_not_here_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelNotFoundError, match="hf download Salesforce/SFR-Embedding-Mistral"):
        check_preset("xrag-7b")


def test_a_preset_without_facts_cannot_be_checked() -> None:
    with pytest.raises(UnknownNameError, match="expected one of xrag-7b, xrag-moe"):
        check_preset("tiny")
