"""The command line: ``smotext augment``, ``interpolate``, ``plan``, ``models`` and the others."""

from smotext.cli.entry import main

__all__ = ["main"]
