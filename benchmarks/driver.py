"""What ``--engine ray`` asks of the driver and of a worker, measured without a cluster.

::

    python benchmarks/driver.py --json

* ``message``: a decode group's plan and target vectors as a worker is sent them, and its answer, by vector size.
* ``encoding worker``, ``decoding worker``, ``driver``: peak memory of processes of their own that load what these load,
  and do one chunk or group; Ray is imported where it is installed, its object store is not counted.
* ``per_row``: what a row more costs the process that plans, mixes, reads parts back and writes files: the difference
  between two local runs with ``echo``, a decoder that costs next to nothing, in peak memory and in the process's own
  CPU time.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import pickle
import resource
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from engines import write_texts

N_GROUP, N_CHUNK = 256, 1024  # rows of a decode group, texts of a chunk
N_TOKENS = 64  # the bundled bridge's longest output


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs=2, default=[20_000, 100_000], help="of the two runs with echo")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--worker", choices=WORKERS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        print(json.dumps(WORKERS[given.worker]()))
        return
    found = {
        **{name: run_alone(name) for name in WORKERS},
        "per_row": per_row(*given.rows),
        "with_ray": find_spec("ray") is not None,
    }
    print(json.dumps(found, indent=1) if given.json else "\n".join(f"{name}: {value}" for name, value in found.items()))


def run_alone(name: str) -> dict[str, int]:
    """Return what a worker measured in a process of its own; this one stays small, as peaks are inherited."""
    done = subprocess.run([sys.executable, __file__, "--worker", name], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def message(dim: int) -> dict[str, int]:
    """Return the bytes of a group as a worker gets it, and of what it sends back."""
    import numpy as np
    from augmenting import make_texts

    from smotext import EchoDecoder, HashEncoder, SMOTExT
    from smotext.augmentation.augment import group_targets
    from smotext.augmentation.writing import Writer
    from smotext.data.corpus import make_corpus
    from smotext.mixing.plan import DecoderInput
    from smotext.mixing.planning import Planner
    from smotext.runs.ray.workers import Done
    from smotext.runs.retry import write_with_retries

    encoder, settings = HashEncoder(vector_dim=dim), SMOTExT("echo").settings()
    corpus = make_corpus(np.array(make_texts(1000), dtype=object), np.array(["a", "b"] * 500, dtype=object))
    vectors = encoder.encode(corpus.texts)
    plan = Planner(vectors, corpus.labels, seed=0, **settings.planning()).plan({"a": N_GROUP, "b": N_GROUP})
    group = next(iter(plan.groups(N_GROUP)))
    asked = DecoderInput(group_targets(vectors, group, settings))
    writer = Writer(corpus, encoder, EchoDecoder(vector_dim=dim), settings)
    outcome = write_with_retries(group, asked, writer.write)
    return {
        "to_worker_bytes": len(pickle.dumps((group, asked))),
        "back_bytes": len(pickle.dumps(Done(0, outcome, 1))),
    }


def per_row(few: int, many: int) -> dict[str, float]:
    """Return what a row more costs, from runs of few and of many rows."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in.csv"
        write_texts(source)
        first, second = (run_echo(source, n_rows) for n_rows in (few, many))
    cost = {name: (second[name] - first[name]) / (many - few) for name in first}
    return {
        "cpu_ms": round(1000 * cost["cpu_s"], 3),
        "memory_kb": round(cost["peak_kb"], 2),
        "characters": round(cost["characters"]),
    }


def run_echo(source: Path, n_rows: int) -> dict[str, float]:
    """Return the CPU seconds and the peak memory of an augmentation by `n_rows`, and how much it wrote."""
    output = source.with_name("out.csv")
    command = [sys.executable, "-m", "smotext", "augment", str(source), "-o", str(output), "--model", "echo"]
    command += ["-n", str(n_rows), "--only-synthetic", "--overwrite", "--quiet"]
    process = subprocess.Popen(command, env={**os.environ, "SMOTEXT_CACHE": "off"})
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit("smotext augment failed")
    return {
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_kb": used.ru_maxrss * 1.024,  # Linux counts in KiB
        "characters": characters_in(output),
    }


def characters_in(path: Path) -> int:
    """Return the length of all texts of an output."""
    with path.open(encoding="utf-8", newline="") as lines:
        return sum(len(row["text"]) for row in csv.DictReader(lines))


def encoding_worker() -> dict[str, int]:
    """Encode a chunk of texts with the bundled encoder, and return the peak."""
    from augmenting import make_texts

    from smotext import load_encoder

    import_ray()
    load_encoder("tiny", device="cpu").encode(make_texts(N_CHUNK))
    return peak_mb()


def decoding_worker() -> dict[str, int]:
    """Decode a group with the bundled bridge, and return the peak."""
    import numpy as np

    from smotext import load_decoder

    import_ray()
    decoder = load_decoder("tiny", device="cpu", dtype="float32")
    vectors = np.random.default_rng(0).normal(size=(N_GROUP, decoder.vector_dim)).astype(np.float32)
    decoder.decode(vectors, max_new_tokens=N_TOKENS, min_new_tokens=N_TOKENS, do_sample=True, top_p=0.95)
    return peak_mb()


def driver() -> dict[str, int]:
    """Load what the driver loads: no weights, but the bridge's tokenizer and spec; return the peak."""
    from functools import partial

    from smotext import SMOTExT, load_decoder
    from smotext.presets import bundled_bridge
    from smotext.runs.ray.remote_models import Placement, RemoteDecoder

    import_ray()
    SMOTExT("tiny").settings()
    RemoteDecoder(partial(load_decoder, "tiny"), bundled_bridge(), Placement("torch.float32", "cpu"))
    return peak_mb()


def import_ray() -> None:
    """Import what a process of a cluster has in memory."""
    if find_spec("ray"):
        import ray.data  # noqa: F401


def peak_mb() -> dict[str, int]:
    """Return the peak of this process; Linux counts in KiB."""
    return {"peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1.024e-3)}


WORKERS = {
    "message of 384": lambda: message(384),
    "message of 4096": lambda: message(4096),
    "encoding worker": encoding_worker,
    "decoding worker": decoding_worker,
    "driver": driver,
}


if __name__ == "__main__":
    main()
