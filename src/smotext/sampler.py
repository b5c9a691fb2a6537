"""The method as an imbalanced-learn sampler."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smotext.augmentation.augment import Augmented, augment
from smotext.augmentation.notes import language_note, notes_on
from smotext.augmentation.running import InMemoryRun, Run
from smotext.augmentation.sample_weights import half_weights
from smotext.augmentation.shared_labels import for_label_sets
from smotext.augmentation.text_sampler import TextSampler
from smotext.data.class_counts import counts_by_class, new_rows_for_n, new_rows_for_strategy
from smotext.data.containers import check_gives_back, give_back
from smotext.data.corpus import Corpus, make_corpus, with_unlabelled
from smotext.data.label_sets import (
    LabelSets,
    compare,
    expanded,
    has_label_sets,
    new_rows_by_label,
    new_rows_for_sets,
    read_label_sets,
    row_weights,
)
from smotext.data.records import RecordForm
from smotext.data.validation import alike_note, check_labels, check_texts, natural
from smotext.errors import InputError, warn_caller
from smotext.filters.named import resolve_filters
from smotext.presets import load_pair
from smotext.privacy.gaussian import check_opendp
from smotext.privacy.privacy_option import is_noisy, parse_privacy
from smotext.privacy.private_planner import check_rows
from smotext.privacy.refused_options import check_allowed, model_facts
from smotext.privacy.release import statement
from smotext.protocols import Decoder, Encoder
from smotext.settings import Settings
from smotext.utils.seeding import root_seed

_LOG = logging.getLogger(__name__)
_SETTINGS = tuple(Settings.__dataclass_fields__)


class SMOTExT(TextSampler):
    """Over-sampling of texts: mixes two of a class in embedding space and has a language model write the mix.

    What it does is logged under the name ``smotext``: numbers and labels, never texts.

    .. versionadded:: 0.1.0

    Parameters
    ----------
    model : str
        A preset (``"tiny"``, ``"xrag-7b"``, ``"xrag-moe"``), or the path or hub name of a bridge.
    encoder, decoder : objects, optional
        Anything with ``.encode`` / ``.decode``; they override the model's.
    sampling_strategy : str, float, dict or callable
        Final totals per class, as in imbalanced-learn: "auto", "minority", "not minority", "not majority",
        "all", a ratio (two classes), a dict of totals, or a callable.
    k_neighbors : int
        Neighbours to choose the second parent from.
    strategy : {"smote", "random", "borderline", "adasyn", "kmeans"} or an over-sampler
        Who is a first parent. "random" takes any two of the class, as the paper does. Any imbalanced-learn
        over-sampler object is cloned and run on the vectors; parents are unknown then.
    mix : {"linear", "slerp", "linear_renorm"}
        How parents are mixed; "linear" is the paper's.
    n_parents : int
        Parents per text; three or more are weighted by a Dirichlet distribution.
    lam : (low, high), "beta:a" or float
        Weight of the first parent: uniform in a window, Beta(a, a), or fixed.
    examples : int, optional
        Real texts of the class that the prompt shows, the parents among them: they set register, length and form, while
        the vector decides what is said. None is the model's own number ("tiny": 4; xRAG: 0); 0 is the vector alone, as
        in the paper.
    hide_values : bool
        The models see made-up numbers, dates, times, identifiers, mail addresses and links of the same form in place of
        those in real texts (:mod:`smotext.data.surrogates`). Names stay.
    record_columns : sequence of str, optional
        X is a table of these text columns, in the order in which they are to be written: each row becomes one text
        ("Title: Late parcel. Text: ..."), and new texts are taken apart again. Those that lack a column are written
        anew.
    turns : bool
        Texts are dialogues, each turn on a line with its speaker in front ("Agent: ..."). New ones are, too; those that
        are not in turns are written anew.
    unlabelled : column of str, optional
        Further real texts of the same kind, of unknown class; with `record_columns` a table of these columns.
        Prompts show the nearest to the mixed vector in place of other texts of the class, of those that clearly lie
        nearer to the class's mean than to others. They are never mixed or returned, and no copy of one is.
    candidates : int
        Texts decoded per mix, of which the one nearest its vector is kept; copies of real texts never are.
    prompt : int or "random"
        Number of a paraphrase prompt, where the prompt shows no examples.
    max_new_tokens : "auto" or int
        "auto" lets texts end by themselves, in the length that the examples or the vector suggest. A number may cut
        them.
    max_passages : "auto" or int
        Where half of a class's texts are longer than the model writes in one go, they are read, mixed and written
        passage by passage; "auto" is as many passages as the parents have, 32 at most. A number is the most; 1 writes
        one passage for a text of any length.
    do_sample, temperature, top_p, top_k, repetition_penalty
        Decoding, as in transformers.
    labelset_strategy : {"ranking", "union", "intersection"}
        Where texts have several labels, those of a new one: what more than half of its first parent and that one's
        neighbours have, any has, or all have; and always the label that it is made for.
    filters : None, "default", "strict" or list of filters
        Which texts are kept; rejected ones are replaced in up to five rounds. A filter is a name, one of
        :mod:`smotext.filters`, or a function ``f(texts, labels)`` that returns one bool per text.
    privacy : None or Privacy
        How rows are hidden among others (:class:`smotext.privacy.Privacy`): averaged in groups, or with differential
        privacy, for which :meth:`generate` with a mapping `n` is called. Other options may then be refused, by name.
    on_shortfall : {"fill", "report", "raise"}
        What happens when filters leave too few: the best of the rejected stand in (``accepted`` False),
        fewer are returned, or :class:`~smotext.errors.ShortfallError` is raised.
    device, dtype : str, optional
        Where and in which precision the models run. None: a GPU in bfloat16 where there is one, else the CPU in
        float32, where a seed gives the same texts whatever is decoded beside them.
    batch_size : int, optional
        Rows decoded together; None goes by the free memory.
    random_state : int, RandomState or None
        The root of all randomness.
    verbose : bool
        Whether a progress bar is shown.

    Attributes
    ----------
    synthetic_ : DataFrame
        One row per synthetic text of the last call, with its lineage. ``parents`` are row numbers of the
        given texts, ``unlabelled_examples`` of the unlabelled ones that the prompt showed. Whoever has parents and
        weights can reconstruct real texts: keep it private.
    rejected_ : DataFrame
        Rows that were written and not kept, with the reason.
    funnel_ : DataFrame
        How many texts were written, fell to each filter, and were kept: columns ``step`` and ``n_texts``.
    privacy_statement_ : list of str
        With `privacy`: what is guaranteed and what is not.
    sample_weight_ : ndarray of shape (n_resampled,)
        After ``fit_resample``: weights for a classifier that leave real rows at least half of their class's
        weight. Worth using when a class gets several times the rows it had
        (:func:`smotext.augmentation.sample_weights.half_weights`).
    sampling_strategy_ : dict
        New rows per class, after ``fit_resample``; per label where texts have several.
    imbalance_ : DataFrame
        Where texts have several labels: counts and IRLbl of each label before and after
        (:func:`smotext.data.label_sets.compare`).

    See Also
    --------
    SMOTExTClassifier : Also chooses on real rows how much the synthetic ones weigh.
    interpolate : What lies between two texts.
    smotext.filters : Which synthetic texts are kept.
    smotext.privacy.audit : What synthetic texts give away about real ones.
    imblearn.over_sampling.SMOTE : The same on tables of numbers.

    References
    ----------
    SMOTExT (arXiv 2505.13434); SMOTE (Chawla et al. 2002); xRAG (arXiv 2405.13792).

    Examples
    --------
    >>> smx = SMOTExT("echo", k_neighbors=1, random_state=0)
    >>> texts = ["late parcel", "parcel lost", "wrong parcel", "love it", "like it"]
    >>> X_res, y_res = smx.fit_resample(texts, ["bad", "bad", "bad", "good", "good"])
    >>> y_res
    ['bad', 'bad', 'bad', 'good', 'good', 'good']
    >>> smx.synthetic_[["label", "parents"]].values.tolist()
    [['good', [3, 4]]]
    """

    def __init__(
        self,
        model: str = "tiny",
        *,
        encoder: Encoder | None = None,
        decoder: Decoder | None = None,
        sampling_strategy: Any = "auto",
        k_neighbors: int = 5,
        strategy: Any = "smote",
        mix: str = "linear",
        n_parents: int = 2,
        lam: Any = (0.0, 1.0),
        examples: int | None = None,
        hide_values: bool = False,
        record_columns: Sequence[str] | None = None,
        turns: bool = False,
        unlabelled: Any = None,
        candidates: int = 8,
        prompt: int | str = 0,
        max_new_tokens: int | str = "auto",
        max_passages: int | str = "auto",
        do_sample: bool = True,
        temperature: float = 0.6,
        top_p: float = 0.95,
        top_k: int = 0,
        repetition_penalty: float = 1.0,
        labelset_strategy: str = "ranking",
        filters: Any = None,
        on_shortfall: str = "fill",
        privacy: Any = None,
        device: str | None = None,
        dtype: str | None = None,
        batch_size: int | None = None,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.model = model
        self.encoder = encoder
        self.decoder = decoder
        self.k_neighbors = k_neighbors
        self.strategy = strategy
        self.mix = mix
        self.n_parents = n_parents
        self.lam = lam
        self.examples = examples
        self.hide_values = hide_values
        self.record_columns = record_columns
        self.turns = turns
        self.unlabelled = unlabelled
        self.candidates = candidates
        self.prompt = prompt
        self.max_new_tokens = max_new_tokens
        self.max_passages = max_passages
        self.do_sample = do_sample
        self.temperature = temperature
        self.top_p = top_p
        self.top_k = top_k
        self.repetition_penalty = repetition_penalty
        self.labelset_strategy = labelset_strategy
        self.filters = filters
        self.on_shortfall = on_shortfall
        self.privacy = privacy
        self.device = device
        self.dtype = dtype
        self.batch_size = batch_size
        self.random_state = random_state
        self.verbose = verbose

    def fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Return the texts and labels with synthetic ones added until the classes have the asked-for totals.

        Parameters
        ----------
        X : column of str, or a table of one column, or of `record_columns`; length n_texts
            A list, a numpy array, or a column of pandas, polars, pyarrow or datasets. None, NaN and blank texts are
            kept and never mixed.
        y : column; length n_texts
            The label of each text: str, int or bool, of one type. Or several labels of each: a column of lists or sets,
            or an indicator matrix, whose DataFrame columns name the labels. Parents then share the label that a text is
            made for, and ``sampling_strategy`` counts labels: ``"auto"`` is MLSMOTE's rule
            (:func:`smotext.data.label_sets.new_rows_for_sets`).

        Returns
        -------
        X_res, y_res
            In the containers that were given; a column of a Hugging Face dataset, which takes no new rows, comes
            back as a list. The originals come first, untouched; the synthetic texts follow, class by class.

        Raises
        ------
        InputError
            For data or options that cannot be used; a ValueError too.
        """
        if self.record_columns is not None:
            form = RecordForm.of(X, self.record_columns)
            texts, y_res = self._fit_resample_texts(form.texts, y)
            return form.with_rows(texts[len(form.texts) :]), y_res
        return self._fit_resample_texts(X, y)

    def _fit_resample_texts(self, X: Any, y: Any) -> tuple[Any, Any]:
        texts = check_texts(X)
        if has_label_sets(y):
            return self._fit_resample_sets(X, texts, y)
        labels = check_labels(y, len(texts))
        check_gives_back(X, texts, "X", is_open=True)
        check_gives_back(y, labels, "y", is_open=False)
        check_allowed(parse_privacy(self.privacy), {**self.get_params(deep=False), "n": None})
        # Not by way of the base class: it would check texts and labels again, and as numbers in a table.
        texts_res, labels_res = self._fit_resample(texts, labels)
        return give_back(X, texts_res, is_open=True), give_back(y, labels_res, is_open=False)

    def generate(
        self,
        X: Any,
        y: Any,
        n: int | Mapping[Hashable, int],
        *,
        soft_labels: bool = False,
        run: Run | None = None,
    ) -> pd.DataFrame:
        """Return new rows only, with their lineage.

        Parameters
        ----------
        X, y
            Texts and their labels, as in :meth:`fit_resample`; one class is enough. Where texts have several labels,
            ``label`` is the one that a text is made for, and a column ``labels`` has all. With `record_columns` a
            column ``record`` has a dict of each row's values.
        n : int or mapping of label to int
            New rows: an int is split over the classes in proportion to their counts; a mapping gives the
            new rows of the classes it names.
        soft_labels : bool
            Add a column ``probability_<label>`` per class, in label order, rows summing to 1: how the text's own
            vector lies to the classes. For distillation.
        run : Run, optional
            Keeps each step's result, so that a run can go on after a crash.

        Returns
        -------
        DataFrame
            One row per synthetic text: ``text``, ``label``, ``key``, ``parents``, ``weights``, ``lam``,
            ``seed``, ``prompt``, ``strategy``, ``mix``, ``model``, ``n_tokens``, ...

        Raises
        ------
        InputError
            For data or options that cannot be used; a ValueError too.

        Examples
        --------
        >>> smx = SMOTExT("echo", k_neighbors=1, random_state=0)
        >>> smx.generate(["one parcel", "two parcels"], ["late", "late"], n=2)[["label", "parents"]].values.tolist()
        [['late', [1, 0]], ['late', [0, 1]]]
        """
        if self.record_columns is not None:
            form = RecordForm.of(X, self.record_columns)
            rows = self._generate(form.texts, y, n, soft_labels, run)
            return rows.assign(record=pd.Series(list(map(form.split, rows["text"])), index=rows.index, dtype=object))
        return self._generate(X, y, n, soft_labels, run)

    def _generate(
        self, X: Any, y: Any, n: int | Mapping[Hashable, int], soft_labels: bool, run: Run | None
    ) -> pd.DataFrame:
        texts = check_texts(X)
        if has_label_sets(y):
            given = read_label_sets(y, len(texts))
            if soft_labels:
                raise InputError("soft_labels is True: they are of single classes, and these texts have several labels")
            return self._augment_sets(texts, given, new_rows_by_label(n, given), run)
        labels = check_labels(y, len(texts))
        if not isinstance(soft_labels, bool):
            raise InputError(f"soft_labels is {soft_labels!r}: expected True or False")
        settings = self.settings()
        if soft_labels:
            settings = replace(settings, filters=[*resolve_filters(settings.filters), "soft_labels"])
        check_allowed(settings.privacy, {**vars(settings), "n": n, "unlabelled": self.unlabelled})
        if is_dp := is_noisy(settings.privacy):
            check_opendp()
        new_rows = dict(n) if is_dp and isinstance(n, Mapping) else new_rows_for_n(n, counts_by_class(labels))
        return self._augment(make_corpus(texts, labels), new_rows, settings, run).synthetic

    def _fit_resample_sets(self, X: Any, texts: NDArray[np.object_], y: Any) -> tuple[Any, Any]:
        given = read_label_sets(y, len(texts))
        check_gives_back(X, texts, "X", is_open=True)
        # A container that takes no new row is an error before a model is loaded.
        given.with_rows(given.sets[:1])
        self.sampling_strategy_ = new_rows_for_sets(self.sampling_strategy, given.counts)
        new = self._augment_sets(texts, given, self.sampling_strategy_, None)
        self.sample_weight_ = row_weights(new["label"].tolist(), given.counts, len(texts))
        texts_res = np.concatenate([texts, new["text"].to_numpy(dtype=object)])
        return give_back(X, texts_res, is_open=True), given.with_rows([tuple(labels) for labels in new["labels"]])

    def _augment_sets(
        self, texts: NDArray[np.object_], given: LabelSets, new_rows: dict[Any, int], run: Run | None
    ) -> pd.DataFrame:
        settings = for_label_sets(self.settings())
        corpus = expanded(texts, given, self.labelset_strategy)
        new = self._augment(corpus, new_rows, settings, run).synthetic
        self.imbalance_ = compare(given, new["labels"].tolist())
        return new

    def _fit_resample(self, X: NDArray[np.object_], y: NDArray[np.object_]) -> tuple[NDArray[np.object_], NDArray[Any]]:
        """Return checked texts and labels with the synthetic ones after them."""
        self.sampling_strategy_ = new_rows_for_strategy(self.sampling_strategy, y)
        new = self._augment(make_corpus(X, y), self.sampling_strategy_, self.settings(), None).synthetic
        texts = np.concatenate([X, new["text"].to_numpy(dtype=object)])
        labels = np.concatenate([y, new["label"].to_numpy(dtype=object)])
        self.sample_weight_ = half_weights(labels, len(X))
        return texts, natural(labels)

    def _augment(self, corpus: Corpus, new_rows: dict[Any, int], settings: Settings, run: Run | None) -> Augmented:
        # An unknown filter, and what is no text, is an error before a model is loaded.
        resolve_filters(settings.filters)
        corpus = with_unlabelled(corpus, self.unlabelled, self.record_columns)
        check_rows(corpus, new_rows, settings.privacy)
        for note in alike_note(corpus.labels):
            warn_caller(note)
        seed = root_seed(self.random_state)
        encoder, decoder = self.load()
        check_allowed(settings.privacy, model_facts(encoder, decoder))
        for note in language_note(corpus.texts, decoder):
            warn_caller(note, kind="language")
        _LOG.info("mixing %d texts; new rows: %s", len(corpus.texts), new_rows)
        if len(corpus.unlabelled):
            _LOG.info("unlabelled texts: %d", len(corpus.unlabelled))
        found = augment(
            corpus,
            new_rows,
            encoder=encoder,
            decoder=decoder,
            settings=settings,
            seed=seed,
            run=run or InMemoryRun(verbose=self.verbose),
        )
        if settings.privacy is not None:
            self.privacy_statement_ = statement(settings.privacy)
        self.synthetic_, self.rejected_, self.funnel_ = found.synthetic, found.rejected, found.funnel
        if found.long_classes:
            _LOG.info("written passage by passage: classes %s", sorted(map(str, found.long_classes)))
        _LOG.info("texts at each step: %s", dict(found.funnel.values.tolist()))
        for note in notes_on(corpus, encoder, found.long_classes, found.notes):
            # What was done stands behind the colon. The counts before it differ from fold to fold of a cross-
            # validation, in which it is to be told once.
            warn_caller(note, kind=note.rpartition(": ")[2])
        return found

    def settings(self) -> Settings:
        """Return the options of the method, checked."""
        given = {name: getattr(self, name) for name in _SETTINGS}
        return Settings(**given | {"privacy": parse_privacy(self.privacy)})

    def load(self) -> tuple[Encoder, Decoder]:
        """Return the encoder and decoder, loaded once per process."""
        return load_pair(self.model, encoder=self.encoder, decoder=self.decoder, device=self.device, dtype=self.dtype)
