"""A study: every condition with every model at every setting and seed, each cell computed once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from smotext.errors import InputError
from smotext.evaluation.cells import Cell, Closeness, Result, from_store, to_store
from smotext.evaluation.classification_scores import resampled_macro_f1, score
from smotext.evaluation.classifier_identity import identity
from smotext.evaluation.conditions import (
    BUILT_IN,
    CONDITIONS,
    GENERATOR_OF,
    ONLY_SMOTEXT,
    check_conditions,
    weighting_of,
)
from smotext.evaluation.data_sizes import Setting
from smotext.evaluation.labelled_texts import Fold, GenerateFold, LabelledTexts, NotApplicable, as_new_rows
from smotext.evaluation.nearness_to_real import nearness
from smotext.evaluation.results_file import Store
from smotext.evaluation.splits import Design, GivenTest, GroupFolds, draw_fold, resamples
from smotext.evaluation.training_sets import TrainingSet, fit_predict, model_for, training_set
from smotext.filters.near_duplicates import overlaps
from smotext.fitting.new_rows import NewRows, WriteNewRows
from smotext.fitting.one_vs_rest import has_sets
from smotext.utils.seeding import stable_hash

_LOG = logging.getLogger(__name__)
N_SEEDS = 10
MAX_TEST_ROWS = 2000
SAME_ROWS = (
    "every seed has the same training rows: intervals speak of other synthetic texts for these rows and, by a "
    "bootstrap, of other test rows"
)


@dataclass
class Study:
    """Does augmenting help on these data?

    Parameters
    ----------
    data : LabelledTexts
        Real texts.
    test : LabelledTexts, optional
        A test set of its own; without it, repeated stratified cross-validation over groups of near-duplicates.
    models : mapping of str to scikit-learn classifier
        What is trained; each takes raw texts.
    generators : mapping of str to GenerateFold
        ``"smotext"`` and optionally ``"paraphrase"`` and ``"retrieval"``; each sees the training rows of one
        fold and nothing else. Conditions without their generator are left out.
    settings : sequence of Setting
    conditions : sequence of str, optional
        Some of :data:`~smotext.evaluation.conditions.CONDITIONS`; all by default.
    encoder : object with ``encode``, optional
        Measures how near synthetic texts stand to real ones.
    n_seeds, root : int
        Paired repetitions, and the seed of them all.
    max_test_rows : int, optional
        A random choice of so many test rows.
    folder : Path, optional
        Where finished cells and texts are kept.
    design : Design, optional
        Where training and test parts come from; made from `data` and `test` unless given.
    is_tuned : bool
        Whether each condition's ``C`` is chosen in a cross-validation of its training rows, scored on real ones.

    Examples
    --------
    >>> from smotext.evaluation.labelled_texts import labelled
    >>> from sklearn.feature_extraction.text import CountVectorizer
    >>> from sklearn.naive_bayes import MultinomialNB
    >>> from sklearn.pipeline import make_pipeline
    >>> nouns = "cat dog cow hen sun sea oak elm ivy bee".split()
    >>> data = labelled([f"good {n}" for n in nouns] + [f"bad {n}" for n in nouns], [1] * 10 + [0] * 10)
    >>> bayes = make_pipeline(CountVectorizer(), MultinomialNB())
    >>> study = Study(data, models={"bayes": bayes}, generators={}, conditions=["duplicated"], n_seeds=5)
    >>> {result.cell.condition: result.scores.accuracy for result in study.run()}
    {'real': 1.0, 'duplicated': 1.0}
    """

    data: LabelledTexts
    models: Mapping[str, Any]
    generators: Mapping[str, GenerateFold]
    test: LabelledTexts | None = None
    settings: Sequence[Setting] = (Setting(),)
    conditions: Sequence[str] | None = None
    encoder: Any = None
    n_seeds: int = N_SEEDS
    root: int = 0
    max_test_rows: int | None = MAX_TEST_ROWS
    folder: Path | None = None
    design: Design = None  # type: ignore[assignment]
    is_tuned: bool = True
    # Notes on classes that are smaller than a setting asks for.
    notes: list[str] = field(init=False)
    # Settings in which every seed has the same training and test rows.
    resampled: set[str] = field(init=False)

    def __post_init__(self) -> None:
        if len(self.data.counts) < 2:
            raise InputError(f"the data have {len(self.data.counts)} class: a classifier needs 2 or more")
        if has_sets(self.data.labels) and any(one.kind == "imbalance" for one in self.settings):
            raise InputError(
                "imbalance is for texts of one label each, and these have several: a text that is dropped for one "
                "label is missing from its others; leave it out",
                options=["imbalance"],
            )
        if self.max_test_rows is not None and self.max_test_rows < 1:
            raise InputError(f"max_test_rows is {self.max_test_rows}: expected 1 or more, or None for all")
        if self.n_seeds < 1:
            raise InputError(f"{self.n_seeds} seeds: expected 1 or more")
        if self.design is None:
            given = self.test is not None
            self.design = GivenTest(self.data, self.test) if given else GroupFolds(self.data, root=self.root)
        counts = self.data.counts
        self.notes = [note for one in self.settings for note in one.check(self.design.parts(0).train.counts)]
        self.resampled = {one.name for one in self.settings if self.test is not None and one.keeps_all(counts)}
        self._sources = {**BUILT_IN, **self.generators}
        wanted = check_conditions(list(CONDITIONS if self.conditions is None else self.conditions))
        self.conditions = [name for name in wanted if GENERATOR_OF.get(name, "copies") in self._sources]
        self._cells = Store(self.folder / "cells.jsonl" if self.folder else None)
        self._texts = Store(self.folder / "texts.jsonl" if self.folder else None)
        self._identities = {name: identity(model) for name, model in self.models.items()}
        self._most = {one.name: one.most for one in self.settings if one.most is not None}
        self._base = (self.data.fingerprint, self.test and self.test.fingerprint, self.root)

    @property
    def fingerprint(self) -> str:
        """A hash of all that the study's outcome depends on, the report's name for it."""
        made_by = [self._fingerprint(source) for source in sorted(self._sources)]
        names = [one.name for one in self.settings]
        parts = (self.conditions, sorted(self._identities.items()), made_by, names)
        return f"{stable_hash(repr((*parts, self.n_seeds, self.max_test_rows, self.is_tuned, self._most))):016x}"

    @property
    def n_test_rows(self) -> int:
        """How many different rows are tested on, over all seeds."""
        seeds = range(min(self.n_seeds, 1 if self.test is not None else getattr(self.design, "n_folds", self.n_seeds)))
        found = [len(self.fold(self.settings[0], seed).test) for seed in seeds]
        return sum(found)

    @property
    def description(self) -> str:
        """What the test rows are, and what the intervals speak of."""
        if not self.resampled:
            return self.design.description
        if all(one.name in self.resampled for one in self.settings):
            return f"one given test set; {SAME_ROWS}"
        return f"{self.design.description}; but at {', '.join(sorted(self.resampled))}, {SAME_ROWS}"

    def fold(self, setting: Setting, seed: int) -> Fold:
        """Return the training and test rows of one seed at one setting."""
        parts = self.design.parts(seed)
        return draw_fold(parts, setting, seed=seed, root=self.root, max_test_rows=self.max_test_rows)

    def cells(self, setting: Setting, seed: int) -> list[Cell]:
        """Return the cells of one seed at one setting."""
        return [Cell(setting.name, seed, name, model) for name in self.conditions or () for model in self.models]

    def all_cells(self) -> list[Cell]:
        """Return every cell of the study."""
        return [cell for setting in self.settings for seed in range(self.n_seeds) for cell in self.cells(setting, seed)]

    def is_done(self, cell: Cell) -> bool:
        """Return whether the cell's result is there already."""
        return self._cells.get(self._key(cell)) is not None

    def has_texts(self, setting: Setting, seed: int, source: str) -> bool:
        """Return whether a generator's texts for one seed are there already."""
        return self._texts.get(self._texts_key(self.fold(setting, seed), setting.name, source)) is not None

    def run(self, on_result: Callable[[Result], None] | None = None) -> list[Result]:
        """Compute what is missing and return all results.

        Parameters
        ----------
        on_result : callable, optional
            Called with each result as it is computed; what was there before is not reported.

        Notes
        -----
        A result is on disk before the next is begun: whatever stops the study, the finished cells stay.
        """
        for setting in self.settings:
            for seed in range(self.n_seeds):
                missing = [cell for cell in self.cells(setting, seed) if not self.is_done(cell)]
                if not missing:
                    continue
                fold = self.fold(setting, seed)
                for cell in missing:
                    result = self._evaluate(cell, fold)
                    _LOG.info("%s: %s", cell, result.skipped or f"macro-F1 {result.scores and result.scores.macro_f1}")
                    self._cells.put(self._key(cell), to_store(result))
                    if on_result is not None:
                        on_result(result)
        return self.results()

    def results(self) -> list[Result]:
        """Return the finished cells of this study."""
        values = [self._cells.get(self._key(cell)) for cell in self.all_cells()]
        return [from_store(value) for value in values if value is not None]

    def closeness(self) -> list[Closeness]:
        """Return how near the synthetic texts stand to real ones, per setting, for first seeds that have texts."""
        if self.encoder is None or "smotext" not in self.generators or ONLY_SMOTEXT not in (self.conditions or ()):
            return []
        found = []
        for setting in self.settings:
            if not self.has_texts(setting, 0, "smotext"):
                continue
            fold = self.fold(setting, 0)
            texts = self._new_rows(fold, setting.name, "smotext").texts
            if not texts:
                continue
            near = [nearness(some, fold.train.texts, self.encoder) for some in (texts, fold.test.texts)]
            found.append(Closeness(setting.name, *near))
        return found

    def _evaluate(self, cell: Cell, fold: Fold) -> Result:
        started = time.perf_counter()
        try:
            training, n_leaked = self._training_set(fold, cell)
            started = time.perf_counter()
            model = model_for(cell.condition, self.models[cell.model])
            found = fit_predict(training, model, fold.test.texts, is_tuned=self.is_tuned, seed=fold.seed)
        except NotApplicable as reason:
            return Result(cell, skipped=str(reason))
        return Result(
            cell,
            len(training),
            len(fold.test),
            fold.n_dropped,
            n_leaked,
            time.perf_counter() - started,
            score(fold.test.labels, found.predicted),
            resampled=self._resampled_scores(cell, fold, found.predicted),
            weight=found.weight,
            strength=found.strength,
        )

    def _training_set(self, fold: Fold, cell: Cell) -> tuple[TrainingSet, int]:
        """Return what the cell is fitted on, and how many new rows were dropped since they overlap a test row."""
        source = GENERATOR_OF.get(cell.condition)
        made = NewRows() if source is None else self._new_rows(fold, cell.setting, source)
        leaks = overlaps(made.texts, fold.test.texts)
        new = made.take(np.flatnonzero(~leaks))
        write = None if source is None else self._writer(fold, cell, source, new)
        return training_set(cell.condition, fold, self.models[cell.model], new, write), int(leaks.sum())

    def _writer(self, fold: Fold, cell: Cell, source: str, new: NewRows) -> WriteNewRows | None:
        """Return what writes rows within a fold's training part, for a choice that is made there.

        None for texts of unknown sources that a model wrote, where the strength alone is chosen: real rows tell that;
        and for texts of several labels, since a class that is left with too few of them is not defined there.
        """
        if has_sets(fold.train.labels):
            return None
        is_known = all(of is not None for of in new.sources)
        if not self.is_cheap(source) and not is_known and weighting_of(cell.condition) != "chosen":
            return None

        def write(texts: Sequence[str], labels: Sequence[Any], n_new: Mapping[Any, int], seed: int) -> NewRows:
            part = f"{stable_hash(*texts, *labels, repr(sorted(n_new.items(), key=str)), seed):016x}"
            key = {**self._texts_key(fold, cell.setting, source), "part": part}
            made = self._written(key, source, texts, labels, n_new, seed)
            return made.take(np.flatnonzero(~overlaps(made.texts, fold.test.texts)))

        return write

    def _resampled_scores(self, cell: Cell, fold: Fold, predicted: Sequence[Any]) -> tuple[float, ...]:
        if cell.setting not in self.resampled:
            return ()
        found = resampled_macro_f1(fold.test.labels, predicted, resamples(len(fold.test), root=self.root))
        return tuple(found.round(6).tolist())

    def _new_rows(self, fold: Fold, setting: str, source: str) -> NewRows:
        """Return the fold's new rows from one generator."""
        key = self._texts_key(fold, setting, source)
        return self._written(key, source, fold.train.texts, fold.train.labels, fold.new_rows, fold.seed)

    def _written(
        self,
        key: dict[str, Any],
        source: str,
        texts: Sequence[str],
        labels: Sequence[Any],
        n_new: Mapping[Any, int],
        seed: int,
    ) -> NewRows:
        """Return what a generator makes of some texts; what models wrote is kept."""
        kept = self._texts.get(key)
        if kept is not None:
            return _from_triples(kept)
        new = as_new_rows(self._sources[source](texts, labels, n_new, seed))
        if not self.is_cheap(source):
            self._texts.put(key, list(zip(new.texts, new.labels, new.sources, strict=True)))
        return new

    def is_cheap(self, source: str) -> bool:
        """Return whether no model writes the generator's rows, so that they need not be kept."""
        return source in BUILT_IN or bool(getattr(self._sources[source], "is_cheap", False))

    def _texts_key(self, fold: Fold, setting: str, source: str) -> dict[str, Any]:
        most = {"most": self._most[setting]} if setting in self._most else {}
        return {"setting": setting, "seed": fold.seed, "source": source, "study": self._fingerprint(source), **most}

    def _key(self, cell: Cell) -> dict[str, Any]:
        """Return the cell with a hash of all else that its result depends on."""
        source = GENERATOR_OF.get(cell.condition, "")
        words: list[Any] = [self._identities[cell.model], self.max_test_rows]
        if cell.setting in self.resampled:
            # Cells that were kept before test rows were resampled lack what is needed.
            words.append("test rows resampled")
        if self.is_tuned:
            words.append("tuned")
        if cell.setting in self._most:
            words.append(self._most[cell.setting])
        model = stable_hash(*words)
        return {**asdict(cell), "study": f"{model:016x}-{self._fingerprint(source)}"}

    def _fingerprint(self, source: str) -> str:
        made_by = str(getattr(self._sources.get(source), "fingerprint", source))
        return f"{stable_hash(*self._base, made_by):016x}"


def _from_triples(kept: Sequence[Sequence[Any]]) -> NewRows:
    """Return rows as they are kept: text, label and, if they were known, sources."""
    sources = [None if len(row) < 3 or row[2] is None else tuple(row[2]) for row in kept]
    labels = (tuple(row[1]) if isinstance(row[1], list) else row[1] for row in kept)
    return NewRows(tuple(row[0] for row in kept), tuple(labels), tuple(sources))
