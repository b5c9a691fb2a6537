from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from smotext.errors import InputError
from smotext.utils.seeding import generator, root_seed, row_seeds, splitmix64, stable_hash, uniforms


def splitmix64_slowly(state: int) -> int:
    """Sebastiano Vigna's C code, in Python integers."""
    mask = 2**64 - 1
    z = (state + 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return z ^ (z >> 31)


def test_splitmix64_equals_the_reference_in_python_integers() -> None:
    states = [0, 1, 2**63, 2**64 - 1, 1234567]
    assert splitmix64(np.array(states, dtype=np.uint64)).tolist() == [splitmix64_slowly(state) for state in states]


def test_asking_for_more_rows_keeps_the_earlier_seeds() -> None:
    assert row_seeds(5, "spam", range(10)).tolist() == row_seeds(5, "spam", range(99)).tolist()[:10]


def test_every_part_of_a_key_changes_the_seed() -> None:
    keys = [
        (0, "a", 1, 0, 0),
        (1, "a", 1, 0, 0),
        (0, "b", 1, 0, 0),
        (0, "a", 2, 0, 0),
        (0, "a", 1, 1, 0),
        (0, "a", 1, 0, 1),
    ]
    seeds = [int(row_seeds(*key)[0]) for key in keys]
    assert len(set(seeds)) == len(keys)


def test_seeds_do_not_collide_and_fit_a_signed_integer() -> None:
    seeds = row_seeds(0, "a", np.arange(200_000))
    assert len(np.unique(seeds)) == 200_000
    assert seeds.min() >= 0


def test_labels_of_different_type_have_different_streams() -> None:
    assert len({stable_hash(label) for label in (1, "1", True)}) == 3


def test_a_numpy_label_counts_as_its_python_value() -> None:
    assert stable_hash(np.str_("a"), np.int64(3), np.bool_(True)) == stable_hash("a", 3, True)


def test_hashes_are_the_same_in_another_process() -> None:
    code = "from smotext.utils.seeding import stable_hash; print(stable_hash('spam', 3))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(found.stdout) == stable_hash("spam", 3)


def test_uniforms_are_uniform_across_rows_and_within_a_row() -> None:
    draws = uniforms(row_seeds(0, "a", np.arange(20_000)), "lam", width=2)
    assert stats.kstest(draws[:, 0], "uniform").pvalue > 0.01
    assert stats.kstest(uniforms([7], "noise", width=20_000)[0], "uniform").pvalue > 0.01
    assert abs(np.corrcoef(draws.T)[0, 1]) < 0.03


def test_streams_of_one_seed_are_independent() -> None:
    seeds = row_seeds(0, "a", np.arange(20_000))
    assert abs(np.corrcoef(uniforms(seeds, "lam")[:, 0], uniforms(seeds, "parent")[:, 0])[0, 1]) < 0.03


def test_generators_of_different_names_differ() -> None:
    assert generator(0, "a").integers(2**60) != generator(0, "b").integers(2**60)


def test_root_seed_takes_what_scikit_learn_takes() -> None:
    assert root_seed(np.int64(3)) == 3
    assert root_seed(np.random.RandomState(0)) == root_seed(np.random.RandomState(0))
    assert root_seed(np.random.default_rng(0)) == root_seed(np.random.default_rng(0))
    assert root_seed(None) != root_seed(None)


@pytest.mark.parametrize("given", [-1, "0", 1.5, True])
def test_root_seed_refuses_what_is_no_seed(given: object) -> None:
    with pytest.raises(InputError, match="random_state is"):
        root_seed(given)  # type: ignore[arg-type]
