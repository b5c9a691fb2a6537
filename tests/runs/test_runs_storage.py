"""What is kept on disk comes back equal, types included."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from smotext.mixing.plan import UNKNOWN, MixPlan
from smotext.runs.storage import load_plan, load_rows, load_vectors, save_plan, save_rows, save_vectors


def make_plan(labels, vectors=None):
    n_rows = len(labels)
    objects = np.empty(n_rows, dtype=object)
    objects[:] = labels
    return MixPlan(
        labels=objects,
        ordinals=np.arange(n_rows),
        attempts=np.zeros(n_rows, dtype=np.int64),
        candidates=np.zeros(n_rows, dtype=np.int64),
        parents=np.array([[0, UNKNOWN]] * n_rows),
        weights=np.array([[1.0, np.nan]] * n_rows),
        seeds=np.arange(n_rows) + 2**62,
        strategies=np.array(["smote"] * n_rows, dtype=object),
        vectors=vectors,
        notes=("class 'ü' is small",),
    )


@pytest.mark.parametrize("labels", [["a", "a/b 🦊", "nul\0"], [3, 1, 3], [True, False, True]])
def test_plan_survives_with_the_types_of_its_labels(tmp_path, labels):
    plan = make_plan(labels)
    save_plan(plan, tmp_path / "p.npz")
    found = load_plan(tmp_path / "p.npz")
    assert found.labels.tolist() == labels
    assert [type(label) for label in found.labels] == [type(label) for label in labels]
    for name in ("ordinals", "attempts", "candidates", "parents", "weights", "seeds"):
        np.testing.assert_array_equal(getattr(found, name), getattr(plan, name))
    assert found.strategies.tolist() == plan.strategies.tolist()
    assert (found.notes, found.vectors) == (plan.notes, None)


def test_ready_made_vectors_of_a_plan_survive(tmp_path):
    vectors = np.arange(6, dtype=np.float32).reshape(3, 2)
    save_plan(make_plan(["a", "b", "c"], vectors), tmp_path / "p.npz")
    np.testing.assert_array_equal(load_plan(tmp_path / "p.npz").vectors, vectors)


def test_the_examples_of_a_plan_survive(tmp_path):
    examples = np.array([[4, 0, 1], [2, 3, UNKNOWN], [UNKNOWN] * 3])
    save_plan(replace(make_plan(["a", "b", "c"]), examples=examples), tmp_path / "p.npz")
    found = load_plan(tmp_path / "p.npz").examples
    np.testing.assert_array_equal(found, examples)
    assert found.dtype == examples.dtype
    save_plan(make_plan(["a"]), tmp_path / "none.npz")
    assert load_plan(tmp_path / "none.npz").examples is None


def test_an_empty_plan_survives(tmp_path):
    save_plan(make_plan([]).take(slice(0, 0)), tmp_path / "p.npz")
    assert len(load_plan(tmp_path / "p.npz")) == 0


def test_rows_survive_with_their_types(tmp_path):
    rows = pd.DataFrame(
        {
            "text": pd.Series(["a\r\nb", "🦊"], dtype=object),
            "label": pd.Series([1, 2], dtype=object),
            "key": ["1/0", "2/0"],
            "parents": pd.Series([[0, 4], []], dtype=object),
            "weights": pd.Series([[0.1 + 0.2, 0.7], []], dtype=object),
            "lam": [0.1 + 0.2, np.nan],
            "seed": np.array([2**62 + 1, 5]),
            "accepted": [True, False],
        }
    )
    save_rows(rows, tmp_path / "r.parquet")
    pd.testing.assert_frame_equal(load_rows(tmp_path / "r.parquet"), rows, check_exact=True)


def test_vectors_are_memory_mapped_and_private(tmp_path):
    vectors = np.arange(6, dtype=np.float32).reshape(3, 2)
    save_vectors(vectors, tmp_path / "v.npy")
    found = load_vectors(tmp_path / "v.npy")
    assert isinstance(found, np.memmap)
    np.testing.assert_array_equal(found, vectors)
    assert (tmp_path / "v.npy").stat().st_mode & 0o777 == 0o600


def test_vectors_that_find_no_room_say_so(tmp_path):
    """A process of its own, whose files may not grow beyond 1,000 bytes."""
    code = (
        "import resource, signal, sys; from pathlib import Path; import numpy as np\n"
        "from smotext.utils.files import is_disk_full; from smotext.runs.storage import save_vectors\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: save_vectors(np.zeros((100, 64), dtype=np.float32), Path(sys.argv[1]) / 'vectors.npy')\n"
        "except OSError as error: print(is_disk_full(error))\n"
    )
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert run.stdout == "True\n", run.stderr
    assert list(tmp_path.iterdir()) == []
