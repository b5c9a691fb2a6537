"""Which way imports go, and that a name stands for one thing.

A stranger who opens a module finds what it builds on in the layers below it, and nothing that builds on it.
"""

from __future__ import annotations

import ast
import graphlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "smotext"

# From the commands down to what needs nothing. A package imports from lower layers alone: not from its own, where
# several share one.
LAYERS = [
    {"__main__"},
    {"cli"},
    {"app", "publishing"},
    {"reporting"},
    {"evaluation"},
    {"fitting", "interpolation"},
    {"runs", "sampler"},
    {"augmentation"},
    {"downloads", "privacy", "training"},
    {"presets"},
    {"decoders", "encoders", "filters"},
    {"settings"},
    {"data", "mixing"},
    {"utils"},
    {"errors", "protocols"},
]
LAYER_OF = {part: number for number, parts in enumerate(LAYERS) for part in parts}
MODULES = {
    ".".join(["smotext", *path.relative_to(SOURCE).with_suffix("").parts]).removesuffix(".__init__"): path
    for path in sorted(SOURCE.rglob("*.py"))
}
PUBLIC = {  # what `import smotext` gives by name, and the module that it then loads
    "align": "smotext.training.align",
    "SMOTExT": "smotext.sampler",
    "SMOTExTClassifier": "smotext.fitting.classifier",
    "Synthetic": "smotext.interpolation",
    "interpolate": "smotext.interpolation",
    "load_decoder": "smotext.presets",
    "load_encoder": "smotext.presets",
}


def part_of(module: str) -> str:
    """Return the package or top-level module that a module belongs to."""
    return module.split(".")[1]


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line of each import from the package, and the module that it names."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            if name.startswith("smotext."):
                name = PUBLIC.get(name.removeprefix("smotext."), name)
                while name not in MODULES and name.count(".") > 1:
                    name = name.rpartition(".")[0]
                yield node.lineno, name


@pytest.mark.parametrize("module", [name for name in MODULES if name != "smotext"])
def test_imports_go_down(module: str) -> None:
    part = part_of(module)
    assert part in LAYER_OF, f"{part} is in no layer: add it to LAYERS in {Path(__file__).name}"
    for line, imported in imports_of(MODULES[module]):
        below = part_of(imported)
        if below == part or below.startswith("__"):
            continue
        assert below in LAYER_OF, f"{below} is in no layer: add it to LAYERS in {Path(__file__).name}"
        assert LAYER_OF[below] > LAYER_OF[part], (
            f"{MODULES[module]}, line {line} imports {imported}: {below} is not in a layer below {part}; move what is "
            f"shared further down, or hand it in as an argument"
        )


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {module: {name for _, name in imports_of(path) if name in MODULES} for module, path in MODULES.items()}
    graph["smotext"] = set()  # its names are imported when they are first used
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(f"a circle of imports: {' -> '.join(reversed(error.args[1]))}")


def test_imports_are_absolute() -> None:
    for path in MODULES.values():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.ImportFrom) and node.level), f"{path}, line {node.lineno}"


def names_defined_in(path: Path) -> Iterator[str]:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (each.id for each in targets if isinstance(each, ast.Name))


def test_a_public_name_is_defined_once() -> None:
    found = defaultdict(list)
    for module, path in MODULES.items():
        if part_of(f"{module}.") == "cli":
            continue  # commands bear the names of what they call
        for name in names_defined_in(path):
            if not name.startswith("_"):
                found[name].append(module)
    twice = {name: modules for name, modules in found.items() if len(modules) > 1}
    assert not twice, f"names that mean two things: {twice}"


def test_mixing_needs_no_torch() -> None:
    for path in (SOURCE / "mixing").glob("*.py"):
        assert "import torch" not in path.read_text(encoding="utf-8"), path.name
