"""The paper's Table 1: ten far-apart newsgroups, 1,000 real posts, 2,600 synthetic ones.

    python experiments/twenty_newsgroups.py --out work/newsgroups                 # the bundled pair, ten seeds
    python experiments/twenty_newsgroups.py --out work/quick --quick              # 100 real, 600 synthetic, three seeds
    python experiments/twenty_newsgroups.py --out work/paper --preset paper       # the paper's models, where they exist

Finished cells are kept in the folder: the same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
from typing import Any

from common import ONE_PASSAGE, clear_errors, load_newsgroups, make_generators, method_options, parser, run_study

from smotext import SMOTExT
from smotext.evaluation.classifiers import FROZEN, TFIDF, frozen_encoder, tfidf
from smotext.evaluation.conditions import CONDITIONS, ONLY_SMOTEXT, PARAPHRASED, REAL, WITH_SMOTEXT
from smotext.evaluation.data_sizes import Setting
from smotext.evaluation.study import MAX_TEST_ROWS, Study
from smotext.evaluation.summary import Row, summarise

PAPER_ACCURACY = {REAL: 83.61, WITH_SMOTEXT: 83.94, ONLY_SMOTEXT: 80.37}  # one run each (arXiv 2505.13434, Table 1)
SHOTS, NEW_PER_CLASS = 100, 260  # ten classes: 1,000 real and 2,600 synthetic
QUICK_SHOTS, QUICK_NEW = 10, 60


def main() -> None:
    """Run the experiment."""
    arguments = parser(__doc__ or "")
    arguments.add_argument("--preset", choices=["tiny", "paper"], default="tiny", help="which models")
    arguments.add_argument("--shots", type=int, help=f"real posts per group (default: {SHOTS}, quick: {QUICK_SHOTS})")
    arguments.add_argument("--per-class", type=int, help="new posts per group (default: 260, quick: 60)")
    given = arguments.parse_args()
    with clear_errors():
        study = make_study(given)
        run_study(study, "20 Newsgroups")
        print_against_paper(summarise(study.results()))


def make_study(given: argparse.Namespace) -> Study:
    """Return the study that the options describe."""
    train, test = load_newsgroups(given.data)
    model = "xrag-7b" if given.preset == "paper" else given.model
    sampler = SMOTExT(model, **{**ONE_PASSAGE, **method_options(given.option)})
    frozen = frozen_encoder(*_classifier_encoder(given.preset, sampler))
    names = given.conditions.split(",") if given.conditions else [*CONDITIONS]
    shots, new = (QUICK_SHOTS, QUICK_NEW) if given.quick else (SHOTS, NEW_PER_CLASS)
    return Study(
        train,
        {FROZEN: frozen, TFIDF: tfidf()},
        make_generators(sampler, given),
        test=test,
        settings=[Setting("shots", given.shots or shots, given.per_class or new)],
        conditions=[name for name in names if not (given.quick and name == PARAPHRASED)],
        encoder=frozen[0],
        n_seeds=given.seeds or (3 if given.quick else 10),
        max_test_rows=500 if given.quick else MAX_TEST_ROWS,
        is_tuned=not given.no_tuning,
        folder=given.out,
    )


def print_against_paper(rows: list[Row]) -> None:
    """Print our accuracies beside the paper's, and the share of the real rows' accuracy that synthetic rows reach."""
    print("\naccuracy              ours    paper")
    for model in dict.fromkeys(row.model for row in rows):
        found = {row.condition: row.accuracy for row in rows if row.model == model and not row.skipped}
        for condition, paper in PAPER_ACCURACY.items():
            if condition in found:
                print(f"{model:15} {condition:15} {found[condition]:6.2f}  {paper:6.2f}")
        if ONLY_SMOTEXT in found:
            share, paper_share = (100 * of[ONLY_SMOTEXT] / of[REAL] for of in (found, PAPER_ACCURACY))
            print(f"{model:15} synthetic / real {share:5.1f} %  {paper_share:5.1f} %")


def _classifier_encoder(preset: str, sampler: SMOTExT) -> tuple[Any, str]:
    """Return the encoder under the classifier and its name; the paper's is ModernBERT."""
    if preset == "paper":
        from smotext.encoders.loading import load_sentence_encoder

        name = "answerdotai/ModernBERT-base"
        return load_sentence_encoder(name, pooling="mean"), f"{name} (mean)"
    encoder = sampler.load()[0]
    return encoder, str(getattr(encoder, "fingerprint", sampler.model))


if __name__ == "__main__":
    main()
