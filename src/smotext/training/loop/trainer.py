"""The training loop: step after step through the passages, with checkpoints, until the schedule ends."""

from __future__ import annotations

import copy
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from smotext.errors import InputError, RunError
from smotext.training.data.batches import MicroBatch, Prompting, StreamPosition, count_steps, micro_batches, steps_from
from smotext.training.data.passage_store import PassageStore, check_vector_width
from smotext.training.loop.checkpoint import Diary, load_checkpoint, save_checkpoint
from smotext.training.loop.optimizers import Masters
from smotext.training.loop.processes import ProcessGroup
from smotext.training.loop.run_identity import run_identity
from smotext.training.losses.passage_losses import stage_one, stage_two
from smotext.training.losses.perturbation import perturb
from smotext.training.losses.risk import stage_three
from smotext.training.models.lora import add_lora, has_lora
from smotext.training.models.pair import Pair
from smotext.training.training_settings import TrainingSettings, check_same_settings
from smotext.utils.devices import default_dtype, find_dtype
from smotext.utils.seeding import stable_hash

ReportStep = Callable[[dict[str, Any]], None]


@dataclass
class TrainingProgress:
    """Where a run is: what a checkpoint holds besides the weights."""

    step: int = 0
    n_tokens: int = 0
    n_passages: int = 0
    elapsed_s: float = 0.0
    place: StreamPosition = field(default_factory=StreamPosition)
    is_finished: bool = False


class PassObserver(Protocol):
    """Looks at a run after each pass over the corpus; what it remembers goes into the checkpoints."""

    @property
    def settings(self) -> dict[str, Any]:
        """What decides when it ends a run."""

    def __call__(self, trainer: Trainer) -> bool:
        """Return True to end the run."""

    def state(self) -> dict[str, Any]:
        """Return what it remembers: tensors and plain values."""

    def load(self, state: dict[str, Any]) -> None:
        """Remember what a checkpoint holds."""


class Trainer:
    """Trains a pair on a store of passages.

    Parameters
    ----------
    pair : Pair
        In float32; changed in place.
    store : PassageStore
        Passages and their vectors.
    settings : TrainingSettings
        All that decides the result.
    directory : path
        For ``checkpoint.pt`` and ``metrics.jsonl``, its owner's alone. A run found there is resumed; one that has
        ended is left as it is.
    world : ProcessGroup
        This process's place among those that train together.
    report : callable or None
        Called after each step with what an entry of the metrics holds.
    watch : PassObserver or None
        Looks at the run after each pass over the corpus, and may end it.
    log_every, checkpoint_every_s : int, float
        Steps between entries of the metrics; seconds between checkpoints.

    Raises
    ------
    InputError
        If the run in `directory` was started with other settings, prompts, models or texts.
    """

    def __init__(
        self,
        pair: Pair,
        store: PassageStore,
        settings: TrainingSettings,
        directory: str | Path,
        *,
        world: ProcessGroup = ProcessGroup(),  # noqa: B008 (frozen)
        report: ReportStep | None = None,
        watch: PassObserver | None = None,
        log_every: int = 10,
        checkpoint_every_s: float = 120.0,
    ) -> None:
        self.pair, self.store, self.settings, self.world = pair, store, settings, world
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.progress = TrainingProgress()
        self._watch = watch
        self._report, self._log_every, self._checkpoint_every_s = report, log_every, checkpoint_every_s
        dtype = working_dtype(settings.precision, world.device)
        _choose_attention(pair.lm, world.device, dtype)
        self._teacher = _frozen_copy(pair.lm).to(world.device, dtype) if settings.stage == 2 else None
        self._total = self.n_steps()
        # The masters are copied before the weights lose digits.
        self.masters = Masters(_prepare(pair, settings), settings, world.device)
        # Weights are converted on the way: a large model in float32 may not fit on the device.
        pair.to(world.device, dtype)
        self._prompting = Prompting(
            pair.prompts, settings.prompt, settings.most_examples, settings.example_share, settings.style_share
        )
        self._identity = run_identity(pair, settings, store.manifest.get("settings"))
        if watch is not None:
            self._identity |= watch.settings
        self._resume()
        self._diary = Diary(self.directory, self.progress.step) if world.is_main else None

    def run(self) -> TrainingProgress:
        """Train until the schedule or the watch ends; the pair then holds the final (averaged) weights in float32."""
        if not self.progress.is_finished:
            self._train()
            self.progress.is_finished = True
            self.save()
        self._finish()
        return self.progress

    def _train(self) -> None:
        self._encode_ahead()
        start, saved = time.monotonic() - self.progress.elapsed_s, time.monotonic()
        losses: deque[tuple[float, int]] = deque(maxlen=self._log_every)
        stream = steps_from(
            self.store, self.progress.place, batch_size=self.settings.batch_size, seed=self.settings.seed
        )
        for place, piece, groups in stream:
            if place.epoch > self.progress.place.epoch and self._is_ended_by_watch():
                return
            if (share := self.world.agree(self._share_done())) >= 1.0:
                return
            check_vector_width(piece.vectors, self.pair.projector.vector_dim)
            key = stable_hash(self.settings.seed, "step", self.progress.step)
            batches = micro_batches(piece, groups, self._prompting, max_tokens=self.settings.micro_tokens, key=key)
            losses.append(self._step(batches, share))
            self.progress.n_passages += sum(len(batch.lengths) for batch in batches)
            self.progress.place = StreamPosition(place.epoch, place.piece, place.step + 1)
            self.progress.elapsed_s = time.monotonic() - start
            self._tell(losses)
            if self.world.agree(time.monotonic() - saved) > self._checkpoint_every_s:
                self.save()
                saved = time.monotonic()

    def n_steps(self) -> int:
        """Return the steps after which the schedule ends, the clock aside; at least one."""
        whole = max(round(count_steps(self.store, self.settings.batch_size) * self.settings.epochs), 1)
        return whole if self.settings.max_steps is None else min(whole, self.settings.max_steps)

    def save(self) -> None:
        """Write a checkpoint."""
        if self.world.is_main:
            state = {"masters": self.masters.state(), "progress": asdict(self.progress), "identity": self._identity}
            if self._watch is not None:
                state["watch"] = self._watch.state()
            save_checkpoint(self.directory, state)
        self.world.wait()

    def _resume(self) -> None:
        state = load_checkpoint(self.directory)
        if state is None:
            return
        check_same_settings(state["identity"], self._identity, self.directory)
        self.masters.load(state["masters"])
        if self._watch is not None:
            self._watch.load(state["watch"])
        saved = state["progress"]
        self.progress = TrainingProgress(**{**saved, "place": StreamPosition(**saved["place"])})

    def _encode_ahead(self) -> None:
        """With several processes, the main one computes all vectors before the others read them."""
        if self.world.size > 1:
            if self.world.is_main:
                for number in range(self.store.n_pieces):
                    self.store.piece(number)
            self.world.wait()

    def _is_ended_by_watch(self) -> bool:
        return self._watch is not None and self.world.agree(float(self._watch(self))) > 0

    def _share_done(self) -> float:
        share = self.progress.step / self._total
        if self.settings.max_minutes is not None:
            share = max(share, self.progress.elapsed_s / (60.0 * self.settings.max_minutes))
        return share

    def _step(self, batches: list[MicroBatch], share: float) -> tuple[float, int]:
        """Make one update; return the summed loss over all processes and its number of tokens."""
        step, settings = self.progress.step, self.settings
        n_tokens = int(sum(batch.lengths.sum() for batch in batches))
        loss_sum = torch.zeros(1, device=self.world.device)
        for number in range(self.world.rank, len(batches), self.world.size):
            loss_sum += self._backward(batches[number], stable_hash(settings.seed, "group", step, number) % 2**63)
        self.world.add_up([*self.masters.gradients(), loss_sum])
        loss = float(loss_sum)
        if not np.isfinite(loss):
            raise RunError(
                f"the loss is {loss} at step {step + 1}: stopped; the checkpoint in {self.directory} is from before. "
                "Lower learning_rate, or use precision='float32', and start again from it"
            )
        self.masters.step(settings.rate(share + 0.5 / self._total), n_tokens)
        self.progress.step += 1
        self.progress.n_tokens += n_tokens
        if share >= settings.average_from:
            self.masters.update_average()
        return loss, n_tokens

    def _backward(self, batch: MicroBatch, key: int) -> torch.Tensor:
        vectors = torch.from_numpy(perturb(batch, self.settings, self.pair.spec.vector_norm, key))
        vectors = vectors.to(self.world.device)
        total = torch.zeros((), device=self.world.device)
        with torch.random.fork_rng(devices=[]):
            # Dropout draws from this, where the language model has any.
            torch.manual_seed(key)
            for loss in self._losses(batch, vectors, key):
                loss.backward()
                self.masters.accumulate()
                total += loss.detach()
        return total

    def _losses(self, batch: MicroBatch, vectors: torch.Tensor, key: int) -> Iterable[torch.Tensor]:
        """Return the stage's loss, in one piece or, where that saves memory, in several."""
        settings, given = self.settings, (self.pair, batch, vectors)
        if settings.stage == 1:
            return [stage_one(*given)]
        if settings.stage == 2:
            return [
                stage_two(*given, teacher=self._teacher, kl_weight=settings.kl_weight, temperature=settings.temperature)
            ]
        return stage_three(
            *given,
            encode=self.store.encode,
            candidates=settings.candidates,
            risk_weight=settings.risk_weight,
            max_tokens=settings.micro_tokens,
            key=key,
        )

    def _tell(self, losses: Iterable[tuple[float, int]]) -> None:
        """Report how far the run is, with the mean loss of the last steps; now and then it goes on record."""
        if self._diary is None:
            return
        n_tokens = sum(n for _, n in losses)
        share = min(self._share_done(), 1.0)
        entry = {
            "step": self.progress.step,
            # A limit in minutes may end the run before its last step.
            "n_steps": round(self.progress.step / share),
            "loss": sum(loss for loss, _ in losses) / max(n_tokens, 1),
            "learning_rate": self.settings.rate(share),
            "n_tokens": self.progress.n_tokens,
            "epoch": self.progress.place.epoch,
            "elapsed_s": round(self.progress.elapsed_s, 2),
            "tokens_per_s": round(self.progress.n_tokens / max(self.progress.elapsed_s, 1e-9), 1),
            "left_s": round(self.progress.elapsed_s * (1 - share) / share, 1),
        }
        if self.progress.step % self._log_every == 0:
            self._diary.write(entry)
        if self._report is not None:
            self._report(entry)

    def _finish(self) -> None:
        self.pair.lm.float()
        self.pair.projector.float()
        self.masters.publish(self.masters.final())


def working_dtype(precision: str, device: str) -> torch.dtype:
    """Return the dtype that ``"auto"`` or another precision means on a device."""
    return find_dtype(default_dtype(device) if precision == "auto" else precision)


def _prepare(pair: Pair, settings: TrainingSettings) -> list[Any]:
    """Mark what is trained, add LoRA layers if asked for, and return the trained parameters."""
    is_all = settings.train == "all"
    if is_all and (pair.spec.base is not None or has_lora(pair.lm)):
        raise InputError(
            "train='all' changes the language model, which this bridge only names: use 'projector+lora', or a bridge "
            "that holds its language model"
        )
    pair.lm.requires_grad_(is_all)
    pair.lm.train(settings.train != "projector")
    if settings.train == "projector+lora":
        _prepare_lora(pair, settings)
    pair.projector.requires_grad_(True)
    return [(name, parameter) for name, parameter in pair.parameters() if parameter.requires_grad]


def _prepare_lora(pair: Pair, settings: TrainingSettings) -> None:
    if not has_lora(pair.lm):
        add_lora(
            pair,
            rank=settings.lora_rank,
            alpha=settings.lora_alpha,
            first_layer=settings.lora_first_layer,
            seed=settings.seed,
        )
        return
    found = pair.lm.peft_config["default"]
    if (found.r, found.lora_alpha) != (settings.lora_rank, settings.lora_alpha):
        raise InputError(
            f"the bridge's adapter has rank {found.r} and alpha {found.lora_alpha}, lora_rank is {settings.lora_rank} "
            f"and lora_alpha {settings.lora_alpha}: give the adapter's own"
        )
    for name, parameter in pair.lm.named_parameters():
        parameter.requires_grad_("lora_" in name)


def _choose_attention(lm: Any, device: str, dtype: torch.dtype) -> None:
    """Take plain products for bfloat16 on CPUs: torch's fused attention goes back ten times as slowly there."""
    if device == "cpu" and dtype == torch.bfloat16:
        lm.set_attn_implementation("eager")


def _frozen_copy(lm: Any) -> Any:
    return copy.deepcopy(lm).requires_grad_(False).eval()
