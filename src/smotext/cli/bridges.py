"""``smotext adapt``, ``align`` and ``bridge-score``: fit a bridge to your texts or encoder, and measure one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from smotext.cli.labelled_files import check_real
from smotext.cli.options import takes
from smotext.cli.screen import Reporter, print_notes, print_rows
from smotext.cli.training_progress import command_line, reporting_training
from smotext.cli.unlabelled_options import read_unlabelled_file
from smotext.errors import InputError, MissingFileError
from smotext.settings import Settings

_KINDS = "CSV, TSV, JSON lines, Parquet, datasets, or text, split at blank lines."


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    app.command("adapt")(adapt)
    app.command("align")(align)
    app.command("bridge-score")(bridge_score)


@takes()
def adapt(
    bridge: Annotated[str, typer.Argument(metavar="BRIDGE", help="A bridge directory, or a preset.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help=f"Your texts: {_KINDS}")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The adapted bridge directory.")],
    text_column: Annotated[str, typer.Option(help="Column of the texts.")] = "text",
    unlabelled: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="More texts to train on, with the same column; no text is used twice."),
    ] = None,
    learning_rate: Annotated[float, typer.Option(help="Peak; LoRA layers have a quarter.")] = 5e-4,
    batch_size: Annotated[int, typer.Option(help="Passages a step.")] = 16,
    max_passes: Annotated[float, typer.Option(help="Most passes over the texts.")] = 10,
    patience: Annotated[int, typer.Option(help="Passes without a better held-out loss before it stops.")] = 2,
    held_out_share: Annotated[float, typer.Option(help="Share of the texts that is held out.")] = 0.2,
    noise: Annotated[float, typer.Option(help="Length of the noise on vectors.")] = 0.05,
    random_seed: Annotated[int, typer.Option(help="Of everything drawn.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Adapt a bridge to a few hundred of your own texts, so that style and vocabulary fit."""
    from smotext.data.remote_tables import local_table
    from smotext.data.unlabelled import read_unlabelled
    from smotext.decoders.bridge import read_spec
    from smotext.presets import decoder_directory, load_encoder_of
    from smotext.training.adapt import DEFAULTS, adapt_bridge
    from smotext.training.data.corpus_files import read_documents

    file = local_table(file)
    check_real(file)
    texts = list(read_documents(file, text_column))
    if unlabelled is not None:
        texts += read_unlabelled(read_unlabelled_file(unlabelled, text_column), texts).texts
    settings = replace(
        DEFAULTS, learning_rate=learning_rate, batch_size=batch_size, epochs=max_passes, noise=noise, seed=random_seed
    )
    directory = decoder_directory(bridge)
    with reporting_training("reading the texts", is_quiet=quiet) as tell:
        outcome = adapt_bridge(
            directory,
            texts,
            out,
            encoder=load_encoder_of(bridge, read_spec(directory)),
            settings=settings,
            held_out_share=held_out_share,
            patience=patience,
            report=tell,
            command=command_line(),
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
def align(
    encoder: Annotated[str, typer.Option(help="Any sentence-transformers model, by hub name or path.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The new bridge directory.")],
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]", show_default=False,
            help=f"Texts to fit on, without labels; 4,200 English ones come with the package. {_KINDS}",
        ),
    ] = None,
    bridge: Annotated[str, typer.Option(help="A bridge directory, or a preset.")] = "tiny",
    text_column: Annotated[str, typer.Option(help="Column of the texts.")] = "text",
    max_texts: Annotated[int, typer.Option(help="Use the first so many.")] = 20_000,
    least_kept: Annotated[
        float, typer.Option(help="Refuse a map that keeps less of what the bridge's own vectors bring.")
    ] = 0.5,
    random_seed: Annotated[int, typer.Option(help="Of which texts are held out.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:  # fmt: skip
    """Make a bridge decode another encoder's vectors, by a linear map; nothing is trained."""
    import itertools

    from smotext.data.remote_tables import local_table
    from smotext.presets import load_encoder
    from smotext.training.align import align as align_bridge
    from smotext.training.data.corpus_files import read_documents

    if max_texts < 1:
        raise InputError(f"--max-texts is {max_texts}: expected 1 or more")
    texts = None
    if file is not None:
        file = local_table(file)
        check_real(file)
        texts = list(itertools.islice(read_documents(file, text_column), max_texts))
    with reporting_training("loading the models", is_quiet=quiet) as tell:
        found = align_bridge(
            load_encoder(encoder),
            out,
            bridge=bridge,
            texts=texts,
            least_kept=least_kept,
            random_state=random_seed,
            report=tell,
            command=command_line(),
        )
    trips = (found.in_bridge, found.in_encoder)
    print_rows(
        ["cosine of texts to what was asked for", "bridge's space", "encoder's space"],
        [
            ["from the bridge's own vectors", *(f"{trip.own:.3f}" for trip in trips)],
            ["through the map", *(f"{trip.mapped:.3f}" for trip in trips)],
            ["by chance", *(f"{trip.by_chance:.3f}" for trip in trips)],
            ["kept", *(f"{trip.kept:.0%}" for trip in trips)],
        ],
        right=["bridge's space", "encoder's space"],
    )
    print_notes(
        f"written: {out} ({found.map.kind}, fitted on {found.n_texts} texts; cosine to the bridge's vectors of "
        f"{found.n_held_out} others {found.map.held_out_cosine:.3f})"
    )


@takes()
def bridge_score(
    bridge: Annotated[str, typer.Argument(metavar="BRIDGE", help="A bridge directory, or a preset.")],
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]", show_default=False,
            help=f"Texts that it was not trained on; what its own training held out unless given. {_KINDS}",
        ),
    ] = None,
    text_column: Annotated[str, typer.Option(help="Column of the texts.")] = "text",
    max_texts: Annotated[int, typer.Option(help="Use the first so many.")] = 1000,
    guidance: Annotated[float | None, typer.Option(help="Weight; the bridge's own unless given.")] = None,
    temperature: Annotated[float, typer.Option(help="Of the sampled texts.")] = Settings.temperature,
    top_p: Annotated[float, typer.Option(help="Of the sampled texts.")] = Settings.top_p,
    candidates: Annotated[int, typer.Option(help="Sampled texts a vector; the nearest is kept.")] = 1,
    examples: Annotated[int, typer.Option(help="Other texts of FILE that each prompt shows, the nearest ones.")] = 0,
    max_new_tokens: Annotated[int | None, typer.Option(help="What it was trained for unless given.")] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Also write the scores and samples as JSON.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace that file if it exists.")] = False,
    random_seed: Annotated[int, typer.Option(help="Of sampling.")] = 0,
) -> None:  # fmt: skip
    """Score a bridge on texts that it never saw: does it write what its vectors ask for, and is it English?"""
    from smotext import load_decoder
    from smotext.data.output_paths import check_output_path
    from smotext.presets import decoder_directory, load_encoder_of
    from smotext.training.models.pair import load_bridge
    from smotext.training.scoring.score import Decoding, samples_table, score_bridge

    if out is not None:
        if file is not None and out.resolve() == file.resolve():
            raise InputError(f"{file} is both the texts and the output: choose another name for the output")
        check_output_path(out, overwrite=overwrite)
    if max_texts < 1:
        raise InputError(f"--max-texts is {max_texts}: expected 1 or more")
    texts = texts_to_score(bridge, file, text_column, max_texts)
    decoding = Decoding(
        guidance=guidance,
        temperature=temperature,
        top_p=top_p,
        candidates=candidates,
        examples=examples,
        max_new_tokens=max_new_tokens,
        seed=random_seed,
    )
    reporter = Reporter()
    reporter.say(f"scoring on {len(texts)} texts")
    with reporter.drawing():
        reporter.start("scoring", 0)
        pair = load_bridge(decoder_directory(bridge))
        encoder = load_encoder_of(bridge, pair.spec)
        scores = score_bridge(pair, load_decoder(bridge), encoder, texts, decoding=decoding)
    print_rows(["measure", "value"], [[name, f"{value:.3f}"] for name, value in scores.values.items()], right=["value"])
    print(samples_table(scores))
    if out is not None:
        entry = {"bridge": bridge, "n_texts": scores.n_texts, "scores": scores.values, "samples": scores.samples}
        out.write_text(json.dumps(entry, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def texts_to_score(bridge: str, file: Path | None, text_column: str, max_texts: int) -> list[str]:
    """Return the texts of a file, or those that the training of the bridge held out."""
    import itertools

    from smotext.data.remote_tables import local_table
    from smotext.training.data.corpus_files import read_documents
    from smotext.training.data.passage_store import read_texts

    if file is None:
        held_out = Path(f"{bridge.rstrip('/')}.run") / "store" / "held-out.jsonl.gz"
        if not held_out.is_file():
            raise MissingFileError(
                f"{held_out} is not there, where training keeps what it holds out: name a FILE of texts"
            )
        texts = read_texts(held_out)
        if len(texts) < 2:
            raise InputError(f"{held_out} holds {len(texts)} passages, of too few documents: name a FILE of texts")
        return texts[:max_texts]
    file = local_table(file)
    check_real(file)
    documents = (text for text in read_documents(file, text_column) if text.strip())
    return list(itertools.islice(documents, max_texts))
