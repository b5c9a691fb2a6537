"""``smotext augment`` from a file to a file, with the preset that needs no model."""

from __future__ import annotations

import json
import os
import signal

import pandas as pd
import pytest

from smotext.cli import entry
from smotext.decoders.echo import EchoDecoder

TEXTS = {"ham": [f"ham text number {i}" for i in range(12)], "spam": ["buy this now", "buy that now", "win a prize"]}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SMOTEXT_CACHE", "off")
    rows = [(f"{i:03d}", text, label) for label, texts in TEXTS.items() for i, text in enumerate(texts)]
    pd.DataFrame(rows, columns=["id", "text", "label"]).to_csv(tmp_path / "in.csv", index=False)
    return tmp_path


@pytest.fixture
def small_groups(monkeypatch):
    monkeypatch.setattr("smotext.settings.GROUP_SIZE", 4)


def augment(*options, output="out.csv"):
    return entry.run(["augment", "in.csv", "-o", output, "--model", "echo", *options])


def labels_of(path):
    return pd.read_csv(path, dtype=str)["label"].value_counts().to_dict()


def test_a_file_is_balanced_and_the_originals_stay_first(here):
    assert augment() == 0
    before, after = (here / "in.csv").read_text().splitlines(), (here / "out.csv").read_text().splitlines()
    assert after[0] == before[0] + ",is_synthetic"
    assert after[1 : len(before)] == [line + ",False" for line in before[1:]]
    assert all(line.startswith(",Echo ") and line.endswith(",spam,True") for line in after[len(before) :])
    assert labels_of("out.csv") == {"ham": 12, "spam": 12}
    assert sorted(os.listdir(here)) == ["in.csv", "out.csv", "out.csv.lineage.parquet"]


def test_lineage_lies_apart_and_private(here):
    assert augment() == 0
    lineage = pd.read_parquet("out.csv.lineage.parquet")
    assert len(lineage) == 9
    assert {row for parents in lineage["parents"] for row in parents} <= {12, 13, 14}
    assert os.stat("out.csv.lineage.parquet").st_mode & 0o777 == 0o600
    assert not {"parents", "lam", "weights"} & set(pd.read_csv("out.csv").columns)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["-n", "5"], {"ham": 16, "spam": 4}),
        (["--per-class", "2"], {"ham": 14, "spam": 5}),
        (["--sampling-strategy", '{"spam": 5}'], {"ham": 12, "spam": 5}),
        (["--sampling-strategy", "0.5"], {"ham": 12, "spam": 6}),
        (["--sampling-strategy", "minority"], {"ham": 12, "spam": 12}),
        (["-n", "0"], {"ham": 12, "spam": 3}),
    ],
)
def test_how_many_rows_are_made(here, options, expected):
    assert augment(*options) == 0
    assert labels_of("out.csv") == expected


def test_only_synthetic_leaves_the_real_rows_out(here):
    assert augment("--only-synthetic") == 0
    assert labels_of("out.csv") == {"spam": 9}


@pytest.mark.parametrize("output", ["out.tsv", "out.jsonl", "out.parquet", "out.csv.gz", "out"])
def test_every_format_is_written(here, output):
    if output == "out":
        pytest.importorskip("datasets")
    from smotext.tables import read_table

    assert augment(output=output) == 0
    assert len(read_table(here / output)) == 24


def test_integer_labels_of_json_lines_stay_integers(here):
    rows = [{"text": f"text {i}", "label": int(i > 7)} for i in range(10)]
    (here / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = ["--model", "echo", "--sampling-strategy", '{"1": 4}', "--quiet"]
    assert entry.run(["augment", "in.jsonl", "-o", "out.jsonl", *options]) == 0
    labels = [json.loads(line)["label"] for line in (here / "out.jsonl").read_text().splitlines()]
    assert labels == [0] * 8 + [1] * 4


def test_the_same_seed_gives_the_same_file_and_another_seed_another(here):
    for output, seed in (("a.csv", "1"), ("b.csv", "1"), ("c.csv", "2")):
        assert augment("--random-seed", seed, output=output) == 0
    a, b, c = ((here / name).read_bytes() for name in ("a.csv", "b.csv", "c.csv"))
    assert a == b
    assert a != c


def test_every_option_of_the_method_reaches_it(here, monkeypatch):
    from smotext.sampler import SMOTExT

    seen = {}
    monkeypatch.setattr(SMOTExT, "generate", lambda self, *_, **__: seen.update(self.get_params()) or 1 / 0)
    options = {
        "strategy": "random", "k_neighbors": 3, "mix": "linear_renorm", "n_parents": 3, "lam": "0.2:0.8",
        "prompt": "random",
        "max_new_tokens": 9, "temperature": 0.5, "top_p": 0.9, "top_k": 7, "repetition_penalty": 1.1,
        "filters": "default", "candidates": 2, "on_shortfall": "report", "device": "cpu", "dtype": "float32",
        "batch_size": 3,
    }  # fmt: skip
    flags = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    assert augment(*flags, "--greedy", "--random-seed", "5") == 1
    expected = options | {"lam": (0.2, 0.8), "do_sample": False, "random_state": 5, "model": "echo"}
    assert {name: seen[name] for name in expected} == expected
    missing = set(SMOTExT().get_params()) - set(expected) - {"encoder", "decoder", "sampling_strategy", "verbose"}
    assert missing == set()


def test_summary_names_counts_lengths_and_files(here, capsys):
    assert augment() == 0
    out, err = capsys.readouterr()
    assert out == ""
    table = [line.split() for line in err.splitlines() if not line.startswith("warning: ")]
    assert table[:3] == [
        ["class", "before", "after", "real", "length", "synthetic", "length"],
        ["ham", "12", "12", *"4/4/4"],
        ["spam", "3", "12", *"3/3/3", *"13 / 13 / 13".split()],
    ]
    assert f"output: {here / 'out.csv'}" in err
    assert f"lineage (private): {here / 'out.csv.lineage.parquet'}" in err


def test_quiet_leaves_only_warnings(here, capsys):
    (here / "in.csv").write_text((here / "in.csv").read_text() + "013,,ham\n")
    assert augment("--quiet") == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert {line.split()[0] for line in err.splitlines()} == {"warning:"}
    assert "1 row has no text: kept in the output, not mixed" in err


def test_texts_half_as_long_as_the_real_ones_are_warned_of(here, capsys):
    long = " ".join(["word"] * 80)
    (here / "in.csv").write_text("text,label\n" + f"{long},a\n" * 4 + "x y z,b\n" * 6)
    assert augment("--per-class", "3", "--quiet") == 0
    err = capsys.readouterr().err
    assert (
        "warning: class 'a': half of the synthetic texts have 24 tokens or fewer, of the real ones 80; the bridge "
        in err
    )
    assert "class 'b': half" not in err


BAD = {
    "two amounts": (["-n", "3", "--per-class", "2"], "more than one of --sampling-strategy, -n and --per-class"),
    "negative n": (["-n", "-3"], "n is -3"),
    "below the present": (["--sampling-strategy", '{"spam": 1}'], "sampling_strategy"),
    "unknown class": (["--sampling-strategy", '{"spma": 9}'], "unknown class 'spma'.*did you mean 'spam'"),
    "not JSON": (["--sampling-strategy", '{"spam" 9}'], "is not JSON"),
    "half a row": (["--sampling-strategy", '{"spam": 9.5}'], "asks for 9.5 of class 'spam'"),
    "unknown strategy": (["--strategy", "smoter"], "unknown strategy 'smoter'.*did you mean 'smote'"),
    "lam": (["--lam", "0.1:2"], r"lam.*\[0, 1\]"),
    "lam in words": (["--lam", "half"], "--lam is 'half'"),
    "prompt": (["--prompt", "first"], "--prompt is 'first': expected random or a whole number"),
    "column": (["--label-column", "lable"], "no column 'lable'; did you mean 'label'"),
    "preset": (["--model", "tinny"], "unknown preset 'tinny'.*did you mean 'tiny'"),
    "resume word": (["--resume", "perhaps"], "--resume"),
    "nothing to resume": (["--resume", "always"], "nothing to resume"),
    "cap": (["--max-tokens", "0"], "--max-tokens is 0: expected more than 0"),
    "output suffix": (["-o", "out.xlsx"], "suffix '.xlsx'"),
    "output is input": (["-o", "./in.csv", "--overwrite"], "both input and output"),
    "output directory": (["-o", "no/out.csv"], "is no directory"),
    "option": (["--temprature", "1"], "--temprature"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_exit_code_two(here, capsys, case):
    options, message = BAD[case]
    assert augment(*options) == 2
    out, err = capsys.readouterr()
    assert out == ""
    lines = [line for line in err.splitlines() if not line.startswith("warning: ")]
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert pd.Series(lines).str.contains(message).all(), lines
    assert sorted(os.listdir(here)) == ["in.csv"]


def test_one_class_is_an_error_for_totals_and_fine_for_new_rows(here):
    (here / "in.csv").write_text("text,label\nsome text,a\nmore text,a\n")
    assert augment() == 2
    assert augment("-n", "3") == 0
    assert labels_of("out.csv") == {"a": 5}


def test_an_existing_output_is_kept_unless_told(here, capsys):
    (here / "out.csv").write_text("mine")
    assert augment() == 2
    assert "out.csv exists: choose another name" in capsys.readouterr().err
    assert (here / "out.csv").read_text() == "mine"
    assert augment("--overwrite") == 0
    assert augment() == 2


def test_a_cap_leaves_a_usable_file_and_the_same_command_ends_with_the_same_bytes(here, capsys, small_groups):
    assert augment(output="whole.csv") == 0
    assert augment("--max-tokens", "1") == 3
    assert labels_of("out.csv") == {"ham": 12, "spam": 7}
    assert (
        "--max-tokens 1 is reached: 52 tokens were written: 4 of 9 rows are done, written to" in capsys.readouterr().err
    )
    assert augment("--max-tokens", "1") == 3
    assert augment("--max-tokens", "1") == 0
    assert "resumed 8 rows\n" in capsys.readouterr().err
    for suffix in ("", ".lineage.parquet"):
        assert (here / f"out.csv{suffix}").read_bytes() == (here / f"whole.csv{suffix}").read_bytes()
    assert not (here / "out.csv.run").exists()


def test_a_partial_file_that_was_edited_is_not_replaced(here, small_groups):
    assert augment("--max-tokens", "1") == 3
    with (here / "out.csv").open("a") as file:
        file.write("9,mine,ham,False\n")
    edited = (here / "out.csv").read_bytes()
    assert augment() == 2
    assert (here / "out.csv").read_bytes() == edited
    assert augment("--overwrite") == 0


def test_other_settings_or_another_input_do_not_resume(here, capsys, small_groups):
    assert augment("--max-tokens", "1") == 3
    capsys.readouterr()
    assert augment("--temperature", "0.9") == 2
    assert "options.temperature was 0.8 and is 0.9" in capsys.readouterr().err
    with (here / "in.csv").open("a") as file:
        file.write("9,more,ham\n")
    assert augment() == 2
    assert "input.sha256 was" in capsys.readouterr().err
    assert augment("--resume", "never", "--overwrite") == 0


def test_ctrl_c_finishes_the_group_and_says_how_to_go_on(here, capsys, monkeypatch, small_groups):
    assert augment(output="whole.csv") == 0
    with monkeypatch.context() as patch:
        write = EchoDecoder.decode_rows

        def interrupted(self, *args, **options):
            signal.raise_signal(signal.SIGINT)
            return write(self, *args, **options)

        patch.setattr(EchoDecoder, "decode_rows", interrupted)
        capsys.readouterr()
        assert augment() == 130
    err = capsys.readouterr().err
    assert "finishing the group; Ctrl-C again stops at once" in err
    assert (
        err.splitlines()[-1] == "stopped: interrupted: 4 of 9 rows are done; the same command goes on where it stopped"
    )
    assert not (here / "out.csv").exists()
    assert augment("--resume", "always") == 0
    assert (here / "out.csv").read_bytes() == (here / "whole.csv").read_bytes()


def test_two_ctrl_c_stop_at_once_and_the_run_stays_resumable(here, capsys, monkeypatch, small_groups):
    with monkeypatch.context() as patch:
        patch.setattr(EchoDecoder, "decode_rows", lambda *_, **__: [signal.raise_signal(signal.SIGINT) for _ in "12"])
        assert augment() == 130
    assert "stopped: interrupted: the same command goes on" in capsys.readouterr().err
    assert augment("--resume", "always") == 0


def test_a_failing_row_is_recorded_and_replaced_from_other_parents(here, monkeypatch, small_groups):
    write = EchoDecoder.decode_rows

    def fails_on_a_seed(self, vectors, *, seeds, **options):
        if any(seed == bad for seed in seeds):
            raise RuntimeError("bad row")
        return write(self, vectors, seeds=seeds, **options)

    assert augment(output="whole.csv") == 0
    bad = pd.read_parquet("whole.csv.lineage.parquet")["seed"][5]
    monkeypatch.setattr(EchoDecoder, "decode_rows", fails_on_a_seed)
    assert augment() == 0
    assert labels_of("out.csv") == {"ham": 12, "spam": 12}
    lineage = pd.read_parquet("out.csv.lineage.parquet")
    assert lineage.loc[~lineage["accepted"], ["seed", "reason"]].values.tolist() == [
        [bad, "decoding failed: RuntimeError: bad row"]
    ]


def test_a_kept_run_is_complete_when_asked_again(here, capsys):
    assert augment("--keep-run") == 0
    whole = (here / "out.csv").read_bytes()
    assert (here / "out.csv.run" / "settings.json").exists()
    assert augment() == 0
    assert "is complete already" in capsys.readouterr().err
    assert (here / "out.csv").read_bytes() == whole
    assert not (here / "out.csv.run").exists()


def test_a_full_disk_says_what_to_do_and_the_run_goes_on(here, capsys, monkeypatch, small_groups):
    assert augment(output="whole.csv") == 0
    with monkeypatch.context() as patch:
        sync, calls = os.fsync, []

        def full_after_a_while(handle):
            calls.append(handle)
            if len(calls) > 12:
                raise OSError(28, "No space left on device")
            sync(handle)

        patch.setattr("smotext.files.os.fsync", full_after_a_while)
        capsys.readouterr()
        assert augment() == 1
    assert "error: no space left where" in capsys.readouterr().err
    assert augment("--resume", "always") == 0
    assert (here / "out.csv").read_bytes() == (here / "whole.csv").read_bytes()
