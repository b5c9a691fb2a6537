"""The experiments on bridges, on made-up texts: held-out passages, and adapting."""

from __future__ import annotations

import gzip
import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from smotext import HashEncoder
from smotext.evaluation.labelled_texts import labelled
from smotext.presets import bundled_bridge
from smotext.training.build import train_bridge
from smotext.training.data.passage_store import PassageStore
from smotext.training.job import TrainingJob
from smotext.training.training_settings import TrainingSettings
from tests.scripts import ROOT, importable

PLACES = ("town", "river", "garden", "school", "market", "bridge", "station", "house")
PEOPLE = ("The teacher", "My sister", "The old farmer", "His friend", "A young doctor")


@pytest.fixture
def script():
    with importable("experiments") as load:
        yield load


@pytest.fixture
def corpus(tmp_path):
    """Three hundred documents of eight plain sentences, no two alike: some six of them are held out."""
    path = tmp_path / "corpus.jsonl"
    sentences = [
        f"{who} walked from the {first} to the {second} and found {number} letters there."
        for number in range(2, 10)
        for who in PEOPLE
        for first in PLACES
        for second in PLACES
    ]
    documents = [" ".join(sentences[row::300]) for row in range(300)]
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in documents), encoding="utf-8")
    return path


def read(path):
    return [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_held_out_passages_are_those_of_smotext_train(script, corpus, tmp_path, monkeypatch):
    found, out = script("held_out_passages"), tmp_path / "held-out"
    posts = [f"Post number {number}." for number in range(120)]
    monkeypatch.setattr(found, "load_newsgroups", lambda data: (labelled(posts, ["a"] * 120), None))
    sizes = {"max_passages": 100, "n_held_out": 12}  # fewer than there are: both are drawn
    options = ["--max-passages", "100", "--held-out", "12", "--random-seed", "3", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["held_out_passages.py", str(corpus), *options])
    found.main()

    job = TrainingJob(corpus=(str(corpus),), bridge=str(bundled_bridge()), cutting=found.RECIPE, **sizes)
    settings = TrainingSettings(max_steps=1, batch_size=4, seed=3)
    train_bridge(job, tmp_path / "bridge", settings, encoder=HashEncoder(vector_dim=384))
    held_out = PassageStore(tmp_path / "bridge.run" / "store", HashEncoder(vector_dim=384).encode).held_out()

    short, long = read(out / "short.jsonl"), read(out / "long.jsonl")
    assert len(held_out) == 12
    assert min(len(short), len(long)) > 0
    assert [text for text in held_out if text in short] == short
    assert [text for text in held_out if text in long] == long
    assert sorted(short + long) == sorted(held_out)
    written = read(out / "posts.jsonl")
    assert len(written) == 100
    assert set(written) < set(posts)


def test_the_default_cutting_is_that_of_the_recipe(script, monkeypatch):
    found = script("held_out_passages")
    monkeypatch.setattr(sys, "argv", ["held_out_passages.py", "corpus.jsonl", "--out", "out"])
    given, cut = found.parsed_options(), found.RECIPE
    recipe = " ".join((ROOT / "recipes" / "tiny.sh").read_text(encoding="utf-8").replace("\\\n", " ").split())
    assert f"--clean --max-tokens-per-word {cut.max_tokens_per_word} --min-tokens {cut.min_tokens} " in recipe
    assert f"--max-tokens {cut.max_tokens} --max-sentences {cut.max_sentences} " in recipe
    first = f"--document-share {cut.document_share} --max-passages {given.max_passages} --held-out {given.held_out} "
    assert first in recipe
    assert f"--group-size {cut.group_size} " in recipe
    assert f"--random-seed {given.random_seed} " in recipe


def test_missing_newsgroups_are_named_before_the_corpus_is_read(script, tmp_path, monkeypatch, capsys):
    found = script("held_out_passages")
    options = ["no-such-corpus.jsonl", "--out", str(tmp_path / "out"), "--data", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["held_out_passages.py", *options])
    with pytest.raises(SystemExit, match="2"):
        found.main()
    assert "give the folder of the data with --data" in capsys.readouterr().err


@pytest.mark.slow
def test_adapting_ends_in_a_table_and_json(script, tmp_path, monkeypatch, capsys):
    found, folder = script("adapting"), tmp_path / "labelled"
    folder.mkdir()
    rows = [{"text": f"{who} went to the {place}.", "label": who} for who in PEOPLE for place in PLACES]
    for part in ("train", "test"):
        with gzip.open(folder / f"toys.{part}.jsonl.gz", "wt") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
    monkeypatch.setattr(found, "SETTINGS", {"default": replace(found.DEFAULTS, epochs=2)})
    options = ["--data", str(tmp_path), "--sets", "toys", "--settings", "default", "--per-class", "6"]
    monkeypatch.setattr(sys, "argv", ["adapting.py", *options])
    found.main()
    out = capsys.readouterr().out
    assert "| toys | 30 | adamw 0.0005, 16 a step |" in out
    (row,) = json.loads(out.splitlines()[-1])
    assert row["after"] < row["before"]
    assert tuple(row) == found.HEADS


def test_the_texts_to_adapt_to_are_drawn_from_each_class_by_the_seed(script):
    found = script("adapting")
    rows = labelled([f"text {number}" for number in range(30)], ["a"] * 20 + ["b"] * 10)
    first, again, other = (found.draw(rows, 5, seed) for seed in (0, 0, 1))
    assert len(set(first) & set(rows.texts[:20])) == len(set(first) & set(rows.texts[20:])) == 5
    assert first == again != other


def test_long_texts_are_measured_on_from_the_lines_that_are_kept(script, tmp_path, monkeypatch, capsys):
    found, asked = script("long_texts"), []

    def measure(name, given, kept):
        asked.append([texts for texts, line in kept.items() if line])
        for texts in ("real", *found.WAYS):
            if len(asked) == 1 and texts == "one passage":
                raise KeyboardInterrupt
            yield kept[texts] or {"texts": texts, "tokens": len(asked)}

    monkeypatch.setattr(found, "measure", measure)
    monkeypatch.setattr(sys, "argv", ["long_texts.py", "--sets", "posts", "--out", str(tmp_path / "long.jsonl")])
    with pytest.raises(SystemExit, match="130"):
        found.main()
    found.main()
    found.main()
    assert asked == [[], ["real", "passages"]]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["texts"], line["tokens"]) for line in lines[2:5]] == [
        ("real", 1), ("passages", 1), ("one passage", 2)
    ]  # fmt: skip
    assert lines[5:] == lines[2:5]


def test_bridges_are_scored_side_by_side_and_a_cell_that_is_there_is_not_measured_again(script, tmp_path):
    found, measured = script("bridge_scores"), []

    class Scorer:
        def __init__(self, bits, *, shows_examples):
            self.pair = SimpleNamespace(
                spec=SimpleNamespace(examples_template="{examples}" if shows_examples else None)
            )
            self.encoder, self._bits = HashEncoder(), bits

        def judged(self, texts):
            return float(len(texts))

        def bits(self, texts, vectors):
            assert vectors.shape == (len(texts), 64)
            return self._bits

        def written(self, texts, vectors, decoding, real_bits):
            assert decoding.temperature == 0.5
            measured.append((self._bits, decoding.examples))
            return dict.fromkeys(found.MEASURES[1:], decoding.examples / 10 + real_bits)

    sets = {"posts": ["A parcel came.", "It was late."], "trec6": ["Who was it ?", "Where is it ?", "Why ?"]}
    old, new = Scorer(0.25, shows_examples=False), Scorer(0.75, shows_examples=True)
    for _ in range(2):
        found.score("old", old, sets, tmp_path, 0.5)
        found.score("new", new, sets, tmp_path, 0.5)
    assert measured == [(0.25, 0)] * 2 + [(0.75, 0), (0.75, 4)] * 2
    lines = found.table(tmp_path, ["old", "new"], sets, 0.5).splitlines()
    assert lines[0] == "| set | measure | old, 0 examples | new, 0 examples | new, 4 examples |"
    assert "| posts | bits a character | 0.25 | 0.75 | 0.75 |" in lines
    assert "| trec6 | fluency | 3.00 | 3.00 | 3.40 |" in lines
    assert "| mean | fluency | 2.50 | 2.50 | 2.90 |" in lines
