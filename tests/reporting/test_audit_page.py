from __future__ import annotations

from smotext import HashEncoder
from smotext.privacy import audit
from smotext.reporting.audit_page import audit_page
from tests.reporting.pages import HOSTILE, Page


def test_an_audit_has_a_page_that_shows_what_it_quotes_as_text():
    rows = [f"row {i} of {i * 7 % 81}: {HOSTILE}" for i in range(80)]
    found = audit(rows[::2], rows[::2], rows[1::2], encoder=HashEncoder(), with_controls=False)
    assert found.copied
    content = audit_page(found, is_private=True)
    page = Page(content)
    assert page.loaded(content) == []
    assert "img" not in page.names()
    assert page.names().count("script") == 4
    assert "Private. This page may quote real rows." in page.text
    for line in found.verdicts:
        assert line in page.text


def test_by_default_nothing_that_was_copied_is_quoted():
    rows = [f"row {i} of {i * 7 % 81}: {HOSTILE}" for i in range(80)]
    found = audit(rows[::2], rows[::2], rows[1::2], encoder=HashEncoder(), with_controls=False)
    text = Page(audit_page(found)).text
    assert "copied: synthetic row" in text
    assert HOSTILE not in text
    assert not any(run.quote in text for run in found.copied)
    assert "Private." not in text
