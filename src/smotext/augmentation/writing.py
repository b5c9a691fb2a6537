"""One decode group: from target vectors to rows of text with their lineage."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smotext.data.corpus import Corpus
from smotext.decoders.prompts import check_prompt
from smotext.errors import InputError
from smotext.mixing.plan import UNKNOWN, DecoderInput, MixPlan
from smotext.privacy.privacy_option import is_noisy
from smotext.protocols import Decoded, Decoder, Encoder, class_name, name_of
from smotext.settings import UNFINISHED, Settings
from smotext.utils.seeding import uniforms
from smotext.utils.sentences import cut_at_sentence, ends_sentence

# The most tokens of a text: the longest parent's length times the first number, plus the second. It is a bound that
# texts seldom reach, since the language model ends them before.
SLACK = (2.0, 16)
# A text may be this many times as long as those that the bridge was trained on; beyond that it wanders off.
MORE_THAN_TRAINED = 1.5

ROW_COLUMNS = (
    "text", "label", "key", "parents", "weights", "lam", "examples", "seed", "prompt", "strategy", "mix", "model",
    "n_tokens", "is_finished", "accepted", "reason",
)  # fmt: skip


def examples_shown(settings: Settings, decoder: Decoder) -> int:
    """Return how many texts prompts show: as the settings say, else as the decoder does by itself.

    0 where real ones are to be hidden and no public ones are given.

    Raises
    ------
    InputError
        If some are asked for and the decoder can show none, or public ones are given and none would be shown.
    """
    has_public = settings.privacy is not None and settings.privacy.public_examples is not None
    if settings.privacy is not None and not has_public:
        return 0
    found = _examples_asked_for(settings, decoder)
    if has_public and not found:
        raise InputError(
            f"public_examples is given, but prompts of the decoder {class_name(decoder)} show 0 texts: expected "
            "examples of 1 or more, or no public examples",
            options=["public_examples", "examples"],
        )
    return found


def _examples_asked_for(settings: Settings, decoder: Decoder) -> int:
    if settings.examples is None:
        return decoder.examples or 0
    if settings.examples and decoder.examples is None:
        raise InputError(
            f"examples is {settings.examples}, but the decoder {class_name(decoder)} shows no texts in its prompt: "
            "expected 0 or None, or a model whose prompts show texts, such as 'tiny'"
        )
    return settings.examples


class Writer:
    """Decodes groups of a plan into rows; the columns are :data:`ROW_COLUMNS`.

    Parameters
    ----------
    corpus : Corpus
        The real texts, for the parents' lengths and row numbers.
    encoder, decoder : Encoder, Decoder
    settings : Settings

    Notes
    -----
    Where there are unlabelled texts, rows have a column ``unlabelled_examples``: which of them the prompt showed.
    Of the corpus it keeps numbers and labels, of the encoder the name: pickled for another process, a writer
    takes neither texts nor an encoder along.
    """

    def __init__(self, corpus: Corpus, encoder: Encoder, decoder: Decoder, settings: Settings) -> None:
        # Noisy texts have no known parents, and what is sent to other processes tells nothing of the real rows then.
        known = slice(0, 0) if is_noisy(settings.privacy) else slice(None)
        self.labels, self.row_numbers = corpus.labels[known], corpus.rows[known]
        self.unlabelled_numbers = corpus.unlabelled.rows
        self.decoder = decoder
        self.settings = settings
        self.model = f"{name_of(encoder)}+{name_of(decoder)}"
        check_prompt(settings.prompt, decoder.prompts)
        wanted, most = settings.max_new_tokens, decoder.most_new_tokens
        if not isinstance(wanted, str) and most is not None and wanted > most:
            raise InputError(f"max_new_tokens is {wanted}: the language model has room for {most}")
        self.lengths = decoder.count_tokens(corpus.texts) if wanted == "auto" else None

    def write(self, group: MixPlan, asked: DecoderInput) -> pd.DataFrame:
        """Return one row per row of the group, decoded from what it asks for."""
        prompts, limits = self.prompts_for(group), self.limits_for(group)
        decoded = self.decode(asked, prompts, limits, group.seeds)
        is_auto = self.settings.max_new_tokens == "auto"
        texts = [finish(row) if is_auto else row.text.strip() for row in decoded]
        reasons = [
            UNFINISHED if is_auto and not is_whole(row, text) else "" for row, text in zip(decoded, texts, strict=True)
        ]
        return self.rows(group, texts, decoded, prompts, reasons)

    def limits_for(self, group: MixPlan) -> NDArray[np.int64]:
        """Return the most tokens each row may have.

        ``"auto"`` is a bound that texts seldom reach, since the language model ends them: twice the longest parent's
        length and some more, and not much over the longest output that the bridge was trained for. Rows of unknown
        parents go by the longest text of their class.
        """
        n_rows = len(group)
        if self.settings.max_new_tokens != "auto":
            return np.full(n_rows, self.settings.max_new_tokens, dtype=np.int64)
        if self.lengths is None:
            return np.full(n_rows, self.decoder.max_new_tokens, dtype=np.int64)
        longest = np.empty(n_rows, dtype=np.int64)
        for row, parents in enumerate(group.parents):
            known = parents[parents != UNKNOWN]
            members = known if len(known) else np.flatnonzero(self.labels == group.labels[row])
            longest[row] = self.lengths[members].max()
        return self.bounds(longest)

    def bounds(self, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the most tokens of texts whose longest parents have these lengths."""
        factor, more = SLACK
        most = math.ceil(self.decoder.max_new_tokens * MORE_THAN_TRAINED)
        if self.decoder.most_new_tokens is not None:
            most = min(most, self.decoder.most_new_tokens)
        return np.ceil(lengths * factor + more).astype(np.int64).clip(1, most)

    def prompts_for(self, group: MixPlan) -> NDArray[np.int64]:
        """Return each row's prompt number; ``"random"`` draws it from the row's seed."""
        if self.settings.prompt == "random":
            return (uniforms(group.seeds, "prompt")[:, 0] * len(self.decoder.prompts)).astype(np.int64)
        return np.full(len(group), self.settings.prompt, dtype=np.int64)

    def decode(
        self,
        asked: DecoderInput,
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
        if asked.examples is not None:
            options["examples"] = asked.examples
        return self.decoder.decode_rows(asked.vectors, **options)

    def rows(
        self,
        group: MixPlan,
        texts: Sequence[str],
        decoded: Sequence[Decoded],
        prompts: NDArray[np.int64],
        reasons: Sequence[str],
    ) -> pd.DataFrame:
        """Return the table of a group's texts with their lineage."""
        none = np.zeros((len(group), 0), dtype=np.int64)
        examples = none if group.examples is None else group.examples
        made = pd.DataFrame(
            {
                "text": pd.Series(list(texts), dtype=object),
                "label": pd.Series(group.labels.tolist(), dtype=object),
                "key": group.keys,
                "parents": pd.Series([self._row_numbers(parents) for parents in group.parents], dtype=object),
                "weights": pd.Series(_of_known(group.weights, group.parents), dtype=object),
                "lam": group.lam,
                "examples": pd.Series([self._numbers_shown(shown) for shown in examples], dtype=object),
                "seed": group.seeds,
                "prompt": prompts,
                "strategy": group.strategies.tolist(),
                "mix": self.settings.mix,
                "model": self.model,
                "n_tokens": [row.n_tokens for row in decoded],
                "is_finished": [row.is_finished for row in decoded],
                "accepted": [not reason for reason in reasons],
                "reason": pd.Series(list(reasons), dtype=object),
            },
            columns=list(ROW_COLUMNS),
        )
        if len(self.unlabelled_numbers):
            numbers = [self._unlabelled_numbers(shown) for shown in examples]
            made["unlabelled_examples"] = pd.Series(numbers, dtype=object)
        return made

    def _row_numbers(self, places: NDArray[np.int64]) -> list[int]:
        """Return the rows of the labelled texts among these."""
        is_labelled = (places != UNKNOWN) & (places < len(self.row_numbers))
        return self.row_numbers[places[is_labelled]].tolist()

    def _unlabelled_numbers(self, places: NDArray[np.int64]) -> list[int]:
        return self.unlabelled_numbers[places[places >= len(self.row_numbers)] - len(self.row_numbers)].tolist()

    def _numbers_shown(self, examples: NDArray[np.int64]) -> list[int]:
        """Return row numbers of real texts that a prompt shows; of public ones, which have no rows, their positions."""
        if self.settings.privacy is None:
            return self._row_numbers(examples)
        return examples[examples != UNKNOWN].tolist()


def no_rows() -> pd.DataFrame:
    """Return a table of no rows with the writer's columns."""
    return pd.DataFrame({name: pd.Series(dtype=object) for name in ROW_COLUMNS})


def finish(row: Decoded) -> str:
    """Return the text; one that was stopped at the limit goes to its last sentence end."""
    text = row.text.strip()
    return text if row.is_finished else cut_at_sentence(text)


def is_whole(row: Decoded, text: str) -> bool:
    """Return whether a text came to its end, by itself or at a sentence's."""
    return row.is_finished or ends_sentence(text)


def _of_known(weights: NDArray[np.float64], parents: NDArray[np.int64]) -> list[list[float]]:
    return [row[who != UNKNOWN].tolist() for row, who in zip(weights, parents, strict=True)]


def _scalar_if_same(values: NDArray[np.int64]) -> Any:
    return int(values[0]) if len(values) and (values == values[0]).all() else values
