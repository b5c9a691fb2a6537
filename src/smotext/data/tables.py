"""Tables of labelled texts: read, checked, put together with the synthetic rows, written whole or not at all.

Texts and labels come back as they were written, character by character: ``NA`` and ``null`` are texts like
any other, and in CSV and TSV every cell is a string, so that label ``007`` stays ``007``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from smotext.data.dialects import SEPARATORS, Dialect, find_dialect
from smotext.data.formats import arrow_errors, read_frame, reading, table_format, to_arrow, write_frame
from smotext.data.numbered_classes import ParquetClasses, classes_of
from smotext.data.output_paths import check_target
from smotext.data.synthetic_marks import (
    ACCEPTED_COLUMN,
    SYNTHETIC_COLUMN,
    only_synthetic_rows,
    python_values,
    without_synthetic,
)
from smotext.errors import InputError, MissingFileError, UnknownNameError, suggest

if TYPE_CHECKING:
    import pandas as pd


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
        The column types of a Hugging Face dataset, or the classes of its Parquet file, kept for writing.
    dialect : Dialect, optional
        Encoding and separator of a text file.
    n_synthetic : int
        Rows that the file marks as synthetic; they are in no other attribute.
    """

    frame: pd.DataFrame
    text_column: str
    label_column: str
    format: str
    features: Any = None
    dialect: Dialect | None = None
    n_synthetic: int = 0

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def texts(self) -> NDArray[np.object_]:
        """The texts, shape (n_rows,); a missing one is NaN."""
        return python_values(self.frame[self.text_column])

    @property
    def labels(self) -> NDArray[np.object_]:
        """The classes, shape (n_rows,): strings from CSV and TSV, else of the file's own type."""
        return python_values(self.frame[self.label_column])


def read_table(
    path: str | Path,
    *,
    text_column: str = "text",
    label_column: str = "label",
    separator: str | None = None,
    encoding: str | None = None,
    wants_synthetic: bool = False,
) -> Table:
    """Return the table in a CSV, TSV, JSON-lines or Parquet file, or in a Hugging Face dataset directory.

    Rows that a column ``is_synthetic`` marks, as ``smotext augment`` writes it, are left out and counted: made from
    real rows, they would be mixed again, or stand in training and test part alike.

    Parameters
    ----------
    path : str or Path
        Its suffix tells the format; the text formats may end in ``.gz``; a directory is a dataset.
    text_column, label_column : str
        The columns that hold the text and its class.
    separator, encoding : str, optional
        Of a text file; see :func:`smotext.data.dialects.find_dialect`.
    wants_synthetic : bool
        The other way round: of a file whose rows are marked, only the synthetic ones.

    Returns
    -------
    Table
        In CSV and TSV, every cell is a string; an empty text stays empty, an empty label is missing. The classes of
        a dataset's ``ClassLabel`` column are given by name.

    Raises
    ------
    MissingFileError
        If there is nothing at `path`.
    UnknownNameError
        If a column is not there.
    InputError
        If the file is empty, not in its encoding, malformed, of an unknown format, has two columns of one name, a
        text that is no string, a row without a label, or none but synthetic rows.
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
    dialect = _dialect_of(path, kind, [text_column, label_column], separator, encoding)
    frame, features = read_frame(path, dialect)
    _check_columns(frame, path, text_column, label_column)
    gaps: set[Any] = {""} if kind in SEPARATORS else set()
    if label_column in (features.names if isinstance(features, ParquetClasses) else classes_of(features)):
        # `datasets` writes -1 where there is no label.
        gaps = {-1}
    _check_cells(frame, path, text_column, label_column, gaps=gaps)
    frame, n_synthetic = only_synthetic_rows(frame, path) if wants_synthetic else without_synthetic(frame, path)
    return Table(frame, text_column, label_column, kind, features, dialect, n_synthetic)


def check_unmarked(table: Table) -> None:
    """Raise InputError if the table was augmented before: it can't be written with its rows marked again."""
    if table.n_synthetic:
        n_rows = table.n_synthetic + len(table)
        raise InputError(
            f"{table.n_synthetic} of {n_rows} rows are marked {SYNTHETIC_COLUMN!r}, as a file that was augmented has "
            "them: give the file that it was made from, or keep only its real rows and drop that column"
        )
    if SYNTHETIC_COLUMN in table.frame.columns:
        raise InputError(
            f"the table has a column {SYNTHETIC_COLUMN!r} already, as a file that was augmented before has: "
            "rename it, or keep only the real rows and drop it"
        )


def with_synthetic(
    table: Table, texts: Any, labels: Any, *, only_synthetic: bool = False, accepted: Any = None
) -> pd.DataFrame:
    """Return the table's own rows, untouched and first, then the synthetic ones, and a column that tells them apart.

    Parameters
    ----------
    table : Table
        The real rows.
    texts, labels : sequences of length n_synthetic
        The synthetic texts and their classes; the other columns of such a row are missing.
    only_synthetic : bool
        Leave the real rows out.
    accepted : sequence of bool of length n_synthetic, optional
        Where a rejected text may stand in for one that is missing: which are none of these.

    Returns
    -------
    DataFrame
        With a bool column ``is_synthetic`` at the end, and after it ``accepted``, True for real rows, where that is
        given.

    Raises
    ------
    InputError
        If the table has a column ``is_synthetic`` already.
    """
    import pandas as pd

    check_unmarked(table)
    n_real, n_synthetic = len(table), len(texts)
    # Each column keeps its type; its new cells are missing.
    frame = table.frame.reindex(range(n_real + n_synthetic))
    for column, values in ((table.text_column, texts), (table.label_column, labels)):
        new = pd.Series(list(values), index=range(n_real, n_real + n_synthetic), dtype=object)
        frame[column] = pd.concat([table.frame[column], new.astype(table.frame[column].dtype)])
    frame[SYNTHETIC_COLUMN] = np.arange(n_real + n_synthetic) >= n_real
    if accepted is not None:
        frame[ACCEPTED_COLUMN] = np.concatenate([np.ones(n_real, dtype=bool), np.asarray(accepted, dtype=bool)])
    return frame.iloc[n_real:].reset_index(drop=True) if only_synthetic else frame


def only_texts(table: Table, texts: Sequence[Any], labels: Sequence[Any]) -> pd.DataFrame:
    """Return synthetic rows in the table's own column names, and nothing else of the table.

    A column's type may hold what stands in real rows, as categories do, and a file's metadata how many rows it has.

    Returns
    -------
    DataFrame
        With the columns of text and class, and ``is_synthetic``, which is True.
    """
    import pandas as pd

    columns = {table.text_column: list(texts), table.label_column: list(labels)}
    return pd.DataFrame({**columns, SYNTHETIC_COLUMN: True})


def check_table_output(table: Table, path: str | Path, *, overwrite: bool = False) -> None:
    """Raise, before any model runs, if the table with synthetic rows cannot be written to `path`.

    Raises
    ------
    InputError
        If `path` exists and may not be overwritten, is a directory that is no dataset, has an unknown suffix, lies
        in a directory that is missing or not writable, or if the table's columns do not fit the format.
    """
    check_unmarked(table)
    check_target(path, overwrite=overwrite)
    if table_format(path) in ("parquet", "datasets"):
        with arrow_errors(path):
            to_arrow(table.frame)


def write_table(
    frame: pd.DataFrame,
    path: str | Path,
    *,
    overwrite: bool = False,
    mode: int = 0o666,
    features: Any = None,
    separator: str | None = None,
    metadata: Mapping[str, str] | None = None,
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
    features : datasets.Features or ParquetClasses, optional
        Column types for a dataset directory, or the numbered classes for Parquet; see ``Table.features``.
    separator : str, optional
        For CSV, instead of the comma.
    metadata : mapping of str to str, optional
        Kept in a Parquet file beside the rows.

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
    write_frame(frame, Path(path), mode=mode, features=features, separator=separator, metadata=metadata)


def _check_columns(frame: pd.DataFrame, path: Path, text_column: str, label_column: str) -> None:
    names = frame.columns.tolist()
    if repeated := sorted({str(name) for name in names if names.count(name) > 1}):
        raise InputError(f"{path} has more than one column named {', '.join(map(repr, repeated))}: rename them")
    for option, name in (("text_column", text_column), ("label_column", label_column)):
        if name not in names:
            found = f"{path} has no column {name!r}{suggest(name, names)}; it has"
            if len(names) == 1:
                raise UnknownNameError(
                    f"{found} {names[0]!r} alone: texts and their labels are two columns. Add the one that is missing, "
                    "or say what separates the columns, by separator=",
                    options=["separator"],
                )
            raise UnknownNameError(f"{found} {', '.join(map(repr, names))}: choose with {option}", options=[option])
    if text_column == label_column:
        raise InputError(f"text and label are both column {text_column!r}: expected two columns")
    if frame.empty:
        raise InputError(f"{path} has a header and no rows: expected labelled texts")


def _check_cells(frame: pd.DataFrame, path: Path, text_column: str, label_column: str, *, gaps: set[Any]) -> None:
    texts, labels = python_values(frame[text_column]), python_values(frame[label_column])
    for row, text in enumerate(texts):
        if not isinstance(text, str) and text == text:  # NaN is not equal to itself
            kind = type(text).__name__
            raise InputError(f"{path}: column {text_column!r} holds {text!r} ({kind}) in row {row + 1}: expected text")
    singles = ((row, label) for row, label in enumerate(labels) if not isinstance(label, list | np.ndarray))
    missing = [row for row, label in singles if label != label or any(label == gap for gap in gaps)]
    if missing:
        raise InputError(
            f"{path}: {len(missing)} of {len(labels)} rows have no label in column {label_column!r}, the first is row "
            f"{missing[0] + 1}: fill the labels in or drop the rows"
        )


def _dialect_of(
    path: Path, kind: str, columns: list[str], separator: str | None, encoding: str | None
) -> Dialect | None:
    """Return how a text file is written; raise InputError for options that another kind of file does not have."""
    if kind in ("parquet", "datasets"):
        for option, value in (("separator", separator), ("encoding", encoding)):
            if value is not None:
                raise InputError(f"{option} is {value!r}, and {path} is no text file: leave it out", options=[option])
        return None
    with reading(path):
        return find_dialect(path, kind, columns, separator=separator, encoding=encoding)
