"""How near synthetic texts stand to the real ones they were made from. No privacy guarantee follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.filters.ngrams import WordRuns
from smotext.utils.geometry import blocks, nearest_cosines

COMPARED_AT_ONCE = 1024
QUANTILES = (0.05, 0.5, 0.95, 1.0)
NO_GUARANTEE = "This is not a privacy guarantee."


@dataclass(frozen=True)
class Nearness:
    """How near some texts stand to the training texts, as quantiles (5 %, 50 %, 95 %, largest).

    Attributes
    ----------
    nearest_cosine : tuple of float
        Cosine to the nearest training text.
    longest_copy : tuple of float
        Length in words of the longest run copied from a training text.
    n_texts : int
        Texts that were looked at: all that there were.
    """

    nearest_cosine: tuple[float, ...]
    longest_copy: tuple[float, ...]
    n_texts: int = 0


def nearness(texts: Sequence[str], training: Sequence[str], encoder: Any) -> Nearness:
    """Return how near `texts` stand to `training`, in the encoder's space and word for word.

    Every text is looked at, since the largest values matter most; vectors of `texts` are held for a thousand at
    a time.

    Examples
    --------
    >>> from smotext import HashEncoder
    >>> near = nearness(["the cat sat down", "a dog"], ["yesterday the cat sat still", "a dog"], HashEncoder())
    >>> near.longest_copy[-1], round(near.nearest_cosine[-1], 6)
    (3.0, 1.0)
    """
    vectors, runs = encoder.encode(list(training)), WordRuns.of(training)
    chunks = [list(texts[rows]) for rows in blocks(len(texts), COMPARED_AT_ONCE)]
    cosines = np.concatenate([nearest_cosines(encoder.encode(chunk), vectors) for chunk in chunks])
    copies = np.concatenate([runs.longest_copies(chunk) for chunk in chunks])
    return Nearness(_quantiles(cosines), _quantiles(copies), len(texts))


def _quantiles(values: NDArray[Any]) -> tuple[float, ...]:
    return tuple(float(value) for value in np.quantile(values, QUANTILES))
