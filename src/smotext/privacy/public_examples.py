"""Texts that prompts may show where real ones have to be hidden: whoever gives them says that they are public."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.errors import InputError
from smotext.filters.ngrams import squeeze

# An error names so many of the texts that cannot be shown.
_NAMED = 5


@dataclass(frozen=True)
class PublicExamples:
    """Texts that prompts show instead of real ones.

    Attributes
    ----------
    texts : tuple of str
    labels : tuple of labels, or None
        The class of each; None: all classes show all of them.
    """

    texts: tuple[str, ...]
    labels: tuple[Any, ...] | None = None

    @classmethod
    def of(cls, given: Any) -> PublicExamples:
        """Return the texts in what a caller gave: a sequence of texts, or a mapping of each class to its texts.

        Raises
        ------
        InputError
            If it is neither, a text is blank or no string, or there is none.

        Examples
        --------
        >>> PublicExamples.of({"late": ["My parcel is late."], "lost": ["It never came."]}).labels
        ('late', 'lost')
        """
        if isinstance(given, PublicExamples):
            return given
        if isinstance(given, Mapping):
            pairs = [(label, text) for label, texts in given.items() for text in _texts_in(texts)]
            return cls(_checked([text for _, text in pairs]), tuple(label for label, _ in pairs))
        return cls(_checked(_texts_in(given)))

    def label_array(self) -> NDArray[np.object_] | None:
        """Return the class of each text as an array of shape (n_texts,); None where all classes show all of them."""
        if self.labels is None:
            return None
        column = np.empty(len(self.labels), dtype=object)
        column[:] = self.labels
        return column

    def shown_for(self, label: Any, n_examples: int) -> list[str]:
        """Return the first texts that prompts may show for a class, `n_examples` at most."""
        labels = self.labels or [label] * len(self.texts)
        return [text for text, own in zip(self.texts, labels, strict=True) if own == label][:n_examples]

    def check_classes(self, labels: Iterable[Any]) -> None:
        """Raise InputError if one of these classes has no text to show."""
        if self.labels is None:
            return
        known = set(self.labels)
        if missing := [label for label in labels if label not in known]:
            raise InputError(
                f"public_examples has no text of class {missing[0]!r}: expected one at least, or texts without "
                "classes, which all classes show",
                options=["public_examples"],
            )

    def check_not_real(self, real: Sequence[str]) -> None:
        """Raise InputError if one of the texts is among the real ones, but for case and spaces.

        Whoever hides a row cannot show its text as public. A text that is left out silently would tell by its absence
        that it is among the rows.
        """
        hidden = set(map(squeeze, real))
        found = [number for number, text in enumerate(self.texts, start=1) if squeeze(text) in hidden]
        if found:
            named = ", ".join(map(str, found[:_NAMED])) + (", ..." if len(found) > _NAMED else "")
            raise InputError(
                f"{len(found)} of {len(self.texts)} public examples are among the texts that are to be hidden (number "
                f"{named} of the public ones): give texts of another source, which were public before",
                options=["public_examples"],
            )


def _texts_in(given: Any) -> list[Any]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise InputError(
            f"public_examples is {given!r:.60}: expected public texts, or a mapping of each class to its public texts",
            options=["public_examples"],
        )
    return list(given)


def _checked(texts: Sequence[Any]) -> tuple[str, ...]:
    """Return the texts if each is one; the real rows' rule, that blank ones are passed over, would hide a mistake."""
    for number, text in enumerate(texts, start=1):
        if not isinstance(text, str) or not text.strip():
            raise InputError(
                f"number {number} of the public examples is {text!r:.60}: expected a text that is not blank",
                options=["public_examples"],
            )
    if not texts:
        raise InputError("public_examples holds no text: expected one at least", options=["public_examples"])
    return tuple(texts)
