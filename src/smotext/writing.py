"""One decode group: from target vectors to rows of text with their lineage."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smotext.decoders.prompts import check_prompt
from smotext.errors import InputError
from smotext.inputs import Corpus
from smotext.records import UNKNOWN, Decoded, Decoder, Encoder, MixPlan
from smotext.seeding import uniforms
from smotext.settings import Settings

DEFAULT_MAX_NEW_TOKENS = 128  # for decoders that count no tokens
SLACK = (1.5, 8)  # factor and tokens on top of a parent's length: room to finish the sentence that it falls into

COLUMNS = (
    "text", "label", "key", "parents", "weights", "lam", "seed", "prompt", "strategy", "mix", "model",
    "n_tokens", "is_finished", "accepted", "reason",
)  # fmt: skip

_CLOSING = r"""["'”’»」』）)\]]*"""
_SENTENCE_END = re.compile(rf"[.!?…]{_CLOSING}(?=\s|$)|[。！？]{_CLOSING}")  # no space follows in Chinese and Japanese


class Writer:
    """Decodes groups of a plan into rows; the columns are :data:`COLUMNS`.

    Parameters
    ----------
    corpus : Corpus
        The real texts, for the parents' lengths and row numbers.
    encoder, decoder : Encoder, Decoder
    settings : Settings

    Notes
    -----
    Of the corpus it keeps numbers and labels, of the encoder the name: pickled for another process, a writer
    takes neither texts nor an encoder along.
    """

    def __init__(self, corpus: Corpus, encoder: Encoder, decoder: Decoder, settings: Settings) -> None:
        self.labels, self.rows = corpus.labels, corpus.rows
        self.decoder = decoder
        self.settings = settings
        self.model = "+".join(str(getattr(part, "fingerprint", type(part).__name__)) for part in (encoder, decoder))
        self.prompts = getattr(decoder, "prompts", ("",))
        check_prompt(settings.prompt, self.prompts)
        most = getattr(decoder, "most_new_tokens", None)
        if settings.max_new_tokens != "auto" and most is not None and settings.max_new_tokens > most:
            raise InputError(f"max_new_tokens is {settings.max_new_tokens}: the language model has room for {most}")
        self.longest = int(getattr(decoder, "max_new_tokens", DEFAULT_MAX_NEW_TOKENS))
        self.lengths: NDArray[np.int64] | None = None
        if settings.max_new_tokens == "auto" and hasattr(decoder, "count_tokens"):
            self.lengths = decoder.count_tokens(corpus.texts)

    def write(self, group: MixPlan, targets: NDArray[np.float32]) -> pd.DataFrame:
        """Return one row per row of the group, decoded from its target vector."""
        prompts, limits = self.prompts_for(group), self.limits_for(group)
        decoded = self._decode(targets, prompts, limits, group.seeds)
        texts = [_finish(row, is_cut=self.settings.max_new_tokens == "auto") for row in decoded]
        return self._rows(group, texts, decoded, prompts)

    def limits_for(self, group: MixPlan) -> NDArray[np.int64]:
        """Return the most tokens each row may have.

        ``"auto"`` takes the length of one of the row's parents, drawn with the parents' weights, and room to
        finish the sentence, capped by the longest output that the bridge was trained for. Rows of unknown
        parents draw from their class.
        """
        n_rows = len(group)
        if self.settings.max_new_tokens != "auto":
            return np.full(n_rows, self.settings.max_new_tokens, dtype=np.int64)
        if self.lengths is None:
            return np.full(n_rows, self.longest, dtype=np.int64)
        draws = uniforms(group.seeds, "length")[:, 0]
        limits = np.empty(n_rows, dtype=np.int64)
        for row, (draw, parents, weights) in enumerate(zip(draws, group.parents, group.weights, strict=True)):
            if parents[0] == UNKNOWN:
                members = np.flatnonzero(self.labels == group.labels[row])
                chosen = members[int(draw * len(members))]
            else:
                known = parents[parents != UNKNOWN]
                chosen = known[min(int(np.searchsorted(np.cumsum(weights), draw)), len(known) - 1)]
            limits[row] = self.lengths[chosen]
        factor, more = SLACK
        return np.ceil(limits * factor + more).astype(np.int64).clip(1, self.longest)

    def prompts_for(self, group: MixPlan) -> NDArray[np.int64]:
        """Return each row's prompt number; ``"random"`` draws it from the row's seed."""
        if self.settings.prompt == "random":
            return (uniforms(group.seeds, "prompt")[:, 0] * len(self.prompts)).astype(np.int64)
        return np.full(len(group), self.settings.prompt, dtype=np.int64)

    def _decode(
        self,
        targets: NDArray[np.float32],
        prompts: NDArray[np.int64],
        limits: NDArray[np.int64],
        seeds: NDArray[np.int64],
    ) -> list[Decoded]:
        """Return the decoded rows; a number that is the same for all goes to the decoder as a number."""
        options = {
            **self.settings.decoding(),
            "seeds": seeds,
            "prompt": _scalar_if_same(prompts),
            "max_new_tokens": _scalar_if_same(limits),
        }
        if hasattr(self.decoder, "decode_rows"):
            return self.decoder.decode_rows(targets, **options)
        texts = self.decoder.decode(targets, **options)
        self._check_texts(texts, len(targets))
        return [Decoded(text, n_tokens=-1, is_finished=True) for text in texts]

    def _check_texts(self, texts: Any, n_rows: int) -> None:
        """Raise InputError for what a foreign decoder may get wrong."""
        name = type(self.decoder).__name__
        if isinstance(texts, str | bytes) or not hasattr(texts, "__len__"):
            raise InputError(f"decoder {name} returned {type(texts).__name__}: expected a list of texts")
        if len(texts) != n_rows:
            raise InputError(f"decoder {name} returned {len(texts)} texts for {n_rows} vectors: expected one each")
        if wrong := [text for text in texts if not isinstance(text, str)]:
            raise InputError(f"decoder {name} returned a text of type {type(wrong[0]).__name__}: expected str")

    def _rows(
        self, group: MixPlan, texts: Sequence[str], decoded: Sequence[Decoded], prompts: NDArray[np.int64]
    ) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "text": pd.Series(list(texts), dtype=object),
                "label": pd.Series(group.labels.tolist(), dtype=object),
                "key": group.keys,
                "parents": pd.Series([self._row_numbers(parents) for parents in group.parents], dtype=object),
                "weights": pd.Series(_of_known(group.weights, group.parents), dtype=object),
                "lam": group.lam,
                "seed": group.seeds,
                "prompt": prompts,
                "strategy": group.strategies.tolist(),
                "mix": self.settings.mix,
                "model": self.model,
                "n_tokens": [row.n_tokens for row in decoded],
                "is_finished": [row.is_finished for row in decoded],
                "accepted": True,
                "reason": "",
            },
            columns=list(COLUMNS),
        )

    def _row_numbers(self, parents: NDArray[np.int64]) -> list[int]:
        return self.rows[parents[parents != UNKNOWN]].tolist()


def no_rows() -> pd.DataFrame:
    """Return a table of no rows with the writer's columns."""
    return pd.DataFrame({name: pd.Series(dtype=object) for name in COLUMNS})


def cut_at_sentence(text: str) -> str:
    """Return the text up to its last sentence end, or all of it if it has none.

    Examples
    --------
    >>> cut_at_sentence('He said "no." Then he went to the')
    'He said "no."'
    >>> cut_at_sentence("他来了。他看见了。他走到了")
    '他来了。他看见了。'
    >>> cut_at_sentence("no end in sight")
    'no end in sight'
    """
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    return text[: ends[-1]] if ends else text


def _finish(row: Decoded, *, is_cut: bool) -> str:
    text = row.text.strip()
    return cut_at_sentence(text) if is_cut and not row.is_finished else text


def _of_known(weights: NDArray[np.float64], parents: NDArray[np.int64]) -> list[list[float]]:
    return [row[who != UNKNOWN].tolist() for row, who in zip(weights, parents, strict=True)]


def _scalar_if_same(values: NDArray[np.int64]) -> Any:
    return int(values[0]) if len(values) and (values == values[0]).all() else values
