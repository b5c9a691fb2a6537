import json

import pytest

from smotext.cli.entry import run
from tests.evaluation.doubles import two_classes


@pytest.fixture
def mail(tmp_path):
    path = tmp_path / "mail.jsonl"
    data = two_classes(20)
    rows = [{"text": text, "label": label} for text, label in zip(data.texts, data.labels, strict=True)]
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, {"text": "", "label": "good"}]))
    return path


def _evaluate(mail, *options):
    return run(["evaluate", str(mail), "--model", "echo", "--seeds", "5", "--k-neighbors", "2", *options])


def test_the_command_prints_a_verdict_per_model_and_writes_a_report(mail, capsys):
    assert _evaluate(mail, "--conditions", "real + SMOTExT,SMOTExT only,duplicated") == 0
    out, err = capsys.readouterr()
    assert "frozen encoder, all: " in out
    assert "TF-IDF, all: " in out
    assert "Switching to the frozen encoder" in out
    assert "words, among all 32 of the first seed. This is not a privacy guarantee." in out
    assert "1 rows without text are left out" in err
    assert "texts to generate" in err
    assert (mail.parent / "mail.jsonl.evaluation" / "report.md").is_file()


def test_a_second_run_has_nothing_left_to_do_and_says_the_same(mail, capsys):
    options = ["--conditions", "duplicated", "--out", str(mail.parent / "out")]
    assert _evaluate(mail, *options) == 0
    first = capsys.readouterr()
    assert _evaluate(mail, *options) == 0
    second = capsys.readouterr()
    assert "0 texts to generate (0 s), 0 fits" in second.err
    assert second.out == first.out


def test_a_test_file_with_all_training_rows_says_what_the_interval_speaks_of(mail, capsys):
    test = two_classes(5, start=30)
    path = mail.parent / "test.jsonl"
    rows = [{"text": text, "label": label} for text, label in zip(test.texts, test.labels, strict=True)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert _evaluate(mail, "--conditions", "duplicated", "--test", str(path)) == 0
    assert "every seed has the same training rows" in capsys.readouterr().out
    assert _evaluate(mail, "--conditions", "duplicated", "--test", str(path), "--shots", "5") == 0
    assert "every seed has the same training rows" not in capsys.readouterr().out


def test_shots_are_plotted(mail):
    pytest.importorskip("matplotlib")
    assert _evaluate(mail, "--shots", "2,4", "--per-class", "3", "--conditions", "duplicated") == 0
    assert (mail.parent / "mail.jsonl.evaluation" / "shots.png").is_file()


def test_any_scikit_learn_classifier_is_evaluated_by_name(mail, capsys):
    assert _evaluate(mail, "--conditions", "duplicated", "--classifier", "sklearn.dummy:DummyClassifier") == 0
    assert "sklearn.dummy:DummyClassifier" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--shots", "five"], "--shots is 'five': expected whole numbers"),
        (["--shots", "0"], "shots 0: expected 1 or more"),
        (["--conditions", "magic"], "unknown condition 'magic'"),
        (["--classifier", "no.such:thing"], "cannot be loaded"),
        (["--test", "missing.csv"], "missing.csv does not exist"),
        (["--corpus", "missing.jsonl"], "no corpus file"),
        (["--imbalance", "4", "--per-class", "3"], "3 new rows per class with imbalance 4"),
        (["--classifier", "os.path:join"], "cannot be made without arguments"),
        (["--max-test-rows", "0"], "max_test_rows is 0: expected 1 or more"),
        (["--seeds", "0"], "0 seeds: expected 1 or more"),
        (["--label-column", "lable"], "no column 'lable'"),
        (["--adapt"], "--adapt needs a bridge directory to go on from"),
    ],
)
def test_bad_options_end_with_code_2_and_say_what_is_wrong(mail, capsys, options, message):
    assert _evaluate(mail, *options) == 2
    assert message in capsys.readouterr().err


def test_a_report_that_cannot_be_written_is_told_before_any_work(mail, capsys):
    assert _evaluate(mail, "--out", str(mail)) == 2
    assert "cannot be made (File exists): choose another directory with --out" in capsys.readouterr().err


def test_an_interrupt_keeps_what_is_done_and_says_how_to_go_on(mail, capsys, monkeypatch):
    from smotext.evaluation import study as module

    whole, calls = module.fit_predict, []

    def interrupted(*arguments, **options):
        calls.append(1)
        if len(calls) > 3:
            raise KeyboardInterrupt
        return whole(*arguments, **options)

    monkeypatch.setattr(module, "fit_predict", interrupted)
    assert _evaluate(mail, "--conditions", "duplicated") == 130
    assert "3 of 20 fits are done and kept" in capsys.readouterr().err
