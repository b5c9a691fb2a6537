"""The errors and warnings of SMOTExT.

::

    Exception
    └── SmotextError                 everything raised on purpose
        ├── InputError               (ValueError) the caller's data or options
        │   ├── UnknownNameError     a name that is not one of a known set; suggests the nearest
        │   ├── MissingFileError     (FileNotFoundError) a file or directory that is not there
        │   └── ModelNotFoundError   (FileNotFoundError) a model neither on disk nor in the hub's cache
        ├── MissingExtraError        (ImportError) an optional dependency; names the pip command
        ├── BridgeError              (ValueError) a checkpoint that is not a usable bridge
        ├── ShortfallError           (RuntimeError) fewer texts kept than asked for, on_shortfall="raise"
        └── RunError                 (RuntimeError) a run that cannot go on; says how to resume
            └── RunStopped           by Ctrl-C, between two decode groups
                └── CapReached       by a cap on minutes or tokens

    Warning
    └── SmotextWarning               (UserWarning) something was adapted instead of failing
"""

from __future__ import annotations

import difflib
import sys
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

# Packages that call each other on behalf of somebody: none of them is the caller who is to be warned.
_NOT_THE_CALLER = ("smotext", "imblearn", "sklearn", "joblib")
# Warnings that were shown within a cross-validation: their file, line and kind.
_shown_in_folds: set[tuple[str, int, str]] = set()


class SmotextError(Exception):
    """Base of every error that SMOTExT raises on purpose.

    Parameters
    ----------
    message : str
    options : sequence of str
        Parameters that the message names as Python spells them. The command line, where they are spelled in another
        way, rewrites them.
    """

    def __init__(self, message: str = "", *, options: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.options = tuple(options)


class InputError(SmotextError, ValueError):
    """The data or an option cannot be used as given."""


class UnknownNameError(InputError):
    """A name is not one of those known; the message suggests the nearest."""


class MissingFileError(InputError, FileNotFoundError):
    """A file or directory that was named is not there."""


class ModelNotFoundError(InputError, FileNotFoundError):
    """A model is neither a path nor in the local cache, and the hub could not be reached."""


class MissingExtraError(SmotextError, ImportError):
    """An optional dependency is not installed."""


class BridgeError(SmotextError, ValueError):
    """A checkpoint is not a bridge that can be decoded with."""


class ShortfallError(SmotextError, RuntimeError):
    """Fewer synthetic texts were accepted than asked for and ``on_shortfall="raise"``."""


class RunError(SmotextError, RuntimeError):
    """A durable run cannot go on."""


class RunStopped(RunError):
    """A run was stopped between two decode groups; what was finished is kept, and it can be resumed.

    Parameters
    ----------
    message : str
    partial : smotext.augmentation.augment.Augmented, optional
        What is accepted so far.
    """

    def __init__(self, message: str, *, partial: Any = None, options: Sequence[str] = ()) -> None:
        super().__init__(message, options=options)
        self.partial = partial

    def with_partial(self, partial: Any) -> RunStopped:
        """Return the same error with what is accepted so far."""
        return type(self)(str(self), partial=partial, options=self.options)


class CapReached(RunStopped):
    """A run has written or taken as much as it was allowed to."""


class SmotextWarning(UserWarning):
    """Something was adapted instead of failing."""


def warn_caller(message: str, *, kind: str = "") -> None:
    """Warn of something that was adapted, at the caller's line: the first outside of us and of scikit-learn.

    Within a cross-validation, warnings of one `kind` (the message itself, if left out) are shown once a process:
    scikit-learn forgets before every fold what was shown already, and each fold has other counts.
    """
    frame, depth, is_in_fold = sys._getframe(1), 2, False
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _NOT_THE_CALLER:
        is_in_fold = is_in_fold or frame.f_globals["__name__"].startswith("sklearn.model_selection")
        frame, depth = frame.f_back, depth + 1
    if is_in_fold:
        place = (frame.f_code.co_filename, frame.f_lineno, kind or message)
        if place in _shown_in_folds:
            return
        _shown_in_folds.add(place)
    warnings.warn(message, SmotextWarning, stacklevel=depth)


def suggest(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the known name nearest to `name`, else an empty string.

    Examples
    --------
    >>> suggest("lable", ["label", "text"])
    "; did you mean 'label'?"
    >>> suggest("zzz", ["label", "text"])
    ''
    """
    near = difflib.get_close_matches(str(name), [str(k) for k in known], n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def unknown_name(what: str, given: object, known: Iterable[str], *, options: Sequence[str] = ()) -> UnknownNameError:
    """Return the error for a name outside a known set, listing the set and the nearest name.

    Examples
    --------
    >>> raise unknown_name("preset", "tinny", ["tiny", "xrag-7b"])
    Traceback (most recent call last):
        ...
    smotext.errors.UnknownNameError: unknown preset 'tinny': expected one of tiny, xrag-7b; did you mean 'tiny'?
    """
    names = list(known)
    return UnknownNameError(
        f"unknown {what} {given!r}: expected one of {', '.join(names)}{suggest(str(given), names)}", options=options
    )


def missing_extra(package: str, extra: str, purpose: str) -> MissingExtraError:
    """Return the error for an optional dependency, with the command that installs it.

    Examples
    --------
    >>> raise missing_extra("faiss", "faiss", "faiss neighbours")
    Traceback (most recent call last):
        ...
    smotext.errors.MissingExtraError: faiss neighbours needs the package 'faiss': pip install 'smotext[faiss]'
    """
    return MissingExtraError(f"{purpose} needs the package {package!r}: pip install 'smotext[{extra}]'")
