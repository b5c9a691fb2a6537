"""What a run's tables say: counts, lengths, copies, the filters' funnel. Numbers only; words are the page's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smotext.augmentation.rounds import funnel
from smotext.filters.fluency import Spelling, WordOrder
from smotext.filters.ngrams import WordRuns, squeeze, words
from smotext.filters.score_bounds import evenly_spaced
from smotext.reporting.report_inputs import RunTables

# So many texts of a kind are scored: quartiles need no more.
_SCORED = 2000


@dataclass(frozen=True)
class ClassCount:
    """Rows of one class."""

    label: str
    before: int
    synthetic: int

    @property
    def after(self) -> int:
        """Rows of both kinds."""
        return self.before + self.synthetic


@dataclass(frozen=True)
class Repeats:
    """How many synthetic texts repeat something, word by word, and how much of it.

    Attributes
    ----------
    of_synthetic, of_real : int
        Texts that are an earlier synthetic text, or a real one, but for case, spaces and punctuation.
    longest_copies : ndarray of shape (n_synthetic,), or None
        Words in the longest run that each has in common with a real text; None where no real text is at hand.
    """

    of_synthetic: int
    of_real: int | None
    longest_copies: NDArray[np.int64] | None


def class_counts(tables: RunTables) -> list[ClassCount]:
    """Return every class, those with the most new rows first and equal ones in label order."""
    made = Counter(str(label) for label in tables.synthetic["label"])
    real = Counter(tables.real_labels)
    before = dict(tables.record.counts) if tables.record is not None else dict(sorted(real.items()))
    labels = dict.fromkeys([*before, *made])
    found = [ClassCount(label, before.get(label, 0), made.get(label, 0)) for label in labels]
    return sorted(found, key=lambda one: -one.synthetic)


def repeats(synthetic: Sequence[str], real: Sequence[str]) -> Repeats:
    """Return what synthetic texts repeat.

    Examples
    --------
    >>> found = repeats(["Two words", "two  words!", "a real one"], ["A real one."])
    >>> found.of_synthetic, found.of_real, found.longest_copies.tolist()
    (1, 1, [0, 0, 3])
    """
    squeezed = [squeeze(text).casefold() for text in synthetic]
    n_repeated = len(squeezed) - len(set(squeezed))
    if not any(real):
        return Repeats(n_repeated, None, None)
    originals = {squeeze(text).casefold() for text in real if text}
    copies = WordRuns.of([text for text in real if text]).longest_copies(list(synthetic))
    return Repeats(n_repeated, sum(text in originals for text in squeezed), copies)


def fluency_scores(
    synthetic: Sequence[str], real: Sequence[str], kind: type[Spelling] | type[WordOrder]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how far texts are spelled, or their words ordered, as the real texts are; of both kinds of texts.

    Parameters
    ----------
    synthetic, real : sequence of str
        Of each at most some thousand are scored, evenly spaced.
    kind : Spelling or WordOrder
        Its `score` says what the numbers mean; texts that it gives none are left out.

    Returns
    -------
    ndarray of shape (n_scored,), twice
        Real texts are scored with themselves left out.

    Examples
    --------
    >>> made, own = fluency_scores(["the cat", "xq zj"], ["the cat sat", "the mat sat"], Spelling)
    >>> bool(made[0] > made[1]), len(own)
    (True, 2)
    """
    known = [text for text in real if text.strip()]
    model = kind.of(known)
    shown, own = ([texts[row] for row in evenly_spaced(np.arange(len(texts)), _SCORED)] for texts in (synthetic, known))
    scores = [model.score(text) for text in shown], [model.score(text, is_own=True) for text in own]
    made, left_out = (np.array(values, dtype=float) for values in scores)
    return made[np.isfinite(made)], left_out[np.isfinite(left_out)]


def count_words(texts: Sequence[str]) -> NDArray[np.int64]:
    """Return the number of words of each text.

    Examples
    --------
    >>> count_words(["two words", ""]).tolist()
    [2, 0]
    """
    return np.array([len(words(text)) for text in texts], dtype=np.int64)


def funnel_steps(tables: RunTables) -> list[tuple[str, int]]:
    """Return what became of all texts that were written: written, fallen to each reason, accepted, filled."""
    import pandas as pd

    rows = pd.concat([tables.synthetic, tables.rejected], ignore_index=True)
    accepted = np.array([bool(value) for value in tables.synthetic["accepted"]], dtype=bool)
    names = tables.record.filters if tables.record is not None else ()
    steps = funnel(rows, names, n_filled=int((~accepted).sum()))
    return [(str(step), int(number)) for step, number in steps.values.tolist()]
