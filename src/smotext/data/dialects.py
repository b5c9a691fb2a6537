"""How a text file is written: its encoding, and what separates the cells of a CSV file."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from smotext.errors import InputError

SEPARATORS = {"csv": ",", "tsv": "\t"}
_SNIFFED = (",", ";", "\t", "|")
_SPELT = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
# The longer marks come first: UTF-32's begins like UTF-16's.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_CHUNK_BYTES = 1 << 20
# Holds a header and a few rows.
_HEAD_BYTES = 1 << 16


@dataclass(frozen=True)
class Dialect:
    """How a text file is written.

    Attributes
    ----------
    encoding : str
        As Python names it; ``"utf-8-sig"`` is UTF-8, with a byte order mark or without.
    separator : str, optional
        One character; None where cells are not separated, as in JSON lines.
    """

    encoding: str = "utf-8-sig"
    separator: str | None = None

    @property
    def is_utf8(self) -> bool:
        """Whether the encoding is the one that is expected."""
        return self.encoding == "utf-8-sig"

    @property
    def encoding_name(self) -> str:
        """The encoding as people write it."""
        return "UTF-8" if self.is_utf8 else self.encoding.upper()


def find_dialect(
    path: Path, kind: str, columns: Iterable[str] = (), *, separator: str | None = None, encoding: str | None = None
) -> Dialect:
    """Return how a text file is written: as the caller says, or as far as the file itself says so beyond doubt.

    Parameters
    ----------
    path : Path
    kind : {"csv", "tsv", "jsonl"}
    columns : iterable of str
        Names that the header has: another separator is taken only if it, and no other, gives them all.
    separator : str, optional
        One character, or ``tab``, ``comma``, ``semicolon``, ``pipe``.
    encoding : str, optional
        Any that Python knows. UTF-16 and UTF-32 are known by their byte order mark; nothing tells one 8-bit encoding
        from another, so that these are not guessed.

    Raises
    ------
    InputError
        If what is given is no separator or no encoding.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "mail.csv"
    >>> _ = path.write_text("text;label\\nhello, you;spam\\n", encoding="utf-16")
    >>> find_dialect(path, "csv", ["text", "label"])
    Dialect(encoding='utf-16', separator=';')
    """
    known = _check_encoding(encoding) if encoding is not None else _marked_encoding(path)
    if kind not in SEPARATORS:
        if separator is not None:
            raise InputError(f"{path} is {kind}, which has no separators: leave separator out", options=["separator"])
        return Dialect(known)
    if separator is not None:
        return Dialect(known, _check_separator(separator))
    return Dialect(known, _sniffed_separator(path, known, SEPARATORS[kind], list(columns)))


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file, unpacked if it ends in ``.gz``."""
    return gzip.open(path, "rb") if path.suffix.lower() == ".gz" else open(path, "rb")  # type: ignore[return-value]


def check_text(path: Path, dialect: Dialect) -> None:
    """Raise InputError if the file is blank or not in the encoding, saying where."""
    decoder = codecs.getincrementaldecoder(dialect.encoding.removesuffix("-sig"))()
    offset, is_blank = 0, True
    with open_bytes(path) as file:
        while chunk := file.read(_CHUNK_BYTES):
            if offset == 0 and dialect.is_utf8 and chunk[:4096].count(0) * 4 > len(chunk[:4096]):
                raise InputError(
                    f"{path} is full of NUL bytes: is it UTF-16? Then say encoding='utf-16-le'", options=["encoding"]
                )
            # Bytes of a character of which the rest is in the next chunk.
            pending = len(decoder.getstate()[0])
            try:
                text = decoder.decode(chunk)
            except UnicodeDecodeError as error:
                raise _undecodable(path, dialect, offset - pending + error.start, error.object[error.start]) from error
            is_blank = is_blank and not text.strip("\ufeff\r\n\t ")
            offset += len(chunk)
    if pending := len(decoder.getstate()[0]):
        raise _undecodable(path, dialect, offset - pending, decoder.getstate()[0][0])
    if is_blank:
        raise InputError(f"{path} is empty: expected a table of labelled texts")


def _undecodable(path: Path, dialect: Dialect, offset: int, byte: int) -> InputError:
    return InputError(
        f"{path} is not {dialect.encoding_name}: byte 0x{byte:02x} at offset {offset}: say which encoding it is, for "
        f"example encoding='windows-1252', or convert it: "
        f"iconv -f WINDOWS-1252 -t UTF-8 {path.name} > utf8-{path.name}",
        options=["encoding"],
    )


def _check_encoding(name: str) -> str:
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError) as error:
        # A ValueError is about a NUL in the name.
        raise InputError(
            f"encoding is {name!r}, which Python does not know: expected for example utf-8, utf-16 or windows-1252",
            options=["encoding"],
        ) from error
    if not found._is_text_encoding:
        # Python counts base64 and the like among its codecs.
        raise InputError(
            f"encoding is {name!r}, which is no encoding of text: expected for example windows-1252",
            options=["encoding"],
        )
    return "utf-8-sig" if found.name in ("utf-8", "utf-8-sig") else found.name


def _marked_encoding(path: Path) -> str:
    with open_bytes(path) as file:
        head = file.read(4)
    return next((name for mark, name in _MARKS.items() if head.startswith(mark)), "utf-8-sig")


def _check_separator(text: str) -> str:
    separator = _SPELT.get(text.lower(), text)
    if len(separator) != 1 or separator in '"\r\n':
        raise InputError(f"separator is {text!r}: expected one character, such as ';', or tab", options=["separator"])
    return separator


def _sniffed_separator(path: Path, encoding: str, default: str, columns: Sequence[str]) -> str:
    """Return the separator that makes the header have all the columns, the usual one if it does."""
    with open_bytes(path) as file:
        head = file.read(_HEAD_BYTES).decode(encoding, errors="replace")
    fitting = [one for one in _SNIFFED if columns and set(columns) <= set(_first_cells(head, one))]
    return fitting[0] if len(fitting) == 1 else default


def widest_separator(path: Path, kind: str, encoding: str | None = None) -> str | None:
    """Return what cuts the header of a CSV file, whose columns nobody has named yet, into the most cells.

    The usual separator is taken where another gives no more; None where the kind of file has none.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "mail.csv"
    >>> _ = path.write_text("text;label\\nhello, you;spam\\n")
    >>> widest_separator(path, "csv")
    ';'
    """
    if kind not in SEPARATORS:
        return None
    known = _check_encoding(encoding) if encoding is not None else _marked_encoding(path)
    with open_bytes(path) as file:
        head = file.read(_HEAD_BYTES).decode(known, errors="replace")
    choices = dict.fromkeys((SEPARATORS[kind], *_SNIFFED))  # of equals, max takes the first
    return max(choices, key=lambda one: len(_first_cells(head, one)))


def _first_cells(text: str, separator: str) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=separator), [])
    except csv.Error:
        # A quoted cell has no end.
        return []
