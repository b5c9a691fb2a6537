"""Imports go down the house, never up and never sideways between rooms of one floor."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "smotext"

# From the roof to the cellar; rooms of one floor don't import each other, unless they are listed as neighbours.
FLOORS = [
    {"__main__"},
    {"cli"},
    {"app", "publishing"},
    {"reporting"},
    {"evaluation", "training", "runs"},
    {"fitting"},
    {"line"},
    {"sampler"},
    {"augment", "downloads"},
    {"privacy"},
    {"presets", "writing", "rounds", "repeats"},
    {"encoders", "decoders", "filters"},
    {"settings"},
    {"mixing"},
    {"weights"},
    {"inputs", "tables", "remote_tables", "hub"},
    {"targets"},
    {"records", "formats", "containers", "parallel", "devices"},
    {"caching", "seeding", "sentences", "files", "dialects", "classes"},
    {"errors"},
]
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
FILES = sorted(path for path in SOURCE.rglob("*.py") if path != SOURCE / "__init__.py")


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def rooms_imported_by(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            if node.module == "smotext":
                names = [f"smotext.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("smotext.")}
    return found - {room_of(path)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_down(path: Path) -> None:
    floor = FLOOR_OF[room_of(path)]
    public = {
        "SMOTExT": "sampler",
        "SMOTExTClassifier": "fitting",
        "interpolate": "line",
        "load_encoder": "presets",
        "load_decoder": "presets",
    }
    for name in rooms_imported_by(path):
        room = public.get(name, name)
        if room.startswith("__"):
            continue
        assert room in FLOOR_OF, f"{room} has no floor: add it to FLOORS"
        assert FLOOR_OF[room] > floor, f"{path.name} of {room_of(path)} imports {room}, which is not below it"


def test_every_room_has_a_floor() -> None:
    rooms = {room_of(path) for path in FILES}
    assert rooms <= FLOOR_OF.keys()


def test_mixing_needs_no_torch() -> None:
    for path in (SOURCE / "mixing").glob("*.py"):
        assert "import torch" not in path.read_text(encoding="utf-8"), path.name
