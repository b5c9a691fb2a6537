"""The options of the method, checked together before any model runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from smotext.errors import InputError, unknown_name

STRATEGIES = ("smote", "random", "borderline", "adasyn", "kmeans")
MIXES = ("linear", "slerp", "linear_renorm")
SHORTFALLS = ("fill", "report", "raise")
GROUP_SIZE = 256  # rows decoded and stored together: what one CPU batch takes, and what a crash can cost


@dataclass(frozen=True)
class Settings:
    """What :class:`smotext.SMOTExT` takes, without the models and the seed; see there."""

    strategy: Any = "smote"
    k_neighbors: int = 5
    mix: str = "linear"
    n_parents: int = 2
    lam: Any = (0.0, 1.0)
    prompt: int | str = 0
    max_new_tokens: int | str = "auto"
    do_sample: bool = True
    temperature: float = 0.8
    top_p: float = 0.95
    top_k: int = 0
    repetition_penalty: float = 1.0
    filters: str | Sequence[Callable[..., Any]] | None = None
    candidates: int = 1
    on_shortfall: str = "fill"
    batch_size: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.strategy, str) and self.strategy not in STRATEGIES:
            raise unknown_name("strategy", self.strategy, STRATEGIES)
        if self.mix not in MIXES:
            raise unknown_name("mix", self.mix, MIXES)
        if self.on_shortfall not in SHORTFALLS:
            raise unknown_name("on_shortfall", self.on_shortfall, SHORTFALLS)
        if self.max_new_tokens != "auto":
            _check_count("max_new_tokens", self.max_new_tokens, "'auto' or a number of tokens, 1 or more")
        _check_count("k_neighbors", self.k_neighbors, "1 or more")
        _check_count("candidates", self.candidates, "1 or more")
        if self.batch_size is not None:
            _check_count("batch_size", self.batch_size, "1 or more, or None")

    @property
    def group_size(self) -> int:
        """Rows per decode group."""
        return GROUP_SIZE

    def planning(self) -> dict[str, Any]:
        """Return the options that decide who is mixed with whom."""
        return {name: getattr(self, name) for name in ("strategy", "k_neighbors", "n_parents", "lam")}

    def decoding(self) -> dict[str, Any]:
        """Return the options that go to the decoder as they are."""
        names = ("do_sample", "temperature", "top_p", "top_k", "repetition_penalty", "batch_size")
        return {name: getattr(self, name) for name in names}


def _check_count(name: str, value: Any, expected: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"{name} is {value!r}: expected {expected}")
