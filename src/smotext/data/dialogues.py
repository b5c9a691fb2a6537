"""Dialogues: texts of turns, each on a line of its own with its speaker in front, kept as such.

::

    Customer: Where is my parcel?
    Agent: It left Leipzig on Monday.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence

from smotext.errors import InputError

_TURN = re.compile(r"^[^\S\n]*([^\W\d_][^:\n]{0,29}?)[^\S\n]*:[^\S\n]+\S", re.MULTILINE)
_LEAST_TURNS = 2


def speakers_of(texts: Sequence[str]) -> list[str]:
    """Return the names that stand in front of turns, the most frequent first.

    A name counts where it begins lines of two texts, or of the only one, that have turns.

    Raises
    ------
    InputError
        If there is no dialogue of two turns or more.

    Examples
    --------
    >>> speakers_of(["A: Hello?\\nB: Yes: it is me.", "A: Bye.\\nB: Bye."])
    ['A', 'B']
    """
    found = [set(names) for text in texts if len(names := _TURN.findall(text)) >= _LEAST_TURNS]
    if not found:
        raise InputError(
            "turns is True, and no text has two lines that begin with a speaker, such as 'Agent: It left on Monday.': "
            "leave it out, or write the speakers so"
        )
    counts = Counter(name for names in found for name in sorted(names))
    return [name for name, n in counts.most_common() if n >= min(2, len(found))]


def joined_turns(text: str) -> str:
    """Return a text as it is read by a model whose texts end at a line's end.

    Examples
    --------
    >>> joined_turns("A: Hello?\\nB: Yes.")
    'A: Hello? B: Yes.'
    """
    return " ".join(text.split())


def in_turns(text: str, speakers: Collection[str]) -> str:
    """Return the text with each turn on a line of its own.

    Examples
    --------
    >>> in_turns("A: Hello? B: Yes, A: that is me.", ["A", "B"]).split("\\n")
    ['A: Hello?', 'B: Yes,', 'A: that is me.']
    """
    return _before(speakers).sub("\n", text.strip())


def is_dialogue(text: str, speakers: Collection[str]) -> bool:
    """Return True if a text begins with a speaker and has two turns or more, none of them without words.

    Examples
    --------
    >>> [is_dialogue(text, ["A", "B"]) for text in ("A: Hello? B: Yes.", "A: Hello?", "A: B: Yes.")]
    [True, False, False]
    """
    turns = in_turns(text, speakers).split("\n")
    turn = re.compile(rf"(?:{_either(speakers)}):\s+(?!(?:{_either(speakers)}):)\S", re.DOTALL)
    return len(turns) >= _LEAST_TURNS and all(turn.match(one) for one in turns)


def _before(speakers: Collection[str]) -> re.Pattern[str]:
    return re.compile(rf"\s+(?=(?:{_either(speakers)}):(?:\s|$))")


def _either(speakers: Collection[str]) -> str:
    return "|".join(sorted(map(re.escape, speakers), key=len, reverse=True))
