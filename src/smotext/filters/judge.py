"""Which of the texts just written are kept, and which mixes are not worth writing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smotext.errors import InputError
from smotext.filters.candidates import NOT_NEAREST, best_candidates
from smotext.filters.copying import Copied
from smotext.filters.labels import sample_weights
from smotext.filters.named import resolve_filters
from smotext.filters.ngrams import squeeze
from smotext.filters.protocol import Batch, Earlier, Filter, FittedFilter, RealTexts, as_mask
from smotext.filters.quality import Empty
from smotext.mixing.plan import MixPlan, replace_rows
from smotext.utils.geometry import blocks, row_cosines, unit

# The guard against copies, which is always on, has bounds by which this share of real texts would count as copies of
# other real texts. At most 2 % should: chance adds to what is meant.
GUARDED_SHARE = 0.018
# A mix that lands in another class gets other parents up to so many times, and is then written all the same.
SCREENING_TRIES = 3
# So many texts are encoded and judged together.
_ROWS = 4096
# The array of a class's accepted vectors begins with so many places, and doubles when it is full.
_FIRST_ROWS = 256

Targets = Callable[[MixPlan], NDArray[np.float32]]
Replan = Callable[[Any, Any, Any], MixPlan]


class TextEncoder(Protocol):
    """Anything that turns texts into vectors."""

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        """Return one vector per text."""
        ...


class Judge:
    """Scores rows, round by round, and says which are kept and why the others are not.

    It remembers the accepted texts, for the duplicates' sake: hand it every round, in order.

    Parameters
    ----------
    filters : sequence of FittedFilter
        Asked in this order; the first to object gives the reason.
    encoder : object
        Anything with ``encode(texts)``.
    n_candidates : int
        Most texts per mix, next to each other; of those that the guards keep, the one nearest its target is judged, the
        others fall.
    guards : sequence of FittedFilter
        Asked first, of every candidate: what they reject is never returned.
    """

    def __init__(
        self,
        filters: Sequence[FittedFilter],
        encoder: TextEncoder,
        *,
        n_candidates: int = 1,
        guards: Sequence[FittedFilter] = (),
    ) -> None:
        self.filters, self.guards = list(filters), list(guards)
        self.encoder = encoder
        self.n_candidates = n_candidates
        self._accepted = Accepted()

    @property
    def names(self) -> list[str]:
        """Names of guards and filters, in the order they are asked."""
        return list(dict.fromkeys(each.name for each in (*self.guards, *self.filters)))

    def screen(self, plan: MixPlan, targets: Targets, replan: Replan) -> MixPlan:
        """Return the plan with other parents for mixes that land in another class.

        Parameters
        ----------
        plan : MixPlan
            Not yet repeated for candidates.
        targets : callable
            ``targets(plan)`` returns the vectors that its rows ask for.
        replan : callable
            ``replan(labels, ordinals, attempts)``, as :meth:`smotext.mixing.planning.Planner.replan`.

        Returns
        -------
        MixPlan
            Same rows in the same order; those drawn again have a higher attempt. A mix that is still off
            after three draws stays: its text is judged like any other.
        """
        rows = np.arange(len(plan))
        for _ in range(SCREENING_TRIES):
            rows = rows[~self._carry_labels(plan.take(rows), targets)]
            if not len(rows):
                break
            again = replan(plan.labels[rows], plan.ordinals[rows], plan.attempts[rows] + 1)
            plan = replace_rows(plan, rows, again)
        return plan

    def score(
        self, rows: pd.DataFrame, plan: MixPlan, targets: Targets, *, encoder: TextEncoder | None = None
    ) -> pd.DataFrame:
        """Return the rows of a round with their scores, ``accepted`` and ``reason``.

        Parameters
        ----------
        rows : DataFrame
            One row per row of the plan, in its order, with ``text``, ``is_finished``, ``accepted`` and
            ``reason``. Rows that come with a reason keep it.
        plan : MixPlan
        targets : callable
            ``targets(plan)`` returns the vectors that its rows ask for.
        encoder : object, optional
            Encodes these rows instead of the judge's own encoder.

        Returns
        -------
        DataFrame
            The same rows with the guards' columns; with filters or candidates also ``target_cosine``, the filters'
            own, and with a label score ``sample_weight``.
        """
        if len(rows) != len(plan):
            raise InputError(f"got {len(rows)} rows for a plan of {len(plan)}: expected one row per planned text")
        if not (self.guards or self.filters or self.n_candidates > 1):
            return rows
        encoder = encoder or self.encoder
        if not len(rows):
            return self._score_part(rows, plan, targets, encoder)
        parts = [
            self._score_part(rows.iloc[part], plan.take(part), targets, encoder) for part in _blocks_of_mixes(plan)
        ]
        return pd.concat(parts, ignore_index=True)

    def _score_part(self, rows: pd.DataFrame, plan: MixPlan, targets: Targets, encoder: TextEncoder) -> pd.DataFrame:
        batch = self._batch(rows, plan, targets(plan), encoder)
        scores: dict[str, NDArray[Any]] = {}
        reasons = rows["reason"].to_numpy(dtype=object).copy()
        _ask(self.guards, batch, reasons, scores)
        if self._looks_at_vectors:
            scores["target_cosine"] = row_cosines(batch.vectors, batch.targets)
        if self.n_candidates > 1:
            cosines = np.where(reasons == "", scores["target_cosine"], -np.inf)
            is_best = best_candidates(cosines, plan.candidates)
            reasons[~is_best & (reasons == "")] = NOT_NEAREST
        _ask(self.filters, batch, reasons, scores)
        is_accepted = reasons == ""
        if self._looks_at_vectors:
            self._accepted.add(batch, is_accepted)
        if "label_score" in scores:
            scores["sample_weight"] = sample_weights(scores["label_score"])
        return rows.assign(**scores, accepted=is_accepted, reason=reasons)

    @property
    def _looks_at_vectors(self) -> bool:
        return bool(self.filters) or self.n_candidates > 1

    def _batch(self, rows: pd.DataFrame, plan: MixPlan, targets: NDArray[np.float32], encoder: TextEncoder) -> Batch:
        texts = rows["text"].tolist()
        return Batch(
            texts=texts,
            labels=plan.labels,
            vectors=_encode(encoder, texts, targets.shape[1]) if self._looks_at_vectors else np.zeros_like(targets),
            targets=targets,
            parents=plan.parents,
            is_finished=rows["is_finished"].to_numpy(dtype=bool),
            is_alive=np.ones(len(rows), dtype=bool),
            earlier=self._accepted.view(),
        )

    def _carry_labels(self, plan: MixPlan, targets: Targets) -> NDArray[np.bool_]:
        """Return which rows of a plan every filter that can judge a vector keeps."""
        is_kept = np.ones(len(plan), dtype=bool)
        screens = [each.screen for each in self.filters if hasattr(each, "screen")]
        if screens:
            for part in blocks(len(plan), _ROWS):
                here = plan.take(part)
                vectors = targets(here)
                for screen in screens:
                    is_kept[part] &= screen(vectors, here.labels, here.parents)
        return is_kept


def _encode(encoder: TextEncoder, texts: list[str], vector_dim: int) -> NDArray[np.float32]:
    """Return the texts' vectors; blank texts, which not every encoder takes, get zeros."""
    vectors = np.zeros((len(texts), vector_dim), dtype=np.float32)
    places = [place for place, text in enumerate(texts) if text.strip()]
    if places:
        vectors[places] = encoder.encode([texts[place] for place in places])
    return vectors


def _blocks_of_mixes(plan: MixPlan) -> Iterator[slice]:
    """Yield slices of about `_ROWS` rows that never part the candidates of a mix."""
    firsts = np.flatnonzero(plan.candidates == 0)
    start = 0
    while start < len(plan):
        later = firsts[(firsts > start) & (firsts <= start + _ROWS)]
        stop = len(plan) if len(plan) <= start + _ROWS or not len(later) else int(later[-1])
        yield slice(start, stop)
        start = stop


def _ask(
    filters: Sequence[FittedFilter], batch: Batch, reasons: NDArray[np.object_], scores: dict[str, NDArray[Any]]
) -> None:
    """Ask filters one after the other; write the first one's name that objects, and all scores, in place."""
    for each in filters:
        batch = replace(batch, is_alive=reasons == "")
        is_kept, found = each(batch)
        is_kept = as_mask(is_kept, len(batch), each.name)
        reasons[batch.is_alive & ~is_kept] = each.name
        scores.update(found)


class Accepted:
    """The texts accepted so far: their words, and their vectors by class."""

    def __init__(self) -> None:
        self._words: set[str] = set()
        self._vectors: dict[Any, NDArray[np.float32]] = {}
        self._counts: dict[Any, int] = {}

    def add(self, batch: Batch, is_accepted: NDArray[np.bool_]) -> None:
        """Remember the accepted texts of a batch."""
        self._words.update(squeeze(batch.texts[row]) for row in np.flatnonzero(is_accepted).tolist())
        for label in dict.fromkeys(batch.labels[is_accepted].tolist()):
            self._append(label, unit(batch.vectors[is_accepted & (batch.labels == label)]))

    def view(self) -> Earlier:
        """Return what is remembered, without copying it."""
        return Earlier(self._words, {label: self._vectors[label][:count] for label, count in self._counts.items()})

    def _append(self, label: Any, vectors: NDArray[np.float32]) -> None:
        """Append to the class's array, which doubles when it is full."""
        n_before = self._counts.get(label, 0)
        n_after = n_before + len(vectors)
        held = self._vectors.get(label, np.empty((_FIRST_ROWS, vectors.shape[1]), dtype=np.float32))
        if n_after > len(held):
            grown = np.empty((max(n_after, 2 * len(held)), vectors.shape[1]), dtype=np.float32)
            grown[:n_before] = held[:n_before]
            held = grown
        held[n_before:n_after] = vectors
        self._vectors[label], self._counts[label] = held, n_after


def make_judge(
    spec: Any, real: RealTexts, encoder: TextEncoder, *, n_candidates: int = 1, more_guards: Sequence[Filter] = ()
) -> Judge:
    """Return the judge for an option ``filters``, its filters fitted on the real texts.

    Parameters
    ----------
    spec : None, "default", "strict" or sequence of filters
        As :func:`~smotext.filters.named.resolve_filters` takes it.
    real : RealTexts
    encoder : object
        Anything with ``encode(texts)``.
    n_candidates : int
        Texts per mix.
    more_guards : sequence of Filter
        Asked of every candidate, too.

    Returns
    -------
    Judge
        Whatever the filters, it accepts no blank text and no copy of a real one. Without filters and with one
        candidate it encodes nothing.
    """
    guards: list[Filter] = [Empty(), Copied(share=GUARDED_SHARE), *more_guards]
    filters: list[Filter] = resolve_filters(spec)
    fitted, always = ([each.fit(real) for each in some] for some in (filters, guards))
    return Judge(fitted, encoder, n_candidates=n_candidates, guards=always)
