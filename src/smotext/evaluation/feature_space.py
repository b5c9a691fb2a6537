"""Rows that are added in feature space: SMOTE's, and mixup's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from smotext.augmentation.sample_weights import half_weights
from smotext.evaluation.classifiers import interpolate_rows

# The parameter of mixup's Beta(a, a); Zhang et al. use 0.1 to 0.4.
BETA = 0.2


@dataclass(frozen=True)
class Added:
    """How many rows are added for each real row of a class, so that a part of the rows gets its part.

    Attributes
    ----------
    n_real, n_new : mapping of label to int
        Of the whole training set.
    """

    n_real: Mapping[Any, int]
    n_new: Mapping[Any, int]

    def wanted(self, labels: Sequence[Any]) -> dict[Any, int]:
        """Return how many rows each class of a part gets.

        Examples
        --------
        >>> Added({"a": 10}, {"a": 5}).wanted(["a"] * 8)
        {'a': 4}
        """
        counts = Counter(labels)
        return {
            label: round(count * counts[label] / self.n_real[label])
            for label, count in self.n_new.items()
            if counts[label]
        }


@dataclass(frozen=True)
class Interpolated(Added):
    """SMOTE on feature rows.

    Attributes
    ----------
    is_half : bool
        Whether real rows keep at least half of their class's weight.
    """

    is_half: bool = False

    def __call__(
        self, rows: Any, labels: Sequence[Any], seed: int
    ) -> tuple[Any, list[Any], NDArray[np.float64] | None]:
        """Return feature rows, labels and weights, the given rows first."""
        more, targets = interpolate_rows(rows, labels, self.wanted(labels), seed)
        targets = np.asarray(targets).tolist()
        return more, targets, half_weights(targets, len(labels)) if self.is_half else None


@dataclass(frozen=True)
class Mixup(Added):
    """Mixup on feature rows: any two rows are mixed, and the mix has both labels.

    A row of two labels is two rows of one, weighing lam and 1 - lam: the same to a loss that is linear in the label.

    References
    ----------
    Zhang, Cisse, Dauphin and Lopez-Paz, "mixup: beyond empirical risk minimization", ICLR 2018.
    """

    def __call__(self, rows: Any, labels: Sequence[Any], seed: int) -> tuple[Any, list[Any], NDArray[np.float64]]:
        """Return feature rows, labels and weights, the given rows first."""
        rng = np.random.default_rng(seed)
        of_class = np.empty(len(labels), dtype=object)
        of_class[:] = list(labels)
        first = [
            rng.choice(np.flatnonzero(of_class == label), size=count)
            for label, count in self.wanted(labels).items()
            if count
        ]
        one = np.concatenate([np.zeros(0, dtype=np.int64), *first])
        other = rng.integers(len(labels), size=len(one))
        lam = rng.beta(BETA, BETA, size=len(one))
        mixed = _scaled(rows[one], lam) + _scaled(rows[other], 1 - lam)
        stack = sparse.vstack if sparse.issparse(rows) else np.vstack
        targets = [*labels, *of_class[one], *of_class[other]]
        return stack([rows, mixed, mixed]), targets, np.concatenate([np.ones(len(labels)), lam, 1 - lam])


def _scaled(rows: Any, factors: NDArray[np.float64]) -> Any:
    return sparse.diags(factors) @ rows if sparse.issparse(rows) else rows * factors[:, None]
