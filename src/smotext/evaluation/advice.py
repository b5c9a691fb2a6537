"""What to do on these data: the cheapest thing that does as well, in plain words, with the lines that do it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from smotext.evaluation.cells import Result
from smotext.evaluation.classifiers import FROZEN, LSA, TFIDF
from smotext.evaluation.conditions import (
    ADJUSTED,
    CHOSEN_WEIGHT,
    COMPLEMENT,
    DUPLICATED,
    EDITED,
    HALF_WEIGHT,
    PSEUDO_LABELLED,
    REAL,
    SMOTE_ROWS,
    THRESHOLD,
    WEIGHTED,
    WITH_SMOTEXT,
)
from smotext.evaluation.statistics import MARGIN, Interval, detectable_difference, verdict
from smotext.evaluation.summary import ScoreSeries

# In points. A smaller difference is worth no search for more data.
ROUGHLY = 2.0


# From the cheapest: what costs nothing when fitted, then what makes the data larger, then another classifier.
ALTERNATIVES = {
    ADJUSTED: "moving the decision by the classes' frequencies",
    THRESHOLD: "moving the threshold",
    WEIGHTED: "weighing the classes",
    COMPLEMENT: "ComplementNB",
    DUPLICATED: "copying rows",
    SMOTE_ROWS: "SMOTE on the features",
    EDITED: "copies with edited words",
    PSEUDO_LABELLED: "pseudo-labelling the unlabelled texts",
}

_HEADS = {
    TFIDF: "TfidfVectorizer(sublinear_tf=True)",
    FROZEN: 'FunctionTransformer(load_encoder("tiny").encode)',
    LSA: "TfidfVectorizer(sublinear_tf=True), TruncatedSVD(100), Normalizer()",
}
_DOING = {
    REAL: "model.fit(texts, labels)",
    ADJUSTED: (
        "probabilities = model.fit(texts, labels).predict_proba(new_texts)\n"
        "shares = pd.Series(labels).value_counts(normalize=True)[model.classes_].to_numpy()\n"
        "predicted = model.classes_[(probabilities / shares).argmax(axis=1)]"
    ),
    THRESHOLD: 'model = TunedThresholdClassifierCV(model, scoring="f1_macro").fit(np.array(texts), labels)',
    WEIGHTED: 'model[-1].set_params(class_weight="balanced")\nmodel.fit(texts, labels)',
    COMPLEMENT: "model = make_pipeline(TfidfVectorizer(sublinear_tf=True), ComplementNB()).fit(texts, labels)",
    DUPLICATED: (
        "rows, more_labels = RandomOverSampler().fit_resample(np.array(texts, dtype=object)[:, None], labels)\n"
        "model.fit(rows[:, 0], more_labels)"
    ),
    SMOTE_ROWS: "model = imblearn.pipeline.make_pipeline(*model[:-1], SMOTE(), model[-1]).fit(texts, labels)",
    EDITED: (
        "new = smotext.evaluation.word_edits.generate_edits(texts, labels, dict.fromkeys(labels, 50), seed=0)\n"
        "model.fit([*texts, *new.texts], [*labels, *new.labels])"
    ),
    PSEUDO_LABELLED: (
        "from smotext.evaluation.pseudo_labels import PseudoLabels\n"
        'new = PseudoLabels(load_encoder("tiny"), unlabelled)(texts, labels, dict.fromkeys(labels, 50), seed=0)\n'
        "model.fit([*texts, *new.texts], [*labels, *new.labels])"
    ),
    CHOSEN_WEIGHT: "model = SMOTExTClassifier(model, random_state=0).fit(texts, labels)",
    HALF_WEIGHT: (
        "smx = SMOTExT(random_state=0)\n"
        "more, more_labels = smx.fit_resample(texts, labels)\n"
        'model.fit(more, more_labels, **{f"{model.steps[-1][0]}__sample_weight": smx.sample_weight_})'
    ),
    WITH_SMOTEXT: "model.fit(*SMOTExT(random_state=0).fit_resample(texts, labels))",
}


@dataclass(frozen=True)
class Advice:
    """What to do with one classifier at one setting.

    Attributes
    ----------
    condition : str
        The condition that is advised; ``"real"``: leave the data as they are.
    text : str
        Whole sentences.
    code : str
        Lines of Python that do it; `model` is the classifier.
    """

    setting: str
    model: str
    condition: str
    text: str
    code: str


def advise(results: Sequence[Result], n_test_rows: int, *, test_train_ratio: float = 0.0) -> list[Advice]:
    """Return what to do, per setting and classifier that SMOTExT was tried with.

    Something cheaper is advised where it gains for sure, SMOTExT is not shown to be better, and is less than a point
    above it on the mean.

    Parameters
    ----------
    results : sequence of Result
    n_test_rows : int
        Rows that were tested on, over all folds: how many would be needed is told by it.
    test_train_ratio : float
        Of the design; see :func:`~smotext.evaluation.statistics.mean_interval`.
    """
    series = ScoreSeries.of(results, test_train_ratio)
    pairs = dict.fromkeys((key[0], key[1]) for key in series.points if key[2] == WITH_SMOTEXT)
    return [_advise(series, results, setting, model, n_test_rows) for setting, model in pairs]


def rows_needed(interval: Interval, n_test_rows: int) -> float:
    """Return about how many test rows would tell whether a difference like this one is there; two digits of it count.

    An interval shrinks with the square root of the rows. Infinite where a single seed says nothing.

    Examples
    --------
    With 100 rows 6 points could be told; for 3 it takes four times as many:

    >>> rows_needed(Interval(mean=3.0, low=-1.2, high=7.2, standard_error=6 / 3.145, n=10), 100)
    400.0
    """
    ratio = detectable_difference(interval) / max(abs(interval.mean), ROUGHLY)
    if not math.isfinite(ratio):
        return math.inf
    wanted = n_test_rows * ratio**2
    scale = 10 ** max(0, math.floor(math.log10(wanted)) - 1)
    return float(round(wanted / scale) * scale)


def _advise(series: ScoreSeries, results: Sequence[Result], setting: str, model: str, n_test_rows: int) -> Advice:
    real, ours = (setting, model, REAL), _ours(series, setting, model)
    gain = series.interval((setting, model, ours), real)
    assert gain is not None, "the caller asks where both are"
    word = verdict(gain)
    switch = None if model == FROZEN else series.interval((setting, FROZEN, REAL), real)
    cheap = _does_as_well(series, setting, model, ours, is_ours_shown=word == "helps")
    said = _said_of_ours(word, gain, model, n_test_rows)
    if cheap is not None:
        condition, found = cheap
        name = ALTERNATIVES[condition]
        same = "does as well" if word == "helps" else "helps"
        said += f" {name[0].upper()}{name[1:]} {same} ({_gain(found)}) and costs nothing: do that."
    elif word == "helps":
        condition, said = ours, f"{said} Nothing cheaper does as well: use it."
    else:
        condition, said = REAL, f"{said} Nothing cheaper is shown to help either: leave the data as they are for now."
    if switch is not None and switch.low > 0 and switch.mean > max(gain.mean, 0.0):
        said += f" A frozen encoder alone, with nothing added, gives {_gain(switch)}: try that first."
    code = _code(condition, model, _usual_strength(results, setting, model, condition))
    return Advice(setting, model, condition, f"{model}, {setting}: {said}", code)


def _ours(series: ScoreSeries, setting: str, model: str) -> str:
    """Return the condition that SMOTExT is advised in: at the chosen weight if that was run, else at the better one."""
    there = [name for name in (CHOSEN_WEIGHT, WITH_SMOTEXT, HALF_WEIGHT) if (setting, model, name) in series.points]
    if there[0] == CHOSEN_WEIGHT:
        return CHOSEN_WEIGHT

    def mean(name: str) -> float:
        found = series.interval((setting, model, name), (setting, model, REAL))
        return -math.inf if found is None else found.mean

    return max(there, key=mean)


def _does_as_well(
    series: ScoreSeries, setting: str, model: str, ours: str, *, is_ours_shown: bool
) -> tuple[str, Interval] | None:
    """Return the cheapest alternative that helps for sure and is not shown worse than the best known, or None."""
    gains = {name: series.interval((setting, model, name), (setting, model, REAL)) for name in ALTERNATIVES}
    helping = {name: gain for name, gain in gains.items() if gain is not None and gain.low > 0}
    best = max((gain.mean for gain in helping.values()), default=0.0)
    for name, gain in helping.items():
        if is_ours_shown:
            behind = series.interval((setting, model, ours), (setting, model, name))
            if behind is not None and behind.low <= 0 and behind.mean < MARGIN:
                return name, gain
        elif gain.mean > best - MARGIN:
            return name, gain
    return None


def _said_of_ours(word: str, gain: Interval, model: str, n_test_rows: int) -> str:
    if word == "helps":
        return f"SMOTExT adds {gain.low:.1f} to {gain.high:.1f} macro-F1 points."
    if word == "hurts":
        return f"SMOTExT takes {-gain.high:.1f} to {-gain.low:.1f} macro-F1 points away: leave it off."
    if word == "no difference":
        return f"SMOTExT makes no difference ({_gain(gain)})."
    needed = rows_needed(gain, n_test_rows)
    if math.isinf(needed):
        return "Too little data to tell whether SMOTExT helps: run more seeds."
    return (
        f"Too little data to tell whether SMOTExT helps ({_gain(gain)}): you would need about {needed:.0f} test rows "
        f"instead of {n_test_rows}."
    )


def _usual_strength(results: Sequence[Result], setting: str, model: str, condition: str) -> float | None:
    """Return the ``C`` that was chosen most often, None where it was not chosen."""
    chosen = [
        result.strength
        for result in results
        if (result.cell.setting, result.cell.model, result.cell.condition) == (setting, model, condition)
        and result.strength is not None
    ]
    return Counter(chosen).most_common(1)[0][0] if chosen else None


def _code(condition: str, model: str, strength: float | None) -> str:
    """Return the lines that do it; the first makes the classifier, where it is one of ours."""
    lines = [_DOING[condition]]
    if model in _HEADS and condition != COMPLEMENT:
        # what is chosen by the classifier itself is not said here
        scale = f"C={strength:g}, " if strength is not None and condition != CHOSEN_WEIGHT else ""
        lines.insert(0, f"model = make_pipeline({_HEADS[model]}, LogisticRegression({scale}max_iter=2000))")
    return "\n".join(lines)


def _gain(interval: Interval) -> str:
    return f"{interval.mean:+.1f} [{interval.low:+.1f}, {interval.high:+.1f}]"
