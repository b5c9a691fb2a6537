"""Every Python snippet of README and docs runs, and every option that they name is one of its command."""

from __future__ import annotations

import lzma
import re
from pathlib import Path
from typing import Any

import pytest
import typer

from smotext import presets
from smotext.cli.entry import build_app, run

ROOT = Path(__file__).parents[1]
MADE = {"_build", "commands", "gallery", "generated"}  # folders that the site is built into
PAGES = [
    page
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    if page.is_file() and not MADE & set(page.relative_to(ROOT).parts)
]
HEAVY = {"docs/how_to/own_model.md"}  # trains a bridge
HISTORY = {"docs/research/log.md"}  # what was run once, with options of its day


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def snippets_of(page: Path) -> list[tuple[int, str]]:
    """Return the line and the code of each Python block."""
    content = page.read_text(encoding="utf-8")
    found = re.finditer(r"^```python\n(.*?)^```", content, re.MULTILINE | re.DOTALL)
    return [(content[: match.start()].count("\n") + 2, match[1]) for match in found]


def marks_of(page: Path) -> Any:
    return [pytest.mark.slow] if name_of(page) in HEAVY else []


WITH_SNIPPETS = [pytest.param(page, marks=marks_of(page), id=name_of(page)) for page in PAGES if snippets_of(page)]


@pytest.fixture
def beside_the_files(tmp_path, monkeypatch):
    """Go where the files that snippets name are there, and have the preset that needs no model stand in for tiny."""
    if not (ROOT / "examples").is_dir():
        pytest.skip("needs the folder examples/, which an installed package lacks")
    monkeypatch.chdir(tmp_path)
    for folder in ("examples", "src"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    monkeypatch.setitem(presets.PRESETS, "tiny", presets.PRESETS["echo"])
    return tmp_path


@pytest.mark.filterwarnings("ignore::smotext.errors.SmotextWarning")
@pytest.mark.parametrize("page", WITH_SNIPPETS)
def test_the_snippets_of_a_page_run_one_after_the_other(
    page: Path, beside_the_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name_of(page) in HEAVY:
        make_toys(beside_the_files, monkeypatch)
    if "balanced.csv" in "".join(code for _, code in snippets_of(page)):  # which a command on the page writes
        assert run(["augment", "examples/tickets.csv", "-o", "balanced.csv", "--quiet"]) == 0
    names: dict[str, Any] = {"__name__": "snippet"}
    for line, code in snippets_of(page):
        # as many empty lines before it as the page has, so that a traceback names the page's line
        exec(compile("\n" * (line - 1) + code, str(page), "exec", dont_inherit=True), names)


def make_toys(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the corpus and the language model that the page on bridges trains with, tiny ones."""
    from smotext.training.build import train_bridge
    from tests.training import toy

    monkeypatch.setitem(toy.CONFIG, "max_position_embeddings", 512)
    model = folder / "path" / "to" / "a-language-model"
    model.parent.mkdir(parents=True)
    train_bridge(toy.job(folder, encoder="tiny"), model, toy.settings(max_steps=2))
    with lzma.open(folder / "corpus.jsonl.xz", "wb") as file:
        file.write((folder / "corpus.jsonl").read_bytes())


def options_by_command() -> dict[str, set[str]]:
    commands = typer.main.get_command(build_app()).commands  # type: ignore[attr-defined]
    return {
        name: {"--help", *(flag for one in command.params for flag in (*one.opts, *one.secondary_opts))}
        for name, command in commands.items()
    }


@pytest.mark.parametrize("page", [page for page in PAGES if name_of(page) not in HISTORY], ids=name_of)
def test_every_option_that_a_page_names_with_its_command_is_there(page: Path) -> None:
    known = options_by_command()
    content = page.read_text(encoding="utf-8").replace("\\\n", " ")
    wrong = []
    for command, rest in re.findall(r"smotext ([a-z][a-z-]+)((?: [^`\n#]*)?)", content):
        flags = re.findall(r"(?<!\S)--?[a-z][a-z-]*", rest) if command in known else []
        wrong += [f"{command} {flag}" for flag in flags if flag not in known[command]]
    assert wrong == []
