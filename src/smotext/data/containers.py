"""Columns in the containers that people keep them in: read as plain values, and given back with rows added."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from smotext.errors import InputError

EXPECTED = "a list, a numpy array, a column of pandas, polars, pyarrow or datasets, or a table of one column"


def read_column(given: Any, name: str) -> NDArray[Any]:
    """Return the entries as an object array of Python values.

    Parameters
    ----------
    given : list, tuple or other sequence; numpy, pandas, polars or pyarrow column; or table of one column
        A sequence of another kind, such as a column of a Hugging Face dataset, is read as a list.
    name : str
        What the caller calls it, for messages.

    Returns
    -------
    ndarray, object
        One dimension, or as many as an array that was given has.

    Raises
    ------
    InputError
        If it is another kind of thing, or a table of several columns (they are named).

    Examples
    --------
    >>> import pyarrow as pa
    >>> read_column(pa.chunked_array([["a"], ["b", None]]), "texts").tolist()
    ['a', 'b', None]
    """
    if isinstance(given, np.ma.MaskedArray):
        raise InputError(f"{name} is a masked array: fill its masked entries in, or drop them")
    if isinstance(given, np.ndarray):
        return given.astype(object)
    if hasattr(given, "collect"):
        raise InputError(f"{name} is a {type(given).__name__}, whose rows are not there yet: collect() it first")
    if _is_table(given):
        return read_column(_only_column(given, name), name)
    if hasattr(given, "to_pylist"):  # pyarrow
        return _objects(given.to_pylist())
    if hasattr(given, "to_numpy") and not _is_other_series(given):  # pandas: its categories and nullable types
        return np.array(given.to_numpy(dtype=object), dtype=object)
    if nw.dependencies.is_into_series(given):
        return _objects(nw.from_native(given, series_only=True).to_list())
    if isinstance(given, Sequence):
        return _objects(list(given))
    raise InputError(f"{name} is a {type(given).__name__}: expected {EXPECTED}")


def give_back(given: Any, values: NDArray[Any], *, is_open: bool) -> Any:
    """Return values in the container of what was given; its own entries, which come first, as they were.

    Parameters
    ----------
    given
        As for :func:`read_column`.
    values : ndarray of shape (n_values,)
        At least as many as were given.
    is_open : bool
        Whether values may be none of those given, as texts are: categories are then extended, and numpy strings of
        a fixed width become objects.

    Raises
    ------
    InputError
        If the container cannot hold them.

    Examples
    --------
    >>> give_back(("a",), np.array(["a", "b"], dtype=object), is_open=True)
    ('a', 'b')
    """
    if isinstance(given, np.ndarray):
        return _give_back_numpy(given, values, is_open=is_open)
    if _is_table(given):
        return _give_back_table(given, values, is_open=is_open)
    n_given = len(given)
    if hasattr(given, "to_pylist"):
        return _give_back_arrow(given, values[n_given:].tolist())
    if hasattr(given, "to_numpy") and not _is_other_series(given):
        return _give_back_pandas(given, values, is_open=is_open)
    if nw.dependencies.is_into_series(given):
        return _give_back_series(given, values[n_given:].tolist(), is_open=is_open)
    entries = [*given, *values[n_given:].tolist()]
    return tuple(entries) if isinstance(given, tuple) else entries


def check_gives_back(given: Any, values: NDArray[Any], name: str, *, is_open: bool) -> None:
    """Raise InputError, before any model runs, if the container could not be given back with a row added.

    Parameters
    ----------
    given, is_open
        As for :func:`give_back`.
    values : ndarray of shape (n_given,)
        The entries.
    name : str
        What the caller calls it, for messages.
    """
    added = "a text that is none of those given" if is_open else values[0]
    longer = np.append(values, np.array([added], dtype=object))
    try:
        back = give_back(given, longer, is_open=is_open)
    except Exception as error:
        # The library that the container is from may raise anything.
        reason = str(error).partition("\n")[0]
        raise InputError(f"{name} is a {type(given).__name__} that takes no new row ({reason}): pass a list") from error
    if len(back) != len(longer):
        raise InputError(f"{name} is a {type(given).__name__} that takes no new row: pass a list")


def _objects(values: list[Any]) -> NDArray[np.object_]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _is_table(given: Any) -> bool:
    return nw.dependencies.is_into_dataframe(given) or hasattr(given, "column_names")


def _is_other_series(given: Any) -> bool:
    """Return whether narwhals reads it and it is none of pandas."""
    return nw.dependencies.is_into_series(given) and not (
        nw.dependencies.is_pandas_like_series(given) or nw.dependencies.is_pandas_like_index(given)
    )


def _only_column(table: Any, name: str) -> Any:
    names = list(table.column_names if hasattr(table, "column_names") else table.columns)
    if len(names) != 1:
        listed = ", ".join(map(repr, names))
        raise InputError(f"{name} has the columns {listed}: expected one; pass the column itself")
    if not nw.dependencies.is_into_dataframe(table):  # a Hugging Face dataset
        raise InputError(f"{name} is a whole {type(table).__name__}: expected its column, for example X[{names[0]!r}]")
    return nw.from_native(table, eager_only=True)[names[0]].to_native()


def _give_back_numpy(given: NDArray[Any], values: NDArray[Any], *, is_open: bool) -> NDArray[Any]:
    dtype = np.dtype(object) if is_open and given.dtype.kind == "U" else given.dtype
    if dtype != np.dtype(object):
        return values.astype(dtype)
    values = values.astype(object)
    values[: len(given)] = given.astype(object).reshape(-1)
    return values


def _give_back_table(given: Any, values: NDArray[Any], *, is_open: bool) -> Any:
    column = give_back(_only_column(given, "the table"), values, is_open=is_open)
    if hasattr(given, "schema") and hasattr(given, "column_names"):  # pyarrow: the schema has the type and metadata
        return type(given).from_arrays([column], schema=given.schema)
    return type(given)({list(given.columns)[0]: column})  # noqa: RUF015 (an Index has no next)


def _give_back_arrow(given: Any, new: list[Any]) -> Any:
    import pyarrow as pa

    added = pa.array(new, type=given.type)
    if isinstance(given, pa.ChunkedArray):
        return pa.chunked_array([*given.chunks, added], type=given.type)
    # Combining the chunks makes one dictionary of several.
    return pa.chunked_array([given, added]).combine_chunks()


def _give_back_pandas(given: Any, values: NDArray[Any], *, is_open: bool) -> Any:
    import pandas as pd

    dtype: Any = given.dtype
    is_categorical = isinstance(dtype, pd.CategoricalDtype)
    if is_open and is_categorical:
        new = dict.fromkeys(values[len(given) :].tolist())
        dtype = pd.CategoricalDtype([*dtype.categories, *(text for text in new if text not in dtype.categories)])
    elif dtype == np.dtype(object):
        values = values.astype(object)
        values[: len(given)] = np.asarray(given, dtype=object)
    if hasattr(given, "to_frame"):  # a Series, or an Index
        return type(given)(values, dtype=dtype, name=given.name)
    return pd.array(values, dtype=dtype)


def _give_back_series(given: Any, new: list[Any], *, is_open: bool) -> Any:
    series = nw.from_native(given, series_only=True)
    if is_open and isinstance(series.dtype, nw.Enum):
        # The categories are a part of the column's type, and the new values may lie outside of them.
        series = series.cast(nw.String())
    added = nw.new_series(series.name, new, series.dtype, backend=series.implementation)
    return nw.concat([series.to_frame(), added.to_frame()])[series.name].to_native()
