"""``smotext evaluate``: does augmenting help on these data, and is it worth its cost?"""

from __future__ import annotations

import os
import textwrap
import warnings
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smotext.cli.evaluate_options import FINE_TUNING, ClassifierOptions, DesignOptions
from smotext.cli.labelled_files import notes_on, read_labelled, read_sets
from smotext.cli.options import ColumnOptions, MethodOptions, takes
from smotext.cli.report import write_evaluation_report
from smotext.cli.screen import Reporter, print_notes, print_rows, spell_seconds
from smotext.cli.spelled_command import spell_command
from smotext.cli.unlabelled_options import UnlabelledOptions, read_unlabelled_file
from smotext.errors import InputError, MissingExtraError, SmotextWarning

if TYPE_CHECKING:
    from smotext.evaluation.generators import Adapt
    from smotext.evaluation.labelled_texts import LabelledTexts
    from smotext.evaluation.study import Study
    from smotext.evaluation.study_report import StudyReport
    from smotext.protocols import Decoder


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("evaluate")(evaluate)


@takes(
    has_config=True,
    columns=ColumnOptions,
    more=UnlabelledOptions,
    design=DesignOptions,
    classifiers=ClassifierOptions,
    method=MethodOptions,
)
def evaluate(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="CSV, TSV, JSON lines, Parquet, a dataset directory, or a data set of the hub."
        ),
    ],
    columns: ColumnOptions,
    more: UnlabelledOptions,
    design: DesignOptions,
    classifiers: ClassifierOptions,
    method: MethodOptions,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Directory of the report. Default: FILE.evaluation.")
    ] = None,
    report_file: Annotated[
        Path | None, typer.Option("--report", help="HTML file to write as well; it holds no text.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the HTML file if it exists.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress; the outcome and warnings stay.")] = False,
) -> int:
    """Measure whether augmenting helps on your own data, and say so plainly, also when it doesn't."""
    from smotext.data.remote_tables import short_name
    from smotext.evaluation.study_report import make_report, report_name, write_report
    from smotext.reporting.page import check_page_target
    from smotext.reporting.report_inputs import read_evaluation

    if report_file is not None:
        check_page_target(report_file, overwrite=overwrite)
    reporter = Reporter(is_quiet=quiet)
    folder = out or Path(f"{short_name(file)}.evaluation")
    with reporter.drawing():
        study = _make_study(file, columns, more, design, classifiers, method, folder, reporter)
        try:
            _run(study, reporter)
        except KeyboardInterrupt:
            return _stopped(study)
    report = make_report(study)
    name = report_name(study, folder)
    done = {
        "command": spell_command("evaluate", [file], columns, more, design, classifiers, method),
        "options": asdict(method),
    }
    written = write_report(report, study.results(), folder, name=name, study=study.fingerprint, done=done)
    written += _plot(report, folder / f"{name}.png", design)
    if report_file is not None:
        write_evaluation_report(read_evaluation(folder / f"{name}.json"), report_file)
        written.append(report_file)
    _print(report)
    if study.resampled:
        print(f"Test rows: {report.design}.")
    print_notes(f"written: {', '.join(map(str, written))}")
    return 0


def _make_folder(folder: Path) -> None:
    """Make the report's directory, before anything is computed for it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in filter(Path.is_file, folder.iterdir()):
            file.open("rb").close()
    except OSError as error:
        raise InputError(
            f"{folder} cannot be made or read ({error.strerror}): choose another directory with --out"
        ) from error
    if not os.access(folder, os.W_OK):
        raise InputError(f"{folder} cannot be written: choose another directory with --out")


def _run(study: Study, reporter: Reporter) -> None:
    from smotext.evaluation.time_estimate import estimate_study

    reporter.start("timing a few texts and fits", 0)
    left = estimate_study(study)
    reporter.end()
    n_fits = left.n_cells - left.n_done
    texts, fits = spell_seconds(left.generating_s), spell_seconds(left.fitting_s)
    work = f"{left.n_texts} texts to generate ({texts}), {n_fits} fits ({fits})"
    reporter.say(f"about {spell_seconds(left.seconds)}: {work}; {left.n_done} of {left.n_cells} fits are there already")
    reporter.start("evaluating", left.n_cells, done=left.n_done)
    study.run(lambda _: reporter.advance(1))
    reporter.end()


def _stopped(study: Study) -> int:
    from smotext.cli.exit_codes import INTERRUPTED, print_line

    cells = study.all_cells()
    n_done = sum(map(study.is_done, cells))
    print_line("stopped", f"{n_done} of {len(cells)} fits are done and kept; the same command goes on where it stopped")
    return INTERRUPTED


def _make_study(
    file: Path,
    columns: ColumnOptions,
    more: UnlabelledOptions,
    design: DesignOptions,
    classifiers: ClassifierOptions,
    method: MethodOptions,
    folder: Path,
    reporter: Reporter,
) -> Study:
    """Return the study that the options describe; the files are read before any model is loaded."""
    from smotext.augmentation.notes import language_note
    from smotext.augmentation.shared_labels import for_label_sets
    from smotext.cli.augment_job import make_sampler
    from smotext.evaluation.data_sizes import parse_settings
    from smotext.evaluation.generators import default_generators, read_passages
    from smotext.evaluation.study import Study
    from smotext.fitting.one_vs_rest import has_sets

    sampler = make_sampler(method)
    data = _read(file, columns, design.label_separator)
    test = None if design.test is None else _read(design.test, columns, design.label_separator)
    if has_sets(data.labels):
        for_label_sets(sampler.settings())  # raises for what goes with one label alone
    if more.unlabelled is not None:
        sampler.set_params(unlabelled=_unlabelled(more.unlabelled, columns, data, test))
    shots = _numbers("--shots", design.shots)
    settings = parse_settings(shots, design.imbalance, design.per_class, design.most_new_rows)
    names = design.wanted_conditions(has_unlabelled=more.unlabelled is not None)
    passages = read_passages(design.corpus) if design.corpus is not None else []
    classifiers.check()
    # The design is checked before any model is loaded.
    checked = Study(
        data,
        {},
        {},
        test=test,
        settings=settings,
        conditions=names,
        n_seeds=design.n_seeds,
        root=method.random_seed,
        max_test_rows=design.n_test_rows,
        is_tuned=not design.no_tuning,
    )
    for note in checked.notes:
        warnings.warn(note, SmotextWarning, stacklevel=2)
    _make_folder(folder)
    reporter.start("loading the model", 0)
    method_encoder, decoder = sampler.load()
    for note in language_note(data.texts, decoder):
        warnings.warn(note, SmotextWarning, stacklevel=2)
    # Whoever asks for the models later loads nothing again.
    sampler.set_params(encoder=method_encoder, decoder=decoder)
    adapt = _adapt(decoder) if design.adapt else None
    models, encoder = _load_models(classifiers, sampler)
    generators = default_generators(sampler, passages, adapt)
    return replace(checked, models=models, generators=generators, conditions=names, encoder=encoder, folder=folder)


def _adapt(decoder: Decoder) -> Adapt:
    """Return what adapts the decoder to a fold's training texts; raise, before any work, if it has no bridge."""
    from smotext.training.adapt import adapted_decoder, check_adaptable

    check_adaptable(decoder)
    return adapted_decoder


def _load_models(options: ClassifierOptions, sampler: Any) -> tuple[dict[str, Any], Any]:
    """Return the classifiers by name, the frozen encoder first, and its encoder."""
    from smotext.evaluation import classifiers as known

    if options.encoder is None:
        encoder, name = sampler.load()[0], f"encoder of {sampler.model}"
    elif options.pooling is None:
        from smotext import load_encoder

        encoder, name = load_encoder(options.encoder), options.encoder
    else:
        from smotext.encoders.loading import load_sentence_encoder

        encoder = load_sentence_encoder(options.encoder, pooling=options.pooling)
        name = f"{options.encoder} ({options.pooling})"
    frozen = known.frozen_encoder(encoder, encoder.fingerprint or name)
    models: dict[str, Any] = {known.FROZEN: frozen}
    by_name = {
        "tfidf": (known.TFIDF, known.tfidf),
        "lsa": (known.LSA, known.lsa),
        "svm": (known.SVM, known.svm),
        "boosting": (known.BOOSTING, lambda: known.boosting(frozen[0])),
    }
    for classifier in options.names:
        if classifier in by_name:
            name, make = by_name[classifier]
            models[name] = make()
        elif classifier.startswith("encoder:"):
            models[classifier] = _other_encoder(classifier.removeprefix("encoder:"))
        elif classifier.partition(":")[0] in FINE_TUNING:
            name, model = _fine_tuning(classifier, frozen[0])
            models[name] = model
        elif classifier != "frozen":
            models[classifier] = known.load_classifier(classifier)
    return models, frozen[0]


def _fine_tuning(classifier: str, own: Any) -> tuple[str, Any]:
    """Return the name and the classifier of ``setfit`` or ``fine-tuned``, either of which may name a model."""
    from smotext.evaluation import fine_tuning

    kind, _, name = classifier.partition(":")
    if kind == "setfit":
        features = _other_encoder(name)[0] if name else own
        return f"{fine_tuning.SETFIT} of {name}" if name else fine_tuning.SETFIT, fine_tuning.setfit(features)
    name = name or fine_tuning.MODERNBERT
    return f"{fine_tuning.FINE_TUNED} {name}", fine_tuning.fine_tuned(name)


def _other_encoder(name: str) -> Any:
    """Return the classifier on an encoder that is not the method's own."""
    from smotext import load_encoder
    from smotext.evaluation.classifiers import frozen_encoder

    encoder = load_encoder(name)
    return frozen_encoder(encoder, encoder.fingerprint or name)


def _read(file: Path, columns: ColumnOptions, label_separator: str | None) -> LabelledTexts:
    """Return the real rows of a file that have a text, label sets as tuples; the others are counted on stderr."""
    import numpy as np

    from smotext.data.corpus import make_corpus
    from smotext.data.validation import check_labels
    from smotext.evaluation.labelled_texts import labelled

    table = read_labelled(file, columns, takes_sets=True)
    print_notes(*notes_on(file, table))
    sets = read_sets(table, label_separator)
    labels = check_labels(table.labels, len(table)) if sets is None else np.arange(len(table), dtype=object)
    corpus = make_corpus(table.texts, labels)
    if corpus.n_skipped:
        print_notes(f"{file}: {corpus.n_skipped} rows without text are left out")
    if sets is not None:
        return labelled(corpus.texts, [sets.sets[row] for row in corpus.rows])
    return labelled(corpus.texts, corpus.labels.tolist())


def _unlabelled(file: Path, columns: ColumnOptions, data: LabelledTexts, test: LabelledTexts | None) -> list[str]:
    """Return the texts of a file without labels that repeat no row that may be tested on; the others are counted."""
    from smotext.data.validation import is_blank
    from smotext.evaluation.pseudo_labels import apart_from

    texts = [text for text in read_unlabelled_file(file, columns.text_column) if not is_blank(text)]
    kept = apart_from(texts, data.texts + (() if test is None else test.texts))
    if len(kept) < len(texts):
        print_notes(f"{file}: {len(texts) - len(kept)} unlabelled texts repeat labelled ones and are left out")
    return kept


def _numbers(option: str, text: str | None) -> list[int]:
    try:
        return [int(part) for part in text.split(",")] if text else []
    except ValueError:
        raise InputError(f"{option} is {text!r}: expected whole numbers separated by commas, such as 5,10,20") from None


def _plot(report: StudyReport, path: Path, design: DesignOptions) -> Sequence[Path]:
    """Draw the plot where there is a curve to draw; without matplotlib, say how to get it."""
    from smotext.evaluation.study_report import plot_shots

    if design.shots is None or "," not in design.shots:
        return []
    try:
        plot_shots(report.rows, path)
    except MissingExtraError as error:
        print_notes(f"no plot: {error}")
        return []
    return [path]


def _print(report: StudyReport) -> None:
    from smotext.evaluation.nearness_to_real import NO_GUARANTEE
    from smotext.evaluation.study_report import gain_cell, sentence

    columns = ["setting", "model", "condition", "rows", "accuracy", "macro-F1", "weighted F1", "gain in macro-F1"]
    shown = [row for row in report.rows if not row.skipped]
    print_rows(
        columns,
        [
            (row.setting, row.model, row.condition, f"{row.n_train:.0f}", f"{row.accuracy:.1f}", f"{row.macro_f1:.1f}",
             f"{row.weighted_f1:.1f}", gain_cell(row.gain) if row.gain else "")
            for row in shown
        ],
        right=columns[3:7],
    )  # fmt: skip
    print()
    for verdict in report.verdicts:
        print(sentence(verdict))
    for one in report.closeness:
        near = one.synthetic
        print(
            f"Synthetic texts, {one.setting}: median cosine {near.nearest_cosine[1]:.2f} to the nearest real text, "
            f"longest copied run {near.longest_copy[-1]:.0f} words, among all {near.n_texts} of the first seed. "
            f"{NO_GUARANTEE}"
        )
    for advice in report.advice:
        print(f"\nWhat to do. {advice.text}\n")
        print(textwrap.indent(advice.code, "    "))
