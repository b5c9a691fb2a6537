"""Real texts without labels: prompts may show them, and nothing that is written may copy them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.data.records import RecordForm
from smotext.data.validation import check_texts, is_blank
from smotext.errors import InputError


@dataclass(frozen=True)
class UnlabelledTexts:
    """Real texts of the same kind as the labelled ones, whose class nobody has told.

    Attributes
    ----------
    texts : list of str
        Neither blank nor equal to each other or to a labelled text.
    rows : ndarray of shape (n_texts,), int64
        Row number of each text in what the caller gave.
    notes : tuple of str
        What was left out.
    """

    texts: list[str] = field(default_factory=list)
    rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.texts)


def read_unlabelled(
    given: Any, labelled: Iterable[str], record_columns: Sequence[str] | None = None
) -> UnlabelledTexts:
    """Return the unlabelled texts that can be used beside labelled ones.

    Parameters
    ----------
    given : column of str, or a table of `record_columns`, or None
        As :func:`smotext.data.validation.check_texts` takes it; None is no text.
    labelled : iterable of str
        Texts that have a label. An unlabelled one that is equal to one of them, but for case and spaces, is left out.
    record_columns : sequence of str, optional
        Where rows have several text columns.

    Raises
    ------
    InputError
        If there are no texts, all are blank, or an entry is no string.

    Examples
    --------
    >>> found = read_unlabelled(["where is it", "Late  parcel", "", "where is it"], ["late parcel"])
    >>> found.texts, found.rows.tolist(), found.notes
    (['where is it'], [0], ('2 unlabelled texts are left out: 1 is labelled already, 1 is there twice',))
    """
    if given is None:
        return UnlabelledTexts()
    if record_columns is not None:
        given = RecordForm.of(given, record_columns).texts
    texts = check_texts(given, "unlabelled")
    known = set(map(_plain, labelled))
    rows, seen, n_known, n_blank = [], set[str](), 0, 0
    for row, text in enumerate(texts):
        if is_blank(text):
            n_blank += 1
            continue
        plain = _plain(text)
        n_known += plain in known
        if plain not in known and plain not in seen:
            rows.append(row)
        seen.add(plain)
    if n_blank == len(texts):
        raise InputError(f"unlabelled has {n_blank} rows and no text: every one is missing or blank")
    n_repeated = len(texts) - n_blank - n_known - len(rows)
    return UnlabelledTexts([texts[row] for row in rows], np.array(rows, dtype=np.int64), _notes(n_known, n_repeated))


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _notes(n_known: int, n_repeated: int) -> tuple[str, ...]:
    told = [
        f"{n} {'is' if n == 1 else 'are'} {what}"
        for n, what in ((n_known, "labelled already"), (n_repeated, "there twice"))
        if n
    ]
    if not told:
        return ()
    n = n_known + n_repeated
    return (f"{n} unlabelled {'text is' if n == 1 else 'texts are'} left out: {', '.join(told)}",)
