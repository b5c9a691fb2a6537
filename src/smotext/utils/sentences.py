"""Where sentences end, in scripts with and without spaces."""

from __future__ import annotations

import re
from collections.abc import Sequence

_CLOSERS = """"'”’»」』）)]"""
_CLOSING = f"[{re.escape(_CLOSERS)}]*"
# Ends of sentences in Latin, Arabic, Urdu, Hindi, Ethiopic and Armenian script; a space follows.
_STOPS = ".!?…؟۔।॥።։"
# Ends of sentences in Chinese and Japanese, with no space after them.
_FULL_STOPS = "。！？｡"
_SENTENCE_END = re.compile(rf"[{_STOPS}]{_CLOSING}(?=\s|$)|[{_FULL_STOPS}]{_CLOSING}")


def sentence_ends(text: str) -> list[int]:
    """Return the places after each sentence's last character.

    Examples
    --------
    >>> sentence_ends("It cost 3.50. Too much!")
    [13, 23]
    """
    return [match.end() for match in _SENTENCE_END.finditer(text)]


def join_sentences(sentences: Sequence[str]) -> str:
    """Return sentences as one text: with a space between them, but after the full stops that have none.

    Examples
    --------
    >>> join_sentences(["It rained.", "We left."]), join_sentences(["他来了。", "他看见了。"])
    ('It rained. We left.', '他来了。他看见了。')
    """
    joined = ""
    for sentence in filter(None, sentences):
        is_close = joined.rstrip(_CLOSERS).endswith(tuple(_FULL_STOPS))
        joined += sentence if is_close or not joined else f" {sentence}"
    return joined


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
    ends = sentence_ends(text)
    return text[: ends[-1]] if ends else text


def ends_sentence(text: str) -> bool:
    """Return True if the text's last characters end a sentence.

    Examples
    --------
    >>> ends_sentence('He said "no."'), ends_sentence("and then he")
    (True, False)
    """
    text = text.rstrip()
    return bool(text) and len(text) in sentence_ends(text)
