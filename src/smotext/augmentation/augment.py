"""SMOTExT, in the paper's order: encode, plan, mix, decode, filter.

::

    z = lam * e(a) + (1 - lam) * e(b)      a, b same class, lam ~ U(0, 1)
    h = projector(z)                       vector space of the language model's token embeddings
    text = LM("[INST] Background: <xRAG> means the same as [/INST]", with h in place of <xRAG>)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smotext.augmentation.rounds import Closed, Ledger
from smotext.augmentation.writing import Writer, examples_shown, no_rows
from smotext.data.corpus import Corpus
from smotext.encoders.cache import CachingEncoder, encode_cached
from smotext.errors import RunStopped
from smotext.filters.judge import make_judge
from smotext.filters.protocol import RealTexts
from smotext.mixing.examples import with_examples
from smotext.mixing.mixes import mix
from smotext.mixing.plan import UNKNOWN, DecoderInput, MixPlan, with_candidates
from smotext.mixing.planning import Planner
from smotext.privacy.private_planner import PrivatePlanner
from smotext.protocols import Decoder, Encoder
from smotext.settings import Settings

MakeVectors = Callable[..., NDArray[np.float32]]  # encode_cached, less the encoder and the texts
DrawCentres = Callable[[], NDArray[np.float32]]
AskForGroup = Callable[[MixPlan], DecoderInput]
WriteGroup = Callable[[MixPlan, DecoderInput], pd.DataFrame]


class Run(Protocol):
    """Where the steps are done and kept: here or on a cluster, in memory or in a directory that survives a crash."""

    def vectors(self, n_texts: int, make: MakeVectors) -> NDArray[np.float32]:
        """Return the texts' vectors, made now or kept from before."""
        ...

    def centres(self, draw: DrawCentres) -> NDArray[np.float32]:
        """Return what ``privacy="dp"`` releases, drawn now or kept from before: never drawn a second time."""
        ...

    def plan(self, round_number: int, make: Callable[[], MixPlan]) -> MixPlan:
        """Return the plan of a round, made now or kept from before."""
        ...

    def decode(
        self, round_number: int, groups: Iterable[MixPlan], ask: AskForGroup, write: WriteGroup
    ) -> Iterator[pd.DataFrame]:
        """Yield ``write(group, ask(group))`` for each group in order, written now or kept from before."""
        ...


class InMemoryRun:
    """Keeps nothing: every step is done when it is asked for.

    Parameters
    ----------
    verbose : bool
        Whether a progress bar over the decode groups is shown on stderr.
    """

    def __init__(self, *, verbose: bool = False) -> None:
        self.verbose = verbose

    def vectors(self, n_texts: int, make: MakeVectors) -> NDArray[np.float32]:
        """Return the texts' vectors."""
        return make()

    def centres(self, draw: DrawCentres) -> NDArray[np.float32]:
        """Return what ``privacy="dp"`` releases; a planner asks for it once."""
        return draw()

    def plan(self, round_number: int, make: Callable[[], MixPlan]) -> MixPlan:
        """Return the plan of a round."""
        return make()

    def decode(
        self, round_number: int, groups: Iterable[MixPlan], ask: AskForGroup, write: WriteGroup
    ) -> Iterator[pd.DataFrame]:
        """Yield the rows of each group."""
        if self.verbose:
            from rich.console import Console
            from rich.progress import track

            groups = track([*groups], description=f"writing, round {round_number + 1}", console=Console(stderr=True))
        return (write(group, ask(group)) for group in groups)


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
    funnel : DataFrame
        ``step`` and ``n_texts``: written, rejected by each filter, kept.
    """

    synthetic: pd.DataFrame
    rejected: pd.DataFrame
    notes: tuple[str, ...]
    funnel: pd.DataFrame


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
    writer = Writer(corpus, encoder, decoder, settings)  # checks what the decoder takes before a model runs
    n_examples = examples_shown(settings, decoder) if settings.privacy is None else 0
    vectors = run.vectors(len(corpus.texts), partial(encode_cached, encoder, corpus.texts))
    planner = make_planner(vectors, corpus, settings, seed, run)
    planner.expect(new_rows)
    real = real_texts(corpus, vectors, settings)
    judge = make_judge(settings.filters, real, CachingEncoder(encoder), n_candidates=settings.candidates)
    ledger = Ledger(real.texts)

    def targets(group: MixPlan) -> NDArray[np.float32]:
        return group_targets(vectors, group, settings)

    def ask(group: MixPlan) -> DecoderInput:
        return DecoderInput(targets(group), example_texts(corpus.texts, group))

    def make_plan(wanted: MixPlan) -> MixPlan:
        screened = judge.screen(wanted, targets, planner.replan)
        shown = with_examples(screened, corpus.labels, n_examples, seed=seed)
        return with_candidates(shown, settings.candidates, seed=seed)

    plan = run.plan(0, lambda: make_plan(planner.plan(new_rows)))
    notes = plan.notes
    while True:
        groups = plan.groups(settings.group_size)
        rows, stop = collect(run.decode(ledger.n_rounds, groups, ask, writer.write))
        if stop is not None:
            # The run that goes on judges the whole round together, and a vector depends on its batch in the last bits:
            # those of a part of the round are not kept. What is still open will be written then.
            reading = CachingEncoder(encoder, keeps=False)
            ledger.add(judge.score(rows, plan.take(slice(0, len(rows))), targets, encoder=reading))
            raise stop.with_partial(_augmented(ledger.close(judge.names, on_shortfall="report"), notes))
        ledger.add(judge.score(rows, plan, targets))
        if not (open_rows := ledger.open_rows()):
            return _augmented(ledger.close(judge.names, on_shortfall=settings.on_shortfall), notes)
        plan = run.plan(ledger.n_rounds, lambda: make_plan(planner.replan(*open_rows)))


def real_texts(corpus: Corpus, vectors: NDArray[np.float32], settings: Settings) -> RealTexts:
    """Return what filters and guards may compare with: nothing where only noisy sums may be read."""
    if settings.privacy is not None and settings.privacy.kind == "dp":
        return RealTexts([], corpus.labels[:0], vectors[:0])
    return RealTexts(corpus.texts, corpus.labels, vectors)


def make_planner(
    vectors: NDArray[np.float32], corpus: Corpus, settings: Settings, seed: int, run: Run
) -> Planner | PrivatePlanner:
    """Return what plans: from neighbours, or, where rows are to be hidden, from groups."""
    if settings.privacy is None:
        return Planner(vectors, corpus.labels, seed=seed, **settings.planning())
    return PrivatePlanner(vectors, corpus.labels, settings.privacy, seed=seed, lam=settings.lam, keep=run.centres)


def collect(parts: Iterator[pd.DataFrame]) -> tuple[pd.DataFrame, RunStopped | None]:
    """Return the rows of all parts, and why there are no more if the run was stopped."""
    found: list[pd.DataFrame] = []
    try:
        found.extend(parts)
    except RunStopped as stop:
        return _joined(found), stop
    return _joined(found), None


def _augmented(closed: Closed, notes: tuple[str, ...]) -> Augmented:
    synthetic, rejected = (rows if len(rows.columns) else no_rows() for rows in (closed.synthetic, closed.rejected))
    return Augmented(synthetic, rejected, (*notes, *closed.notes), closed.funnel)


def _joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(parts, ignore_index=True) if parts else no_rows()


def group_targets(vectors: NDArray[np.float32], group: MixPlan, settings: Settings) -> NDArray[np.float32]:
    """Return the vectors that a group asks to be decoded: the mixes of its parents."""
    if group.vectors is not None:
        return group.vectors
    return mix(vectors, group.parents, group.weights, kind=settings.mix)


def example_texts(texts: Sequence[str], group: MixPlan) -> list[list[str]] | None:
    """Return the texts that each row's prompt shows; None where prompts show none."""
    if group.examples is None:
        return None
    return [[texts[place] for place in shown if place != UNKNOWN] for shown in group.examples.tolist()]
