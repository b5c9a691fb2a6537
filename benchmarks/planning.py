"""Time and memory of planning and mixing, against imbalanced-learn's SMOTE on the same vectors.

Every measurement runs in its own process, one after the other, on the same file of vectors::

    python benchmarks/planning.py
    python benchmarks/planning.py --rows 200000 --synthetic 40000 --json

imbalanced-learn is run on a share of the classes, each of them whole, and its seconds are scaled by the number of
classes: SMOTE treats one class after the other, so that its time is linear in them. Memory is the peak above an idle
interpreter with the same imports, as a multiple of the vectors' bytes; pages of a memory map count once they are read.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

PART_ROWS = 4096  # rows that are mixed at a time, as decoding does
BLOCK_ROWS = 10_000


def main() -> None:
    """Measure all sides and print a table or JSON."""
    options = parsed_options()
    if options.without_faiss:
        sys.modules["faiss"] = None  # type: ignore[assignment]  # makes `import faiss` fail
    if options.worker:
        print(json.dumps(WORKERS[options.worker](options)))
        return
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        options.vectors = Path(folder) / "vectors.npy"
        measured = {name: run_alone(name, options) for name in WORKERS}
    report = summary(options, measured)
    print(json.dumps(report, indent=2) if options.json else as_table(report))


def parsed_options() -> argparse.Namespace:
    """Return what was asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="real texts")
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--synthetic", type=int, default=200_000, help="rows to plan and mix, over all classes")
    parser.add_argument("--strategy", default="smote")
    parser.add_argument("--without-faiss", action="store_true", help="as if faiss were not installed")
    parser.add_argument("--imblearn-share", type=float, default=0.1, help="share of the classes it is measured on")
    parser.add_argument("--scratch", type=Path, help="where the vectors' file is put; default: the temporary folder")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--vectors", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def run_alone(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Return what a worker measured in a process of its own; this one stays small, as peaks are inherited."""
    settings = vars(options) | {"worker": name, "json": False}
    flags = {f"--{key.replace('_', '-')}": value for key, value in settings.items() if value not in (None, False)}
    arguments = [flag if value is True else f"{flag}={value}" for flag, value in flags.items()]
    done = subprocess.run([sys.executable, __file__, *arguments], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def labels_of(options: argparse.Namespace) -> np.ndarray:
    """Classes of equal size, interleaved."""
    return np.array([f"class {number}" for number in range(options.classes)], dtype=object)[
        np.arange(options.rows) % options.classes
    ]


def n_new(options: argparse.Namespace) -> dict[str, int]:
    """Return how many new rows each class gets."""
    return {f"class {number}": options.synthetic // options.classes for number in range(options.classes)}


def make_vectors(options: argparse.Namespace) -> dict[str, Any]:
    """Write unit vectors around one centre per class."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((options.classes, options.dim), dtype=np.float32)
    file = np.lib.format.open_memmap(options.vectors, "w+", np.float32, (options.rows, options.dim))
    for start in range(0, options.rows, BLOCK_ROWS):
        rows = np.arange(start, min(start + BLOCK_ROWS, options.rows))
        block = centres[rows % options.classes] + rng.standard_normal((len(rows), options.dim), dtype=np.float32)
        file[rows] = block / np.linalg.norm(block, axis=1, keepdims=True)
    file.flush()
    return {}


def measure_ours(options: argparse.Namespace, mmap_mode: str | None) -> dict[str, Any]:
    """Plan all rows, then mix them part by part, keeping none."""
    from smotext.mixing.mixes import mix
    from smotext.mixing.planning import Planner

    idle = peak_bytes()
    vectors, labels = np.load(options.vectors, mmap_mode=mmap_mode), labels_of(options)
    start = time.perf_counter()
    plan = Planner(vectors, labels, strategy=options.strategy).plan(n_new(options))
    planned = time.perf_counter()
    for part in plan.groups(PART_ROWS):
        mix(vectors, part.parents, part.weights)
    mixed = time.perf_counter()
    return {"rows": len(plan), "plan_s": planned - start, "mix_s": mixed - planned, "bytes": peak_bytes() - idle}


def measure_imblearn(options: argparse.Namespace) -> dict[str, Any]:
    """Run SMOTE on some whole classes."""
    from imblearn.over_sampling import SMOTE

    n_classes = max(round(options.classes * options.imblearn_share), 2)  # it refuses a single class
    rows = np.flatnonzero(np.arange(options.rows) % options.classes < n_classes)
    vectors, codes = np.asarray(np.load(options.vectors, mmap_mode="r")[rows]), rows % options.classes
    per_class = options.synthetic // options.classes
    totals = {code: int(count) + per_class for code, count in enumerate(np.bincount(codes))}
    start = time.perf_counter()
    resampled, _ = SMOTE(sampling_strategy=totals, random_state=0).fit_resample(vectors, codes)
    return {
        "rows": len(resampled) - len(vectors),
        "classes": n_classes,
        "seconds": time.perf_counter() - start,
    }


def peak_bytes() -> int:
    """Return the most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts in KiB


WORKERS = {
    "make_vectors": make_vectors,
    "ours_memory_map": lambda options: measure_ours(options, "r"),
    "ours_in_memory": lambda options: measure_ours(options, None),
    "imblearn": measure_imblearn,
}


def summary(options: argparse.Namespace, measured: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the figures with what they were measured on."""
    vectors_bytes = options.rows * options.dim * 4
    theirs = measured["imblearn"]
    scaled = theirs["seconds"] * options.classes / theirs["classes"]
    report: dict[str, Any] = {
        "rows": options.rows,
        "classes": options.classes,
        "dim": options.dim,
        "synthetic": measured["ours_memory_map"]["rows"],
        "strategy": options.strategy,
        "neighbours_by": "numpy" if options.without_faiss or not find_spec("faiss") else "faiss",
        "imblearn_classes": theirs["classes"],
        "imblearn_seconds": theirs["seconds"],
        "imblearn_seconds_scaled": scaled,
    }
    for name in ("memory_map", "in_memory"):
        ours = measured[f"ours_{name}"]
        report[name] = {
            "plan_seconds": ours["plan_s"],
            "mix_seconds": ours["mix_s"],
            "ratio_vs_imblearn": scaled / (ours["plan_s"] + ours["mix_s"]),
            "peak_over_vectors": ours["bytes"] / vectors_bytes,
        }
    return report


def as_table(report: dict[str, Any]) -> str:
    """Return the report as text."""
    lines = [
        f"{report['rows']:,} x {report['dim']} vectors, {report['classes']} classes, {report['synthetic']:,} synthetic "
        f"rows, strategy {report['strategy']}, neighbours by {report['neighbours_by']}",
        f"imbalanced-learn SMOTE: {report['imblearn_seconds']:.1f} s on {report['imblearn_classes']} whole classes, "
        f"scaled {report['imblearn_seconds_scaled']:.1f} s",
    ]
    for name in ("memory_map", "in_memory"):
        ours = report[name]
        lines.append(
            f"smotext, vectors {name.replace('_', ' ')}: plan {ours['plan_seconds']:.1f} s + mix "
            f"{ours['mix_seconds']:.1f} s, {ours['ratio_vs_imblearn']:.1f}x faster; peak "
            f"{ours['peak_over_vectors']:.2f}x the vectors"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
