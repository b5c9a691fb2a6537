"""``smotext adapt``: go on from a bridge on the user's own texts, until held-out loss stops falling."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from smotext.decoders.language_model import LanguageModelDecoder
from smotext.decoders.loading import read
from smotext.decoders.prompts import count_tokens
from smotext.errors import InputError
from smotext.training.data.drawing import DrawnPassages
from smotext.training.data.passage_store import EncodePassages, PassageStore, Piece
from smotext.training.data.passages import Cutting, cut_passages
from smotext.training.export import Card, check_bridge_output, export_bridge, with_spec
from smotext.training.loop.checkpoint import make_training_directory
from smotext.training.loop.processes import join_process_group
from smotext.training.loop.run_identity import models_identity, texts_identity
from smotext.training.loop.trainer import ReportStep, Trainer
from smotext.training.models.lora import has_lora, load_for_training
from smotext.training.models.pair import Pair
from smotext.training.scoring.measures import copied_share
from smotext.training.scoring.pair_texts import write_texts
from smotext.training.scoring.score import held_out_nats
from smotext.training.training_settings import TrainingSettings
from smotext.utils.seeding import generator

# Fewer texts cannot spare a part to be held out.
MIN_TEXTS = 20
# So many words in a row two people seldom write alike.
COPIED_NGRAM = 8
DEFAULTS = TrainingSettings(
    train="projector+lora",
    learning_rate=5e-4,
    lora_rank=16,
    lora_alpha=32,
    batch_size=16,
    noise=0.05,
    warmup_ratio=0.05,
    epochs=10,
    prompt=0,
)


@dataclass(frozen=True)
class Adaptation:
    """How an adaptation went.

    Attributes
    ----------
    losses : list of float
        Held-out loss in nats a token: before, and after each pass over the texts.
    best_pass : int
        The pass whose weights were kept; 0 is the bridge as it was.
    copied, copied_before : float
        Memorisation: share of 8-word runs in texts written for held-out vectors that stand in the training
        texts, by the adapted bridge and by the bridge as it was.
    n_train, n_held_out : int
        Passages.
    """

    losses: list[float]
    best_pass: int
    copied: float
    copied_before: float
    n_train: int
    n_held_out: int


def adapt_bridge(
    bridge: str | Path,
    texts: Sequence[str],
    output: str | Path,
    *,
    encoder: Any,
    settings: TrainingSettings = DEFAULTS,
    held_out_share: float = 0.2,
    patience: int = 2,
    max_tokens: int | None = None,
    n_written: int = 64,
    device: str | None = None,
    report: ReportStep | None = None,
    command: str = "",
) -> Adaptation:
    """Write a bridge adapted to `texts` into `output` and return how it went.

    After each pass over the texts the held-out loss is taken; `patience` passes without a better one end the
    run, and the best pass's weights are kept, be they those of the bridge as it was. The same call resumes a run
    that was interrupted; after one that has ended it writes the same bridge again.

    Parameters
    ----------
    bridge : path
        The bridge directory to go on from.
    texts : sequence of str
        At least 20; a few hundred do.
    output : path
        The adapted bridge directory; texts, vectors and checkpoints lie in ``OUTPUT.run``, its owner's alone.
    encoder : Encoder
        The bridge's.
    settings : TrainingSettings
        ``epochs`` is the most passes over the texts.
    held_out_share : float
        Share of the texts (not of their passages) that is held out.
    patience : int
        Passes without a better held-out loss.
    max_tokens : int or None
        Longest passage; None: what the bridge was trained for, or less where its language model has no room for it.
    n_written : int
        Texts written for the memorisation figure.
    device : str or None
        None: a GPU if there is one.
    report : callable or None
        Called after each step with what an entry of the metrics holds, and after each pass with ``pass``,
        ``held_out_loss`` and ``before``.
    command : str
        For the card.

    Raises
    ------
    InputError
        For fewer than 20 texts, texts without a sentence of usable length, or longer ones than the bridge can take;
        if `output` holds other files, or a run in ``OUTPUT.run`` was started with other texts, models or settings.
    """
    check_bridge_output(output)
    pair, world = load_for_training(Path(bridge)), join_process_group(device)

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        return pair.aligned(np.asarray(encoder.encode(texts), dtype=np.float32))

    settings = _with_adapters_rank(pair, settings)
    train, held_out = _split(texts, held_out_share, settings.seed)
    is_read = settings.stage == 2
    longest = min(pair.spec.max_new_tokens, pair.capacity(is_read=is_read))
    cutting = Cutting(min_tokens=4, max_tokens=max_tokens or longest)
    pair.check_capacity(cutting.max_tokens, is_read=is_read)
    passages, checked = (_cut(pair, part, cutting, settings.seed) for part in (train, held_out))
    if not passages or not checked:
        raise InputError(f"no sentence of the texts has {cutting.min_tokens} to {cutting.max_tokens} tokens: add texts")
    made_of = {
        **models_identity(encoder, Path(bridge)),
        "texts": texts_identity(texts),
        "held_out_share": held_out_share,
        "cutting": asdict(cutting),
        "seed": settings.seed,
    }
    folder, corpus = make_training_directory(output), DrawnPassages(passages, checked)
    store = PassageStore.open_or_create(
        folder / "store", made_of, lambda: corpus, tokenize=pair.prompts.text_ids, encode=encode, world=world
    )
    watch = _Watch(pair, _piece(pair, checked, encode), patience, report)
    asked = encode(checked[:n_written])
    copied_before = _copied(pair.to(world.device), asked, passages)
    trainer = Trainer(pair, store, settings, folder, world=world, report=report, watch=watch)
    watch.start()
    trainer.run()
    if watch.best is not None:
        trainer.masters.publish(watch.best)
    else:
        pair = load_for_training(Path(bridge)).to(world.device)
    outcome = Adaptation(
        losses=watch.losses,
        best_pass=watch.best_pass,
        copied=_copied(pair, asked, passages),
        copied_before=copied_before,
        n_train=len(passages),
        n_held_out=len(checked),
    )
    if world.is_main:
        pair = with_spec(pair, is_adapted=pair.spec.is_adapted or outcome.best_pass > 0)
        export_bridge(pair, output, card=_card(bridge, pair, outcome, settings, command))
    world.wait()
    return outcome


def adapted_decoder(
    encoder: Any, decoder: Any, texts: Sequence[str], seed: int, settings: TrainingSettings = DEFAULTS
) -> Any:
    """Return a decoder adapted to `texts`, or `decoder` itself for fewer than 20 of them.

    An adapted one is loaded as `decoder` was (device, number format, quantization); its directory goes when it does.

    Parameters
    ----------
    encoder : Encoder
        The bridge's.
    decoder : LanguageModelDecoder
        Of the bridge to go on from; it stays as it is.
    texts : sequence of str
    seed : int
        Of the split and the order.
    settings : TrainingSettings
        Their seed is replaced.

    Raises
    ------
    InputError
        As :func:`check_adaptable`.
    """
    check_adaptable(decoder)
    if len(texts) < MIN_TEXTS:
        return decoder
    loaded, folder = decoder.settings, Path(tempfile.mkdtemp(prefix="smotext-adapted-"))
    output = folder / "bridge"
    try:
        adapt_bridge(
            loaded.directory,
            texts,
            output,
            encoder=encoder,
            settings=replace(settings, seed=seed),
            n_written=1,
            # Training takes a single device.
            device=None if loaded.device == "auto" else loaded.device,
        )
        # The run's directory holds the texts.
        shutil.rmtree(make_training_directory(output))
        adapted = read(replace(loaded, directory=str(output)))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(adapted, shutil.rmtree, folder, ignore_errors=True)
    return adapted


def _with_adapters_rank(pair: Pair, settings: TrainingSettings) -> TrainingSettings:
    """Return the settings with the rank of the LoRA layers that the bridge has already."""
    if not has_lora(pair.lm):
        return settings
    found = pair.lm.peft_config["default"]
    return replace(settings, lora_rank=found.r, lora_alpha=found.lora_alpha)


def check_adaptable(decoder: Any) -> None:
    """Raise InputError if the decoder is not that of a bridge directory: there is nothing to train."""
    if not isinstance(decoder, LanguageModelDecoder):
        raise InputError(
            f"adapting needs a bridge directory to go on from, the {type(decoder).__name__} has none: leave adapt out",
            options=["adapt"],
        )


class _Watch:
    """Takes the held-out loss after each pass, keeps the best weights, and says when to stop."""

    def __init__(self, pair: Pair, piece: Piece, patience: int, report: ReportStep | None) -> None:
        self._pair, self._piece, self._patience, self._report = pair, piece, patience, report
        self.losses: list[float] = []
        self.best_pass = 0
        self.best: list[torch.Tensor] | None = None

    @property
    def settings(self) -> dict[str, Any]:
        return {"patience": self._patience}

    def start(self) -> None:
        """Take the loss of the bridge as it was, where and in the precision that it is trained in."""
        if not self.losses:
            # A run that was resumed has losses already, and the weights in memory are those of a later pass.
            self.losses.append(self._loss())

    def __call__(self, trainer: Trainer) -> bool:
        number, loss = len(self.losses), self._loss()
        if loss < self.losses[self.best_pass]:
            self.best_pass = number
            self.best = [weight.to("cpu", copy=True) for weight in trainer.masters.weights]
        self.losses.append(loss)
        if self._report is not None:
            self._report({"pass": number, "held_out_loss": loss, "before": self.losses[0]})
        return number - self.best_pass >= self._patience

    def state(self) -> dict[str, Any]:
        return {"losses": self.losses, "best_pass": self.best_pass, "best": self.best}

    def load(self, state: dict[str, Any]) -> None:
        self.losses, self.best_pass, self.best = state["losses"], state["best_pass"], state["best"]

    def _loss(self) -> float:
        return held_out_nats(self._pair, self._piece) / int(self._piece.lengths.sum() + len(self._piece))


def _split(texts: Sequence[str], held_out_share: float, seed: int) -> tuple[list[str], list[str]]:
    if len(texts) < MIN_TEXTS:
        raise InputError(f"{len(texts)} texts to adapt to: expected at least {MIN_TEXTS}, a part of them is held out")
    if not 0 < held_out_share < 1:
        raise InputError(f"held_out_share is {held_out_share}: expected a share between 0 and 1")
    order = generator(seed, "adapt").permutation(len(texts))
    n_held_out = max(1, round(held_out_share * len(texts)))
    return [texts[row] for row in order[n_held_out:]], [texts[row] for row in order[:n_held_out]]


def _cut(pair: Pair, texts: list[str], cutting: Cutting, seed: int) -> list[str]:
    rng = generator(seed, "cut")
    return [
        passage
        for text in texts
        for passage in cut_passages(text, lambda parts: count_tokens(pair.tokenizer, parts).tolist(), cutting, rng)
    ]


def _piece(pair: Pair, passages: list[str], encode: EncodePassages) -> Piece:
    ids = pair.prompts.text_ids(passages)
    tokens = np.concatenate([np.asarray(row, dtype=np.int64) for row in ids])
    return Piece(tokens, np.cumsum([0, *map(len, ids)]), encode(passages))  # type: ignore[arg-type]


def _copied(pair: Pair, asked: NDArray[np.float32], passages: list[str]) -> float:
    """Return the memorisation figure of greedy texts, written with the weights in memory."""
    return copied_share(write_texts(pair, asked), passages, n=COPIED_NGRAM)


def _card(bridge: str | Path, pair: Pair, outcome: Adaptation, settings: TrainingSettings, command: str) -> Card:
    about = {
        "adapted from": str(bridge),
        "encoder": pair.spec.encoder or "not named",
        "passages": f"{outcome.n_train} trained on, {outcome.n_held_out} held out",
        "held-out loss, nats a token": " -> ".join(f"{loss:.3f}" for loss in outcome.losses)
        + f"; pass {outcome.best_pass} was kept",
        "memorisation": f"{outcome.copied:.1%} of 8-word runs in its texts stand in the training texts "
        f"(before: {outcome.copied_before:.1%})",
        "settings": ", ".join(f"{name}={value}" for name, value in asdict(settings).items()),
    }
    note = "Its texts may repeat the texts it was adapted to: treat it as private if they are."
    return Card(title="A bridge adapted to its user's texts", about=about, command=command, notes=[note])
