"""imbalanced-learn's own over-samplers, run on the vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.errors import InputError
from smotext.mixing.first_parents import LabelledVectors
from smotext.mixing.plan import UNKNOWN, MixPlan, plan_of_class, stack
from smotext.utils.seeding import stable_hash


def check_sampler(sampler: Any) -> None:
    """Raise unless `sampler` is an imbalanced-learn over-sampler object.

    Raises
    ------
    InputError
        If it is a class instead of an object, takes rows away, or is something else.

    Examples
    --------
    >>> from imblearn.under_sampling import RandomUnderSampler
    >>> check_sampler(RandomUnderSampler())
    Traceback (most recent call last):
        ...
    smotext.errors.InputError: strategy is RandomUnderSampler(), which takes texts away: expected an over-sampler,
    such as imblearn.over_sampling.SMOTE()
    """
    from imblearn.combine import SMOTEENN, SMOTETomek

    example = "such as imblearn.over_sampling.SMOTE()"
    kind = getattr(sampler, "_sampling_type", None)
    if isinstance(sampler, type):
        raise InputError(f"strategy is the class {sampler.__name__}: expected an object, {example}")
    if kind is None or not hasattr(sampler, "fit_resample"):
        raise InputError(f"strategy is {sampler!r}: expected a name or an imbalanced-learn over-sampler, {example}")
    # the two combined samplers call themselves over-samplers too
    if kind != "over-sampling" or isinstance(sampler, SMOTEENN | SMOTETomek):
        raise InputError(f"strategy is {sampler!r}, which takes texts away: expected an over-sampler, {example}")


class ImblearnStrategy:
    """Lets an over-sampler make the vectors; parents stay unknown.

    Its draws depend on how many rows every class gets, so here more rows do change the earlier ones.

    Parameters
    ----------
    corpus : LabelledVectors
        All classes.
    sampler : imbalanced-learn over-sampler
        Never changed: clones of it are run.
    n_parents : int
        Places for parents in the plan.
    """

    def __init__(self, corpus: LabelledVectors, sampler: Any, *, n_parents: int) -> None:
        self._corpus, self._sampler, self._n_parents = corpus, sampler, n_parents
        self._n_new: Mapping[Any, int] = {}
        # The attempt that was made last, and its vectors by class.
        self._last: tuple[int, dict[Any, NDArray[np.float32]]] = (-1, {})

    def expect(self, n_new: Mapping[Any, int]) -> None:
        """Take in how many rows each class gets: every run of the sampler makes them all."""
        self._n_new = {label: n for label, n in n_new.items() if n}

    def plan(self, n_new: Mapping[Any, int]) -> tuple[list[MixPlan], list[str]]:
        """Return the rows of each class, and where the sampler made another number than asked for."""
        self.expect(n_new)
        if not self._n_new:
            return [], []
        made, n_made = oversample(self._sampler, self._corpus, self._n_new, self._state(0))
        parts = [self._rows(label, np.arange(len(made[label])), 0, made[label]) for label in self._n_new]
        notes = [
            f"class {label!r}: {type(self._sampler).__name__} made {n_made[label]} of {n} vectors, so "
            + ("some are used again" if n_made[label] < n else "the last are dropped")
            for label, n in self._n_new.items()
            if n_made[label] != n
        ]
        return parts, notes

    def replan(self, label: Any, ordinals: NDArray[np.int64], attempts: NDArray[np.int64]) -> MixPlan:
        """Return the same rows of further runs of the sampler, each with another random state."""
        if ordinals.max() >= self._n_new.get(label, 0):
            raise InputError(f"class {label!r} has no planned row {ordinals.max()}: call plan before replan")
        parts = []
        for attempt in np.unique(attempts).tolist():
            mine = ordinals[attempts == attempt]
            parts.append(self._rows(label, mine, attempt, self._vectors(attempt)[label][mine]))
        order = np.argsort(attempts, kind="stable")
        return stack(parts, self._n_parents).take(np.argsort(order))

    def _vectors(self, attempt: int) -> dict[Any, NDArray[np.float32]]:
        """Return all vectors of an attempt; the last attempt's are kept, since classes are asked for one by one."""
        if self._last[0] != attempt:
            self._last = attempt, oversample(self._sampler, self._corpus, self._n_new, self._state(attempt))[0]
        return self._last[1]

    def _state(self, attempt: int) -> int:
        # scikit-learn takes seeds of 31 bits.
        return stable_hash(self._corpus.seed, "foreign", attempt) >> 33

    def _rows(self, label: Any, ordinals: NDArray[np.int64], attempt: int, vectors: NDArray[np.float32]) -> MixPlan:
        shape = (len(ordinals), self._n_parents)
        return plan_of_class(
            label,
            ordinals,
            np.full(len(ordinals), attempt),
            seed=self._corpus.seed,
            strategy=type(self._sampler).__name__,
            parents=np.full(shape, UNKNOWN),
            weights=np.full(shape, np.nan),
            vectors=vectors,
        )


def oversample(
    sampler: Any, corpus: LabelledVectors, n_new: Mapping[Any, int], seed: int
) -> tuple[dict[Any, NDArray[np.float32]], dict[Any, int]]:
    """Return the vectors that a sampler adds to each class, as many as asked for, and how many it did add.

    Parameters
    ----------
    sampler : imbalanced-learn over-sampler
        Cloned; its ``sampling_strategy`` is set, and its ``random_state`` if it has one.
    corpus : LabelledVectors
        All classes; its vectors are copied into memory by the sampler.
    n_new : mapping of label to int
        New vectors per class, each at least 1.
    seed : int
        The sampler's random state, in [0, 2**32).

    Returns
    -------
    made : dict of ndarray of shape (n_new of the class, vector_dim), float32
        Where the sampler added too many, the first are taken; where too few, they are repeated.
    n_made : dict of int
        How many the sampler added.

    Raises
    ------
    InputError
        If the sampler fails, adds nothing to a class, or does not keep the vectors it was given.
    """
    codes = {label: int(corpus.codes[rows[0]]) for label, rows in corpus.rows.items()}
    totals = {codes[label]: len(corpus.rows[label]) + n for label, n in n_new.items()}
    resampled, resampled_codes = _run(_seeded(sampler, totals, seed), corpus)
    n_texts = len(corpus.codes)
    if len(resampled) < n_texts or not np.array_equal(resampled_codes[:n_texts], corpus.codes):
        raise InputError(f"strategy {sampler!r} does not keep the vectors it is given: expected an over-sampler")
    added, added_codes = resampled[n_texts:], resampled_codes[n_texts:]
    by_class = {label: np.flatnonzero(added_codes == codes[label]) for label in n_new}
    if missing := [label for label, rows in by_class.items() if not len(rows)]:
        raise InputError(f"strategy {sampler!r} made nothing for class {missing[0]!r}: use strategy='smote'")
    made = {label: np.asarray(added[np.resize(rows, n_new[label])], np.float32) for label, rows in by_class.items()}
    return made, {label: len(rows) for label, rows in by_class.items()}


def _seeded(sampler: Any, totals: Mapping[int, int], seed: int) -> Any:
    """Return a clone of `sampler` that brings the classes to these totals."""
    from sklearn.base import clone

    own = clone(sampler).set_params(sampling_strategy=dict(totals))
    return own.set_params(random_state=seed) if "random_state" in own.get_params() else own


def _run(sampler: Any, corpus: LabelledVectors) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the resampled vectors and class numbers; a failure says what to do."""
    try:
        return sampler.fit_resample(np.asarray(corpus.vectors), corpus.codes)
    except Exception as error:
        # A sampler of somebody else's may raise anything.
        smallest = min(corpus.rows, key=lambda label: len(corpus.rows[label]))
        raise InputError(
            f"strategy {type(sampler).__name__} failed on the vectors: {error}. There are {len(corpus.rows)} classes, "
            f"the smallest, {smallest!r}, with {len(corpus.rows[smallest])} text(s): add texts, change the sampler's "
            "options, or use strategy='smote', which adapts to small classes"
        ) from error
