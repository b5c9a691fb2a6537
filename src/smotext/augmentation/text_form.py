"""Texts that are more than words with one label: as models read them, and as new ones come back.

Values of theirs may be hidden, a text may be a dialogue or a row of several columns, and it may have several labels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smotext.augmentation.rounds import Closed
from smotext.augmentation.shared_labels import of_one_class, with_label_sets
from smotext.data.corpus import Corpus
from smotext.data.dialogues import in_turns, is_dialogue, joined_turns, speakers_of
from smotext.data.records import split_record
from smotext.data.surrogates import with_surrogates
from smotext.filters.protocol import Filter, PlainFilter
from smotext.mixing.plan import MixPlan
from smotext.settings import NO_DIALOGUE, NO_RECORD, Settings


class TextForm:
    """What is done with texts before models read them, and with new ones before they are returned.

    Parameters
    ----------
    corpus : Corpus
        The real texts, as the caller gave them.
    settings : Settings
    seed : int
        The root of all randomness: made-up values follow from it.

    Attributes
    ----------
    corpus : Corpus
        The same texts as models read them: with made-up values where real ones are to be hidden, dialogues on one line.
    guards : list of Filter
        What rejects new texts that are not of the form: that lack a column, or are not in turns.

    Raises
    ------
    InputError
        If texts are to be dialogues and none is.
    """

    def __init__(self, corpus: Corpus, settings: Settings, seed: int) -> None:
        texts, n_labelled = corpus.all_texts, len(corpus.texts)
        texts = with_surrogates(texts, seed=seed) if settings.hide_values else texts
        self._speakers = speakers_of(texts[:n_labelled]) if settings.turns else []
        if self._speakers:
            texts = [joined_turns(text) for text in texts]
        unlabelled = replace(corpus.unlabelled, texts=texts[n_labelled:])
        self.corpus = replace(corpus, texts=texts[:n_labelled], unlabelled=unlabelled)
        self.guards = guards_of_form(settings.record_columns, self._speakers)
        self._settings = settings

    def judged(self, plan: MixPlan) -> MixPlan:
        """Return the plan as filters see it: of one class where texts have several labels."""
        return plan if self.corpus.shared is None else of_one_class(plan)

    def finished(self, closed: Closed, vectors: NDArray[np.float32]) -> Closed:
        """Return the rows with a line for each turn of a dialogue, and with all labels where texts have several."""

        def finish(rows: pd.DataFrame) -> pd.DataFrame:
            if self._speakers:
                turns = [in_turns(text, self._speakers) for text in rows["text"]]
                rows = rows.assign(text=pd.Series(turns, index=rows.index, dtype=object))
            if self.corpus.shared is not None:
                k_neighbors, strategy = self._settings.k_neighbors, self._settings.strategy
                rows = with_label_sets(rows, self.corpus, vectors, k_neighbors=k_neighbors, strategy=strategy)
            return rows

        return replace(closed, synthetic=finish(closed.synthetic), rejected=finish(closed.rejected))


def guards_of_form(columns: Sequence[str] | None, speakers: Sequence[str]) -> list[Filter]:
    """Return what rejects texts that lack a column, where rows have several, or that are not in turns."""
    if columns is not None:
        return [_guard(lambda text: split_record(text, columns) is not None, NO_RECORD)]
    if speakers:
        return [_guard(lambda text: is_dialogue(text, speakers), NO_DIALOGUE)]
    return []


def _guard(is_kept: Callable[[str], bool], name: str) -> Filter:
    return PlainFilter(lambda texts, labels: [is_kept(text) for text in texts], name)
