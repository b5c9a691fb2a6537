"""The options that hide rows, for the commands that write texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smotext.cli.labelled_files import frame_with
from smotext.cli.options import ColumnOptions, json_numbers
from smotext.errors import InputError, MissingFileError, unknown_name

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
    public_examples: Annotated[
        Path | None,
        typer.Option(
            help="Texts that are public, as you say, for prompts to show in place of real ones: a table with the "
            "columns of FILE, or text, split at blank lines; without classes, all classes show all of them.",
            rich_help_panel=_PANEL,
        ),
    ] = None


def parse_privacy_options(
    given: PrivacyOptions, labels: Sequence[Any], columns: ColumnOptions | None = None
) -> Privacy | None:
    """Return what the options mean; None where rows are not to be hidden.

    Parameters
    ----------
    given : PrivacyOptions
    labels : sequence
        Of the file: public classes are of their type, since JSON's names are strings. Which labels there are is not
        looked at.
    columns : ColumnOptions, optional
        Of the file of public examples, where it is a table; the usual names unless given.

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
    public_examples = None
    if given.public_examples is not None:
        public_examples = read_public_examples(given.public_examples, columns or ColumnOptions())
    try:
        return parse_privacy(
            given.privacy,
            group_size=given.group_size,
            epsilon=given.epsilon,
            delta=given.delta,
            labels=public,
            rows_per_person=given.rows_per_person,
            public_examples=public_examples,
        )
    except InputError as error:
        raise type(error)(str(error), options=[each.name for each in fields(PrivacyOptions)]) from error


def recorded(given: PrivacyOptions) -> dict[str, Any]:
    """Return the options as a run records them: of public examples what the file holds, not where it lies."""
    from smotext.data.remote_tables import local_table
    from smotext.runs.run_directory import digest

    public = None if given.public_examples is None else digest(local_table(given.public_examples))
    return {**asdict(given), "public_examples": public}


def read_public_examples(file: Path, columns: ColumnOptions) -> list[str] | dict[Any, list[str]]:
    """Return the texts in a file of plain text, or of a table: there by class where it has a column of classes.

    Raises
    ------
    InputError
        If the file or its column of texts is not there.
    """
    from smotext.data.remote_tables import local_table
    from smotext.training.data.corpus_files import is_plain_text, read_documents

    path = local_table(file)
    if not path.exists():
        raise MissingFileError(f"{file} does not exist: --public-examples expects a file of texts that are public")
    if is_plain_text(path):
        return list(read_documents(path))
    frame = frame_with(path, [columns.text_column])
    texts = frame[columns.text_column].tolist()
    if columns.label_column not in frame.columns:
        return texts
    found: dict[Any, list[str]] = {}
    for label, text in zip(frame[columns.label_column].tolist(), texts, strict=True):
        found.setdefault(label, []).append(text)
    return found


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
