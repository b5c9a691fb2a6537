"""What adapting is worth: held-out loss before and after, by the default settings and at a smaller rate.

    python experiments/adapting.py --data DATA

A few labelled texts of each class; ``smotext adapt`` holds a fifth of them out. The loss is in nats a token. Prints a
table and the same as JSON; two to three minutes on one core.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from common import DATA, clear_errors, load_set

from smotext import load_encoder
from smotext.evaluation.labelled_texts import LabelledTexts
from smotext.presets import decoder_directory
from smotext.training.adapt import DEFAULTS, adapt_bridge
from smotext.training.training_settings import TrainingSettings
from smotext.utils.seeding import generator

SETTINGS = {"default": DEFAULTS, "slower": replace(DEFAULTS, learning_rate=2e-4)}
HEADS = ("set", "texts", "settings", "before", "after", "pass kept", "copied before", "copied", "seconds")


def main() -> None:
    """Adapt to each set, and print what came of it."""
    given = parsed_options()
    with clear_errors():
        found = list(adapt_to_all(given))
    print(table(found))
    print(json.dumps(found))


def parsed_options() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with labelled/")
    parser.add_argument("--sets", default="banking77,trec6", help="labelled sets, separated by commas")
    parser.add_argument("--per-class", type=int, default=10, help="texts of each class, of 20 classes at most")
    parser.add_argument("--settings", default="default,slower", help="some of default and slower, by commas")
    parser.add_argument("--model", default="tiny", help="preset, or path of a bridge")
    parser.add_argument("--random-seed", type=int, default=0, help="of the texts, the split and the order")
    return parser.parse_args()


def adapt_to_all(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield one row per set and settings."""
    bridge, encoder = decoder_directory(given.model), load_encoder(given.model)
    for name in given.sets.split(","):
        texts = draw(load_set(given.data, name)[0], given.per_class, given.random_seed)
        for chosen in given.settings.split(","):
            settings = replace(SETTINGS[chosen], seed=given.random_seed)
            yield {"set": name, "texts": len(texts), **measure(bridge, encoder, texts, settings)}


def draw(rows: LabelledTexts, per_class: int, seed: int) -> list[str]:
    """Return a seeded `per_class` texts of each class, or all of a smaller one."""
    texts: list[str] = []
    for label in rows.counts:
        of_class = [text for text, other in zip(rows.texts, rows.labels, strict=True) if other == label]
        texts += [of_class[row] for row in generator(seed, "adapting", label).permutation(len(of_class))[:per_class]]
    return texts


def measure(bridge: Path, encoder: Any, texts: Sequence[str], settings: TrainingSettings) -> dict[str, Any]:
    """Return the losses and the share of copied 8-word runs, before and after."""
    started_s = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        outcome = adapt_bridge(bridge, texts, Path(folder) / "adapted", encoder=encoder, settings=settings)
    return {
        "settings": f"{settings.optimizer} {settings.learning_rate:g}, {settings.batch_size} a step",
        "before": round(outcome.losses[0], 3),
        "after": round(outcome.losses[outcome.best_pass], 3),
        "pass kept": outcome.best_pass,
        "copied before": round(outcome.copied_before, 4),
        "copied": round(outcome.copied, 4),
        "seconds": round(time.perf_counter() - started_s),
    }


def table(found: Sequence[dict[str, Any]]) -> str:
    """Return the rows as a Markdown table."""
    cells = [[row[head] for head in HEADS] for row in found]
    texts = [[f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row] for row in cells]
    lines = [HEADS, ["---"] * len(HEADS), *texts]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


if __name__ == "__main__":
    main()
