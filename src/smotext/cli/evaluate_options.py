"""The options of ``smotext evaluate`` that no other command has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from smotext.errors import InputError

# A row that the bundled model writes takes about a second of a CPU: five seeds of forty rows are a few minutes.
SEEDS, TEST_ROWS, MOST_NEW = 5, 2000, 40
QUICK_SEEDS, QUICK_TEST_ROWS = 3, 500
THOROUGH_SEEDS = 10
# Classifiers whose encoder learns, too, alone or before a colon and a model's name.
FINE_TUNING = ("setfit", "fine-tuned")
_DESIGN, _MODELS = "Design", "Models"


@dataclass(frozen=True)
class DesignOptions:
    """What is compared with what, and how often."""

    test: Annotated[
        Path | None,
        typer.Option(help="Test file; without it, cross-validation on FILE.", rich_help_panel=_DESIGN),
    ] = None
    label_separator: Annotated[
        str | None,
        typer.Option(
            help="Texts have several labels, with this between them in their cell, such as ';'.",
            rich_help_panel=_DESIGN,
        ),
    ] = None
    shots: Annotated[
        str | None,
        typer.Option(help="Real rows per class, such as 5,10,20; all unless given.", rich_help_panel=_DESIGN),
    ] = None
    imbalance: Annotated[
        int | None,
        typer.Option(help="Cut half of the classes to a row for so many of the others.", rich_help_panel=_DESIGN),
    ] = None
    per_class: Annotated[
        int | None,
        typer.Option(
            help="New rows for each class; not with --imbalance. Default: 50 with --shots, else up to the largest.",
            rich_help_panel=_DESIGN,
        ),
    ] = None
    conditions: Annotated[
        str | None,
        typer.Option(help="Some of the conditions, separated by commas.", rich_help_panel=_DESIGN),
    ] = None
    corpus: Annotated[
        Path | None,
        typer.Option(help="Open texts for the retrieval control: JSON lines or lines.", rich_help_panel=_DESIGN),
    ] = None
    adapt: Annotated[
        bool,
        typer.Option("--adapt", help="Adapt the bridge to each fold's training texts first.", rich_help_panel=_DESIGN),
    ] = False
    seeds: Annotated[
        int | None,
        typer.Option(
            help=f"Paired repetitions. Default: {SEEDS}, thorough: {THOROUGH_SEEDS}.", rich_help_panel=_DESIGN
        ),
    ] = None
    max_test_rows: Annotated[
        int | None, typer.Option(help=f"At most so many test rows. Default: {TEST_ROWS}.", rich_help_panel=_DESIGN)
    ] = None
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help=f"Unless given: {QUICK_SEEDS} seeds, {QUICK_TEST_ROWS} test rows.",
            rich_help_panel=_DESIGN,
        ),
    ] = False
    thorough: Annotated[
        bool,
        typer.Option(
            "--thorough",
            help=f"Every control, all new rows ({MOST_NEW} a fold else), {THOROUGH_SEEDS} seeds: hours.",
            rich_help_panel=_DESIGN,
        ),
    ] = False
    no_tuning: Annotated[
        bool,
        typer.Option(
            "--no-tuning",
            help="Leave C as it is; else each condition's is chosen on training rows.",
            rich_help_panel=_DESIGN,
        ),
    ] = False

    @property
    def n_seeds(self) -> int:
        """Paired repetitions."""
        if self.seeds is not None:
            return self.seeds
        return QUICK_SEEDS if self.quick else (THOROUGH_SEEDS if self.thorough else SEEDS)

    @property
    def most_new_rows(self) -> int | None:
        """Most new rows of a fold where all rows are used; None: all that balance the classes."""
        return None if self.thorough else MOST_NEW

    @property
    def n_test_rows(self) -> int:
        """Most test rows."""
        return self.max_test_rows if self.max_test_rows is not None else (QUICK_TEST_ROWS if self.quick else TEST_ROWS)

    def wanted_conditions(self, *, has_unlabelled: bool = False) -> list[str]:
        """Return the conditions to compare; some only where there are unlabelled texts.

        Raises
        ------
        InputError
            If a name is unknown, or asked for without what it needs.
        """
        from smotext.evaluation.conditions import (
            CONDITIONS,
            DEFAULT,
            PSEUDO_LABELLED,
            RETRIEVED,
            WITH_UNLABELLED,
            check_conditions,
        )

        if self.quick and self.thorough:
            raise InputError("--quick and --thorough are opposites: give one of them")
        if self.conditions is None:
            given = [RETRIEVED] if self.corpus is not None else []
            given += [PSEUDO_LABELLED] if has_unlabelled else []
            return check_conditions([*(CONDITIONS if self.thorough else DEFAULT), *given])
        names = check_conditions([name.strip() for name in self.conditions.split(",")])
        if (lacking := [name for name in names if name in WITH_UNLABELLED]) and not has_unlabelled:
            raise InputError(f"--conditions names {lacking[0]!r}, which needs unlabelled texts: give --unlabelled FILE")
        if RETRIEVED in names and self.corpus is None:
            raise InputError(
                f"--conditions names {RETRIEVED!r}, which chooses from open texts: give them with --corpus"
            )
        if self.corpus is not None and RETRIEVED not in names:
            raise InputError(
                f"--corpus is {self.corpus}, and --conditions lacks {RETRIEVED!r}: add it, or leave it out"
            )
        return names


@dataclass(frozen=True)
class ClassifierOptions:
    """What is trained."""

    classifier: Annotated[
        str,
        typer.Option(
            help="Beside the frozen encoder: tfidf, lsa (TF-IDF and SVD), svm (linear, on TF-IDF), boosting (on the "
            "frozen encoder's vectors), encoder:NAME (another frozen encoder), setfit or setfit:NAME (an encoder that "
            "learns), fine-tuned or fine-tuned:NAME (a transformer; ModernBERT unless named), or "
            "package.module:name of a scikit-learn text classifier; several separated by commas.",
            rich_help_panel=_MODELS,
        ),
    ] = "tfidf"
    encoder: Annotated[
        str | None,
        typer.Option(
            help="The frozen encoder: a name or path; the method's own unless given.", rich_help_panel=_MODELS
        ),
    ] = None
    pooling: Annotated[
        str | None, typer.Option(help="How --encoder pools its tokens: mean or cls.", rich_help_panel=_MODELS)
    ] = None

    @property
    def names(self) -> list[str]:
        """The classifiers beside the frozen encoder."""
        return [part.strip() for part in self.classifier.split(",") if part.strip()]

    def check(self) -> None:
        """Raise InputError if a classifier cannot be loaded, or an option would have no effect."""
        from smotext.evaluation.classifiers import load_classifier

        if self.pooling is not None and self.encoder is None:
            raise InputError(f"--pooling is {self.pooling!r} without --encoder, whose tokens it pools: name one, too")
        for name in self.names:
            kind, _, base = name.partition(":")
            if kind in FINE_TUNING:
                _check_base(kind, base)
            elif name not in ("tfidf", "lsa", "svm", "boosting", "frozen") and not name.startswith("encoder:"):
                load_classifier(name)


def _check_base(kind: str, name: str) -> None:
    """Raise InputError if there is no model of the name that is to be fine-tuned; none: the usual one."""
    from smotext.evaluation.fine_tuning import MODERNBERT, fine_tuned
    from smotext.utils.hub import locate

    if kind == "fine-tuned":
        fine_tuned(name or MODERNBERT)
    elif name:
        locate(name)
