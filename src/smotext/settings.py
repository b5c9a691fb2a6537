"""The options of the method, checked together before any model runs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any

from smotext.data.validation import check_count
from smotext.errors import InputError, unknown_name
from smotext.mixing.mixes import check_mix
from smotext.mixing.planning import check_options
from smotext.mixing.weights import parse_lam

SHORTFALLS = ("fill", "report", "raise")
UNFINISHED = "unfinished"  # the reason of a text that stops within a sentence where no limit was asked for
GROUP_SIZE = 256  # rows decoded and stored together: what one CPU batch takes, and what a crash can cost


@dataclass(frozen=True)
class Sampling:
    """Decoding options, with the meaning they have in transformers' ``generate``.

    Attributes
    ----------
    do_sample : bool
        False: the most probable token; temperature, top_p, top_k and the seeds then mean nothing.
    temperature : float
        Above 0; divides the logits.
    top_p : float
        In (0, 1]: the smallest set of tokens whose probabilities reach this sum.
    top_k : int
        The k most probable tokens; 0 is all.
    repetition_penalty : float
        Above 0; 1 is none. Applies to tokens the row has already written (Keskar et al. 2019).
    min_new_tokens : int
        The end token is not allowed before this many.
    """

    do_sample: bool = False
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    repetition_penalty: float = 1.0
    min_new_tokens: int = 0

    def __post_init__(self) -> None:
        more_than_0 = "a number above 0"
        _check_real("temperature", self.temperature, f"{more_than_0} (do_sample=False is greedy)", lambda x: x > 0)
        _check_real("top_p", self.top_p, "a number in (0, 1]", lambda x: 0 < x <= 1)
        check_count("top_k", self.top_k, "0 (all tokens) or more", least=0)
        _check_real("repetition_penalty", self.repetition_penalty, f"{more_than_0}; 1 is none", lambda x: x > 0)
        check_count("min_new_tokens", self.min_new_tokens, "0 or more", least=0)


@dataclass(frozen=True)
class Settings:
    """What :class:`smotext.SMOTExT` takes, without the models and the seed; see there."""

    strategy: Any = "smote"
    k_neighbors: int = 5
    mix: str = "linear"
    n_parents: int = 2
    lam: Any = (0.0, 1.0)
    examples: int | None = None
    candidates: int = 4
    prompt: int | str = 0
    max_new_tokens: int | str = "auto"
    do_sample: bool = True
    temperature: float = 0.8
    top_p: float = 0.95
    top_k: int = 0
    repetition_penalty: float = 1.0
    filters: Any = None
    on_shortfall: str = "fill"
    privacy: Any = None  # a smotext.privacy.Privacy, checked there
    batch_size: int | None = None

    def __post_init__(self) -> None:
        check_options(self.strategy, self.k_neighbors, self.n_parents)
        check_mix(self.mix, self.n_parents)
        parse_lam(self.lam)
        if self.on_shortfall not in SHORTFALLS:
            raise unknown_name("on_shortfall", self.on_shortfall, SHORTFALLS)
        Sampling(self.do_sample, self.temperature, self.top_p, self.top_k, self.repetition_penalty)
        if self.max_new_tokens != "auto":
            check_count("max_new_tokens", self.max_new_tokens, "'auto' or a number of tokens, 1 or more")
        check_count("candidates", self.candidates, "1 or more")
        if self.examples is not None:
            check_count("examples", self.examples, "0 or more, or None for the bridge's own number", least=0)
        if self.batch_size is not None:
            check_count("batch_size", self.batch_size, "1 or more, or None")

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


def _check_real(name: str, value: Any, expected: str, is_allowed: Callable[[Any], bool]) -> None:
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value) or not is_allowed(value):
        raise InputError(f"{name} is {value!r}: expected {expected}")
