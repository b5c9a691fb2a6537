"""What becomes of the texts that were written: kept, dropped or rewritten by hand, and then taken away as a file."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

from smotext.app.jobs import Task
from smotext.app.sheets import Data
from smotext.augmentation.augment import Augmented
from smotext.data.formats import to_arrow
from smotext.data.synthetic_marks import SYNTHETIC_COLUMN
from smotext.data.tables import with_synthetic
from smotext.errors import InputError, unknown_name
from smotext.filters.candidates import NOT_NEAREST

Which = Literal["all", "kept", "dropped", "edited"]
WHICH: tuple[Which, ...] = ("all", "kept", "dropped", "edited")
MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
# The last four are of full width, which Excel takes as well.
_FORMULA = re.compile(r"[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


@dataclass
class Entry:
    """One text that was written.

    Attributes
    ----------
    label : object
    written : str
        As the model wrote it.
    text : str
        As it is now.
    reason : str
        The filter that rejected it, or empty.
    is_kept : bool
        Whether it is in the files that are offered.
    parents : tuple of (float, str)
        The real texts that it was mixed from, with their weights; empty where they are not known.
    is_noisy : bool
        Whether it was written with differential privacy.
    """

    label: Any
    written: str
    text: str
    reason: str = ""
    is_kept: bool = True
    parents: tuple[tuple[float, str], ...] = ()
    is_noisy: bool = False

    @property
    def is_edited(self) -> bool:
        """Whether somebody has rewritten it."""
        return self.text != self.written


@dataclass
class Review:
    """All texts of a table's runs, in the order of writing.

    Examples
    --------
    >>> review = Review([Entry("spam", "one", "one"), Entry("spam", "two", "two", reason="short", is_kept=False)])
    >>> review.decide(1, is_kept=True)
    >>> review.rewrite(0, " one more ")
    >>> [(entry.text, entry.is_kept) for entry in review.entries], review.places("edited")
    ([('one more', True), ('two', True)], [0])
    """

    entries: list[Entry] = field(default_factory=list)

    def add(self, found: Augmented, task: Task, data: Data) -> int:
        """Take in what a run wrote, and return how many texts there are to look at.

        Drafts that another draft of their mix beat are left out; what a filter rejected comes in dropped.
        """
        rejected = found.rejected[found.rejected["reason"] != NOT_NEAREST] if len(found.rejected) else found.rejected
        new = [_entry(row, task, data) for part in (found.synthetic, rejected) for row in part.itertuples()]
        self.entries += new
        return len(new)

    def places(self, which: Which = "all", label: str | None = None) -> list[int]:
        """Return the places of the texts of a kind, and of a class where one is named."""
        if which not in WHICH:
            raise unknown_name("kind of texts", which, WHICH)
        wanted = {
            "all": lambda entry: True, "kept": lambda entry: entry.is_kept,
            "dropped": lambda entry: not entry.is_kept, "edited": lambda entry: entry.is_edited,
        }[which]  # fmt: skip
        return [
            place for place, entry in enumerate(self.entries)
            if wanted(entry) and (label is None or str(entry.label) == label)
        ]  # fmt: skip

    def decide(self, place: int, *, is_kept: bool) -> None:
        """Keep or drop a text; an empty one stays dropped."""
        entry = self.entries[place]
        if is_kept and not entry.text.strip():
            raise InputError("an empty text can't be kept: write something, or drop it")
        entry.is_kept = is_kept

    def rewrite(self, place: int, text: str) -> None:
        """Put another text in the place of one that was written; without words it is dropped."""
        entry = self.entries[place]
        entry.text = text.strip()
        entry.is_kept = entry.is_kept and bool(entry.text)

    def counts(self) -> Counter[str]:
        """Return how many texts are kept and dropped."""
        return Counter("kept" if entry.is_kept else "dropped" for entry in self.entries)

    @property
    def has_noisy(self) -> bool:
        """Whether a text that is kept was written with differential privacy."""
        return any(entry.is_noisy for entry in self.entries if entry.is_kept)

    def kept(self) -> list[Entry]:
        """Return the texts that are kept, class by class in the order in which classes were written for."""
        order = {label: number for number, label in enumerate(dict.fromkeys(entry.label for entry in self.entries))}
        return sorted((entry for entry in self.entries if entry.is_kept), key=lambda entry: order[entry.label])


def as_table(review: Review, data: Data, *, only_new: bool) -> pd.DataFrame:
    """Return the kept texts in the columns of their table, behind its own rows unless only the new ones are wanted.

    Raises
    ------
    InputError
        If the table's own rows are wanted beside texts that were written to hide them.
    """
    kept = review.kept()
    if review.has_noisy and not only_new:
        raise InputError(
            "your own rows would stand beside texts that were written with differential privacy to hide them: take the "
            "new texts only"
        )
    frame = with_synthetic(
        data.table, [entry.text for entry in kept], [entry.label for entry in kept], only_synthetic=only_new
    )
    return frame if data.has_labels else frame.drop(columns=data.table.label_column)


def as_bytes(frame: pd.DataFrame, kind: str) -> bytes:
    """Return a table as a file of the kind ``"csv"`` or ``"parquet"``.

    In CSV, cells that a spreadsheet would take for a formula begin with an apostrophe.
    """
    if kind not in MEDIA_TYPES:
        raise unknown_name("kind of file", kind, MEDIA_TYPES)
    file = io.BytesIO()
    if kind == "parquet":
        import pyarrow.parquet as pq

        pq.write_table(to_arrow(frame.astype({SYNTHETIC_COLUMN: bool})), file)
    else:
        safe = frame.map(escape_formula).rename(columns=escape_formula)
        safe.to_csv(file, index=False, mode="wb", lineterminator="\r\n")
    return file.getvalue()


def escape_formula(cell: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula: with an apostrophe before what one begins with.

    Numbers stay as they are.

    Examples
    --------
    >>> [escape_formula(cell) for cell in ("=1+1", "-0.5", "- no", "@home", "a=b", 3)]
    ["'=1+1", '-0.5', "'- no", "'@home", 'a=b', 3]
    """
    if isinstance(cell, str) and _FORMULA.match(cell.lstrip(" \n")) and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def _entry(row: Any, task: Task, data: Data) -> Entry:
    text, reason = str(row.text), str(row.reason or "")
    parents: Sequence[tuple[float, str]] = [
        (float(weight), str(task.texts[place])) for place, weight in zip(row.parents, row.weights, strict=False)
    ]
    is_known = row.label in data.counts
    label = row.label if is_known else data.label_of(str(row.label))
    return Entry(label, text, text, reason.partition(":")[0], not reason, tuple(parents), is_noisy=row.strategy == "dp")
