"""SMOTExT, in the paper's order: encode, plan, mix, decode, filter.

::

    z = lam * e(a) + (1 - lam) * e(b)      a, b same class, lam ~ U(0, 1)
    h = projector(z)                       vector space of the language model's token embeddings
    text = LM("[INST] Background: <xRAG> means the same as [/INST]", with h in place of <xRAG>)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smotext.augmentation.prompt_texts import PromptTexts
from smotext.augmentation.rounds import Closed, Ledger
from smotext.augmentation.running import InMemoryRun, Run, collect
from smotext.augmentation.shared_labels import each_text_once
from smotext.augmentation.text_form import TextForm
from smotext.augmentation.text_units import text_units
from smotext.augmentation.writing import Writer, no_rows
from smotext.data.corpus import Corpus
from smotext.filters.judge import make_judge
from smotext.filters.protocol import RealTexts
from smotext.mixing.mixes import mix
from smotext.mixing.plan import UNKNOWN, DecoderInput, MixPlan, with_candidates
from smotext.mixing.planning import Planner
from smotext.privacy.privacy_option import is_noisy
from smotext.privacy.private_planner import PrivatePlanner
from smotext.protocols import Decoder, Encoder
from smotext.settings import Settings


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
    long_classes : frozenset of label
        Classes whose texts are read, mixed and written passage by passage.
    """

    synthetic: pd.DataFrame
    rejected: pd.DataFrame
    notes: tuple[str, ...]
    funnel: pd.DataFrame
    long_classes: frozenset[Any] = frozenset()


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
    form = TextForm(corpus, settings, seed)
    corpus = form.corpus  # as models read it
    all_texts = corpus.all_texts
    # The writer checks what the decoder takes, so that nothing is encoded in vain.
    writer = Writer(corpus, encoder, decoder, settings)
    prompts = PromptTexts(corpus, settings, decoder, seed)
    units = text_units(corpus, encoder, writer, settings)

    # Encode: the vector e(text) of every real text, then those of unlabelled ones and of passages of long texts.
    found = run.vectors(units.n_rows, units.encode)
    vectors, unlabelled = np.split(found[: len(all_texts)], [len(corpus.texts)])

    # Who plans, and what judges: both know the real texts by their vectors.
    planner = make_planner(vectors, corpus, settings, seed, run)
    planner.expect(new_rows)
    real = real_texts(corpus, vectors, unlabelled, settings)
    prompts.know(vectors, unlabelled)
    judge = make_judge(
        settings.filters,
        real,
        units.reader(),
        n_candidates=settings.candidates,
        more_guards=[*form.guards, *prompts.guards],
    )
    ledger = Ledger(real.all_texts)

    def targets(group: MixPlan) -> NDArray[np.float32]:
        """Mix: z = lam * e(a) + (1 - lam) * e(b) for each row of a plan."""
        return group_targets(vectors, group, settings)

    def ask(group: MixPlan) -> DecoderInput:
        """Return what the decoder is given: the mixed vectors, and the texts that prompts show."""
        return DecoderInput(targets(group), example_texts(prompts.texts, group), units.chains(found, group))

    def make_plan(wanted: MixPlan) -> MixPlan:
        """Plan: other parents for mixes that land in another class, examples, and several candidates per mix."""
        screened = judge.screen(wanted, targets, planner.replan)
        shown = prompts.choose(screened, targets)
        return with_candidates(shown, settings.candidates, seed=seed, once=units.long_classes)

    plan = run.plan(0, lambda: make_plan(planner.plan(new_rows)))
    notes = (*plan.notes, *prompts.notes(plan))
    while True:
        # Decode: the projector and the language model turn each vector into a text.
        groups = plan.groups(units.group_size)
        rows, stop = collect(run.decode(ledger.n_rounds, groups, ask, units.write))
        if stop is not None:
            # The run that goes on judges the whole round together, and a vector depends on its batch in the last bits:
            # those of a part of the round are not kept. What is still open will be written then.
            written = form.judged(plan.take(slice(0, len(rows))))
            ledger.add(judge.score(rows, written, targets, encoder=units.reader(keeps=False)))
            closed = ledger.close(judge.names, on_shortfall="report")
            raise stop.with_partial(_augmented(form.finished(closed, vectors), notes, units.long_classes))

        # Filter: which texts are kept. Those that are not are written again, from other parents.
        ledger.add(judge.score(rows, form.judged(plan), targets))
        if not (open_rows := ledger.open_rows()):
            closed = ledger.close(judge.names, on_shortfall=settings.on_shortfall)
            return _augmented(form.finished(closed, vectors), notes, units.long_classes)
        plan = run.plan(ledger.n_rounds, lambda: make_plan(planner.replan(*open_rows)))


def real_texts(
    corpus: Corpus, vectors: NDArray[np.float32], unlabelled: NDArray[np.float32], settings: Settings
) -> RealTexts:
    """Return what filters and guards may compare with: nothing real where only noisy sums may be read."""
    if is_noisy(settings.privacy):
        return RealTexts([], corpus.labels[:0], vectors[:0])
    known = each_text_once(corpus, vectors) if corpus.shared else RealTexts(corpus.texts, corpus.labels, vectors)
    return replace(known, unlabelled=corpus.unlabelled.texts, unlabelled_vectors=unlabelled)


def make_planner(
    vectors: NDArray[np.float32], corpus: Corpus, settings: Settings, seed: int, run: Run
) -> Planner | PrivatePlanner:
    """Return what plans: from neighbours, or, where rows are to be hidden, from groups."""
    if settings.privacy is None:
        return Planner(vectors, corpus.labels, seed=seed, **settings.planning())
    return PrivatePlanner(vectors, corpus.labels, settings.privacy, seed=seed, lam=settings.lam, keep=run.centres)


def _augmented(closed: Closed, notes: tuple[str, ...], long_classes: frozenset[Any]) -> Augmented:
    synthetic, rejected = (rows if len(rows.columns) else no_rows() for rows in (closed.synthetic, closed.rejected))
    return Augmented(synthetic, rejected, (*notes, *closed.notes), closed.funnel, long_classes)


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
