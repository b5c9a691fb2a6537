"""Rounds of writing: which rows are open after each, and what becomes of those that stay open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smotext.data.validation import check_count
from smotext.errors import ShortfallError, unknown_name
from smotext.filters.candidates import NOT_NEAREST
from smotext.filters.ngrams import squeeze
from smotext.settings import NO_DIALOGUE, NO_RECORD, SHORTFALLS, UNFINISHED

# A row that is rejected is written again in up to this many rounds.
MAX_TRIES = 5
# What never stands in: a text that was not judged, another of its mix being nearer, and what the guards reject.
_NEVER_FILL = (NOT_NEAREST, UNFINISHED, NO_DIALOGUE, NO_RECORD, "empty", "copied")
# A note names so many classes; it counts the others.
_CLASSES_NAMED = 5

# A synthetic text that was asked for: its class, and its number within the class.
Slot = tuple[Any, int]


@dataclass(frozen=True)
class Closed:
    """What the rounds came to.

    Attributes
    ----------
    synthetic : DataFrame
        Accepted rows and, where the rounds did not suffice, the best of the rejected with ``accepted``
        False; by class, in the order the classes were planned, then by ordinal.
    rejected : DataFrame
        Every other row that was written, with its ``reason``, in the order of writing.
    funnel : DataFrame
        Columns ``step`` and ``n_texts``: how many were written, how many each filter rejected, how many are
        kept and how many of the rejected fill.
    notes : tuple of str
        What had to be adapted: at most one for rows that fill, and one for classes that stay short.
    """

    synthetic: pd.DataFrame
    rejected: pd.DataFrame
    funnel: pd.DataFrame
    notes: tuple[str, ...]


class Ledger:
    """Keeps the rows of all rounds and says which have to be written again.

    It depends on the finished rounds alone, so that a run that is resumed asks for the same rows.

    Parameters
    ----------
    real_texts : sequence of str
        Copies of these never fill.
    max_tries : int
        Rounds in which a row is written before it is given up.

    Examples
    --------
    >>> rows = pd.DataFrame({"text": ["good", "bad"], "label": ["x", "x"], "key": ["x/0/0/0", "x/1/0/0"],
    ...                      "accepted": [True, False], "reason": ["", "off_label"]})
    >>> ledger = Ledger(["real"], max_tries=2)
    >>> ledger.add(rows)
    >>> ledger.open_rows()
    (['x'], [1], [1])
    """

    def __init__(self, real_texts: Iterable[str], *, max_tries: int = MAX_TRIES) -> None:
        check_count("max_tries", max_tries, "an integer of 1 or more")
        self.max_tries = max_tries
        self.n_rounds = 0
        self._originals = frozenset(map(squeeze, real_texts))
        self._rounds: list[pd.DataFrame] = []
        # The last attempt at each slot; the slots stand in the order of the first plan.
        self._attempts: dict[Slot, int] = {}
        self._accepted: set[Slot] = set()

    def add(self, rows: pd.DataFrame) -> None:
        """Take in the scored rows of a finished round.

        Parameters
        ----------
        rows : DataFrame
            With ``text``, ``label``, ``key`` ("label/ordinal/attempt/candidate"), ``accepted`` and ``reason``.
        """
        self.n_rounds += 1
        self._rounds.append(rows)
        for slot, (_, attempt), is_accepted in zip(_slots(rows), _numbers(rows), rows["accepted"], strict=True):
            self._attempts[slot] = attempt
            if is_accepted:
                self._accepted.add(slot)

    def open_rows(self) -> tuple[list[Any], list[int], list[int]] | None:
        """Return labels, ordinals and next attempts of the rows to write again; None when it is time to close."""
        slots = self._open_slots()
        if self.n_rounds >= self.max_tries or not slots:
            return None
        return (
            [label for label, _ in slots],
            [ordinal for _, ordinal in slots],
            [self._attempts[slot] + 1 for slot in slots],
        )

    def close(self, filter_names: Sequence[str] = (), *, on_shortfall: str = "fill") -> Closed:
        """Return the kept and the rejected rows.

        Parameters
        ----------
        filter_names : sequence of str
            In the order they were asked: the funnel's order.
        on_shortfall : {"fill", "report", "raise"}
            What happens where rows are still open: the best of the rejected fill, fewer are returned, or
            :class:`~smotext.errors.ShortfallError` is raised.

        Raises
        ------
        ShortfallError
            If rows are open and `on_shortfall` is "raise".
        """
        if on_shortfall not in SHORTFALLS:
            raise unknown_name("on_shortfall", on_shortfall, SHORTFALLS)
        slots = self._open_slots()
        if slots and on_shortfall == "raise":
            raise ShortfallError(f"{self._shortfall(slots)}: loosen the filters, or on_shortfall='fill' or 'report'")
        rows = pd.concat(self._rounds, ignore_index=True) if self._rounds else pd.DataFrame()
        is_accepted = rows["accepted"].to_numpy(dtype=bool) if len(rows) else np.zeros(0, dtype=bool)
        chosen = {slot: row for slot, row in zip(_slots(rows), range(len(rows)), strict=True) if is_accepted[row]}
        filling = fill(rows, is_accepted, slots, self._originals) if on_shortfall == "fill" else {}
        chosen |= filling
        order = np.array([chosen[slot] for slot in self._attempts if slot in chosen], dtype=np.int64)
        is_rejected = np.ones(len(rows), dtype=bool)
        is_rejected[order] = False
        return Closed(
            synthetic=rows.iloc[order].reset_index(drop=True),
            rejected=rows[is_rejected].reset_index(drop=True),
            funnel=funnel(rows, filter_names, n_filled=len(filling)),
            notes=self._notes(slots, filling),
        )

    def _open_slots(self) -> list[Slot]:
        return [slot for slot in self._attempts if slot not in self._accepted]

    def _notes(self, slots: list[Slot], filling: dict[Slot, int]) -> tuple[str, ...]:
        notes = []
        if filling:
            notes.append(
                f"{len(filling)} of {len(self._attempts)} texts were rejected each time (rounds: {self.n_rounds}): the "
                "best of those stand in, marked accepted=False"
            )
        if missing := [slot for slot in slots if slot not in filling]:
            notes.append(self._shortfall(missing))
        return tuple(notes)

    def _shortfall(self, missing: list[Slot]) -> str:
        """Return what is missing, class by class."""
        wanted, lacking = (Counter(label for label, _ in each) for each in (self._attempts, missing))
        named = [
            f"{label!r} {wanted[label] - n} of {wanted[label]}" for label, n in lacking.most_common(_CLASSES_NAMED)
        ]
        others = f" and {len(lacking) - len(named)} more classes" if len(lacking) > len(named) else ""
        return f"fewer texts than asked for (rounds: {self.n_rounds}): {', '.join(named)}{others}"


def fill(
    rows: pd.DataFrame, is_accepted: NDArray[np.bool_], slots: Sequence[Slot], originals: AbstractSet[str]
) -> dict[Slot, int]:
    """Return which rejected row fills each open slot: the best of the slot's own attempts, else of its class.

    Empty texts, copies of real texts and copies of other rows that are kept never fill.

    Parameters
    ----------
    rows : DataFrame
        All rows of all rounds.
    is_accepted : ndarray of shape (n_rows,), bool
    slots : sequence of (label, ordinal)
    originals : set of str
        The real texts, squeezed (:func:`~smotext.filters.ngrams.squeeze`).
    """
    if not slots:
        return {}
    squeezed = [squeeze(text) for text in rows["text"]]
    used = {"", *originals, *(squeezed[row] for row in np.flatnonzero(is_accepted))}
    slot_of, ranked = _slots(rows), best_first(rows, np.flatnonzero(~is_accepted))
    filling: dict[Slot, int] = {}
    for pool_of in (lambda slot: slot, lambda slot: slot[0]):
        pools: dict[Any, list[int]] = {}
        for row in ranked[::-1]:
            # Pools are emptied from their ends, so that the best, which come last here, are taken first.
            pools.setdefault(pool_of(slot_of[row]), []).append(int(row))
        for slot in slots:
            pool = pools.get(pool_of(slot), [])
            while slot not in filling and pool:
                row = pool.pop()
                if squeezed[row] not in used:
                    filling[slot] = row
                    used.add(squeezed[row])
    return filling


def best_first(rows: pd.DataFrame, among: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows that may fill, those first that carry their label and lie near what was asked for.

    Ranked by ``label_score`` times ``target_cosine`` (below zero counts as zero, undefined as one), then by the
    order of writing.

    Examples
    --------
    >>> rows = pd.DataFrame({"label_score": [0.5, 0.9, 0.9], "target_cosine": [0.8, 0.5, 0.5], "reason": ["x"] * 3})
    >>> best_first(rows, np.arange(3)).tolist()
    [1, 2, 0]
    """
    worth = np.ones(len(rows))
    for column in ("label_score", "target_cosine"):
        if column in rows:
            worth *= rows[column].astype(np.float64).clip(lower=0).fillna(1.0).to_numpy()
    among = among[~rows["reason"].iloc[among].isin(_NEVER_FILL).to_numpy()]
    return among[np.argsort(-worth[among], kind="stable")]


def funnel(rows: pd.DataFrame, filter_names: Sequence[str] = (), *, n_filled: int = 0) -> pd.DataFrame:
    """Return how many texts were written, how many fell to which reason, and how many are left.

    Parameters
    ----------
    rows : DataFrame
        All rows of all rounds.
    filter_names : sequence of str
        Come first, in this order, also where nothing fell to them; other reasons follow.
    n_filled : int
        Rejected rows that fill.

    Returns
    -------
    DataFrame
        Columns ``step`` and ``n_texts``.

    Examples
    --------
    >>> rows = pd.DataFrame({"accepted": [True, False, False], "reason": ["", "short", "decoding failed: no memory"]})
    >>> funnel(rows, ["short", "off_label"]).values.tolist()
    [['written', 3], ['short', 1], ['off_label', 0], ['decoding failed', 1], ['accepted', 1], ['filled', 0]]
    """
    reasons = [str(reason).partition(":")[0] for reason in rows["reason"]] if len(rows) else []
    fallen = Counter(reason for reason in reasons if reason)
    steps = [*dict.fromkeys([*filter_names, *fallen])]
    n_accepted = int(rows["accepted"].sum()) if len(rows) else 0
    counts = [len(rows), *(fallen[step] for step in steps), n_accepted, n_filled]
    return pd.DataFrame({"step": ["written", *steps, "accepted", "filled"], "n_texts": counts})


def _slots(rows: pd.DataFrame) -> list[Slot]:
    """Return each row's class and ordinal."""
    return (
        [(label, ordinal) for label, (ordinal, _) in zip(rows["label"], _numbers(rows), strict=True)]
        if len(rows)
        else []
    )


def _numbers(rows: pd.DataFrame) -> list[tuple[int, int]]:
    """Return the ordinal and attempt of each row, from the end of its key: a label may hold slashes itself."""
    return [(int(ordinal), int(attempt)) for _, ordinal, attempt, _ in (key.rsplit("/", 3) for key in rows["key"])]
