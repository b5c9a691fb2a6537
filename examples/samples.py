"""What the bundled model writes between two texts, and for three small classes: docs/research/samples.md, unselected.

::

    python examples/samples.py --output docs/research/samples.md
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import smotext

# Ten pairs that we wrote; none of them is in the training corpus.
PAIRS = {
    "Support": (
        "My order arrived two weeks late and the box was damaged.",
        "The package never came, and nobody answers the phone.",
    ),
    "Medicine": (
        "The patient reported a sharp pain in the left knee after running.",
        "She had a mild fever and a sore throat for three days.",
    ),
    "Travel": (
        "We need a hotel near the station for two nights.",
        "Can you find me a cheap flight to Boston on Friday?",
    ),
    "Programming": (
        "The tests fail because the server does not close its connection.",
        "We moved the database to a new cluster and the queries got faster.",
    ),
    "History": (
        "The castle was rebuilt by the king in the twelfth century.",
        "The town was burned by soldiers during the civil war.",
    ),
    "Cooking": (
        "Stir the sauce slowly until the butter has melted.",
        "Bake the bread for forty minutes and let it cool.",
    ),
    "Sport": (
        "The home team won the match with a late goal.",
        "He broke his own record in the long jump this year.",
    ),
    "Science": (
        "The planet is much larger and colder than the Earth.",
        "Light from the star takes four years to reach us.",
    ),
    "Fiction": (
        "The old man looked at the sea and said nothing.",
        "She ran through the dark forest and did not look back.",
    ),
    "Money": (
        "I want to transfer fifty dollars to my savings account.",
        "My credit card was charged twice for the same dinner.",
    ),
}
TICKETS = Path(__file__).with_name("tickets.csv")
PER_CLASS = 8


def lines_between(name: str, first: str, second: str, model: str, seed: int) -> list[str]:
    """Return a section that shows what lies between two texts."""
    steps = smotext.interpolate(first, second, steps=5, model=model, random_state=seed)
    rows = [f"| {step.lam:.2f} | {_cell(step.text)} |" for step in steps]
    head = [f"## {name}", "", f"* first: {first}", f"* second: {second}", "", "| lam | text |", "|---|---|"]
    return [*head, *rows, ""]


def lines_of_tickets(model: str, seed: int) -> list[str]:
    """Return a section with new tickets of each class of ``examples/tickets.csv``."""
    with TICKETS.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    texts, labels = [row["text"] for row in rows], [row["label"] for row in rows]
    sampler = smotext.SMOTExT(model, random_state=seed)
    made = sampler.generate(texts, labels, n=dict.fromkeys(sorted(set(labels)), PER_CLASS))
    lines = ["## Tickets", "", "New tickets for each class of `examples/tickets.csv`.", ""]
    for label, part in made.groupby("label"):
        real = [text for text, own in zip(texts, labels, strict=True) if own == label]
        lines += [f"**{label}** ({len(real)} real ones, such as: {real[0]})", ""]
        lines += [*(f"* {_cell(text)}" for text in part["text"]), ""]
    return lines


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main() -> None:
    """Write the samples."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, help="file to write; standard output if not given")
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--random-seed", type=int, default=0)
    given = parser.parse_args()
    lines = [
        "# Samples of the bundled model",
        "",
        "Nothing here was selected. It is what one run of this command wrote:",
        "`python examples/samples.py --output docs/research/samples.md`. First come new texts for small classes, then",
        "ten pairs that we wrote, and what lies between them: lam is the weight of the first text.",
        "",
        *lines_of_tickets(given.model, given.random_seed),
    ]
    for name, (first, second) in PAIRS.items():
        lines += lines_between(name, first, second, given.model, given.random_seed)
    text = "\n".join(lines)
    if given.output is None:
        print(text)
    else:
        given.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
