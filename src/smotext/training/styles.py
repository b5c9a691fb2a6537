"""Ways of writing that a group of passages is given together, so that a bridge learns to follow its examples.

A corpus is written in few ways: full sentences, capitals, full stops. Users' texts are not. Passages of a group, those
that the prompt shows and those that are learned, are written anew in one way drawn for the group: what they say comes
from the vector, and how it is said can only be read off the examples.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

_SHORT = {
    "you": "u", "your": "ur", "are": "r", "please": "pls", "because": "bc", "and": "&", "thanks": "thx", "with": "w/",
    "people": "ppl", "really": "rly", "tomorrow": "tmrw", "tonight": "2nite", "for": "4", "to": "2", "see": "c",
    "okay": "k", "message": "msg", "before": "b4", "about": "abt", "great": "gr8", "love": "luv", "something": "smth",
}  # fmt: skip
_NAMES = (
    "alex sam kim_w jordan88 the_real_pat maria lee_b nora casey dev_ops jo tina_r mr_hill acme sunny city_news"
).split()
_TAGS = "fail news today help travel love monday weather work update sport food music life".split()
_LEADS = ("Q: ", "> ", "Re: ", "hi, ", "hello ", "Subject: ", "ok so ", "Hey! ", "well, ", "note: ", "* ", "um, ")
_TAILS = (" :)", " lol", " thx", " :(", " haha", " smh", " -- thanks", " (edited)", " ;-)", " please help", " asap")
_ENDS = ("", " .", " ?", "!", "!!", "...", " !", ";", "?!")

Change = Callable[[str], str]


def draw_style(rng: np.random.Generator) -> Change:
    """Return a function that writes a text in one way, drawn once; names and the like differ from text to text.

    Examples
    --------
    >>> style = draw_style(np.random.default_rng(3))
    >>> style("I will see you tomorrow.") != "I will see you tomorrow."
    True
    """
    makers = (_draw_words, _draw_case, _draw_end, _draw_lead, _draw_tail)
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
    style = draw_style(rng)
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


def _draw_lead(rng: np.random.Generator) -> Change:
    if rng.random() < 0.5:
        lead = str(rng.choice(_LEADS))
        return lambda text: lead + text
    return lambda text: f"@{rng.choice(_NAMES)} {text}"


def _draw_tail(rng: np.random.Generator) -> Change:
    kind = rng.integers(3)
    if kind == 0:
        tail = str(rng.choice(_TAILS))
        return lambda text: text + tail
    if kind == 1:
        return lambda text: f"{text} #{rng.choice(_TAGS)}"
    return lambda text: f"{text} http://t.co/{''.join(rng.choice(list('abcdefghkmnpqrstxyzABCDEFGHK23456789'), 8))}"
