"""The page in a real browser: every step, two sizes, light and dark; what it asks for, and whether a text runs."""

from __future__ import annotations

import csv
import os
import threading
import time
from pathlib import Path

import pytest

from smotext import EchoDecoder, HashEncoder, SMOTExT
from smotext.app.forms import Form
from smotext.app.server import prepare, private_folder, run
from smotext.app.sheets import open_sheet
from tests.app.doubles import hostile_table, make_form, write_table
from tests.browsers import launched, needs_axe, needs_browser, needs_playwright, serious_findings
from tests.reporting.pages import HOSTILE

pytest.importorskip("gradio", reason="needs the extra app: pip install 'smotext[app]'")
pytestmark = [needs_browser, needs_playwright, pytest.mark.timeout(600)]
STEPS = ("1 Table", "2 Between", "3 Write", "4 Review")
_PATIENCE_MS = 120_000
_MB = 1 << 20


class Served:
    """A server in a thread, and what its visitors' browsers asked for."""

    def __init__(self, folder: Path, form: Form, table: Path | None) -> None:
        sheet = None if table is None else open_sheet(table)
        columns = None if sheet is None else (sheet.text_column, sheet.label_column)
        self.folder = folder
        self._served = prepare(form, sheet=sheet, columns=columns, port=0)
        self.address = f"http://127.0.0.1:{self._served.port}/"
        self._thread = threading.Thread(target=run, args=(self._served,), daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._served.server.should_exit = True
        self._thread.join(30)


@pytest.fixture
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = launched(playwright)
        yield found
        found.close()


@pytest.fixture
def serve():
    open_now: list[Served] = []
    with private_folder() as folder:

        def begin(table: Path | None, form: Form | None = None) -> Served:
            open_now.append(Served(folder, form or make_form(), table))
            return open_now[-1]

        yield begin
        for one in open_now:
            one.end()


def opened(browser, served, *, width=1280, height=900, scheme="light"):
    """Return the page when its first figure is drawn, or its first words are there."""
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    return visit(context, served)


def visit(context, served):
    page = context.new_page()
    page.set_default_timeout(_PATIENCE_MS)
    page.asked, page.complaints = [], []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("console", lambda said: page.complaints.append(said.text) if said.type == "error" else None)
    page.goto(served.address)
    page.locator(".sx-chart.js-plotly-plot, .sx-soft:has-text('No table')").first.wait_for()
    return page


def go(page, step):
    page.get_by_role("tab", name=step).click()
    page.get_by_role("tab", name=step, selected=True).wait_for()


def write(page, n: int) -> None:
    go(page, "3 Write")
    page.get_by_label("How many").fill(str(n))
    page.get_by_role("button", name="Write", exact=True).click()
    page.get_by_text("texts are ready. Read them").wait_for()


def test_every_step_works_and_asks_no_other_host(browser, serve, tmp_path):
    served = serve(write_table(tmp_path))
    page = opened(browser, served)
    go(page, "2 Between")
    page.get_by_role("button", name="Draw two texts").click()
    page.wait_for_function("document.querySelectorAll('textarea')[1].value !== ''")
    page.get_by_role("button", name="Write 5 texts").click()
    page.locator(".sx-line li").nth(4).wait_for()
    page.locator(".sx-chart.js-plotly-plot").nth(1).wait_for()
    slider = page.get_by_label("range slider for lam")
    slider.focus()
    slider.press("ArrowLeft")  # to 0.45
    page.get_by_role("button", name="Write one where lam stands").press("Enter")
    page.get_by_text("lam 0.45").wait_for()
    assert page.locator(".sx-line li[aria-current]").inner_text().startswith("lam 0.45")

    write(page, 7)
    go(page, "4 Review")
    page.get_by_text("7 kept, 0 dropped").wait_for()
    page.get_by_role("radio", name="drop", exact=True).first.check()
    page.get_by_text("6 kept, 1 dropped").wait_for()
    page.locator(".sx-slot textarea").nth(1).fill("=written by hand")  # pasted, as it were
    page.locator(".sx-slot textarea").nth(1).press("Tab")
    page.locator(".sx-entry").get_by_text("edited", exact=True).wait_for()
    page.get_by_role("button", name="Next (1 of 2)").click()
    page.get_by_text("6 of 7").wait_for()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="CSV of new texts only").click()
    with open(waiting.value.path(), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    assert [row["text"] for row in rows].index("'=written by hand") == 0, rows
    assert page.complaints == []
    assert {address.split("/")[2] for address in page.asked if not address.startswith(("data:", "blob:"))} == {
        served.address.split("/")[2]
    }


@needs_axe
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_screen_readers_keyboards_and_phones_are_served(browser, serve, tmp_path, width, scheme):
    page = opened(browser, serve(write_table(tmp_path)), width=width, scheme=scheme)
    findings = serious_findings(page)
    for step in STEPS[1:]:
        if step == "4 Review":
            write(page, 6)
        go(page, step)
        if step == "2 Between":
            page.get_by_role("button", name="Draw two texts").click()
            page.wait_for_function("document.querySelectorAll('textarea')[1].value !== ''")
            page.get_by_role("button", name="Write 5 texts").click()
            page.locator(".sx-line li").nth(4).wait_for()
        page.wait_for_timeout(700)  # for colours that fade in
        findings += serious_findings(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, step
    assert findings == []


def test_no_text_runs_or_becomes_an_element(browser, serve, tmp_path):
    page = opened(browser, serve(hostile_table(tmp_path)))
    for step in STEPS:
        go(page, step)
        if step == "1 Table":
            assert page.locator("body").inner_text().count(HOSTILE) >= 10
        if step == "2 Between":
            page.get_by_label("First text").fill(HOSTILE)
            page.get_by_label("Second text").fill("<b>bold</b> ${1+1} {{ 3 * 3 }}")
            page.get_by_role("button", name="Write 5 texts").click()
            page.locator(".sx-line li").nth(4).wait_for()
        if step == "3 Write":
            write(page, 3)
        if step == "4 Review":
            page.locator(".sx-slot textarea").first.fill(HOSTILE)
            page.locator(".sx-slot textarea").first.press("Tab")
            page.locator(".sx-entry").get_by_text("edited", exact=True).wait_for()
            page.get_by_text("Made from").first.click()
    assert "<b>bold</b>" in page.locator(".sx-entry").first.inner_text()
    assert "owned" not in page.title()
    assert page.locator("img[onerror], img[src='x'], .gradio-container script").count() == 0
    assert page.complaints == []


class Slow(EchoDecoder):
    """Takes its time, as a model does."""

    def decode_rows(self, vectors, **options):
        time.sleep(0.4)
        return super().decode_rows(vectors, **options)


def test_a_tab_that_was_closed_in_mid_run_finds_its_run_and_another_visitor_does_not(browser, serve, tmp_path):
    encoder, decoder = HashEncoder(), Slow()
    slow = Form([], lambda values: SMOTExT("echo", encoder=encoder, decoder=decoder, k_neighbors=2, random_state=0))
    served = serve(write_table(tmp_path), slow)
    context = browser.new_context()
    page = visit(context, served)
    go(page, "3 Write")
    page.get_by_label("How many").fill("60")
    page.get_by_role("button", name="Write", exact=True).click()
    page.get_by_role("progressbar").wait_for()
    page.close()
    other = opened(browser, served)
    go(other, "3 Write")
    assert other.get_by_role("progressbar").count() == 0
    again = visit(context, served)
    go(again, "3 Write")
    again.get_by_role("progressbar").wait_for()
    again.get_by_text("Written just now").wait_for()
    again.get_by_role("button", name="Stop").click()
    again.get_by_text("Stopped after").wait_for()
    write(other, 1)  # the model is free for both
    go(again, "4 Review")
    again.get_by_text("0 dropped").wait_for()


def test_a_file_of_fifty_megabytes_is_uploaded_and_its_folder_is_the_owners(browser, serve, tmp_path):
    path = tmp_path / "large.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("text,label\n")
        line = "a parcel that is late and of which nobody can tell where it is " * 8
        for row in range(50 * _MB // (len(line) + 12) + 1):
            file.write(f"{row} {line},class {row % 7}\n")
    assert os.path.getsize(path) >= 50 * _MB
    served = serve(None)
    page = opened(browser, served)
    page.locator("input[type=file]").first.set_input_files(path)
    page.get_by_text("in 7 classes").wait_for(timeout=180_000)
    assert len([*served.folder.rglob("large.csv")]) == 1
    assert served.folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("text\none\ntwo\n", "all texts are taken as one class"),
        ("text,label\n", "has a header and no rows"),
        ("", "is empty"),
    ],
)
def test_what_is_wrong_with_an_upload_stands_on_the_page(browser, serve, tmp_path, content, told):
    path = tmp_path / "mail.csv"
    path.write_text(content)
    page = opened(browser, serve(None))
    page.locator("input[type=file]").first.set_input_files(path)
    page.get_by_text(told).wait_for()
    assert "/tmp" not in page.locator("body").inner_text()


def test_a_file_that_changes_under_the_page_is_told_and_read_again(browser, serve, tmp_path):
    table = write_table(tmp_path)
    page = opened(browser, serve(table))
    write_table(tmp_path, text=["a b c", "d e f", "g h i"] * 2, label=["new"] * 6)
    go(page, "3 Write")
    page.get_by_role("button", name="Write", exact=True).click()
    page.get_by_role("alert").get_by_text("has changed since it was read").wait_for()
    go(page, "1 Table")
    page.get_by_role("button", name="The table looks wrong").click()
    page.get_by_role("button", name="Read the table again").click()
    page.get_by_text("6 rows in 1 class").wait_for()
    write(page, 2)
