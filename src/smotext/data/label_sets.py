"""Several labels per text: read from what people keep them in, measured, and given back with rows added."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smotext.data.class_counts import SAMPLING_STRATEGIES, new_rows_for_n
from smotext.data.containers import give_back, read_column
from smotext.data.corpus import Corpus, SharedLabels, make_corpus
from smotext.data.validation import check_labels
from smotext.errors import InputError, unknown_name

LABELSET_STRATEGIES = ("ranking", "union", "intersection")
_ENTRY = (list, tuple, AbstractSet, np.ndarray)


@dataclass(frozen=True)
class LabelSets:
    """The labels of every text.

    Attributes
    ----------
    sets : list of tuple
        Of each text, in the order of `labels`; none is empty.
    labels : tuple
        All labels: those of an indicator matrix by column, others sorted.
    given : object
        What they were read from.
    is_indicator : bool
        A matrix with a column for each label.
    """

    sets: list[tuple[Any, ...]]
    labels: tuple[Any, ...]
    given: Any
    is_indicator: bool

    @property
    def counts(self) -> dict[Any, int]:
        """How many texts have each label, in the order of `labels`."""
        found = dict.fromkeys(self.labels, 0)
        for labels in self.sets:
            for label in labels:
                found[label] += 1
        return found

    def with_rows(self, new: Sequence[tuple[Any, ...]]) -> Any:
        """Return what was given, in its container, with rows added."""
        if self.is_indicator:
            return _indicator_with_rows(self.given, self.labels, new)
        entries = _entries(self.given)
        make = np.array if isinstance(entries[0], np.ndarray) else type(entries[0])
        return give_back(self.given, _objects([*entries, *(make(list(labels)) for labels in new)]), is_open=True)


def has_label_sets(y: Any) -> bool:
    """Return True if `y` gives each text several labels: a matrix of several columns, or a column of lists or sets.

    Examples
    --------
    >>> has_label_sets([["a"], ["a", "b"]]), has_label_sets(np.eye(3)), has_label_sets(["a", "b"])
    (True, True, False)
    """
    if _is_matrix(y):
        return True
    if isinstance(y, str | np.ndarray) and not (isinstance(y, np.ndarray) and y.dtype == object):
        return False
    try:
        return any(isinstance(entry, _ENTRY) for entry in _entries(y))
    except InputError:
        return False  # whoever reads it as single labels says what is wrong


def read_label_sets(y: Any, n_texts: int) -> LabelSets:
    """Return the labels of every text.

    Parameters
    ----------
    y : indicator matrix of shape (n_texts, n_labels), or column of n_texts lists, tuples or sets
        A matrix of 0 and 1, or False and True: a numpy array, a scipy sparse matrix or a DataFrame, whose columns then
        name the labels; else they are numbered.
    n_texts : int

    Raises
    ------
    InputError
        If there are not as many rows, a row has no label, a matrix holds another number, two columns have one name, or
        labels are of several types.

    Examples
    --------
    >>> read_label_sets([["slow", "late"], {"late"}], 2).sets
    [('late', 'slow'), ('late',)]
    >>> read_label_sets(np.array([[0, 1], [1, 1]]), 2).sets
    [(1,), (0, 1)]
    >>> read_label_sets([["a"], []], 2)
    Traceback (most recent call last):
        ...
    smotext.errors.InputError: row 1 has no label: give it one (such as 'none'), or drop the row
    """
    if _is_matrix(y):
        labels, sets = _read_indicator(y)
    else:
        labels, sets = _read_sets(y)
    if len(sets) != n_texts:
        raise InputError(f"{n_texts} texts but labels of {len(sets)}: expected labels for each text")
    for row, found in enumerate(sets):
        if not found:
            raise InputError(f"row {row} has no label: give it one (such as 'none'), or drop the row")
    return LabelSets(sets, labels, y, _is_matrix(y))


def split_labels(cells: NDArray[np.object_], separator: str) -> list[list[str]]:
    """Return the labels in cells such as ``"late; slow"``, without the spaces around them.

    Examples
    --------
    >>> split_labels(np.array(["late; slow", "late"], dtype=object), ";")
    [['late', 'slow'], ['late']]
    """
    return [[part.strip() for part in str(cell).split(separator) if part.strip()] for cell in cells]


def imbalance(counts: Mapping[Any, int]) -> dict[Any, float]:
    """Return each label's IRLbl: how many times as often the most frequent label occurs. MeanIR is their mean.

    A label that no text has is infinitely imbalanced and left out.

    References
    ----------
    Charte et al., "Addressing imbalance in multilabel classification: measures and random resampling algorithms",
    Neurocomputing 2015.

    Examples
    --------
    >>> imbalance({"a": 6, "b": 2, "c": 3})
    {'a': 1.0, 'b': 3.0, 'c': 2.0}
    """
    most = max(counts.values())
    return {label: most / count for label, count in counts.items() if count}


def mean_imbalance(counts: Mapping[Any, int]) -> float:
    """Return MeanIR, the mean of IRLbl over the labels."""
    return float(np.mean(list(imbalance(counts).values())))


def new_rows_for_sets(sampling_strategy: Any, counts: Mapping[Any, int]) -> dict[Any, int]:
    """Return how many new rows are made for each label; those that they have besides come on top.

    Parameters
    ----------
    sampling_strategy : str, mapping or callable
        ``"auto"`` is MLSMOTE's: as many as there are, for labels whose IRLbl is above MeanIR. ``"minority"``, ``"not
        minority"``, ``"not majority"`` and ``"all"`` choose labels as in imbalanced-learn, which are brought to the
        count of the most frequent one; a mapping gives totals for the labels that it names; a callable gets the counts
        and returns such a mapping.
    counts : mapping of label to int

    Raises
    ------
    InputError
        For an unknown name or label, a ratio, or a total below the present count.

    References
    ----------
    Charte et al., "MLSMOTE: Approaching imbalanced multilabel learning through synthetic instance generation",
    Knowledge-Based Systems 2015; imbalanced-learn's pull request 1213 has the same ``"auto"``.

    Examples
    --------
    >>> counts = {"a": 12, "b": 2, "c": 6}
    >>> [new_rows_for_sets(strategy, counts) for strategy in ("auto", "not majority", {"b": 5})]
    [{'b': 2}, {'b': 10, 'c': 6}, {'b': 3}]
    """
    if callable(sampling_strategy):
        sampling_strategy = sampling_strategy(dict(counts))
    present = {label: count for label, count in counts.items() if count}
    if isinstance(sampling_strategy, Mapping):
        return _up_to(sampling_strategy, present)
    if not isinstance(sampling_strategy, str):
        raise InputError(
            f"sampling_strategy is {sampling_strategy!r}: with several labels per text expected one of "
            f"{', '.join(SAMPLING_STRATEGIES)}, a dict of totals by label, or a function of the counts that returns one"
        )
    if sampling_strategy not in SAMPLING_STRATEGIES:
        raise unknown_name("sampling_strategy", sampling_strategy, SAMPLING_STRATEGIES)
    if sampling_strategy == "auto":
        ratios, mean = imbalance(present), mean_imbalance(present)
        return {label: count for label, count in present.items() if ratios[label] > mean}
    fewest, most = min(present.values()), max(present.values())
    chosen = {
        "minority": lambda count: count == fewest,
        "not minority": lambda count: count != fewest,
        "not majority": lambda count: count != most,
        "all": lambda count: True,
    }[sampling_strategy]
    return {label: most - count for label, count in present.items() if chosen(count) and count < most}


def expanded(texts: NDArray[np.object_], given: LabelSets, labelset_strategy: str) -> Corpus:
    """Return the corpus in which a text stands once for each of its labels: the members of a label are its class."""
    rows = np.repeat(np.arange(len(given.sets)), [len(labels) for labels in given.sets])
    labels = np.empty(len(rows), dtype=object)
    labels[:] = [label for found in given.sets for label in found]
    corpus = make_corpus(texts[rows], labels)
    kept = rows[corpus.rows]
    shared = SharedLabels([given.sets[row] for row in kept], given.labels, labelset_strategy)
    n_skipped = len(texts) - len(np.unique(kept))
    return Corpus(corpus.texts, corpus.labels, kept, n_skipped, shared)


def row_weights(targets: Sequence[Any], counts: Mapping[Any, int], n_real: int) -> NDArray[np.float64]:
    """Return sample weights: 1 for real rows; those made for a label weigh no more together than its real ones.

    Parameters
    ----------
    targets : sequence of label
        What each synthetic row was made for.
    counts : mapping of label to int
        Real rows of each label.
    n_real : int

    Examples
    --------
    >>> row_weights(["late"] * 4, {"late": 2, "slow": 9}, n_real=2).tolist()
    [1.0, 1.0, 0.5, 0.5, 0.5, 0.5]
    """
    made = Counter(targets)
    new = [min(1.0, counts[label] / made[label]) for label in targets]
    return np.concatenate([np.ones(n_real), np.array(new, dtype=np.float64)])


def compare(given: LabelSets, new: Sequence[Sequence[Any]]) -> pd.DataFrame:
    """Return how often each label occurs and how imbalanced it is, before and after: a row per label.

    Columns: ``label``, ``n_before``, ``n_after``, ``irlbl_before``, ``irlbl_after``. MeanIR is a column's mean. A label
    that no text has has none.
    """
    before = given.counts
    added = Counter(label for labels in new for label in labels)
    after = {label: count + added[label] for label, count in before.items()}
    rows = [
        (label, before[label], after[label], *(imbalance(counts).get(label, math.nan) for counts in (before, after)))
        for label in given.labels
    ]
    return pd.DataFrame(rows, columns=["label", "n_before", "n_after", "irlbl_before", "irlbl_after"])


def new_rows_by_label(n: Any, given: LabelSets) -> dict[Any, int]:
    """Return the new rows of each label for ``n``, as :func:`~smotext.data.class_counts.new_rows_for_n` does."""
    return new_rows_for_n(n, {label: count for label, count in given.counts.items() if count})


def _up_to(totals: Mapping[Any, Any], counts: Mapping[Any, int]) -> dict[Any, int]:
    for label, total in totals.items():
        if label not in counts:
            raise unknown_name("label", label, list(counts))
        if isinstance(total, bool) or not isinstance(total, int | np.integer) or total < counts[label]:
            raise InputError(
                f"sampling_strategy for label {label!r} is {total!r}: expected its total, an integer of at least "
                f"{counts[label]}, as many texts have it"
            )
    return {label: int(totals[label]) - count for label, count in counts.items() if label in totals}


def _is_matrix(y: Any) -> bool:
    shape = getattr(y, "shape", None)
    is_matrix = hasattr(y, "columns") or hasattr(y, "tocsr") or isinstance(y, np.ndarray)
    return is_matrix and shape is not None and len(shape) == 2 and shape[1] > 1


def _read_indicator(y: Any) -> tuple[tuple[Any, ...], list[tuple[Any, ...]]]:
    labels = tuple(y.columns) if hasattr(y, "columns") else tuple(range(y.shape[1]))
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise InputError(f"two label columns are named {twice!r}: rename one, or drop it")
    matrix = y.toarray() if hasattr(y, "tocsr") else y.to_numpy() if hasattr(y, "to_numpy") else y
    try:
        numbers = np.asarray(matrix, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"the label columns {labels} do not hold numbers ({error}): expected 0 and 1") from error
    if wrong := sorted({float(value) for value in np.unique(numbers)} - {0.0, 1.0}):
        raise InputError(f"the label matrix holds {wrong[0]:g}: expected 0 and 1, a column for each label")
    return labels, [tuple(labels[place] for place in np.flatnonzero(row)) for row in numbers]


def _read_sets(y: Any) -> tuple[tuple[Any, ...], list[tuple[Any, ...]]]:
    found = []
    for row, entry in enumerate(_entries(y)):
        if not isinstance(entry, _ENTRY):
            raise InputError(f"row {row} has the label {entry!r:.60}: expected a list or set, as in other rows")
        found.append([label.item() if isinstance(label, np.generic) else label for label in entry])
    flat = [label for labels in found for label in labels]
    if flat:
        check_labels(flat, len(flat))  # raises for labels of several types
    order = {label: place for place, label in enumerate(sorted(set(flat)))}
    return tuple(order), [tuple(sorted(set(labels), key=order.__getitem__)) for labels in found]


def _entries(y: Any) -> list[Any]:
    """Return the entries of a column; numpy would make a matrix of lists of one length."""
    for method in ("to_pylist", "tolist", "to_list"):  # pyarrow; pandas and numpy; polars
        if hasattr(y, method):
            return list(getattr(y, method)())
    return list(y) if isinstance(y, list | tuple) else list(read_column(y, "labels"))


def _objects(values: list[Any]) -> NDArray[np.object_]:
    array = np.empty(len(values), dtype=object)
    for place, value in enumerate(values):
        array[place] = value
    return array


def _indicator_with_rows(given: Any, labels: tuple[Any, ...], new: Sequence[tuple[Any, ...]]) -> Any:
    place = {label: column for column, label in enumerate(labels)}
    added = np.zeros((len(new), len(labels)), dtype=np.int64)
    for row, found in enumerate(new):
        added[row, [place[label] for label in found]] = 1
    if hasattr(given, "tocsr"):
        from scipy import sparse

        return sparse.vstack([given, sparse.csr_matrix(added).astype(given.dtype)], format=given.format)
    if isinstance(given, np.ndarray):
        return np.concatenate([given, added.astype(given.dtype)])
    import narwhals as nw

    frame = nw.from_native(given, eager_only=True)
    columns = {
        name: nw.new_series(name, added[:, column].tolist(), nw.Int64(), backend=frame.implementation)
        for column, name in enumerate(frame.columns)
    }
    more = nw.from_dict(columns, backend=frame.implementation).select(
        [nw.col(name).cast(dtype) for name, dtype in frame.schema.items()]
    )
    # The rows of pandas are numbered anew, as those of any column are: both parts would begin with 0.
    return nw.maybe_reset_index(nw.concat([frame, more])).to_native()
