"""Pages in a real browser: figures are drawn, nothing is refused or fetched, and no text runs."""

from __future__ import annotations

import os
import subprocess

import pytest

from smotext import HashEncoder
from smotext.reporting import page as page_module
from smotext.reporting.run_page import run_page
from tests.browsers import BROWSER, launched, needs_axe, needs_browser, needs_playwright, serious_findings
from tests.reporting.pages import HOSTILE, Page, tables

pytestmark = needs_browser


def opened(page: str, folder) -> tuple[Page, str]:
    """Return the page as the browser has it when its scripts have run, and what the browser complained of."""
    file = folder / "page.html"
    file.write_text(page, encoding="utf-8")
    command = [
        str(BROWSER), "--headless", "--disable-gpu", "--no-sandbox", "--enable-logging=stderr", "--v=0",
        f"--user-data-dir={folder / 'profile'}", "--proxy-server=127.0.0.1:9",  # where nobody listens
        "--virtual-time-budget=5000", "--dump-dom", file.as_uri(),
    ]  # fmt: skip
    environment = {**os.environ, "HOME": str(folder)}
    found = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, env=environment)
    return Page(found.stdout), "\n".join(line for line in found.stderr.splitlines() if "CONSOLE" in line)


@pytest.mark.parametrize("is_private", [False, True])
def test_a_browser_draws_every_figure_and_runs_no_text(tmp_path, is_private):
    texts = [HOSTILE, "a plain text", f"{HOSTILE} again", "<a href='javascript:alert(1)'>here</a>"]
    found = tables(texts, [HOSTILE, "b", "b", "<b>c</b>"], real=[HOSTILE, "real"], real_labels=["b", "b"])
    page, complaints = opened(run_page(found, encode=HashEncoder().encode, is_private=is_private), tmp_path)
    assert complaints == ""
    drawn = [attrs for tag, attrs in page.tags if tag == "div" and "chart" in (attrs.get("class") or "").split()]
    assert len(drawn) == 4
    assert all("js-plotly-plot" in (attrs["class"] or "") for attrs in drawn)
    assert "img" not in page.names()
    assert "out.csv" in page.text
    assert page.title
    assert "owned" not in page.title


def test_the_text_under_the_pointer_is_shown_letter_by_letter(tmp_path, monkeypatch):
    read = page_module.template_source
    point = """
    const points = [{curveNumber: 0, pointNumber: 0}], map = document.getElementById("chart-map");
    Plotly.Fx.hover(map, points);
    map.emit("plotly_click", {points});  // a pointer would do both
    """
    more = {"charts.js": point}
    monkeypatch.setattr(page_module, "template_source", lambda name: read(name) + more.get(name, ""))
    found = tables([HOSTILE, "a plain text", "another text"], ["a", "b", "b"])
    page, complaints = opened(run_page(found, encode=HashEncoder().encode), tmp_path)
    assert complaints == ""
    panel = page.text.rpartition("differ most")[2]
    assert panel.count("<script>document.title") == 2  # in the label at the point, and whole below the map
    assert HOSTILE in panel


@needs_playwright
@needs_axe
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_pages_are_for_everybody_and_for_phones(tmp_path, width, scheme):
    from playwright.sync_api import sync_playwright

    texts = [f"text {number} about {'parcels' if number % 2 else 'cards'} and more" for number in range(12)]
    found = tables(texts, ["a", "b"] * 6, real=["real one here", "real two here"], real_labels=["a", "b"])
    file = tmp_path / "page.html"
    file.write_text(run_page(found, encode=HashEncoder().encode, is_private=True), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = launched(playwright)
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True)
        page.goto(file.as_uri())
        page.locator("#chart-map.js-plotly-plot").wait_for()
        assert serious_findings(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        browser.close()
