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
from smotext.evaluation.classifiers import fit_predict
from smotext.evaluation.conditions import (
    BUILT_IN,
    CONDITIONS,
    GENERATOR_OF,
    ONLY_SMOTEXT,
    NotApplicable,
    check_conditions,
    training_set,
)
from smotext.evaluation.copying import Nearness, nearness
from smotext.evaluation.data import Fold, Generate, LabelledTexts, labelled
from smotext.evaluation.identity import identity
from smotext.evaluation.leakage import overlaps
from smotext.evaluation.scores import Scores, resampled_macro_f1, score
from smotext.evaluation.settings import Setting
from smotext.evaluation.splits import Design, GivenTest, GroupFolds, draw_fold, resamples
from smotext.evaluation.store import Store
from smotext.seeding import stable_hash

_LOG = logging.getLogger(__name__)
N_SEEDS = 10
MAX_TEST_ROWS = 2000
SAME_ROWS = (
    "every seed has the same training rows: intervals speak of other synthetic texts for these rows and, by a "
    "bootstrap, of other test rows"
)


@dataclass(frozen=True, order=True)
class Cell:
    """What one score belongs to."""

    setting: str
    seed: int
    condition: str
    model: str


@dataclass(frozen=True)
class Result:
    """One finished cell.

    Attributes
    ----------
    cell : Cell
    n_train, n_test : int
        Rows fitted and tested on.
    n_dropped : int
        Test rows dropped because they overlap the training part.
    n_leaked : int
        New texts dropped because they overlap a test row.
    seconds : float
        Fitting and predicting; making the texts not included.
    scores : Scores or None
    skipped : str
        Why there are no scores.
    resampled : tuple of float
        Macro-F1 on each resample of the test rows; empty where the seeds' training rows differ.
    """

    cell: Cell
    n_train: int = 0
    n_test: int = 0
    n_dropped: int = 0
    n_leaked: int = 0
    seconds: float = 0.0
    scores: Scores | None = None
    skipped: str = ""
    resampled: tuple[float, ...] = ()


@dataclass(frozen=True)
class Closeness:
    """How near the synthetic texts of a setting's first seed stand to the real ones, and held-out texts likewise."""

    setting: str
    synthetic: Nearness
    held_out: Nearness


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
    generators : mapping of str to Generate
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

    Examples
    --------
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
    generators: Mapping[str, Generate]
    test: LabelledTexts | None = None
    settings: Sequence[Setting] = (Setting(),)
    conditions: Sequence[str] | None = None
    encoder: Any = None
    n_seeds: int = N_SEEDS
    root: int = 0
    max_test_rows: int | None = MAX_TEST_ROWS
    folder: Path | None = None
    design: Design = None  # type: ignore[assignment]
    notes: list[str] = field(init=False)  # on classes that are smaller than a setting asks for
    resampled: set[str] = field(init=False)  # settings in which every seed has the same training and test rows

    def __post_init__(self) -> None:
        if len(self.data.counts) < 2:
            raise InputError(f"the data have {len(self.data.counts)} class: a classifier needs 2 or more")
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
        self._base = (self.data.fingerprint, self.test and self.test.fingerprint, self.root)

    @property
    def fingerprint(self) -> str:
        """A hash of all that the study's outcome depends on, the report's name for it."""
        made_by = [self._fingerprint(source) for source in sorted(self._sources)]
        names = [one.name for one in self.settings]
        models = sorted(self._identities.items())
        return f"{stable_hash(repr((self.conditions, models, made_by, names, self.n_seeds, self.max_test_rows))):016x}"

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
                    self._cells.put(self._key(cell), _to_store(result))
                    if on_result is not None:
                        on_result(result)
        return self.results()

    def results(self) -> list[Result]:
        """Return the finished cells of this study."""
        values = [self._cells.get(self._key(cell)) for cell in self.all_cells()]
        return [_result(value) for value in values if value is not None]

    def closeness(self) -> list[Closeness]:
        """Return how near the synthetic texts stand to real ones, per setting, for first seeds that have texts."""
        if self.encoder is None or "smotext" not in self.generators or ONLY_SMOTEXT not in (self.conditions or ()):
            return []
        found = []
        for setting in self.settings:
            if not self.has_texts(setting, 0, "smotext"):
                continue
            fold = self.fold(setting, 0)
            texts = self._new_texts(fold, setting.name, "smotext").texts
            if not texts:
                continue
            near = [nearness(some, fold.train.texts, self.encoder) for some in (texts, fold.test.texts)]
            found.append(Closeness(setting.name, *near))
        return found

    def _evaluate(self, cell: Cell, fold: Fold) -> Result:
        model = self.models[cell.model]
        new, n_leaked = self._clean_texts(fold, cell)
        started = time.perf_counter()
        try:
            training = training_set(cell.condition, fold, model, new)
        except NotApplicable as reason:
            return Result(cell, skipped=str(reason))
        predicted = fit_predict(
            model,
            training.rows.texts,
            training.rows.labels,
            fold.test.texts,
            smote_rows=training.smote_rows,
            weigh_classes=training.weigh_classes,
            weights=training.weights,
            seed=fold.seed,
        )
        scores = score(fold.test.labels, predicted)
        seconds = time.perf_counter() - started
        resampled = self._resampled_scores(cell, fold, predicted)
        return Result(
            cell, len(training), len(fold.test), fold.n_dropped, n_leaked, seconds, scores, resampled=resampled
        )

    def _resampled_scores(self, cell: Cell, fold: Fold, predicted: Sequence[Any]) -> tuple[float, ...]:
        if cell.setting not in self.resampled:
            return ()
        found = resampled_macro_f1(fold.test.labels, predicted, resamples(len(fold.test), root=self.root))
        return tuple(found.round(6).tolist())

    def _clean_texts(self, fold: Fold, cell: Cell) -> tuple[LabelledTexts, int]:
        """Return the condition's new rows without those that overlap a test row, and how many these were."""
        source = GENERATOR_OF.get(cell.condition)
        if source is None:
            return LabelledTexts((), ()), 0
        made = self._new_texts(fold, cell.setting, source)
        leaks = overlaps(made.texts, fold.test.texts)
        return made.take(np.flatnonzero(~leaks)), int(leaks.sum())

    def _new_texts(self, fold: Fold, setting: str, source: str) -> LabelledTexts:
        """Return the fold's new rows from one generator; those that models wrote are kept."""
        key = self._texts_key(fold, setting, source)
        pairs = self._texts.get(key)
        if pairs is None:
            pairs = self._sources[source](fold.train.texts, fold.train.labels, fold.new_rows, fold.seed)
        new = labelled([text for text, _ in pairs], [label for _, label in pairs])
        if source not in BUILT_IN and self._texts.get(key) is None:
            self._texts.put(key, list(zip(new.texts, new.labels, strict=True)))
        return new

    def _texts_key(self, fold: Fold, setting: str, source: str) -> dict[str, Any]:
        return {"setting": setting, "seed": fold.seed, "source": source, "study": self._fingerprint(source)}

    def _key(self, cell: Cell) -> dict[str, Any]:
        """Return the cell with a hash of all else that its result depends on."""
        source = GENERATOR_OF.get(cell.condition, "")
        words = [self._identities[cell.model], self.max_test_rows]
        if cell.setting in self.resampled:  # cells from before test rows were resampled lack what is needed
            words.append("test rows resampled")
        model = stable_hash(*words)
        return {**asdict(cell), "study": f"{model:016x}-{self._fingerprint(source)}"}

    def _fingerprint(self, source: str) -> str:
        made_by = str(getattr(self._sources.get(source), "fingerprint", source))
        return f"{stable_hash(*self._base, made_by):016x}"


def _to_store(result: Result) -> dict[str, Any]:
    """Return the result as plain values, without what it does not have."""
    values = {name: value for name, value in asdict(result).items() if name != "resampled" or value}
    if result.scores is not None and not result.scores.confusion:
        del values["scores"]["confusion"]
    return values


def _result(value: dict[str, Any]) -> Result:
    scores = value["scores"]
    if scores:
        confusion = tuple((label, guess, number) for label, guess, number in scores.get("confusion", ()))
        scores = Scores(**{**scores, "confusion": confusion})
    resampled = tuple(value.get("resampled", ()))
    return Result(**{**value, "cell": Cell(**value["cell"]), "scores": scores, "resampled": resampled})
