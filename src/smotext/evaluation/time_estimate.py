"""How long a study will take: small timed pieces of it, times how often each is still to be done."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from smotext.evaluation.cells import Cell
from smotext.evaluation.conditions import GENERATOR_OF, THRESHOLD, base_of, weighting_of
from smotext.evaluation.generators import AdaptedGenerator
from smotext.evaluation.labelled_texts import Fold, NotApplicable
from smotext.evaluation.study import Study
from smotext.evaluation.training_sets import TrainingSet, fit_predict
from smotext.fitting.choosing import N_CHOICE_FOLDS, WEIGHTS
from smotext.fitting.heads import has_features, has_strength, is_fine_tuned

_PROBE_ROWS = 16

# Texts that are written again, for each text, where a weight is chosen: for folds that leave under a fifth of a class's
# rows. One in nine folds of a class of ten texts is such a one, and hardly any of a class of fifty.
_AGAIN = 0.2


@dataclass(frozen=True)
class StudyEstimate:
    """What is left to do, and about how long it takes.

    Attributes
    ----------
    n_cells, n_done : int
        Cells of the study, and those finished before.
    n_texts : int
        Texts still to be generated, by any generator that runs a model.
    generating_s, fitting_s : float
        Seconds.
    """

    n_cells: int
    n_done: int
    n_texts: int
    generating_s: float
    fitting_s: float

    @property
    def seconds(self) -> float:
        """Both together."""
        return self.generating_s + self.fitting_s


def estimate_study(study: Study) -> StudyEstimate:
    """Return what is left of a study, from a few generated texts and one fit of each model.

    Small probes use a machine less well than full batches, so the truth is rather below than above.
    """
    cells = study.all_cells()
    missing = [cell for cell in cells if not study.is_done(cell)]
    if not missing:
        return StudyEstimate(len(cells), len(cells), 0, 0.0, 0.0)
    fold = study.fold(study.settings[0], 0)
    n_texts = _texts_to_make(study, missing)
    generating = {source: _generating_seconds(study, source, fold, *work) for source, work in n_texts.items()}
    fitting = sum(_fitting_seconds(study, name, missing, fold) for name in study.models)
    n_new = sum(count for source, (count, _) in n_texts.items() if generating[source] is not None)
    seconds = sum(found for found in generating.values() if found is not None)
    return StudyEstimate(len(cells), len(cells) - len(missing), n_new, seconds, fitting)


def _texts_to_make(study: Study, missing: list[Cell]) -> dict[str, tuple[int, int]]:
    """Return how many texts each model-driven generator still has to write, and in how many folds."""
    settings = {setting.name: setting for setting in study.settings}
    sources: dict[tuple[str, int, str], bool] = {}
    for cell in missing:
        key = (cell.setting, cell.seed, GENERATOR_OF.get(cell.condition, "copies"))
        sources[key] = sources.get(key, False) or weighting_of(cell.condition) == "chosen"
    counts: dict[str, tuple[int, int]] = {}
    for (name, seed, source), is_weight_chosen in sorted(sources.items()):
        if study.is_cheap(source):
            continue
        n_new = sum(study.fold(settings[name], seed).new_rows.values())
        n_first = 0 if study.has_texts(settings[name], seed, source) else n_new
        n_again = round(_AGAIN * n_new) if is_weight_chosen else 0
        if n_first + n_again:
            n_texts, n_folds = counts.get(source, (0, 0))
            counts[source] = (n_texts + n_first + n_again, n_folds + 1)
    return counts


def _generating_seconds(study: Study, source: str, fold: Fold, n_texts: int, n_folds: int) -> float | None:
    """Return the seconds of writing `n_texts`, and of adapting the bridge in each of `n_folds` if it is adapted.

    None where the generator says that it cannot be run.
    """
    classes = list(fold.new_rows)[:_PROBE_ROWS]
    wanted = dict.fromkeys(classes, -(-_PROBE_ROWS // len(classes)))
    generate = study.generators[source]
    started = time.perf_counter()
    adapting = 0.0
    if isinstance(generate, AdaptedGenerator):
        generate = generate.adapted(fold.train.texts, 0)
        adapting = time.perf_counter() - started
    try:
        # The first call loads, compiles and encodes, which happens once in a study and is not timed.
        generate(fold.train.texts, fold.train.labels, wanted, 0)
    except NotApplicable:
        return None
    started = time.perf_counter()
    generate(fold.train.texts, fold.train.labels, wanted, 1)
    return n_folds * adapting + n_texts * (time.perf_counter() - started) / sum(wanted.values())


def _fitting_seconds(study: Study, name: str, missing: list[Cell], fold: Fold) -> float:
    """Return the seconds of a model's missing cells: the first fit in full, the others without new vectors."""
    own = [cell for cell in missing if cell.model == name]
    if not own:
        return 0.0
    growth = 1 + sum(fold.new_rows.values()) / max(1, len(fold.train))
    if is_fine_tuned(model := study.models[name]):
        n_fits = sum(fine_tunings(cell.condition, model, is_tuned=study.is_tuned) for cell in own)
        return n_fits * growth * _timed_fit(study, name, fold, is_tuned=False)
    first, again = (_timed_fit(study, name, fold, is_tuned=study.is_tuned) for _ in range(2))
    per_text = max(0.0, first - again) / (len(fold.train) + len(fold.test))
    n_new_texts = len({cell.seed for cell in own}) * sum(fold.new_rows.values())
    # where a weight is chosen, each is tried with each strength
    n_fits = sum(len(WEIGHTS) if weighting_of(cell.condition) == "chosen" else 1 for cell in own)
    return n_fits * again * growth + n_new_texts * per_text


def fine_tunings(condition: str, model: Any, *, is_tuned: bool) -> int:
    """Return how often an encoder is fine-tuned for one fit under a condition.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> fine_tunings("real", LogisticRegression(), is_tuned=True)
    6
    """
    is_weight_chosen = weighting_of(condition) == "chosen"
    is_choice = is_weight_chosen or base_of(condition) == THRESHOLD or (is_tuned and has_strength(model))
    # Features are made once with new rows and once without; a classifier that reads texts is fitted at each weight.
    n_ways = 1 if not is_weight_chosen else (2 if has_features(model) else len(WEIGHTS))
    return 1 + N_CHOICE_FOLDS * n_ways * is_choice


def _timed_fit(study: Study, name: str, fold: Fold, *, is_tuned: bool) -> float:
    started = time.perf_counter()
    fit_predict(TrainingSet(fold.train), study.models[name], fold.test.texts, is_tuned=is_tuned)
    return time.perf_counter() - started
