"""Messages in the words of the command line: the library names options as Python spells them."""

from __future__ import annotations

import re
from functools import partial

from smotext.errors import SmotextError

_SHORT = {"n": "-n"}


def spell_options(error: SmotextError) -> str:
    """Return the error's message with its options as they are typed.

    Examples
    --------
    >>> spell_options(SmotextError("out.csv exists: replace it with overwrite=True", options=["overwrite"]))
    'out.csv exists: replace it with --overwrite'
    >>> spell_options(SmotextError("max_tokens=30 is reached", options=["max_tokens"]))
    '--max-tokens 30 is reached'
    >>> spell_options(SmotextError("begin anew with resume='never'", options=["resume"]))
    'begin anew with --resume never'
    >>> spell_options(SmotextError("encoding is 'x': which encoding is it?", options=["encoding"]))
    "--encoding is 'x': which encoding is it?"
    """
    message = str(error)
    for name in error.options:
        message = re.sub(_forms_of(name), partial(_spelled, name), message)
    return message


def _forms_of(name: str) -> str:
    """Return a pattern of where a message means the option, and not the word: ``name=value``, or first of all."""
    value = r"=(?:'(?P<word>[^']*)'|(?P<plain>[\w.:-]*\w)|)"
    bare = rf"\b{name}\b" if "_" in name else rf"(?:^|(?<=leave )){name}\b"
    return rf"\b{name}{value}|{bare}"


def _spelled(name: str, match: re.Match[str]) -> str:
    option = _SHORT.get(name, f"--{name.replace('_', '-')}")
    value = match["word"] or match["plain"]
    return option if value in (None, "True") else f"{option} {value}"
