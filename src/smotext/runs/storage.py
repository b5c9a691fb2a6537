"""Plans, rows and vectors on disk: what is read back equals what was written, and a file is whole or not there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smotext.mixing.plan import MixPlan
from smotext.utils.files import atomic_write

_NUMBERS = ("ordinals", "attempts", "candidates", "parents", "weights", "seeds")
_OPTIONAL = ("vectors", "examples")
# The key in a part's metadata under which the types of its columns are kept.
_DTYPES = b"smotext.dtypes"


def save_vectors(vectors: NDArray[np.float32], path: Path) -> None:
    """Write the vectors as a ``.npy`` file that can be memory-mapped."""
    with atomic_write(path, mode=0o600) as file:
        # numpy's own way to a file loses the reason why it could not be written.
        through = SimpleNamespace(write=file.write)
        np.lib.format.write_array(through, np.ascontiguousarray(vectors), allow_pickle=False)


def load_vectors(path: Path) -> NDArray[np.float32]:
    """Return the vectors, memory-mapped: only the rows that are mixed are read."""
    return np.load(path, mmap_mode="r", allow_pickle=False)


def save_plan(plan: MixPlan, path: Path) -> None:
    """Write the plan as an ``.npz`` file; words are kept as JSON, so that their types survive."""
    arrays: dict[str, Any] = {name: getattr(plan, name) for name in _NUMBERS}
    words = {"notes": list(plan.notes)}
    for name in ("labels", "strategies"):
        words[name], arrays[name] = _coded(getattr(plan, name))
    arrays |= {name: getattr(plan, name) for name in _OPTIONAL if getattr(plan, name) is not None}
    arrays["words"] = np.frombuffer(json.dumps(words).encode(), dtype=np.uint8)
    with atomic_write(path, mode=0o600) as file:
        np.savez(file, **arrays)


def load_plan(path: Path) -> MixPlan:
    """Return the plan that :func:`save_plan` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        words = json.loads(arrays["words"].tobytes())
        return MixPlan(
            **{name: arrays[name] for name in _NUMBERS},
            labels=_decoded(words["labels"], arrays["labels"]),
            strategies=_decoded(words["strategies"], arrays["strategies"]),
            **{name: arrays.get(name) for name in _OPTIONAL},
            notes=tuple(words["notes"]),
        )


def save_rows(rows: pd.DataFrame, path: Path) -> None:
    """Write the rows of a decode group as a Parquet file that remembers the columns' types."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({name: pa.array(column.tolist(), from_pandas=True) for name, column in rows.items()})
    dtypes = {name: str(column.dtype) for name, column in rows.items()}
    with atomic_write(path, mode=0o600) as file:
        pq.write_table(table.replace_schema_metadata({_DTYPES: json.dumps(dtypes).encode()}), file)


def load_rows(path: Path) -> pd.DataFrame:
    """Return the rows that :func:`save_rows` wrote."""
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    dtypes = json.loads(table.schema.metadata[_DTYPES])
    cells = table.to_pydict()
    return pd.DataFrame({name: pd.Series(cells[name], dtype=dtypes[name]) for name in dtypes})


def count_rows(path: Path) -> int:
    """Return the number of rows that :func:`save_rows` wrote; 0 if they cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_metadata(path).num_rows
    except (OSError, pa.ArrowException):
        return 0


def _coded(values: Sequence[Any] | NDArray[np.object_]) -> tuple[list[Any], NDArray[np.int64]]:
    """Return the distinct values in order of appearance, and each value's place among them."""
    places: dict[Any, int] = {}
    codes = np.array([places.setdefault(value, len(places)) for value in values], dtype=np.int64)
    return [value.item() if isinstance(value, np.generic) else value for value in places], codes


def _decoded(distinct: list[Any], codes: NDArray[np.int64]) -> NDArray[np.object_]:
    known = np.empty(len(distinct), dtype=object)
    known[:] = distinct
    return known[codes]
