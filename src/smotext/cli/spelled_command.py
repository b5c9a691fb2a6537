"""A command as it would be typed again, with the options that are not the defaults."""

from __future__ import annotations

from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

from smotext.data.remote_tables import table_name

# Options of the machine, on which no text depends; a report tells them with the other options.
_NO_TEXTS = ("device", "dtype", "batch_size")


def spell_command(name: str, files: list[Path], *groups: Any) -> tuple[str, ...]:
    """Return the words of a command; files by their names, not their folders.

    Parameters
    ----------
    name : str
        Such as ``augment``.
    files : list of Path
        Its arguments.
    groups : dataclasses of options
        See :mod:`smotext.cli.options`.

    Examples
    --------
    >>> from smotext.cli.options import AmountOptions, MethodOptions
    >>> print(*spell_command("augment", [Path("/home/a.csv")], AmountOptions(n=9), MethodOptions(do_sample=False)))
    smotext augment a.csv -n 9 --greedy
    """
    words = ["smotext", name, *(table_name(file) for file in files)]
    for group in groups:
        hints = get_type_hints(type(group), include_extras=True)
        for field in fields(group):
            value = getattr(group, field.name)
            if value is None or value == field.default or field.default is MISSING or field.name in _NO_TEXTS:
                continue
            words += _spell(_names(field.name, hints[field.name]), value)
    return tuple(words)


def _names(name: str, hint: Any) -> list[str]:
    """Return an option's names as typer has them, that for True before that for False."""
    declared: list[Any] = []
    for part in get_args(hint)[1:]:
        # typer takes the first name for a default, as long as it is annotated.
        declared += [getattr(part, "default", None), *(getattr(part, "param_decls", None) or ())]
    named = [word for word in declared if isinstance(word, str) and word.startswith("-")]
    return named[0].split("/") if named else [f"--{name.replace('_', '-')}"]


def _spell(names: list[str], value: Any) -> list[str]:
    if value is True:
        return [names[0]]
    if value is False:
        return [names[-1]] if len(names) > 1 else []
    return [names[0], value.name if isinstance(value, Path) else str(value)]
