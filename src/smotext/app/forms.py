"""The options of the method as the page asks for them: the library's names, words and defaults."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from smotext.errors import InputError
from smotext.sampler import SMOTExT

CHOICES: dict[str, tuple[str, ...]] = {
    "strategy": ("smote", "random", "borderline", "adasyn", "kmeans"),
    "mix": ("linear", "slerp", "linear_renorm"),
    "filters": ("none", "default", "strict"),
    "on_shortfall": ("fill", "report", "raise"),
    "privacy": ("none", "average", "dp"),
}


@dataclass(frozen=True)
class Option:
    """One option of the method.

    Attributes
    ----------
    name : str
        As in Python.
    kind : type
        bool, int, float or str.
    default : object
        None where it may be left empty.
    words : str
        What it means.
    """

    name: str
    kind: type
    default: Any
    words: str

    @property
    def choices(self) -> tuple[str, ...]:
        """The values that it may have, where they are few; else empty."""
        return CHOICES.get(self.name, ())

    def read(self, value: Any) -> Any:
        """Return what a field of the page holds as a value of the option's type.

        Raises
        ------
        InputError
            If it is none.

        Examples
        --------
        >>> Option("k_neighbors", int, 5, "").read(3.0), Option("examples", int, None, "").read(None)
        (3, None)
        """
        if value is None or (isinstance(value, str) and not value.strip()):
            return self.default
        try:
            if self.kind is int and float(value) != int(float(value)):
                raise ValueError
            return value if self.kind is bool else self.kind(value)
        except (TypeError, ValueError, OverflowError):
            what = {int: "a whole number", float: "a number"}.get(self.kind, "text")
            raise InputError(f"{self.name} is {value!r}: expected {what}") from None


@dataclass(frozen=True)
class Form:
    """The options, and what makes the method of their values.

    Attributes
    ----------
    options : sequence of Option
    make : callable
        ``make(values)`` returns the sampler of a dict of values.
    fixed : mapping
        Options that are not asked for, such as the model.
    hiding : sequence of Option
        Of how rows are hidden.
    hide : callable, optional
        ``hide(sampler, values, labels)`` has a sampler hide rows of these labels as the values say.
    """

    options: Sequence[Option]
    make: Callable[[dict[str, Any]], SMOTExT]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    hiding: Sequence[Option] = ()
    hide: Callable[[SMOTExT, dict[str, Any], Any], Any] | None = None

    def sampler(self, values: Mapping[str, Any], labels: Any = None) -> SMOTExT:
        """Return the method with the values of the page's fields; those that are missing have their defaults.

        Parameters
        ----------
        values : mapping
        labels : sequence, optional
            Of the rows that are to be hidden as `values` say; None: what is asked for is no file of texts.

        Raises
        ------
        InputError
            If a value cannot be used, or does not go with how rows are to be hidden.
        """
        made = self.make({**_read(self.options, values), **self.fixed})
        if labels is not None and self.hide is not None:
            self.hide(made, _read(self.hiding, values), labels)
        return made


def _read(options: Sequence[Option], values: Mapping[str, Any]) -> dict[str, Any]:
    return {option.name: option.read(values.get(option.name)) for option in options}
