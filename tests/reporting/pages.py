"""What tests read out of a page: its elements, its text, what it would load; and runs to make pages of."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pandas as pd

from smotext.reporting.report_inputs import RunTables
from smotext.reporting.run_record import RunRecord

VOID = {"meta", "link", "img", "br", "hr", "input", "source", "wbr"}
LOADING = ("src", "href", "srcset", "data", "action", "poster", "background")
HOSTILE = "<script>document.title = 'owned'</script> <img src=x onerror=\"document.title = 'owned'\"> $1 {{ 7 * 7 }}"


class Page(HTMLParser):
    """A page's elements; fails on tags that don't match.

    Attributes
    ----------
    tags : list of (str, dict)
    text : str
        What a reader sees, scripts and styles left out.
    title : str
        That of the window.
    """

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = self.title = ""
        self._open: list[str] = []
        self.feed(content)
        self.close()
        assert not self._open, f"not closed: {self._open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open, f"</{tag}> was never opened"
        assert self._open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data):
        if self._open and self._open[-1] == "script":
            self.scripts[-1] += data
        elif not self._open or self._open[-1] != "style":
            self.text += data
            if self._open[-1:] == ["title"] and "head" in self._open:
                self.title += data

    def names(self) -> list[str]:
        return [tag for tag, _ in self.tags]

    def values(self, attribute: str) -> list[str]:
        return [attrs[attribute] or "" for _, attrs in self.tags if attribute in attrs]

    def loaded(self, content: str) -> list[str]:
        """Return every address that a browser would fetch."""
        found = [value for name in LOADING for value in self.values(name) if not value.startswith("#")]
        styles = re.findall(r"<style>(.*?)</style>", content, re.DOTALL) + self.values("style")
        return found + [part for style in styles for part in re.findall(r"url\([^)]*\)|@import[^;]*", style)]


def tables(texts, labels, *, real=(), real_labels=(), **columns) -> RunTables:
    """Return what a run that wrote `texts` would have left behind, each made from the first two real rows."""
    n = len(texts)
    frame = pd.DataFrame({
        "text": list(texts), "label": list(labels), "parents": [[0, 1]] * n, "weights": [[0.25, 0.75]] * n,
        "lam": [0.25] * n, "accepted": [True] * n, "reason": [""] * n, **columns,
    })  # fmt: skip
    counts = tuple((label, list(real_labels).count(label)) for label in dict.fromkeys([*real_labels, *labels]))
    record = RunRecord(
        command=("smotext", "augment", "in.csv"), counts=counts, n_synthetic=n,
        settings={"options": {"model": "echo", "random_seed": 7}}, models={"encoder": "hash-64", "decoder": "echo-1"},
    )  # fmt: skip
    return RunTables("out.csv", frame, frame[:0], list(real), list(real_labels), record)
