"""What a run did, kept in its lineage file beside the rows: a report made later needs no other file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from smotext.errors import InputError

# The key in the metadata of the lineage file.
KEY = "smotext"
# The name of a lineage file is that of its output with this behind it.
LINEAGE = ".lineage.parquet"


@dataclass(frozen=True)
class RunRecord:
    """What a run did.

    Attributes
    ----------
    command : tuple of str
        The command that gives these texts again, its output and options that are the defaults left out.
    settings : dict
        Options, columns and versions, as ``OUT.run/settings.json`` has them.
    models : dict of str to str
        Fingerprints of encoder and decoder.
    counts : tuple of (str, int)
        Rows of each class before, in label order.
    n_synthetic : int
        So many of the lineage's rows, the first, are in the output; the others were rejected.
    filters : tuple of str
        In the order they were asked.
    separator : str or None
        Between cells of the output, where it is a CSV file.
    """

    command: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    counts: tuple[tuple[str, int], ...] = ()
    n_synthetic: int = 0
    filters: tuple[str, ...] = ()
    separator: str | None = None

    @property
    def options(self) -> dict[str, Any]:
        """The options of the method, by their names."""
        return dict(self.settings.get("options", {}))

    @property
    def columns(self) -> dict[str, Any]:
        """Which columns held texts and labels, and how the file was read."""
        return {name: value for name, value in self.settings.get("input", {}).items() if name != "sha256"}

    def as_metadata(self) -> dict[str, str]:
        """Return the record as a Parquet file keeps it.

        Examples
        --------
        >>> record = RunRecord(counts=(("spam", 3),), n_synthetic=2)
        >>> RunRecord.from_metadata(record.as_metadata(), Path("a.parquet")) == record
        True
        """
        return {KEY: json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], path: Path) -> RunRecord | None:
        """Return the record of a lineage file; None if an earlier version wrote the file, without one.

        Raises
        ------
        InputError
            If there is one and it is no record.
        """
        if KEY not in metadata:
            return None
        try:
            found = json.loads(metadata[KEY])
            return cls(
                command=tuple(map(str, found["command"])),
                settings=dict(found["settings"]),
                models=dict(found["models"]),
                counts=tuple((str(label), int(number)) for label, number in found["counts"]),
                n_synthetic=int(found["n_synthetic"]),
                filters=tuple(map(str, found["filters"])),
                separator=found["separator"],
            )
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path} is damaged: its record of the run cannot be read ({error!r})") from error


def lineage_path(output: Path) -> Path:
    """Return where the lineage of an output is.

    Examples
    --------
    >>> lineage_path(Path("balanced.csv")).name
    'balanced.csv.lineage.parquet'
    """
    return output.with_name(output.name + LINEAGE)
