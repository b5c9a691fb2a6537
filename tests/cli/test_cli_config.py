"""``--config``: options from a file, checked like those on the command line, which count more."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from smotext.cli import entry
from smotext.sampler import SMOTExT


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SMOTEXT_CACHE", "off")
    rows = [f"text number {i},{'spam' if i < 5 else 'ham'}\n" for i in range(15)]
    (tmp_path / "in.csv").write_text("text,label\n" + "".join(rows))
    return tmp_path


@pytest.fixture
def options_seen(monkeypatch):
    seen = {}

    def record(self, X, y, n, **_):
        seen.update(self.get_params(), n=n)
        raise KeyboardInterrupt

    monkeypatch.setattr(SMOTExT, "generate", record)
    return seen


TOML = """
model = "echo"
output = "out.csv"
k-neighbors = 3
n_parents = 2
lam = [0.2, 0.8]
prompt = 1
max_new_tokens = 9
temperature = 1
do_sample = false
sampling_strategy = {spam = 7}
"""
YAML = """
model: echo
output: out.csv
k_neighbors: 3
n_parents: 2
lam: [0.2, 0.8]
prompt: 1
max_new_tokens: 9
temperature: 1
do_sample: false
sampling_strategy:
  spam: 7
"""


@pytest.mark.parametrize(("name", "content"), [("run.toml", TOML), ("run.yaml", YAML), ("run.YML", YAML)])
def test_every_kind_of_value_reaches_the_method(here, options_seen, name, content):
    Path(name).write_text(content)
    assert entry.run(["augment", "in.csv", "--config", name]) == 130
    expected = {
        "model": "echo", "k_neighbors": 3, "n_parents": 2, "lam": (0.2, 0.8), "prompt": 1, "max_new_tokens": 9,
        "temperature": 1.0, "do_sample": False, "n": {"spam": 2},
    }  # fmt: skip
    assert {key: options_seen[key] for key in expected} == expected


def test_the_command_line_counts_more_than_the_file(here, options_seen):
    Path("run.toml").write_text(TOML)
    options = ["--temperature", "0.5", "--lam", "0.3", "--do-sample", "--sampling-strategy", '{"spam": 9}']
    assert entry.run(["augment", "in.csv", *options, "--config", "run.toml"]) == 130
    expected = {"temperature": 0.5, "lam": 0.3, "do_sample": True, "n": {"spam": 4}, "k_neighbors": 3}
    assert {key: options_seen[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("options", "n"), [(["--per-class", "2"], {"ham": 2, "spam": 2}), (["-n", "3"], {"ham": 2, "spam": 1})]
)
def test_another_way_to_say_how_many_counts_more_as_well(here, options_seen, options, n):
    Path("run.toml").write_text(TOML)
    assert entry.run(["augment", "in.csv", *options, "--config", "run.toml"]) == 130
    assert options_seen["n"] == n


def test_two_ways_to_say_how_many_in_a_file_are_too_many(here, capsys):
    Path("run.toml").write_text("per_class = 3\n" + TOML)
    assert entry.run(["augment", "in.csv", "--config", "run.toml"]) == 2
    assert "more than one of --sampling-strategy, -n and --per-class is given" in capsys.readouterr().err


def test_a_file_and_the_command_line_give_the_same_texts(here):
    Path("run.toml").write_text('model = "echo"\nper_class = 4\nrandom_seed = 3\nquiet = true\n')
    assert entry.run(["augment", "in.csv", "-o", "a.csv", "--config", "run.toml"]) == 0
    options = ["--model", "echo", "--per-class", "4", "--random-seed", "3", "--quiet"]
    assert entry.run(["augment", "in.csv", "-o", "b.csv", *options]) == 0
    assert Path("a.csv").read_bytes() == Path("b.csv").read_bytes()
    assert pd.read_csv("a.csv")["is_synthetic"].sum() == 8


def test_evaluate_takes_a_file_too(here, monkeypatch):
    from smotext.evaluation.study import Study

    seen = []
    monkeypatch.setattr(Study, "run", lambda self, *_: seen.append((self.n_seeds, [s.name for s in self.settings])))
    Path("run.toml").write_text('model = "echo"\nseeds = 2\nshots = [2, 3]\nconditions = ["real", "word edits"]\n')
    entry.run(["evaluate", "in.csv", "--config", "run.toml", "--seeds", "4"])
    assert seen == [(4, ["shots-2", "shots-3"])]


BAD = {
    "unknown key": ("k_neighbours = 3", "unknown option in run.toml: 'k_neighbours': .*did you mean 'k_neighbors'"),
    "an argument": ('file = "in.csv"', "unknown option in run.toml: 'file'"),
    "another command's": ("seeds = 3", "unknown option in run.toml: 'seeds'"),
    "word for number": ('k_neighbors = "three"', "run.toml: k_neighbors is 'three', a string: expected a whole number"),
    "half": ("k_neighbors = 2.5", "k_neighbors is 2.5, a number: expected a whole number"),
    "truth for number": ("temperature = true", "temperature is true: expected a number"),
    "number for truth": ("quiet = 1", "quiet is 1, a whole number: expected true or false"),
    "number for word": ("model = 3", "model is 3, a whole number: expected a string"),
    "table for word": ("[lam]\na = 1", "lam is {'a': 1}, a table: expected a string or a number or a list"),
    "choice": ('resume = "perhaps"', "resume is 'perhaps', a string: expected one of if-possible, always, never"),
    "the method's own check": ('strategy = "smoter"', "unknown strategy 'smoter'.*did you mean 'smote'"),
    "malformed": ("k_neighbors = ", "--config is run.toml, which is malformed: Invalid value"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_a_file_gets_wrong_is_one_line_and_exit_code_two(here, capsys, options_seen, case):
    content, message = BAD[case]
    Path("run.toml").write_text(content + "\n")
    assert entry.run(["augment", "in.csv", "-o", "out.csv", "--config", "run.toml"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert pd.Series(lines).str.contains(message).all(), lines
    assert not options_seen


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("run.json", json.dumps({"n": 3}), "run.json: expected a file that ends in .toml, .yaml, .yml"),
        ("run.yaml", "- 3\n- 4\n", "expected lines of option and value"),
        ("run.yaml", "n: [3\n", "run.yaml, which is malformed"),
        ("run.yaml", "n:\n", "run.yaml: n is empty: expected a whole number"),
        ("run.toml", b"model = '\xe9'", "run.toml, which is malformed"),
    ],
)
def test_what_is_no_such_file_is_told(here, capsys, name, content, message):
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert entry.run(["augment", "in.csv", "-o", "out.csv", "--config", name]) == 2
    assert message in capsys.readouterr().err


def test_a_file_that_is_not_there_is_told(here, capsys):
    assert entry.run(["augment", "in.csv", "-o", "out.csv", "--config", "no.toml"]) == 2
    assert "--config is no.toml, which does not exist" in capsys.readouterr().err
