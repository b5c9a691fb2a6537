"""Ways of writing that a group of passages is given together, so that a bridge learns to follow its examples.

A corpus is written in few ways: full sentences, capitals, full stops. Users' texts are not. Passages of a group, those
that the prompt shows and those that are learned, are written anew in one way drawn for the group: what they say comes
from the vector, and how it is said can only be read off the examples.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

_SHORT = {
    "you": "u", "your": "ur", "are": "r", "please": "pls", "because": "bc", "and": "&", "thanks": "thx", "with": "w/",
    "people": "ppl", "really": "rly", "tomorrow": "tmrw", "tonight": "2nite", "for": "4", "to": "2", "see": "c",
    "okay": "k", "message": "msg", "before": "b4", "about": "abt", "great": "gr8", "love": "luv", "something": "smth",
}  # fmt: skip
# The most handles and tags that a group draws from.
_MOST_HANDLES, _MOST_TAGS = 3, 4
_LEADS = ("Q: ", "> ", "Re: ", "hi, ", "hello ", "Subject: ", "ok so ", "Hey! ", "well, ", "note: ", "* ", "um, ")
_TAILS = (" :)", " lol", " thx", " :(", " haha", " smh", " -- thanks", " (edited)", " ;-)", " please help", " asap")
_ENDS = ("", " .", " ?", "!", "!!", "...", " !", ";", "?!")

Change = Callable[[str], str]


def draw_style(rng: np.random.Generator, words: Sequence[str] = ("news",)) -> Change:
    """Return a function that writes a text in one way, drawn once.

    Handles and tags are made of words of the group, a few for all its texts: a bridge that writes others than its
    examples show would have learned a list of names by heart.

    Parameters
    ----------
    rng : Generator
    words : sequence of str
        What handles and tags are made of; at least one.

    Examples
    --------
    >>> style = draw_style(np.random.default_rng(3))
    >>> style("I will see you tomorrow.") != "I will see you tomorrow."
    True
    """
    makers: tuple[Callable[[np.random.Generator], Change], ...] = (
        _draw_words,
        _draw_case,
        _draw_end,
        partial(_draw_lead, words),
        partial(_draw_tail, words),
    )
    is_used = rng.random(len(makers)) < 0.45
    if not is_used.any():
        is_used[rng.integers(len(makers))] = True
    changes = [make(rng) for make, wanted in zip(makers, is_used, strict=True) if wanted]

    def write(text: str) -> str:
        for change in changes:
            text = change(text)
        return text

    return write


def restyled(texts: Sequence[str], rng: np.random.Generator) -> list[str]:
    """Return the texts of one group, all written in one way."""
    words = sorted({word for text in texts for word in re.findall(r"\b[A-Za-z]{4,10}\b", text)})
    style = draw_style(rng, words or ["news"])
    return [style(text) or text for text in texts]


def _draw_words(rng: np.random.Generator) -> Change:
    kind = rng.integers(3)
    if kind == 0:
        chosen = {word for word in _SHORT if rng.random() < 0.6}
        return lambda text: re.sub(
            r"\b[A-Za-z]+\b", lambda m: _SHORT[m[0].lower()] if m[0].lower() in chosen else m[0], text
        )
    if kind == 1:
        return lambda text: re.sub(r"['’,;:\"]", "", text)
    return lambda text: " ".join(_mistyped(word, rng) for word in text.split(" "))


def _mistyped(word: str, rng: np.random.Generator) -> str:
    """Return the word, or, one time in ten, with two letters swapped or one left out."""
    if len(word) < 4 or rng.random() > 0.1:
        return word
    place = int(rng.integers(1, len(word) - 2))
    if rng.random() < 0.5:
        return word[:place] + word[place + 1 :]
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]


def _draw_case(rng: np.random.Generator) -> Change:
    kind = rng.random()
    if kind < 0.75:
        return str.lower
    return str.upper if kind < 0.87 else str.title


def _draw_end(rng: np.random.Generator) -> Change:
    end = str(rng.choice(_ENDS))
    return lambda text: text.rstrip(" .?!\"')") + end


def _draw_lead(words: Sequence[str], rng: np.random.Generator) -> Change:
    if rng.random() < 0.5:
        lead = str(rng.choice(_LEADS))
        return lambda text: lead + text
    handles = _draw_names(words, rng, most=_MOST_HANDLES)
    return lambda text: f"@{rng.choice(handles)} {text}"


def _draw_tail(words: Sequence[str], rng: np.random.Generator) -> Change:
    kind = rng.integers(3)
    if kind == 0:
        tail = str(rng.choice(_TAILS))
        return lambda text: text + tail
    if kind == 1:
        tags = _draw_names(words, rng, most=_MOST_TAGS)
        return lambda text: f"{text} #{rng.choice(tags)}"
    return lambda text: f"{text} http://t.co/{''.join(rng.choice(list('abcdefghkmnpqrstxyzABCDEFGHK23456789'), 8))}"


def _draw_names(words: Sequence[str], rng: np.random.Generator, *, most: int) -> list[str]:
    """Return a few names of one word, of two, or of a word and a number."""
    return [_draw_name(words, rng) for _ in range(rng.integers(1, most + 1))]


def _draw_name(words: Sequence[str], rng: np.random.Generator) -> str:
    first, second = (str(word) for word in rng.choice(list(words), 2))
    name = (first, first + second.title(), f"{first}_{second}", f"{first}{rng.integers(1, 100)}")[rng.integers(4)]
    return (name.lower(), name[:1].upper() + name[1:])[rng.integers(2)]
