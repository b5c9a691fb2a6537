"""How many real rows a comparison starts from, and how many rows an augmentation adds to each class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from smotext.data.class_counts import new_rows_for_n
from smotext.errors import InputError
from smotext.evaluation.labelled_texts import LabelledTexts, count_labels
from smotext.fitting.one_vs_rest import is_member

# Rows of each large class in a setting of kind imbalance, where it has that many.
MAJORITY_ROWS = 200
# New rows of a class in a setting of kind shots.
NEW_PER_CLASS = 50


@dataclass(frozen=True)
class Setting:
    """How a training part is cut down, and how much is added to it.

    Attributes
    ----------
    kind : {"all", "shots", "imbalance"}
        ``"all"``: every real row. ``"shots"``: `amount` rows of each class, fewer where there are fewer.
        ``"imbalance"``: a seeded half of the classes keeps one row for every `amount` rows of the largest
        other class ("step imbalance").
    amount : int
        Rows per class, or the ratio.
    per_class : int, optional
        New rows for each class in ``"all"`` and ``"shots"``; not for ``"imbalance"``, which fills every class up
        to the largest. Left out, ``"shots"`` adds 50, and ``"all"`` fills every class up to the largest, or, where
        that adds less than a tenth, to twice the largest.
    most : int, optional
        At most so many new rows over all classes, each class losing the same share.

    References
    ----------
    Buda, Maki and Mazurowski, "A systematic study of the class imbalance problem", Neural Networks 106, 2018.
    """

    kind: Literal["all", "shots", "imbalance"] = "all"
    amount: int = 0
    per_class: int | None = None
    most: int | None = None

    def __post_init__(self) -> None:
        least = {"all": 0, "shots": 1, "imbalance": 2}[self.kind]
        if self.amount < least:
            raise InputError(f"{self.kind} {self.amount}: expected {least} or more")
        if self.per_class is not None and self.per_class < 1:
            raise InputError(f"{self.per_class} new rows per class: expected 1 or more")
        if self.per_class is not None and self.kind == "imbalance":
            raise InputError(
                f"{self.per_class} new rows per class with imbalance {self.amount}: there each class is filled up to "
                "the largest; leave per_class out, or run imbalance by itself",
                options=["per_class"],
            )

    @property
    def name(self) -> str:
        """A short name, unique among the settings of a study."""
        base = self.kind if self.kind == "all" else f"{self.kind}-{self.amount}"
        return base if self.per_class is None else f"{base}+{self.per_class}"

    def keeps_all(self, counts: Mapping[Any, int]) -> bool:
        """Return whether every row of a training part with so many rows per class is kept, whatever is drawn."""
        return self.kind == "all" or (self.kind == "shots" and max(counts.values()) <= self.amount)

    def check(self, counts: Mapping[Any, int]) -> list[str]:
        """Return a note on classes of a training part that are smaller than the setting's name says.

        Raises
        ------
        InputError
            If no class is that large: every row would be used, or the ratio not be reached, under a wrong name.

        Examples
        --------
        >>> Setting("shots", 10).check({"spam": 4, "ham": 20})
        ["shots-10: class 'spam' has 4 rows in a training part, and all are used"]
        """
        largest = max(counts.values())
        if self.kind == "shots" and self.amount > largest:
            raise InputError(
                f"shots {self.amount}: the largest class of a training part has {largest} rows, so that all rows "
                "would be used: ask for fewer, or leave shots out",
                options=["shots"],
            )
        if self.kind == "imbalance" and self.amount > min(MAJORITY_ROWS, largest):
            raise InputError(
                f"imbalance {self.amount}: the largest class keeps {min(MAJORITY_ROWS, largest)} rows of a training "
                f"part, and no class can have less than 1: ask for {min(MAJORITY_ROWS, largest)} at most",
                options=["imbalance"],
            )
        small = {label: count for label, count in counts.items() if self.kind == "shots" and count < self.amount}
        return [
            f"{self.name}: class {label!r} has {count} {'row' if count == 1 else 'rows'} in a training part, and all "
            "are used"
            for label, count in small.items()
        ]

    def draw(self, data: LabelledTexts, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return the rows of `data` that the comparison starts from, in ascending order."""
        if self.kind == "all":
            return np.arange(len(data))
        wanted = self._wanted(data.counts, rng)
        of_class = zip(is_member(data.labels, list(wanted)).T, wanted.values(), strict=True)
        # A text of several labels may be drawn for more than one.
        return np.unique(np.concatenate([rng.permutation(np.flatnonzero(has))[:count] for has, count in of_class]))

    def new_rows(self, labels: Sequence[Any]) -> dict[Any, int]:
        """Return how many rows an augmentation adds to each class of a training part with these labels.

        Examples
        --------
        >>> Setting().new_rows(["a"] * 30 + ["b"] * 10), Setting(most=8).new_rows(["a"] * 30 + ["b"] * 10)
        ({'a': 0, 'b': 20}, {'a': 0, 'b': 8})
        """
        wanted = self._new_rows(labels)
        if self.most is None or sum(wanted.values()) <= self.most:
            return wanted
        return new_rows_for_n(self.most, wanted)

    def _new_rows(self, labels: Sequence[Any]) -> dict[Any, int]:
        counts = count_labels(labels)
        largest = max(counts.values())
        if self.kind == "imbalance":
            return {label: largest - count for label, count in counts.items()}
        if self.per_class is not None or self.kind == "shots":
            return dict.fromkeys(counts, self.per_class or NEW_PER_CLASS)
        balancing = {label: largest - count for label, count in counts.items()}
        if sum(balancing.values()) * 10 >= len(labels):
            return balancing
        return {label: 2 * largest - count for label, count in counts.items()}

    def _wanted(self, counts: dict[Any, int], rng: np.random.Generator) -> dict[Any, int]:
        if self.kind == "shots":
            return dict.fromkeys(counts, self.amount)
        classes = list(counts)
        small = {classes[position] for position in rng.permutation(len(classes))[: len(classes) // 2]}
        wanted = {label: min(MAJORITY_ROWS, count) for label, count in counts.items()}
        largest = max(count for label, count in wanted.items() if label not in small)
        few = max(1, round(largest / self.amount))
        return {label: few if label in small else count for label, count in wanted.items()}


def parse_settings(
    shots: Sequence[int] = (), imbalance: int | None = None, per_class: int | None = None, most: int | None = None
) -> list[Setting]:
    """Return the settings that the options ask for; without any, the data as they are, with `most` new rows.

    Raises
    ------
    InputError
        If an amount is senseless, or `per_class` is given with `imbalance`.

    Examples
    --------
    >>> [setting.name for setting in parse_settings([5, 10, 5], 20)]
    ['shots-5', 'shots-10', 'imbalance-20']
    >>> [setting.name for setting in parse_settings()]
    ['all']
    """
    settings = [Setting("shots", count, per_class) for count in dict.fromkeys(shots)]
    if imbalance is not None:
        settings.append(Setting("imbalance", imbalance, per_class))
    return settings or [Setting(per_class=per_class, most=most if per_class is None else None)]
