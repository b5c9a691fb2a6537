"""Training part and test part: given by a file, or by repeated stratified cross-validation over groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from smotext.errors import InputError
from smotext.evaluation.data_sizes import Setting
from smotext.evaluation.labelled_texts import Fold, LabelledTexts
from smotext.filters.near_duplicates import near_duplicate_groups, overlaps
from smotext.fitting.one_vs_rest import is_member, rarest
from smotext.utils.seeding import generator, stable_hash

N_TEST_FOLDS = 5
# Test sets are resampled so many times: their variance is then known to about a tenth.
N_TEST_DRAWS = 200


@dataclass(frozen=True)
class TrainTestSplit:
    """A training part and a test part that share no n-gram."""

    train: LabelledTexts
    test: LabelledTexts
    n_dropped: int


class Design(Protocol):
    """Where the training part and the test part of each seed come from."""

    # The ratio of the whole parts, also where a setting draws a few rows from the training part.
    test_train_ratio: float
    description: str

    def parts(self, seed: int) -> TrainTestSplit:
        """Return the two parts of one seed."""
        ...


class GivenTest:
    """Every seed has the same two parts; what differs is what is drawn from the training part.

    Where a setting keeps every training row, nothing is drawn from it: a study then resamples the test rows.

    Parameters
    ----------
    data, test : LabelledTexts
        Test rows that share an n-gram with a training row are dropped.
    """

    test_train_ratio = 0.0
    description = "one given test set; intervals speak of draws of training rows and synthetic texts, not of test rows"

    def __init__(self, data: LabelledTexts, test: LabelledTexts) -> None:
        unknown = set(test.counts) - set(data.counts)
        if unknown:
            names = ", ".join(sorted(map(repr, unknown))[:5])
            raise InputError(f"the test set has labels that the training set lacks: {names}: expected the same classes")
        self._parts = separate(data, test)

    def parts(self, seed: int) -> TrainTestSplit:
        """Return the same two parts for every seed."""
        return self._parts


class GroupFolds:
    """Repeated stratified k-fold cross-validation in which near-duplicates stay on one side.

    Parameters
    ----------
    data : LabelledTexts
        Every class needs two texts that are no near-duplicates of each other.
    root : int
        Seed of the splits.
    n_folds : int
        At most; as many as the smallest class has groups, if that is fewer.
    """

    def __init__(self, data: LabelledTexts, *, root: int = 0, n_folds: int = N_TEST_FOLDS) -> None:
        self._data, self._root = data, root
        self._groups = near_duplicate_groups(data.texts)
        self._made: dict[int, TrainTestSplit] = {}
        self.n_folds = min(n_folds, self._fewest_groups())
        self.test_train_ratio = 1 / (self.n_folds - 1)
        self.description = (
            f"repeated stratified {self.n_folds}-fold cross-validation, near-duplicates on one side, "
            "Nadeau-Bengio corrected intervals"
        )

    def parts(self, seed: int) -> TrainTestSplit:
        """Return fold ``seed % n_folds`` of repetition ``seed // n_folds``."""
        if seed not in self._made:
            self._made[seed] = self._split(seed)
        return self._made[seed]

    def _split(self, seed: int) -> TrainTestSplit:
        from sklearn.model_selection import StratifiedGroupKFold

        repetition, number = divmod(seed, self.n_folds)
        shuffle = stable_hash(self._root, "folds", repetition) % 2**32
        folds = StratifiedGroupKFold(self.n_folds, shuffle=True, random_state=shuffle)
        labels = [str(label) for label in rarest(self._data.labels)]
        train, test = list(folds.split(np.zeros(len(labels)), labels, self._groups))[number]
        return separate(self._data.take(train), self._data.take(test))

    def _fewest_groups(self) -> int:
        classes = list(self._data.counts)
        members = is_member(self._data.labels, classes).T
        sizes = {label: len(set(self._groups[has].tolist())) for label, has in zip(classes, members, strict=True)}
        label, fewest = min(sizes.items(), key=lambda item: item[1])
        if fewest < 2:
            raise InputError(
                f"class {label!r} has {fewest} text apart from near-duplicates; cross-validation needs 2: "
                "add texts, drop the class, or give a test file"
            )
        return fewest


def separate(train: LabelledTexts, test: LabelledTexts) -> TrainTestSplit:
    """Return the two parts without the test rows that share an n-gram with a training row.

    Raises
    ------
    InputError
        If no test row is left.
    """
    leaks = overlaps(test.texts, train.texts)
    if leaks.all():
        raise InputError(f"all {len(test)} test rows repeat a training row: expected a test set of other texts")
    return TrainTestSplit(train, test.take(np.flatnonzero(~leaks)), int(leaks.sum()))


def draw_fold(
    parts: TrainTestSplit, setting: Setting, *, seed: int, root: int = 0, max_test_rows: int | None = None
) -> Fold:
    """Return one seed's fold: the rows that the setting keeps, the spare ones, and the test rows.

    Parameters
    ----------
    parts : TrainTestSplit
        From the design.
    setting : Setting
        How many rows to keep.
    seed, root : int
        What is drawn depends on these two and the setting's name alone.
    max_test_rows : int, optional
        A random choice of so many test rows, the same one for every seed.
    """
    rows = setting.draw(parts.train, generator(root, "rows", setting.name, seed))
    train = parts.train.take(rows)
    spare = parts.train.take(np.setdiff1d(np.arange(len(parts.train)), rows))
    test = parts.test.take(_test_rows(len(parts.test), max_test_rows, root))
    fold_seed = stable_hash(root, "fold", setting.name, seed) % 2**31
    return Fold(train, spare, test, parts.n_dropped, setting.new_rows(train.labels), fold_seed)


def resamples(n_rows: int, *, root: int = 0, n_draws: int = N_TEST_DRAWS) -> NDArray[np.int64]:
    """Return how often each of `n_rows` test rows occurs in each resample of them with replacement.

    Returns
    -------
    ndarray of shape (n_draws, n_rows), int64
        The same for every seed and condition of a study, so that resampled scores are paired. Rows sum to
        `n_rows`.

    Examples
    --------
    >>> resamples(3, n_draws=2).sum(axis=1).tolist()
    [3, 3]
    """
    return generator(root, "test draws").multinomial(n_rows, np.full(n_rows, 1 / n_rows), size=n_draws)


def _test_rows(n_rows: int, limit: int | None, root: int) -> NDArray[np.int64]:
    if limit is None or n_rows <= limit:
        return np.arange(n_rows)
    return np.sort(generator(root, "test rows").permutation(n_rows)[:limit])
