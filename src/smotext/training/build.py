"""From a corpus, an encoder and a language model to a bridge directory: what ``smotext train`` does."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from smotext.data.languages import find_languages
from smotext.decoders.base_model import BASES
from smotext.decoders.bridge import GUIDANCE_PREFIX, BridgeSpec, read_spec
from smotext.decoders.guidance import Guidance
from smotext.decoders.prompts import count_tokens
from smotext.errors import InputError
from smotext.presets import decoder_directory
from smotext.training.data.drawing import read_corpus
from smotext.training.data.passage_store import PassageStore
from smotext.training.export import Card, check_bridge_output, export_bridge, with_spec
from smotext.training.guidance_head import fit_guidance
from smotext.training.job import PROMPT_STYLES, TrainingJob
from smotext.training.loop.checkpoint import make_training_directory
from smotext.training.loop.processes import ProcessGroup, join_process_group
from smotext.training.loop.run_identity import models_identity
from smotext.training.loop.trainer import ReportStep, Trainer, TrainingProgress
from smotext.training.models.lora import load_for_training
from smotext.training.models.pair import Pair, load_training_pair
from smotext.training.models.training_encoder import load_training_encoder, with_encoder
from smotext.training.scoring.score import bits_per_character
from smotext.training.training_settings import TrainingSettings
from smotext.utils.files import atomic_write

# Width of the hidden layer of a tied head.
_HIDDEN = 2048
# A bridge is made for a language in which at least this share of its passages is written.
_LANGUAGE_SHARE = 0.05
# A head is fitted to so many pieces of the store, of 10,000 passages each.
_HEAD_PIECES = 15


def train_bridge(
    job: TrainingJob,
    output: str | Path,
    settings: TrainingSettings,
    *,
    encoder: Any = None,
    device: str | None = None,
    report: ReportStep | None = None,
    command: str = "",
) -> Path:
    """Train a bridge, write its directory and return the path.

    The store, ``checkpoint.pt`` and ``metrics.jsonl`` lie in ``OUTPUT.run``; the same call resumes from there.

    Parameters
    ----------
    job : TrainingJob
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
    check_bridge_output(output)
    world = join_process_group(device)
    folder = make_training_directory(output)
    bridge = None if job.bridge is None else decoder_directory(job.bridge)
    spec = _make_spec(job, bridge)
    if spec.aligned_to is not None:
        raise InputError(
            f"bridge {job.bridge} was aligned to another encoder: train from the one that it was aligned of, with "
            "--encoder, or use smotext adapt"
        )
    if encoder is None:
        encoder, spec = load_training_encoder(spec, bridge=job.bridge or "", device=world.device)
    else:
        spec = with_encoder(spec, None)
    pair = _with_guidance(_make_pair(job, bridge, spec, encoder.vector_dim, settings.seed), job)
    _check_examples(pair, job, settings)
    pair.check_capacity(job.cutting.max_tokens, is_read=settings.stage == 2, n_examples=settings.most_examples)
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


def _check_examples(pair: Pair, job: TrainingJob, settings: TrainingSettings) -> None:
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


def _make_spec(job: TrainingJob, bridge: Path | None) -> BridgeSpec:
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


def _make_pair(job: TrainingJob, bridge: Path | None, spec: BridgeSpec, vector_dim: int, seed: int) -> Pair:
    if bridge is not None:
        return dataclasses.replace(load_for_training(bridge), spec=spec)
    return load_training_pair(str(job.lm), vector_dim=vector_dim, spec=spec, projector=job.projector.config, seed=seed)


def _with_guidance(pair: Pair, job: TrainingJob) -> Pair:
    """Return the pair with the weights of its guidance head as the job says; the head itself may be fitted later."""
    names = ("guidance", "guidance_alone", "trained_guidance", "examples")
    given = {name: value for name in names if (value := getattr(job, name)) is not None}
    pair = with_spec(pair, **given)
    if pair.spec.trained_guidance and pair.guidance is None and job.guidance is None:
        raise InputError(
            f"trained_guidance is {pair.spec.trained_guidance}, but there is no guidance head: set guidance to fit one"
        )
    return pair


def _languages(store: PassageStore) -> tuple[str, ...]:
    """Return the languages of the passages that are trained on, where they can be told."""
    return tuple(name for name, share in find_languages(store.texts(0)).items() if share >= _LANGUAGE_SHARE)


def _fit_guidance(
    job: TrainingJob, pair: Pair, store: PassageStore, path: Path, seed: int, world: ProcessGroup
) -> Guidance:
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
    job: TrainingJob, bridge: Path | None, pair: Pair, encoder: Any, folder: Path, seed: int, world: ProcessGroup
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
    job: TrainingJob,
    pair: Pair,
    store: PassageStore,
    settings: TrainingSettings,
    progress: TrainingProgress,
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
    job: TrainingJob,
    pair: Pair,
    settings: TrainingSettings,
    progress: TrainingProgress,
    figures: dict[str, float],
    command: str,
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
