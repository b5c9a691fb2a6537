"""SMOTExT, in the paper's order: encode, plan, mix, decode, filter.

::

    z = lam * e(a) + (1 - lam) * e(b)      a, b same class, lam ~ U(0, 1)
    h = projector(z)                       vector space of the language model's token embeddings
    text = LM("[INST] Background: <xRAG> means the same as [/INST]", with h in place of <xRAG>)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smotext.encoders.cache import encode_cached
from smotext.inputs import Corpus
from smotext.mixing.interpolation import mix
from smotext.mixing.planning import Planner
from smotext.records import Decoder, Encoder, MixPlan
from smotext.settings import Settings
from smotext.writing import Writer


class Run(Protocol):
    """Where the steps' results are kept: in memory, or in a directory that survives a crash."""

    def vectors(self, make: Callable[[], NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return the texts' vectors, made now or kept from before."""
        ...

    def plan(self, round_number: int, make: Callable[[], MixPlan]) -> MixPlan:
        """Return the plan of a round, made now or kept from before."""
        ...

    def decode(
        self, round_number: int, groups: Iterable[MixPlan], write: Callable[[MixPlan], pd.DataFrame]
    ) -> Iterator[pd.DataFrame]:
        """Yield ``write(group)`` for each group in order, written now or kept from before."""
        ...


class InMemoryRun:
    """Keeps nothing: every step is done when it is asked for."""

    def vectors(self, make: Callable[[], NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return the texts' vectors."""
        return make()

    def plan(self, round_number: int, make: Callable[[], MixPlan]) -> MixPlan:
        """Return the plan of a round."""
        return make()

    def decode(
        self, round_number: int, groups: Iterable[MixPlan], write: Callable[[MixPlan], pd.DataFrame]
    ) -> Iterator[pd.DataFrame]:
        """Yield the rows of each group."""
        return map(write, groups)


@dataclass(frozen=True)
class Augmented:
    """What came out.

    Attributes
    ----------
    synthetic : DataFrame
        One row per synthetic text, with its lineage, class by class.
    rejected : DataFrame
        Rows that were written and not kept, with the reason; same columns.
    notes : tuple of str
        What had to be adapted.
    """

    synthetic: pd.DataFrame
    rejected: pd.DataFrame
    notes: tuple[str, ...]


def augment(
    corpus: Corpus,
    new_rows: Mapping[Any, int],
    *,
    encoder: Encoder,
    decoder: Decoder,
    settings: Settings,
    seed: int,
    run: Run | None = None,
) -> Augmented:
    """Return new texts for the classes of a corpus.

    Parameters
    ----------
    corpus : Corpus
        The real texts and their labels.
    new_rows : mapping of label to int
        How many synthetic texts each class gets.
    encoder, decoder : Encoder, Decoder
        The pair; the decoder's bridge was trained on the encoder's vectors.
    settings : Settings
        Everything else, as :class:`smotext.SMOTExT` takes it.
    seed : int
        The root of all randomness.
    run : Run, optional
        Keeps each step's result; None keeps nothing.

    Returns
    -------
    Augmented

    References
    ----------
    SMOTExT (arXiv 2505.13434), section 3.
    """
    run = run or InMemoryRun()
    vectors = run.vectors(lambda: encode_cached(encoder, corpus.texts))
    planner = Planner(vectors, corpus.labels, seed=seed, **settings.planning())
    writer = Writer(corpus, encoder, decoder, settings)

    def write(group: MixPlan) -> pd.DataFrame:
        return writer.write(group, targets(vectors, group, settings))

    plan = run.plan(0, lambda: planner.plan(new_rows))
    rows = [*run.decode(0, plan.groups(settings.group_size), write)]
    synthetic = pd.concat(rows, ignore_index=True) if rows else writer.no_rows()
    return Augmented(synthetic, synthetic.iloc[:0], plan.notes)


def targets(vectors: NDArray[np.float32], group: MixPlan, settings: Settings) -> NDArray[np.float32]:
    """Return the vectors that a group asks to be decoded: the mixes of its parents."""
    if group.vectors is not None:
        return group.vectors
    return mix(vectors, group.parents, group.weights, kind=settings.mix)


def decode_line(
    corpus: Corpus,
    lam: NDArray[np.float64],
    seeds: NDArray[np.int64],
    *,
    encoder: Encoder,
    decoder: Decoder,
    settings: Settings,
) -> pd.DataFrame:
    """Return the texts along the line between the first two texts of a corpus.

    Parameters
    ----------
    corpus : Corpus
    lam : ndarray of shape (n_steps,)
        Weight of the first text at each step.
    seeds : ndarray of shape (n_steps,), int64
    """
    n_steps = len(lam)
    zeros = np.zeros(n_steps, dtype=np.int64)
    plan = MixPlan(
        labels=np.array([corpus.labels[0]] * n_steps, dtype=object),
        ordinals=np.arange(n_steps),
        attempts=zeros,
        candidates=zeros,
        parents=np.tile(np.array([0, 1]), (n_steps, 1)),
        weights=np.column_stack([lam, 1 - lam]),
        seeds=seeds,
        strategies=np.array(["interpolate"] * n_steps, dtype=object),
    )
    vectors = encode_cached(encoder, corpus.texts)
    return Writer(corpus, encoder, decoder, settings).write(plan, targets(vectors, plan, settings))
