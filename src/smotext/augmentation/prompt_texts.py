"""The texts that prompts may show: real ones, labelled or not, or public ones where real ones are to be hidden."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from smotext.augmentation.writing import examples_shown
from smotext.data.corpus import Corpus
from smotext.filters.copying import CopiedFrom
from smotext.filters.judge import GUARDED_SHARE
from smotext.filters.protocol import Filter
from smotext.mixing.examples import with_examples
from smotext.mixing.plan import MixPlan
from smotext.mixing.unlabelled_examples import UnlabelledExamples
from smotext.privacy.public_examples import PublicExamples
from smotext.protocols import Decoder
from smotext.settings import Settings


class PromptTexts:
    """Chooses what each row's prompt shows.

    Parameters
    ----------
    corpus : Corpus
    settings : Settings
    decoder : Decoder
    seed : int
        The run's root seed.

    Attributes
    ----------
    texts : sequence of str
        What the plan's ``examples`` are positions of: the corpus's texts and its unlabelled ones, or the public ones.
    n_shown : int
        How many a prompt shows.
    guards : list of Filter
        What rejects copies of the public ones; copies of real texts are looked for elsewhere.
    """

    def __init__(self, corpus: Corpus, settings: Settings, decoder: Decoder, seed: int) -> None:
        self._public = None if settings.privacy is None else settings.privacy.public_examples
        self.texts = corpus.all_texts if self._public is None else self._public.texts
        self.guards: list[Filter] = []
        if self._public is not None:
            self.guards = [CopiedFrom(self._public.texts, share=GUARDED_SHARE)]
        self._labels, self._seed = corpus.labels, seed
        self._unlabelled: UnlabelledExamples | None = None
        self.n_shown = examples_shown(settings, decoder)

    def know(self, vectors: NDArray[np.float32], unlabelled: NDArray[np.float32]) -> None:
        """Take the vectors of the labelled and of the unlabelled texts: the nearest of the latter are shown."""
        if len(unlabelled) and self.n_shown:
            self._unlabelled = UnlabelledExamples(vectors, self._labels, unlabelled)

    def choose(self, plan: MixPlan, targets: Callable[[MixPlan], NDArray[np.float32]]) -> MixPlan:
        """Return the plan with what each row's prompt shows; `targets` returns the mixed vectors of a plan."""
        if self._public is not None:
            return self._with_public(plan, self._public)
        near = None if self._unlabelled is None else self._unlabelled.for_rows(plan, targets, self.n_shown)
        return with_examples(plan, self._labels, self.n_shown, seed=self._seed, near=near)

    def _with_public(self, plan: MixPlan, public: PublicExamples) -> MixPlan:
        labels, asking = public.label_array(), plan
        if labels is None:
            # All texts are as if of one class, and so are the rows that they are drawn for.
            labels, one = (np.zeros(n, dtype=object) for n in (len(self.texts), len(plan)))
            asking = replace(plan, labels=one)
        shown = with_examples(asking, labels, self.n_shown, seed=self._seed, shows_parents=False)
        return replace(plan, examples=shown.examples)

    def notes(self, plan: MixPlan) -> list[str]:
        """Return a note where there are unlabelled texts and no prompt of a plan shows one."""
        n_labelled = len(self._labels)
        has_unlabelled = self._public is None and len(self.texts) > n_labelled
        is_shown = plan.examples is not None and (plan.examples >= n_labelled).any()
        if is_shown or not has_unlabelled or not len(plan):
            return []
        if self.n_shown == 0:
            return ["no prompt shows an unlabelled text, since the prompts show no texts at all"]
        return [
            f"no prompt shows an unlabelled text: prompts show {self.n_shown} texts, the parents among them, and none "
            "of a class that it is not clearly nearest to"
        ]
