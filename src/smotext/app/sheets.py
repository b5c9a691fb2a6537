"""Tables that the page is given: what columns they have, and what stands in the columns that were chosen."""

from __future__ import annotations

import contextlib
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from smotext.data.class_counts import counts_by_class
from smotext.data.dialects import find_dialect, widest_separator
from smotext.data.formats import read_frame, reading, table_format
from smotext.data.synthetic_marks import SYNTHETIC_COLUMN
from smotext.data.tables import Table, check_unmarked, read_table
from smotext.data.validation import alike_note, check_labels
from smotext.errors import InputError, MissingFileError, UnknownNameError, suggest
from smotext.reporting.text_map import choose_points

if TYPE_CHECKING:
    import pandas as pd

# The class of a table that has no labels.
ONE_CLASS = "all texts"
# More texts are not worked with at once: the encoder reads some hundred a second on a laptop.
MOST_TEXTS = 2000
# So many rows are shown.
_PREVIEWED = 5
_TEXT_NAMES = ("text", "body", "message", "content", "review", "sentence", "comment", "description", "title")
_LABEL_NAMES = ("label", "class", "category", "target", "topic", "intent", "sentiment", "y")
# The columns are guessed from so many rows.
_LOOKED_AT = 500
# Fewer classes are never taken for numbers of rows.
_MANY_CLASSES = 50

# Size and time of change of a file.
Stamp = tuple[int, int]


@dataclass(frozen=True)
class Sheet:
    """A table whose columns have not been chosen yet.

    Attributes
    ----------
    path : Path
    name : str
        What its owner calls it; an upload's path is another.
    columns : tuple of str
    text_column, label_column : str
        The likeliest ones; `label_column` is empty where no column looks like classes.
    n_rows : int
    preview : tuple of tuples of str
        The first rows.
    separator, encoding : str or None
        How a text file is read.
    stamp : (int, int)
        Says later whether the file is still the one that was read.
    """

    path: Path
    name: str
    columns: tuple[str, ...]
    text_column: str
    label_column: str
    n_rows: int
    preview: tuple[tuple[str, ...], ...]
    separator: str | None
    encoding: str | None
    stamp: Stamp

    def check_unchanged(self) -> None:
        """Raise InputError if the file is gone, or has changed since it was read."""
        try:
            now = stamp_of(self.path)
        except OSError as error:
            raise MissingFileError(f"{self.name} is gone since it was read: put it back, or choose another") from error
        if now != self.stamp:
            raise InputError(f"{self.name} has changed since it was read: read it again in step 1")


@dataclass(frozen=True)
class Data:
    """Labelled texts, checked.

    Attributes
    ----------
    sheet : Sheet
    table : Table
        All real rows, for the download.
    labels : ndarray of shape (n_rows,), object
    counts : dict of label to int
        Rows of each class, in label order.
    has_labels : bool
        False: nothing was chosen, and all texts are of one class.
    notes : tuple of str
        What a reader may not expect.
    """

    sheet: Sheet
    table: Table
    labels: NDArray[np.object_]
    counts: dict[Any, int]
    has_labels: bool
    notes: tuple[str, ...]

    def label_of(self, shown: str) -> Any:
        """Return the class that is shown by this name.

        Raises
        ------
        UnknownNameError
            If there is none.
        """
        known = {str(label): label for label in self.counts}
        if shown not in known:
            raise UnknownNameError(f"there is no class {shown!r}: choose one of the table's{suggest(shown, known)}")
        return known[shown]

    def texts_of(self, label: Any) -> list[str]:
        """Return the texts of a class that are not blank, in the table's order."""
        here = zip(self.table.texts, self.labels, strict=True)
        return [text for text, other in here if other == label and isinstance(text, str) and text.strip()]


def open_sheet(
    path: Path, name: str | None = None, *, separator: str | None = None, encoding: str | None = None
) -> Sheet:
    """Return the columns of a table and which of them are likely to be the texts and the classes.

    Raises
    ------
    MissingFileError
        If there is no such file.
    InputError
        If it cannot be read, has no rows, or no column with text in it.
    """
    name = name or path.name
    if not path.exists():
        raise MissingFileError(f"{name} does not exist: expected a table of texts")
    with _by_name(path, name):
        return _look(path, name, separator, encoding)


def _look(path: Path, name: str, separator: str | None, encoding: str | None) -> Sheet:
    stamp = stamp_of(path)
    kind = table_format(path)
    dialect = None
    if kind not in ("parquet", "datasets"):
        with reading(path):
            separator = separator or widest_separator(path, kind, encoding)
            dialect = find_dialect(path, kind, separator=separator, encoding=encoding)
    frame, _ = read_frame(path, dialect)
    if not len(frame):
        raise InputError(f"{name} has a header and no rows: expected a table of texts")
    texts = _text_columns(frame)
    if not texts:
        raise InputError(f"{name} has no column of texts: it has {', '.join(map(str, frame.columns))}")
    label = _likely_labels(frame, texts[0])
    preview = tuple(tuple(_shown(cell) for cell in row) for row in frame.head(_PREVIEWED).itertuples(index=False))
    columns = tuple(str(column) for column in frame.columns)
    return Sheet(path, name, columns, texts[0], label, len(frame), preview, separator, encoding, stamp)


def read_data(sheet: Sheet, text_column: str, label_column: str) -> Data:
    """Return the texts and classes in the chosen columns.

    Parameters
    ----------
    sheet : Sheet
    text_column : str
    label_column : str
        Empty: all texts are of one class.

    Raises
    ------
    InputError
        If the file has changed, a column cannot be used, or a row has no label.
    """
    sheet.check_unchanged()
    has_labels = bool(label_column)
    options: dict[str, Any] = {"separator": sheet.separator, "encoding": sheet.encoding}
    with _by_name(sheet.path, sheet.name):
        if has_labels:
            table = read_table(sheet.path, text_column=text_column, label_column=label_column, **options)
        else:
            table = _without_labels(sheet, text_column)
        check_unmarked(table)
    labels = check_labels(table.labels, len(table))
    counts = counts_by_class(labels)
    if not any(isinstance(text, str) and text.strip() for text in table.texts):
        raise InputError(f"column {text_column!r} of {sheet.name} holds no text: choose another column")
    return Data(sheet, table, labels, counts, has_labels, tuple(_notes(table, labels, counts, has_labels)))


def working_rows(data: Data, label: Any, most: int = MOST_TEXTS) -> NDArray[np.int64]:
    """Return the rows that are worked with, ascending: all, or `most`, half of them of the class that is written for.

    Examples
    --------
    >>> table = Table(None, "text", "label", "csv")
    >>> data = Data(None, table, np.array(["a"] * 6 + ["b"] * 9, dtype=object), {"a": 6, "b": 9}, True, ())
    >>> rows = working_rows(data, "a", most=8)
    >>> len(rows), int((rows < 6).sum())
    (8, 4)
    """
    if len(data.labels) <= most:
        return np.arange(len(data.labels))
    own = np.flatnonzero(data.labels == label)
    others = np.flatnonzero(data.labels != label)
    n_own = min(len(own), max(most // 2, most - len(others)))
    chosen = [
        part[choose_points([str(one) for one in data.labels[part]], n)]
        for part, n in ((own, n_own), (others, most - n_own))
    ]
    return np.sort(np.concatenate(chosen))


def stamp_of(path: Path) -> Stamp:
    """Return size and time of change of a file, or of what is in a directory."""
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    found = [os.stat(file) for file in files]
    return sum(one.st_size for one in found), max((one.st_mtime_ns for one in found), default=0)


@contextlib.contextmanager
def _by_name(path: Path, name: str) -> Iterator[None]:
    """Have errors call a file what its owner calls it."""
    try:
        yield
    except InputError as error:
        if str(path) == name:
            raise
        raise type(error)(str(error).replace(str(path), name).replace(path.name, name)) from error


def in_the_page(message: str) -> str:
    """Return a message in the words of the page, which has names for what are options elsewhere.

    Examples
    --------
    >>> in_the_page("--lam is 'x': expected 0.2:0.8, or allow it with --greedy")
    "the option “lam” is 'x': expected 0.2:0.8, or allow it with the option “greedy”"
    """
    return re.sub(r"--([a-z][a-z-]*)", lambda found: f"the option “{found[1].replace('-', ' ')}”", message)


def _without_labels(sheet: Sheet, text_column: str) -> Table:
    """Return a table all of whose rows are of one class, in a column that the file does not have."""
    path, kind = sheet.path, table_format(sheet.path)
    is_text = kind not in ("parquet", "datasets")
    dialect = find_dialect(path, kind, separator=sheet.separator, encoding=sheet.encoding) if is_text else None
    frame, features = read_frame(path, dialect)
    name = ONE_CLASS
    while name in frame.columns:
        name += " "
    wrong = [
        value for value in frame[text_column] if not isinstance(value, str) and value == value and value is not None
    ]
    if wrong:
        raise InputError(f"column {text_column!r} of {sheet.name} holds {wrong[0]!r}: expected text")
    return Table(frame.assign(**{name: ONE_CLASS}), text_column, name, kind, features, dialect)


def _notes(table: Table, labels: NDArray[np.object_], counts: dict[Any, int], has_labels: bool) -> list[str]:
    notes = []
    if not has_labels:
        notes.append("No column of classes was chosen: all texts are taken as one class.")
    n_blank = sum(not (isinstance(text, str) and text.strip()) for text in table.texts)
    if n_blank:
        notes.append(f"{n_blank:,} {'row has' if n_blank == 1 else 'rows have'} no text: kept, and never mixed.")
    n_single = sum(number == 1 for number in counts.values())
    if len(counts) > _MANY_CLASSES and 2 * n_single > len(counts):
        notes.append(
            f"{n_single:,} of {len(counts):,} classes have a single text, which can be reworded but not mixed: "
            "is this the column of classes, or one of numbers or names?"
        )
    return [*notes, *(f"{note[0].upper()}{note[1:]}." for note in alike_note(labels))]


def _text_columns(frame: pd.DataFrame) -> list[str]:
    """Return the columns that hold strings, the likeliest texts first."""
    lengths = {}
    for number, column in enumerate(frame.columns):
        cells = [cell for cell in frame.iloc[:_LOOKED_AT, number].tolist() if isinstance(cell, str)]
        if cells:
            lengths[str(column)] = float(np.mean([len(cell) for cell in cells]))
    return sorted(lengths, key=lambda name: (_rank(name, _TEXT_NAMES), -lengths[name]))


def _likely_labels(frame: pd.DataFrame, text_column: str) -> str:
    """Return the column whose cells recur the most, one with a usual name first; empty where none do."""
    head, found = frame.iloc[:_LOOKED_AT], []
    for number, column in enumerate(frame.columns):
        name, counts = str(column), Counter(map(_shown, head.iloc[:, number].tolist()))
        usual = _rank(name, _LABEL_NAMES)
        recurs = 1 < len(counts) <= max(2, len(head) // 2)
        if name not in (text_column, SYNTHETIC_COLUMN) and (recurs or usual < len(_LABEL_NAMES)):
            found.append((usual, len(counts), name))
    return min(found)[2] if found else ""


def _rank(name: str, usual: Sequence[str]) -> int:
    return usual.index(name.lower()) if name.lower() in usual else len(usual)


def _shown(cell: Any) -> str:
    return "" if cell is None or cell != cell else str(cell)
