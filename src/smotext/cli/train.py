"""``smotext train``: make a bridge from a corpus."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import typer

from smotext.cli.options import parse_word_or_int, takes
from smotext.cli.screen import print_notes
from smotext.cli.telling import command_line, telling
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
        float | None, typer.Option(help="Peak. Default: 6e-3 in stage 1, else 2e-5.", rich_help_panel=_OPTIMIZER)
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
        int,
        typer.Option(
            help="1: likelihood; 2: and divergence from a reading teacher; 3: and how near its own texts come.",
            rich_help_panel=_LOSS,
        ),
    ] = 1
    noise: Annotated[float, typer.Option(help="Length of the noise on vectors.", rich_help_panel=_LOSS)] = 0.0
    mix_share: Annotated[float, typer.Option(help="Share of vectors mixed with a near one.", rich_help_panel=_LOSS)] = (
        0.0
    )
    kl_weight: Annotated[float, typer.Option(help="Stage 2.", rich_help_panel=_LOSS)] = 2.0
    temperature: Annotated[float, typer.Option(help="Stage 2.", rich_help_panel=_LOSS)] = 1.0
    candidates: Annotated[int, typer.Option(help="Stage 3: texts for each vector.", rich_help_panel=_LOSS)] = 8
    risk_weight: Annotated[float, typer.Option(help="Stage 3.", rich_help_panel=_LOSS)] = 20.0
    prompt: Annotated[str, typer.Option(help="Number of the prompt, or random.", rich_help_panel=_LOSS)] = "random"


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("train")(train)


@takes(start=StartOptions, passages=CorpusOptions, optimizing=OptimizerOptions, loss=LossOptions)
def train(
    corpus: Annotated[list[str], typer.Argument(metavar="CORPUS...", help="JSON lines, text, Parquet, or datasets.")],
    start: StartOptions,
    passages: CorpusOptions,
    optimizing: OptimizerOptions,
    loss: LossOptions,
    out: Annotated[Path, typer.Option("-o", "--out", help="The bridge directory; work lies in OUT.run.")],
    guidance: Annotated[
        float | None, typer.Option(help="Default weight of the guidance head; it is fitted if there is none.")
    ] = None,
    trained_guidance: Annotated[
        float | None, typer.Option(help="Weight of the head in the loss; the bridge's own, or 0, unless given.")
    ] = None,
    store: Annotated[str, typer.Option(help="Weights on disk: bfloat16, or int8 at half the size.")] = "bfloat16",
    device: Annotated[str | None, typer.Option(help="cpu, cuda; the best there is unless given.")] = None,
    random_seed: Annotated[int, typer.Option(help="Of everything drawn.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Train a bridge from a corpus; the same command resumes where it stopped."""
    from smotext.training.build import Job, train_bridge
    from smotext.training.corpus import Cutting
    from smotext.training.settings import TrainingSettings

    cutting = Cutting(**{field.name: getattr(passages, field.name) for field in fields(Cutting)})
    job = Job(
        corpus=tuple(corpus),
        lm=start.lm,
        bridge=start.bridge,
        from_scratch=start.from_scratch,
        encoder=start.encoder,
        text_column=passages.text_column,
        cutting=cutting,
        max_passages=passages.max_passages,
        n_held_out=passages.held_out,
        projector_type=start.projector_type,
        vector_norm=start.vector_norm,  # type: ignore[arg-type]
        chat_template=start.chat_template,
        guidance=guidance,
        trained_guidance=trained_guidance,
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
    with telling("reading the corpus", is_quiet=quiet) as tell:
        made = train_bridge(job, out, settings, device=device, report=tell, command=command_line())
    print_notes(f"written: {made}")


def _values(options: Any) -> dict[str, Any]:
    return {field.name: getattr(options, field.name) for field in fields(options)}


def _data_row(text: str) -> tuple[str, str, str]:
    parts = [part.strip() for part in text.split("|")]
    if len(parts) != 3:
        raise InputError(f"--data is {text!r}: expected 'name|what it is|licence'")
    return parts[0], parts[1], parts[2]
