"""Does it help over several sets? At 10 and 50 real rows per class, and with half of the classes cut to a twentieth.

    python experiments/labelled_sets.py --out work/tune                           # the sets that choices are made on
    python experiments/labelled_sets.py --out work/tune --option lam=[0.3,0.7]    # another choice; both are kept
    python experiments/labelled_sets.py --out work/report --report                # the sets that are reported

The report half is opened for a final table alone: note each opening. Finished cells are kept in the folder: the same
command goes on where it was stopped. About two hours on two cores for either half; --quick takes minutes.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from common import (
    ONE_PASSAGE,
    clear_errors,
    keep_unlabelled,
    load_set,
    make_generators,
    method_options,
    new_figure,
    parser,
    run_study,
)
from sklearn.base import clone

from smotext import SMOTExT
from smotext.errors import InputError, unknown_name
from smotext.evaluation.cells import Result
from smotext.evaluation.classifiers import FROZEN, LSA, TFIDF, frozen_encoder, lsa, tfidf
from smotext.evaluation.conditions import (
    CHEAP,
    CHOSEN_WEIGHT,
    CONDITIONS,
    HALF_WEIGHT,
    MORE_REAL,
    ONLY_SMOTEXT,
    PARAPHRASED,
    REAL,
    RETRIEVED,
    WITH_SMOTEXT,
)
from smotext.evaluation.data_sizes import Setting
from smotext.evaluation.study import Study
from smotext.evaluation.study_report import gain_cell, overall_table
from smotext.evaluation.summary import Overall, Row, over_sets, summarise, verdicts

TUNE = ("trec6", "airline_tweets", "medical_abstracts", "banking77")
REPORT = ("sms_spam", "cfpb_complaints_sample", "clinc150_imbalanced", "subj", "twenty_newsgroups")
TEST_ROWS = 1500
SETTINGS = (Setting("shots", 10), Setting("shots", 50), Setting("imbalance", 20))
BARS = {"shots-10": 4.0, "imbalance-20": 1.0}  # macro-F1 points over the best of what is free, TF-IDF


def main() -> None:
    """Run the experiment."""
    arguments = parser(__doc__ or "")
    arguments.add_argument("--report", action="store_true", help="open the report half")
    arguments.add_argument("--sets", help="some of the half's sets, separated by commas")
    arguments.add_argument("--lsa", action="store_true", help="TF-IDF and SVD, too: an encoder not the method's own")
    arguments.add_argument("--per-class", type=int, help="new rows of each class at 10 and 50 shots (default: 50)")
    arguments.add_argument(
        "--unlabelled", type=int, metavar="N", help="take N training rows that are never labelled as unlabelled texts"
    )
    arguments.add_argument("--picture", type=Path, help="SVG or PNG file of every condition's mean gain")
    arguments.add_argument("--settings", help=f"some of {', '.join(one.name for one in SETTINGS)}, by commas")
    given = arguments.parse_args()
    with clear_errors():
        names = choose_sets(given.sets, is_report=given.report)
        sampler = SMOTExT(given.model, **{**ONE_PASSAGE, **method_options(given.option)})
        results: dict[str, list[Result]] = {}
        table = given.out / "results.md"
        for name in names:
            study = make_study(name, given, sampler)
            run_study(study, name)
            results[name] = study.results()
            # after each set: whatever stops us, there is a table
            write_table(results, table, f"{given.model} {' '.join(given.option)}".strip())
        print(f"\n{table.read_text()}")
        if given.picture is not None:
            draw_gains(results, given.picture)


def choose_sets(given: str | None, *, is_report: bool) -> list[str]:
    """Return the sets of the half that is open.

    Raises
    ------
    InputError
        If a set is asked for that belongs to the report half, without ``--report``.
    """
    half = REPORT if is_report else TUNE
    names = given.split(",") if given else list(half)
    for name in names:
        if name in REPORT and not is_report:
            raise InputError(f"{name} belongs to the report half: choose on {', '.join(TUNE)}; open it with --report")
        if name not in half:
            raise unknown_name("set", name, half)
    return names


def choose_settings(given: str | None, *, is_quick: bool, per_class: int | None = None) -> tuple[Setting, ...]:
    """Return the settings that are asked for by name, with so many new rows a class; a quick look takes the first."""
    settings = {
        one.name: replace(one, per_class=per_class) if per_class and one.kind == "shots" else one for one in SETTINGS
    }
    if not given:
        return tuple(settings.values())[: 1 if is_quick else None]
    for name in given.split(","):
        if name not in settings:
            raise unknown_name("setting", name, settings)
    return tuple(settings[name] for name in given.split(","))


def make_study(name: str, given: argparse.Namespace, sampler: SMOTExT) -> Study:
    """Return the study of one set."""
    train, test = load_set(given.data, name)
    if given.unlabelled:
        train, unlabelled = keep_unlabelled(train, test, given.unlabelled)
        sampler = clone(sampler).set_params(unlabelled=unlabelled)
    encoder = sampler.load()[0]
    frozen = frozen_encoder(encoder, str(getattr(encoder, "fingerprint", sampler.model)))
    names = given.conditions.split(",") if given.conditions else list(CONDITIONS)
    return Study(
        train,
        {FROZEN: frozen, TFIDF: tfidf(), **({LSA: lsa()} if given.lsa else {})},
        make_generators(sampler, given),
        test=test,
        settings=choose_settings(given.settings, is_quick=given.quick, per_class=given.per_class),
        conditions=[name for name in names if not (given.quick and name == PARAPHRASED)],
        encoder=frozen[0],
        n_seeds=given.seeds or (3 if given.quick else 10),
        max_test_rows=500 if given.quick else TEST_ROWS,
        is_tuned=not given.no_tuning,
        folder=given.out / name,
    )


def write_table(results: Mapping[str, Sequence[Result]], path: Path, title: str) -> None:
    """Write what was found in each set and over all of them."""
    overall, lighter, chosen = (over_sets(results, name) for name in (WITH_SMOTEXT, HALF_WEIGHT, CHOSEN_WEIGHT))
    lines = [
        f"# Results: {title}",
        "",
        "Macro-F1 in points; gains over the real rows alone, seed by seed, at 95 %.",
        "",
    ]
    lines += _set_table(results)
    lines += [
        "",
        f"Over {len(results)} sets (hierarchical bootstrap over sets and seeds); real and duplicated rows and moved",
        "decisions are free:",
        "",
        *overall_table(overall),
        "",
        *_means_table(overall),
    ]
    lines += ["", "Bars:", "", *[f"- {line}" for line in _bars(overall)]]
    lines += ["", f"With half weight ({CONDITIONS[HALF_WEIGHT]}):", "", *[f"- {line}" for line in _bars(lighter)]]
    lines += ["", "At the chosen weight:", "", *overall_table(chosen), "", *[f"- {line}" for line in _bars(chosen)]]
    path.write_text("\n".join(lines) + "\n")


def draw_gains(results: Mapping[str, Sequence[Result]], path: Path) -> None:
    """Draw each condition's mean gain over the real rows, with its 95 % interval over sets and seeds."""
    conditions = [name for name in CONDITIONS if name != REAL]
    found = {name: over_sets(results, name) for name in conditions}
    settings = list(dict.fromkeys((one.setting, one.model) for some in found.values() for one in some))
    figure = new_figure(4.6 * len(settings), 6)
    for axes, key in zip(figure.subplots(1, len(settings), squeeze=False)[0], settings, strict=True):
        gains = {name: one.over_real for name, some in found.items() for one in some if (one.setting, one.model) == key}
        for place, (name, gain) in enumerate(reversed(gains.items())):
            colour = "#2563a8" if "SMOTExT" in name else "#8a8f98"
            axes.plot([gain.low, gain.high], [place, place], color=colour, linewidth=2)
            axes.plot(gain.mean, place, "o", color=colour)
        axes.axvline(0, color="black", linewidth=0.8)
        axes.set(title=", ".join(key), xlabel="gain in macro-F1, points", yticks=range(len(gains)))
        axes.set_yticklabels(reversed(gains))
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, facecolor="white", metadata={"Date": None} if path.suffix == ".svg" else None)


def _set_table(results: Mapping[str, Sequence[Result]]) -> list[str]:
    """Return a line per set, setting and model: the real rows' score, gains over it, and what else gains as much."""
    lines = [
        "| set | setting | model | real | gain | at half weight | SMOTExT only | best cheap alternative | retrieval "
        "| more real | verdict |",
        "|" + "---|" * 11,
    ]
    for name, of_set in results.items():
        rows = {(row.setting, row.model, row.condition): row for row in summarise(of_set) if not row.skipped}
        for one in verdicts(of_set):
            found = {condition: rows.get((one.setting, one.model, condition)) for condition in CONDITIONS}
            cells = [
                _score(found[REAL]),
                gain_cell(one.gain),
                "-" if one.half_weight is None else gain_cell(one.half_weight),
                _score(found[ONLY_SMOTEXT]),
                "-" if one.cheap is None else f"{one.cheap} {one.cheap_gain:+.1f}",
                _mean_gain(found[RETRIEVED]),
                _mean_gain(found[MORE_REAL]),
                one.word,
            ]
            lines.append(f"| {' | '.join([name, one.setting, one.model, *cells])} |")
    return lines


def _score(row: Row | None) -> str:
    return "-" if row is None else f"{row.macro_f1:.1f}"


def _mean_gain(row: Row | None) -> str:
    return "-" if row is None or row.gain is None else f"{row.gain.mean:+.1f}"


def _means_table(overall: Sequence[Overall]) -> list[str]:
    """Return each condition's mean gain over the sets, a column per setting and model."""
    gains = [{WITH_SMOTEXT: one.over_real.mean, **one.alternatives} for one in overall]
    columns = [f"{one.setting}, {one.model}" for one in overall]
    lines = [f"| mean gain over the real rows | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name in CONDITIONS:
        if any(name in found for found in gains):
            cells = [f"{found[name]:+.1f}" if name in found else "-" for found in gains]
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _bars(overall: Sequence[Overall]) -> list[str]:
    """Return whether each bar is met, and by how much it is missed."""
    lines = []
    for one in overall:
        setting = one.setting.split("+")[0]  # less the number of new rows
        if one.model == TFIDF and setting in BARS:
            lines.append(_tfidf_bar(one, BARS[setting]))
        if one.model == FROZEN:
            lost = [name for name, is_kept in one.is_not_worse.items() if not is_kept]
            met = "met" if not lost else f"not shown in {', '.join(lost)}"
            lines.append(f"frozen encoder, {one.setting}, not worse than -1.0 in any set (Holm): {met}")
    return lines


def _tfidf_bar(one: Overall, bar: float) -> str:
    better = one.over_better
    above = [name for name in CHEAP if one.alternatives.get(name, float("-inf")) >= one.over_real.mean]
    if better.mean < bar:
        told = f"missed by {bar - better.mean:.1f}"
    elif better.low <= 0:
        told = "the interval is not clear of zero"
    else:
        told = "met"
    if above:
        told += f"{', but' if told == 'met' else ';'} not above {', '.join(above)}"
    return f"TF-IDF, {one.setting}, {bar:+.0f} over the best of what is free: {gain_cell(better)}: {told}"


if __name__ == "__main__":
    main()
