"""Write pools of synthetic texts, one for each tuning set and seed: several experiments can fit on the same ones.

    python experiments/pools.py --out work/pools --seeds 3

SET-SEED.jsonl has the ten real rows of each class, then twenty new ones of each class with all that is known of them.
Pools that are there stay: the same command goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from common import DATA, ONE_PASSAGE, clear_errors, load_set, method_options
from labelled_sets import choose_sets

from smotext import SMOTExT
from smotext.errors import InputError
from smotext.evaluation.data_sizes import Setting
from smotext.evaluation.labelled_texts import Fold
from smotext.evaluation.splits import GivenTest, draw_fold
from smotext.fitting.new_rows import NewRows, new_rows_of

SETS = ("trec6", "airline_tweets", "medical_abstracts")
SETTING = Setting("shots", 10, per_class=20)
TEST_ROWS = 1000


@dataclass(frozen=True)
class Pool:
    """The rows of one set and seed: real ones, test rows, and new ones with their lineage."""

    name: str
    seed: int
    fold: Fold
    made: pd.DataFrame

    @property
    def new(self) -> NewRows:
        """The new rows as the choice of a weight takes them."""
        return new_rows_of(self.made)


def main() -> None:
    """Write the pools that are missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with labelled/")
    parser.add_argument("--out", type=Path, required=True, help="folder of the pools")
    parser.add_argument("--sets", nargs="+", default=SETS, help="some of the tuning sets")
    parser.add_argument("--seeds", type=int, default=3, help="pools of each set")
    parser.add_argument("--model", default="tiny", help="preset, or path of a bridge")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=JSON", help="option of SMOTExT")
    given = parser.parse_args()
    with clear_errors():
        given.out.mkdir(parents=True, exist_ok=True)
        options = {"dtype": "bfloat16", **ONE_PASSAGE, **method_options(given.option)}
        for seed in range(given.seeds):
            for name in choose_sets(",".join(given.sets), is_report=False):
                path = given.out / f"{name}-{seed}.jsonl"
                if not path.exists():
                    write_pool(path, draw(given.data, name, seed), SMOTExT(given.model, **options))
                    print(path, flush=True)


def draw(data: Path, name: str, seed: int) -> Fold:
    """Return ten real rows of each class and the test rows: what any experiment with that seed has."""
    return draw_fold(GivenTest(*load_set(data, name)).parts(seed), SETTING, seed=seed, max_test_rows=TEST_ROWS)


def write_pool(path: Path, fold: Fold, sampler: SMOTExT) -> None:
    """Write the real rows and as many new ones as the setting says."""
    sampler.set_params(random_state=fold.seed)
    made = sampler.generate(list(fold.train.texts), list(fold.train.labels), n=fold.new_rows)
    real = pd.DataFrame({"text": fold.train.texts, "label": fold.train.labels})
    rows = pd.concat([real.assign(is_synthetic=False), made.assign(is_synthetic=True)])
    unfinished = path.with_suffix(".part")
    rows.to_json(unfinished, orient="records", lines=True, force_ascii=False)
    unfinished.rename(path)


def read_pools(folder: Path, data: Path, sets: Sequence[str] = SETS) -> list[Pool]:
    """Return the pools of a folder, whose real rows are drawn again and have to be the same."""
    pools = []
    for path in sorted(path for name in sets for path in folder.glob(f"{name}-*.jsonl")):
        name, seed = path.stem.rsplit("-", 1)
        rows = pd.read_json(path, orient="records", lines=True, dtype=False, convert_dates=False)
        fold = draw(data, name, int(seed))
        is_new = rows["is_synthetic"].to_numpy(dtype=bool)
        if rows["text"][~is_new].tolist() != list(fold.train.texts):
            raise InputError(f"{path} has other real rows than seed {seed} of {name} draws: write it anew")
        pools.append(Pool(name, int(seed), fold, rows[is_new].reset_index(drop=True)))
    return pools


if __name__ == "__main__":
    main()
