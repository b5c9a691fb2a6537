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
        typer.Option(
            metavar="NAME",
            help="Say whether the files of a preset or a bridge directory are what they should be.",
        ),
    ] = None,
    get: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Fetch what a preset or a bridge directory needs and is not here."),
    ] = None,
) -> None:
    """List the presets: encoder, decoder, where they lie on this machine, and their size."""
    if get is not None:
        _get(get)
    if check is not None:
        _check(check)
    if check is None and get is None:
        print_rows(["preset", "", "model", "where", "size"], _preset_rows(), right=["size"])


def _preset_rows() -> list[list[str]]:
    from smotext.downloads import locate_base, locate_preset
    from smotext.presets import PRESETS

    rows = []
    for name, preset in PRESETS.items():
        places = locate_preset(name)
        for role, path in places.items():
            model = getattr(preset, role)
            size = spell_bytes(size_of(path)) if path else ""
            rows.append([name if role == "encoder" else "", role, model, _spell_place(model, path), size])
        decoder = places["decoder"]
        if decoder is not None and (named := locate_base(decoder)) is not None:
            base, path = named
            size = spell_bytes(path.stat().st_size) if path else ""
            rows.append(["", "", f"{base.repo_id}/{base.file}", _spell_place(base.repo_id, path), size])
        rows.append(["", "", preset.note, "", ""])
    return rows


def _get(name: str) -> None:
    """Fetch and print where things are."""
    from smotext.downloads import get_model

    found = get_model(name)
    if found:
        print_rows(["", "where"], [[role, str(path)] for role, path in found.items()])
    print_notes(f"all that {name!r} needs is on this machine")


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
