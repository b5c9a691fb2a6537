"""The examples run."""

from __future__ import annotations

import pytest

from tests.scripts import ROOT, importable


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::smotext.errors.SmotextWarning")
def test_setfit_is_fine_tuned_on_what_was_oversampled(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("setfit")
    monkeypatch.chdir(ROOT)
    with importable("examples") as load:
        found = load("finetune_setfit").main(["--model", "echo", "--pairs", "16"])
    assert found["rows"].tolist() == [19, 36]  # 12, 5 and 2 tickets; three times 12
    assert found["macro-F1"].between(1, 100).all()
