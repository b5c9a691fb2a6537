"""The three commands from arguments to files."""

from __future__ import annotations

import gzip
import io
import json
import re
import shutil
import sys
from pathlib import Path

import huggingface_hub
import pytest

from smotext.cli import screen
from smotext.cli.bridges import texts_to_score
from smotext.cli.entry import run
from smotext.cli.training_progress import reporting_training
from smotext.decoders.bridge import read_spec
from smotext.errors import InputError
from smotext.presets import bundled_bridge
from smotext.training.scoring.score import MEASURES
from tests.training import toy


def test_train_writes_a_bridge_and_the_same_command_resumes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen, "LOG_EVERY_S", 0.0)
    out, lm = tmp_path / "bridge", toy.write_lm(tmp_path, max_position_embeddings=512)
    command = [
        "train", str(toy.write_corpus(tmp_path)), "-o", str(out), "--lm", str(lm), "--prompt-style", "list",
        "--projector-type", "kv", "--slots", "2", "--slot-code-size", "8", "--first-layer", "1", "--group-size", "4",
        "--most-examples", "2", "--min-tokens", "2", "--max-tokens", "40", "--held-out", "0", "--max-steps", "2",
        "--epochs", "9", "--device", "cpu", "--guidance", "0.5", "--data", "toys | sentences | CC0",
    ]  # fmt: skip
    assert run(command) == 0
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "| toys | sentences | CC0 |" in card
    assert "sentence-transformers/all-MiniLM-L6-v2" in card
    assert (read_spec(out).guidance, read_spec(out).examples) == (0.5, 4)
    assert json.loads((out / "config.json").read_text(encoding="utf-8"))["n_slots"] == 2
    assert "training: 2 of 2, loss " in capsys.readouterr().err
    assert run(command) == 0
    assert f"written: {out}" in capsys.readouterr().err


def test_bridge_score_prints_the_measures_and_writes_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus, out = toy.write_corpus(tmp_path, toy.TEXTS[:3]), tmp_path / "scores.json"
    assert run(["bridge-score", "tiny", str(corpus), "--max-new-tokens", "4", "-o", str(out)]) == 0
    written = json.loads(out.read_text(encoding="utf-8"))
    assert written["n_texts"] == 3
    assert list(written["scores"]) == list(MEASURES)
    printed = capsys.readouterr()
    assert "scoring on 3 texts" in printed.err
    assert all(name in printed.out for name in MEASURES)


def test_without_a_file_a_bridge_is_scored_on_what_its_training_held_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bridge, store = tmp_path / "bridge", tmp_path / "bridge.run" / "store"
    assert run(["bridge-score", str(bridge)]) == 2
    assert "name a FILE of texts" in capsys.readouterr().err
    store.mkdir(parents=True)
    for texts in (toy.TEXTS[:1], toy.TEXTS[:3]):
        with gzip.open(store / "held-out.jsonl.gz", "wt", encoding="utf-8") as lines:
            lines.writelines(json.dumps(text) + "\n" for text in texts)
        if len(texts) == 1:
            assert run(["bridge-score", str(bridge)]) == 2
            assert "holds 1 passages, of too few documents" in capsys.readouterr().err
    assert texts_to_score(f"{bridge}/", None, "text", 2) == toy.TEXTS[:2]
    assert texts_to_score(f"{bridge}/", toy.write_corpus(tmp_path, toy.TEXTS[3:5]), "text", 9) == toy.TEXTS[3:5]


def test_a_bridge_in_the_hubs_cache_is_scored_with_the_encoder_that_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot = tmp_path / "models--org--bridge" / "snapshots" / ("0" * 40)
    shutil.copytree(bundled_bridge(), snapshot)
    (tmp_path / "models--org--bridge" / "refs").mkdir()
    (tmp_path / "models--org--bridge" / "refs" / "main").write_text("0" * 40)
    original = huggingface_hub.snapshot_download
    monkeypatch.setattr(
        huggingface_hub, "snapshot_download", lambda *a, **k: original(*a, **k, cache_dir=str(tmp_path))
    )
    corpus = toy.write_corpus(tmp_path, toy.TEXTS[:2])
    assert run(["bridge-score", "org/bridge", str(corpus), "--max-new-tokens", "4"]) == 0
    assert "cosine at lam 1, greedy" in capsys.readouterr().out


def test_scores_replace_no_file_unless_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = tmp_path / "texts.jsonl"
    texts.write_text('{"text": "a b c"}\n')
    (tmp_path / "old.json").write_text("mine")
    for out, message in (("texts.jsonl", "both the texts and the output"), ("old.json", "exists"), ("no/x.json", "no")):
        assert run(["bridge-score", "tiny", str(texts), "-o", str(tmp_path / out)]) == 2
        assert message in capsys.readouterr().err
    assert texts.read_text() == '{"text": "a b c"}\n'
    assert (tmp_path / "old.json").read_text() == "mine"


@pytest.mark.parametrize("command", [["bridge-score", "echo"], ["adapt", "echo"], ["bridge-score", "tiny"]])
def test_what_cannot_be_scored_or_adapted_is_bad_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    texts = tmp_path / "texts.jsonl"
    texts.write_text('{"text": "a b c"}\n')
    options = ["--candidates", "0"] if command[1] == "tiny" else []
    assert run([*command, str(texts), "-o", str(tmp_path / "out"), *options]) == 2
    err = capsys.readouterr().err
    assert "candidates is 0" in err if options else "preset 'echo' has no bridge" in err


def test_a_bridge_is_not_written_among_other_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "project").mkdir()
    readme = tmp_path / "project" / "README.md"
    readme.write_text("mine")
    texts = tmp_path / "texts.jsonl"
    texts.write_text('{"text": "a b c"}\n' * 30)
    for command in (["adapt", "tiny", str(texts)], ["train", str(texts), "--bridge", "tiny"]):
        assert run([*command, "-o", str(readme.parent)]) == 2
        assert "holds other files and no bridge" in capsys.readouterr().err
        assert run([*command, "-o", str(readme)]) == 2
        assert "is a file: expected the directory of a bridge" in capsys.readouterr().err
    assert readme.read_text() == "mine"


def test_train_needs_one_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", str(toy.write_corpus(tmp_path)), "-o", str(tmp_path / "out")]) == 2
    assert "exactly one of lm and bridge" in capsys.readouterr().err


def test_going_on_from_a_bridge_without_an_encoder_to_load_is_refused(
    toy_bridge: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus, out = str(toy.write_corpus(tmp_path)), str(tmp_path / "out")
    assert run(["train", corpus, "-o", out, "--bridge", str(toy_bridge)]) == 2
    assert "does not say which encoder it was trained with" in capsys.readouterr().err


def test_data_for_the_card_has_three_parts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = [
        "train",
        str(toy.write_corpus(tmp_path)),
        "-o",
        str(tmp_path / "out"),
        "--bridge",
        "tiny",
        "--data",
        "a|b",
    ]
    assert run(command) == 2
    assert "expected 'name|what it is|licence'" in capsys.readouterr().err


STEP = {"step": 3, "n_steps": 8, "loss": 2.5, "tokens_per_s": 1234.5}
STEPS = [STEP, {**STEP, "step": 4, "n_steps": 9}]
PASS = {"pass": 1, "held_out_loss": 1.25, "before": 1.5}


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def told(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, entries: list[dict[str, object]], *, is_quiet: bool = False
) -> str:
    """Return what the entries of a run look like on a stream."""
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(screen, "LOG_EVERY_S", 0.0)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    with reporting_training("reading", is_quiet=is_quiet) as tell:
        for entry in entries:
            tell(entry)
    return re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "", stream.getvalue())  # without colours


def test_on_a_terminal_training_is_a_bar_with_loss_and_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = told(monkeypatch, Terminal(), [PASS, *STEPS])
    for part in ("reading", "training", "4/9 loss 2.500, 1234 tokens/s", "pass 1: held-out loss 1.250"):
        assert part in drawn
    assert "writing the bridge" in told(monkeypatch, Terminal(), [STEP, {"doing": "writing the bridge"}])


def test_in_a_pipe_training_is_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = told(monkeypatch, io.StringIO(), [*STEPS, PASS, {"doing": "writing the bridge"}]).splitlines()
    assert lines[0] == "training: 3 of 8, loss 2.500, 1234 tokens/s"
    assert lines[1].startswith("training: 4 of 9, loss 2.500, 1234 tokens/s, 0:00:0")
    assert lines[2:] == ["pass 1: held-out loss 1.250 (before 1.500)"]


def test_quiet_and_the_second_of_several_processes_tell_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, io.StringIO(), [STEP, PASS], is_quiet=True) == ""
    monkeypatch.setenv("RANK", "1")
    assert told(monkeypatch, io.StringIO(), [STEP, PASS]) == ""


def test_adapt_trains_on_the_unlabelled_texts_of_another_file_too(
    toy_bridge: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []

    def stop(directory: Path, texts: list[str], *_: object, **options: object) -> None:
        seen.append(texts)
        raise InputError("enough")

    monkeypatch.setattr("smotext.training.adapt.adapt_bridge", stop)
    monkeypatch.setattr("smotext.presets.load_encoder_of", lambda *_: None)
    labelled, more = tmp_path / "labelled.csv", tmp_path / "more.txt"
    labelled.write_text("text,label\none parcel,bad\ntwo parcels,good\n")
    more.write_text("three parcels\n\nONE parcel\n")
    command = ["adapt", str(toy_bridge), str(labelled), "-o", str(tmp_path / "out"), "--unlabelled", str(more)]
    assert run(command) == 2
    assert seen == [["one parcel", "two parcels", "three parcels"]]
