"""``smotext train``, ``adapt`` and ``bridge-score``: make bridges, and measure them."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import typer

from smotext.cli.options import parse_word_or_int, takes
from smotext.cli.screen import Reporter, print_notes, print_rows
from smotext.errors import InputError

_START, _CORPUS, _OPTIMIZER, _LOSS = "Where from", "Corpus", "Optimizer", "Loss"


@dataclass(frozen=True)
class StartOptions:
    """Encoder and language model."""

    lm: Annotated[
        str | None,
        typer.Option(help="A causal language model, by name or path; its projector is new.", rich_help_panel=_START),
    ] = None
    bridge: Annotated[
        str | None, typer.Option(help="A bridge to go on from: a directory, or a preset.", rich_help_panel=_START)
    ] = None
    from_scratch: Annotated[
        str | None,
        typer.Option(help="JSON file of a new language model: model_type, vocab_size, ...", rich_help_panel=_START),
    ] = None
    encoder: Annotated[
        str | None,
        typer.Option(
            help="Any sentence-transformers model. Default: the bridge's own, or tiny (all-MiniLM-L6-v2).",
            rich_help_panel=_START,
        ),
    ] = None
    vector_norm: Annotated[str, typer.Option(help="Vectors of a new bridge: unit or raw.", rich_help_panel=_START)] = (
        "unit"
    )
    projector_type: Annotated[
        str, typer.Option(help="Of a new projector: mlp1x_gelu, mlp2x_gelu, ...", rich_help_panel=_START)
    ] = "mlp2x_gelu"
    chat_template: Annotated[
        str | None,
        typer.Option(help="Text around the prompt, with {content}; xRAG's unless given.", rich_help_panel=_START),
    ] = None


@dataclass(frozen=True)
class CorpusOptions:
    """How files become passages."""

    text_column: Annotated[str, typer.Option(help="Column of the texts.", rich_help_panel=_CORPUS)] = "text"
    min_tokens: Annotated[int, typer.Option(help="Shortest passage.", rich_help_panel=_CORPUS)] = 8
    max_tokens: Annotated[int, typer.Option(help="Longest passage.", rich_help_panel=_CORPUS)] = 336
    max_sentences: Annotated[int, typer.Option(help="Most sentences of a passage.", rich_help_panel=_CORPUS)] = 64
    clean: Annotated[bool, typer.Option("--clean", help="Plain English sentences only.", rich_help_panel=_CORPUS)] = (
        False
    )
    max_tokens_per_word: Annotated[
        float, typer.Option(help="With --clean: drop passages of rarer words.", rich_help_panel=_CORPUS)
    ] = 1.7
    max_passages: Annotated[int | None, typer.Option(help="Train on a sample of so many.", rich_help_panel=_CORPUS)] = (
        None
    )
    held_out: Annotated[int, typer.Option(help="Passages never trained on.", rich_help_panel=_CORPUS)] = 1000
    data: Annotated[
        list[str] | None,
        typer.Option(help="For the card: 'name|what it is|licence'; once for each part.", rich_help_panel=_CORPUS),
    ] = None


@dataclass(frozen=True)
class OptimizerOptions:
    """How it is trained; the defaults are xRAG's."""

    train: Annotated[str, typer.Option(help="What: projector, projector+lora or all.", rich_help_panel=_OPTIMIZER)] = (
        "projector"
    )
    learning_rate: Annotated[
        float | None, typer.Option(help="Peak. Default: 6e-3 in stage 1, 2e-5 in stage 2.", rich_help_panel=_OPTIMIZER)
    ] = None
    warmup_ratio: Annotated[float, typer.Option(help="Share of the run.", rich_help_panel=_OPTIMIZER)] = 0.03
    final_ratio: Annotated[
        float, typer.Option(help="Share of the peak left at the end.", rich_help_panel=_OPTIMIZER)
    ] = 0.0
    batch_size: Annotated[int, typer.Option(help="Passages a step.", rich_help_panel=_OPTIMIZER)] = 384
    micro_tokens: Annotated[
        int, typer.Option(help="Tokens through the model at once; only memory.", rich_help_panel=_OPTIMIZER)
    ] = 1024
    epochs: Annotated[float, typer.Option(help="Passes over the passages.", rich_help_panel=_OPTIMIZER)] = 1.0
    max_steps: Annotated[int | None, typer.Option(help="Stop after.", rich_help_panel=_OPTIMIZER)] = None
    max_minutes: Annotated[
        float | None, typer.Option(help="Stop after; the rate follows the clock.", rich_help_panel=_OPTIMIZER)
    ] = None
    optimizer: Annotated[str, typer.Option(help="adamw or muon.", rich_help_panel=_OPTIMIZER)] = "adamw"
    weight_decay: Annotated[float, typer.Option(help="AdamW's.", rich_help_panel=_OPTIMIZER)] = 0.0
    beta1: Annotated[float, typer.Option(help="AdamW's.", rich_help_panel=_OPTIMIZER)] = 0.9
    beta2: Annotated[float, typer.Option(help="AdamW's.", rich_help_panel=_OPTIMIZER)] = 0.999
    clip: Annotated[float, typer.Option(help="Longest gradient.", rich_help_panel=_OPTIMIZER)] = 1.0
    average_from: Annotated[
        float, typer.Option(help="Average weights from this share of the run on.", rich_help_panel=_OPTIMIZER)
    ] = 1.0
    lora_rank: Annotated[int, typer.Option(help="With projector+lora.", rich_help_panel=_OPTIMIZER)] = 64
    lora_alpha: Annotated[int, typer.Option(help="With projector+lora.", rich_help_panel=_OPTIMIZER)] = 128
    precision: Annotated[str, typer.Option(help="auto, float32 or bfloat16.", rich_help_panel=_OPTIMIZER)] = "auto"


@dataclass(frozen=True)
class LossOptions:
    """What is asked of the model."""

    stage: Annotated[
        int, typer.Option(help="1: likelihood; 2: and divergence from a reading teacher.", rich_help_panel=_LOSS)
    ] = 1
    noise: Annotated[float, typer.Option(help="Length of the noise on vectors.", rich_help_panel=_LOSS)] = 0.0
    mix_share: Annotated[float, typer.Option(help="Share of vectors mixed with a near one.", rich_help_panel=_LOSS)] = (
        0.0
    )
    kl_weight: Annotated[float, typer.Option(help="Stage 2.", rich_help_panel=_LOSS)] = 2.0
    temperature: Annotated[float, typer.Option(help="Stage 2.", rich_help_panel=_LOSS)] = 1.0
    prompt: Annotated[str, typer.Option(help="Number of the prompt, or random.", rich_help_panel=_LOSS)] = "random"


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    app.command("train")(train)
    app.command("adapt")(adapt)
    app.command("bridge-score")(bridge_score)


@takes(start=StartOptions, passages=CorpusOptions, optimizing=OptimizerOptions, loss=LossOptions)
def train(
    corpus: Annotated[list[str], typer.Argument(metavar="CORPUS...", help="JSON lines, text, Parquet, or datasets.")],
    start: StartOptions,
    passages: CorpusOptions,
    optimizing: OptimizerOptions,
    loss: LossOptions,
    out: Annotated[Path, typer.Option("-o", "--out", help="The bridge directory; work lies in OUT.run.")],
    guidance: Annotated[float | None, typer.Option(help="Fit a guidance head, with this default weight.")] = None,
    store: Annotated[str, typer.Option(help="Weights on disk: bfloat16, or int8 at half the size.")] = "bfloat16",
    device: Annotated[str | None, typer.Option(help="cpu, cuda; the best there is unless given.")] = None,
    random_seed: Annotated[int, typer.Option(help="Of everything drawn.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Train a bridge from a corpus; the same command resumes where it stopped."""
    from smotext.training.build import Job, train_bridge
    from smotext.training.corpus import Cutting
    from smotext.training.settings import TrainingSettings

    bridge = None if start.bridge is None else _directory_of(start.bridge)
    cutting = Cutting(**{field.name: getattr(passages, field.name) for field in fields(Cutting)})
    job = Job(
        corpus=tuple(corpus),
        lm=start.lm,
        bridge=None if bridge is None else str(bridge),
        from_scratch=start.from_scratch,
        encoder=start.encoder or _encoder_of(bridge),
        text_column=passages.text_column,
        cutting=cutting,
        max_passages=passages.max_passages,
        n_held_out=passages.held_out,
        projector_type=start.projector_type,
        vector_norm=start.vector_norm,  # type: ignore[arg-type]
        chat_template=start.chat_template,
        guidance=guidance,
        store=store,  # type: ignore[arg-type]
        data=tuple(map(_data_row, passages.data or [])),
    )
    settings = TrainingSettings(
        **{
            **_values(optimizing),
            **_values(loss),
            "prompt": parse_word_or_int("--prompt", loss.prompt, "random"),
            "seed": random_seed,
        }
    )
    with _telling("reading the corpus", is_quiet=quiet) as tell:
        made = train_bridge(job, out, settings, device=device, report=tell, command=_command_line())
    print_notes(f"written: {made}")


@takes()
def adapt(
    bridge: Annotated[str, typer.Argument(metavar="BRIDGE", help="A bridge directory, or a preset.")],
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Your texts: CSV, TSV, JSON lines, text, Parquet or datasets.")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="The adapted bridge directory.")],
    text_column: Annotated[str, typer.Option(help="Column of the texts.")] = "text",
    learning_rate: Annotated[float, typer.Option(help="Peak.")] = 8e-4,
    batch_size: Annotated[int, typer.Option(help="Passages a step.")] = 64,
    max_passes: Annotated[float, typer.Option(help="Most passes over the texts.")] = 10,
    patience: Annotated[int, typer.Option(help="Passes without a better held-out loss before it stops.")] = 2,
    held_out_share: Annotated[float, typer.Option(help="Share of the texts that is held out.")] = 0.2,
    noise: Annotated[float, typer.Option(help="Length of the noise on vectors.")] = 0.05,
    random_seed: Annotated[int, typer.Option(help="Of everything drawn.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Adapt a bridge to a few hundred of your own texts, so that style and vocabulary fit."""
    from dataclasses import replace

    from smotext import load_encoder
    from smotext.training.adapt import DEFAULTS, adapt_bridge
    from smotext.training.corpus import read_documents

    settings = replace(
        DEFAULTS, learning_rate=learning_rate, batch_size=batch_size, epochs=max_passes, noise=noise, seed=random_seed
    )
    with _telling("reading the texts", is_quiet=quiet) as tell:
        outcome = adapt_bridge(
            _directory_of(bridge),
            list(read_documents(file, text_column)),
            out,
            encoder=load_encoder(bridge),
            settings=settings,
            held_out_share=held_out_share,
            patience=patience,
            report=tell,
            command=_command_line(),
        )
    print_rows(
        ["", "before", "after"],
        [
            ["held-out loss, nats a token", f"{outcome.losses[0]:.3f}", f"{outcome.losses[outcome.best_pass]:.3f}"],
            ["8-word runs copied from the texts", f"{outcome.copied_before:.1%}", f"{outcome.copied:.1%}"],
        ],
        right=["before", "after"],
    )
    print_notes(f"written: {out} (pass {outcome.best_pass} was the best)")


@takes()
def bridge_score(
    bridge: Annotated[str, typer.Argument(metavar="BRIDGE", help="A bridge directory, or a preset.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Held-out texts: JSON lines, text, Parquet, datasets.")],
    text_column: Annotated[str, typer.Option(help="Column of the texts.")] = "text",
    max_texts: Annotated[int, typer.Option(help="Use the first so many.")] = 1000,
    guidance: Annotated[float | None, typer.Option(help="Weight; the bridge's own unless given.")] = None,
    temperature: Annotated[float, typer.Option(help="Of the sampled texts.")] = 0.8,
    top_p: Annotated[float, typer.Option(help="Of the sampled texts.")] = 0.95,
    candidates: Annotated[int, typer.Option(help="Sampled texts a vector; the nearest is kept.")] = 1,
    max_new_tokens: Annotated[int | None, typer.Option(help="What it was trained for unless given.")] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Also write the scores and samples as JSON.")] = None,
    random_seed: Annotated[int, typer.Option(help="Of sampling.")] = 0,
) -> None:
    """Score a bridge on texts that it never saw: does it write what its vectors ask for, and is it English?"""
    import itertools

    from smotext import load_decoder, load_encoder
    from smotext.training.corpus import read_documents
    from smotext.training.pair import load_bridge
    from smotext.training.score import Decoding, samples_table, score_bridge

    texts = list(itertools.islice(read_documents(file, text_column), max_texts))
    decoding = Decoding(
        guidance=guidance,
        temperature=temperature,
        top_p=top_p,
        candidates=candidates,
        max_new_tokens=max_new_tokens,
        seed=random_seed,
    )
    reporter = Reporter()
    reporter.say(f"scoring on {len(texts)} texts")
    with reporter.drawing():
        reporter.start("scoring", 0)
        pair = load_bridge(_directory_of(bridge))
        scores = score_bridge(pair, load_decoder(bridge), load_encoder(bridge), texts, decoding=decoding)
    print_rows(["measure", "value"], [[name, f"{value:.3f}"] for name, value in scores.values.items()], right=["value"])
    print(samples_table(scores))
    if out is not None:
        entry = {"bridge": bridge, "n_texts": scores.n_texts, "scores": scores.values, "samples": scores.samples}
        out.write_text(json.dumps(entry, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _values(options: Any) -> dict[str, Any]:
    return {field.name: getattr(options, field.name) for field in fields(options)}


def _command_line() -> str:
    return shlex.join(["smotext", *sys.argv[1:]])


def _directory_of(bridge: str) -> Path:
    """Return the directory of a bridge given by path, as the preset ``tiny``, or by hub name."""
    from smotext.hub import resolve_directory
    from smotext.presets import bundled_bridge

    return bundled_bridge() if bridge == "tiny" and not Path(bridge).is_dir() else Path(resolve_directory(bridge))


def _encoder_of(bridge: Path | None) -> str:
    if bridge is None:
        return "tiny"
    from smotext.decoders.bridge import read_spec

    named = read_spec(bridge).encoder
    if named is None:
        raise InputError(f"{bridge} does not say which encoder it was trained with: name it with --encoder")
    return named


def _data_row(text: str) -> tuple[str, str, str]:
    parts = [part.strip() for part in text.split("|")]
    if len(parts) != 3:
        raise InputError(f"--data is {text!r}: expected 'name|what it is|licence'")
    return parts[0], parts[1], parts[2]


class _Teller:
    """Tells how training goes, from the entries that a run reports."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._is_training = False

    def __call__(self, entry: dict[str, Any]) -> None:
        if "pass" in entry:
            self._reporter.say(
                f"pass {entry['pass']}: held-out loss {entry['held_out_loss']:.3f} (before {entry['before']:.3f})"
            )
        elif "doing" in entry:
            self._reporter.start(entry["doing"], 0)
        else:
            self._tell_step(entry)

    def _tell_step(self, entry: dict[str, Any]) -> None:
        step, n_steps = entry["step"], entry["n_steps"]
        if not self._is_training:
            self._reporter.start("training", n_steps, done=step)
            self._is_training = True
        state = f"loss {entry['loss']:.3f}, {entry['tokens_per_s']:.0f} tokens/s"
        self._reporter.reach(step, total=n_steps, state=state)


@contextmanager
def _telling(what: str, *, is_quiet: bool) -> Iterator[_Teller]:
    """Tell on stderr what goes on while the block runs; of several processes the first alone does."""
    reporter = Reporter(is_quiet=is_quiet or os.environ.get("RANK", "0") != "0")
    with reporter.drawing():
        reporter.start(what, 0)
        yield _Teller(reporter)
