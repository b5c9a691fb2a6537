"""``augment --privacy dp``: what may leave the file, and what is said at the end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from smotext.cli.closing_summary import lengths, quartiles, spell_span
from smotext.cli.screen import print_notes, print_rows, spell_seconds
from smotext.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from smotext.privacy.privacy_option import Privacy

_HEADS = ("class", "public size", "groups", "synthetic", "synthetic length")


def check_nothing_else_leaves(output: Path, *, only_synthetic: bool, report: Path | None) -> None:
    """Raise InputError if more would be written than texts that were made from noisy sums."""
    if not only_synthetic:
        raise InputError(
            f"{output.name} would hold the real rows beside the synthetic ones, and --privacy dp is there to hide "
            "them: add --only-synthetic"
        )
    if report is not None:
        raise InputError(
            "--report shows what came from what, and --privacy dp keeps no lineage to make it from: leave it out"
        )


def warning_of_run(path: Path) -> str:
    """Return what to say of a run directory that stays behind."""
    return (
        f"{path} holds vectors of the real rows without noise, from which their texts can be reconstructed: never give "
        "it away, and delete it when you are done"
    )


def summarise_noisy(privacy: Privacy, made: pd.DataFrame, decoder: Any, output: Path, seconds: float) -> None:
    """Print what was written and what is guaranteed of it; nothing here is counted from the real rows."""
    from smotext.privacy.release import statement

    print_rows(_HEADS, public_rows(privacy, made, decoder), right=_HEADS[1:], to_stderr=True)
    print_notes(
        *statement(privacy),
        f"{len(made)} synthetic rows in {spell_seconds(seconds)}; lengths are quartiles, in tokens",
        "no lineage is written: beside the texts it would be a second release",
        f"output: {output}",
    )


def public_rows(privacy: Privacy, made: pd.DataFrame, decoder: Any) -> list[list[str]]:
    """Return label, public size, groups, synthetic rows and quartiles of their lengths, for each public class."""
    n_tokens, rows = lengths(decoder, made["text"].tolist()), []
    for label, size in privacy.labels:
        is_own = (made["label"] == label).to_numpy(dtype=bool)
        counts = ["" if size is None else str(size), str(privacy.n_groups[label]), str(int(is_own.sum()))]
        rows.append([str(label), *counts, spell_span(quartiles(n_tokens[is_own]))])
    return rows
