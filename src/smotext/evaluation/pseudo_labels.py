"""Pseudo-labelling: unlabelled texts under the label that a classifier gives them. What texts that are there can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.data.unlabelled import read_unlabelled
from smotext.errors import InputError
from smotext.evaluation.labelled_texts import Label, NotApplicable
from smotext.filters.near_duplicates import overlaps
from smotext.fitting.new_rows import NewRows
from smotext.fitting.one_vs_rest import has_sets
from smotext.utils.geometry import unit
from smotext.utils.seeding import stable_hash


class PseudoLabels:
    """The unlabelled texts that a logistic regression on the encoder's vectors is surest of, for each class.

    The classes weigh alike, and each text is given to one class alone: where fewer are found for a class than are
    wanted, it gets fewer. What has 13 words in a row in common with a labelled text is left out.

    Parameters
    ----------
    encoder : object with ``encode``
        The method's own.
    texts : column of str
        The unlabelled ones; blank ones and repetitions are left out.

    References
    ----------
    Lee, "Pseudo-label: the simple and efficient semi-supervised learning method for deep neural networks", 2013.

    Examples
    --------
    >>> from smotext import HashEncoder
    >>> more = PseudoLabels(HashEncoder(64), ["the parcel came late", "I love my parcel", "I love it", "love"])
    >>> more(["late parcel", "love it"], ["bad", "good"], {"bad": 1, "good": 2}, seed=0).labels
    ('bad', 'good', 'good')
    """

    # Nothing is written, so that rows are found anew in every fold.
    is_cheap = True

    def __init__(self, encoder: Any, texts: Any) -> None:
        self.encoder, self.texts = encoder, tuple(read_unlabelled(texts, ()).texts)
        self.fingerprint = (
            f"pseudo-labels of {stable_hash(*self.texts):016x} by {getattr(encoder, 'fingerprint', None)}"
        )

    @cached_property
    def _vectors(self) -> NDArray[np.float32]:
        return unit(np.asarray(self.encoder.encode(list(self.texts))))

    def __call__(self, texts: Sequence[str], labels: Sequence[Label], n_new: Mapping[Label, int], seed: int) -> NewRows:
        """Return the surest texts of each class; which labelled rows a label is owed to is not known: to all.

        Raises
        ------
        NotApplicable
            If nothing is found for any class, or texts have several labels each.
        """
        from sklearn.linear_model import LogisticRegression

        if has_sets(labels):
            raise NotApplicable("it gives a text one label, and these texts have several")
        free = np.flatnonzero(~overlaps(self.texts, texts))
        vectors = unit(np.asarray(self.encoder.encode(list(texts))))
        head = LogisticRegression(C=10, class_weight="balanced", solver="newton-cg", max_iter=2000)
        head.fit(vectors, np.array(labels))
        probabilities = head.predict_proba(self._vectors[free]) if len(free) else np.zeros((0, len(head.classes_)))
        given = probabilities.argmax(axis=1)
        found: list[str] = []
        found_labels: list[Label] = []
        for label, n_wanted in n_new.items():
            (column,) = np.flatnonzero(head.classes_ == label)
            mine = np.flatnonzero(given == column)
            surest = mine[np.argsort(-probabilities[mine, column], kind="stable")][:n_wanted]
            found += [self.texts[row] for row in free[surest].tolist()]
            found_labels += [label] * len(surest)
        if not found:
            raise NotApplicable("no unlabelled text was found for a class that gets new rows")
        return NewRows.of_unknown_sources(found, found_labels)


def apart_from(unlabelled: Sequence[str], labelled: Sequence[str]) -> list[str]:
    """Return the unlabelled texts that have no 13 words in a row in common with a labelled one.

    Whatever part of the labelled texts is tested on, nothing of it is then seen in training.

    Raises
    ------
    InputError
        If none is left.

    Examples
    --------
    >>> apart_from(["where is it", "Late parcel!"], ["late parcel"])
    ['where is it']
    """
    kept = np.flatnonzero(~overlaps(unlabelled, labelled))
    if not len(kept):
        raise InputError(
            f"each of the {len(unlabelled)} unlabelled texts repeats a labelled one or a test text: give others"
        )
    return [unlabelled[row] for row in kept.tolist()]
