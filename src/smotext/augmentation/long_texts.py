"""Texts too long to be written in one go: read and mixed passage by passage, and as a whole the mean of these."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from smotext.augmentation.writing import MORE_THAN_TRAINED, Writer, examples_shown
from smotext.data.corpus import Corpus
from smotext.data.passages import CountTokens, Passage, split_into_passages
from smotext.decoders.prompts import EXAMPLE_TOKENS
from smotext.encoders.cache import encode_cached
from smotext.filters.judge import TextEncoder
from smotext.mixing.mixes import mix
from smotext.mixing.passage_matching import match_passages
from smotext.mixing.plan import UNKNOWN, Chain, MixPlan
from smotext.protocols import Encoder
from smotext.settings import Settings

# The most passages of a new text unless the settings say another number: some 2,000 tokens.
MOST_PASSAGES = 32


@dataclass(frozen=True)
class Splitting:
    """How a text becomes passages.

    Attributes
    ----------
    count_tokens : callable
        The decoder's own.
    longest : int
        Tokens that the decoder writes in one go: a longer text is a long one.
    most : int
        Tokens of a passage.
    """

    count_tokens: CountTokens
    longest: int
    most: int

    def passages(self, text: str) -> list[Passage]:
        """Return the passages of a text."""
        return split_into_passages(text, self.count_tokens, self.most)


class LongTexts:
    """The texts of long classes as passages.

    A class is long if half of its texts are longer than what the decoder writes in one go. Texts of other classes stay
    whole, and are read as far as the encoder reads. Unlabelled texts, which may be of a long class, are cut as well.

    Parameters
    ----------
    corpus : Corpus
    classes : set of label
        The long ones.
    splitting : Splitting

    Attributes
    ----------
    n_rows : int
        Of the array that :meth:`encode` makes.
    """

    def __init__(self, corpus: Corpus, classes: frozenset[Any], splitting: Splitting) -> None:
        self.classes, self.splitting = classes, splitting
        self.texts = corpus.all_texts
        self.passages = [
            splitting.passages(text) if label in classes else []
            for text, label in zip(corpus.texts, corpus.labels, strict=True)
        ]
        self.passages += [splitting.passages(text) for text in corpus.unlabelled.texts]
        self._starts = len(self.texts) + np.cumsum([0, *map(len, self.passages)])
        self.n_rows = int(self._starts[-1])

    def encode(self, encoder: Encoder, **options: Any) -> NDArray[np.float32]:
        """Return the vectors of all texts and, below them, of all passages; options as of :func:`encode_cached`.

        A text of several passages has the mean of their vectors, weighted by their lengths.
        """
        whole = np.array([not parts for parts in self.passages], dtype=bool)
        texts = [text for text, is_whole in zip(self.texts, whole, strict=True) if is_whole]
        parts = [passage.text for passages in self.passages for passage in passages]
        found = encode_cached(encoder, [*texts, *parts], **options)
        vectors = np.empty((self.n_rows, found.shape[1]), dtype=np.float32)
        vectors[: len(whole)][whole] = found[: len(texts)]
        vectors[len(whole) :] = found[len(texts) :]
        for row in np.flatnonzero(~whole).tolist():
            vectors[row] = mean_vector(vectors[self._rows_of(row)], self.passages[row])
        return vectors

    def reader(self, encoder: TextEncoder) -> TextEncoder:
        """Return an encoder that reads long texts whole, as :meth:`encode` does."""
        return WholeReader(encoder, self.splitting)

    def chains(
        self, vectors: NDArray[np.float32], group: MixPlan, writer: Writer, settings: Settings
    ) -> list[Chain | None]:
        """Return what each row of a group asks for passage by passage; None for rows of other classes.

        Parameters
        ----------
        vectors : ndarray of shape (n_rows, vector_dim)
            As :meth:`encode` made them.
        group : MixPlan
        writer : Writer
            Says how long a passage may become.
        settings : Settings
        """
        return [
            self._chain(vectors, group, row, writer, settings)
            if label in self.classes and group.parents[row, 0] != UNKNOWN
            else None
            for row, label in enumerate(group.labels)
        ]

    def _chain(
        self, vectors: NDArray[np.float32], group: MixPlan, row: int, writer: Writer, settings: Settings
    ) -> Chain:
        places = group.parents[row] != UNKNOWN
        parents, weights = group.parents[row][places].tolist(), group.weights[row][places]
        at_most = MOST_PASSAGES if settings.max_passages == "auto" else int(settings.max_passages)
        matches = match_passages([vectors[self._rows_of(parent)] for parent in parents], weights, at_most=at_most)
        asked = mix(vectors, self._starts[parents] + matches, np.tile(weights, (len(matches), 1)), kind=settings.mix)
        matched = [
            [self.passages[parent][place] for parent, place in zip(parents, match, strict=True)]
            for match in matches.tolist()
        ]
        lengths = np.array([max(passage.n_tokens for passage in some) for some in matched])
        heaviest = int(weights.argmax())
        return Chain(
            vectors=asked,
            examples=self._shown(group, row, parents, matched),
            limits=writer.bounds(lengths),
            leads=[some[heaviest].lead for some in matched],
            parents=matches.tolist(),
        )

    def _shown(self, group: MixPlan, row: int, parents: list[int], matched: list[list[Passage]]) -> list[list[str]]:
        """Return the passages that each prompt shows: of the texts shown, those that are mixed or at the same place.

        Of texts that are no parents the number of the new passage alone decides, so that rows which show the same
        texts have prompts that begin alike.
        """
        if group.examples is None:
            return [[] for _ in matched]
        shown = [text for text in group.examples[row].tolist() if text != UNKNOWN]
        return [
            [
                some[parents.index(text)].text if text in parents else self._passage_at(text, number).text
                for text in shown
            ]
            for number, some in enumerate(matched)
        ]

    def _passage_at(self, text: int, number: int) -> Passage:
        passages = self.passages[text]
        return passages[min(number, len(passages) - 1)]

    def _rows_of(self, text: int) -> slice:
        return slice(int(self._starts[text]), int(self._starts[text + 1]))


class WholeReader:
    """An encoder that reads long texts in passages and returns the mean of their vectors.

    Parameters
    ----------
    encoder : object
        Anything with ``encode(texts)``.
    splitting : Splitting
    """

    def __init__(self, encoder: TextEncoder, splitting: Splitting) -> None:
        self.encoder, self.splitting = encoder, splitting

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        """Return one vector per text: float32 of shape (n_texts, vector_dim)."""
        lengths = self.splitting.count_tokens(texts)
        split = [
            self.splitting.passages(text) if length > self.splitting.longest else [Passage(text, "", 1)]
            for text, length in zip(texts, lengths, strict=True)
        ]
        found = self.encoder.encode([passage.text for passages in split for passage in passages])
        ends = np.cumsum([len(passages) for passages in split])
        return np.stack(
            [
                mean_vector(found[end - len(passages) : end], passages)
                for end, passages in zip(ends.tolist(), split, strict=True)
            ]
        )


def find_long_texts(corpus: Corpus, encoder: Encoder, writer: Writer, settings: Settings) -> LongTexts | None:
    """Return the texts of the long classes as passages, or None where no class is long or texts are kept whole.

    They are where a passage at most is asked for, or a number of tokens, or privacy; where texts are dialogues or rows
    of several columns, which are of one piece; where a foreign over-sampler makes the vectors; and where the decoder
    counts no tokens.
    """
    is_of_one_piece = settings.turns or settings.record_columns is not None
    is_asked_whole = settings.max_passages == 1 or settings.privacy is not None or is_of_one_piece
    if is_asked_whole or not isinstance(settings.strategy, str) or writer.lengths is None:
        return None
    decoder = writer.decoder
    longest = math.ceil(decoder.max_new_tokens * MORE_THAN_TRAINED)
    classes = frozenset(
        label
        for label in dict.fromkeys(corpus.labels.tolist())
        if np.median(writer.lengths[corpus.labels == label]) > longest
    )
    if not classes:
        return None
    shown = EXAMPLE_TOKENS if examples_shown(settings, decoder) else decoder.max_new_tokens
    read = encoder.max_tokens or decoder.max_new_tokens
    # A passage is short enough to be written, shown in a prompt and encoded as a whole.
    most = min(decoder.max_new_tokens, shown, read)
    # The lengths were counted, so that the decoder does count tokens.
    count_tokens = cast("CountTokens", decoder.count_tokens)
    return LongTexts(corpus, classes, Splitting(count_tokens, longest, most))


def mean_vector(vectors: NDArray[np.float32], passages: Sequence[Passage]) -> NDArray[np.float32]:
    """Return the mean of passages' vectors, weighted by their lengths, as long as they are on average.

    Examples
    --------
    >>> vectors = np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32)
    >>> mean_vector(vectors, [Passage("a", "", 1), Passage("b", " ", 1)]).round(3).tolist()
    [0.7070000171661377, 0.7070000171661377]
    """
    n = len(passages)
    if n == 1:
        return vectors[0]
    weights = np.array([passage.n_tokens for passage in passages], dtype=np.float64)
    return mix(vectors, np.arange(n)[None], weights[None] / weights.sum(), kind="linear_renorm")[0]
