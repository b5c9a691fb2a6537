"""``smotext augment`` from a file to a file, with the preset that needs no model."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace

import pandas as pd
import pytest
from datasets import load_from_disk

from smotext.cli import entry
from smotext.decoders.echo import EchoDecoder
from smotext.encoders.hashing import HashEncoder

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
    """Run the command, with one text for each mix unless the options say another number."""
    return entry.run(["augment", "in.csv", "-o", output, "--model", "echo", "--candidates", "1", *options])


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
    assert lineage["examples"].map(len).tolist() == [0] * 9
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
    from smotext.data.tables import read_table

    assert augment(output=output) == 0
    table = read_table(here / output)
    assert (len(table), table.n_synthetic) == (15, 9)


def test_integer_labels_of_json_lines_stay_integers(here):
    rows = [{"text": f"text {i}", "label": int(i > 7)} for i in range(10)]
    (here / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = ["--model", "echo", "--sampling-strategy", '{"1": 4}', "--quiet"]
    assert entry.run(["augment", "in.jsonl", "-o", "out.jsonl", *options]) == 0
    labels = [json.loads(line)["label"] for line in (here / "out.jsonl").read_text().splitlines()]
    assert labels == [0] * 8 + [1] * 4


def test_a_semicolon_file_in_windows_1252_comes_back_with_semicolons_and_says_so(here, capsys):
    (here / "in.csv").write_text((here / "in.csv").read_text().replace(",", ";") + "013;café;ham\n", encoding="cp1252")
    assert augment() == 2
    assert "in.csv is not UTF-8: byte 0xe9" in capsys.readouterr().err
    assert augment("--encoding", "windows-1252") == 0
    assert "in.csv: read as CP1252, separated by semicolons\n" in capsys.readouterr().err
    lines = (here / "out.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "id;text;label;is_synthetic"
    assert "013;café;ham;False" in lines


@pytest.mark.parametrize("command", [["augment", "-o", "again.csv"], ["plan"]])
def test_a_file_that_was_augmented_is_refused_and_the_rows_are_counted(here, capsys, command):
    assert augment() == 0
    capsys.readouterr()
    assert entry.run([command[0], "out.csv", *command[1:], "--model", "echo"]) == 2
    assert "error: 9 of 24 rows are marked 'is_synthetic', as a file that was augmented" in capsys.readouterr().err
    assert not (here / "again.csv").exists()


@pytest.mark.parametrize("command", [["adapt", "tiny", "out.csv", "-o", "new"], ["bridge-score", "tiny", "out.csv"]])
def test_a_bridge_is_not_made_or_judged_with_synthetic_rows(here, capsys, command):
    assert augment() == 0
    capsys.readouterr()
    assert entry.run(command) == 2
    assert (
        "out.csv: 9 of 24 rows are marked 'is_synthetic': give the file that it was made from"
        in capsys.readouterr().err
    )


def test_class_labels_of_a_dataset_are_names_in_every_format(here, capsys):
    from datasets import ClassLabel, Dataset, Features, Value

    features = Features({"text": Value("string"), "label": ClassLabel(names=["ham", "spam"])})
    rows = {"text": [f"text {i}" for i in range(10)], "label": [0] * 7 + [1] * 3}
    Dataset.from_dict(rows, features=features).save_to_disk(here / "in")
    for output in ("out.csv", "out"):
        options = ["--sampling-strategy", '{"spam": 5}', "--model", "echo"]
        assert entry.run(["augment", "in", "-o", output, *options]) == 0
    assert labels_of("out.csv") == {"ham": 7, "spam": 5}
    made = load_from_disk("out")
    assert made.features["label"] == features["label"]
    assert made["label"][:] == [0] * 7 + [1] * 5


def test_labels_that_differ_by_spaces_or_case_are_named_in_a_warning(here, capsys):
    (here / "in.csv").write_text("text,label\n" + "a b,x\nc d,x \ne f,X\n" * 4 + "g h,y\n" * 2)
    for command in (["augment", "-o", "out.csv", "--k-neighbors", "1"], ["plan"]):
        assert entry.run([command[0], "in.csv", *command[1:], "--model", "echo"]) == 0
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning: classes 'X'")]
        assert lines == [
            "warning: classes 'X', 'x', 'x ' differ only by spaces or case: make them one if they mean the same; "
            "they are kept apart"
        ]


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
        "prompt": "random", "max_passages": 5,
        "max_new_tokens": 9, "temperature": 0.5, "top_p": 0.9, "top_k": 7, "repetition_penalty": 1.1,
        "filters": "default", "examples": 3, "candidates": 2, "on_shortfall": "report", "device": "cpu",
        "dtype": "float32", "batch_size": 3,
    }  # fmt: skip
    flags = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    assert augment(*flags, "--greedy", "--hide-values", "--turns", "--random-seed", "5") == 1
    expected = options | {
        "lam": (0.2, 0.8),
        "do_sample": False,
        "hide_values": True,
        "turns": True,
        "random_state": 5,
        "model": "echo",
    }
    assert {name: seen[name] for name in expected} == expected
    # an encoder and a decoder are in Python alone; the others are built from options of their own
    elsewhere = {
        "encoder", "decoder", "sampling_strategy", "verbose", "privacy", "labelset_strategy", "record_columns",
        "unlabelled",
    }  # fmt: skip
    assert set(SMOTExT().get_params()) - set(expected) == elsewhere


def test_summary_names_counts_lengths_and_files(here, capsys):
    assert augment() == 0
    out, err = capsys.readouterr()
    assert out == ""
    table = [line.split() for line in err.splitlines() if not line.startswith("warning: ")]
    assert table[:3] == [
        ["class", "before", "after", "real", "length", "synthetic", "length"],
        ["ham", "12", "12", *"4/4/4"],
        ["spam", "3", "12", *"3/3/3", *"22 / 22 / 22".split()],
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


def test_texts_of_half_or_twice_the_length_of_the_real_ones_are_warned_of(here, capsys):
    long = " ".join(["word"] * 80)
    (here / "in.csv").write_text("text,label\n" + f"{long},a\n" * 4 + "x y z,b\n" * 6)
    assert augment("--per-class", "3", "--quiet", "--max-passages", "1") == 0
    err = capsys.readouterr().err
    assert (
        "warning: class 'a': half of the synthetic texts have 24 tokens or fewer, of the real ones 80; the bridge "
        in err
    )
    assert "warning: class 'b': half of the synthetic texts have 22 tokens or more, of the real ones 3\n" in err
    assert augment("--per-class", "3", "--quiet", output="passages.csv") == 0
    assert "warning: class 'a': half" not in capsys.readouterr().err


def test_a_long_class_gets_long_texts_unless_one_passage_is_asked_for(here):
    long = [" ".join(f"{word} number {n} is there." for n in range(20)) for word in ("one", "two", "three", "four")]
    pd.DataFrame({"text": long, "label": "a"}).to_csv(here / "in.csv", index=False)
    assert augment("--per-class", "2", "--only-synthetic") == 0
    assert augment("--per-class", "2", "--only-synthetic", "--max-passages", "1", output="short.csv") == 0
    texts, short = (pd.read_csv(name)["text"].str.split().map(len) for name in ("out.csv", "short.csv"))
    assert texts.min() > 60
    assert short.max() == 24
    assert augment("--max-passages", "none", output="other.csv") == 2


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
    "output is a stream": (["-o", "-"], "the output is '-': expected the name of a file"),
    "long name": (["-o", f"{'x' * 300}.csv"], "File name too long"),
    "rows without end": (["-n", "9" * 30], "expected at most 1000000000"),
    "not a number": (["--sampling-strategy", "nan"], "sampling_strategy|sampling-strategy"),
    "no strategy": (["--sampling-strategy", "bogus"], "unknown sampling_strategy 'bogus': expected one of auto"),
    "device": (["--model", "tiny", "--device", "mps"], "torch finds no MPS device here"),
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


def test_a_run_directory_of_another_user_is_bad_input(here, capsys, monkeypatch):
    (here / "out.csv.run").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert augment() == 2
    assert "out.csv.run belongs to another user" in capsys.readouterr().err
    assert sorted(os.listdir(here)) == ["in.csv", "out.csv.run"]


def test_a_lineage_file_is_not_written_over_the_input(here, capsys):
    source = here / "x.csv.lineage.parquet"
    pd.read_csv("in.csv").to_parquet(source)
    before = source.read_bytes()
    assert entry.run(["augment", source.name, "-o", "x.csv", "--model", "echo", "--overwrite"]) == 2
    assert "both input and output, or its lineage" in capsys.readouterr().err
    assert source.read_bytes() == before


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
    one = ("--candidates", "1")
    assert augment(*one, output="whole.csv") == 0
    assert augment(*one, "--max-tokens", "1") == 3
    assert labels_of("out.csv") == {"ham": 12, "spam": 4}
    told = "--max-tokens 1 is reached: 22 tokens were written: 1 of 9 rows are done, written to"
    assert told in capsys.readouterr().err
    assert augment(*one, "--max-tokens", "100") == 3  # 22 tokens a row: another five
    assert labels_of("out.csv") == {"ham": 12, "spam": 9}
    assert augment(*one, "--max-tokens", "100") == 0
    assert "resumed 6 rows\n" in capsys.readouterr().err
    for suffix in ("", ".lineage.parquet"):
        assert (here / f"out.csv{suffix}").read_bytes() == (here / f"whole.csv{suffix}").read_bytes()
    assert not (here / "out.csv.run").exists()


def test_a_run_with_examples_goes_on_with_the_same_ones(here, capsys, monkeypatch, small_groups):
    write, shown = EchoDecoder.decode_rows, []

    def telling(self, vectors, *, examples, **options):
        shown.extend(examples)
        rows = write(self, vectors, **options)
        return [
            replace(row, text=f"{row.text} {len(row_shown)}") for row, row_shown in zip(rows, examples, strict=True)
        ]

    monkeypatch.setattr(EchoDecoder, "examples", 2, raising=False)
    monkeypatch.setattr(EchoDecoder, "decode_rows", telling)
    options = ("--examples", "3", "-n", "12")
    assert augment(*options, output="whole.csv") == 0
    whole = shown.copy()
    shown.clear()
    assert run_until_done(*options, output="out.csv") > 2
    assert shown == whole
    assert {len(texts) for texts in whole} == {3}
    assert files_of(here / "out.csv") == files_of(here / "whole.csv")
    lineage = pd.read_parquet("out.csv.lineage.parquet")
    texts = pd.read_csv("in.csv")["text"]
    assert [texts[list(rows)].tolist() for rows in lineage["examples"]] == whole
    assert augment("--max-tokens", "1", "--examples", "2", output="other.csv") == 3
    assert augment("--examples", "1", output="other.csv") == 2
    assert "options.examples was 2 and is 1" in capsys.readouterr().err


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
    assert "options.temperature was 0.6 and is 0.9" in capsys.readouterr().err
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

        patch.setattr("smotext.utils.files.os.fsync", full_after_a_while)
        capsys.readouterr()
        assert augment() == 1
    assert "error: no space left where" in capsys.readouterr().err
    assert augment("--resume", "always") == 0
    assert (here / "out.csv").read_bytes() == (here / "whole.csv").read_bytes()


def run_until_done(*options, output):
    """Repeat a capped command as a user would, and return how often that took."""
    for n_runs in range(1, 40):
        if (code := augment(*options, "--max-tokens", "60", output=output)) == 0:
            return n_runs
        assert code == 3
    raise AssertionError("the run does not end")


def test_a_vector_that_depends_on_its_batch_changes_nothing_in_a_run_with_stops(here, monkeypatch, small_groups):
    encode = HashEncoder.encode
    monkeypatch.setattr(HashEncoder, "encode", lambda self, texts: encode(self, texts) + 1e-5 * len(texts))
    options = ("-n", "24", "--filters", "default")
    for cache, output in (("A", "whole.csv"), ("B", "out.csv")):
        monkeypatch.setenv("SMOTEXT_CACHE", str(here / cache))
        if output == "whole.csv":
            assert augment(*options, output=output) == 0
        else:
            assert run_until_done(*options, output=output) > 5
    for suffix in ("", ".lineage.parquet"):
        assert (here / f"out.csv{suffix}").read_bytes() == (here / f"whole.csv{suffix}").read_bytes()


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut_in_half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [flip_a_bit, cut_in_half, empty])
@pytest.mark.parametrize("name", ["parts/000-0000000.parquet", "plans/000.npz", "vectors.npy"])
def test_what_was_damaged_is_made_again(here, capsys, small_groups, name, damage):
    assert augment(output="whole.csv") == 0
    assert augment("--max-tokens", "1") == 3
    damage(here / "out.csv.run" / name)
    capsys.readouterr()
    assert augment() == 0
    assert f"{name} is not what was written there: made again" in capsys.readouterr().err
    assert files_of(here / "out.csv") == files_of(here / "whole.csv")


def test_a_part_of_another_run_is_no_part_of_this_one(here, small_groups):
    assert augment(output="whole.csv") == 0
    for seed, output in (("7", "other.csv"), ("0", "out.csv")):
        assert augment("--max-tokens", "1", "--random-seed", seed, output=output) == 3
    for kept in ("parts/000-0000000.parquet", "plans/000.npz"):
        (here / "out.csv.run" / kept).write_bytes((here / "other.csv.run" / kept).read_bytes())
    assert augment() == 0
    assert files_of(here / "out.csv") == files_of(here / "whole.csv")


def files_of(output):
    return [path.read_bytes() for path in (output, output.with_name(output.name + ".lineage.parquet"))]


@pytest.mark.parametrize("name", ["settings.json", "models.json"])
def test_damaged_settings_say_how_to_begin_anew(here, capsys, small_groups, name):
    assert augment("--max-tokens", "1") == 3
    cut_in_half(here / "out.csv.run" / name)
    capsys.readouterr()
    assert augment() == 2
    assert f"{name} is damaged" in capsys.readouterr().err
    assert augment("--resume", "never", "--overwrite") == 0


def test_a_file_that_appears_at_the_output_meanwhile_is_not_replaced(here, capsys, monkeypatch):
    write = EchoDecoder.decode_rows

    def somebody_writes(self, *args, **options):
        (here / "out.csv").write_text("precious")
        return write(self, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(EchoDecoder, "decode_rows", somebody_writes)
        assert augment() == 2
    assert "out.csv exists" in capsys.readouterr().err
    assert (here / "out.csv").read_text() == "precious"
    monkeypatch.setattr(EchoDecoder, "decode_rows", None)
    assert augment("--overwrite") == 0  # nothing is decoded again


def test_a_shortfall_that_was_an_error_is_filled_by_the_same_run(here, capsys, monkeypatch):
    strict = ("-n", "12", "--filters", "strict")
    assert augment(*strict, "--on-shortfall", "raise") == 1
    monkeypatch.setattr(EchoDecoder, "decode_rows", None)  # nothing is decoded again
    capsys.readouterr()
    assert augment(*strict, "--on-shortfall", "fill") == 0
    assert "resumed 12 rows" in capsys.readouterr().err


@pytest.mark.parametrize("point", ["putting aside", "delivering", "delivered"])
def test_a_dataset_is_whole_wherever_a_process_dies_while_it_is_delivered(here, monkeypatch, small_groups, point):
    assert augment(output="whole") == 0
    assert augment("--max-tokens", "1", output="out") == 3

    def die(name, path):
        if (name, path.name) == (point, "out"):
            raise SystemExit(9)

    with monkeypatch.context() as patch:
        patch.setattr("smotext.runs.run_directory.step", die)
        with pytest.raises(SystemExit):
            augment(output="out")
    assert augment(output="out") == 0
    assert not (here / "out.run").exists()
    rows = [load_from_disk(str(here / name)).to_dict() for name in ("out", "whole")]
    assert rows[0] == rows[1]
