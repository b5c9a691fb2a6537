"""The paper's clinical study: two outpatient notes, mixed from one end to the other.

Both notes are invented. Run from the repository's root::

    python examples/clinical.py --output docs/research/clinical.md
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

import smotext

FIRST = (
    "A 67-year-old man with type 2 diabetes and hypertension comes to the clinic because of chest pain and shortness "
    "of breath when he climbs stairs. He takes metformin and lisinopril. His blood pressure is high today."
)
SECOND = (
    "A 24-year-old woman with asthma and seasonal allergies reports a dry cough, wheezing and a runny nose for two "
    "weeks. She uses an albuterol inhaler and takes cetirizine. She has no fever."
)

# Words that count as an attribute when they stand in a text; the notes' own, and common neighbours of them.
ATTRIBUTES = {
    "conditions": (
        "diabetes", "hypertension", "asthma", "allergies", "allergy", "heart disease", "heart failure", "cancer",
        "infection", "pneumonia", "bronchitis", "copd", "high blood pressure", "depression", "arthritis",
    ),
    "symptoms": (
        "chest pain", "shortness of breath", "cough", "wheezing", "runny nose", "fever", "pain", "headache",
        "fatigue", "nausea", "difficulty breathing", "sneezing",
    ),
    "medication": (
        "metformin", "lisinopril", "albuterol", "cetirizine", "insulin", "inhaler", "aspirin", "antibiotics",
        "steroids", "medicine", "medication",
    ),
}  # fmt: skip


def find_attributes(text: str) -> dict[str, str]:
    """Return age and named attributes of a note, empty where there is none.

    Examples
    --------
    >>> find_attributes("A 30-year-old nurse with asthma has a cough.")
    {'age': '30', 'conditions': 'asthma', 'symptoms': 'cough', 'medication': ''}
    """
    age = re.search(r"\b(\d{1,3})[- ]years?[- ]old\b", text)
    found = {"age": age[1] if age else ""}
    for name, words in ATTRIBUTES.items():
        found[name] = ", ".join(word for word in words if re.search(rf"\b{word}\b", text.lower()))
    return found


def make_report(steps: Sequence[smotext.Synthetic], command: str) -> str:
    """Return the study as Markdown: the notes, and a row of attributes and text per lam."""
    head = ["lam", "age", "conditions", "symptoms", "medication", "text"]
    rows = [
        ["note 1", *find_attributes(FIRST).values(), FIRST],
        *([f"{step.lam:g}", *find_attributes(step.text).values(), step.text] for step in steps),
        ["note 2", *find_attributes(SECOND).values(), SECOND],
    ]
    lines = ["| " + " | ".join(row) + " |" for row in ([head, ["---"] * len(head)] + [_plain(row) for row in rows])]
    return "\n".join(
        [
            "# Two outpatient notes, mixed",
            "",
            "The clinical study of SMOTExT (arXiv 2505.13434), with two invented notes and the bundled model. lam is",
            "the weight of note 1. Attributes are found by a list of words: an empty cell means that none of them is",
            "in the text. The bundled model is small and general: it keeps the topic, seldom facts. Nothing here is",
            "medical advice, and synthetic notes are not private by themselves.",
            "",
            f"Written by `{command}`.",
            "",
            *lines,
            "",
        ]
    )


def _plain(row: Sequence[str]) -> list[str]:
    return [re.sub(r"\s+", " ", cell).replace("|", "\\|") for cell in row]


def main() -> None:
    """Write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help="file to write; standard output if not given")
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--steps", type=int, default=9)
    parser.add_argument("--random-seed", type=int, default=0)
    options = parser.parse_args()
    steps = smotext.interpolate(FIRST, SECOND, options.steps, options.model, options.random_seed)
    changed = "".join(
        f" --{name.replace('_', '-')} {value}"
        for name, value in vars(options).items()
        if name != "output" and value != parser.get_default(name)
    )
    report = make_report(steps, f"python examples/clinical.py --output docs/research/clinical.md{changed}")
    if options.output is None:
        print(report)
    else:
        options.output.write_text(report, encoding="utf-8")


if __name__ == "__main__":
    main()
