"""One HTML file from a template, figures and facts; it loads nothing from anywhere."""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib.resources
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from smotext.data.output_paths import check_output_path
from smotext.errors import InputError
from smotext.reporting.charts import Chart
from smotext.utils.files import atomic_write

# Of a page, of which plotly.js takes about 1.2 MB.
MAX_BYTES = 3_000_000
_SUFFIXES = (".html", ".htm")


def render(template: str, *, title: str, charts: Sequence[Chart] = (), is_private: bool = False, **facts: Any) -> str:
    """Return the page: every text in `facts` is shown as text, whatever it holds.

    The page forbids the browser to load anything and to run any script but its own three, which it names by their
    hashes: a text that got past the escaping could still do nothing.

    Parameters
    ----------
    template : str
        A file in ``templates/``, such as ``run.html``.
    title : str
    charts : sequence of Chart
        The template shows them by name.
    is_private : bool
        Whether the page says that it shows real texts.
    facts
        What else the template asks for.

    Examples
    --------
    >>> page = render("audit.html", title="<b>", verdicts=["a < b"], columns=(), rows=(), notes=(), is_private=True)
    >>> "<title>&lt;b&gt;</title>" in page, "a &lt; b" in page
    (True, True)
    """
    scripts = (plotly_source(), template_source("drawing.js"), template_source("charts.js")) if charts else ()
    return (
        _environment()
        .get_template(template)
        .render(
            title=title,
            charts={chart.name: chart for chart in charts},
            chart_data=Markup(as_script_data([chart.drawn() for chart in charts])),
            style=Markup(template_source("colours.css") + template_source("style.css")),
            scripts=[Markup(script) for script in scripts],
            script_hashes=[_hash(script) for script in scripts],
            is_private=is_private,
            **facts,
        )
    )


def as_script_data(value: Any) -> str:
    """Return JSON that can stand in a script element: no text in it ends the element or begins a comment.

    Examples
    --------
    >>> as_script_data(["</script>"])
    '["\\\\u003c/script\\\\u003e"]'
    """
    content = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return content.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def check_page_target(path: Path, *, overwrite: bool = False) -> None:
    """Raise InputError if no page can be written to `path`, or something is there already."""
    if path.suffix.lower() not in _SUFFIXES:
        raise InputError(f"the report is {str(path)!r}: expected a name that ends in .html")
    check_output_path(path, overwrite=overwrite)


def write_page(path: Path, page: str, *, is_private: bool = False) -> None:
    """Write a page, whole or not at all; a private one can be read by its owner alone, from its first byte on."""
    with atomic_write(path, mode=0o600 if is_private else 0o666) as file:
        file.write(page.encode("utf-8", errors="replace"))


@functools.cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("smotext.reporting"),
        autoescape=True,
        # A fact that is missing is an error, not a gap in the page.
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def template_source(name: str) -> str:
    """Return a file in ``templates/``, such as a style sheet or a script."""
    return (importlib.resources.files("smotext.reporting") / "templates" / name).read_text(encoding="utf-8")


@functools.cache
def plotly_source() -> str:
    """Return plotly.js, its basic bundle."""
    path = importlib.resources.files("smotext.reporting") / "plotly" / "plotly-basic.min.js"
    return path.read_text(encoding="utf-8")


def _hash(script: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"
