"""How many workers a cluster has, and what is said when it cannot be reached."""

from __future__ import annotations

import importlib.util
import socket

import pytest

from smotext.cli import entry
from smotext.errors import InputError, MissingExtraError, RunError
from smotext.runs.ray import connecting
from smotext.runs.ray.connecting import choose_address, connected, size_workers

TWO_MACHINES = [{"CPU": 16.0, "GPU": 2.0}, {"CPU": 4.0}]


@pytest.mark.parametrize(
    ("nodes", "options", "n", "n_cpus", "n_gpus"),
    [
        (TWO_MACHINES, {}, 2, 1, 1),
        (TWO_MACHINES, {"n": 1}, 1, 1, 1),
        (TWO_MACHINES, {"device": "cpu"}, 2, 8, 0),  # the machine of four is too small for eight
        (TWO_MACHINES, {"device": "cpu", "n": 3}, 3, 5, 0),
        (TWO_MACHINES, {"device": "cpu", "n": 5}, 5, 4, 0),
        (TWO_MACHINES, {"device": "cpu", "n": 20}, 20, 1, 0),
        ([{"CPU": 2.0}], {}, 1, 2, 0),
        ([{"CPU": 1.0}, {"CPU": 1.0}, {}], {}, 2, 1, 0),
    ],
)
def test_workers_have_a_gpu_each_or_share_the_cpus(nodes, options, n, n_cpus, n_gpus):
    found = size_workers(nodes, **options)
    assert (found.n, found.n_cpus, found.n_gpus) == (n, n_cpus, n_gpus)
    assert found.device == ("cuda" if n_gpus else "cpu")


@pytest.mark.parametrize(
    ("nodes", "options", "message"),
    [
        (TWO_MACHINES, {"n": 3}, "workers is 3 and the cluster's number of GPUs 2"),
        (TWO_MACHINES, {"n": 21, "device": "cpu"}, "workers is 21 and the cluster's number of CPUs 20"),
        (TWO_MACHINES, {"n": 0}, "workers is 0: expected 1 or more"),
        (TWO_MACHINES, {"device": "cuda:1"}, "expected cpu or cuda, each worker has its own GPU"),
        ([{"CPU": 4.0}], {"device": "cuda"}, "the cluster has no GPU"),
        ([{}], {}, "the cluster has no CPU"),
    ],
)
def test_what_a_cluster_cannot_give_is_an_error(nodes, options, message):
    with pytest.raises(InputError, match=message):
        size_workers(nodes, **options)


@pytest.mark.parametrize("address", ["ray://head:10001", "head", "head:port", ":6379"])
def test_an_address_of_another_form_is_an_error(address):
    with pytest.raises(InputError, match="expected auto or HOST:PORT"):
        connecting._check_address(address)


def test_the_environment_names_the_cluster_where_no_option_does(monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert choose_address(None) == "local"
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    assert (choose_address(None), choose_address("auto")) == ("head:6379", "auto")


def test_an_address_where_nobody_listens_is_told_at_once():
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # taken, and not listened to
        with pytest.raises(RunError, match="nobody listens at 127.0.0.1:"):
            connecting._check_address(f"127.0.0.1:{nobody.getsockname()[1]}")


def hide_ray(monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "ray" else find_spec(name, *rest)
    )


def test_without_ray_the_error_names_the_command(monkeypatch):
    hide_ray(monkeypatch)
    with pytest.raises(MissingExtraError, match="needs the package 'ray': pip install 'smotext\\[ray\\]'"):
        connected().__enter__()


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("text,label\n" + "".join(f"text number {i},{'ab'[i % 2]}\n" for i in range(6)))
    return path


@pytest.mark.parametrize("option", [["--address", "auto"], ["--workers", "2"]])
def test_options_of_a_cluster_need_one(source, option, capsys):
    output = source.with_name("out.csv")
    assert entry.run(["augment", str(source), "-o", str(output), "--model", "echo", "-n", "2", *option]) == 2
    assert f"{option[0]} is {option[1]}, and the engine is local: add --engine ray" in capsys.readouterr().err
    assert [path.name for path in source.parent.iterdir()] == ["in.csv"]


def test_on_the_command_line_missing_ray_is_bad_input(source, monkeypatch, capsys):
    hide_ray(monkeypatch)
    output = source.with_name("out.csv")
    assert entry.run(["augment", str(source), "-o", str(output), "--model", "echo", "--engine", "ray"]) == 2
    assert "pip install 'smotext[ray]'" in capsys.readouterr().err
