"""The options that hide rows, for the commands that write texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smotext.cli.options import json_numbers
from smotext.errors import InputError, unknown_name

if TYPE_CHECKING:
    from smotext.privacy.privacy_option import Privacy

_PANEL = "Privacy"
_TRUTHS = {"True": True, "true": True, "False": False, "false": False}


@dataclass(frozen=True)
class PrivacyOptions:
    """How rows are hidden among others: a :class:`smotext.privacy.Privacy`, which checks itself."""

    privacy: Annotated[
        str | None,
        typer.Option(
            help="average: from the means of groups, no guarantee. dp: from noisy means, with differential privacy.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    group_size: Annotated[int | None, typer.Option(help="Rows of a group.", rich_help_panel=_PANEL)] = None
    epsilon: Annotated[
        float | None,
        typer.Option(help="Of dp: how much a row can show at most; 1 is strong, 8 is weak.", rich_help_panel=_PANEL),
    ] = None
    delta: Annotated[
        float | None,
        typer.Option(
            help="Of dp: roughly the chance that a row shows more; 0.00001 unless given.", rich_help_panel=_PANEL
        ),
    ] = None
    public_labels: Annotated[
        str | None,
        typer.Option(
            help="Of dp: the classes and their rounded sizes as the public knows them, not counted from the file; JSON "
            'such as \'{"spam": 600, "ham": 600}\'.',
            rich_help_panel=_PANEL,
        ),
    ] = None
    rows_per_person: Annotated[
        int | None,
        typer.Option(help="Of dp: rows that one person may have in the file; 1 unless given.", rich_help_panel=_PANEL),
    ] = None


def parse_privacy_options(given: PrivacyOptions, labels: Sequence[Any]) -> Privacy | None:
    """Return what the options mean; None where rows are not to be hidden.

    Parameters
    ----------
    given : PrivacyOptions
    labels : sequence
        Of the file: public classes are of their type, since JSON's names are strings. Which labels there are is not
        looked at.

    Raises
    ------
    InputError
        If options are missing, malformed, or don't go together.

    Examples
    --------
    >>> options = PrivacyOptions("dp", group_size=10, epsilon=8, public_labels='{"1": 30}')
    >>> parse_privacy_options(options, [0, 1]).n_groups
    {1: 3}
    """
    from smotext.privacy.privacy_option import parse_privacy

    if given.privacy == "dp" and given.public_labels is None:
        raise InputError(
            "--public-labels is missing: --privacy dp expects the classes with their rounded sizes as the public knows "
            'them, such as \'{"spam": 600, "ham": 600}\'; counted from the file they would show how many rows it has'
        )
    if given.privacy != "dp" and given.public_labels is not None:
        raise InputError("--public-labels is given without --privacy dp: add it, or leave the labels out")
    public = None
    if given.public_labels is not None:
        public = {
            _as_label(name, labels): number
            for name, number in json_numbers("--public-labels", given.public_labels).items()
        }
    try:
        return parse_privacy(
            given.privacy,
            group_size=given.group_size,
            epsilon=given.epsilon,
            delta=given.delta,
            labels=public,
            rows_per_person=given.rows_per_person,
        )
    except InputError as error:
        raise type(error)(
            str(error), options=["privacy", "group_size", "epsilon", "delta", "rows_per_person"]
        ) from error


def _as_label(name: str, labels: Sequence[Any]) -> Any:
    """Return a class that JSON spells as a string, in the type of the file's labels."""
    kind: type = type(labels[0]) if len(labels) else str
    if kind is bool:
        if name not in _TRUTHS:
            raise unknown_name("public class", name, _TRUTHS)
        return _TRUTHS[name]
    if kind is int:
        try:
            return int(name)
        except ValueError:
            raise InputError(
                f"--public-labels names class {name!r}: expected whole numbers, as the file's labels are"
            ) from None
    return name
