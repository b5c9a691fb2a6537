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
    assert "What to do. TF-IDF, all: " in out
    assert "    model = make_pipeline(TfidfVectorizer(sublinear_tf=True), LogisticRegression(" in out
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
    assert "0 texts to generate (0.0 s), 0 fits" in second.err
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
    assert (mail.parent / "mail.jsonl.evaluation" / "report-shots-2+3-4+3.png").is_file()


def test_a_support_vector_machine_and_boosting_are_evaluated(mail, capsys):
    assert _evaluate(mail, "--conditions", "duplicated", "--classifier", "svm,boosting") == 0
    shown = capsys.readouterr().out
    assert "linear SVM on TF-IDF" in shown
    assert "boosting on the frozen encoder" in shown


def test_setfit_of_an_encoder_that_cannot_learn_is_refused(mail, capsys):
    assert _evaluate(mail, "--classifier", "setfit") == 2
    assert "SetFit fine-tunes a sentence-transformers model, and HashEncoder is none" in capsys.readouterr().err


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
        (["--classifier", "setfit:./missing"], "there is no directory './missing'"),
        (["--classifier", "fine-tuned:./missing"], "there is no directory './missing'"),
        (["--test", "missing.csv"], "missing.csv does not exist"),
        (["--corpus", "missing.jsonl"], "no corpus file"),
        (["--imbalance", "4", "--per-class", "3"], "3 new rows per class with imbalance 4"),
        (["--classifier", "os.path:join"], "cannot be made without arguments"),
        (
            ["--shots", "17"],
            "shots 17: the largest class of a training part has 16 rows, so that all rows would be used",
        ),
        (["--imbalance", "17"], "imbalance 17: the largest class keeps 16 rows of a training part"),
        (["--pooling", "cls"], "--pooling is 'cls' without --encoder"),
        (["--conditions", "retrieval"], "names 'retrieval', which chooses from open texts: give them with --corpus"),
        (["--conditions", "real", "--corpus", "x.jsonl"], "--corpus is x.jsonl, and --conditions lacks 'retrieval'"),
        (["--conditions", "pseudo-labelling"], "'pseudo-labelling', which needs unlabelled texts: give --unlabelled"),
        (["--unlabelled", "missing.csv"], "missing.csv does not exist"),
        (["--encoding", "latin-0"], "--encoding is 'latin-0', which Python does not know"),
        (["--separator", ";"], "is jsonl, which has no separators: leave --separator out"),
        (["--max-test-rows", "0"], "max_test_rows is 0: expected 1 or more"),
        (["--seeds", "0"], "0 seeds: expected 1 or more"),
        (["--label-column", "lable"], "no column 'lable'"),
        (["--adapt"], "adapting needs a bridge directory to go on from"),
        (["--quick", "--thorough"], "--quick and --thorough are opposites"),
    ],
)
def test_bad_options_end_with_code_2_and_say_what_is_wrong(mail, capsys, monkeypatch, options, message):
    if options != ["--adapt"]:  # which asks the model
        monkeypatch.setattr("smotext.sampler.SMOTExT.load", lambda self: pytest.fail("a model was loaded"))
    assert _evaluate(mail, *options) == 2
    assert message in capsys.readouterr().err
    assert options == ["--adapt"] or not (mail.parent / "mail.jsonl.evaluation").exists()


def test_synthetic_rows_are_in_no_part_and_change_no_score(mail, capsys):
    options = ["--conditions", "duplicated", "--classifier", "tfidf"]
    assert _evaluate(mail, *options) == 0
    expected = capsys.readouterr().out
    marked = mail.parent / "marked.jsonl"
    rows = [{**json.loads(line), "is_synthetic": False} for line in mail.read_text().splitlines()]
    copies = [{**row, "text": row["text"] + " again", "is_synthetic": True} for row in rows]
    marked.write_text("".join(json.dumps(row) + "\n" for row in [*rows, *copies]))
    assert _evaluate(marked, *options) == 0
    out, err = capsys.readouterr()
    assert out == expected
    assert "marked.jsonl: 41 rows that are marked 'is_synthetic' are left out" in err
    assert _evaluate(mail, *options, "--test", str(marked)) == 2  # without those rows, it is the training file
    assert "all 40 test rows repeat a training row" in capsys.readouterr().err


def test_what_is_asked_for_beats_quick(mail, monkeypatch):
    from smotext.evaluation.study import Study

    seen = []
    monkeypatch.setattr(Study, "run", lambda self, *_: seen.append((self.n_seeds, self.max_test_rows, self.conditions)))
    asked = ["--quick", "--seeds", "2", "--max-test-rows", "7", "--conditions", "paraphrase"]
    for options in (["--quick"], asked, [], ["--thorough"]):
        run(["evaluate", str(mail), "--model", "echo", *options])
    assert [found[:2] for found in seen] == [(3, 500), (2, 7), (5, 2000), (10, 2000)]
    assert ["paraphrase" in found[2] for found in seen] == [False, True, False, True]


def test_the_default_run_writes_few_texts_and_a_thorough_one_all(mail, monkeypatch):
    from smotext.evaluation.study import Study

    rows = mail.read_text().splitlines()
    mail.write_text("\n".join([*rows[:20], *(row.replace("good ", "good old ") for row in rows[:20]), *rows[20:]]))
    seen = []
    monkeypatch.setattr(Study, "run", lambda self, *_: seen.append((self.settings[0], self.is_tuned)))
    for options in ([], ["--thorough"], ["--per-class", "70"], ["--shots", "5"], ["--no-tuning"]):
        run(["evaluate", str(mail), "--model", "echo", *options])
    assert [setting.most for setting, _ in seen] == [40, None, None, None, 40]
    assert [is_tuned for _, is_tuned in seen] == [True, True, True, True, False]
    assert sum(seen[0][0].new_rows(["a"] * 100 + ["b"] * 20).values()) == 40


def test_a_report_of_other_options_is_never_overwritten(mail):
    folder = mail.parent / "mail.jsonl.evaluation"
    runs = [[], ["--shots", "4"], ["--shots", "4", "--temperature", "0.5"], ["--seeds", "3"], []]
    for options in runs:
        assert _evaluate(mail, "--conditions", "real + SMOTExT", *options) == 0
    names = ["report", "report-shots-4", "report-shots-4-no-2", "report-no-2"]
    assert sorted(path.name for path in folder.glob("*.md")) == sorted(f"{name}.md" for name in names)
    assert "3 seeds" in (folder / "report-no-2.md").read_text()
    assert "5 seeds" in (folder / "report.md").read_text()


def test_classes_smaller_than_the_shots_are_named(mail, capsys):
    rows = mail.read_text().splitlines()
    mail.write_text("\n".join(rows[:28]) + "\n")  # 20 good ones, 8 bad ones
    assert _evaluate(mail, "--shots", "10", "--conditions", "duplicated") == 0
    assert "warning: shots-10: class 'bad' has 6 rows in a training part, and all are used" in capsys.readouterr().err


def test_a_folder_that_cannot_be_read_is_told_before_any_work(mail, capsys, monkeypatch):
    from pathlib import Path

    folder = mail.parent / "other"
    folder.mkdir()
    monkeypatch.setattr(Path, "iterdir", lambda self: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    assert _evaluate(mail, "--out", str(folder)) == 2
    assert "other cannot be made or read (Permission denied): choose another directory" in capsys.readouterr().err


def test_a_report_that_cannot_be_written_is_told_before_any_work(mail, capsys):
    assert _evaluate(mail, "--out", str(mail)) == 2
    assert "cannot be made or read (File exists): choose another directory with --out" in capsys.readouterr().err


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


def test_unlabelled_texts_bring_their_rival_and_none_that_may_be_tested_on(mail, capsys):
    more = mail.parent / "more.txt"
    more.write_text(
        "\n\n".join(["good cat", *(f"good good {n} x" for n in range(9)), *(f"bad bad {n}" for n in range(9))])
    )
    options = ["--conditions", "pseudo-labelling", "--classifier", "tfidf", "--no-tuning"]
    assert _evaluate(mail, *options, "--unlabelled", str(more)) == 0
    out, err = capsys.readouterr()
    assert "pseudo-labelling" in out
    assert "more.txt: 1 unlabelled texts repeat labelled ones and are left out" in err
    more.write_text("good cat\n")
    assert _evaluate(mail, *options, "--unlabelled", str(more)) == 2
    assert "each of the 1 unlabelled texts repeats a labelled one" in capsys.readouterr().err
