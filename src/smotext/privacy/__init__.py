"""Privacy, measured by attacks, and two ways to lower it on purpose: averaging, and differential privacy.

:func:`audit` asks what the released texts give away about the rows they were made from. :class:`Privacy` is what
``SMOTExT(privacy=...)`` takes. Nothing here calls a file private or safe.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smotext.privacy.attacks import AuditSettings
    from smotext.privacy.auditing import Audit, audit
    from smotext.privacy.privacy_option import Privacy
    from smotext.privacy.private_planner import PrivatePlanner
    from smotext.privacy.trial import audit_generator

__all__ = ["Audit", "AuditSettings", "Privacy", "PrivatePlanner", "audit", "audit_generator"]

_HOMES = {
    "Audit": "smotext.privacy.auditing",
    "AuditSettings": "smotext.privacy.attacks",
    "Privacy": "smotext.privacy.privacy_option",
    "PrivatePlanner": "smotext.privacy.private_planner",
    "audit": "smotext.privacy.auditing",
    "audit_generator": "smotext.privacy.trial",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'smotext.privacy' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
