"""Run the commands and snippets of a page, and put what they print into it.

A block of ``text`` that directly follows a block of ``bash`` or ``python`` is what that block prints. Blocks run from
the top of the page, in one empty folder that has ``examples/`` with its CSV files; Python blocks share their names.
Run from the repository's root::

    python docs/refresh_outputs.py docs/tutorial/index.md
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
WIDTH = 118
NOT_HERE = ("pip install", "python3 -m venv")  # setting up is the reader's


def refresh(page: str, folder: Path) -> str:
    """Return the page with what its blocks print when they are run in a folder.

    Blocks without a block of text after them are run as well: later ones may need what they leave.

    Raises
    ------
    subprocess.CalledProcessError
        If a command fails.
    """
    names: dict[str, Any] = {"__name__": "page"}

    def replace(match: re.Match[str]) -> str:
        language, code, printed = match.groups()
        if any(words in code for words in NOT_HERE):
            return match[0]
        found = run_python(code, names) if language == "python" else run_bash(code, folder)
        block = f"```{language}\n{code}```\n"
        return block if printed is None else "\n".join([block, "```text", found.strip("\n"), "```", ""])

    with contextlib.chdir(folder):
        return BLOCK.sub(replace, page)


def run_python(code: str, names: dict[str, Any]) -> str:
    """Return what a snippet prints; `names` are the page's, and are added to."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "<page>", "exec", dont_inherit=True), names)
    return printed.getvalue()


def run_bash(code: str, folder: Path) -> str:
    """Return what commands print, errors and warnings included, as in a terminal."""
    bin_path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", code],
        cwd=folder,
        env={**os.environ, "PATH": bin_path, "COLUMNS": str(WIDTH)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    lines = done.stdout.replace(f"{folder}/", "").splitlines()
    return "\n".join(part for line in lines for part in broken(line))


def broken(line: str) -> list[str]:
    """Return a line as the lines that a terminal of 118 columns makes of it, broken between words."""
    return [line] if len(line) <= WIDTH else textwrap.wrap(line, WIDTH, drop_whitespace=True)


def main() -> None:
    """Rewrite the pages that are named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="+", type=Path)
    for path in parser.parse_args().pages:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name).resolve()
            (folder / "examples").mkdir()
            for table in (ROOT / "examples").glob("*.csv"):
                shutil.copy(table, folder / "examples")
            path.write_text(refresh(path.read_text(encoding="utf-8"), folder), encoding="utf-8")


if __name__ == "__main__":
    main()
