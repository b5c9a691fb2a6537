"""The closing summary of ``augment``: what there was, what there is now, and whether it is as long."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from smotext.errors import SmotextWarning

if TYPE_CHECKING:
    import pandas as pd

    from smotext.cli.jobs import Job

SHORT = 0.5  # a class is told as shortened if its synthetic median is below this share of the real one


def summary_rows(job: Job, synthetic: pd.DataFrame, decoder: Any) -> list[list[str]]:
    """Return one row per class: label, rows before and after, quartiles of real and synthetic lengths.

    Warns
    -----
    SmotextWarning
        If the synthetic texts of a class are less than half as long as the real ones.
    """
    real = lengths(decoder, [text if isinstance(text, str) else "" for text in job.table.texts])
    made = lengths(decoder, synthetic["text"].tolist())
    labels = job.table.labels
    rows = []
    for label, before in job.counts.items():
        is_made = (synthetic["label"] == label).to_numpy(dtype=bool)
        after = before + int(is_made.sum())
        spans = quartiles(real[labels == label]), quartiles(made[is_made])
        rows.append([str(label), str(before), str(after), *map(_spell, spans)])
        if spans[1] and spans[1][1] < SHORT * spans[0][1]:
            warnings.warn(shortened(label, spans[0][1], spans[1][1], decoder), SmotextWarning, stacklevel=2)
    return rows


def count_repeated(synthetic: Iterable[str], real: Iterable[Any]) -> int:
    """Return how many synthetic texts are a real text or an earlier synthetic one, but for case and spaces.

    Examples
    --------
    >>> count_repeated(["Two words", "two  words", "three", "real"], ["real", None])
    2
    """
    seen = {" ".join(text.split()).casefold() for text in real if isinstance(text, str)}
    n_repeated = 0
    for text in synthetic:
        words = " ".join(text.split()).casefold()
        n_repeated += words in seen
        seen.add(words)
    return n_repeated


def shortened(label: Any, real: float, made: float, decoder: Any) -> str:
    """Return the warning for a class whose synthetic texts are much shorter than its real ones."""
    longest = getattr(decoder, "max_new_tokens", None)
    reason = f"; the bridge writes at most {longest} tokens" if longest is not None and longest < real else ""
    return (
        f"class {label!r}: half of the synthetic texts have {made:g} tokens or fewer, of the real ones {real:g}{reason}"
    )


def lengths(decoder: Any, texts: Sequence[str]) -> NDArray[np.int64]:
    """Return the length of each text in the decoder's tokens, or in words if it counts none."""
    if len(texts) and hasattr(decoder, "count_tokens"):
        return np.asarray(decoder.count_tokens(list(texts)))
    return np.array([len(text.split()) for text in texts], dtype=np.int64)


def quartiles(values: NDArray[np.int64]) -> tuple[float, ...]:
    """Return the quartiles of the values that are not 0, or an empty tuple if there are none.

    Examples
    --------
    >>> quartiles(np.array([0, 1, 2, 3, 4, 5]))
    (2.0, 3.0, 4.0)
    """
    values = values[values > 0]
    return tuple(np.quantile(values, [0.25, 0.5, 0.75]).tolist()) if len(values) else ()


def _spell(span: tuple[float, ...]) -> str:
    return " / ".join(f"{value:.0f}" for value in span)
