"""Rows of several text columns, written as one text that a language model can go on with, and taken apart again.

``Title: Late parcel. Text: It is Thursday now.``: a sentence or more for each column, its name in front.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from smotext.errors import InputError, suggest
from smotext.utils.sentences import ends_sentence

_MOSTLY = 0.5  # share of a column's values that end a sentence, from which new ones keep their full stop


def join_record(values: Sequence[str], names: Sequence[str]) -> str:
    """Return the values of a row as one text.

    Examples
    --------
    >>> join_record(["Late parcel", "It is Thursday now!"], ["title", "text"])
    'Title: Late parcel. Text: It is Thursday now!'
    """
    return " ".join(f"{spoken(name)}: {_sentence(value)}" for name, value in zip(names, values, strict=True))


def split_record(text: str, names: Sequence[str]) -> list[str] | None:
    """Return the values in a text, or None where a name is missing, out of order, there twice, or has nothing after it.

    Examples
    --------
    >>> split_record("Title: Late parcel. Text: It is Thursday now!", ["title", "text"])
    ['Late parcel.', 'It is Thursday now!']
    >>> split_record("Text: It is Thursday now!", ["title", "text"]) is None
    True
    """
    marks = [re.escape(f"{spoken(name)}:") for name in names]
    found = re.fullmatch(r"\s*" + r"\s+".join(rf"{mark}\s*(\S.*?)" for mark in marks) + r"\s*", text, re.DOTALL)
    if found is None or any(len(re.findall(rf"(?:^|\s){mark}", text)) != 1 for mark in marks):
        return None
    return [value.strip() for value in found.groups()]


def spoken(name: str) -> str:
    """Return a column's name as it stands in a text.

    Examples
    --------
    >>> spoken("patient_history")
    'Patient history'
    """
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def check_names(names: Any) -> tuple[str, ...]:
    """Return the names of record columns.

    Raises
    ------
    InputError
        If they are not two or more different strings.
    """
    if isinstance(names, str) or not isinstance(names, Sequence) or not all(isinstance(one, str) for one in names):
        raise InputError(f"record_columns is {names!r}: expected the names of two or more text columns")
    if len(names) < 2 or len({spoken(name) for name in names}) < len(names) or not all(map(str.strip, names)):
        raise InputError(f"record_columns is {list(names)}: expected two or more different names")
    return tuple(names)


@dataclass(frozen=True)
class RecordForm:
    """A table of text columns, as texts.

    Attributes
    ----------
    table : DataFrame of pandas or polars, or pyarrow table
    names : tuple of str
        Its columns, in the order in which they are written.
    texts : list of str
        One for each row.
    keeps_stop : tuple of bool
        Of each column: whether its values end like sentences.
    """

    table: Any
    names: tuple[str, ...]
    texts: list[str]
    keeps_stop: tuple[bool, ...]

    @classmethod
    def of(cls, table: Any, names: Sequence[str]) -> RecordForm:
        """Return the form of a table.

        Raises
        ------
        InputError
            If it is no table, a column is missing or not asked for, or a row lacks a value.
        """
        names = check_names(names)
        if not nw.dependencies.is_into_dataframe(table):
            raise InputError(
                f"texts is a {type(table).__name__}, and record_columns is {list(names)}: expected a table with these "
                "columns (pandas, polars or pyarrow)"
            )
        frame = nw.from_native(table, eager_only=True)
        if missing := [name for name in names if name not in frame.columns]:
            raise InputError(f"the table has no column {missing[0]!r}{suggest(missing[0], frame.columns)}")
        if extra := [name for name in frame.columns if name not in names]:
            raise InputError(f"column {extra[0]!r} is not among record_columns: leave it out of X, or name it there")
        columns = [frame[name].to_list() for name in names]
        for name, values in zip(names, columns, strict=True):
            for row, value in enumerate(values):
                if not isinstance(value, str) or not value.strip():
                    raise InputError(f"row {row} has no {name!r} ({value!r}): fill it in, or drop the row")
        texts = [join_record(values, names) for values in zip(*columns, strict=True)]
        stops = tuple(sum(map(ends_sentence, values)) >= _MOSTLY * len(values) for values in columns)
        return cls(table, names, texts, stops)

    def split(self, text: str) -> dict[str, str]:
        """Return a new row's value in each column."""
        values = split_record(text, self.names) or [text, *[""] * (len(self.names) - 1)]
        return {
            name: value if keeps else value.removesuffix(".")
            for name, value, keeps in zip(self.names, values, self.keeps_stop, strict=True)
        }

    def with_rows(self, new: Sequence[str]) -> Any:
        """Return the table with rows added."""
        frame = nw.from_native(self.table, eager_only=True)
        rows = [self.split(text) for text in new]
        if frame.implementation.is_pyarrow():
            import pyarrow as pa

            return pa.concat_tables([self.table, pa.Table.from_pylist(rows, schema=self.table.schema)])
        columns = {
            name: nw.new_series(name, [row[name] for row in rows], dtype, backend=frame.implementation)
            for name, dtype in frame.schema.items()
        }
        # The rows of pandas are numbered anew, as those of any column are: both parts would begin with 0.
        return nw.maybe_reset_index(nw.concat([frame, nw.from_dict(columns, backend=frame.implementation)])).to_native()


def _sentence(value: str) -> str:
    line = " ".join(value.split())
    return line if ends_sentence(line) else f"{line}."
