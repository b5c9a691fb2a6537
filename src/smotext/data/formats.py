"""The formats of tables: bytes to frame and back, character by character."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import os
import shutil
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from smotext.data.dialects import SEPARATORS, Dialect, check_text, find_dialect, open_bytes
from smotext.data.numbered_classes import ParquetClasses, classes_in_parquet, classes_of, with_names, with_numbers
from smotext.errors import InputError, missing_extra
from smotext.utils.files import atomic_write, sync_directory, temporary_name

if TYPE_CHECKING:
    import pandas as pd

FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
# Files that `save_to_disk` of a dataset leaves in its directory.
_DATASET_MARKS = ("dataset_info.json", "state.json")


def table_format(path: str | Path) -> str:
    """Return ``"csv"``, ``"tsv"``, ``"jsonl"``, ``"parquet"`` or ``"datasets"`` for a path.

    A directory, or a name without a suffix, is a Hugging Face dataset directory.

    Raises
    ------
    InputError
        If the suffix is none of those known.

    Examples
    --------
    >>> table_format("reviews.CSV.gz"), table_format("reviews")
    ('csv', 'datasets')
    >>> table_format("reviews.xlsx")
    Traceback (most recent call last):
        ...
    smotext.errors.InputError: reviews.xlsx has the suffix '.xlsx': expected .csv, .tsv, .jsonl, .ndjson, .json
    (each also with .gz), .parquet, .pq, or a Hugging Face dataset directory
    """
    path = Path(path)
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if path.is_dir() or not suffixes:
        return "datasets"
    is_zipped = suffixes[-1] == ".gz"
    suffix = "".join(suffixes[-2:] if is_zipped else suffixes[-1:])
    kind = FORMATS.get(suffix.removesuffix(".gz"))
    if kind is None or (is_zipped and kind == "parquet"):
        zippable = ", ".join(name for name, kind in FORMATS.items() if kind != "parquet")
        raise InputError(
            f"{path} has the suffix {suffix!r}: expected {zippable} (each also with .gz), .parquet, .pq, "
            "or a Hugging Face dataset directory"
        )
    return kind


def read_frame(path: Path, dialect: Dialect | None = None) -> tuple[pd.DataFrame, Any]:
    """Return the table at `path` and, from a dataset directory, its column types (from Parquet, its classes' names).

    Parameters
    ----------
    path : Path
    dialect : Dialect, optional
        Encoding and separator of a text file; UTF-8, or what its mark says, with commas or tabs by the suffix, unless
        given.

    Raises
    ------
    InputError
        If the file is empty, not in that encoding, malformed, unreadable, or of an unknown format.
    MissingExtraError
        If `path` is a dataset directory and ``datasets`` is not installed.
    """
    kind = table_format(path)
    with reading(path):
        if kind == "datasets":
            return _read_dataset(path)
        if kind == "parquet":
            return _read_parquet(path)
        dialect = dialect or find_dialect(path, kind)
        check_text(path, dialect)
        return (_read_jsonl(path, dialect) if kind == "jsonl" else _read_separated(path, dialect)), None


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what the system says of a file that cannot be read into an InputError."""
    try:
        yield
    except InputError:
        raise
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path} is not a whole gzip file: {error}") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error


def write_frame(
    frame: pd.DataFrame,
    path: Path,
    *,
    mode: int = 0o666,
    features: Any = None,
    separator: str | None = None,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write the table in the format of the path's suffix, whole or not at all; replaces what is there.

    Text files are written in UTF-8; `separator` is used instead of the comma in CSV, and `metadata` is kept in a
    Parquet file beside the rows.
    """
    kind = table_format(path)
    if kind == "datasets":
        with arrow_errors(path):
            _write_dataset(frame, path, features)
        return
    with atomic_write(path, mode=mode) as raw, arrow_errors(path), _zipped(path, raw) as file:
        if kind == "parquet":
            import pyarrow.parquet as pq

            arrow = to_arrow(frame)
            if isinstance(features, ParquetClasses):
                arrow = with_numbers(arrow, features.names).replace_schema_metadata(features.metadata)
            if metadata:
                arrow = arrow.replace_schema_metadata({**(arrow.schema.metadata or {}), **metadata})
            pq.write_table(arrow, file)
        elif kind == "jsonl":
            file.writelines(_json_lines(frame))
        else:
            _write_separated(frame, file, SEPARATORS[kind] if separator is None or kind != "csv" else separator)


# -- reading ----------------------------------------------------------------------------------------------------


def _read_separated(path: Path, dialect: Dialect) -> pd.DataFrame:
    import pandas as pd

    options: dict[str, Any] = {"sep": dialect.separator, "dtype": object, "na_filter": False, "index_col": False}
    try:
        with open_bytes(path) as raw, _decoded(raw, dialect) as file:
            # The header is read as a row: pandas would rename the second of two equal names.
            cells = pd.read_csv(file, header=None, **options)
    except pd.errors.ParserError as error:
        reason = str(error).removeprefix("Error tokenizing data. C error: ").strip()
        raise InputError(f"{path} is malformed: {reason}: quote fields that hold separators or quotes") from error
    frame = cells.iloc[1:].reset_index(drop=True)
    frame.columns = pd.Index(cells.iloc[0].tolist(), dtype=object)
    return frame


def _decoded(raw: IO[bytes], dialect: Dialect, newline: str = "") -> io.TextIOWrapper:
    return io.TextIOWrapper(raw, encoding=dialect.encoding, newline=newline)


def _read_jsonl(path: Path, dialect: Dialect) -> pd.DataFrame:
    import pandas as pd

    rows = []
    with open_bytes(path) as raw, _decoded(raw, dialect, newline="\n") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                rows.append(_parse_line(line, number, path))
    columns = dict.fromkeys(name for row in rows for name in row)
    # An explicit null stays None, an absent entry is NaN: both come back as they were.
    cells = {name: pd.Series([row.get(name, np.nan) for row in rows], dtype=object) for name in columns}
    return pd.DataFrame(cells)


def _parse_line(line: str, number: int, path: Path) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        hint = " (a JSON array? expected JSON lines: jq -c '.[]')" if number == 1 and line.startswith("[") else ""
        raise InputError(f"{path}, line {number} is not JSON: {error.msg}{hint}") from error
    if not isinstance(row, dict):
        hint = ": turn an array into lines with jq -c '.[]'" if isinstance(row, list) else ""
        raise InputError(f"{path}, line {number} is not an object: expected one {{...}} per line{hint}")
    if "\\u" in line:
        # An escape is the only way to an unpaired surrogate, which neither files nor tokenizers take.
        try:
            json.dumps(row, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            code = f"\\u{ord(error.object[error.start]):04x}"
            raise InputError(f"{path}, line {number} holds {code}, half a character: remove or replace it") from error
    return row


def _read_parquet(path: Path) -> tuple[pd.DataFrame, ParquetClasses | None]:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
        names = schema.names
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise InputError(f"{path} has more than one column named {', '.join(map(repr, repeated))}: rename them")
        classes = classes_in_parquet(schema.metadata)
        arrow = with_names(pq.read_table(path), classes.names if classes else {})
        return arrow.to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True), classes
    except pa.ArrowException as error:
        raise InputError(f"{path} is not a Parquet file that can be read: {error}") from error


def _read_dataset(path: Path) -> tuple[pd.DataFrame, Any]:
    import pandas as pd
    import pyarrow as pa

    if path.exists() and not path.is_dir():
        raise InputError(f"{path} has no suffix that tells its format: expected .csv, .tsv, .jsonl, .parquet, ...")
    if (path / "dataset_dict.json").is_file():
        splits = json.loads((path / "dataset_dict.json").read_text(encoding="utf-8"))["splits"]
        raise InputError(f"{path} holds the splits {', '.join(splits)}: choose one, for example {path / splits[0]}")
    if not is_dataset(path):
        raise InputError(f"{path} is a directory without a dataset: expected one that datasets' save_to_disk wrote")
    try:
        dataset = import_datasets().load_from_disk(str(path))
        if not len(dataset):
            raise InputError(f"{path} has no rows: expected labelled texts")
        arrow = dataset.with_format("arrow")[:]
    except IndexError as error:
        # `datasets` raises this where no shard holds a row.
        raise InputError(f"{path} has no rows: expected labelled texts") from error
    except (pa.ArrowException, json.JSONDecodeError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not a dataset that can be read ({error}): it is damaged or incomplete") from error
    arrow = with_names(arrow, classes_of(dataset.features))
    return arrow.to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True), dataset.features


def is_dataset(path: Path) -> bool:
    """Return True for a directory that `datasets` has saved."""
    return all((path / mark).is_file() for mark in _DATASET_MARKS)


def import_datasets() -> Any:
    """Return the module, or raise an error that says how to install it."""
    try:
        import datasets
    except ImportError as error:
        raise missing_extra("datasets", "train", "a Hugging Face dataset directory") from error
    return datasets


# -- writing ----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def arrow_errors(path: str | Path) -> Iterator[None]:
    """Turn Arrow's complaints about columns of mixed types into an InputError."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError) as error:
        raise InputError(f"the columns do not fit the format of {path}: {error}: write .jsonl instead") from error


def _zipped(path: Path, raw: IO[bytes]) -> contextlib.AbstractContextManager[IO[bytes]]:
    if path.suffix.lower() != ".gz":
        return contextlib.nullcontext(raw)
    # No name and no time in the header: the same rows give the same bytes.
    return gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0)  # type: ignore[return-value]


def _write_separated(frame: pd.DataFrame, file: IO[bytes], separator: str) -> None:
    flat = frame.map(_as_cell)
    has_return = flat.map(lambda cell: isinstance(cell, str) and "\r" in cell).to_numpy().any()
    # Python 3.11 leaves a lone \r unquoted, which readers take for the end of a row.
    quoting = csv.QUOTE_ALL if has_return else csv.QUOTE_MINIMAL
    flat.to_csv(file, sep=separator, index=False, mode="wb", lineterminator="\n", quoting=quoting)


def _as_cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def _json_lines(frame: pd.DataFrame) -> Iterator[bytes]:
    columns = [_json_values(frame[name]) for name in frame.columns]
    for row in zip(*columns, strict=True):
        entries = {name: value for name, value in zip(frame.columns, row, strict=True) if value == value}
        yield (json.dumps(entries, ensure_ascii=False, default=str) + "\n").encode()


def _json_values(column: pd.Series) -> list[Any]:
    """Return plain values; NaN stands for an entry that a row does not have."""
    import pandas as pd

    return [np.nan if value is pd.NA or value is pd.NaT else value for value in column.tolist()]


def to_arrow(frame: pd.DataFrame) -> Any:
    """Return the table for pyarrow, without what pandas would note of itself."""
    import pyarrow as pa

    return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)


@contextlib.contextmanager
def _no_bars(datasets: Any) -> Iterator[None]:
    was_on = not datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if was_on:
            datasets.enable_progress_bars()


def _write_dataset(frame: pd.DataFrame, path: Path, features: Any) -> None:
    datasets = import_datasets()
    arrow = to_arrow(frame)
    if features is not None and not isinstance(features, ParquetClasses):
        known = {name: features[name] for name in arrow.column_names if name in features}
        arrow = with_numbers(arrow, classes_of(known))
        arrow_features = datasets.Features.from_arrow_schema(arrow.schema)
        arrow = arrow.cast(datasets.Features({**arrow_features, **known}).arrow_schema)
    temporary = temporary_name(path.absolute())
    shutil.rmtree(temporary, ignore_errors=True)
    with _no_bars(datasets):
        datasets.Dataset(arrow, fingerprint="smotext").save_to_disk(str(temporary))
    if path.exists():
        shutil.rmtree(path)
    os.replace(temporary, path)
    sync_directory(path.absolute().parent)
