"""How long a study will take: small timed pieces of it, times how often each is still to be done."""

from __future__ import annotations

import time
from dataclasses import dataclass

from smotext.evaluation.cells import Cell
from smotext.evaluation.conditions import GENERATOR_OF, weighting_of
from smotext.evaluation.generators import AdaptedGenerator
from smotext.evaluation.labelled_texts import Fold, NotApplicable
from smotext.evaluation.study import Study
from smotext.evaluation.training_sets import TrainingSet, fit_predict
from smotext.fitting.choosing import N_CHOICE_FOLDS, WEIGHTS

_PROBE_ROWS = 16

# Texts that are written again, for each text, where a weight is chosen. Two of the texts that prompts show are the same
# for a whole class, so that of five folds 1 - 0.8^2 hold one of them out and leave none of the class's rows: these are
# written anew from the four fifths that the fold keeps. Small classes need more.
_KEPT = 1 - 1 / N_CHOICE_FOLDS  # of the rows, in a fold
_AGAIN = N_CHOICE_FOLDS * (1 - _KEPT**2) * _KEPT


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
    first, again = (_timed_fit(study, name, fold) for _ in range(2))
    growth = 1 + sum(fold.new_rows.values()) / max(1, len(fold.train))
    per_text = max(0.0, first - again) / (len(fold.train) + len(fold.test))
    n_new_texts = len({cell.seed for cell in own}) * sum(fold.new_rows.values())
    # where a weight is chosen, each is tried with each strength
    n_fits = sum(len(WEIGHTS) if weighting_of(cell.condition) == "chosen" else 1 for cell in own)
    return n_fits * again * growth + n_new_texts * per_text


def _timed_fit(study: Study, name: str, fold: Fold) -> float:
    started = time.perf_counter()
    fit_predict(TrainingSet(fold.train), study.models[name], fold.test.texts, is_tuned=study.is_tuned)
    return time.perf_counter() - started
