from __future__ import annotations

import pandas as pd
import pytest

from smotext.encoders.texts import as_texts
from smotext.errors import InputError


def test_a_series_is_taken_by_position() -> None:
    assert as_texts(pd.Series(["a", "b"], index=[7, 7])) == ["a", "b"]


def test_bytes_are_no_texts() -> None:
    with pytest.raises(InputError, match="texts is one bytes"):
        as_texts(b"abc")  # type: ignore[arg-type]


def test_the_first_entry_that_is_no_string_is_named() -> None:
    with pytest.raises(InputError, match=r"texts\[2\] is 3 \(int\)"):
        as_texts(["a", "b", 3, None])  # type: ignore[list-item]
