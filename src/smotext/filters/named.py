"""Filters by name, and the two ready-made sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from smotext.errors import InputError, unknown_name
from smotext.filters.copying import Copied
from smotext.filters.fluency import Gibberish, WordSalad
from smotext.filters.labels import OffLabel, SoftLabels
from smotext.filters.near_copies import Duplicate, NearCopy
from smotext.filters.nearness import OffTarget, OffTopic
from smotext.filters.protocol import Filter, PlainFilter
from smotext.filters.quality import CutOff, Empty, Repetitive, Short

# In the order they are asked: cheap and plain reasons first, `duplicate` last.
FILTERS: dict[str, Callable[[], Filter]] = {
    "empty": Empty,
    "short": Short,
    "cut_off": CutOff,
    "repetitive": Repetitive,
    "gibberish": Gibberish,
    "word_salad": WordSalad,
    "copied": Copied,
    "near_copy": NearCopy,
    "off_topic": OffTopic,
    "off_label": OffLabel,
    "off_target": OffTarget,
    "soft_labels": SoftLabels,
    "duplicate": Duplicate,
}
SETS = ("default", "strict")
# Not in the set "default": `off_topic` rejects 1 % of good texts and finds few faults that no other filter finds,
# and `soft_labels` rejects nothing.
_NOT_DEFAULT = ("off_topic", "soft_labels")


def default_filters() -> list[Filter]:
    """Return the filters of ``"default"``: together they lose under a tenth of good texts."""
    return [make() for name, make in FILTERS.items() if name not in _NOT_DEFAULT]


def strict_filters() -> list[Filter]:
    """Return the filters of ``"strict"``: bounds that about twice as many real texts miss, and `off_topic`."""
    return [
        Empty(),
        Short(share=0.01),
        CutOff(),
        Repetitive(share=0.01),
        Gibberish(share=0.01),
        WordSalad(share=0.03),
        Copied(share=0.02),
        NearCopy(share=0.02),
        OffTopic(share=0.005),
        OffLabel(share=0.1),
        OffTarget(share=0.05),
        Duplicate(share=0.02),
    ]


def resolve_filters(spec: Any) -> list[Filter]:
    """Return the filters that an option names.

    Parameters
    ----------
    spec : None, "default", "strict", or a sequence
        Of names, filters, and functions ``f(texts, labels)`` that return one bool per text. None is no filter.

    Raises
    ------
    InputError
        For an unknown name, or something that is no filter.

    Examples
    --------
    >>> [part.name for part in resolve_filters(["empty", lambda texts, labels: [True] * len(texts)])]
    ['empty', '<lambda>']
    """
    if spec is None:
        return []
    if isinstance(spec, str):
        if spec not in SETS:
            raise unknown_name("filters", spec, SETS)
        return default_filters() if spec == "default" else strict_filters()
    if not isinstance(spec, Sequence):
        raise InputError(f"filters is {spec!r}: expected None, 'default', 'strict' or a list of filters")
    return [_resolve(part) for part in spec]


def _resolve(part: Any) -> Filter:
    if isinstance(part, str):
        if part not in FILTERS:
            raise unknown_name("filter", part, FILTERS)
        return FILTERS[part]()
    if isinstance(part, type):
        raise InputError(f"filter {part.__name__} is a class: expected an object, such as {part.__name__}()")
    if isinstance(part, Filter):
        return part
    if callable(part):
        return PlainFilter(part)
    raise InputError(
        f"filter {part!r} is {type(part).__name__}: expected a name ({', '.join(FILTERS)}), a filter, or a function of "
        "texts and labels"
    )
