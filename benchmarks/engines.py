"""What ``--engine ray`` costs on one machine: the same augmentation in this process and on a cluster of its own.

::

    python benchmarks/engines.py --model echo --rows 2000 --json
    python benchmarks/engines.py --model tiny --rows 512 --json

The named alternative is ``--engine local``. Both write the same bytes, or the benchmark fails. A cluster of one
machine can only lose: what it takes is the price of starting Ray and a process for each worker.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

N_TEXTS = 300
WORDS = "order parcel phone city music doctor garden engine teacher river market letter winter price coffee".split()


def write_texts(path: Path) -> None:
    """Write seeded texts of 8 to 40 words in two classes; what they say does not matter to the clock."""
    draw = random.Random(0)
    lines = [f"{' '.join(draw.choices(WORDS, k=draw.randint(8, 40)))}.,{'ab'[row % 2]}\n" for row in range(N_TEXTS)]
    path.write_text("text,label\n" + "".join(lines))


def measure(source: Path, output: Path, model: str, n_rows: int, options: list[str]) -> dict[str, Any]:
    """Return the seconds of one command, and of its steps as the manifest tells them."""
    command = [sys.executable, "-m", "smotext", "augment", str(source), "-o", str(output), "--model", model]
    command += ["-n", str(n_rows), "--dtype", "float32", "--keep-run", "--quiet", *options]
    start = time.perf_counter()
    subprocess.run(command, check=True, env={**os.environ, "SMOTEXT_CACHE": "off"})
    wall_s = time.perf_counter() - start
    manifest = (output.with_name(output.name + ".run") / "manifest.jsonl").read_text().splitlines()
    decoded_s = [event["seconds"] for event in map(json.loads, manifest) if event["event"] == "decoded"]
    return {"wall_s": round(wall_s, 1), "decode_worker_s": round(sum(decoded_s), 1), "groups": len(decoded_s)}


def main() -> None:
    """Print the times of a local run and of one on Ray."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="echo")
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    engines = {"local": [], "ray": ["--engine", "ray", "--workers", str(given.workers)]}
    with tempfile.TemporaryDirectory() as directory:
        source = Path(directory) / "in.csv"
        write_texts(source)
        found = {
            name: measure(source, source.with_name(f"{name}.csv"), given.model, given.rows, options)
            for name, options in engines.items()
        }
        if source.with_name("local.csv").read_bytes() != source.with_name("ray.csv").read_bytes():
            sys.exit("the engines wrote different texts")
    result = {**found, "ratio": round(found["ray"]["wall_s"] / found["local"]["wall_s"], 2)}
    print(json.dumps(result) if given.json else "\n".join(f"{name}: {value}" for name, value in result.items()))


if __name__ == "__main__":
    main()
