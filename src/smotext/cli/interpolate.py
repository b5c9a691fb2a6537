"""``smotext interpolate``: what lies between two texts."""

from __future__ import annotations

from typing import Annotated

import typer

from smotext.cli.screen import print_rows


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("interpolate")(interpolate)


def interpolate(
    first: Annotated[str, typer.Argument(metavar="TEXT_A", help="The text at lam = 1.", show_default=False)],
    second: Annotated[str, typer.Argument(metavar="TEXT_B", help="The text at lam = 0.", show_default=False)],
    steps: Annotated[int, typer.Option(help="Rows of the table, from lam = 1 to lam = 0.")] = 5,
    model: Annotated[str, typer.Option(help="A preset, or a bridge.")] = "tiny",
    examples: Annotated[
        int | None, typer.Option(help="Texts that the prompt shows; the model's own number, at most 2, unless given.")
    ] = None,
    candidates: Annotated[int, typer.Option(help="Texts written for each step; the nearest is shown.")] = 8,
    random_seed: Annotated[int, typer.Option(help="The same seed gives the same texts.")] = 0,
) -> None:
    """Show the texts on the way from one text to another, as a table of lam against text."""
    import smotext

    rows = smotext.interpolate(
        first, second, steps=steps, model=model, random_state=random_seed, examples=examples, candidates=candidates
    )
    print_rows(["lam", "text"], [(f"{row.lam:.2f}", row.text) for row in rows], right=["lam"])
