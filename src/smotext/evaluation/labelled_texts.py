"""What the parts of an evaluation hand to each other."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from smotext.data.containers import read_column
from smotext.errors import InputError
from smotext.fitting.new_rows import NewRows
from smotext.fitting.one_vs_rest import count_each, has_sets
from smotext.utils.seeding import stable_hash

Label = Hashable
GenerateFold = Callable[
    [Sequence[str], Sequence[Label], Mapping[Label, int], int], Sequence[tuple[str, Label]] | NewRows
]
"""``generate(texts, labels, n_new, seed)``: new (text, label) pairs made from these texts alone, or
:class:`~smotext.fitting.new_rows.NewRows`, which also tell what each was made from."""


class NotApplicable(Exception):
    """A condition that cannot be had in a fold, with a model or with a generator; the message says why."""


@dataclass(frozen=True)
class LabelledTexts:
    """Texts and their labels, row-aligned.

    Attributes
    ----------
    texts : tuple of str
    labels : tuple of str, int or bool
        Or of tuples of these, where texts have several labels.

    Raises
    ------
    InputError
        If the two differ in length, a text is not a string, or there is nothing.
    """

    texts: tuple[str, ...]
    labels: tuple[Any, ...]

    def __post_init__(self) -> None:
        if len(self.texts) != len(self.labels):
            raise InputError(f"{len(self.texts)} texts and {len(self.labels)} labels: expected as many of each")
        for row, text in enumerate(self.texts):
            if not isinstance(text, str):
                raise InputError(f"row {row} holds {text!r}: expected a string; drop rows without text")

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def counts(self) -> dict[Any, int]:
        """Rows per class, or per label where texts have several, in sorted order."""
        return count_labels(self.labels)

    @property
    def fingerprint(self) -> str:
        """A hash of all texts and labels, in order."""
        return f"{stable_hash(*self.texts, *self.labels):016x}"

    def take(self, rows: Sequence[int] | np.ndarray) -> LabelledTexts:
        """Return the given rows, in the given order."""
        return LabelledTexts(tuple(self.texts[row] for row in rows), tuple(self.labels[row] for row in rows))


def labelled(texts: Any, labels: Any) -> LabelledTexts:
    """Return :class:`LabelledTexts` of two columns in any container; numpy scalars become Python values.

    Examples
    --------
    >>> labelled(["a", "b", "c"], np.array([1, 0, 1])).counts
    {0: 1, 1: 2}
    """
    if isinstance(labels, list | tuple) and has_sets(labels):
        return LabelledTexts(tuple(read_column(texts, "texts").tolist()), tuple(labels))
    plain = [label.item() if isinstance(label, np.generic) else label for label in read_column(labels, "labels")]
    return LabelledTexts(tuple(read_column(texts, "texts").tolist()), tuple(plain))


def as_new_rows(made: Sequence[tuple[str, Any]] | NewRows) -> NewRows:
    """Return what a generator made as rows with their sources, which pairs don't tell.

    Examples
    --------
    >>> as_new_rows([("a", np.int64(1))])
    NewRows(texts=('a',), labels=(1,), sources=(None,))
    """
    if isinstance(made, NewRows):
        clean = labelled(made.texts, made.labels)
        return NewRows(clean.texts, clean.labels, made.sources)
    clean = labelled([text for text, _ in made], [label for _, label in made])
    return NewRows.of_unknown_sources(clean.texts, clean.labels)


def count_labels(labels: Sequence[Any]) -> dict[Any, int]:
    """Return rows per class, classes in sorted order (by type name first, so that mixed types sort)."""
    counts = count_each(labels)
    return {label: counts[label] for label in sorted(counts, key=lambda value: (type(value).__name__, value))}


@dataclass(frozen=True)
class Fold:
    """One training part and one test part.

    Attributes
    ----------
    train : LabelledTexts
        The real training rows that every condition starts from.
    spare : LabelledTexts
        Real training rows that were left out by the setting: what the ceiling adds.
    test : LabelledTexts
        Held-out rows, without those that overlap a training or spare row.
    n_dropped : int
        Test rows that were dropped for such an overlap.
    new_rows : dict of label to int
        How many rows an augmentation adds to each class.
    seed : int
        Seed of everything that is drawn in this fold.
    """

    train: LabelledTexts
    spare: LabelledTexts
    test: LabelledTexts
    n_dropped: int
    new_rows: dict[Any, int]
    seed: int
