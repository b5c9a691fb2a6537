"""``smotext models``: which presets there are, where their models lie, and whether they are what they should be."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smotext.cli.screen import print_notes, print_rows
from smotext.errors import BridgeError


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("models")(models)


def models(
    check: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Compare a downloaded preset's files with known facts; decodes nothing."),
    ] = None,
) -> None:
    """List the presets: encoder, decoder, where they lie on this machine, and their size."""
    if check is None:
        print_rows(["preset", "", "model", "where", "size"], _preset_rows(), right=["size"])
    else:
        _check(check)


def _preset_rows() -> list[list[str]]:
    from smotext.downloads import locate_preset
    from smotext.presets import PRESETS

    rows = []
    for name, preset in PRESETS.items():
        for role, path in locate_preset(name).items():
            model = getattr(preset, role)
            size = spell_bytes(size_of(path)) if path else ""
            rows.append([name if role == "encoder" else "", role, model, _spell_place(model, path), size])
        rows.append(["", "", preset.note, "", ""])
    return rows


def _check(name: str) -> None:
    """Print what was looked at; raise BridgeError if a fact does not hold."""
    from smotext.downloads import check_preset

    findings = check_preset(name)
    rows = [["ok" if fact.is_ok else "WRONG", fact.what, fact.expected, fact.given] for fact in findings]
    print_rows(["", "fact", "expected", "found"], rows)
    if wrong := [fact.what for fact in findings if not fact.is_ok]:
        raise BridgeError(f"{len(wrong)} of {len(findings)} facts about {name!r} do not hold: {'; '.join(wrong)}")
    print_notes(f"all {len(findings)} facts about {name!r} hold")


def size_of(path: Path) -> int:
    """Return the bytes of all files below a directory; the hub's cache links to them."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def spell_bytes(n_bytes: float) -> str:
    """Return a size as people say it.

    Examples
    --------
    >>> spell_bytes(999), spell_bytes(90_900_000), spell_bytes(14.5e9)
    ('999 B', '91 MB', '14 GB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 1000 or unit == "GB":
            break
        n_bytes /= 1000
    return f"{n_bytes:.0f} {unit}"


def _spell_place(model: str, path: Path | None) -> str:
    if path is not None:
        return str(path)
    return "not downloaded" if "/" in model else "in the package"
