"""Who is mixed with whom: one row of a plan per synthetic text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from smotext.errors import InputError, unknown_name
from smotext.mixing.first_parents import PARENT_STRATEGIES, LabelledVectors
from smotext.mixing.imblearn_samplers import ImblearnStrategy, check_sampler
from smotext.mixing.plan import MixPlan, stack
from smotext.mixing.strategies import ParentStrategy
from smotext.mixing.weights import parse_lam

_FINITE_CHECK_ROWS = 4096


class Strategy(Protocol):
    """Chooses parents, or makes vectors."""

    def plan(self, n_new: Mapping[Any, int]) -> tuple[list[MixPlan], list[str]]:
        """Return a part per class and notes."""
        ...

    def replan(self, label: Any, ordinals: NDArray[np.int64], attempts: NDArray[np.int64]) -> MixPlan:
        """Return replacements within one class."""
        ...


class Planner:
    """Plans which texts are mixed, for any number of rows and for replacements.

    A row depends on its key (class, ordinal, attempt), the data and the settings alone: more rows keep the
    earlier ones, and no class depends on how many rows another gets. What was found for one call, neighbours
    above all, serves the next.

    Parameters
    ----------
    vectors : ndarray of shape (n_texts, vector_dim), float32
        Vectors of the real texts; may be a memory map.
    labels : array-like of n_texts str, int or bool
        Class of each text.
    strategy : {"smote", "random", "borderline", "adasyn", "kmeans"} or over-sampler object
        Who is a first parent (:mod:`~smotext.mixing.first_parents`). Partners are its nearest neighbours, or
        with ``"random"`` any other of the class; the least used goes first and the row's own stream settles
        ties. An imbalanced-learn over-sampler is cloned and run on the vectors instead: its rows have no known
        parents, and asking it for more rows changes the earlier ones.
    k_neighbors : int
        Neighbours a partner is taken from, at least 1; a class of k or fewer texts uses all pairs, and a
        class of one is paraphrased.
    n_parents : int
        Parents of a row, at least 2; fewer where a class has fewer.
    lam : tuple, str or float
        Weight of the first parent, as :func:`~smotext.mixing.weights.parse_lam` takes it.
    seed : int
        The run's root seed.

    Raises
    ------
    InputError
        If the data or an option cannot be used.

    Examples
    --------
    >>> vectors = np.arange(12, dtype=np.float32).reshape(6, 2)
    >>> planner = Planner(vectors, ["a", "a", "a", "b", "b", "b"], strategy="random", lam=0.5)
    >>> plan = planner.plan({"b": 2})
    >>> plan.labels.tolist(), plan.parents.shape, plan.lam.tolist()
    (['b', 'b'], (2, 2), [0.5, 0.5])
    >>> again = planner.replan(plan.labels[1:], plan.ordinals[1:], plan.attempts[1:] + 1)
    >>> set(again.parents[0]) == set(plan.parents[1])
    False
    """

    def __init__(
        self,
        vectors: NDArray[np.float32],
        labels: Sequence[Any] | NDArray[Any],
        *,
        strategy: Any = "smote",
        k_neighbors: int = 5,
        n_parents: int = 2,
        lam: Any = (0.0, 1.0),
        seed: int = 0,
    ) -> None:
        _check_data(vectors, labels)
        check_options(strategy, k_neighbors, n_parents)
        self._n_parents = int(n_parents)
        self._corpus = LabelledVectors(vectors, labels, seed)
        lam_spec = parse_lam(lam)
        self._strategy: Strategy = (
            ParentStrategy(
                self._corpus, strategy, k_neighbors=int(k_neighbors), n_parents=self._n_parents, lam=lam_spec
            )
            if isinstance(strategy, str)
            else ImblearnStrategy(self._corpus, strategy, n_parents=self._n_parents)
        )

    def expect(self, n_new: Mapping[Any, int]) -> None:
        """Say how many rows each class gets, where `replan` is called for a plan that was made in another process.

        Only over-sampler objects need it: each of their runs makes all rows.
        """
        if isinstance(self._strategy, ImblearnStrategy):
            self._strategy.expect(n_new)

    def plan(self, n_new: Mapping[Any, int]) -> MixPlan:
        """Return a plan of first attempts, class by class in the order of `n_new`, ordinals ascending.

        Parameters
        ----------
        n_new : mapping of label to int
            New rows per class.

        Returns
        -------
        MixPlan
            Its notes say which classes were too small for the settings, and what was done instead.

        Raises
        ------
        InputError
            If a class is unknown, a number is negative, or an over-sampler object fails.
        """
        self._check_known(n_new)
        for label, n in n_new.items():
            if not isinstance(n, Integral) or n < 0:
                raise InputError(f"n_new[{label!r}] is {n!r}: expected a number of rows, 0 or more")
        parts, notes = self._strategy.plan({label: int(n) for label, n in n_new.items()})
        return stack(parts, self._n_parents, notes)

    def replan(
        self,
        labels: Sequence[Any] | NDArray[Any],
        ordinals: Sequence[int] | NDArray[np.int64],
        attempts: Sequence[int] | NDArray[np.int64],
    ) -> MixPlan:
        """Return a plan of further attempts at rows, in the given order.

        Parents are drawn from the row's own stream, in proportion to the strategy's weights, and differ as a
        set from those of the row's earlier attempts as long as the class has others.

        Parameters
        ----------
        labels, ordinals, attempts : sequences of n_rows
            Keys of the wanted rows. Attempts start at 1; 0 is the plan's.

        Returns
        -------
        MixPlan

        Raises
        ------
        InputError
            If the three differ in length, a class is unknown, or a number is out of range. With an
            over-sampler object also if :meth:`plan` was not called before with that row.
        """
        if not len(labels) == len(ordinals) == len(attempts):
            raise InputError(
                f"got {len(labels)} labels, {len(ordinals)} ordinals and {len(attempts)} attempts: expected as many"
            )
        ordinals, attempts = np.asarray(ordinals, dtype=np.int64), np.asarray(attempts, dtype=np.int64)
        if np.any(attempts < 1) or np.any(ordinals < 0):
            raise InputError("expected attempts of 1 or more (0 is the plan's own) and ordinals of 0 or more")
        rows_of: dict[Any, list[int]] = {}
        for row, label in enumerate(labels):
            rows_of.setdefault(label, []).append(row)
        self._check_known(rows_of)
        parts = [self._strategy.replan(label, ordinals[rows], attempts[rows]) for label, rows in rows_of.items()]
        order = np.array([row for rows in rows_of.values() for row in rows], dtype=np.int64)
        return stack(parts, self._n_parents).take(np.argsort(order))

    def _check_known(self, labels: Iterable[Any]) -> None:
        """Raise if a label is not one of the classes."""
        for label in labels:
            if label not in self._corpus.rows:
                raise unknown_name("class", label, list(self._corpus.rows))


def _check_data(vectors: NDArray[np.float32], labels: Sequence[Any] | NDArray[Any]) -> None:
    """Raise unless there is one finite vector per label."""
    if vectors.ndim != 2 or not len(vectors) or len(vectors) != len(labels):
        raise InputError(
            f"got vectors of shape {vectors.shape} and {len(labels)} labels: expected one vector for each of 1 or more "
            "texts"
        )
    for start in range(0, len(vectors), _FINITE_CHECK_ROWS):
        is_finite = np.isfinite(vectors[start : start + _FINITE_CHECK_ROWS]).all(axis=1)
        if not is_finite.all():
            row = start + int(np.argmin(is_finite))
            raise InputError(f"the vector of text {row} has NaN or infinite entries: check the encoder")


def check_options(strategy: Any, k_neighbors: int, n_parents: int) -> None:
    """Raise unless the options are of the right kind and fit together."""
    if not isinstance(strategy, str):
        check_sampler(strategy)
    elif strategy not in PARENT_STRATEGIES:
        raise unknown_name("strategy", strategy, PARENT_STRATEGIES)
    for name, value, least in (("k_neighbors", k_neighbors, 1), ("n_parents", n_parents, 2)):
        if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
            raise InputError(f"{name} is {value!r}: expected an integer of {least} or more")
    if isinstance(strategy, str) and strategy != "random" and n_parents > k_neighbors + 1:
        raise InputError(
            f"n_parents={n_parents} needs {n_parents - 1} neighbours, k_neighbors is {k_neighbors}: raise k_neighbors"
        )
