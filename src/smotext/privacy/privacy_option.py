"""What ``privacy=`` can be: nothing, averaging, or differential privacy."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, TypeGuard

from smotext.errors import InputError, unknown_name
from smotext.privacy.public_examples import PublicExamples

KINDS = ("average", "dp")
DELTA = 1e-5
BY_AUDIT = (
    "choosing it by an audit of the same data spends privacy that nobody counts: decide beforehand, from what is public"
)


@dataclass(frozen=True)
class Privacy:
    """How rows are hidden among others, checked.

    .. versionadded:: 0.1.0

    Attributes
    ----------
    kind : {"average", "dp"}
        ``"average"``: each text comes from the equal-weight mean of a random group of its class; no guarantee.
        ``"dp"``: from noisy group means, released once, with (epsilon, delta)-differential privacy.
    group_size : int, optional
        Rows of a group. For averaging, at least so many, 2 or more. For dp, a class with `rows` public rows is dealt
        into ``rows // group_size`` groups; None is one group a class.
    epsilon, delta : float
        For dp alone.
    labels : tuple of (label, int or None)
        For dp alone, and public: the classes, with how many rows each has as far as the public knows, rounded. Rows of
        other classes take no part. Given as a mapping, or, where `group_size` is None, as labels alone.
    rows_per_person : int
        Rows that one person may have. The guarantee is about persons.
    is_replacing : bool
        Whether it is about one row being another (twice the noise) instead of one row being there or not.
    public_examples : PublicExamples or None
        Texts that prompts show in place of real ones, for register and form. Given as a sequence of texts, which all
        classes show, or as a mapping of each class to its texts. That they are public, and no row's, is your claim:
        what they say may come back word for word.

    Raises
    ------
    InputError
        If an option is missing, out of range, or belongs to the other kind.

    See Also
    --------
    audit : Measures what texts give away.

    Examples
    --------
    >>> Privacy("dp", epsilon=8, group_size=50, labels={"spam": 600, "ham": 600}).n_groups
    {'spam': 12, 'ham': 12}
    >>> Privacy("dp", epsilon=1, labels=["spam", "ham"]).n_groups
    {'spam': 1, 'ham': 1}
    """

    kind: str
    group_size: int | None = None
    epsilon: float | None = None
    delta: float = DELTA
    labels: Any = None
    rows_per_person: int = 1
    is_replacing: bool = False
    public_examples: Any = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown_name("privacy", self.kind, KINDS)
        if self.group_size is not None:
            _check_decided("group_size", self.group_size, Integral)
            least = 2 if self.kind == "average" else 1
            if self.group_size < least:
                raise InputError(f"group_size is {self.group_size}: expected an integer of {least} or more")
        if self.public_examples is not None:
            object.__setattr__(self, "public_examples", PublicExamples.of(self.public_examples))
        if self.kind == "dp":
            self._check_dp()
        elif self.group_size is None:
            raise InputError("privacy='average' needs group_size: how many rows are averaged, 2 or more")
        elif self.epsilon is not None or self.labels is not None:
            raise InputError("epsilon and labels go with privacy='dp': averaging guarantees nothing; leave them out")

    def _check_dp(self) -> None:
        if self.epsilon is None:
            raise InputError("privacy='dp' needs epsilon: how much any row may show; 1 is strong, 8 is weak")
        _check_decided("epsilon", self.epsilon, Real)
        if not 0 < self.epsilon < math.inf:
            raise InputError(f"epsilon is {self.epsilon!r}: expected a number above 0")
        if not isinstance(self.rows_per_person, Integral) or self.rows_per_person < 1:
            raise InputError(f"rows_per_person is {self.rows_per_person!r}: expected an integer of 1 or more")
        object.__setattr__(self, "labels", _public_labels(self.labels, self.group_size))
        n_public = sum(rows or 0 for _, rows in self.labels)
        most = 1 / max(n_public, 1)
        if not isinstance(self.delta, Real) or not 0 < self.delta < most:
            raise InputError(
                f"delta is {self.delta!r}: expected a number above 0 and far below 1 / rows ({most:.2g} here): it is "
                "the chance that the guarantee does not hold"
            )

    @property
    def n_groups(self) -> dict[Any, int]:
        """Groups of each public class; of dp alone."""
        size = self.group_size
        return {label: max(1, rows // size) if rows and size else 1 for label, rows in self.labels}

    @property
    def sensitivity(self) -> float:
        """How far the stacked group sums move, in length, with one person's rows."""
        return float(self.rows_per_person * (2 if self.is_replacing else 1))

    @property
    def unit(self) -> str:
        """What the guarantee is about, in words."""
        rows = "one row" if self.rows_per_person == 1 else f"one person's rows, {self.rows_per_person} at most,"
        return f"{rows} {'replaced by others' if self.is_replacing else 'added or removed'}"


def parse_privacy(privacy: Any, **options: Any) -> Privacy | None:
    """Return what ``privacy=`` and the options beside it mean; None is no privacy.

    Parameters
    ----------
    privacy : None, "average", "dp" or Privacy
    **options
        ``group_size``, ``epsilon``, ``delta``, ``labels``, ``rows_per_person``, ``is_replacing``, ``public_examples``;
        None is not given.

    Raises
    ------
    InputError
        If options are given with nothing to apply to, or do not fit together.

    Examples
    --------
    >>> parse_privacy("average", group_size=5, epsilon=None) == Privacy("average", group_size=5)
    True
    """
    given = {name: value for name, value in options.items() if value is not None}
    if privacy is None or isinstance(privacy, Privacy):
        if given:
            raise InputError(f"{', '.join(given)} go with privacy='average' or 'dp': privacy is {privacy!r}")
        return privacy
    if not isinstance(privacy, str):
        raise InputError(f"privacy is {privacy!r}: expected None, 'average', 'dp' or smotext.privacy.Privacy(...)")
    return Privacy(privacy, **given)


def is_noisy(privacy: Privacy | None) -> TypeGuard[Privacy]:
    """Return whether nothing but noisy sums of real rows may be read: differential privacy."""
    return privacy is not None and privacy.kind == "dp"


def _check_decided(name: str, value: Any, kind: type) -> None:
    if isinstance(value, bool) or not isinstance(value, kind):
        raise InputError(f"{name} is {value!r:.60}: expected a number; {BY_AUDIT}")


def _public_labels(labels: Any, group_size: int | None) -> tuple[tuple[Any, int | None], ...]:
    """Return the public classes with their public sizes."""
    if labels is None or isinstance(labels, str) or not isinstance(labels, Iterable):
        raise InputError(
            "privacy='dp' needs labels, the classes as the public knows them, such as {'spam': 600, 'ham': 600} with "
            "rounded sizes: reading them from the data would show which classes it has"
        )
    items = tuple(labels.items()) if isinstance(labels, Mapping) else tuple(labels)
    if not isinstance(labels, Mapping):
        is_checked = all(isinstance(item, tuple) and len(item) == 2 for item in items)
        if not is_checked and group_size is not None:
            raise InputError(
                f"group_size is {group_size} and labels has no sizes: expected a mapping to public, rounded numbers of "
                "rows, from which the number of groups follows; the true counts are secret"
            )
        items = items if is_checked else tuple((label, None) for label in items)
    if not items:
        raise InputError("labels is empty: expected the public classes")
    for label, rows in items:
        if rows is not None and (not isinstance(rows, Integral) or isinstance(rows, bool) or rows < 1):
            raise InputError(f"labels[{label!r}] is {rows!r}: expected a public number of rows, 1 or more")
    return items
