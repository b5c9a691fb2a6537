"""How texts are read and written: whole, or, where they are too long for that, passage by passage."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.augmentation.long_texts import LongTexts, find_long_texts
from smotext.augmentation.passage_writing import PassageWriter
from smotext.augmentation.writing import Writer
from smotext.data.corpus import Corpus
from smotext.encoders.cache import CachingEncoder, encode_cached
from smotext.filters.judge import TextEncoder
from smotext.mixing.plan import Chain, MixPlan
from smotext.protocols import Encoder
from smotext.settings import Settings


class WholeTexts:
    """All texts are read and written whole.

    Attributes
    ----------
    n_rows : int
        Rows of the array that :meth:`encode` makes: the texts come first, the unlabelled ones after the labelled ones.
    group_size : int
        Rows that are decoded together.
    long_classes : frozenset of label
        Classes whose texts are read and written passage by passage.
    write : callable
        ``write(group, asked)`` returns the rows of a group.
    """

    def __init__(self, corpus: Corpus, encoder: Encoder, writer: Writer, settings: Settings) -> None:
        self._texts, self._encoder = corpus.all_texts, encoder
        self.n_rows = len(self._texts)
        self.group_size = settings.group_size
        self.long_classes: frozenset[Any] = frozenset()
        self.write = writer.write

    def encode(self, **options: Any) -> NDArray[np.float32]:
        """Return the vectors of all texts; options as of :func:`~smotext.encoders.cache.encode_cached`."""
        return encode_cached(self._encoder, self._texts, **options)

    def reader(self, *, keeps: bool = True) -> TextEncoder:
        """Return what encodes the texts that are written; `keeps` says whether their vectors are stored."""
        return CachingEncoder(self._encoder, keeps=keeps)

    def chains(self, vectors: NDArray[np.float32], group: MixPlan) -> list[Chain | None] | None:
        """Return what rows of a group ask for passage by passage: nothing."""
        return None


class TextsInPassages:
    """Texts of long classes are read and written passage by passage, others whole; attributes as of WholeTexts."""

    def __init__(self, long: LongTexts, encoder: Encoder, writer: Writer, settings: Settings) -> None:
        self._long, self._encoder, self._writer, self._settings = long, encoder, writer, settings
        self.n_rows = long.n_rows
        # A long row is written in several passages, each with its candidates.
        self.group_size = max(1, settings.group_size // settings.candidates)
        self.long_classes = long.classes
        self.write = PassageWriter(writer, encoder, settings.candidates).write

    def encode(self, **options: Any) -> NDArray[np.float32]:
        """Return the vectors of all texts and, below them, of all passages."""
        return self._long.encode(self._encoder, **options)

    def reader(self, *, keeps: bool = True) -> TextEncoder:
        """Return what encodes the texts that are written, long ones by the mean of their passages."""
        return self._long.reader(CachingEncoder(self._encoder, keeps=keeps))

    def chains(self, vectors: NDArray[np.float32], group: MixPlan) -> list[Chain | None] | None:
        """Return what each row of a group asks for passage by passage; None for rows that are written whole."""
        return self._long.chains(vectors, group, self._writer, self._settings)


def text_units(corpus: Corpus, encoder: Encoder, writer: Writer, settings: Settings) -> WholeTexts | TextsInPassages:
    """Return how these texts are read and written: passage by passage where a class has long ones."""
    long = find_long_texts(corpus, encoder, writer, settings)
    if long is None:
        return WholeTexts(corpus, encoder, writer, settings)
    return TextsInPassages(long, encoder, writer, settings)
