"""The texts that prompts may show: the real ones, or public ones where real ones are to be hidden."""

from __future__ import annotations

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
        self.n_shown = examples_shown(settings, decoder)

    def choose(self, plan: MixPlan, near: NDArray[np.int64] | None = None) -> MixPlan:
        """Return the plan with the texts that each row's prompt shows; unlabelled ones that are near to it if given."""
        if self._public is None:
            return with_examples(plan, self._labels, self.n_shown, seed=self._seed, near=near)
        labels, asking = self._public.labels_of(len(self.texts)), plan
        if labels is None:
            # All texts are as if of one class, and so are the rows that they are drawn for.
            labels, one = (np.zeros(n, dtype=object) for n in (len(self.texts), len(plan)))
            asking = replace(plan, labels=one)
        shown = with_examples(asking, labels, self.n_shown, seed=self._seed, shows_parents=False)
        return replace(plan, examples=shown.examples)
