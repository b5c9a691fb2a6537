"""Groups of options that several commands share, and how their values are spelt on the command line."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer

from smotext.cli.config_file import config_parameter
from smotext.errors import InputError, unknown_name
from smotext.settings import declared_options

_HOW_MANY = "How many"
# Options that are a word or a number; the command line takes them as words.
_SPELLED_OUT = ("prompt", "max_new_tokens")


Separator = Annotated[
    str | None, typer.Option(help="Between cells of a CSV file, such as ';' or tab; seen unless given.")
]
Encoding = Annotated[
    str | None, typer.Option(help="Of a text file, such as windows-1252; UTF-8 or by its mark unless given.")
]


@dataclass(frozen=True)
class ColumnOptions:
    """Which columns hold the texts and the classes, and how the file is written."""

    text_column: Annotated[str, typer.Option(help="Column of the texts.")] = "text"
    label_column: Annotated[str, typer.Option(help="Column of the classes.")] = "label"
    separator: Separator = None
    encoding: Encoding = None


@dataclass(frozen=True)
class AmountOptions:
    """How many synthetic rows of which class; at most one of the three is given."""

    sampling_strategy: Annotated[
        str | None,
        typer.Option(
            help="Final totals, as in imbalanced-learn: auto, minority, 'not majority', all, a ratio such as 0.5, "
            "or JSON such as '{\"spam\": 300}'. Default: auto.",
            rich_help_panel=_HOW_MANY,
        ),
    ] = None
    n: Annotated[
        int | None,
        typer.Option("-n", "--n", help="New rows, split over the classes by their size.", rich_help_panel=_HOW_MANY),
    ] = None
    per_class: Annotated[
        str | None,
        typer.Option(
            help="New rows for each class: a number, or JSON such as '{\"spam\": 300}'.", rich_help_panel=_HOW_MANY
        ),
    ] = None


_DECLARED = declared_options()


def _option(name: str, *spellings: str) -> Any:
    """Return an option of the command line, with the help and in the group that the method declares for it."""
    declared = _DECLARED[name].metadata
    return typer.Option(*spellings, help=declared["help"], rich_help_panel=declared["group"] or None)


def _default(name: str) -> Any:
    """Return the default that the method declares, as it would be typed.

    Examples
    --------
    >>> _default("lam"), _default("prompt"), _default("top_p"), _default("examples")
    ('0:1', '0', 0.95, None)
    """
    value = _DECLARED[name].default
    if isinstance(value, tuple):
        return ":".join(f"{part:g}" for part in value)
    return str(value) if name in _SPELLED_OUT else value


@dataclass(frozen=True)
class RowOptions:
    """What a row is, where it is more than a text and its class: what only files that are augmented may be."""

    record_columns: Annotated[str | None, _option("record_columns")] = _default("record_columns")
    label_separator: Annotated[
        str | None,
        typer.Option(help="Texts have several labels, with this between them in their cell, such as ';'."),
    ] = None
    labelset_strategy: Annotated[str, _option("labelset_strategy")] = _default("labelset_strategy")


@dataclass(frozen=True)
class MethodOptions:
    """Every option of the method, by its name in Python; the types are those of what is typed."""

    model: Annotated[str, _option("model")] = _default("model")
    strategy: Annotated[str, _option("strategy")] = _default("strategy")
    k_neighbors: Annotated[int, _option("k_neighbors")] = _default("k_neighbors")
    mix: Annotated[str, _option("mix")] = _default("mix")
    n_parents: Annotated[int, _option("n_parents")] = _default("n_parents")
    lam: Annotated[str, _option("lam")] = _default("lam")
    examples: Annotated[int | None, _option("examples")] = _default("examples")
    hide_values: Annotated[bool, _option("hide_values", "--hide-values")] = _default("hide_values")
    turns: Annotated[bool, _option("turns", "--turns")] = _default("turns")
    candidates: Annotated[int, _option("candidates")] = _default("candidates")
    prompt: Annotated[str, _option("prompt")] = _default("prompt")
    max_new_tokens: Annotated[str, _option("max_new_tokens")] = _default("max_new_tokens")
    max_passages: Annotated[str, _option("max_passages")] = _default("max_passages")
    do_sample: Annotated[bool, _option("do_sample", "--do-sample/--greedy")] = _default("do_sample")
    temperature: Annotated[float, _option("temperature")] = _default("temperature")
    top_p: Annotated[float, _option("top_p")] = _default("top_p")
    top_k: Annotated[int, _option("top_k")] = _default("top_k")
    repetition_penalty: Annotated[float, _option("repetition_penalty")] = _default("repetition_penalty")
    filters: Annotated[str | None, _option("filters")] = _default("filters")
    on_shortfall: Annotated[str, _option("on_shortfall")] = _default("on_shortfall")
    device: Annotated[str | None, _option("device")] = _default("device")
    dtype: Annotated[str | None, _option("dtype")] = _default("dtype")
    batch_size: Annotated[int | None, _option("batch_size")] = _default("batch_size")
    random_seed: Annotated[int, typer.Option(help="The same seed gives the same texts.")] = 0


def takes(*, has_config: bool = False, **groups: type) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator: the options of each group are options of the command, which is given the groups.

    With `has_config` the command has an option ``--config``, a file of values for its other options.

    Examples
    --------
    >>> @takes(columns=ColumnOptions)
    ... def show(file: str, columns: ColumnOptions):
    ...     return file, columns.text_column
    >>> show("a.csv", text_column="body")
    ('a.csv', 'body')
    >>> list(inspect.signature(show).parameters)
    ['file', 'text_column', 'label_column', 'separator', 'encoding']
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def with_groups(*args: Any, config: Any = None, context: Any = None, **options: Any) -> Any:
            if config is not None:
                # The file of options was read before all others.
                options.update(dict.fromkeys(_outspoken(context), None))
            built = {
                name: group(**{field.name: options.pop(field.name) for field in fields(group) if field.name in options})
                for name, group in groups.items()
            }
            return command(*args, **options, **built)

        parameters = [p for p in _parameters(command) if p.name not in groups]
        for group in groups.values():
            parameters += _field_parameters(group)
        if has_config:
            kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
            parameters.append(inspect.Parameter("context", kind, annotation=typer.Context))
            parameters.append(config_parameter({p.name: _type_of(p) for p in parameters[:-1] if not _is_argument(p)}))
        # Python wants parameters without a default first.
        parameters.sort(key=lambda p: p.default is not inspect.Parameter.empty)
        with_groups.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        with_groups.__annotations__ = {p.name: p.annotation for p in parameters}
        return with_groups

    return decorate


def _parameters(command: Callable[..., Any]) -> list[inspect.Parameter]:
    hints = get_type_hints(command, include_extras=True)
    return [
        p.replace(annotation=hints.get(p.name, p.annotation)) for p in inspect.signature(command).parameters.values()
    ]


def _outspoken(context: typer.Context) -> list[str]:
    """Return the options of the file that say how many rows, where the command line says it by another option."""
    sources = {field.name: context.get_parameter_source(field.name) for field in fields(AmountOptions)}
    is_typed = any(source is not None and source.name == "COMMANDLINE" for source in sources.values())
    return [name for name, source in sources.items() if is_typed and source and source.name == "DEFAULT_MAP"]


def _type_of(parameter: inspect.Parameter) -> Any:
    is_annotated = get_origin(parameter.annotation) is Annotated
    return get_args(parameter.annotation)[0] if is_annotated else parameter.annotation


def _is_argument(parameter: inspect.Parameter) -> bool:
    return any(type(part).__name__ == "ArgumentInfo" for part in get_args(parameter.annotation))


def _field_parameters(group: type) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(group)
    ]


def parse_lam_option(text: str) -> tuple[float, float] | float | str:
    """Return the value of ``--lam`` as Python takes it.

    Raises
    ------
    InputError
        If it is none of the three spellings; whether it lies in [0, 1] is checked by the method.

    Examples
    --------
    >>> parse_lam_option("0.2:0.8"), parse_lam_option("beta:0.4"), parse_lam_option("0.5")
    ((0.2, 0.8), 'beta:0.4', 0.5)
    """
    if text.startswith("beta:"):
        return text
    try:
        numbers = [float(part) for part in text.split(":")]
    except ValueError:
        numbers = []
    if len(numbers) == 1:
        return numbers[0]
    if len(numbers) == 2:
        return (numbers[0], numbers[1])
    raise InputError(f"--lam is {text!r}: expected a window such as 0.2:0.8, beta:0.4, or a number in [0, 1]")


def parse_word_or_int(option: str, text: str, word: str) -> int | str:
    """Return `word` itself, or the whole number that `text` spells.

    Examples
    --------
    >>> parse_word_or_int("--prompt", "random", "random"), parse_word_or_int("--prompt", "3", "random")
    ('random', 3)
    """
    if text == word:
        return word
    try:
        return int(text)
    except ValueError:
        raise InputError(f"{option} is {text!r}: expected {word} or a whole number") from None


def parse_sampling_strategy(text: str, labels: Sequence[Any]) -> str | float | dict[Any, int]:
    """Return the value of ``--sampling-strategy`` as imbalanced-learn takes it.

    Parameters
    ----------
    text : str
        A name, a ratio, or a JSON object of final totals.
    labels : sequence
        The classes of the data: JSON's keys are strings, and stand for the class that is written alike.

    Raises
    ------
    InputError
        If it is malformed or names a class that is not there.

    Examples
    --------
    >>> parse_sampling_strategy("not majority", ["a"]), parse_sampling_strategy("0.5", ["a"])
    ('not majority', 0.5)
    >>> parse_sampling_strategy('{"1": 300}', [0, 1])
    {1: 300}
    """
    if text.lstrip().startswith("{"):
        return {_label_of(name, labels): total for name, total in json_numbers("--sampling-strategy", text).items()}
    try:
        return float(text)
    except ValueError:
        return text


def parse_per_class(text: str, labels: Sequence[Any]) -> dict[Any, int]:
    """Return the new rows of each class that ``--per-class`` asks for: as many for all, or JSON for some.

    Raises
    ------
    InputError
        If it is malformed or names a class that is not there.

    Examples
    --------
    >>> parse_per_class("4", ["a", "b"]), parse_per_class('{"1": 4}', [0, 1])
    ({'a': 4, 'b': 4}, {1: 4})
    """
    if text.lstrip().startswith("{"):
        return {_label_of(name, labels): number for name, number in json_numbers("--per-class", text).items()}
    try:
        return dict.fromkeys(labels, int(text))
    except ValueError:
        raise InputError(
            f"--per-class is {text!r}: expected a whole number, or JSON such as '{{\"spam\": 300}}'"
        ) from None


def json_numbers(option: str, text: str) -> dict[str, int]:
    """Return the whole number of each class that an option spells as a JSON object.

    Raises
    ------
    InputError
        If it is malformed.

    Examples
    --------
    >>> json_numbers("--per-class", '{"spam": 300}')
    {'spam': 300}
    """
    try:
        numbers = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{option} is not JSON: {error.msg} at character {error.pos}: expected for example '{{\"spam\": 300}}'"
        ) from error
    if not isinstance(numbers, dict):
        raise InputError(f"{option} is {text!r:.60}: expected a JSON object, for example '{{\"spam\": 300}}'")
    for name, number in numbers.items():
        if not isinstance(number, int) or isinstance(number, bool):
            raise InputError(f"{option} asks for {number!r} of class {name!r}: expected a whole number")
    return numbers


def _label_of(name: str, labels: Sequence[Any]) -> Any:
    known = {str(label): label for label in labels}
    if name not in known:
        raise unknown_name("class", name, known)
    return known[name]
