"""The options of the method: declared once, and checked together before any model runs.

Nothing heavy is imported with this module, since the command line reads the declarations for its help.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import Field, dataclass, field, fields
from numbers import Real
from typing import Any

from smotext.errors import InputError, unknown_name

SHORTFALLS = ("fill", "report", "raise")
# The reasons of texts that are not in turns, or lack a column of their record.
NO_DIALOGUE, NO_RECORD = "dialogue", "record"
# The reason of a text that stops within a sentence where no limit was asked for.
UNFINISHED = "unfinished"
# The groups in which options are listed.
MIXING, DECODING, MACHINE = "Mixing", "Decoding and filtering", "Machine"
# So many rows are decoded and stored together: as many as one batch of a CPU takes, and as a crash can cost.
GROUP_SIZE = 256


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
        from smotext.data.validation import check_count

        more_than_0 = "a number above 0"
        _check_real("temperature", self.temperature, f"{more_than_0} (do_sample=False is greedy)", lambda x: x > 0)
        _check_real("top_p", self.top_p, "a number in (0, 1]", lambda x: 0 < x <= 1)
        check_count("top_k", self.top_k, "0 (all tokens) or more", least=0)
        _check_real("repetition_penalty", self.repetition_penalty, f"{more_than_0}; 1 is none", lambda x: x > 0)
        check_count("min_new_tokens", self.min_new_tokens, "0 or more", least=0)


def _described(help: str, group: str = "") -> dict[str, str]:
    """Return what is declared of an option beside its default: what it does, and the group that it is listed in."""
    return {"help": help, "group": group}


@dataclass(frozen=True)
class Settings:
    """What :class:`smotext.SMOTExT` takes, without the models and the seed.

    Defaults and help are declared here alone: the command line's options are made of these fields, and a test holds
    the parameters of :class:`smotext.SMOTExT`, which scikit-learn wants spelled out, equal to them.
    """

    strategy: Any = field(
        default="smote", metadata=_described("Who is mixed: smote, random, borderline, adasyn or kmeans.", MIXING)
    )
    k_neighbors: int = field(default=5, metadata=_described("Neighbours to draw the second parent from.", MIXING))
    mix: str = field(default="linear", metadata=_described("How: linear, slerp or linear_renorm.", MIXING))
    n_parents: int = field(default=2, metadata=_described("Texts per mix.", MIXING))
    lam: Any = field(
        default=(0.0, 1.0),
        metadata=_described("Weight of the first parent: a window such as 0.2:0.8, beta:0.4, or a number.", MIXING),
    )
    examples: int | None = field(
        default=None,
        metadata=_described("Texts of the class that the prompt shows; the model's own number unless given.", DECODING),
    )
    hide_values: bool = field(
        default=False,
        metadata=_described("The models see made-up numbers, dates and identifiers in place of real ones.", DECODING),
    )
    record_columns: Sequence[str] | None = field(
        default=None,
        metadata=_described("Several text columns, by commas, that are written together, such as title,text."),
    )
    turns: bool = field(
        default=False, metadata=_described("Texts are dialogues, a turn a line, its speaker in front.", DECODING)
    )
    candidates: int = field(default=8, metadata=_described("Texts written per mix; the nearest is kept.", DECODING))
    prompt: int | str = field(default=0, metadata=_described("Number of the paraphrase prompt, or random.", DECODING))
    max_new_tokens: int | str = field(
        default="auto", metadata=_described("A number, or auto: texts end by themselves.", DECODING)
    )
    max_passages: int | str = field(
        default="auto",
        metadata=_described("Of a long text: auto is as many as its parents have; 1 writes short texts.", DECODING),
    )
    do_sample: bool = field(default=True, metadata=_described("Draw tokens, or take the likeliest.", DECODING))
    temperature: float = field(default=0.6, metadata=_described("Below 1 is safer, above is wilder.", DECODING))
    top_p: float = field(default=0.95, metadata=_described("Draw from the likeliest tokens of this mass.", DECODING))
    top_k: int = field(default=0, metadata=_described("Draw from so many tokens; 0 is no limit.", DECODING))
    repetition_penalty: float = field(default=1.0, metadata=_described("Above 1 avoids what was written.", DECODING))
    labelset_strategy: str = field(
        default="ranking",
        metadata=_described("Of several labels, which a new text gets: ranking, union or intersection."),
    )
    filters: Any = field(
        default=None, metadata=_described("Which texts are kept: default or strict; all unless given.", DECODING)
    )
    on_shortfall: str = field(
        default="fill", metadata=_described("When too few are kept: fill, report or raise.", DECODING)
    )
    privacy: Any = field(
        default=None, metadata=_described("How rows are hidden: a smotext.privacy.Privacy, which checks itself.")
    )
    batch_size: int | None = field(
        default=None, metadata=_described("Rows decoded at once; by free memory unless given.", MACHINE)
    )

    def __post_init__(self) -> None:
        from smotext.data.validation import check_count
        from smotext.mixing.mixes import check_mix
        from smotext.mixing.planning import check_options
        from smotext.mixing.weights import parse_lam

        check_options(self.strategy, self.k_neighbors, self.n_parents)
        check_mix(self.mix, self.n_parents)
        parse_lam(self.lam)
        if self.on_shortfall not in SHORTFALLS:
            raise unknown_name("on_shortfall", self.on_shortfall, SHORTFALLS)
        Sampling(self.do_sample, self.temperature, self.top_p, self.top_k, self.repetition_penalty)
        if self.max_new_tokens != "auto":
            check_count("max_new_tokens", self.max_new_tokens, "'auto' or a number of tokens, 1 or more")
        if self.max_passages != "auto":
            check_count("max_passages", self.max_passages, "'auto' or a number of passages, 1 or more")
        check_count("candidates", self.candidates, "1 or more")
        self._check_form()
        if self.examples is not None:
            check_count("examples", self.examples, "0 or more, or None for the bridge's own number", least=0)
        if self.batch_size is not None:
            check_count("batch_size", self.batch_size, "1 or more, or None")

    def _check_form(self) -> None:
        """Raise if what texts and labels look like cannot be."""
        from smotext.data.label_sets import LABELSET_STRATEGIES
        from smotext.data.records import check_names

        for name in ("hide_values", "turns"):
            if not isinstance(getattr(self, name), bool):
                raise InputError(f"{name} is {getattr(self, name)!r}: expected True or False")
        if self.turns and self.record_columns is not None:
            raise InputError("turns and record_columns are both given: a row is a dialogue or a record")
        if self.record_columns is not None:
            check_names(self.record_columns)
        if self.labelset_strategy not in LABELSET_STRATEGIES:
            raise unknown_name("labelset_strategy", self.labelset_strategy, LABELSET_STRATEGIES)

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


@dataclass(frozen=True)
class ModelSettings:
    """Which models are loaded, and how: what :class:`smotext.SMOTExT` takes beside its :class:`Settings`."""

    model: str = field(
        default="tiny", metadata=_described("A preset (see 'smotext models'), or the path or hub name of a bridge.")
    )
    device: str | None = field(
        default=None, metadata=_described("cpu, cuda, cuda:1; the best there is unless given.", MACHINE)
    )
    dtype: str | None = field(default=None, metadata=_described("float32, bfloat16 or float16.", MACHINE))


def declared_options() -> dict[str, Field[Any]]:
    """Return the field of every option of the method by its name: its ``default``, and its help in ``metadata``.

    Examples
    --------
    >>> declared_options()["k_neighbors"].default
    5
    """
    return {each.name: each for each in (*fields(ModelSettings), *fields(Settings))}


def _check_real(name: str, value: Any, expected: str, is_allowed: Callable[[Any], bool]) -> None:
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value) or not is_allowed(value):
        raise InputError(f"{name} is {value!r}: expected {expected}")
