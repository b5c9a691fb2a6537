"""What ``augment`` and ``plan`` share: the table, how many rows of which class, and the sampler."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from smotext.cli.labelled_files import notes_on, read_labelled, read_sets
from smotext.cli.options import (
    AmountOptions,
    ColumnOptions,
    MethodOptions,
    RowOptions,
    parse_lam_option,
    parse_per_class,
    parse_sampling_strategy,
    parse_word_or_int,
)
from smotext.cli.privacy_options import PrivacyOptions, parse_privacy_options, recorded
from smotext.cli.unlabelled_options import UnlabelledOptions
from smotext.data.tables import Table, check_unmarked
from smotext.errors import InputError, UnknownNameError, suggest
from smotext.protocols import name_of

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from smotext.data.corpus import Corpus
    from smotext.data.label_sets import LabelSets
    from smotext.data.records import RecordForm
    from smotext.privacy.privacy_option import Privacy
    from smotext.reporting.run_record import RunRecord
    from smotext.runs.run_directory import RunDirectory
    from smotext.sampler import SMOTExT

VERSIONS = ("smotext", "numpy", "scikit-learn", "imbalanced-learn", "torch", "transformers", "sentence-transformers")

# No text depends on which rows count in the end, so that a run may go on with another value.
_NOT_FOR_TEXTS = ("on_shortfall",)


@dataclass(frozen=True)
class AugmentJob:
    """One file to augment, checked before any model runs.

    Attributes
    ----------
    table : Table
        The file's rows.
    new_rows : dict of label to int
        How many synthetic rows each class gets, in label order; classes that get none may be absent.
    counts : dict of label to int
        Rows of each class in the file, in label order.
    sampler : SMOTExT
        The method with its options; models are not loaded.
    settings : dict
        All that the texts depend on, but for the models' fingerprints.
    notes : list of str
        How the file was read, where that is not obvious.
    command : tuple of str
        What gives the same texts again.
    sets : LabelSets, optional
        Where texts have several labels; `new_rows` and `counts` are then per label.
    label_separator : str, optional
        Between them in their cell; None where a cell is a list.
    records : RecordForm, optional
        Where rows have several text columns.
    """

    table: Table
    new_rows: dict[Any, int]
    counts: dict[Any, int]
    sampler: SMOTExT
    settings: dict[str, Any]
    notes: list[str]
    command: tuple[str, ...] = ()
    sets: LabelSets | None = None
    label_separator: str | None = None
    records: RecordForm | None = None

    @property
    def given(self) -> Any:
        """The texts of the file's rows, as the sampler takes them."""
        return self.texts if self.records is None else self.records.table

    @property
    def texts(self) -> NDArray[np.object_]:
        """The texts of the file's rows, those of several columns as one; a missing one is NaN."""
        return self.table.texts if self.records is None else np.array(self.records.texts, dtype=object)

    @property
    def labels(self) -> Any:
        """The labels of the file's rows, as the sampler takes them."""
        return self.table.labels if self.sets is None else self.sets.given

    @property
    def corpus(self) -> Corpus:
        """The texts that can be mixed."""
        from smotext.data.corpus import make_corpus, with_unlabelled
        from smotext.data.label_sets import expanded

        if self.sets is None:
            corpus = make_corpus(self.texts, self.table.labels)
        else:
            corpus = expanded(self.texts, self.sets, self.sampler.labelset_strategy)
        return with_unlabelled(corpus, self.sampler.unlabelled, self.sampler.record_columns)

    def label_cells(self, made: pd.DataFrame) -> list[Any]:
        """Return what stands in the label column of synthetic rows."""
        if self.sets is None:
            return made["label"].tolist()
        if self.label_separator is None:
            return [list(labels) for labels in made["labels"]]
        return [self.label_separator.join(labels) for labels in made["labels"]]

    @property
    def privacy(self) -> Privacy | None:
        """How rows are hidden."""
        return self.sampler.settings().privacy

    @property
    def is_noisy(self) -> bool:
        """Whether nothing but noisy sums may leave the file."""
        from smotext.privacy.privacy_option import is_noisy

        return is_noisy(self.privacy)


def read_job(
    file: Path,
    columns: ColumnOptions,
    amount: AmountOptions,
    method: MethodOptions,
    hiding: PrivacyOptions,
    form: RowOptions,
    more: UnlabelledOptions,
) -> AugmentJob:
    """Return the job that the options describe.

    Raises
    ------
    InputError
        If the file, a column, a number or an option cannot be used.
    """
    names = None if form.record_columns is None else tuple(part.strip() for part in form.record_columns.split(","))
    sampler = make_sampler(method)
    # Checks these options, too, before the file is read.
    sampler.set_params(record_columns=names, labelset_strategy=form.labelset_strategy).settings()
    if names is not None:
        columns = replace(columns, text_column=names[0])
    sampler.set_params(unlabelled=more.read(columns.text_column, names))
    table = read_labelled(file, columns, takes_sets=True)
    check_unmarked(table)
    from smotext.augmentation.shared_labels import for_label_sets
    from smotext.data.class_counts import counts_by_class
    from smotext.data.remote_tables import local_table
    from smotext.data.validation import check_labels
    from smotext.privacy.private_planner import check_rows
    from smotext.runs.run_directory import digest

    sets = read_sets(table, form.label_separator)
    if sets is None:
        labels = check_labels(table.labels, len(table))
        privacy = set_privacy(sampler, hiding, labels, columns)
        new_rows, counts = count_new_rows(amount, labels, privacy), counts_by_class(labels)
    else:
        privacy = set_privacy(sampler, hiding, sets.labels, columns)
        for_label_sets(sampler.settings())  # raises
        new_rows, counts = count_rows_of_sets(amount, sets), sets.counts
    settings = {
        "input": {"sha256": digest(local_table(file)), **asdict(columns), **asdict(form), **more.identity()},
        "amount": asdict(amount),
        "privacy": recorded(hiding),
        "options": {name: value for name, value in asdict(method).items() if name not in _NOT_FOR_TEXTS},
        "versions": _versions(),
    }
    job = AugmentJob(
        table=table,
        new_rows=new_rows,
        counts=counts,
        sampler=sampler,
        settings=settings,
        notes=notes_on(file, table),
        sets=sets,
        label_separator=form.label_separator,
        records=None if names is None else _read_records(table, names),
    )
    check_rows(job.corpus, new_rows, privacy)
    return job


def _read_records(table: Table, names: tuple[str, ...]) -> RecordForm:
    """Return the file's rows as texts of several columns."""
    from smotext.data.records import RecordForm

    if missing := [name for name in names if name not in table.frame.columns]:
        known = [str(name) for name in table.frame.columns]
        raise UnknownNameError(f"there is no column {missing[0]!r} of --record-columns{suggest(missing[0], known)}")
    return RecordForm.of(table.frame[list(names)], names)


def count_rows_of_sets(amount: AmountOptions, sets: LabelSets) -> dict[Any, int]:
    """Return the new rows of each label, as :func:`count_new_rows` does for classes."""
    from smotext.data.label_sets import new_rows_by_label, new_rows_for_sets

    _check_one(amount)
    if amount.n is not None:
        return new_rows_by_label(amount.n, sets)
    if amount.per_class is not None:
        return new_rows_by_label(parse_per_class(amount.per_class, list(sets.labels)), sets)
    strategy = parse_sampling_strategy(amount.sampling_strategy or "auto", list(sets.labels))
    return new_rows_for_sets(strategy, sets.counts)


def make_sampler(method: MethodOptions) -> SMOTExT:
    """Return the method with the options of the command line; loads no model."""
    from smotext.sampler import SMOTExT

    options = asdict(method)
    sampler = SMOTExT(
        **{name: value for name, value in options.items() if name != "random_seed"}
        | {
            "lam": parse_lam_option(method.lam),
            "prompt": parse_word_or_int("--prompt", method.prompt, "random"),
            "max_new_tokens": parse_word_or_int("--max-new-tokens", method.max_new_tokens, "auto"),
            "max_passages": parse_word_or_int("--max-passages", method.max_passages, "auto"),
            "filters": None if method.filters in (None, "none") else method.filters,
            "random_state": method.random_seed,
        }
    )
    # Checks the options now, before the file is read.
    sampler.settings()
    return sampler


def set_privacy(
    sampler: SMOTExT, hiding: PrivacyOptions, labels: Any, columns: ColumnOptions | None = None
) -> Privacy | None:
    """Have the sampler hide rows as the options say, and return how.

    Raises
    ------
    InputError
        If they don't go together, or with the sampler's other options.
    """
    from smotext.privacy.gaussian import check_opendp
    from smotext.privacy.privacy_option import is_noisy
    from smotext.privacy.refused_options import check_allowed

    privacy = parse_privacy_options(hiding, labels, columns)
    sampler.set_params(privacy=privacy)
    check_allowed(privacy, {**vars(sampler.settings()), "unlabelled": sampler.unlabelled})
    if is_noisy(privacy):
        check_opendp()
    return privacy


def count_new_rows(amount: AmountOptions, labels: Any, privacy: Privacy | None = None) -> dict[Any, int]:
    """Return the new rows of each class that ``--sampling-strategy``, ``-n`` or ``--per-class`` asks for.

    Under differential privacy the classes are the public ones, and ``--per-class`` is the only way.

    Raises
    ------
    InputError
        If more than one is given, or what is given cannot be met.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.array(["ham", "ham", "spam"], dtype=object)
    >>> count_new_rows(AmountOptions(), labels), count_new_rows(AmountOptions(per_class="4"), labels)
    ({'spam': 1}, {'ham': 4, 'spam': 4})
    """
    from smotext.data.class_counts import counts_by_class, new_rows_for_n, new_rows_for_strategy
    from smotext.privacy.privacy_option import is_noisy

    _check_one(amount)
    if is_noisy(privacy):
        if amount.per_class is None:
            raise InputError(_counts_are_shown(amount))
        public = {label: rows or 0 for label, rows in privacy.labels}
        return new_rows_for_n(parse_per_class(amount.per_class, list(public)), public)
    counts = counts_by_class(labels)
    if amount.n is not None:
        return new_rows_for_n(amount.n, counts)
    if amount.per_class is not None:
        return new_rows_for_n(parse_per_class(amount.per_class, list(counts)), counts)
    return new_rows_for_strategy(parse_sampling_strategy(amount.sampling_strategy or "auto", list(counts)), labels)


def _check_one(amount: AmountOptions) -> None:
    if sum(value is not None for value in asdict(amount).values()) > 1:
        raise InputError("more than one of --sampling-strategy, -n and --per-class is given: expected one")


def _counts_are_shown(amount: AmountOptions) -> str:
    given = f"-n {amount.n}" if amount.n is not None else f"--sampling-strategy {amount.sampling_strategy or 'auto'}"
    return (
        f"{given}: a number that is split by class counts, or totals to be reached, shows the counts, and --privacy dp "
        "hides them: use --per-class with public numbers of new rows, one for all public classes, or JSON such as "
        '\'{"spam": 300, "ham": 300}\''
    )


def fingerprints(encoder: Any, decoder: Any) -> dict[str, str]:
    """Return what tells the models of a run from others: what they are, and how they compute."""
    return {role: f"{name_of(model)}{_place(model)}" for role, model in (("encoder", encoder), ("decoder", decoder))}


def make_record(
    job: AugmentJob, folder: RunDirectory, n_synthetic: int, *, only_synthetic: bool, separator: str | None
) -> RunRecord:
    """Return what the lineage keeps of a run, so that a report can be made of it later."""
    from smotext.filters.named import resolve_filters
    from smotext.reporting.run_record import RunRecord

    return RunRecord(
        command=job.command,
        settings={**job.settings, "only_synthetic": only_synthetic},
        models=folder.kept("models"),
        counts=tuple((str(label), number) for label, number in job.counts.items()),
        n_synthetic=n_synthetic,
        filters=tuple(part.name for part in resolve_filters(job.sampler.settings().filters)),
        separator=separator,
    )


def _place(model: Any) -> str:
    """Return precision and kind of device, where a model has them: either may change the texts."""
    inner = getattr(model, "model", None)
    dtype, device = getattr(inner, "dtype", None), getattr(inner, "device", None)
    return f" ({dtype} on {getattr(device, 'type', device)})" if dtype is not None else ""


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in VERSIONS}
