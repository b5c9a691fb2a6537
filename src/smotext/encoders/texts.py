"""The check that every encoder makes of its input."""

from __future__ import annotations

from collections.abc import Iterable

from smotext.errors import InputError


def as_texts(texts: Iterable[str]) -> list[str]:
    """Return `texts` as a list, or raise InputError for one string or an entry that is none.

    Examples
    --------
    >>> as_texts(("a", "b"))
    ['a', 'b']
    >>> as_texts(["a", None])
    Traceback (most recent call last):
        ...
    smotext.errors.InputError: texts[1] is None (NoneType): expected a string
    """
    if isinstance(texts, str | bytes):
        raise InputError(f"texts is one {type(texts).__name__}: expected a list of strings, such as [text]")
    found = list(texts)
    for position, text in enumerate(found):
        if not isinstance(text, str):
            raise InputError(f"texts[{position}] is {text!r} ({type(text).__name__}): expected a string")
    return found
