"""What do the texts give away, and what are they worth? By default, averaged, and with differential privacy.

    python experiments/privacy.py --out work/privacy                  # two sets, eight conditions: for a GPU
    python experiments/privacy.py --out work/privacy --quick          # fewer and shorter rows: for one core
    python experiments/privacy.py --out work/privacy --only-table     # table and picture of what is there

For each set, a coin decides which training rows are used; texts are written from these, attacked, and, alone, train a
TF-IDF and a frozen-encoder classifier whose balanced accuracy is taken on test rows, beside what the used rows
themselves train. *Fluency* is bits a character under the bare language model, over those of the used rows. Training
rows that take no other part are the public examples of one condition, as if they had been published.

Finished conditions are kept in the folder, and the same command goes on. The likelihood attack is a pass of the
language model for each text and candidate: that and the writing take nearly all of the time.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from common import DATA, clear_errors, load_set, new_figure
from sklearn.metrics import balanced_accuracy_score
from text_quality import bare_model, of_like_lengths

from smotext import SMOTExT
from smotext.cli.screen import Reporter
from smotext.decoders.bridge import fingerprint
from smotext.errors import InputError
from smotext.evaluation.classifiers import frozen_encoder, tfidf
from smotext.evaluation.labelled_texts import LabelledTexts
from smotext.filters.ngrams import squeeze
from smotext.presets import decoder_directory
from smotext.privacy import AuditSettings, Privacy, audit_generator
from smotext.privacy.audit_report import as_json
from smotext.privacy.gaussian import ceilings
from smotext.training.scoring.score import bare_bits
from smotext.utils.files import atomic_write
from smotext.utils.seeding import generator

SETS = ("cfpb_complaints_sample", "sms_spam")
EPSILONS = (1, 4, 8)
MAX_TOKENS = 64
SMALL_GROUPS = 5
# No class has so many rows: all of them are in one group.
ONE_GROUP = 10**6
# Public examples of each class.
N_PUBLIC = 12
# Of so many texts, evenly spaced, the fluency is measured.
FLUENCY_TEXTS = 60
# What --quick sets, unless the command line says otherwise. There are two texts for each used row, as without it: of
# fewer, many rows never weigh most in a text, and are not found for that reason alone.
QUICK = {
    "per_class": 60, "classes": 2, "max_words": 40, "group_size": 10, "line_up": 8, "max_texts": 120,
    "test_rows": 400, "controls": False, "dtype": "bfloat16",
    "conditions": "default;default, no examples;average of 5;dp, epsilon 1;dp, epsilon 4;dp, epsilon 8;"
    "dp, epsilon 8, public examples",
}  # fmt: skip


def fluency(decoder: Any, texts: list[str], real: list[str]) -> float:
    """Return bits a character of texts over those of real ones of like lengths, under the bare language model."""
    some = [texts[row] for row in np.linspace(0, len(texts) - 1, min(len(texts), FLUENCY_TEXTS)).astype(int)]
    bare = bare_model(decoder)
    return bare_bits(bare, decoder.tokenizer, some) / bare_bits(bare, decoder.tokenizer, of_like_lengths(some, real))


def conditions(
    counts: dict[Any, int], group_size: int, public_texts: dict[Any, list[str]]
) -> dict[str, dict[str, Any]]:
    """Return the options of each condition.

    A class's public size is half of its rows, as the coin takes them, to the nearest ten. The smallest epsilon is
    spent on one group a class. Public examples are left out where a class has no rows to spare for them.
    """
    public = {label: max(10, round(n // 2, -1)) for label, n in counts.items()}
    noisy = {
        f"dp, epsilon {epsilon}": {
            "privacy": Privacy(
                "dp", epsilon=epsilon, labels=public, group_size=ONE_GROUP if epsilon == min(EPSILONS) else group_size
            ),
            "strategy": "random",
            "max_new_tokens": MAX_TOKENS,
        }
        for epsilon in EPSILONS
    }
    weakest = f"dp, epsilon {max(EPSILONS)}"
    if all(public_texts.values()):
        privacy = replace(noisy[weakest]["privacy"], public_examples=public_texts)
        noisy[f"{weakest}, public examples"] = noisy[weakest] | {"privacy": privacy}
    return {
        "default": {},
        "default, no examples": {"examples": 0},
        f"average of {SMALL_GROUPS}": {"privacy": Privacy("average", group_size=SMALL_GROUPS)},
        f"average of {group_size}": {"privacy": Privacy("average", group_size=group_size)},
        **noisy,
    }


def main() -> None:
    """Run the experiment."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--data", type=Path, default=DATA, help="folder with labelled/")
    made.add_argument("--out", type=Path, required=True, help="folder of finished conditions and the table")
    made.add_argument("--model", default="tiny", help="preset, or path of a bridge")
    made.add_argument("--sets", default=",".join(SETS), help="by commas")
    made.add_argument("--dtype", help="bfloat16, float32; the device's own unless given")
    made.add_argument("--classes", type=int, default=3, help="of a set, the largest")
    made.add_argument("--per-class", type=int, default=200, help="real rows of a class, used and unused together")
    made.add_argument("--texts-per-class", type=int, help="texts of a class; two for each used row unless given")
    made.add_argument("--max-words", type=int, help="leave out longer real rows")
    made.add_argument("--candidates", type=int, default=4, help="texts written per mix, of which one is kept")
    made.add_argument("--line-up", type=int, default=16, help="candidates that the likelihood attack tries for a text")
    made.add_argument("--group-size", type=int, default=25, help="rows of a group")
    made.add_argument("--conditions", help="some of the conditions, separated by semicolons")
    made.add_argument("--max-texts", type=int, default=500, help="texts that the likelihood attack looks at")
    made.add_argument("--test-rows", type=int, help="test rows at most")
    made.add_argument("--controls", action=argparse.BooleanOptionalAction, default=True)
    quick = ", ".join(f"{name.replace('_', '-')} {value}" for name, value in QUICK.items())
    made.add_argument("--quick", action="store_true", help=f"for one core: {quick}")
    made.add_argument("--only-table", action="store_true", help="run nothing: table and picture of what is there")
    if made.parse_known_args()[0].quick:
        made.set_defaults(**QUICK)
    given = made.parse_args()
    with clear_errors():
        given.out.mkdir(parents=True, exist_ok=True)
        found = [row for name in given.sets.split(",") for row in run_set(name, given)]
        if not found:
            wanted = f"none of the conditions {given.conditions!r}" if given.conditions else "no finished condition"
            raise InputError(f"{wanted} is there: expected names as in the table, separated by semicolons")
        with atomic_write(given.out / "results.md") as file:
            file.write(table(found).encode())
        plot(found, given.out / "privacy.png")
        print((given.out / "results.md").read_text(encoding="utf-8"))


def run_set(name: str, given: argparse.Namespace) -> list[dict[str, Any]]:
    """Return a row for each condition of a set, made now or kept from before."""
    train, test, public_texts = largest(*load_set(given.data, name), given)
    found = []
    for condition, options in conditions(train.counts, given.group_size, public_texts).items():
        if given.conditions and condition not in given.conditions.split(";"):
            continue
        path = given.out / f"{name}.{condition.replace(', ', '-').replace(' ', '-')}.json"
        if not path.is_file() and given.only_table:
            continue
        if not path.is_file():
            made = {**run_condition(name, condition, options, train, test, given), "asked": asked(given)}
            with atomic_write(path, mode=0o600) as file:
                file.write(json.dumps(made).encode())
        kept = json.loads(path.read_text(encoding="utf-8"))
        if not given.only_table and kept.get("asked") != asked(given):
            raise InputError(f"{path} was made with other options or another bridge: choose another --out")
        found.append(kept)
    return found


def asked(given: argparse.Namespace) -> dict[str, Any]:
    """Return what the figures of a condition depend on."""
    names = (
        "dtype", "classes", "per_class", "texts_per_class", "max_words", "candidates", "line_up", "group_size",
        "max_texts", "test_rows", "controls",
    )  # fmt: skip
    return {"bridge": fingerprint(decoder_directory(given.model)), **{name: getattr(given, name) for name in names}}


def largest(
    train: LabelledTexts, test: LabelledTexts, given: argparse.Namespace
) -> tuple[LabelledTexts, LabelledTexts, dict[Any, list[str]]]:
    """Return so many rows of each of the largest classes, test rows of these, and texts that are taken as public."""
    kept = sorted(train.counts, key=lambda label: -train.counts[label])[: given.classes]
    drawn = [
        [row for row in generator(0, "privacy").permutation(len(part)).tolist() if is_short(part.texts[row], given)]
        for part in (train, test)
    ]
    of_class = {label: [row for row in drawn[0] if train.labels[row] == label] for label in kept}
    rows = [row for label in kept for row in of_class[label][: given.per_class]]
    test_rows = [row for row in drawn[1] if test.labels[row] in kept][: given.test_rows]
    taken = {squeeze(train.texts[row]) for row in rows}
    public_texts = {
        label: [train.texts[row] for row in of_class[label] if squeeze(train.texts[row]) not in taken][:N_PUBLIC]
        for label in kept
    }
    return train.take(sorted(rows)), test.take(sorted(test_rows)), public_texts


def is_short(text: str, given: argparse.Namespace) -> bool:
    """Return whether a row takes part: it has no more words than is allowed."""
    return given.max_words is None or len(text.split()) <= given.max_words


def run_condition(
    name: str, condition: str, options: dict[str, Any], train: LabelledTexts, test: LabelledTexts, given: Any
) -> dict[str, Any]:
    """Return the figures of a condition; the audit itself goes to a file of its own."""
    sampler = SMOTExT(given.model, dtype=given.dtype, candidates=given.candidates, random_state=0, **options)
    encoder, decoder = sampler.load()
    sampler.set_params(encoder=encoder, decoder=decoder)
    kept: dict[str, Any] = {}
    reporter = Reporter()

    def write(texts: list[str], labels: list[Any], new_rows: Any) -> pd.DataFrame:
        kept["real"] = texts, labels
        kept["texts"] = sampler.generate(texts, labels, n=new_rows)
        return kept["texts"]

    privacy = options.get("privacy")
    public = None if privacy is None else privacy.public_examples
    settings = AuditSettings(
        examples=options.get("examples") if privacy is None or public is not None else 0,
        public_examples=public,
        max_texts=given.max_texts,
        n_shown=given.line_up,
    )
    new_rows = None if given.texts_per_class is None else dict.fromkeys(train.counts, given.texts_per_class)
    with reporter.drawing():
        reporter.start(f"{name}, {condition}", 0)
        audit = audit_generator(
            (train.texts, train.labels), write, encoder=encoder, decoder=decoder, settings=settings,
            canary_share=0.0, with_controls=given.controls, new_rows=new_rows,
        )  # fmt: skip
    with atomic_write(given.out / f"{name}.{condition}.audit.json", mode=0o600) as file:
        file.write(as_json(audit).encode())
    made = kept["texts"]["text"].tolist(), kept["texts"]["label"].tolist()
    scores, real_scores = (
        {
            model: balanced_accuracy_score(test.labels, classifier.fit(*training).predict(test.texts))
            for model, classifier in (("frozen encoder", frozen_encoder(encoder)), ("TF-IDF", tfidf()))
        }
        for training in (made, kept["real"])
    )
    attacks = {
        attack.name: [attack.rates.auc.value, attack.rates.auc.low, attack.rates.auc.high, attack.rates.tpr.value]
        for attack in audit.attacks
        if attack.rates is not None
    }
    top = ceilings(privacy.epsilon, privacy.delta).auc if privacy is not None and privacy.kind == "dp" else None
    traced = next((attack.traced.value for attack in audit.attacks if attack.traced is not None), None)
    return {
        "set": name, "condition": condition, "n_real": audit.n_real, "n_held_out": audit.n_held_out,
        "n_texts": audit.n_released, "attacks": attacks, "traced": traced, "ceiling": top, "accuracy": scores,
        "accuracy_real": real_scores, "verdicts": audit.verdicts, "fluency": fluency(decoder, made[0], kept["real"][0]),
    }  # fmt: skip


def strongest(row: dict[str, Any]) -> tuple[str, list[float]]:
    """Return the name and the figures of the attack with the largest AUC."""
    return max(row["attacks"].items(), key=lambda item: item[1][0])


def table(found: list[dict[str, Any]]) -> str:
    """Return the conditions as a Markdown table."""
    lines = [
        "| set | condition | used, unused, texts | strongest attack | AUC | above 99 % | traced | ceiling "
        "| frozen encoder (real rows) | TF-IDF (real rows) | fluency |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in found:
        if not row["attacks"]:
            lines.append(f"| {row['set']} | {row['condition']} | | {row['verdicts'][0]} | | | | | | | |")
            continue
        name, (auc, low, high, tpr) = strongest(row)
        rest = [f"{value:.2f}" if value is not None else "" for value in (row["traced"], row["ceiling"])]
        sizes = f"{row['n_real']}, {row['n_held_out']}, {row['n_texts']}"
        scores = [
            f"{row['accuracy'][model]:.3f} ({row['accuracy_real'][model]:.3f})"
            for model in ("frozen encoder", "TF-IDF")
        ]
        cells = [row["set"], row["condition"], sizes, name, f"{auc:.2f} [{low:.2f}, {high:.2f}]", f"{tpr:.2f}"]
        lines.append(f"| {' | '.join([*cells, *rest, *scores, format(row['fluency'], '.2f')])} |")
    return "\n".join(lines) + "\n"


def plot(found: list[dict[str, Any]], path: Path) -> None:
    """Draw what the texts are worth against what they give away, a panel for each set."""
    sets = list(dict.fromkeys(row["set"] for row in found))
    names = list(dict.fromkeys(row["condition"] for row in found))
    figure = new_figure(5.0 * len(sets), 4.6)
    for panel, name in zip(figure.subplots(1, len(sets), squeeze=False)[0], sets, strict=True):
        rows = [row for row in found if row["set"] == name and row["attacks"]]
        for row in rows:
            colour, label = f"C{names.index(row['condition'])}", row["condition"] if name == sets[0] else None
            panel.plot(strongest(row)[1][0], row["accuracy"]["frozen encoder"], "o", color=colour, label=label)
        panel.axhline(rows[0]["accuracy_real"]["frozen encoder"], linestyle="--", color="grey", linewidth=0.5)
        panel.axvline(0.5, linestyle=":", color="grey")
        panel.set(title=f"{name} (dashed: the real rows)", xlabel="AUC of the strongest attack; 0.5 is guessing")
        panel.set(ylabel="balanced accuracy, trained on synthetic texts alone", xlim=(0.45, 1.0))
    figure.legend(loc="outside lower center", ncols=3)
    with atomic_write(path) as file:
        figure.savefig(file, dpi=120, format="png")


if __name__ == "__main__":
    main()
