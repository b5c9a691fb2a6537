"""New rows that know what they were made from, and which of them a fold may use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.filters.near_duplicates import near_duplicate_groups, overlaps
from smotext.fitting.one_vs_rest import rarest

# Where a fold is left with less than this share of a class's new rows, rows are written anew for it.
LEAST_USABLE = 0.2
# Half as many for each real row as the whole has: they weigh as much as all would, and writing takes most of the time.
_WRITTEN_ANEW = 0.5

WriteNewRows = Callable[[Sequence[str], Sequence[Any], Mapping[Any, int], int], "NewRows"]
"""``write(texts, labels, n_new, seed)``: new rows made from these texts alone."""


@dataclass(frozen=True)
class NewRows:
    """Texts that were added to real ones.

    Attributes
    ----------
    texts : tuple of str
    labels : tuple of str, int or bool
        Or of tuples of these, where texts have several labels.
    sources : tuple of (tuple of int, or None)
        The real rows that each text was made from: its parents, and the texts that its prompt showed. None where that
        is not known.
    """

    texts: tuple[str, ...] = ()
    labels: tuple[Any, ...] = ()
    sources: tuple[tuple[int, ...] | None, ...] = ()

    def __len__(self) -> int:
        return len(self.texts)

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """Yield (text, label) pairs."""
        return zip(self.texts, self.labels, strict=True)

    @classmethod
    def of_unknown_sources(cls, texts: Sequence[str], labels: Sequence[Any]) -> NewRows:
        """Return rows of which nothing is known."""
        return cls(tuple(texts), tuple(labels), (None,) * len(texts))

    def take(self, rows: Sequence[int] | NDArray[Any]) -> NewRows:
        """Return the given rows, in the given order."""
        texts, labels = (tuple(column[row] for row in rows) for column in (self.texts, self.labels))
        return NewRows(texts, labels, tuple(self.sources[row] for row in rows))

    def usable_without(self, held_out: NDArray[Any], texts: Sequence[str]) -> NDArray[np.bool_]:
        """Return which rows owe nothing to the held-out real rows.

        Parameters
        ----------
        held_out : ndarray of int
            Real rows.
        texts : sequence of str
            All real texts: a new text that shares 13 words in a row with a held-out one is not usable either.
        """
        out = set(held_out.tolist())
        is_apart = np.array([of is not None and out.isdisjoint(of) for of in self.sources], dtype=bool)
        if is_apart.any():
            apart = np.flatnonzero(is_apart)
            is_apart[apart] = ~overlaps([self.texts[row] for row in apart], [texts[row] for row in held_out])
        return is_apart


def new_rows_of(frame: Any) -> NewRows:
    """Return the rows of a sampler's table with what each was made from; a foreign strategy's parents are not known.

    Parameters
    ----------
    frame : DataFrame
        From :meth:`smotext.SMOTExT.generate`.
    """
    sources = [
        (*parents, *shown) if len(parents) else None
        for parents, shown in zip(frame["parents"], frame["examples"], strict=True)
    ]
    labels = map(tuple, frame["labels"]) if "labels" in frame else frame["label"]
    return NewRows(tuple(frame["text"]), tuple(labels), tuple(sources))


def rows_for_fold(
    new: NewRows,
    texts: Sequence[str],
    labels: Sequence[Any],
    held_out: NDArray[Any],
    *,
    write: WriteNewRows | None = None,
    seed: int = 0,
) -> NewRows:
    """Return the new rows that a fold may be fitted on.

    Parameters
    ----------
    new : NewRows
        Made from all real texts.
    texts, labels
        The real rows.
    held_out : ndarray of int
        The real rows that the fold is scored on.
    write : callable, optional
        Writes rows from the fold's own real rows, for classes of which under a fifth is usable.
    seed : int
        For `write`.
    """
    usable = new.usable_without(held_out, texts)
    counts, left = (
        Counter(new.labels),
        Counter(label for label, is_left in zip(new.labels, usable, strict=True) if is_left),
    )
    poor = {label for label, count in counts.items() if left[label] < LEAST_USABLE * count}
    if not poor or write is None:
        return new.take(np.flatnonzero(usable))
    kept = np.setdiff1d(np.arange(len(texts)), held_out)
    of_fold = Counter(labels[row] for row in kept)
    of_all = Counter(labels)
    wanted = {
        label: max(1, round(_WRITTEN_ANEW * count * of_fold[label] / of_all[label]))
        for label, count in counts.items()
        if label in poor and of_fold[label]
    }
    rich = new.take([row for row, label in enumerate(new.labels) if usable[row] and label not in poor])
    if not wanted:
        return rich
    made = write([texts[row] for row in kept], [labels[row] for row in kept], wanted, seed)
    repeats = overlaps(made.texts, [texts[row] for row in held_out])
    return join_new_rows(rich, made.take(np.flatnonzero(~repeats)))


def join_new_rows(first: NewRows, second: NewRows) -> NewRows:
    """Return the rows of both; sources are those of the first's real rows, and not known for the second's."""
    unknown = (None,) * len(second)
    return NewRows(first.texts + second.texts, first.labels + second.labels, first.sources + unknown)


def real_folds(texts: Sequence[str], labels: Sequence[Any], *, n_folds: int, seed: int) -> list[NDArray[np.int64]]:
    """Return the rows that each fold holds out: stratified by their rarest label, with near-duplicates in one fold.

    There are as many folds as the largest class has texts apart from near-duplicates, if that is fewer; none where no
    class has two.
    """
    return list(_real_folds(tuple(texts), tuple(labels), n_folds, seed))


# An evaluation asks for the same folds once for each condition and classifier.
@lru_cache(maxsize=4)
def _real_folds(
    texts: tuple[str, ...], labels: tuple[Any, ...], n_folds: int, seed: int
) -> tuple[NDArray[np.int64], ...]:
    import warnings

    from sklearn.model_selection import StratifiedGroupKFold

    groups, strata = near_duplicate_groups(texts), rarest(labels)
    codes = {label: code for code, label in enumerate(dict.fromkeys(strata))}
    of_class = np.array([codes[label] for label in strata])
    most = max(len(set(groups[of_class == code].tolist())) for code in codes.values())
    if min(n_folds, most) < 2:
        return ()
    folds = StratifiedGroupKFold(min(n_folds, most), shuffle=True, random_state=seed % 2**32)
    with warnings.catch_warnings():
        # scikit-learn warns of classes with fewer texts than folds, which are missing from some.
        warnings.simplefilter("ignore", UserWarning)
        found = [test for _, test in folds.split(np.zeros(len(texts)), of_class, groups)]
    for test in found:
        test.flags.writeable = False
    return tuple(test for test in found if len(test))
