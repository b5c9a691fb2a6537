"""The files of labelled texts that commands are given: read alike everywhere, and what was seen in them told."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smotext.errors import InputError, SmotextWarning, UnknownNameError, suggest

if TYPE_CHECKING:
    import pandas as pd

    from smotext.cli.options import ColumnOptions
    from smotext.data.label_sets import LabelSets
    from smotext.data.tables import Table

_SPELT = {"\t": "tabs", ";": "semicolons", ",": "commas", "|": "bars"}


def read_labelled(file: Path, columns: ColumnOptions, *, takes_sets: bool = False) -> Table:
    """Return the real rows of a file of labelled texts; with `takes_sets` a cell may be a list of labels.

    Raises
    ------
    InputError
        If the file, a column or a label cannot be used.

    Warns
    -----
    SmotextWarning
        If labels differ only by spaces or case.
    """
    from smotext.data.label_sets import has_label_sets
    from smotext.data.validation import alike_note, check_labels

    table = table_of(file, columns)
    if takes_sets and has_label_sets(table.labels):
        return table
    for note in alike_note(check_labels(table.labels, len(table))):
        warnings.warn(note, SmotextWarning, stacklevel=2)
    return table


def read_sets(table: Table, separator: str | None) -> LabelSets | None:
    """Return the labels of texts that have several; None where cells hold one each."""
    from smotext.data.label_sets import has_label_sets, read_label_sets, split_labels

    if separator is not None:
        if not separator.strip():
            raise InputError(f"--label-separator is {separator!r}: expected what stands between labels, such as ';'")
        if has_label_sets(table.labels):
            raise InputError(f"column {table.label_column!r} holds lists of labels: leave --label-separator out")
        return read_label_sets(split_labels(table.labels, separator), len(table))
    return read_label_sets(table.labels.tolist(), len(table)) if has_label_sets(table.labels) else None


def table_of(file: Path, columns: ColumnOptions, **options: Any) -> Table:
    """Return the rows of a file, or of a data set of the hub; other options as of ``read_table``."""
    from smotext.data.remote_tables import local_table
    from smotext.data.tables import read_table

    return read_table(local_table(file), **asdict(columns), **options)


def notes_on(file: Path, table: Table) -> list[str]:
    """Return a line for each thing about a file that its reader may not expect.

    Examples
    --------
    >>> from smotext.data.dialects import Dialect
    >>> from smotext.data.tables import Table
    >>> print(*notes_on(Path("a.csv"), Table(None, "text", "label", "csv", None, Dialect("cp1252", ";"), 3)), sep="\\n")
    a.csv: read as CP1252, separated by semicolons
    a.csv: 3 rows that are marked 'is_synthetic' are left out
    """
    from smotext.data.synthetic_marks import SYNTHETIC_COLUMN

    notes = []
    if table.dialect is not None:
        ways = [] if table.dialect.is_utf8 else [f"as {table.dialect.encoding_name}"]
        separator = table.dialect.separator
        if separator not in (None, {"csv": ",", "tsv": "\t"}.get(table.format)):
            ways.append(f"separated by {_SPELT.get(str(separator), repr(separator))}")
        if ways:
            notes.append(f"{file}: read {', '.join(ways)}")
    if table.n_synthetic:
        rows = "row that is" if table.n_synthetic == 1 else "rows that are"
        verb = "is" if table.n_synthetic == 1 else "are"
        notes.append(f"{file}: {table.n_synthetic} {rows} marked {SYNTHETIC_COLUMN!r} {verb} left out")
    return notes


def frame_with(file: Path, names: Sequence[str]) -> pd.DataFrame:
    """Return the table in a file, which needs no labels but has to have columns of these names."""
    from smotext.data.formats import read_frame

    frame, _ = read_frame(file)
    if missing := [name for name in names if name not in frame.columns]:
        known = [str(name) for name in frame.columns]
        raise UnknownNameError(f"{file} has no column {missing[0]!r}{suggest(missing[0], known)}")
    return frame


def check_real(file: Path) -> None:
    """Raise InputError if a table of texts, labelled or not, marks rows as synthetic."""
    from smotext.data.formats import FORMATS, is_dataset, read_frame
    from smotext.data.synthetic_marks import SYNTHETIC_COLUMN, count_synthetic

    is_table = file.is_file() and any(suffix.lower() in FORMATS for suffix in file.suffixes)
    if not (is_table or is_dataset(file)) or file.suffix == ".xz":
        return
    frame, _ = read_frame(file)
    if n_synthetic := count_synthetic(frame, file):
        raise InputError(
            f"{file}: {n_synthetic} of {len(frame)} rows are marked {SYNTHETIC_COLUMN!r}: give the file that it was "
            "made from, or keep only its real rows"
        )
