from __future__ import annotations

import subprocess
import sys

import pytest

import smotext.privacy

HEAVY = ("torch", "pandas", "sklearn", "transformers", "imblearn", "scipy", "numpy", "opendp")


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_exported_names_are_there_and_have_their_homes():
    assert smotext.privacy.__all__ == [
        "Audit",
        "AuditSettings",
        "Privacy",
        "PrivatePlanner",
        "audit",
        "audit_generator",
    ]
    for name in smotext.privacy.__all__:
        assert getattr(smotext.privacy, name).__module__.startswith("smotext.privacy."), name
        assert name in dir(smotext.privacy)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'audits'"):
        _ = smotext.privacy.audits


def test_importing_the_package_loads_nothing_heavy():
    assert run_python(f"import sys, smotext.privacy; print([n for n in {HEAVY} if n in sys.modules])") == "[]"


def test_the_audit_and_the_mechanism_load_no_torch_and_no_opendp():
    code = (
        "import sys; from smotext.privacy import audit, audit_generator, Privacy, PrivatePlanner;"
        "print([n for n in ('torch', 'transformers', 'opendp') if n in sys.modules])"
    )
    assert run_python(code) == "[]"
