"""A run on a cluster keeps what a local run keeps; the workers of this file are this process."""

from __future__ import annotations

import contextlib
import json
import pickle
from functools import partial

import numpy as np
import pandas as pd
import pytest
from runs_doubles import Listener, make_plan, patch_release, rows_of, targets_of
from tests.decoders.checkpoints import make_list_checkpoint

from smotext import SMOTExT, load_decoder
from smotext.cli import entry
from smotext.cli.augment_job import fingerprints
from smotext.encoders.cache import encode_cached
from smotext.encoders.hashing import HashEncoder
from smotext.errors import CapReached, RunError
from smotext.presets import bundled_bridge, load_pair
from smotext.runs.durable import DurableRun
from smotext.runs.ray.cluster_run import ClusterRun
from smotext.runs.ray.remote_models import Placement, RemoteDecoder, load_same, remote_pair
from smotext.runs.ray.workers import Done, Workers
from smotext.runs.run_directory import RunDirectory
from smotext.runs.stopping import Stopper

WANTED = [{"a": 9, "b": 14}, {"a": 9}, {"b": 14}]  # docs/how_to/cluster.md shards by class


class LocalWorkers(Workers):
    """Does the work in this process, the last item first, and pickles what would travel."""

    def map(self, work, items):
        work = pickle.loads(pickle.dumps(work))
        for number, arguments in list(items)[::-1]:
            yield Done(number, pickle.loads(pickle.dumps(work(*pickle.loads(pickle.dumps(arguments))))), 1)


@pytest.fixture
def no_ray(monkeypatch):
    """Have ``--engine ray`` work in this process."""
    monkeypatch.setattr("smotext.runs.ray.connecting.check_ray", lambda: None)
    monkeypatch.setattr(
        "smotext.runs.ray.connecting.connected", lambda *_, **__: contextlib.nullcontext(LocalWorkers(2, 1))
    )
    monkeypatch.setattr("smotext.settings.GROUP_SIZE", 4)


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("text,label\n" + "".join(f"text number {i},{'ab'[i % 2]}\n" for i in range(14)))
    return path


def augment(source, output, *options):
    return entry.run(["augment", str(source), "-o", str(output), "--model", "echo", "-n", "20", *options])


def bytes_of(output):
    return [path.read_bytes() for path in (output, output.with_name(output.name + ".lineage.parquet"))]


class DyingWorkers(Workers):
    """Yields items of which the first was given up, and the others were begun twice."""

    def map(self, work, items):
        for number, arguments in items:
            yield Done(number, None, 4) if number == 0 else Done(number, work(*arguments), 2)


@pytest.fixture
def folder(tmp_path):
    folder = RunDirectory.open(tmp_path / "o.run", {})
    yield folder
    folder.close()


@pytest.mark.parametrize("options", [[], ["--filters", "default", "--candidates", "2"], ["--strategy", "random"]])
def test_the_command_writes_the_same_bytes_with_either_engine(source, no_ray, options):
    here, there = source.with_name("here.csv"), source.with_name("there.csv")
    assert augment(source, here, *options) == 0
    assert augment(source, there, "--engine", "ray", *options) == 0
    assert bytes_of(there) == bytes_of(here)


NOISY = [
    "--privacy", "dp", "--epsilon", "8", "--group-size", "2", "--public-labels", '{"a": 7, "b": 7}', "--strategy",
    "random", "--max-new-tokens", "9", "--only-synthetic", "--per-class", "10", "--model", "echo", "--candidates", "1",
]  # fmt: skip


def augment_noisy(source, output, *options):
    return entry.run(["augment", str(source), "-o", str(output), *NOISY, *options])


def test_noisy_sums_are_released_once_and_either_engine_writes_the_same_texts_from_them(source, no_ray, monkeypatch):
    asked = patch_release(monkeypatch)
    here, there = source.with_name("here.csv"), source.with_name("there.csv")
    assert augment_noisy(source, here) == 0
    assert augment_noisy(source, there, "--engine", "ray") == 0
    assert len(pd.read_csv(here)) == 20
    assert there.read_bytes() == here.read_bytes()
    assert len(asked) == 2  # once for each run, of five decode groups


def test_a_noisy_run_that_ends_on_a_cluster_keeps_the_noise_that_it_has_drawn(source, no_ray, monkeypatch):
    asked = patch_release(monkeypatch)
    output = source.with_name("out.csv")
    assert augment_noisy(source, output, "--max-tokens", "40") == 3
    begun = pd.read_csv(output)
    assert augment_noisy(source, output, "--engine", "ray") == 0
    assert len(asked) == 1
    assert 0 < len(begun) < 20
    assert set(begun["text"]) < set(pd.read_csv(output)["text"])


def test_workers_that_decode_see_mixes_of_noisy_sums_and_nothing_of_the_real_rows(source, no_ray, monkeypatch):
    asked, sent = patch_release(monkeypatch), []

    def note(self, work, items):
        for number, arguments in items:
            sent.append((pickle.dumps((work, arguments)), arguments))
            yield Done(number, work(*arguments), 1)

    monkeypatch.setattr(LocalWorkers, "map", note)
    rows = [f"secret {i},{'ab'[i % 2]}\n" for i in range(14)] + ["secret 14,notpublic\n"]
    source.write_text("text,label\n" + "".join(rows))
    assert augment_noisy(source, source.with_name("out.csv"), "--engine", "ray") == 0
    decoded = [(packed, arguments) for packed, arguments in sent if len(arguments) == 2]
    assert len(decoded) == 5
    assert any(b"secret" in packed for packed, arguments in sent if len(arguments) == 1)  # encoders read the rows
    for packed, (group, of_group) in decoded:
        assert b"secret" not in packed
        assert b"notpublic" not in packed
        assert not any(row.tobytes() in packed for row in asked[0]["vectors"])
        assert of_group.vectors.tobytes() in packed
        assert (group.parents == -1).all()


def test_a_cap_before_the_first_group_is_there_leaves_a_usable_output(source, no_ray, capsys):
    here, there = source.with_name("here.csv"), source.with_name("there.csv")
    assert augment(source, here) == 0
    assert augment(source, there, "--engine", "ray", "--max-tokens", "1") == 3
    assert "0 of 20 rows are done" in capsys.readouterr().err
    assert len(pd.read_csv(there)) == 14
    assert augment(source, there, "--resume", "always") == 0
    assert bytes_of(there) == bytes_of(here)


def start(folder, workers=LocalWorkers, **caps):
    return ClusterRun(folder, workers=workers(2, 1), stopper=Stopper(**caps), progress=Listener())


def texts_of(parts):
    return [text for part in parts for text in part["text"]]


def never(*_):
    raise AssertionError("made a second time")


def test_parts_are_written_as_they_come_and_rows_come_back_in_order(folder):
    run = start(folder)
    run.plan(0, lambda: make_plan(5))
    assert texts_of(run.decode(0, make_plan(5).groups(2), targets_of, rows_of)) == ["0", "1", "2", "3", "4"]
    assert [event["group"] for event in folder.events("decoded")] == [2, 1, 0]
    assert run.progress.n_rows == 5


def test_a_local_run_reads_the_parts_of_a_cluster_and_the_other_way_round(folder):
    groups = list(make_plan(6).groups(2))
    local = DurableRun(folder, stopper=Stopper(), progress=Listener())
    assert texts_of([next(local.decode(0, groups, targets_of, rows_of))]) == ["0", "1"]
    assert texts_of(start(folder).decode(0, groups, targets_of, rows_of)) == ["0", "1", "2", "3", "4", "5"]
    assert texts_of(local.decode(0, groups, targets_of, never)) == ["0", "1", "2", "3", "4", "5"]
    assert texts_of(start(folder).decode(0, groups, targets_of, never)) == ["0", "1", "2", "3", "4", "5"]


def test_a_cap_keeps_what_arrived_and_gives_the_rows_before_the_first_hole(folder):
    groups = list(make_plan(6).groups(2))  # 10 tokens a row
    seen = []
    with pytest.raises(CapReached, match="max_tokens=30 is reached: 40 tokens were written"):
        seen.extend(start(folder, max_tokens=30).decode(0, groups, targets_of, rows_of))
    assert seen == []  # groups 2 and 1 are there, group 0 is not
    assert texts_of(start(folder, max_tokens=30).decode(0, groups, targets_of, rows_of)) == list("012345")


def test_a_cap_that_the_last_group_reaches_stops_nothing(folder):
    rows = start(folder, max_tokens=60).decode(0, make_plan(6).groups(2), targets_of, rows_of)
    assert texts_of(rows) == list("012345")


def test_a_row_that_fails_there_is_recorded_as_it_is_here(folder):
    rows = pd.concat(start(folder).decode(0, make_plan(4).groups(4), targets_of, fails_at_two), ignore_index=True)
    assert rows["text"].tolist() == ["0", "1", "", "3"]
    assert rows["reason"][2] == "decoding failed: RuntimeError: bad row"
    assert [failed["key"] for failed in folder.events("decoded")[0]["failed"]] == ["a/2/0/0"]


def fails_at_two(group, targets):
    if 2 in targets:
        raise RuntimeError("bad row")
    return rows_of(group, targets)


def test_a_group_that_kills_its_workers_stops_the_run_and_is_given_up_in_the_next_process(folder):
    groups = list(make_plan(6).groups(2))
    with pytest.raises(RunError, match="no row of decode group 0 can be decoded: RunError: 3 workers died at it"):
        list(start(folder, DyingWorkers).decode(0, groups, targets_of, rows_of))
    rows = pd.concat(start(folder, DyingWorkers).decode(0, groups, targets_of, rows_of), ignore_index=True)
    assert rows["text"].tolist() == ["", "", "2", "3", "4", "5"]
    assert rows["accepted"].tolist() == [False, False, True, True, True, True]


def test_a_group_that_was_begun_twice_is_told_and_noted(folder):
    with pytest.raises(RunError):
        list(start(folder, DyingWorkers).decode(0, make_plan(4).groups(2), targets_of, rows_of))
    run = start(folder, DyingWorkers)
    list(run.decode(0, make_plan(4).groups(2), targets_of, rows_of))
    assert "a worker died at decode group 1: another one took it over" in run.progress.lines
    place = {"round": 0, "group": 1, "attempts": 2}
    assert any(place.items() <= event.items() for event in folder.events("repeated"))


def test_vectors_that_arrive_in_any_order_find_their_texts(folder, monkeypatch):
    monkeypatch.setattr("smotext.encoders.cache.CHUNK", 2)
    texts, encoder = [f"text {'x' * length}" for length in (3, 1, 4, 1, 5, 9)], HashEncoder()
    run = start(folder)

    def make(**options):
        return encode_cached(encoder, texts, cache="off", **options)

    np.testing.assert_array_equal(run.vectors(len(texts), make), encoder.encode(texts))
    assert run.progress.n_rows == 5  # different texts
    np.testing.assert_array_equal(run.vectors(len(texts), never), encoder.encode(texts))


def test_a_run_per_class_writes_the_rows_of_one_run():
    texts, labels = [f"text {i} of {'ab'[i % 2]}" for i in range(12)], ["a", "b"] * 6
    whole, *apart = (SMOTExT("echo", random_state=3).generate(texts, labels, n=n) for n in WANTED)
    pd.testing.assert_frame_equal(pd.concat(apart, ignore_index=True), whole)


@pytest.mark.parametrize("model", ["tiny", pytest.param(str(bundled_bridge()), marks=pytest.mark.slow)])
def test_models_that_workers_load_are_those_that_a_local_run_loads(model):
    encoder, decoder = remote_pair(model, LocalWorkers(1, 1))
    local_encoder, local_decoder = load_pair(model)
    assert json.dumps(fingerprints(encoder, decoder)) == json.dumps(fingerprints(local_encoder, local_decoder))
    assert (encoder.vector_dim, decoder.vector_dim) == (local_encoder.vector_dim, local_decoder.vector_dim)
    for name in ("prompts", "max_new_tokens", "examples"):
        assert getattr(decoder, name) == getattr(local_decoder, name)
    texts = ["a text", "a longer text, " * 300]
    assert decoder.count_tokens(texts).tolist() == local_decoder.count_tokens(texts).tolist()
    assert encoder.max_tokens == local_encoder.max_tokens
    assert encoder.count_truncated(texts) == local_encoder.count_truncated(texts) == 1
    vectors = encoder.encode(texts)
    np.testing.assert_array_equal(vectors, local_encoder.encode(texts))
    there = pickle.loads(pickle.dumps(decoder))
    assert type(there) is type(local_decoder)
    assert there.decode(vectors, max_new_tokens=8) == local_decoder.decode(vectors, max_new_tokens=8)


@pytest.mark.parametrize("entries", [{}, {"examples": 0}, {"examples": 0, "examples_template": None}])
def test_a_bridge_on_a_worker_shows_as_many_examples_as_here(tmp_path, entries):
    here = load_decoder(str(make_list_checkpoint(tmp_path, **entries)), dtype="float32")
    there = RemoteDecoder(partial(load_decoder, str(tmp_path)), tmp_path, Placement("torch.float32", "cpu"))
    assert there.examples == here.examples == {0: 2, 1: 0, 2: None}[len(entries)]


def test_a_worker_that_has_another_model_refuses():
    encoder = HashEncoder(8)
    assert load_same(lambda: encoder, "hash-8") is encoder
    with pytest.raises(RunError, match="the HashEncoder is hash-8 here, and hash-64 where the run was started"):
        load_same(lambda: encoder, "hash-64")


def test_echo_needs_no_worker_to_describe_it():
    encoder, decoder = remote_pair("echo", LocalWorkers(1, 1))
    assert type(encoder) is HashEncoder
    assert type(pickle.loads(pickle.dumps(decoder))) is type(decoder)
