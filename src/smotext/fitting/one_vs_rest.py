"""Texts of several labels: a label set is a tuple, and each label has a classifier of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import has_fit_parameter


def labels_of(label: Any) -> tuple[Any, ...]:
    """Return the labels of a text: those of a set, or the one.

    Examples
    --------
    >>> labels_of(("late", "rude")), labels_of("late")
    (('late', 'rude'), ('late',))
    """
    return label if isinstance(label, tuple) else (label,)


def has_sets(labels: Sequence[Any]) -> bool:
    """Return whether texts may have several labels each."""
    return len(labels) > 0 and isinstance(labels[0], tuple)


def count_each(labels: Iterable[Any]) -> Counter[Any]:
    """Return how many texts have each label.

    Examples
    --------
    >>> count_each([("late", "rude"), ("late",)])
    Counter({'late': 2, 'rude': 1})
    """
    return Counter(one for label in labels for one in labels_of(label))


def is_member(labels: Sequence[Any], classes: Sequence[Any]) -> NDArray[np.bool_]:
    """Return an array of shape (n_texts, n_classes): which text has which label.

    Examples
    --------
    >>> is_member(["b", "a"], ["a", "b"]).tolist(), is_member([("a", "b"), ()], ["a"]).tolist()
    ([[False, True], [True, False]], [[True], [False]])
    """
    place = {label: column for column, label in enumerate(classes)}
    found = np.zeros((len(labels), len(place)), dtype=np.bool_)
    for row, label in enumerate(labels):
        for one in labels_of(label):
            if one in place:
                found[row, place[one]] = True
    return found


def rarest(labels: Sequence[Any]) -> list[Any]:
    """Return the rarest label of each text: folds that are stratified by it have some of every label.

    Examples
    --------
    >>> rarest([("late", "rude"), ("late",), ("late",)]), rarest(["a", "b"])
    (['rude', 'late', 'late'], ['a', 'b'])
    """
    counts = count_each(labels)
    return [min(labels_of(label), key=lambda one: counts[one]) for label in labels]


def set_weights(n_real: int, n_new: int, weight: float) -> NDArray[np.float64]:
    """Return sample weights where texts have several labels: 1 for real ones, `weight` for new ones.

    A text that belongs to several labels cannot take from the real rows of each what it is given.
    """
    return np.concatenate([np.ones(n_real), np.full(n_new, float(weight))])


class OneVsRest(BaseEstimator):
    """A copy of a head for each label, fitted on who has it; scikit-learn's passes no weights of rows on.

    Parameters
    ----------
    head : scikit-learn classifier
        Stays unfitted.

    Examples
    --------
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> head = OneVsRest(KNeighborsClassifier(1)).fit(np.array([[0.0], [1.0], [9.0]]), [("a",), ("a", "b"), ("b",)])
    >>> head.predict(np.array([[1.2], [8.0]])).tolist()
    [('a', 'b'), ('b',)]
    """

    def __init__(self, head: Any) -> None:
        self.head = head

    def fit(self, rows: Any, labels: Sequence[Any], sample_weight: Any = None) -> OneVsRest:
        """Return self; a label that all rows have, or none, is predicted for all, or for none."""
        self.classes_ = sorted(count_each(labels), key=str)
        members = is_member(labels, self.classes_)
        options = {} if sample_weight is None else {"sample_weight": sample_weight}
        assert not options or has_fit_parameter(self.head, "sample_weight")
        self.heads_ = [
            bool(column[0]) if column.all() or not column.any() else clone(self.head).fit(rows, column, **options)
            for column in members.T
        ]
        return self

    def predict(self, rows: Any) -> NDArray[np.object_]:
        """Return the labels of each text; none where no head says yes."""
        n_rows = len(rows) if isinstance(rows, list) else rows.shape[0]
        columns = [
            np.full(n_rows, head) if isinstance(head, bool) else np.asarray(head.predict(rows), dtype=np.bool_)
            for head in self.heads_
        ]
        return sets_of(np.stack(columns, axis=1), self.classes_)


def sets_of(members: NDArray[np.bool_], classes: Sequence[Any]) -> NDArray[np.object_]:
    """Return label sets from an array of shape (n_texts, n_classes).

    Examples
    --------
    >>> sets_of(np.array([[True, True], [False, False]]), ["a", "b"]).tolist()
    [('a', 'b'), ()]
    """
    found = np.empty(len(members), dtype=object)
    for row, has in enumerate(members):
        found[row] = tuple(classes[place] for place in np.flatnonzero(has).tolist())
    return found
