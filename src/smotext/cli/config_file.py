"""Options from a file: each key is an option's name, and what stands on the command line counts more."""

from __future__ import annotations

import inspect
import json
import tomllib
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, get_args, get_origin

import typer

from smotext.errors import InputError, MissingFileError, unknown_name

# Options that the command line spells as one word, and how a file may spell their parts: numbers, lists, tables.
_JOINED = {"lam": ":", "shots": ",", "conditions": ",", "classifier": ","}
_NUMBERS = ("lam", "prompt", "max_new_tokens", "max_passages", "sampling_strategy", "per_class", "shots")
_TABLES = ("sampling_strategy", "per_class", "public_labels")


def config_parameter(options: Mapping[str, Any]) -> inspect.Parameter:
    """Return the parameter ``--config`` of a command.

    Parameters
    ----------
    options : mapping of str to type
        The command's options by name, with the types that their values have in Python.
    """

    def read(context: typer.Context, value: Path | None) -> Path | None:
        if value is not None:
            context.default_map = read_option_file(value, options)
        return value

    option = typer.Option(
        "--config",
        # Read before the options that it has values for.
        is_eager=True,
        callback=read,
        help="TOML or YAML file of options by name, such as k_neighbors; the command line counts more.",
    )
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Parameter("config", kind, default=None, annotation=Annotated[Path | None, option])


def read_option_file(path: Path, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the file's entries as the command line would spell them.

    Parameters
    ----------
    path : Path
    options : mapping of str to type
        As for :func:`config_parameter`.

    Raises
    ------
    InputError
        If the file cannot be read, a key is no option of the command, or a value is of another type.
    """
    given = {key.replace("-", "_"): value for key, value in read_entries(path).items()}
    for name in given:
        if name not in options:
            raise unknown_name(f"option in {path}:", name, options)
    return {name: _value(path, name, options[name], value) for name, value in given.items()}


def read_entries(path: Path) -> dict[str, Any]:
    """Return the entries of a TOML or YAML file.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "run.toml"
    >>> _ = path.write_text("k_neighbors = 3\\nlam = [0.2, 0.8]\\n")
    >>> read_entries(path)
    {'k_neighbors': 3, 'lam': [0.2, 0.8]}
    """
    parse = _PARSERS.get(path.suffix.lower())
    if parse is None:
        raise InputError(f"--config is {path}: expected a file that ends in {', '.join(_PARSERS)}")
    try:
        entries = parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MissingFileError(f"--config is {path}, which does not exist") from error
    except OSError as error:
        raise InputError(f"--config is {path}, which cannot be read: {error.strerror}") from error
    except ValueError as error:
        # This is also raised for what is no UTF-8.
        raise InputError(f"--config is {path}, which is malformed: {error}") from error
    if not isinstance(entries, dict) or not all(isinstance(key, str) for key in entries):
        raise InputError(f"--config is {path}: expected lines of option and value, such as k_neighbors = 3")
    return entries


def _parse_yaml(text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise ValueError(error) from error


_PARSERS: dict[str, Callable[[str], Any]] = {".toml": tomllib.loads, ".yaml": _parse_yaml, ".yml": _parse_yaml}


def _value(path: Path, name: str, kind: Any, value: Any) -> Any:
    """Return a value as the command line would spell it, or raise InputError if its type is another."""
    kinds = {one for one in (get_args(kind) if isinstance(kind, UnionType) else [kind]) if one is not type(None)}
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if bool in kinds:
        is_right, expected = isinstance(value, bool), "true or false"
    elif int in kinds:
        is_right, expected = is_number and isinstance(value, int), "a whole number"
    elif float in kinds:
        is_right, expected = is_number, "a number"
    elif choices := [word for one in kinds if get_origin(one) is Literal for word in get_args(one)]:
        is_right, expected = value in choices, f"one of {', '.join(choices)}"
    else:
        value = _spelt(name, value)
        is_right, expected = isinstance(value, str), _expected_words(name)
    if not is_right:
        raise InputError(f"{path}: {name} is {_told(value)}: expected {expected}")
    return value


def _spelt(name: str, value: Any) -> Any:
    if name in _NUMBERS and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if name in _JOINED and isinstance(value, list) and value and not any(isinstance(one, list | dict) for one in value):
        return _JOINED[name].join(map(str, value))
    if name in _TABLES and isinstance(value, Mapping):
        return json.dumps(dict(value))
    return value


def _expected_words(name: str) -> str:
    others = ["a number"] * (name in _NUMBERS) + ["a list"] * (name in _JOINED)
    others += ["a table of numbers"] * (name in _TABLES)
    return " or ".join(["a string", *others])


def _told(value: Any) -> str:
    """Return a value with its type as files call it.

    Examples
    --------
    >>> _told("five"), _told([1, 2]), _told(None)
    ("'five', a string", '[1, 2], a list', 'empty')
    """
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    kinds = {str: "string", int: "whole number", float: "number", list: "list", dict: "table", date: "date"}
    name = next((name for kind, name in kinds.items() if isinstance(value, kind)), type(value).__name__)
    return f"{value!r:.60}, a {name}"
