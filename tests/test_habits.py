"""What stands in two files is the same in both, and no address is made up."""

from __future__ import annotations

import re
import textwrap
import tomllib
from pathlib import Path

import pytest
import yaml

import smotext

ROOT = Path(__file__).parents[1]
FILES = (
    "CITATION.cff",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "pyproject.toml",
    ".pre-commit-config.yaml",
    ".github/workflows/release.yml",
    ".github/workflows/tests.yml",
)


@pytest.fixture(autouse=True)
def checkout():
    if not (ROOT / ".github").is_dir():
        pytest.skip("needs a checkout: an installed package or an sdist lacks these files")


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_citation_has_the_version_and_licence_of_the_package():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert project()["dynamic"] == ["version"]  # of the one file that says it
    assert citation["version"] == smotext.__version__
    assert citation["license"] == project()["license"]
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()


def test_the_matrix_has_every_python_that_the_package_names():
    workflow = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8"))
    job = workflow["jobs"]["tests"]
    named = [words.rpartition(" ")[2] for words in project()["classifiers"] if "Python :: 3." in words]
    assert job["strategy"]["matrix"]["python"] == named
    assert job["steps"][-1] == {"run": ".ci/run"}


def test_a_release_is_published_without_a_password():
    workflow = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8"))
    publish = workflow["jobs"]["publish"]
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["steps"][-1]["uses"].startswith("pypa/gh-action-pypi-publish@")
    assert "with" not in publish["steps"][-1]


def test_the_changelog_begins_with_what_is_not_released():
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == "[Unreleased]"


@pytest.mark.parametrize("path", sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml")), ids=lambda path: path.name)
def test_issue_templates_have_what_the_forge_asks_for(path):
    template = yaml.safe_load(path.read_text(encoding="utf-8"))
    if path.name != "config.yml":
        assert {"name", "description", "body"} <= template.keys()
        ids = [part["id"] for part in template["body"] if part["type"] != "markdown"]
        assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", FILES)
def test_no_address_is_a_placeholder(name):
    content = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(r"example\.(com|org)|github\.com/(your|owner|org|user)|TODO|FIXME", content)


def test_the_method_that_contributing_quotes_is_the_method():
    quoted = re.findall(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.DOTALL)
    source = (ROOT / "src/smotext/augmentation/augment.py").read_text(encoding="utf-8")
    assert textwrap.indent(quoted[0], "    ") in source, "quote augment.py in CONTRIBUTING.md as it is now"


def test_the_tree_in_contributing_has_every_package_and_module_at_the_top():
    tree = re.search(r"```\nsrc/smotext/\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.DOTALL)
    folder = ROOT / "src/smotext"
    names = [path.stem for path in folder.glob("*.py") if path.stem != "__main__"]
    names += [f"{path.parent.name}/" for path in folder.glob("*/__init__.py")]
    assert tree is not None
    assert [name for name in names if name not in tree[1].split()] == []
