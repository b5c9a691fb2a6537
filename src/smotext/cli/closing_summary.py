"""The closing summary of ``augment``: what there was, what there is now, and whether it is as long."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from smotext.errors import SmotextWarning
from smotext.filters.candidates import NOT_NEAREST

if TYPE_CHECKING:
    import pandas as pd

    from smotext.cli.augment_job import AugmentJob
    from smotext.data.label_sets import LabelSets

# A class is told of if the median length of its synthetic texts is below or above these shares of the real one.
SHORT, LONG = 0.5, 2.0
# If so large a share of the judged texts was rejected, a warning says so.
NEARLY_ALL = 0.8


def summary_rows(job: AugmentJob, synthetic: pd.DataFrame, decoder: Any) -> list[list[str]]:
    """Return one row per class: label, rows before and after, quartiles of real and synthetic lengths.

    Warns
    -----
    SmotextWarning
        If the synthetic texts of a class are less than half or more than twice as long as the real ones.
    """
    real = lengths(decoder, [text if isinstance(text, str) else "" for text in job.texts])
    made = lengths(decoder, synthetic["text"].tolist())
    labels = job.table.labels
    rows = []
    for label, before in job.counts.items():
        is_made = (synthetic["label"] == label).to_numpy(dtype=bool)
        after = before + int(is_made.sum())
        spans = quartiles(real[labels == label]), quartiles(made[is_made])
        rows.append([str(label), str(before), str(after), *map(spell_span, spans)])
        if spans[1] and not SHORT * spans[0][1] <= spans[1][1] <= LONG * spans[0][1]:
            warnings.warn(of_other_length(label, spans[0][1], spans[1][1], decoder), SmotextWarning, stacklevel=2)
    return rows


SET_HEADS = ["label", "before", "after", "IRLbl before", "IRLbl after"]


def set_rows(sets: LabelSets, synthetic: pd.DataFrame) -> list[list[str]]:
    """Return one row per label of texts that have several, before and after, and one of MeanIR."""
    from smotext.data.label_sets import compare

    found = compare(sets, synthetic["labels"].tolist())
    rows = [
        [str(row.label), str(row.n_before), str(row.n_after), f"{row.irlbl_before:.2f}", f"{row.irlbl_after:.2f}"]
        for row in found.itertuples()
    ]
    means = (f"{found[name].mean():.2f}" for name in ("irlbl_before", "irlbl_after"))
    return [*rows, ["mean (MeanIR)", "", "", *means]]


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


def of_other_length(label: Any, real: float, made: float, decoder: Any) -> str:
    """Return the warning for a class whose synthetic texts are much shorter or longer than its real ones."""
    longest = decoder.max_new_tokens
    is_short = made < real
    reason = ""
    if is_short and longest < real:
        reason = (
            f"; the bridge writes passages of up to {longest} tokens, and as many of them as the parents have unless "
            "--max-passages or --max-new-tokens says otherwise"
        )
    side = "fewer" if is_short else "more"
    return (
        f"class {label!r}: half of the synthetic texts have {made:g} tokens or {side}, "
        f"of the real ones {real:g}{reason}"
    )


def rejection_warning(made: pd.DataFrame, rejected: pd.DataFrame) -> str:
    """Return what to say where filters have rejected nearly everything that they judged; else nothing."""
    is_kept = made["accepted"].astype(bool)
    reasons = [*(rejected["reason"] if len(rejected) else ()), *made.loc[~is_kept, "reason"]]
    judged = [reason for reason in reasons if reason != NOT_NEAREST]
    n_judged = len(judged) + int(is_kept.sum())
    if not n_judged or len(judged) < NEARLY_ALL * n_judged:
        return ""
    reason, n = Counter(judged).most_common(1)[0]
    return (
        f"{len(judged)} of {n_judged} texts were rejected, most of them as {reason!r} ({n}): what is left is little, "
        "or stands in for what was asked for; look at it before you use it"
    )


def lengths(decoder: Any, texts: Sequence[str]) -> NDArray[np.int64]:
    """Return the length of each text in the decoder's tokens, or in words if it counts none."""
    counted = decoder.count_tokens(list(texts)) if len(texts) else None
    if counted is not None:
        return np.asarray(counted)
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


def spell_span(span: tuple[float, ...]) -> str:
    """Return quartiles as the summary shows them."""
    return " / ".join(f"{value:.0f}" for value in span)
