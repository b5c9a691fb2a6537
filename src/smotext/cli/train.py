"""``smotext train``: make a bridge from a corpus."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import typer

from smotext.cli.options import parse_word_or_int, takes
from smotext.cli.screen import print_notes
from smotext.cli.training_progress import command_line, reporting_training
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
        str, typer.Option(help="Of a new projector: mlp2x_gelu (soft tokens), or kv (slots).", rich_help_panel=_START)
    ] = "mlp2x_gelu"
    soft_tokens: Annotated[int, typer.Option(help="Of a new projector mlp{n}x_gelu.", rich_help_panel=_START)] = 1
    slots: Annotated[int, typer.Option(help="Of a new projector kv: slots a layer.", rich_help_panel=_START)] = 4
    slot_code_size: Annotated[
        int, typer.Option(help="Of a new projector kv: width of a slot's code.", rich_help_panel=_START)
    ] = 512
    first_layer: Annotated[
        int, typer.Option(help="First layer with slots, and with LoRA layers.", rich_help_panel=_START)
    ] = 0
    prompt_style: Annotated[
        str, typer.Option(help="Of a new bridge: chat, or list, which can show examples.", rich_help_panel=_START)
    ] = "chat"
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
    group_size: Annotated[
        int, typer.Option(help="Passages in a row that can be each other's examples.", rich_help_panel=_CORPUS)
    ] = 1
    document_share: Annotated[
        float, typer.Option(help="Read only this share of the documents.", rich_help_panel=_CORPUS)
    ] = 1.0
    equal_shares: Annotated[
        bool, typer.Option("--equal-shares", help="As many passages of each file.", rich_help_panel=_CORPUS)
    ] = False
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
    lora_learning_rate: Annotated[
        float | None, typer.Option(help="Peak of LoRA layers. Default: a quarter.", rich_help_panel=_OPTIMIZER)
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
    most_examples: Annotated[
        int, typer.Option(help="Other texts of the group that a prompt may show.", rich_help_panel=_LOSS)
    ] = 0
    example_share: Annotated[
        float, typer.Option(help="Share of the groups whose prompts show some.", rich_help_panel=_LOSS)
    ] = 0.5
    style_share: Annotated[
        float, typer.Option(help="Share of these groups in a way of writing of their own.", rich_help_panel=_LOSS)
    ] = 0.0
    prompt: Annotated[str, typer.Option(help="Number of the prompt, or random.", rich_help_panel=_LOSS)] = "random"


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("train")(train)


@takes(start=StartOptions, passages=CorpusOptions, optimizing=OptimizerOptions, loss=LossOptions)
def train(
    corpus: Annotated[
        list[str],
        typer.Argument(
            metavar="CORPUS...", help="JSON lines, CSV, TSV, Parquet, datasets, or text, split at blank lines."
        ),
    ],
    start: StartOptions,
    passages: CorpusOptions,
    optimizing: OptimizerOptions,
    loss: LossOptions,
    out: Annotated[Path, typer.Option("-o", "--out", help="The bridge directory; work lies in OUT.run.")],
    guidance: Annotated[
        float | None, typer.Option(help="Default weight of the guidance head; it is fitted if there is none.")
    ] = None,
    guidance_alone: Annotated[
        float | None, typer.Option(help="Default weight where the prompt shows no texts; the same unless given.")
    ] = None,
    trained_guidance: Annotated[
        float | None, typer.Option(help="Weight of the head in the loss; the bridge's own, or 0, unless given.")
    ] = None,
    guidance_head: Annotated[str, typer.Option(help="A new head: tied to the embeddings, or free.")] = "tied",
    examples: Annotated[
        int | None, typer.Option(help="Texts that a prompt shows when the bridge is used; 4 with style list.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda; the best there is unless given.")] = None,
    random_seed: Annotated[int, typer.Option(help="Of everything drawn.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Train a bridge from a corpus; the same command resumes where it stopped."""
    from smotext.training.build import train_bridge
    from smotext.training.data.passages import Cutting
    from smotext.training.job import NewProjector, TrainingJob
    from smotext.training.training_settings import TrainingSettings

    cutting = Cutting(**{field.name: getattr(passages, field.name) for field in fields(Cutting)})
    job = TrainingJob(
        corpus=tuple(corpus),
        lm=start.lm,
        bridge=start.bridge,
        encoder=start.encoder,
        text_column=passages.text_column,
        cutting=cutting,
        max_passages=passages.max_passages,
        n_held_out=passages.held_out,
        equal_shares=passages.equal_shares,
        projector=NewProjector(
            kind=start.projector_type,
            n_soft_tokens=start.soft_tokens,
            n_slots=start.slots,
            slot_code_size=start.slot_code_size,
            first_slot_layer=start.first_layer,
        ),
        vector_norm=start.vector_norm,  # type: ignore[arg-type]
        prompt_style=start.prompt_style,  # type: ignore[arg-type]
        chat_template=start.chat_template,
        guidance=guidance,
        guidance_alone=guidance_alone,
        trained_guidance=trained_guidance,
        guidance_head=guidance_head,  # type: ignore[arg-type]
        examples=examples,
        data=tuple(map(_data_row, passages.data or [])),
    )
    settings = TrainingSettings(
        **{
            **_values(optimizing),
            **_values(loss),
            "prompt": parse_word_or_int("--prompt", loss.prompt, "random"),
            "lora_first_layer": start.first_layer,
            "seed": random_seed,
        }
    )
    with reporting_training("reading the corpus", is_quiet=quiet) as tell:
        made = train_bridge(job, out, settings, device=device, report=tell, command=command_line())
    print_notes(f"written: {made}")


def _values(options: Any) -> dict[str, Any]:
    return {field.name: getattr(options, field.name) for field in fields(options)}


def _data_row(text: str) -> tuple[str, str, str]:
    parts = [part.strip() for part in text.split("|")]
    if len(parts) != 3:
        raise InputError(f"--data is {text!r}: expected 'name|what it is|licence'")
    return parts[0], parts[1], parts[2]
