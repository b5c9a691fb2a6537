"""Surrogates: numbers, dates and identifiers of real texts, replaced by made-up ones of the same form.

They say who somebody is and seldom what a text is about. The encoder and the prompts then see texts that read like the
real ones, with values that are nobody's ("hiding in plain sight", Carrell et al., JAMIA 2013). Placeholders such as
[DATE] would be read as words, and a small language model would write some of its own. Names of people and places stay:
this is no anonymisation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from smotext.utils.seeding import generator

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_MONTH = rf"(?:{'|'.join(_MONTHS)}|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.?)"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?(?!\w)"
_YEAR = r"(?:,?\s\d{4}(?!\d))?"
_NUMERIC = "|".join(rf"\d{{1,2}}{mark}\d{{1,2}}{mark}(?:\d{{4}}|\d\d)(?!\d|\.\d)" for mark in (r"\.", "/", "-"))

# In the order in which they are tried at each place.
_PATTERNS = {
    "EMAIL": r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
    "URL": r"(?:https?://|www\.)[^\s<>\"']*[^\s<>\"'.,;:!?)\]]",
    "DATE": rf"\d{{4}}-\d\d-\d\d|{_NUMERIC}|{_MONTH}\s{_DAY}{_YEAR}|{_DAY}\s{_MONTH}{_YEAR}|{_MONTH}\s\d{{4}}(?!\d)",
    "TIME": r"\d{1,2}:\d{2}(?::\d{2})?(?:\s?[aApP]\.?[mM]\b\.?)?",
    "ID": r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"  # UUID
    r"|\+?\d[\d ()/-]{7,}\d"  # telephone, account
    r"|\d+(?:\.\d+){2,}"  # address of a computer, version
    r"|#?[A-Z]{1,6}-?\d{2,}[A-Za-z0-9-]*|\d{3,}-?[A-Z][A-Za-z0-9-]*"  # order, flight, ticket
    r"|\d{6,}",
    "NUMBER": r"\d++(?:[.,]\d++)*+(?!(?:st|nd|rd|th)\b)",
}
SURROGATE_KINDS = tuple(_PATTERNS)
_FOUND = re.compile("|".join(f"(?P<{kind}>(?<![A-Za-z0-9])(?:{pattern}))" for kind, pattern in _PATTERNS.items()))
_TRIES = 20  # until a value is nobody's
_PEOPLE = ("alex", "chris", "dana", "jamie", "kim", "lee", "maria", "noah", "pat", "robin", "sam", "taylor")


def values_in(text: str) -> list[tuple[str, str]]:
    """Return what is replaced in a text: kind and value, in order.

    Examples
    --------
    >>> values_in("Order AB-1234 of 3 lamps, due 2021-03-14 at 9:30 am, version 0.0.0.16")
    [('ID', 'AB-1234'), ('NUMBER', '3'), ('DATE', '2021-03-14'), ('TIME', '9:30 am'), ('ID', '0.0.0.16')]
    """
    return [(_kind(match), match[0]) for match in _FOUND.finditer(text)]


def with_surrogates(texts: Sequence[str], *, seed: int) -> list[str]:
    """Return the texts with other values of the same form.

    A value is replaced by the same one wherever it stands. Numbers keep their number of digits, dates their year and
    spelling, identifiers the letters in front; mail addresses and links lie in a domain that is reserved for examples.
    An identifier is none of the real ones; a small number, or a date, may meet one.

    Parameters
    ----------
    texts : sequence of str
    seed : int
        The run's root seed. Whoever knows it can try real values until one gives the made-up one: keep it to yourself.

    Examples
    --------
    >>> made = with_surrogates(["Order AB-1234 is 3 days late", "I wait for AB-1234"], seed=0)
    >>> bool(re.fullmatch(r"Order AB-[0-9]{4} is [1-9] days late", made[0])), "AB-1234" in made[0]
    (True, False)
    >>> made[0][6:13] == made[1][-7:]
    True
    """
    real = {value for text in texts for _, value in values_in(text)}

    def replaced(match: re.Match[str]) -> str:
        return surrogate(_kind(match), match[0], seed=seed, taken=real)

    return [_FOUND.sub(replaced, text) for text in texts]


def surrogate(kind: str, value: str, *, seed: int, taken: set[str] | frozenset[str] = frozenset()) -> str:
    """Return a value of the same kind and form; an identifier, mail address or link that is none of `taken`."""
    rng = generator(seed, "surrogates", value)
    made = _VARY[kind](value, rng)
    for _ in range(_TRIES if kind in ("ID", "EMAIL", "URL") else 0):
        if made not in taken:
            break
        made = _VARY[kind](value, rng)
    return made


def _kind(match: re.Match[str]) -> str:
    return next(kind for kind in _PATTERNS if match[kind] is not None)


def _email(form: str, rng: np.random.Generator) -> str:
    return f"{_PEOPLE[rng.integers(len(_PEOPLE))]}{rng.integers(10, 100)}@example.com"


def _url(form: str, rng: np.random.Generator) -> str:
    return f"https://www.example.com/{rng.integers(100, 1000)}"


def _number(form: str, rng: np.random.Generator) -> str:
    """Return a number of as many digits, which does not begin with a zero unless the form does."""
    made = _digits(form, rng)
    return str(rng.integers(1, 10)) + made[1:] if form[0] != "0" else form[0] + made[1:]


def _digits(form: str, rng: np.random.Generator) -> str:
    return re.sub(r"\d", lambda _: str(rng.integers(10)), form)


def _identifier(form: str, rng: np.random.Generator) -> str:
    """Return an identifier of the same form: letters before the first digit stay, digits and later letters do not."""
    if re.fullmatch(r"[0-9a-fA-F-]{36}", form):
        return re.sub(r"[0-9a-fA-F]", lambda _: f"{rng.integers(16):x}", form)
    if re.fullmatch(r"\d+(\.\d+)+", form):
        return ".".join(str(rng.integers(10 ** len(part) if len(part) < 3 else 256)) for part in form.split("."))
    start = re.search(r"\d", form)
    head, rest = (form[: start.start()], form[start.start() :]) if start else (form, "")

    def letter(match: re.Match[str]) -> str:
        return chr(ord("A" if match[0].isupper() else "a") + int(rng.integers(26)))

    return head + re.sub(r"[A-Za-z]", letter, _digits(rest, rng))


def _time(form: str, rng: np.random.Generator) -> str:
    hour, rest = form.split(":", 1)
    most = 24 if int(hour) > 12 else 12
    made = rng.integers(13, most) if most == 24 else rng.integers(1, 13)
    minutes = re.sub(r"\d{2}", lambda _: f"{rng.integers(12) * 5:02d}", rest)
    return f"{made:0{len(hour)}d}:{minutes}"


def _date(form: str, rng: np.random.Generator) -> str:
    """Return another day in the same spelling and year; where day and month may be either, both are at most 12."""
    named = re.search(r"[A-Za-z]{3,}", form)
    if named is None:
        is_iso = re.fullmatch(r"\d{4}-\d{2}-\d{2}", form) is not None
        parts = re.split(r"([./-])", form)
        for place in (2, 4) if is_iso else (0, 2):
            parts[place] = f"{rng.integers(1, 13):0{len(parts[place])}d}"
        return "".join(parts)
    month = _MONTHS[rng.integers(12)]
    name = month if named[0] in _MONTHS and named[0] != "May" else month[:3]
    made = form[: named.start()] + name + form[named.end() :]

    def day(_: re.Match[str]) -> str:
        number = int(rng.integers(4, 21))  # whose ordinal ends in "th"
        return f"{number}th" if _[1] else str(number)

    return re.sub(r"(?<!\d)\d{1,2}(st|nd|rd|th)?(?!\d)", day, made)


_VARY: dict[str, Callable[[str, np.random.Generator], str]] = {
    "EMAIL": _email,
    "URL": _url,
    "DATE": _date,
    "TIME": _time,
    "ID": _identifier,
    "NUMBER": _number,
}
