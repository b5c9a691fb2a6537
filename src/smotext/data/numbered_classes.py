"""Columns of numbered classes, as Hugging Face datasets write them: given by name, and numbered again when written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ClassNames = Mapping[str, Sequence[str]]
"""The names of the classes, by column; a class's number is its place."""

# The key under which `datasets` keeps the types of columns in a Parquet file.
_KEY = b"huggingface"


@dataclass(frozen=True)
class ParquetClasses:
    """The numbered classes of a Parquet file that ``datasets`` wrote.

    Attributes
    ----------
    names : mapping of str to sequence of str
    metadata : dict of bytes to bytes
        What says so in the file.
    """

    names: ClassNames
    metadata: dict[bytes, bytes]


def classes_in_parquet(metadata: Mapping[bytes, bytes] | None) -> ParquetClasses | None:
    """Return the numbered classes that a Parquet file's metadata speak of, or None.

    Examples
    --------
    >>> label = {"names": ["ham", "spam"], "_type": "ClassLabel"}
    >>> types = json.dumps({"info": {"features": {"text": {"dtype": "string", "_type": "Value"}, "label": label}}})
    >>> classes_in_parquet({b"huggingface": types.encode()}).names
    {'label': ['ham', 'spam']}
    """
    content = (metadata or {}).get(_KEY)
    try:
        features = json.loads(content)["info"]["features"] if content else {}
        names = {name: one["names"] for name, one in features.items() if one.get("_type") == "ClassLabel"}
    except (ValueError, KeyError, TypeError, AttributeError):
        # Somebody else has written something under that key.
        return None
    return ParquetClasses(names, {_KEY: content}) if content and names else None


def classes_of(features: Any) -> dict[str, list[str]]:
    """Return the names of the classes, by column, of a dataset's features; none of those where there are none."""
    return {name: list(one.names) for name, one in (features or {}).items() if type(one).__name__ == "ClassLabel"}


def with_names(arrow: Any, classes: ClassNames) -> Any:
    """Return an Arrow table with classes by name; a column with a number that has none, such as -1, as it is."""
    import pyarrow as pa

    for column, names in classes.items():
        numbers = arrow.column(column).to_pylist()
        if all(number is None or 0 <= number < len(names) for number in numbers):
            named = pa.array([None if number is None else names[number] for number in numbers], type=pa.string())
            arrow = arrow.set_column(arrow.column_names.index(column), column, named)
    return arrow


def with_numbers(arrow: Any, classes: ClassNames) -> Any:
    """Return an Arrow table with the numbers of classes where it has their names."""
    import pyarrow as pa

    for column, names in classes.items():
        if column in arrow.column_names and pa.types.is_string(arrow.schema.field(column).type):
            place = {name: number for number, name in enumerate(names)}
            numbers = [None if name is None else place[name] for name in arrow.column(column).to_pylist()]
            numbered = pa.array(numbers, type=pa.int64())
            arrow = arrow.set_column(arrow.column_names.index(column), column, numbered)
    return arrow
