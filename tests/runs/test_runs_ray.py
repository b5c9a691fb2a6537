"""On a Ray cluster of two workers, the same texts as in one process: whoever dies, stops or begins the run."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
from runs_doubles import (
    DyingDecoder,
    Listener,
    MeetingDecoder,
    NotingEncoder,
    RefusingDecoder,
    patch_release,
    processes,
)

from smotext import SMOTExT
from smotext.cli import entry
from smotext.decoders.echo import EchoDecoder
from smotext.errors import InputError, RunError
from smotext.runs.durable import DurableRun
from smotext.runs.ray.cluster_run import ClusterRun
from smotext.runs.ray.connecting import connected
from smotext.runs.run_directory import RunDirectory
from smotext.runs.stopping import Stopper

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs the extra 'ray'"),
]

STORE_BYTES = 100 * 2**20
WORKER = "ray::MapWorker"  # how Ray names the processes of an actor pool
TEXTS = [f"text number {i} of {'ab'[i % 2]}" for i in range(14)]
LABELS = ["ab"[i % 2] for i in range(14)]


@contextmanager
def machines(*nodes):
    """Give the address of a cluster that has, as far as Ray can tell, a machine for each of the options."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.delenv("RAY_AUTH_MODE", raising=False)
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))  # workers are to find the doubles
        cluster = Cluster()
        for options in nodes:
            cluster.add_node(object_store_memory=STORE_BYTES, include_dashboard=False, **options)
        yield cluster.address
        cluster.shutdown()


@pytest.fixture(scope="module")
def cluster():
    """Two machines of one CPU each."""
    with machines({"num_cpus": 1}, {"num_cpus": 1}) as address:
        yield address


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.setenv("SMOTEXT_CACHE", "off")
    path = tmp_path / "in.csv"
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in zip(TEXTS, LABELS, strict=True)))
    return path


@pytest.fixture
def small_groups(monkeypatch):
    monkeypatch.setattr("smotext.settings.GROUP_SIZE", 4)


def augment(source, output, *options, n=40):
    """Run the command with one text for each mix: rows are texts."""
    options = ("--model", "echo", "-n", str(n), "--candidates", "1", *options)
    return entry.run(["augment", str(source), "-o", str(output), *options])


def on(cluster):
    return ["--engine", "ray", "--address", cluster]


def files_of(output):
    return [path.read_bytes() for path in (output, output.with_name(output.name + ".lineage.parquet"))]


def parts_of(output):
    return list((output.with_name(output.name + ".run") / "parts").glob("*.parquet"))


def when(condition, action):
    """Call `action` in a thread of its own as soon as `condition` holds, and give the thread."""

    def wait():
        while not condition():
            time.sleep(0.005)
        action()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def test_a_worker_killed_half_way_changes_no_byte(cluster, source, small_groups):
    whole, output = source.with_name("whole.csv"), source.with_name("out.csv")
    assert augment(source, whole, n=600) == 0
    killed = []

    def kill():
        victim = next(pid for pid, name in processes(under=os.getpid()).items() if name.startswith(WORKER))
        os.kill(victim, signal.SIGKILL)
        killed.append((victim, len(parts_of(output))))

    thread = when(lambda: len(parts_of(output)) > 20, kill)
    assert augment(source, output, *on(cluster), n=600) == 0
    thread.join(timeout=10)
    assert 20 < killed[0][1] < 150
    assert files_of(output) == files_of(whole)


def test_a_run_begun_in_one_process_ends_on_a_cluster(cluster, source, small_groups, capsys):
    whole, output = source.with_name("whole.csv"), source.with_name("out.csv")
    assert augment(source, whole) == 0
    assert augment(source, output, "--max-tokens", "50") == 3
    n_there = len(parts_of(output))
    n_rows = sum(len(pd.read_parquet(part)) for part in parts_of(output))  # a cap may end within a group
    assert 0 < n_there < 10
    assert augment(source, output, *on(cluster), "--resume", "always") == 0
    assert f"resumed {n_rows} rows" in capsys.readouterr().err
    assert files_of(output) == files_of(whole)


def test_a_run_capped_on_a_cluster_ends_in_one_process(cluster, source, small_groups, capsys):
    whole, output = source.with_name("whole.csv"), source.with_name("out.csv")
    assert augment(source, whole) == 0
    assert augment(source, output, *on(cluster), "--max-tokens", "50") == 3
    n_there = len(parts_of(output))
    assert 0 < n_there < 10
    n_rows = sum(len(pd.read_parquet(part)) for part in parts_of(output))
    assert len(pd.read_csv(output)) <= len(TEXTS) + 4 * n_there
    assert augment(source, output, "--resume", "always") == 0
    assert f"resumed {n_rows} rows" in capsys.readouterr().err
    assert files_of(output) == files_of(whole)


def test_an_interrupted_run_says_so_and_goes_on(cluster, source, small_groups, capsys):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    whole, output = source.with_name("whole.csv"), source.with_name("out.csv")
    assert augment(source, whole, n=600) == 0
    main = threading.main_thread().ident
    when(lambda: len(parts_of(output)) > 10, lambda: signal.pthread_kill(main, signal.SIGINT))
    try:
        assert augment(source, output, *on(cluster), n=600) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert "stopped: interrupted: " in capsys.readouterr().err
    assert not output.exists()
    assert 10 < len(parts_of(output)) < 150
    assert augment(source, output, *on(cluster), n=600) == 0
    assert files_of(output) == files_of(whole)


def test_of_one_release_a_cluster_writes_the_texts_of_a_local_run(cluster, source, small_groups, monkeypatch):
    asked = patch_release(monkeypatch)
    here, there = source.with_name("here.csv"), source.with_name("there.csv")
    noisy = [
        "--privacy", "dp", "--epsilon", "8", "--group-size", "2", "--public-labels", '{"a": 7, "b": 7}', "--strategy",
        "random", "--max-new-tokens", "9", "--only-synthetic", "--per-class", "30", "--model", "echo", "--candidates",
        "1",
    ]  # fmt: skip
    assert entry.run(["augment", str(source), "-o", str(here), *noisy]) == 0
    assert entry.run(["augment", str(source), "-o", str(there), *noisy, *on(cluster)]) == 0
    assert there.read_bytes() == here.read_bytes()
    assert len(pd.read_csv(there)) == 60
    assert [call["process"] for call in asked] == [os.getpid()] * 2  # each run's own, in the process that was started


@pytest.fixture
def generate(cluster, tmp_path, monkeypatch, small_groups):
    """A function that makes 24 rows with a decoder, on the cluster or in this process."""
    monkeypatch.setenv("SMOTEXT_CACHE", "off")

    def make(name, decoder, *, encoder=None, is_local=False, address=cluster):
        folder = RunDirectory.open(tmp_path / name, {})
        options = {"stopper": Stopper(), "progress": Listener()}
        sampler = SMOTExT("echo", encoder=encoder, decoder=decoder, candidates=1, random_state=0)
        try:
            if is_local:
                return sampler.generate(TEXTS, LABELS, n=24, run=DurableRun(folder, **options)), folder
            with connected(address, n=2) as workers:
                run = ClusterRun(folder, workers=workers, **options)
                return sampler.generate(TEXTS, LABELS, n=24, run=run), folder
        finally:
            folder.close()

    return make


def test_a_group_whose_worker_died_is_decoded_by_another(generate, tmp_path):
    here, _ = generate("here", EchoDecoder(), is_local=True)
    there, folder = generate("there", DyingDecoder(tmp_path, seed=here["seed"][12], n_deaths=1))
    pd.testing.assert_frame_equal(there, here.assign(model=there["model"]))
    assert 3 in [event["group"] for event in folder.events("repeated")]


def test_a_group_that_kills_every_worker_stops_the_run_and_is_given_up_in_the_next(generate, tmp_path):
    here, _ = generate("here", EchoDecoder(), is_local=True)
    decoder = DyingDecoder(tmp_path, seed=here["seed"][8], n_deaths=1000)
    with pytest.raises(RunError, match="no row of decode group 2 can be decoded: RunError: 3 workers died at it"):
        generate("there", decoder)
    there, folder = generate("there", decoder)
    failed = [event["failed"] for event in folder.events("decoded") if "failed" in event]
    assert [[row["key"] for row in rows] for rows in failed] == [here["key"][8:12].tolist()]
    is_other = (there["text"] != here["text"]).tolist()
    assert is_other == [8 <= row < 12 for row in range(24)]  # replaced, from other parents
    assert there["accepted"].all()


def test_an_error_of_the_options_is_raised_as_it_is_here(generate):
    with pytest.raises(InputError, match="no such prompt .on the worker "):
        generate("there", RefusingDecoder())


def test_each_worker_has_a_gpu_of_its_own_and_none_is_shared_with_an_encoder(generate, tmp_path):
    """Two GPUs as far as Ray can tell: it gives them away by number, whatever the machine has."""
    here, _ = generate("here", EchoDecoder(), is_local=True)
    with machines({"num_cpus": 2, "num_gpus": 2}) as address:
        decoder = MeetingDecoder(tmp_path, n=2)
        there, _ = generate("there", decoder, encoder=NotingEncoder(tmp_path), address=address)
    pd.testing.assert_frame_equal(there, here.assign(model=there["model"]))
    encoders = notes(tmp_path, "encoder")
    assert len(encoders) == 1  # all texts are one chunk
    assert f"encoder-{os.getpid()}" not in encoders
    assert set(encoders.values()) <= {"0", "1"}
    decoders = [json.loads(note) for note in notes(tmp_path, "decoder").values()]
    assert sorted(note["gpus"] for note in decoders) == ["0", "1"]
    assert [note["encoders"] for note in decoders] == [[], []]  # its process, which ends slowly, has ended


def notes(directory, kind):
    return {path.name: path.read_text() for path in directory.glob(f"{kind}-*")}


@pytest.mark.timeout(900)
def test_the_bundled_model_writes_the_same_bytes_and_no_process_stays(source):
    """Without an address a cluster is started, and ended."""
    whole, output = source.with_name("whole.csv"), source.with_name("out.csv")
    place = Path(tempfile.mkdtemp(prefix="ray", dir="/tmp"))  # a short path: sockets lie there
    code = "import sys; from smotext import settings; settings.GROUP_SIZE = 8; from smotext.cli import main; main()"
    command = [sys.executable, "-c", code, "augment", str(source), "--per-class", "4", "--dtype", "float32"]
    environment = {
        **os.environ,
        "RAY_AUTH_TOKEN": "of-a-test",  # or Ray leaves one in the home directory
        "RAY_TMPDIR": str(place),
        "RAY_DEFAULT_OBJECT_STORE_MAX_MEMORY_BYTES": str(STORE_BYTES),
    }
    for more in (["-o", str(whole)], ["-o", str(output), "--engine", "ray", "--workers", "2"]):
        run = subprocess.run([*command, *more], capture_output=True, text=True, check=False, env=environment)
        assert run.returncode == 0, run.stderr
        assert run.stdout == ""
        assert "[" not in run.stderr  # no log line of Ray
    assert files_of(output) == files_of(whole)
    assert [name for name in processes().values() if str(place) in name] == []
    shutil.rmtree(place)
