"""The file of unlabelled texts, for the commands that read labelled ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from smotext.cli.labelled_files import check_real, frame_with
from smotext.errors import InputError


@dataclass(frozen=True)
class UnlabelledOptions:
    """Real texts beside the labelled ones."""

    unlabelled: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Further real texts without labels: a table with the same text column, or text, split at blank lines. "
            "Prompts show those that are near; none is copied.",
        ),
    ] = None

    def read(self, text_column: str, names: Sequence[str] | None = None) -> Any:
        """Return the texts; with `names`, the columns of these names as a table; None where no file is given.

        Raises
        ------
        InputError
            If the file or a column cannot be used, rows are marked as synthetic, or there is no text.
        """
        return None if self.unlabelled is None else read_unlabelled_file(self.unlabelled, text_column, names)

    def identity(self) -> dict[str, Any]:
        """Return what tells this file from another, so that a run goes on with the same one alone."""
        from smotext.data.remote_tables import local_table
        from smotext.runs.run_directory import digest

        return {} if self.unlabelled is None else {"unlabelled": digest(local_table(self.unlabelled))}


def read_unlabelled_file(file: Path, text_column: str, names: Sequence[str] | None = None) -> Any:
    """Return the texts of a file, or its columns; as :meth:`UnlabelledOptions.read` does."""
    from smotext.data.remote_tables import local_table
    from smotext.data.unlabelled import read_unlabelled
    from smotext.training.data.corpus_files import read_documents

    path = local_table(file)
    if path.is_file() and not path.stat().st_size:
        raise InputError(f"{file} is empty: expected unlabelled texts")
    check_real(path)
    if names is not None:
        return frame_with(path, names)[list(names)]
    texts = list(read_documents(path, text_column))
    if not texts:
        raise InputError(f"{file} is empty: expected unlabelled texts")
    read_unlabelled(texts, ())  # raises where all are blank
    return texts
