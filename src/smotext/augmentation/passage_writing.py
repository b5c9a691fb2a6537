"""Rows of long texts, written passage by passage: each with what was written before in its prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smotext.augmentation.writing import Writer, finish, is_whole
from smotext.data.passages import PARAGRAPH
from smotext.filters.copying import copies
from smotext.mixing.plan import Chain, DecoderInput, MixPlan
from smotext.protocols import Decoded, Encoder
from smotext.utils.geometry import row_cosines
from smotext.utils.seeding import further_seeds
from smotext.utils.sentences import join_sentences


@dataclass
class Draft:
    """A long text that is being written.

    Attributes
    ----------
    chain : Chain
    passages : list of str
        What was written so far; empty where nothing of use was.
    n_tokens : int
        Of these.
    n_written : int
        Tokens that were written in all, other candidates included.
    """

    chain: Chain
    passages: list[str] = field(default_factory=list)
    n_tokens: int = 0
    n_written: int = 0

    def examples(self) -> list[str]:
        """Return what the next passage's prompt shows: real passages, and last what was written before."""
        shown = self.chain.examples[len(self.passages)]
        before = [passage for passage in self.passages if passage]
        return [*shown, *before[-1:]] if shown else []

    def text(self) -> str:
        """Return the passages as one text."""
        found = ""
        for lead, passage in zip(self.chain.leads, self.passages, strict=True):
            begins_paragraph = found and passage and lead == PARAGRAPH
            found = f"{found}{lead}{passage}" if begins_paragraph else join_sentences([found, passage])
        return found


class PassageWriter:
    """Decodes groups in which some rows are long texts; the others are left to the writer.

    Of each passage several candidates are written, and the one nearest to its own mix goes on. What copies a passage
    that the prompt shows, repeats what was written, or does not come to an end is never chosen; where nothing is left,
    the passage is left out.

    Parameters
    ----------
    writer : Writer
    encoder : Encoder
        Pickled along for other processes, where there are several candidates.
    n_candidates : int
        Of each passage.
    """

    def __init__(self, writer: Writer, encoder: Encoder, n_candidates: int) -> None:
        self.writer, self.n_candidates = writer, n_candidates
        self.encoder = encoder if n_candidates > 1 else None

    def write(self, group: MixPlan, asked: DecoderInput) -> pd.DataFrame:
        """Return one row per row of the group, with the columns ``passages`` and ``n_written`` beside the writer's.

        ``passages`` are, for each passage in order, the numbers of the parents' passages that it mixes; ``n_written``
        counts the tokens of all candidates.
        """
        chains = asked.chains or [None] * len(group)
        is_long = np.array([chain is not None for chain in chains], dtype=bool)
        parts = []
        if not is_long.all():
            parts.append(self._write_short(group, asked, np.flatnonzero(~is_long)))
        if is_long.any():
            drafts = [Draft(chain) for chain in chains if chain is not None]
            parts.append(self._write_long(group.take(np.flatnonzero(is_long)), drafts))
        order = np.argsort(np.concatenate([np.flatnonzero(~is_long), np.flatnonzero(is_long)]))
        return pd.concat(parts, ignore_index=True).iloc[order].reset_index(drop=True)

    def _write_short(self, group: MixPlan, asked: DecoderInput, rows: NDArray[np.int64]) -> pd.DataFrame:
        examples = None if asked.examples is None else [asked.examples[row] for row in rows]
        written = self.writer.write(group.take(rows), DecoderInput(asked.vectors[rows], examples))
        return written.assign(passages=_column([[] for _ in rows]), n_written=written["n_tokens"])

    def _write_long(self, group: MixPlan, drafts: list[Draft]) -> pd.DataFrame:
        prompts = self.writer.prompts_for(group)
        for number in range(max(len(draft.chain) for draft in drafts)):
            rows = np.array([row for row, draft in enumerate(drafts) if len(draft.chain) > number])
            self._write_passage(number, [drafts[row] for row in rows], prompts[rows], group.seeds[rows])
        decoded = [Decoded(draft.text(), draft.n_tokens, is_finished=True) for draft in drafts]
        rows_written = self.writer.rows(group, [row.text for row in decoded], decoded, prompts, [""] * len(group))
        return rows_written.assign(
            passages=_column([draft.chain.parents for draft in drafts]),
            n_written=[draft.n_written for draft in drafts],
        )

    def _write_passage(
        self, number: int, drafts: Sequence[Draft], prompts: NDArray[np.int64], seeds: NDArray[np.int64]
    ) -> None:
        """Write the next passage of each draft, and add the best candidate."""
        n = self.n_candidates
        targets = np.stack([draft.chain.vectors[number] for draft in drafts])
        shown = [draft.examples() for draft in drafts]
        limits = np.array([draft.chain.limits[number] for draft in drafts])
        numbers = np.tile(np.arange(n), len(drafts))
        repeated = [each for each in shown for _ in range(n)]
        decoded = self.writer.decode(
            DecoderInput(np.repeat(targets, n, axis=0), repeated if any(shown) else None),
            np.repeat(prompts, n),
            np.repeat(limits, n),
            further_seeds(np.repeat(seeds, n), number, numbers),
        )
        texts = [finish(row) for row in decoded]
        usable = np.array([is_whole(row, text) for row, text in zip(decoded, texts, strict=True)])
        for place, draft in enumerate(drafts):
            own = slice(place * n, (place + 1) * n)
            usable[own] &= are_new(texts[own], [*shown[place], *draft.passages])
        worth = self._worth(texts, np.repeat(targets, n, axis=0), usable).reshape(-1, n)
        for place, (draft, best) in enumerate(zip(drafts, worth.argmax(axis=1).tolist(), strict=True)):
            own, candidates = place * n + best, decoded[place * n : (place + 1) * n]
            draft.passages.append(texts[own] if usable[own] else "")
            draft.n_tokens += decoded[own].n_tokens if usable[own] else 0
            draft.n_written += sum(row.n_tokens for row in candidates)

    def _worth(
        self, texts: Sequence[str], targets: NDArray[np.float32], usable: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Return each candidate's cosine to what was asked for; minus infinity where it cannot be used."""
        worth = np.where(usable, 0.0, -np.inf)
        places = np.flatnonzero(usable)
        if self.encoder is not None and len(places):
            vectors = self.encoder.encode([texts[place] for place in places.tolist()])
            worth[places] = row_cosines(np.asarray(vectors), targets[places])
        return worth


def are_new(texts: Sequence[str], known: Sequence[str]) -> NDArray[np.bool_]:
    """Return which texts have words and copy none of some others.

    Examples
    --------
    >>> are_new(["The parcel came late.", "the parcel", "?!"], ["It never came.", "The parcel!"]).tolist()
    [True, False, False]
    """
    has_words = np.array([any(map(str.isalnum, text)) for text in texts], dtype=bool)
    return has_words & ~copies(texts, known)


def _column(values: list[Any]) -> pd.Series:
    return cast("pd.Series", pd.Series(values, dtype=object))
