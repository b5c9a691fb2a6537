"""What the experiments share: the data sets, the options, and running a study on the screen."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from smotext import SMOTExT
from smotext.cli.entry import print_error as exit_code_of
from smotext.cli.screen import Reporter
from smotext.data.tables import read_table
from smotext.errors import InputError, MissingFileError, SmotextError, missing_extra
from smotext.evaluation.generators import default_generators, read_passages
from smotext.evaluation.labelled_texts import GenerateFold, LabelledTexts, labelled
from smotext.evaluation.pseudo_labels import apart_from
from smotext.evaluation.study import Study
from smotext.evaluation.study_report import make_report, sentence, write_report
from smotext.evaluation.time_estimate import estimate_study
from smotext.utils.seeding import generator

DATA = Path(__file__).parents[1].parent / "shared" / "data"
TEN_GROUPS = (  # far apart from each other, as in the paper
    "comp.graphics", "rec.autos", "rec.sport.hockey", "sci.med", "sci.space",
    "talk.politics.mideast", "soc.religion.christian", "misc.forsale", "sci.crypt", "talk.politics.guns",
)  # fmt: skip
MIN_WORDS = 10
# The tables in docs/ are of one passage for a text of any length; --option max_passages=auto writes long texts long.
ONE_PASSAGE: dict[str, Any] = {"max_passages": 1}
MAX_CLASSES = 20  # of sets with more, a seeded choice


def load_newsgroups(data: Path) -> tuple[LabelledTexts, LabelledTexts]:
    """Return the by-date training and test posts of the ten groups: headers, footers, quotes, short posts removed."""
    from sklearn.datasets import fetch_20newsgroups

    home = data / "scikit_learn_data"
    if not home.is_dir():
        raise MissingFileError(f"20 Newsgroups is not in {home}: give the folder of the data with --data")
    parts = []
    for subset in ("train", "test"):
        found = fetch_20newsgroups(
            data_home=home,
            subset=subset,
            categories=TEN_GROUPS,
            remove=("headers", "footers", "quotes"),
            download_if_missing=False,
        )
        rows = [row for row, text in enumerate(found.data) if len(text.split()) >= MIN_WORDS]
        labels = [found.target_names[found.target[row]] for row in rows]
        parts.append(labelled([found.data[row] for row in rows], labels))
    return parts[0], parts[1]


def load_set(data: Path, name: str) -> tuple[LabelledTexts, LabelledTexts]:
    """Return the training and test rows of a labelled set; of more than 20 classes, a seeded 20."""
    if name == "twenty_newsgroups":
        return load_newsgroups(data)
    paths = [data / "labelled" / f"{name}.{part}.jsonl.gz" for part in ("train", "test")]
    for path in paths:
        if not path.is_file():
            raise MissingFileError(f"{path} is not there: give the folder of the data with --data")
    train, test = (_read(path) for path in paths)
    classes = list(train.counts)
    if len(classes) > MAX_CLASSES:
        kept = {classes[row] for row in generator(0, "classes", name).permutation(len(classes))[:MAX_CLASSES]}
        train, test = (_only(part, kept) for part in (train, test))
    return train, test


def parser(description: str) -> argparse.ArgumentParser:
    """Return the parser of the options that both experiments have."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    made.add_argument("--data", type=Path, default=DATA, help="folder with scikit_learn_data/ and labelled/")
    made.add_argument("--out", type=Path, required=True, help="folder of finished cells and reports")
    made.add_argument("--model", default="tiny", help="preset, or path of a bridge")
    made.add_argument(
        "--option", action="append", default=[], metavar="NAME=JSON", help="option of SMOTExT: lam=[0.3,0.7]"
    )
    made.add_argument("--seeds", type=int, help="paired repetitions (default: 10, quick: 3)")
    made.add_argument("--conditions", help="some of the conditions, separated by commas (default: all that apply)")
    made.add_argument("--corpus", type=Path, help="open texts for the retrieval control")
    made.add_argument("--passages", type=int, default=5000, help="at most so many passages of the corpus")
    made.add_argument("--adapt", action="store_true", help="adapt the bridge to each fold's training texts first")
    made.add_argument("--no-tuning", action="store_true", help="leave C at 1 in every condition")
    made.add_argument("--quick", action="store_true", help="3 seeds, 500 test rows, no paraphrase")
    return made


def method_options(given: list[str]) -> dict[str, Any]:
    """Return ``NAME=JSON`` options as Python values; what is no JSON is a string.

    Examples
    --------
    >>> method_options(["lam=[0.3,0.7]", "filters=default", "candidates=3"])
    {'lam': (0.3, 0.7), 'filters': 'default', 'candidates': 3}
    """
    options: dict[str, Any] = {}
    for item in given:
        name, equals, text = item.partition("=")
        if not equals:
            raise InputError(f"--option {item!r}: expected NAME=VALUE")
        try:
            value = json.loads(text)
        except json.JSONDecodeError:
            value = text
        options[name] = tuple(value) if isinstance(value, list) else value
    return options


def keep_unlabelled(data: LabelledTexts, test: LabelledTexts, number: int) -> tuple[LabelledTexts, list[str]]:
    """Return the rows that may be drawn as labelled, and the texts of a seeded choice of others, at most half.

    No unlabelled text repeats a test row or a row that may be drawn.
    """
    order = generator(0, "unlabelled").permutation(len(data))
    chosen, others = np.split(order, [min(number, len(data) // 2)])
    rest = data.take(np.sort(others))
    return rest, apart_from([data.texts[row] for row in np.sort(chosen)], (*rest.texts, *test.texts))


def make_generators(sampler: SMOTExT, given: argparse.Namespace) -> dict[str, GenerateFold]:
    """Return SMOTExT and its controls as the options ask for them."""
    passages = read_passages(given.corpus, limit=given.passages) if given.corpus else []
    if not given.adapt:
        return default_generators(sampler, passages)
    from smotext.training.adapt import adapted_decoder

    return default_generators(sampler, passages, adapt=adapted_decoder)


def run_study(study: Study, title: str) -> None:
    """Run what is missing, with an estimate first and progress; write and print the report."""
    reporter = Reporter()
    with reporter.drawing():
        reporter.start(f"{title}: timing", 0)
        left = estimate_study(study)
        reporter.end()
        reporter.say(
            f"{title}: about {left.seconds / 60:.0f} min ({left.n_texts} texts to generate: "
            f"{left.generating_s / 60:.0f} min); {left.n_done} of {left.n_cells} fits are there"
        )
        reporter.start(title, left.n_cells, done=left.n_done)
        study.run(lambda _: reporter.advance(1))
        reporter.end()
    found = make_report(study)
    if study.folder is not None:
        write_report(found, study.results(), study.folder)
    for verdict in found.verdicts:
        print(f"{title}: {sentence(verdict)}", flush=True)


def new_figure(width: float, height: float) -> Any:
    """Return an empty figure of matplotlib, in inches."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise missing_extra("matplotlib", "train", "the picture") from error
    return Figure(figsize=(width, height), layout="constrained")


@contextmanager
def clear_errors() -> Iterator[None]:
    """End with one line and an exit code for errors of ours, and for Ctrl-C, which keeps finished cells."""
    try:
        yield
    except SmotextError as error:
        sys.exit(exit_code_of(error))
    except KeyboardInterrupt:
        print("stopped: finished cells are kept; the same command goes on", file=sys.stderr)
        sys.exit(130)


def _read(path: Path) -> LabelledTexts:
    table = read_table(path)
    return labelled(table.texts.tolist(), table.labels.tolist())


def _only(data: LabelledTexts, classes: set[Any]) -> LabelledTexts:
    return data.take([row for row, label in enumerate(data.labels) if label in classes])
