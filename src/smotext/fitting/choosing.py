"""How much synthetic rows are to weigh, and how closely a classifier is to follow its rows: chosen on real rows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.augmentation.sample_weights import weights_at
from smotext.errors import InputError, unknown_name
from smotext.fitting.heads import (
    Fitted,
    Fitting,
    can_weigh_rows,
    fit_head,
    has_real_head,
    has_strength,
    new_features,
    new_head,
)
from smotext.fitting.new_rows import NewRows, WriteNewRows, real_folds, rows_for_fold
from smotext.fitting.one_vs_rest import count_each, has_sets, labels_of, set_weights

WEIGHTS = (0.0, 0.1, 0.25, 0.5, 1.0)
# Values of C; 1 is scikit-learn's default.
STRENGTHS = (0.1, 1.0, 10.0, 100.0)
N_CHOICE_FOLDS = 5
# Another weight than the default has to lead by so many standard errors. Over nine draws of ten texts a class from
# three sets, TF-IDF gained 1.3 points of macro-F1 where the highest score counted, 2.3 so, and 2.4 at half weight
# throughout; the frozen encoder 1.3, 1.6 and 1.7 (docs/research/log.md).
LEAD = 1.5

Score = Callable[[Sequence[Any], Sequence[Any]], float]


@dataclass(frozen=True)
class Candidate:
    """A way to fit: what synthetic rows weigh, and the head's ``C`` (None: as the classifier has it)."""

    weight: float = 1.0
    strength: float | None = None


@dataclass(frozen=True)
class Choice:
    """What was chosen, and how every candidate scored.

    Attributes
    ----------
    weight, strength
        Those of the best candidate.
    scores : dict of Candidate to float
        Over all real rows, each predicted by a classifier that had nothing to do with it. Empty where there was
        nothing to choose, or nothing to choose by.
    """

    best: Candidate
    scores: dict[Candidate, float]

    @property
    def weight(self) -> float:
        """What synthetic rows weigh; 0: they are left out."""
        return self.best.weight

    @property
    def strength(self) -> float | None:
        """The head's ``C``; None: as the classifier has it."""
        return self.best.strength


@dataclass(frozen=True)
class FittingRows:
    """Real rows, and new ones made from them.

    Attributes
    ----------
    texts, labels : sequences of equal length
        The real rows.
    new : NewRows
        Their sources are row numbers of the real rows.
    write : callable, optional
        Writes more of the kind, for folds to which too few of the new rows are left.
    """

    texts: Sequence[str]
    labels: Sequence[Any]
    new: NewRows = field(default_factory=NewRows)
    write: WriteNewRows | None = None

    @property
    def new_per_real(self) -> dict[Any, float]:
        """How many new rows there are for each real row of a class."""
        real, new = Counter(self.labels), Counter(self.new.labels)
        return {label: count / real[label] for label, count in new.items() if real[label]}


def candidates_for(
    model: Any, rows: FittingRows, *, weights: Sequence[float] = WEIGHTS, strengths: Sequence[float] = STRENGTHS
) -> list[Candidate]:
    """Return what can be chosen from; weights between 0 and 1 only where the head's fit takes ``sample_weight``.

    Examples
    --------
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> rows = FittingRows(["a", "b"], [0, 1], NewRows.of_unknown_sources(["c"], [0]))
    >>> [one.weight for one in candidates_for(KNeighborsClassifier(), rows)]
    [0.0, 1.0]
    """
    _check_grid("weights", weights, lambda value: 0 <= value <= 1, "numbers from 0 to 1")
    if strengths:
        _check_grid("Cs", strengths, lambda value: value > 0, "numbers above 0, or none")
    if not len(rows.new):
        allowed = [weights[-1]]
    else:
        can_weigh = can_weigh_rows(model) and not has_real_head(model)
        allowed = [weight for weight in weights if weight in (0, 1) or can_weigh]
    if not allowed:
        raise InputError(
            f"weights are {list(weights)}, and the fit of {type(model).__name__} takes no sample_weight: it can only "
            "leave synthetic rows out (0) or count them like real ones (1)"
        )
    scales = list(strengths) if strengths and has_strength(model) else [None]
    return [Candidate(weight, strength) for weight in allowed for strength in scales]


def choose_fit(
    model: Any,
    rows: FittingRows,
    candidates: Sequence[Candidate],
    *,
    fitting: Fitting | None = None,
    n_folds: int = N_CHOICE_FOLDS,
    score: Score | None = None,
    seed: int = 0,
) -> Choice:
    """Return the candidate that predicts real rows best which it has not seen, in cross-validation.

    A fold is fitted on its real rows and those synthetic rows that owe nothing to the rows it is scored on: none of
    these is a parent, was shown in a prompt, or has 13 words in a row in common. Where under a fifth of a class's
    synthetic rows is left, rows are written anew from the fold's own, half as many. A class's rows weigh in a fold what
    all of them would.

    Half weight stands unless another predicts clearly better: by 1.5 standard errors, since on a few rows the highest
    of many scores is chance. At each weight the best strength counts, of equal ones that nearest to 1.

    Parameters
    ----------
    model : scikit-learn text classifier
    rows : FittingRows
    candidates : sequence of Candidate
        At least one, as from :func:`candidates_for`.
    fitting : Fitting, optional
    n_folds : int
        At most.
    score : callable, optional
        (truth, predicted) to a number, the higher the better; macro-F1 unless given.
    seed : int
        Of the folds, and of what is written anew.

    Returns
    -------
    Choice
        The default, without scores, where no class has two texts apart from near-duplicates.
    """
    score, fitting = score or macro_f1, fitting or Fitting()
    folds = real_folds(rows.texts, rows.labels, n_folds=n_folds, seed=seed) if len(candidates) > 1 else []
    if not folds:
        return Choice(_default(candidates), {})
    predicted = {one: np.empty(len(rows.texts), dtype=object) for one in candidates}
    for number, held_out in enumerate(folds):
        part = _part(rows, held_out, seed + number, candidates)
        if len(set(part.labels if fitting.with_real else part.new.labels)) < 2:
            for values in predicted.values():
                # Where the training part has one class alone, every candidate predicts that one.
                values[held_out] = _objects([(list(part.labels) or [None])[0]] * len(held_out))
            continue
        for one, fitted in fit_each(model, part, candidates, fitting, shares=rows.new_per_real, seed=seed):
            predicted[one][held_out] = _objects(fitted.predict([rows.texts[row] for row in held_out]))
    scores = {one: float(score(list(rows.labels), values.tolist())) for one, values in predicted.items()}
    return Choice(_leading(candidates, scores, predicted, _objects(list(rows.labels))), scores)


def fit_each(
    model: Any,
    rows: FittingRows,
    candidates: Sequence[Candidate],
    fitting: Fitting | None = None,
    *,
    shares: dict[Any, float] | None = None,
    seed: int = 0,
) -> Iterator[tuple[Candidate, Fitted]]:
    """Yield each candidate with the model fitted its way; features are made once, and once more without new rows.

    Parameters
    ----------
    model, rows, candidates, fitting
        As for :func:`choose_fit`.
    shares : dict of label to float, optional
        See :func:`~smotext.augmentation.sample_weights.weights_at`.
    seed : int
        Of rows that are added in feature space.
    """
    fitting, takes_weights = fitting or Fitting(), can_weigh_rows(model)
    for has_new in (False, True):
        chosen = [one for one in candidates if (one.weight > 0) == has_new]
        if not chosen:
            continue
        new = rows.new if has_new else NewRows()
        real_texts, real_labels = (list(rows.texts), list(rows.labels)) if fitting.with_real else ([], [])
        texts, labels = [*real_texts, *new.texts], [*real_labels, *new.labels]
        features = new_features(model)
        made = texts if features is None else features.fit_transform(texts, labels)
        if has_real_head(model) and fitting.with_real:
            made, labels = made[: len(real_labels)], real_labels
        targets, added = labels, None
        if fitting.expand is not None:
            made, targets, added = fitting.expand(made, labels, seed)
        for one in chosen:
            weights = added
            if takes_weights and fitting.expand is None and fitting.with_real:
                weights = _weights(fitting, labels, len(real_labels), one.weight, shares)
            head = new_head(model, strength=one.strength, is_balanced=fitting.is_balanced)
            yield one, Fitted(features, fit_head(head, made, targets, weights))


def macro_f1(truth: Sequence[Any], predicted: Sequence[Any]) -> float:
    """Return the mean F1 over the classes that occur among the true labels, or over labels where texts have several.

    Examples
    --------
    >>> macro_f1(["a", "a", "a", "b"], ["a", "a", "b", "b"])
    0.733...
    >>> macro_f1([("a",), ("a", "b")], [("a",), ("a",)])
    0.5
    """
    true, guess = count_each(truth), count_each(predicted)
    pairs = zip(truth, predicted, strict=True)
    hits = count_each(tuple(set(labels_of(label)) & set(labels_of(other))) for label, other in pairs)
    return float(np.mean([2 * hits[label] / (count + guess[label]) for label, count in true.items()]))


def accuracy(truth: Sequence[Any], predicted: Sequence[Any]) -> float:
    """Return the share of right predictions; of several labels, all have to be right."""
    pairs = zip(truth, predicted, strict=True)
    return float(np.mean([set(labels_of(label)) == set(labels_of(other)) for label, other in pairs]))


SCORES: dict[str, Score] = {"f1_macro": macro_f1, "accuracy": accuracy}


def resolve_score(scoring: str | Score) -> Score:
    """Return the score of that name, or the function that was given.

    Raises
    ------
    UnknownNameError
        If the name is none of :data:`SCORES`.
    """
    if callable(scoring):
        return scoring
    if scoring not in SCORES:
        raise unknown_name("scoring", scoring, SCORES)
    return SCORES[scoring]


def _weights(
    fitting: Fitting, labels: list[Any], n_real: int, weight: float, shares: dict[Any, float] | None
) -> NDArray[np.float64] | None:
    if n_real == len(labels):
        return None
    if has_sets(labels) and fitting.weigh is weights_at:
        return set_weights(n_real, len(labels) - n_real, weight)
    if fitting.weigh is weights_at:
        return weights_at(labels, n_real, weight, shares=shares)
    return fitting.weigh(labels, n_real, weight)


def _part(rows: FittingRows, held_out: NDArray[Any], seed: int, candidates: Sequence[Candidate]) -> FittingRows:
    """Return the rows that a fold is fitted on."""
    kept = np.setdiff1d(np.arange(len(rows.texts)), held_out)
    new = NewRows()
    if len(rows.new) and any(one.weight > 0 for one in candidates):
        new = rows_for_fold(rows.new, rows.texts, rows.labels, held_out, write=rows.write, seed=seed)
    return FittingRows([rows.texts[row] for row in kept], [rows.labels[row] for row in kept], new)


def _default(candidates: Sequence[Candidate]) -> Candidate:
    """Return what is taken where nothing can be measured: the weight nearest a half, and a strength of 1."""
    return min(candidates, key=lambda one: (abs(one.weight - 0.5), one.weight, _extremity(one)))


def _extremity(candidate: Candidate) -> float:
    return abs(math.log(candidate.strength or 1.0))


def _leading(
    candidates: Sequence[Candidate],
    scores: dict[Candidate, float],
    predicted: dict[Candidate, NDArray[np.object_]],
    truth: NDArray[np.object_],
) -> Candidate:
    """Return the default weight's best candidate, or the best of those that lead it clearly."""
    of_weight: dict[float, Candidate] = {}
    for one in sorted(candidates, key=lambda one: (-round(scores[one], 9), _extremity(one))):
        of_weight.setdefault(one.weight, one)
    default = of_weight[_default(candidates).weight]
    clear = [
        one
        for one in of_weight.values()
        if scores[one] - scores[default] > LEAD * _standard_error(predicted[one], predicted[default], truth)
    ]
    return max(clear, key=lambda one: (round(scores[one], 9), -one.weight), default=default)


def _standard_error(predicted: NDArray[np.object_], others: NDArray[np.object_], truth: NDArray[np.object_]) -> float:
    """Return that of the difference in mean recall between two predictions; sets of labels are one class."""
    n_rows: Counter[Any] = Counter()
    n_differ: Counter[Any] = Counter()
    for one, other, true in zip(predicted.tolist(), others.tolist(), truth.tolist(), strict=True):
        label = None if isinstance(true, tuple) else true
        n_rows[label] += 1
        n_differ[label] += (one == true) != (other == true)
    return math.sqrt(sum(n_differ[label] / count**2 for label, count in n_rows.items())) / len(n_rows)


def _objects(values: Sequence[Any]) -> NDArray[np.object_]:
    array = np.empty(len(values), dtype=object)
    for place, value in enumerate(values):
        array[place] = value
    return array


def _check_grid(name: str, values: Sequence[float], is_allowed: Callable[[float], bool], expected: str) -> None:
    is_number = [isinstance(value, int | float | np.number) and not isinstance(value, bool) for value in values]
    if not len(values) or not all(is_number) or not all(map(is_allowed, values)):
        raise InputError(f"{name} are {values!r}: expected {expected}")
