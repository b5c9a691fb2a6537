"""The documents of a corpus file, one at a time."""

from __future__ import annotations

import gzip
import json
import lzma
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from smotext.data.formats import read_frame
from smotext.errors import InputError, MissingFileError

_OPENERS: dict[str, Callable[..., Any]] = {".xz": lzma.open, ".gz": gzip.open}
_JSON_LINES, _TABLES, _PLAIN = {".jsonl", ".ndjson", ".json"}, {".parquet"}, {".txt", ".text", ".md"}
_SEPARATED = {".csv", ".tsv"}


def read_documents(path: str | Path, text_column: str = "text") -> Iterator[str]:
    """Yield the documents of one corpus file or directory, one at a time.

    Parameters
    ----------
    path : path
        ``.jsonl``, ``.txt`` (a document a paragraph, blank lines between), either with ``.gz`` or ``.xz``;
        ``.parquet``; ``.csv`` or ``.tsv`` (read whole, also with ``.gz``); or a directory that
        ``datasets.save_to_disk`` wrote.
    text_column : str
        Field or column that holds the text.

    Raises
    ------
    MissingFileError
        If there is no such file.
    InputError
        For another kind of file, a line that is no JSON object, or a missing text column.
    """
    path = Path(path)
    if not path.exists():
        raise MissingFileError(f"corpus file {path} does not exist: name a file or a saved datasets directory")
    if path.is_dir():
        yield from _read_dataset(path, text_column)
        return
    opener, suffix = _OPENERS.get(path.suffix, open), _unpacked_suffix(path)
    if suffix in _TABLES:
        yield from _read_parquet(path, text_column)
    elif suffix in _SEPARATED:
        yield from _read_separated(path, text_column)
    elif suffix in _JSON_LINES:
        with opener(path, "rt", encoding="utf-8") as lines:
            yield from _read_json_lines(lines, path, text_column)
    elif suffix in _PLAIN:
        with opener(path, "rt", encoding="utf-8") as lines:
            yield from _read_paragraphs(lines)
    else:
        raise InputError(
            f"{path} is not a corpus: expected .jsonl, .txt (also .gz, .xz), .parquet, .csv, .tsv or a directory"
        )


def is_plain_text(path: Path) -> bool:
    """Return whether a file holds text without columns, by its name.

    Examples
    --------
    >>> is_plain_text(Path("inbox.txt.gz")), is_plain_text(Path("inbox.csv"))
    (True, False)
    """
    return _unpacked_suffix(path) in _PLAIN


def _unpacked_suffix(path: Path) -> str:
    return Path(path.stem).suffix if path.suffix in _OPENERS else path.suffix


def _read_json_lines(lines: Iterable[str], path: Path, text_column: str) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(f"{path}, line {number} is not JSON: {error}") from error
        if not isinstance(entry, dict) or not isinstance(entry.get(text_column), str):
            raise InputError(f"{path}, line {number} has no text in {text_column!r}: name the column with text_column")
        yield entry[text_column]


def _read_paragraphs(lines: Iterable[str]) -> Iterator[str]:
    paragraph: list[str] = []
    for line in lines:
        if line.strip():
            paragraph.append(line.strip())
        elif paragraph:
            yield " ".join(paragraph)
            paragraph = []
    if paragraph:
        yield " ".join(paragraph)


def _read_parquet(path: Path, text_column: str) -> Iterator[str]:
    from pyarrow import parquet

    file = parquet.ParquetFile(path)
    _check_column(path, text_column, file.schema_arrow.names)
    for batch in file.iter_batches(columns=[text_column]):
        yield from (text for text in batch.column(0).to_pylist() if text is not None)


def _read_separated(path: Path, text_column: str) -> Iterator[str]:
    frame, _ = read_frame(path)
    _check_column(path, text_column, list(frame.columns))
    yield from frame[text_column]


def _read_dataset(path: Path, text_column: str) -> Iterator[str]:
    from smotext.errors import missing_extra

    try:
        import datasets
    except ImportError as error:
        raise missing_extra("datasets", "train", "a datasets directory") from error
    loaded = datasets.load_from_disk(str(path))
    for split in loaded.values() if isinstance(loaded, datasets.DatasetDict) else [loaded]:
        _check_column(path, text_column, split.column_names)
        for row in split.select_columns([text_column]):
            if row[text_column] is not None:
                yield row[text_column]


def _check_column(path: Path, text_column: str, columns: list[str]) -> None:
    if text_column not in columns:
        raise InputError(f"{path} has no column {text_column!r}: its columns are {columns}")
