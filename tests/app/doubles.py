"""Small tables, and the method with a pair that needs no model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from smotext.app.forms import Form, Option
from smotext.app.sheets import Data, open_sheet, read_data
from smotext.sampler import SMOTExT
from tests.reporting.pages import HOSTILE

LATE = [f"parcel {number} is late again" for number in range(8)]
CARD = [f"my card number {number} is gone" for number in range(4)]


def write_table(folder: Path, name: str = "mail.csv", **columns: Any) -> Path:
    """Write a table of two classes, or of the columns that are given."""
    path = folder / name
    columns = columns or {"text": LATE + CARD, "label": ["late"] * len(LATE) + ["card"] * len(CARD)}
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


def data_of(path: Path) -> Data:
    """Return the texts and classes in the likeliest columns of a table."""
    sheet = open_sheet(path)
    return read_data(sheet, sheet.text_column, sheet.label_column)


def make_form(**fixed: Any) -> Form:
    """Return a form of three options, whose method writes made-up words."""
    options = [
        Option("k_neighbors", int, 5, "Neighbours."),
        Option("candidates", int, 4, "Drafts."),
        Option("filters", str, None, "Filters."),
    ]

    def make(values: dict[str, Any]) -> SMOTExT:
        filters = values.pop("filters")
        return SMOTExT("echo", random_state=0, filters=None if filters in (None, "none") else filters, **values)

    return Form(options, make, fixed)


def hostile_table(folder: Path) -> Path:
    """Write a table whose texts, classes and columns try to be more than text."""
    texts = [f"{HOSTILE} number {number}" for number in range(6)] + ["=1+1", "a plain one", "another plain one"]
    labels = [HOSTILE] * 6 + ["<b>bold</b>"] * 3
    return write_table(folder, "<img src=x onerror=alert(1)>.csv", **{"<i>text</i>": texts, "label": labels})
