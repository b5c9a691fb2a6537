"""The files that a report is made from: an output with its lineage, or an evaluation's figures."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smotext.data.dialects import Dialect
from smotext.data.formats import is_dataset, read_frame
from smotext.data.tables import read_table
from smotext.errors import InputError, MissingFileError
from smotext.reporting.run_record import LINEAGE, RunRecord, lineage_path

if TYPE_CHECKING:
    import pandas as pd

_NEEDED = ("text", "label", "parents", "weights", "lam", "accepted", "reason")
_OF_EVALUATIONS = ("rows", "verdicts", "sentences", "closeness", "design")


@dataclass(frozen=True)
class RunTables:
    """What a run left behind.

    Attributes
    ----------
    name : str
        Of the output.
    synthetic, rejected : DataFrame
        Rows of the lineage that are in the output, and those that are not.
    real_texts, real_labels : list
        The output's own real rows; a text that is missing is empty. No rows where the output has only synthetic ones.
    record : RunRecord or None
    notes : tuple of str
        What a reader should know of the files.
    """

    name: str
    synthetic: pd.DataFrame
    rejected: pd.DataFrame
    real_texts: list[str]
    real_labels: list[str]
    record: RunRecord | None
    notes: tuple[str, ...] = ()


def read_run(output: Path, columns: dict[str, str | None] | None = None) -> RunTables:
    """Return what ``smotext augment`` wrote to `output` and beside it.

    Parameters
    ----------
    output : Path
    columns : dict, optional
        Options of :func:`smotext.data.tables.read_table` that count more than the record's; those of None are not
        given.

    Raises
    ------
    MissingFileError
        If the output or its lineage is not there.
    InputError
        If either is damaged, or they don't belong together.
    """
    if output.name.endswith(LINEAGE):
        raise InputError(f"{output} is the lineage: give the output, {output.name.removesuffix(LINEAGE)}")
    if not output.exists():
        raise MissingFileError(f"{output} does not exist: expected what smotext augment wrote, or an evaluation")
    path = lineage_path(output)
    if not path.is_file():
        raise MissingFileError(
            f"{path} does not exist: a report is made from the lineage, which smotext augment writes beside its output"
        )
    rows, metadata = _read_lineage(path)
    record = RunRecord.from_metadata(metadata, path)
    if missing := [name for name in _NEEDED if name not in rows.columns]:
        raise InputError(f"{path} has no column {missing[0]!r}: expected the lineage that smotext augment wrote")
    only_synthetic = record is not None and bool(record.settings.get("only_synthetic"))
    given = {name: value for name, value in (columns or {}).items() if value is not None}
    if only_synthetic:
        texts, labels, n_marked = [], [], _count_rows(output, record)
    else:
        options: dict[str, Any] = {**_columns_of(record), **given}
        table = read_table(output, **options)
        texts = [text if isinstance(text, str) else "" for text in table.texts]
        labels, n_marked = [str(label) for label in table.labels], table.n_synthetic
    n_synthetic = n_marked if record is None else record.n_synthetic
    if n_synthetic > len(rows):
        raise InputError(f"{path} has {len(rows)} rows, and {n_synthetic} texts were kept: it is damaged, or another's")
    notes = () if n_marked == n_synthetic else (_changed(output, n_marked, n_synthetic),)
    return RunTables(output.name, rows[:n_synthetic], rows[n_synthetic:], texts, labels, record, notes)


def _read_lineage(path: Path) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return the rows of a lineage file, and what it keeps beside them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        arrow = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path} is not a Parquet file that can be read: {error}") from error
    found = arrow.schema.metadata or {}
    metadata = {key.decode(errors="replace"): value.decode(errors="replace") for key, value in found.items()}
    return arrow.to_pandas(ignore_metadata=True), metadata


def _columns_of(record: RunRecord | None) -> dict[str, str]:
    """Return how the output is to be read: it is in UTF-8, whatever the input was."""
    columns = {} if record is None else {**record.columns, "separator": record.separator}
    return {name: columns[name] for name in ("text_column", "label_column", "separator") if columns.get(name)}


def _count_rows(output: Path, record: RunRecord | None) -> int:
    """Return the rows of an output that has only synthetic ones."""
    separator = None if record is None else record.separator
    return len(read_frame(output, Dialect(separator=separator) if separator else None)[0])


def _changed(output: Path, n_found: int, n_written: int) -> str:
    return (
        f"{output.name} has {n_found} synthetic rows and the run wrote {n_written}: it was changed since. This page "
        "shows what the run wrote."
    )


def is_evaluation(path: Path) -> bool:
    """Return True if `path` is an evaluation's directory, or a report in it."""
    return path.suffix.lower() == ".json" or (path.is_dir() and not is_dataset(path))


def evaluation_file(path: Path) -> Path:
    """Return the figures of the evaluation at `path`: a file, or a directory that holds exactly one.

    Raises
    ------
    InputError
        If there are none, or several to choose from.
    """
    if not path.is_dir():
        if not path.is_file():
            raise MissingFileError(f"{path} does not exist: expected the report.json of an evaluation")
        return path
    found = sorted(path.glob("report*.json"))
    if not found:
        hint = "give the output beside it" if path.name.endswith(".run") else "expected one of smotext evaluate"
        raise InputError(f"{path} is a directory without a report: {hint}")
    if len(found) > 1:
        raise InputError(f"{path} holds several reports: give one of {', '.join(str(one) for one in found)}")
    return found[0]


def read_evaluation(path: Path) -> dict[str, Any]:
    """Return the figures that ``smotext evaluate`` kept in a ``report.json``.

    Raises
    ------
    InputError
        If the file is damaged or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read ({error}): run smotext evaluate again, which writes it anew"
        ) from error
    if not isinstance(content, dict) or any(name not in content for name in _OF_EVALUATIONS):
        raise InputError(f"{path} is no report of smotext evaluate: expected its report.json")
    return content
