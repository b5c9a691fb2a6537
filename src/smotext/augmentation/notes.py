"""What is told of the data: rows without text, texts that are cut, and languages that a bridge was not made for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from smotext.data.corpus import Corpus
from smotext.data.languages import foreign_note
from smotext.protocols import Decoder, Encoder


def language_note(texts: Sequence[str], decoder: Decoder) -> list[str]:
    """Return a note on texts in languages or forms that the decoder's bridge was not made for, if it says for which."""
    spec = getattr(decoder, "spec", None)
    return foreign_note(texts, getattr(spec, "languages", ()))


def skipped_note(corpus: Corpus) -> list[str]:
    """Return a note on rows that have no text, if there are any."""
    if corpus.n_skipped == 0:
        return []
    rows = "row has" if corpus.n_skipped == 1 else "rows have"
    return [f"{corpus.n_skipped} {rows} no text: kept in the output, not mixed"]


def truncated_note(corpus: Corpus, encoder: Encoder, long_classes: Collection[Any] = frozenset()) -> list[str]:
    """Return a note on texts of which the encoder reads the beginning only, if there are any.

    Texts of long classes are read passage by passage.
    """
    rows = zip(corpus.rows.tolist(), corpus.texts, corpus.labels, strict=True)
    # A text of several labels stands in the corpus once for each, and is told of once.
    texts = {row: text for row, text, label in rows if label not in long_classes}
    n_cut = encoder.count_truncated(list(texts.values()))
    if n_cut == 0:
        return []
    counted = "1 text is" if n_cut == 1 else f"{n_cut} texts are"
    return [f"{counted} longer than the {encoder.max_tokens} tokens that the encoder reads: the rest is not mixed"]


def notes_on(corpus: Corpus, encoder: Encoder, long_classes: Collection[Any], adapted: Sequence[str]) -> list[str]:
    """Return what there is to say after a run: of the data, and in one note what had to be adapted."""
    notes = [*skipped_note(corpus), *corpus.unlabelled.notes, *truncated_note(corpus, encoder, long_classes)]
    return [*notes, "; ".join(adapted)] if adapted else notes
