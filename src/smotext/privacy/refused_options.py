"""What does not go with ``privacy=``: each option by its name, with the reason and what to do instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from smotext.errors import InputError
from smotext.privacy.privacy_option import BY_AUDIT, Privacy


@dataclass(frozen=True)
class Rule:
    """One option that is refused.

    Attributes
    ----------
    name : str
        The option's name in Python.
    is_refused : callable
        Of its value.
    reason, instead : str
    kinds : tuple of str
        The kinds of privacy that it does not go with.
    is_told : bool
        Whether the value is told: texts are not.
    """

    name: str
    is_refused: Callable[[Any], bool]
    reason: str
    instead: str
    kinds: tuple[str, ...] = ("dp",)
    is_told: bool = True


def _reads_real_rows(filters: Any) -> bool:
    """Return whether any filter is fitted on real rows; plain functions of texts and labels are not."""
    if filters is None:
        return False
    if isinstance(filters, str) or not isinstance(filters, list | tuple):
        return True
    return any(isinstance(one, str) or hasattr(one, "fit") or not callable(one) for one in filters)


_GROUPS = "each row has to draw its group by itself, and this looks at other rows"
RULES = (
    Rule("strategy", lambda value: value == "smote", f"neighbours: {_GROUPS}", "strategy='random', of centres"),
    Rule("strategy", lambda value: value == "borderline", f"borderline: {_GROUPS}", "strategy='random'"),
    Rule("strategy", lambda value: value == "adasyn", f"adasyn: {_GROUPS}", "strategy='random'"),
    Rule("strategy", lambda value: value == "kmeans", f"k-means: {_GROUPS}", "strategy='random'"),
    Rule(
        "strategy",
        lambda value: not isinstance(value, str),
        "a foreign sampler reads all vectors, and nobody bounds what one of them does",
        "strategy='random'",
    ),
    Rule(
        "n",
        lambda value: not isinstance(value, Mapping),
        "a number that is split by class counts, or totals to be reached, shows the counts",
        "a mapping of public numbers, n={'spam': 300, 'ham': 300}",
    ),
    Rule(
        "max_new_tokens",
        lambda value: value == "auto",
        "lengths drawn from parents' lengths are lengths of real rows",
        "a number of tokens",
    ),
    Rule(
        "filters",
        _reads_real_rows,
        "filters, judges and copy guards compare with real rows, and what they let through depends on these",
        "None, or functions of texts and labels",
    ),
    Rule(
        "examples",
        bool,
        "examples from real rows stand in the prompt and are copied from",
        "0, or give public_examples",
        kinds=("dp", "average"),
    ),
    Rule(
        "mix",
        lambda value: value == "slerp",
        "slerp joins two vectors, not a group",
        "mix='linear'",
        kinds=("average",),
    ),
    Rule("is_adapted", bool, "an adapted bridge was trained on the data without noise", "the bridge as it was shipped"),
    Rule("is_tuned", bool, "an encoder tuned on the data was trained on it without noise", "a public encoder"),
    Rule(
        "vector_norm",
        lambda value: value == "raw",
        "rows' vectors are shortened to length 1, and this bridge reads meaning in their length",
        "a bridge that takes vectors of length 1, such as 'tiny'",
    ),
    Rule(
        "hide_values",
        bool,
        "made-up values have the form of real ones",
        "hide_values=False",
        kinds=("dp", "average"),
    ),
    Rule(
        "record_columns",
        lambda value: value is not None,
        "the columns' form is read in real rows",
        "one text column",
        kinds=("dp", "average"),
    ),
    Rule(
        "unlabelled",
        lambda value: value is not None,
        "unlabelled texts are real ones that no noise and no mean hides: they stand in the prompt, and what is "
        "written is compared with them",
        "none of them",
        kinds=("dp", "average"),
        is_told=False,
    ),
    Rule("turns", bool, "the names of speakers are read in real rows", "turns=False", kinds=("dp", "average")),
    Rule("lineage", bool, "lineage tells what came from what; beside the texts it is a second release", "no lineage"),
    Rule("by_audit", bool, BY_AUDIT, "numbers of your own"),
)
# Public examples take the place of real ones, and then their number may be given, but for none.
_NONE_SHOWN = Rule(
    "examples",
    lambda value: value == 0,
    "public_examples is given, and prompts would show none of them",
    "1 or more",
    kinds=("dp", "average"),
)


def refusals(privacy: Privacy | None, options: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each option that does not go with this kind of privacy, of those that are given.

    Parameters
    ----------
    privacy : Privacy or None
    options : mapping
        ``strategy``, ``n``, ``max_new_tokens``, ``filters``, ``examples``, ``unlabelled`` and ``mix`` as
        :class:`smotext.SMOTExT` takes them, and ``is_adapted``, ``is_tuned``, ``lineage``, ``by_audit``: whether the
        bridge was adapted to, or the encoder tuned on, the data, lineage is written, or a knob was chosen by an audit
        of the same rows; and ``vector_norm`` of the bridge.

    Examples
    --------
    >>> print(refusals(Privacy("average", group_size=5), {"examples": 4, "strategy": "smote"})[0])
    examples=4: examples from real rows stand in the prompt and are copied from: use 0, or give public_examples
    """
    if privacy is None:
        return []
    rules: tuple[Rule, ...] = RULES
    if privacy.public_examples is not None:
        rules = (*(rule for rule in RULES if rule.name != "examples"), _NONE_SHOWN)
    return [
        f"{rule.name}{f'={options[rule.name]!r:.60}' if rule.is_told else ''}: {rule.reason}: use {rule.instead}"
        for rule in rules
        if privacy.kind in rule.kinds and rule.name in options and rule.is_refused(options[rule.name])
    ]


def model_facts(encoder: Any, decoder: Any) -> dict[str, Any]:
    """Return what the rules ask of loaded models: ``is_adapted`` and ``vector_norm`` of a bridge, and ``is_tuned``.

    A bridge says so itself. Of a caller's own encoder nobody knows what it was trained on: it may have an attribute
    ``is_tuned``, and counts as public where it has none.
    """
    spec = getattr(decoder, "spec", None)
    return {
        "is_adapted": getattr(spec, "is_adapted", False),
        "vector_norm": getattr(spec, "vector_norm", None),
        "is_tuned": bool(getattr(encoder, "is_tuned", False)),
    }


def check_allowed(privacy: Privacy | None, options: Mapping[str, Any]) -> None:
    """Raise InputError, before any model runs, that names every option which does not go with this kind of privacy."""
    assert privacy is None or isinstance(privacy, Privacy)
    if found := refusals(privacy, options):
        assert privacy is not None
        raise InputError(
            f"privacy={privacy.kind!r} does not go with " + "; ".join(found),
            options=["privacy", *dict.fromkeys(rule.name for rule in RULES if rule.name != "n")],
        )
