from __future__ import annotations

import subprocess
import sys

import pytest

import smotext

HEAVY = ("torch", "pandas", "sklearn", "transformers", "sentence_transformers", "imblearn", "scipy", "numpy")


def test_exported_names_are_the_contract() -> None:
    assert smotext.__all__ == [
        "EchoDecoder",
        "HashEncoder",
        "SMOTExT",
        "SMOTExTClassifier",
        "Synthetic",
        "align",
        "interpolate",
        "load_decoder",
        "load_encoder",
    ]
    for name in smotext.__all__:
        assert getattr(smotext, name).__module__.startswith("smotext."), name
        assert name in dir(smotext)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'SMOTEX'"):
        _ = smotext.SMOTEX


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = f"import sys, smotext; print([name for name in {HEAVY} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_echo_preset_loads_no_torch() -> None:
    code = (
        "import sys, smotext; s = smotext.SMOTExT('echo', k_neighbors=1, random_state=0);"
        "s.generate(['a b', 'c d'], [1, 1], n=2); print('torch' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
