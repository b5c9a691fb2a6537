"""Tables of labelled texts: read, checked, put together with the synthetic rows, written whole or not at all.

Texts and labels come back as they were written, character by character: ``NA`` and ``null`` are texts like
any other, and in CSV and TSV every cell is a string, so that label ``007`` stays ``007``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from smotext.errors import InputError, MissingFileError, UnknownNameError, suggest
from smotext.files import temporary_name
from smotext.formats import (
    SEPARATORS,
    arrow_errors,
    import_datasets,
    is_dataset,
    read_frame,
    table_format,
    to_arrow,
    write_frame,
)

if TYPE_CHECKING:
    import pandas as pd

SYNTHETIC_COLUMN = "is_synthetic"


@dataclass(frozen=True)
class Table:
    """A table of labelled texts.

    Attributes
    ----------
    frame : DataFrame
        All columns, in the file's order.
    text_column, label_column : str
        Which of them hold the text and its class.
    format : {"csv", "tsv", "jsonl", "parquet", "datasets"}
        What it was read from.
    features : object, optional
        The column types of a Hugging Face dataset, kept for writing.
    """

    frame: pd.DataFrame
    text_column: str
    label_column: str
    format: str
    features: Any = None

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def texts(self) -> NDArray[np.object_]:
        """The texts, shape (n_rows,); a missing one is NaN."""
        return _objects(self.frame[self.text_column])

    @property
    def labels(self) -> NDArray[np.object_]:
        """The classes, shape (n_rows,): strings from CSV and TSV, else of the file's own type."""
        return _objects(self.frame[self.label_column])


def read_table(path: str | Path, *, text_column: str = "text", label_column: str = "label") -> Table:
    """Return the table in a CSV, TSV, JSON-lines or Parquet file, or in a Hugging Face dataset directory.

    Parameters
    ----------
    path : str or Path
        Its suffix tells the format; the text formats may end in ``.gz``; a directory is a dataset.
    text_column, label_column : str
        The columns that hold the text and its class.

    Returns
    -------
    Table
        In CSV and TSV, every cell is a string; an empty text stays empty, an empty label is missing.

    Raises
    ------
    MissingFileError
        If there is nothing at `path`.
    UnknownNameError
        If a column is not there.
    InputError
        If the file is empty, not UTF-8, malformed, of an unknown format, has two columns of one name, a text
        that is no string, or a row without a label.
    MissingExtraError
        If `path` is a dataset directory and ``datasets`` is not installed.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "mail.csv"
    >>> _ = path.write_text("text,label\\nhello,007\\nNA,spam\\n")
    >>> table = read_table(path)
    >>> table.texts.tolist(), table.labels.tolist()
    (['hello', 'NA'], ['007', 'spam'])
    """
    path = Path(path)
    kind = table_format(path)
    if not path.exists():
        raise MissingFileError(f"{path} does not exist: expected a table of labelled texts")
    frame, features = read_frame(path)
    _check_columns(frame, path, text_column, label_column)
    gaps: set[Any] = {""} if kind in SEPARATORS else set()
    if type((features or {}).get(label_column)).__name__ == "ClassLabel":
        gaps = {-1}  # what datasets writes where there is no label
    _check_cells(frame, path, text_column, label_column, gaps=gaps)
    return Table(frame, text_column, label_column, kind, features)


def with_synthetic(table: Table, texts: Any, labels: Any, *, only_synthetic: bool = False) -> pd.DataFrame:
    """Return the table's own rows, untouched and first, then the synthetic ones, and a column that tells them apart.

    Parameters
    ----------
    table : Table
        The real rows.
    texts, labels : sequences of length n_synthetic
        The synthetic texts and their classes; the other columns of such a row are missing.
    only_synthetic : bool
        Leave the real rows out.

    Returns
    -------
    DataFrame
        With a bool column ``is_synthetic`` at the end.

    Raises
    ------
    InputError
        If the table has a column ``is_synthetic`` already.
    """
    import pandas as pd

    _check_no_clash(table)
    n_real, n_synthetic = len(table), len(texts)
    frame = table.frame.reindex(range(n_real + n_synthetic))  # a column's type survives, its new cells are missing
    for column, values in ((table.text_column, texts), (table.label_column, labels)):
        new = pd.Series(list(values), index=range(n_real, n_real + n_synthetic), dtype=object)
        frame[column] = pd.concat([table.frame[column], new.astype(table.frame[column].dtype)])
    frame[SYNTHETIC_COLUMN] = np.arange(n_real + n_synthetic) >= n_real
    return frame.iloc[n_real:].reset_index(drop=True) if only_synthetic else frame


def check_output(table: Table, path: str | Path, *, overwrite: bool = False) -> None:
    """Raise, before any model runs, if the table with synthetic rows cannot be written to `path`.

    Raises
    ------
    InputError
        If `path` exists and may not be overwritten, is a directory that is no dataset, has an unknown suffix, lies
        in a directory that is missing or not writable, or if the table's columns do not fit the format.
    """
    _check_no_clash(table)
    check_target(path, overwrite=overwrite)
    if table_format(path) in ("parquet", "datasets"):
        with arrow_errors(path):
            to_arrow(table.frame)


def check_target(path: str | Path, *, overwrite: bool = False) -> None:
    """Raise if nothing can be written to `path`; see :func:`check_output`."""
    path = Path(path)
    check_name(path)
    kind = table_format(path)
    if kind == "datasets":
        import_datasets()
    if path.name == "-":
        raise InputError("the output is '-': expected the name of a file; nothing is written to standard output")
    if path.is_dir() and any(path.iterdir()) and not is_dataset(path):
        raise InputError(f"{path} is a directory that holds no dataset: choose another name; it would be replaced")
    check_place(path, overwrite=overwrite)


def check_name(path: Path) -> None:
    """Raise InputError if no file can have this name, as one that is too long."""
    try:
        path.exists()
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}: choose another name") from error


def check_place(path: Path, *, overwrite: bool = False) -> None:
    """Raise InputError if no file can be written to `path`, whatever its format, or one is there already."""
    check_name(path)
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists: choose another name, or allow it to be replaced with --overwrite")
    parent = Path(os.path.realpath(path)).parent
    if not parent.is_dir():
        raise MissingFileError(f"{parent} is no directory: create it first to write {path.name} there")
    probe = temporary_name(parent / f"{path.name}.probe")
    try:
        os.close(os.open(probe, os.O_CREAT | os.O_WRONLY, 0o600))
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}: choose another place") from error
    probe.unlink()


def write_table(
    frame: pd.DataFrame, path: str | Path, *, overwrite: bool = False, mode: int = 0o666, features: Any = None
) -> None:
    """Write the table in the format of the path's suffix, whole or not at all.

    Parameters
    ----------
    frame : DataFrame
        The rows; the index is not written.
    path : str or Path
        Where to; see :func:`table_format`.
    overwrite : bool
        Replace what is there.
    mode : int
        Permissions from the moment of creation, less the umask.
    features : datasets.Features, optional
        Column types for a dataset directory.

    Raises
    ------
    InputError
        If it exists and `overwrite` is False, or cannot be written.

    Examples
    --------
    >>> import pandas as pd, tempfile
    >>> path = Path(tempfile.mkdtemp()) / "out.tsv"
    >>> write_table(pd.DataFrame({"text": ["a b"], "is_synthetic": [True]}), path)
    >>> path.read_text()
    'text\\tis_synthetic\\na b\\tTrue\\n'
    """
    check_target(path, overwrite=overwrite)
    write_frame(frame, Path(path), mode=mode, features=features)


def _check_columns(frame: pd.DataFrame, path: Path, text_column: str, label_column: str) -> None:
    names = frame.columns.tolist()
    if repeated := sorted({str(name) for name in names if names.count(name) > 1}):
        raise InputError(f"{path} has more than one column named {', '.join(map(repr, repeated))}: rename them")
    for option, name in (("--text-column", text_column), ("--label-column", label_column)):
        if name not in names:
            listed = ", ".join(map(repr, names))
            separator = " (is it separated by semicolons?)" if len(names) == 1 and ";" in str(names[0]) else ""
            raise UnknownNameError(
                f"{path} has no column {name!r}{suggest(name, names)}; it has {listed}{separator}: choose with {option}"
            )
    if text_column == label_column:
        raise InputError(f"text and label are both column {text_column!r}: expected two columns")
    if frame.empty:
        raise InputError(f"{path} has a header and no rows: expected labelled texts")


def _check_cells(frame: pd.DataFrame, path: Path, text_column: str, label_column: str, *, gaps: set[Any]) -> None:
    texts, labels = _objects(frame[text_column]), _objects(frame[label_column])
    for row, text in enumerate(texts):
        if not isinstance(text, str) and text == text:  # NaN is not equal to itself
            kind = type(text).__name__
            raise InputError(f"{path}: column {text_column!r} holds {text!r} ({kind}) in row {row + 1}: expected text")
    missing = [row for row, label in enumerate(labels) if label != label or any(label == gap for gap in gaps)]
    if missing:
        raise InputError(
            f"{path}: {len(missing)} of {len(labels)} rows have no label in column {label_column!r}, the first is row "
            f"{missing[0] + 1}: fill the labels in or drop the rows"
        )


def _check_no_clash(table: Table) -> None:
    if SYNTHETIC_COLUMN in table.frame.columns:
        raise InputError(
            f"the table has a column {SYNTHETIC_COLUMN!r} already, as a file that was augmented before has: "
            "rename it, or keep only the real rows and drop it"
        )


def _objects(column: pd.Series) -> NDArray[np.object_]:
    """Return the column's plain Python values; missing ones are NaN."""
    values = np.empty(len(column), dtype=object)
    is_missing = column.isna().to_numpy()
    for row, (value, gone) in enumerate(zip(column.tolist(), is_missing, strict=True)):
        values[row] = np.nan if gone else value
    return values
