"""From a corpus, an encoder and a language model to a bridge directory: what ``smotext train`` does."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from smotext.decoders.base_model import BASES
from smotext.decoders.bridge import GUIDANCE_PREFIX, BridgeSpec, read_spec
from smotext.decoders.guidance import Guidance
from smotext.decoders.projector import KV
from smotext.decoders.prompts import LIST_EXAMPLES, LIST_PROMPTS, LIST_TEMPLATE, LIST_TEXT, count_tokens
from smotext.errors import InputError, unknown_name
from smotext.files import atomic_write
from smotext.languages import find_languages
from smotext.presets import decoder_directory
from smotext.training.checkpoint import run_directory
from smotext.training.corpus import Cutting, read_corpus
from smotext.training.export import Card, check_output, export_bridge, with_spec
from smotext.training.heads import fit_guidance
from smotext.training.identity import models_identity
from smotext.training.lora import load_for_training
from smotext.training.pair import Pair, load_pair
from smotext.training.score import bits_per_character
from smotext.training.settings import TrainingSettings
from smotext.training.store import PassageStore
from smotext.training.trainer import Progress, Report, Trainer
from smotext.training.vectors import load_training_encoder, with_encoder
from smotext.training.world import World, join_world

PROMPT_STYLES = {
    "chat": {},  # xRAG's
    "list": {
        "chat_template": LIST_TEMPLATE,
        "prompts": LIST_PROMPTS,
        "examples_template": LIST_EXAMPLES,
        "text_template": LIST_TEXT,
    },
}
GUIDANCE_HEADS = ("tied", "free")
_HIDDEN = 2048  # of a tied head
_LANGUAGE_SHARE = 0.05  # of the passages, for a bridge to be made for a language
_HEAD_PIECES = 15  # of the store that a head is fitted to, 10,000 passages each


@dataclass(frozen=True)
class Projecting:
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
class Job:
    """What to train, on what, from what.

    Attributes
    ----------
    corpus : tuple of str
        Files, as :func:`~smotext.training.corpus.read_documents` reads them.
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
    projector : Projecting
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
    projector: Projecting = field(default_factory=Projecting)
    vector_norm: Literal["unit", "raw"] = "unit"
    prompt_style: Literal["chat", "list"] = "chat"
    chat_template: str | None = None
    prompts: tuple[str, ...] | None = None
    guidance: float | None = None
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


def train_bridge(
    job: Job,
    output: str | Path,
    settings: TrainingSettings,
    *,
    encoder: Any = None,
    device: str | None = None,
    report: Report | None = None,
    command: str = "",
) -> Path:
    """Train a bridge, write its directory and return the path.

    The store, ``checkpoint.pt`` and ``metrics.jsonl`` lie in ``OUTPUT.run``; the same call resumes from there.

    Parameters
    ----------
    job : Job
        What is trained on what.
    output : path
        The bridge directory.
    settings : TrainingSettings
        How.
    encoder : Encoder or None
        An object instead of ``job.encoder``; the bridge then does not name its encoder.
    device : str or None
        None: a GPU if there is one.
    report : callable or None
        Called after each step with what an entry of the metrics holds, and then with ``doing``, what comes next.
    command : str
        For the card.

    Raises
    ------
    InputError
        If the corpus gives no passages, encoder and language model do not fit, `output` holds other files, or a run
        in ``OUTPUT.run`` was started with other settings.
    RunError
        If the loss is not finite.
    """
    check_output(output)
    world = join_world(device)
    folder = run_directory(output)
    bridge = None if job.bridge is None else decoder_directory(job.bridge)
    spec = _make_spec(job, bridge)
    if encoder is None:
        encoder, spec = load_training_encoder(spec, bridge=job.bridge or "", device=world.device)
    else:
        spec = with_encoder(spec, None)
    pair = _with_guidance(_make_pair(job, bridge, spec, encoder.vector_dim, settings.seed), job)
    _check_examples(pair, job, settings)
    pair.check_room(job.cutting.max_tokens, is_read=settings.stage == 2, n_examples=settings.most_examples)
    store = _make_store(job, bridge, pair, encoder, folder / "store", settings.seed, world)
    if job.guidance is not None and pair.guidance is None:
        if report is not None:
            report({"doing": "fitting the guidance head"})
        pair.guidance = _fit_guidance(job, pair, store, folder / "guidance.safetensors", settings.seed, world)
    trainer = Trainer(pair, store, settings, folder, world=world, report=report)
    progress = trainer.run()
    if world.is_main:
        if report is not None:
            report({"doing": "writing the bridge"})
        pair = with_spec(pair, languages=_languages(store))
        _export(job, pair, store, settings, progress, encoder, Path(output), command)
    world.wait()
    return Path(output)


def _check_examples(pair: Pair, job: Job, settings: TrainingSettings) -> None:
    """Raise InputError if prompts are to show examples, and the bridge or the corpus has none to show."""
    if not settings.most_examples:
        return
    if not pair.prompts.takes_examples:
        raise InputError(f"most_examples is {settings.most_examples}, but the bridge's prompts show none: use 0")
    if job.cutting.group_size < 2:
        raise InputError(
            f"most_examples is {settings.most_examples}, but each passage is a group by itself: set group_size to the "
            "number of passages that can be each other's examples"
        )


def _make_spec(job: Job, bridge: Path | None) -> BridgeSpec:
    """Return the conventions of the bridge to be: of the one gone on from, or as the job says."""
    if bridge is not None:
        spec = read_spec(bridge)
        return spec if job.encoder is None else with_encoder(spec, job.encoder)
    style: Mapping[str, Any] = PROMPT_STYLES[job.prompt_style]
    given = {"chat_template": job.chat_template, "prompts": job.prompts, "examples": job.examples}
    spec = BridgeSpec(
        **{
            "examples": 4 if "examples_template" in style else 0,
            **style,
            "vector_norm": job.vector_norm,
            "max_new_tokens": job.cutting.max_tokens,
            "base": BASES.get(str(job.lm)),
            **{name: value for name, value in given.items() if value is not None},
        }
    )
    return with_encoder(spec, job.encoder or "tiny")


def _make_pair(job: Job, bridge: Path | None, spec: BridgeSpec, vector_dim: int, seed: int) -> Pair:
    if bridge is not None:
        return dataclasses.replace(load_for_training(bridge), spec=spec)
    return load_pair(str(job.lm), vector_dim=vector_dim, spec=spec, projector=job.projector.config, seed=seed)


def _with_guidance(pair: Pair, job: Job) -> Pair:
    """Return the pair with the weights of its guidance head as the job says; the head itself may be fitted later."""
    changes = {"guidance": job.guidance, "trained_guidance": job.trained_guidance, "examples": job.examples}
    pair = with_spec(pair, **{name: weight for name, weight in changes.items() if weight is not None})
    if pair.spec.trained_guidance and pair.guidance is None and job.guidance is None:
        raise InputError(
            f"trained_guidance is {pair.spec.trained_guidance}, but there is no guidance head: set guidance to fit one"
        )
    return pair


def _languages(store: PassageStore) -> tuple[str, ...]:
    """Return the languages of the passages that are trained on, where they can be told."""
    return tuple(name for name, share in find_languages(store.texts(0)).items() if share >= _LANGUAGE_SHARE)


def _fit_guidance(job: Job, pair: Pair, store: PassageStore, path: Path, seed: int, world: World) -> Guidance:
    """Return a head fitted to the store, or the one that an interrupted run has fitted."""
    from safetensors.torch import load_file, save

    table = pair.lm.get_input_embeddings().weight.detach()
    if world.is_main and not path.is_file():
        special = [number for number in pair.tokenizer.all_special_ids if number < len(table)]
        tied = table if job.guidance_head == "tied" else None
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            head = Guidance(len(table), pair.projector.vector_dim, tied, hidden_size=_HIDDEN if tied is not None else 0)
        fit_guidance(head, store, special_ids=special, seed=seed, max_pieces=_HEAD_PIECES)
        with atomic_write(path, mode=0o600) as file:
            file.write(save({f"{GUIDANCE_PREFIX}{name}": one for name, one in head.state_dict().items()}))
    world.wait()
    return Guidance.from_tensors(load_file(path), table)


def _make_store(
    job: Job, bridge: Path | None, pair: Pair, encoder: Any, folder: Path, seed: int, world: World
) -> PassageStore:
    settings = {
        **models_identity(encoder, bridge),
        "corpus": list(job.corpus),
        "language model": job.lm or job.bridge,
        "text_column": job.text_column,
        "cutting": asdict(job.cutting),
        "max_passages": job.max_passages,
        "n_held_out": job.n_held_out,
        "equal_shares": job.equal_shares,
        "seed": seed,
    }
    read = partial(
        read_corpus,
        job.corpus,
        lambda texts: count_tokens(pair.tokenizer, texts).tolist(),
        cutting=job.cutting,
        text_column=job.text_column,
        max_passages=job.max_passages,
        n_held_out=job.n_held_out,
        seed=seed,
        equal_shares=job.equal_shares,
    )
    return PassageStore.open_or_create(
        folder, settings, read, tokenize=pair.prompts.text_ids, encode=encoder.encode, world=world
    )


def _export(
    job: Job,
    pair: Pair,
    store: PassageStore,
    settings: TrainingSettings,
    progress: Progress,
    encoder: Any,
    output: Path,
    command: str,
) -> None:
    pair = with_spec(pair, max_new_tokens=job.cutting.max_tokens)
    held_out = store.held_out()
    figures = {}
    if held_out:
        vectors = np.asarray(encoder.encode(held_out), dtype=np.float32)
        figures["bits per character"] = bits_per_character(pair, held_out, vectors)
    card = make_card(job, pair, settings, progress, figures, command)
    export_bridge(pair, output, card=card)


def make_card(
    job: Job, pair: Pair, settings: TrainingSettings, progress: Progress, figures: dict[str, float], command: str
) -> Card:
    """Return the card of a bridge that was just trained."""
    n_weights = sum(parameter.numel() for _, parameter in pair.parameters())
    about = {
        "encoder": f"{pair.spec.encoder or 'not named'} (SHA-256 of the weights: "
        f"{pair.spec.encoder_sha256 or 'not known'}), vectors: {pair.spec.vector_norm}",
        "language model": f"{job.lm or job.bridge}, {n_weights / 1e6:.1f} M weights "
        f"with the projector ({pair.projector.projector_type})",
        "trained": f"{settings.train}, stage {settings.stage}",
        "steps": f"{progress.step}, {progress.n_passages} passages, {progress.n_tokens} tokens, "
        f"{progress.elapsed_s / 60:.0f} minutes",
        "seed": str(settings.seed),
        "settings": ", ".join(f"{name}={value}" for name, value in settings.to_dict().items()),
    }
    data = list(job.data) or [(Path(path).name, "", "not stated") for path in job.corpus]
    scores = {"this bridge": figures} if figures and all(map(math.isfinite, figures.values())) else {}
    return Card(title="A bridge for SMOTExT", about=about, data=data, scores=scores, command=command)
