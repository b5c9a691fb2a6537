"""Where the browser and the checker of accessibility are, if they are on this machine."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_AXE = [
    Path(os.environ.get("SMOTEXT_AXE", "")),
    *(ROOT / place / "axe-core/axe.min.js" for place in ("node_modules", ".venv/node_modules")),
]
AXE = next((path for path in _AXE if path.is_file()), None)

needs_browser = pytest.mark.skipif(BROWSER is None, reason="needs Chromium: apt-get install chromium")
needs_playwright = pytest.mark.skipif(
    importlib.util.find_spec("playwright") is None, reason="needs Playwright: pip install playwright"
)
needs_axe = pytest.mark.skipif(
    AXE is None, reason="needs axe: npm install --prefix .venv axe-core, or its axe.min.js as SMOTEXT_AXE"
)


def launched(playwright: Any) -> Any:
    """Return the machine's own Chromium, which reaches no other host than this one."""
    away = "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    return playwright.chromium.launch(
        executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu", f"--host-resolver-rules={away}"]
    )


def serious_findings(page: Any) -> list[str]:
    """Return what axe finds serious or critical on the page as it is now."""
    assert AXE is not None
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")["violations"]
    return [
        f"{one['id']}: {one['help']}: {node['html'][:200]}"
        for one in found if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]  # fmt: skip
