"""What is trained on what: all that ``smotext train`` is told but for how."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from smotext.decoders.projector import KV
from smotext.decoders.prompt_templates import LIST_EXAMPLES, LIST_PROMPTS, LIST_TEMPLATE, LIST_TEXT
from smotext.errors import InputError, unknown_name
from smotext.training.data.passages import Cutting

PROMPT_STYLES = {
    # xRAG's own templates, which are the defaults.
    "chat": {},
    "list": {
        "chat_template": LIST_TEMPLATE,
        "prompts": LIST_PROMPTS,
        "examples_template": LIST_EXAMPLES,
        "text_template": LIST_TEXT,
    },
}
GUIDANCE_HEADS = ("tied", "free")


@dataclass(frozen=True)
class NewProjector:
    """Kind and size of a new projector.

    Attributes
    ----------
    kind : str
        ``mlp{n}x_gelu``, soft tokens made by n linear layers; or ``"kv"``, key/value slots in the layers.
    n_soft_tokens : int
        For ``mlp{n}x_gelu``; xRAG has one.
    n_slots, slot_code_size, first_slot_layer : int
        For ``"kv"``; see :class:`~smotext.decoders.projector.SlotProjector`.
    """

    kind: str = "mlp2x_gelu"
    n_soft_tokens: int = 1
    n_slots: int = 4
    slot_code_size: int = 512
    first_slot_layer: int = 0

    @property
    def config(self) -> dict[str, Any]:
        """The entries of config.json."""
        if self.kind != KV:
            return {"projector_type": self.kind, "n_soft_tokens": self.n_soft_tokens}
        names = ("n_slots", "slot_code_size", "first_slot_layer")
        return {"projector_type": KV, **{name: getattr(self, name) for name in names}}


@dataclass(frozen=True)
class TrainingJob:
    """What to train, on what, from what.

    Attributes
    ----------
    corpus : tuple of str
        Files, as :func:`~smotext.training.data.corpus_files.read_documents` reads them.
    lm, bridge : str or None
        Exactly one: a causal language model (the projector is new), or a bridge (directory, hub name or preset) to go
        on from. A language model of :data:`~smotext.decoders.base_model.BASES` is named by the bridge, others are held
        in it.
    encoder : str or None
        A sentence-transformers model; ``"tiny"`` is all-MiniLM-L6-v2. None: the bridge's own, loaded as decoding
        loads it; for a new bridge ``"tiny"``.
    text_column : str
        Of the corpus.
    cutting : Cutting
        Passages.
    max_passages : int or None
        A uniform sample of so many.
    n_held_out : int
        Passages from documents that are not trained on.
    equal_shares : bool
        As many passages of each corpus file, whatever its size.
    projector : NewProjector
        Kind and size of a new projector.
    vector_norm : {"unit", "raw"}
        Scale of the vectors; a bridge keeps its own.
    prompt_style : {"chat", "list"}
        Of a new bridge: xRAG's paraphrase instructions, for a language model that follows instructions; or a list of
        texts of which the next is written, which can show examples, for one that continues text.
    chat_template : str or None
        Of a new bridge; None: that of the style.
    prompts : tuple of str or None
        Of a new bridge, each with ``<xRAG>`` once; None: those of the style.
    guidance : float or None
        Default weight of the guidance head, which is fitted to the corpus first if the bridge has none. None:
        the bridge's own weight; no head is fitted.
    guidance_alone : float or None
        Default weight where the prompt shows no texts. None: the bridge's own, for a new bridge `guidance`.
    guidance_head : {"tied", "free"}
        A new head: tied to the language model's embeddings, or with a row of its own for each token.
    trained_guidance : float or None
        Weight of the head in the loss; 0 trains the language model as if there were none. None: the bridge's.
    examples : int or None
        How many example texts a prompt shows unless the caller says another number. None: the bridge's own number, for
        a new bridge of style "list" 4.
    data : tuple of (name, what, licence)
        For the card.
    """

    corpus: tuple[str, ...]
    lm: str | None = None
    bridge: str | None = None
    encoder: str | None = None
    text_column: str = "text"
    cutting: Cutting = field(default_factory=Cutting)
    max_passages: int | None = None
    n_held_out: int = 1000
    equal_shares: bool = False
    projector: NewProjector = field(default_factory=NewProjector)
    vector_norm: Literal["unit", "raw"] = "unit"
    prompt_style: Literal["chat", "list"] = "chat"
    chat_template: str | None = None
    prompts: tuple[str, ...] | None = None
    guidance: float | None = None
    guidance_alone: float | None = None
    guidance_head: Literal["tied", "free"] = "tied"
    trained_guidance: float | None = None
    examples: int | None = None
    data: tuple[tuple[str, str, str], ...] = ()

    def __post_init__(self) -> None:
        if (self.lm is None) == (self.bridge is None):
            raise InputError("name exactly one of lm and bridge: where the language model comes from")
        if not self.corpus:
            raise InputError("no corpus file was named: expected at least one")
        if self.prompt_style not in PROMPT_STYLES:
            raise unknown_name("prompt_style", self.prompt_style, PROMPT_STYLES)
        if self.guidance_head not in GUIDANCE_HEADS:
            raise unknown_name("guidance_head", self.guidance_head, GUIDANCE_HEADS)
