"""Pages that the program itself writes: one for each command, and the defaults of the Python functions.

Nothing of these is typed by hand, so it cannot differ from what ``smotext COMMAND --help`` and the signatures say.
They are written before Sphinx looks for its pages, into ``reference/commands/`` and ``reference/defaults.md``, which
git ignores.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import typer

import smotext
import smotext.privacy
from smotext.cli.entry import build_app

KINDS = {"int": "N", "float": "NUMBER", "Path": "PATH"}
IN_PYTHON: dict[str, Callable[..., Any]] = {
    "smotext.SMOTExT": smotext.SMOTExT,
    "smotext.SMOTExTClassifier": smotext.SMOTExTClassifier,
    "smotext.interpolate": smotext.interpolate,
    "smotext.load_encoder": smotext.load_encoder,
    "smotext.load_decoder": smotext.load_decoder,
    "smotext.privacy.Privacy": smotext.privacy.Privacy,
}


def commands() -> dict[str, Any]:
    """Return each command of ``smotext`` by its name."""
    group: Any = typer.main.get_command(build_app())
    return group.commands


def page_of(name: str, command: Any) -> str:
    """Return a command's page: what it does, how it is called, and every option with its default."""
    arguments = [param for param in command.params if not is_option(param)]
    options = [param for param in command.params if is_option(param)]
    usage = " ".join(["smotext", name, *(metavar(param) for param in arguments), "[OPTIONS]"])
    parts = [f"# smotext {name}", escaped(inspect.cleandoc(command.help or "")), f"```text\n{usage}\n```"]
    if arguments:
        parts += ["## Arguments", *map(entry, arguments)]
    for panel in dict.fromkeys(map(panel_of, options)):
        parts += [f"## {panel}", *(entry(param) for param in options if panel_of(param) == panel)]
    return "\n\n".join(parts) + "\n"


def is_option(param: Any) -> bool:
    """Tell an option from an argument."""
    return any(name.startswith("-") for name in param.opts)


def panel_of(param: Any) -> str:
    """Return the heading that ``--help`` has an option under."""
    panel = getattr(param, "rich_help_panel", None)
    return panel if isinstance(panel, str) else "Options"


def metavar(param: Any) -> str:
    """Return what stands for the value of an option or argument."""
    if isinstance(given := getattr(param, "metavar", None), str):
        return given
    if not is_option(param):
        return param.name.upper()
    described = getattr(param, "type_descriptor", None)
    return KINDS.get(getattr(getattr(described, "annotation", None), "__name__", "str"), "TEXT")


def entry(param: Any) -> str:
    """Return the lines on an option: its names, what it does, and its default."""
    if is_option(param):
        value = "" if getattr(param, "is_flag", False) else f" {metavar(param)}"
        names = ", ".join(f"`{name}{value}`" for name in [*param.opts, *param.secondary_opts])
    else:
        names = f"`{metavar(param)}`"
    lines = [escaped(param.help or "")]
    if is_option(param) and param.required:
        lines.append("Must be given.")
    elif param.default is not None and param.default is not False and not callable(param.default):
        lines.append(f"Default: `{shown(param)}`.")
    return f"{names}\n: {' '.join(line for line in lines if line)}"


def shown(param: Any) -> Any:
    """Return the default as one would type it."""
    if getattr(param, "is_flag", False):
        return max(param.opts, key=len)
    return param.default


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is."""
    for character in "\\*_<>[]`":
        text = text.replace(character, f"\\{character}")
    return text


def defaults() -> str:
    """Return the page of the defaults in Python, one table for each class or function."""
    parts = [
        "# Defaults",
        "Written from the signatures of this version. What an option means stands on the page of its class or "
        "function; the command line has the same defaults where it has the option.",
    ]
    for name, thing in IN_PYTHON.items():
        role = "class" if inspect.isclass(thing) else "func"
        rows = [(f"`{param.name}`", f"`{param.default!r}`") for param in optional(thing)]
        parts += [f"## {{py:{role}}}`{name}`", table(("option", "default"), rows)]
    return "\n\n".join(parts) + "\n"


def optional(thing: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return the parameters that have a default."""
    params = inspect.signature(thing).parameters.values()
    return [param for param in params if param.default is not inspect.Parameter.empty]


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table in Markdown."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def write(app: Any) -> None:
    """Write all pages that differ from what is there."""
    folder = Path(app.srcdir) / "reference"
    pages = {folder / "commands" / f"{name}.md": page_of(name, one) for name, one in commands().items()}
    pages[folder / "defaults.md"] = defaults()
    (folder / "commands").mkdir(exist_ok=True)
    for old in set((folder / "commands").glob("*.md")) - pages.keys():
        old.unlink()
    for path, content in pages.items():
        if not path.is_file() or path.read_text(encoding="utf-8") != content:
            path.write_text(content, encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    """Have the pages written before Sphinx looks for what there is."""
    app.connect("builder-inited", write, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
