"""All that decides what a training run makes, in one frozen record."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from smotext.errors import InputError, unknown_name

TRAINED_PARTS = ("projector", "projector+lora", "all")
PRECISIONS = ("auto", "float32", "bfloat16")
OPTIMIZERS = ("adamw", "muon")
# Learning rates by stage; those of stages 1 and 2 are xRAG's (arXiv 2405.13792, appendix A).
_STAGE_RATES = {1: 6e-3, 2: 2e-5, 3: 2e-5}

# Which settings have a bound in common, whether a value keeps it, and what an error says where it doesn't.
_BOUNDS: tuple[tuple[tuple[str, ...], Callable[[Any], bool], str], ...] = (
    (
        ("batch_size", "micro_tokens", "epochs", "temperature", "lora_rank", "clip"),
        lambda value: 0 < value < math.inf,
        "more than 0",
    ),
    (
        ("learning_rate", "lora_learning_rate"),
        lambda value: value is None or 0 < value < math.inf,
        "more than 0, or None for the default",
    ),
    (("lora_first_layer", "most_examples"), lambda value: value >= 0, "0 or more"),
    (("max_steps",), lambda value: value is None or value >= 1, "1 or more, or None for no limit"),
    (("max_minutes",), lambda value: value is None or value > 0, "more than 0, or None for no limit"),
    (
        ("warmup_ratio", "final_ratio", "mix_share", "average_from", "example_share", "style_share"),
        lambda value: 0 <= value <= 1,
        "a share in [0, 1]",
    ),
)


@dataclass(frozen=True)
class TrainingSettings:
    """Hyperparameters; the defaults are xRAG's where xRAG has one.

    Attributes
    ----------
    train : {"projector", "projector+lora", "all"}
        What is trained; the rest of the language model is frozen.
    stage : {1, 2, 3}
        1: likelihood of the passage given its own vector. 2: the same plus `kl_weight` times the divergence
        from a teacher, the frozen language model that reads the passage itself. 3: likelihood plus
        `risk_weight` times the expected 1 - cosine between the vector asked for and that of what is written.
    learning_rate : float or None
        Peak; None takes the stage's own (6e-3, 2e-5, 2e-5). Of the projector alone where LoRA layers are trained.
    lora_learning_rate : float or None
        Peak of the LoRA layers; None: a quarter of `learning_rate`.
    warmup_ratio : float
        Share of the run in which the rate rises.
    final_ratio : float
        Share of the peak that is left at the end; more than 0 where another run goes on from this one.
    batch_size : int
        Passages a step, over all processes.
    micro_tokens : int
        Tokens that go through the model at once, padding included; decides memory, not results.
    epochs : float
        Passes over the corpus, unless `max_steps` or `max_minutes` ends the run before.
    max_steps : int or None
        Steps; the rate has fallen to nothing by then.
    max_minutes : float or None
        Minutes of wall time; the rate follows the clock if that is further on than the steps are. Such a run
        cannot be repeated bit by bit: repeat it with `max_steps` set to the steps it made.
    noise : float
        Length of the random vector that is added to each (unit) vector.
    mix_share : float
        Share of passages whose vector is mixed with that of a near one in the batch, the nearer text being
        the target.
    optimizer : {"adamw", "muon"}
        ``"muon"`` for the matrices of the language model's layers, AdamW for the rest.
    weight_decay, beta1, beta2, clip : float
        AdamW's, and the norm that gradients are clipped to.
    average_from : float
        Share of the run after which weights are averaged; 1 exports the last ones.
    kl_weight, temperature : float
        Stage 2.
    candidates : int
        Stage 3: texts sampled for each vector.
    risk_weight : float
        Stage 3.
    lora_rank, lora_alpha : int
        For ``"projector+lora"``.
    lora_first_layer : int
        The first layer with LoRA layers; what lies below the first trained layer costs no backward pass.
    most_examples : int
        Passages of a group's other texts that a prompt may show; 0: none. Needs a bridge whose prompts show texts.
    example_share : float
        Share of the groups whose prompts show some.
    style_share : float
        Share of these groups that are written in a way of their own (:mod:`~smotext.training.data.styles`).
    precision : {"auto", "float32", "bfloat16"}
        Of the working weights; masters, optimizer and sums are float32.
    prompt : int or "random"
        Which of the prompts; ``"random"`` draws one for each group of passages.
    seed : int
        Of everything drawn.
    """

    train: Literal["projector", "projector+lora", "all"] = "projector"
    stage: Literal[1, 2, 3] = 1
    learning_rate: float | None = None
    lora_learning_rate: float | None = None
    warmup_ratio: float = 0.03
    final_ratio: float = 0.0
    batch_size: int = 384
    micro_tokens: int = 1024
    epochs: float = 1.0
    max_steps: int | None = None
    max_minutes: float | None = None
    noise: float = 0.0
    mix_share: float = 0.0
    optimizer: Literal["adamw", "muon"] = "adamw"
    weight_decay: float = 0.0
    beta1: float = 0.9
    beta2: float = 0.999
    clip: float = 1.0
    average_from: float = 1.0
    kl_weight: float = 2.0
    temperature: float = 1.0
    candidates: int = 8
    risk_weight: float = 20.0
    lora_rank: int = 64
    lora_alpha: int = 128
    lora_first_layer: int = 0
    most_examples: int = 0
    example_share: float = 0.5
    style_share: float = 0.0
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    prompt: int | Literal["random"] = "random"
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise InputError for a value that cannot be trained with."""
        for name, known in (("train", TRAINED_PARTS), ("precision", PRECISIONS), ("optimizer", OPTIMIZERS)):
            if getattr(self, name) not in known:
                raise unknown_name(name, getattr(self, name), known)
        if self.stage not in _STAGE_RATES:
            raise InputError(f"stage is {self.stage!r}: expected 1, 2 or 3")
        if self.candidates < 2:
            raise InputError(f"candidates is {self.candidates!r}: expected 2 or more, each is compared with the others")
        for names, is_right, expected in _BOUNDS:
            for name in names:
                value = getattr(self, name)
                if not is_right(value):
                    raise InputError(f"{name} is {value!r}: expected {expected}")

    @property
    def peak_rate(self) -> float:
        """The learning rate after warm-up."""
        return _STAGE_RATES[self.stage] if self.learning_rate is None else self.learning_rate

    @property
    def lora_scale(self) -> float:
        """The LoRA layers' learning rate, as a multiple of the projector's."""
        return 0.25 if self.lora_learning_rate is None else self.lora_learning_rate / self.peak_rate

    def rate(self, progress: float) -> float:
        """Return the learning rate at a share of the run: a linear rise, then a linear fall to `final_ratio`.

        Examples
        --------
        >>> settings = TrainingSettings(learning_rate=1.0, warmup_ratio=0.5)
        >>> [settings.rate(share) for share in (0.25, 0.5, 0.75, 1.0)]
        [0.5, 1.0, 0.5, 0.0]
        """
        if progress < self.warmup_ratio:
            return self.peak_rate * progress / self.warmup_ratio
        left = max(0.0, 1.0 - progress) / max(1.0 - self.warmup_ratio, 1e-9)
        return self.peak_rate * (self.final_ratio + (1.0 - self.final_ratio) * left)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain values."""
        return dataclasses.asdict(self)


def check_same_settings(saved: Mapping[str, Any], given: Mapping[str, Any], where: object) -> None:
    """Raise InputError if a run is resumed with other settings, showing each difference.

    Examples
    --------
    >>> check_same_settings({"seed": 0}, {"seed": 1}, "run")
    Traceback (most recent call last):
        ...
    smotext.errors.InputError: run was started with other settings: seed was 0, now 1; give the old ones, ...
    """
    changed = [
        f"{name} was {saved.get(name)!r}, now {given.get(name)!r}"
        for name in sorted(saved.keys() | given.keys())
        if saved.get(name) != given.get(name)
    ]
    if changed:
        raise InputError(
            f"{where} was started with other settings: {'; '.join(changed)}; "
            "give the old ones, or another output directory"
        )
