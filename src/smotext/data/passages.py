"""Long texts as passages: short enough to be encoded whole and written in one go, cut where sentences end."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smotext.utils.sentences import sentence_ends

CountTokens = Callable[[Sequence[str]], NDArray[np.int64]]

PARAGRAPH = "\n\n"
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n\s*")
_LINE_BREAK, _SPACE = re.compile(r"\n"), re.compile(r"\s")
# Texts are cut at the ends of sentences, else of lines, words and at last characters: levels 0 to 3.
_LAST_LEVEL = 3
# Characters of a piece, where a "word" is longer than a passage may be.
_CHARACTERS = 16

# Where a part of a text begins and ends.
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a text.

    Attributes
    ----------
    text : str
        Whole sentences, where the text has such.
    lead : str
        What stands before it: nothing before the first, a blank line where it begins a paragraph, else a space, or
        nothing in scripts without spaces.
    n_tokens : int
        Its length.
    """

    text: str
    lead: str
    n_tokens: int


def split_into_passages(text: str, count_tokens: CountTokens, most: int) -> list[Passage]:
    """Return the passages of a text, in order and of about one length.

    Sentences stay whole, unless one alone is longer than a passage may be: that one is cut at its line breaks, and if
    need be between words.

    Parameters
    ----------
    text : str
    count_tokens : callable
        ``count_tokens(texts)`` returns their lengths.
    most : int
        Tokens that a passage may have, 1 or more.

    Returns
    -------
    list of Passage
        None for a blank text.

    Examples
    --------
    >>> def count_words(texts):
    ...     return np.array([len(text.split()) for text in texts])
    >>> text = "We came. We saw it all.\\n\\nThen we left. Nobody minded."
    >>> [passage.text for passage in split_into_passages(text, count_words, most=6)]
    ['We came. We saw it all.', 'Then we left. Nobody minded.']
    """
    pieces = [*_pieces(text, (0, len(text)), count_tokens, most)]
    lengths = [n_tokens for _, n_tokens in pieces]
    passages: list[Passage] = []
    for run in _runs(lengths, most):
        start, stop = pieces[run.start][0][0], pieces[run.stop - 1][0][1]
        lead = _lead(text, start) if passages else ""
        passages.append(Passage(text[start:stop], lead, sum(lengths[run])))
    return passages


def _runs(lengths: Sequence[int], most: int) -> Iterator[slice]:
    """Yield runs of pieces, each of about one length and no longer than `most`, if its pieces are not.

    Examples
    --------
    >>> [(run.start, run.stop) for run in _runs([4, 4, 4, 4, 9], most=10)]
    [(0, 2), (2, 4), (4, 5)]
    """
    ends = np.cumsum(lengths)
    n_runs = -(-sum(lengths) // most)
    runs = [int((end - length / 2) * n_runs / ends[-1]) for end, length in zip(ends, lengths, strict=True)]
    start, n_tokens = 0, 0
    for place, length in enumerate(lengths):
        if place and (runs[place] != runs[place - 1] or n_tokens + length > most):
            yield slice(start, place)
            start, n_tokens = place, 0
        n_tokens += length
    if n_tokens:
        yield slice(start, len(lengths))


def _pieces(text: str, span: Span, count_tokens: CountTokens, most: int, level: int = 0) -> Iterator[tuple[Span, int]]:
    """Yield the sentences of a part of the text with their lengths; of those that are too long, their parts."""
    spans = _cut(text, span, level)
    if not spans:
        return
    for part, n_tokens in zip(spans, count_tokens([text[begin:end] for begin, end in spans]), strict=True):
        if n_tokens > most and level < _LAST_LEVEL:
            yield from _pieces(text, part, count_tokens, most, level + 1)
        else:
            yield part, max(1, int(n_tokens))


def _cut(text: str, span: Span, level: int) -> list[Span]:
    """Return the parts of a part: its sentences, its lines, its words, or runs of characters."""
    begin, end = span
    part = text[begin:end]
    if level == 0:
        places = sorted({*sentence_ends(part), *(match.start() for match in _BLANK_LINE.finditer(part))})
    elif level < _LAST_LEVEL:
        places = [match.start() for match in (_LINE_BREAK if level == 1 else _SPACE).finditer(part)]
    else:
        places = [*range(_CHARACTERS, len(part), _CHARACTERS)]
    found = []
    for start, stop in itertools.pairwise([0, *places, len(part)]):
        piece = part[start:stop]
        if piece.strip():
            found.append((begin + stop - len(piece.lstrip()), begin + start + len(piece.rstrip())))
    return found


def _lead(text: str, start: int) -> str:
    """Return what stands before a place of the text, as a blank line, a space or nothing."""
    before = text[:start]
    gap = before[len(before.rstrip()) :]
    if _BLANK_LINE.search(gap):
        return PARAGRAPH
    return " " if gap else ""
