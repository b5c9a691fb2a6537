"""Where the steps of the method are done, and whether what they give is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smotext.augmentation.writing import no_rows
from smotext.errors import RunStopped
from smotext.mixing.plan import DecoderInput, MixPlan

# Encodes the texts: `encode_cached` with its first two arguments bound.
MakeVectors = Callable[..., NDArray[np.float32]]
DrawCentres = Callable[[], NDArray[np.float32]]
AskForGroup = Callable[[MixPlan], DecoderInput]
WriteGroup = Callable[[MixPlan, DecoderInput], pd.DataFrame]


class Run(Protocol):
    """Where the steps are done and kept: here or on a cluster, in memory or in a directory that survives a crash."""

    def vectors(self, n_texts: int, make: MakeVectors) -> NDArray[np.float32]:
        """Return the texts' vectors, made now or kept from before."""
        ...

    def centres(self, draw: DrawCentres) -> NDArray[np.float32]:
        """Return what ``privacy="dp"`` releases, drawn now or kept from before: never drawn a second time."""
        ...

    def plan(self, round_number: int, make: Callable[[], MixPlan]) -> MixPlan:
        """Return the plan of a round, made now or kept from before."""
        ...

    def decode(
        self, round_number: int, groups: Iterable[MixPlan], ask: AskForGroup, write: WriteGroup
    ) -> Iterator[pd.DataFrame]:
        """Yield ``write(group, ask(group))`` for each group in order, written now or kept from before."""
        ...


class InMemoryRun:
    """Keeps nothing: every step is done when it is asked for.

    Parameters
    ----------
    verbose : bool
        Whether a progress bar over the decode groups is shown on stderr.
    """

    def __init__(self, *, verbose: bool = False) -> None:
        self.verbose = verbose

    def vectors(self, n_texts: int, make: MakeVectors) -> NDArray[np.float32]:
        """Return the texts' vectors."""
        return make()

    def centres(self, draw: DrawCentres) -> NDArray[np.float32]:
        """Return what ``privacy="dp"`` releases; a planner asks for it once."""
        return draw()

    def plan(self, round_number: int, make: Callable[[], MixPlan]) -> MixPlan:
        """Return the plan of a round."""
        return make()

    def decode(
        self, round_number: int, groups: Iterable[MixPlan], ask: AskForGroup, write: WriteGroup
    ) -> Iterator[pd.DataFrame]:
        """Yield the rows of each group."""
        if self.verbose:
            from rich.console import Console
            from rich.progress import track

            groups = track([*groups], description=f"writing, round {round_number + 1}", console=Console(stderr=True))
        return (write(group, ask(group)) for group in groups)


def collect(parts: Iterator[pd.DataFrame]) -> tuple[pd.DataFrame, RunStopped | None]:
    """Return the rows of all parts, and why there are no more if the run was stopped."""
    found: list[pd.DataFrame] = []
    try:
        found.extend(parts)
    except RunStopped as stop:
        return _joined(found), stop
    return _joined(found), None


def _joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(parts, ignore_index=True) if parts else no_rows()
