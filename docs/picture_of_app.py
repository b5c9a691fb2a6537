"""Make ``docs/pictures/app.png``: the page in the browser, between two texts, with the bundled model.

python docs/picture_of_app.py        needs the extras app and dev, and Chromium
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
FIRST = "There are three payments on my account that I did not make."
SECOND = "A man on the phone said he was from your bank and wanted the code from my message."
_PATIENCE_MS = 600_000


def main() -> None:
    """Start the page, have five texts written, and take the picture."""
    command = [sys.executable, "-m", "smotext", "app", str(ROOT / "examples" / "tickets.csv")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as program:
        assert program.stderr is not None
        address = program.stderr.readline().split()[4]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1000, "height": 900})
            page.set_default_timeout(_PATIENCE_MS)
            page.goto(address)
            # Then the table is there.
            page.locator(".js-plotly-plot").first.wait_for()
            page.get_by_role("tab", name="2 Between").click()
            page.get_by_label("First text").fill(FIRST)
            page.get_by_label("Second text").fill(SECOND)
            page.get_by_role("button", name="Write 5 texts").click()
            page.locator("figure:has-text('Your two texts') .js-plotly-plot").wait_for()
            page.wait_for_timeout(1000)
            page.screenshot(path=ROOT / "docs" / "pictures" / "app.png", full_page=True)
            browser.close()
        program.terminate()


if __name__ == "__main__":
    main()
