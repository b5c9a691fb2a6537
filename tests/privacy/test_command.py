from __future__ import annotations

import json
import re
import stat

import pandas as pd
import pytest

from smotext.cli.entry import run
from tests.privacy.worlds import blended, halves, labelled, texts_of


@pytest.fixture(autouse=True)
def hashed_meanings(monkeypatch):
    """Let the command compare meanings with the hashing encoder: no model is loaded in these tests."""
    from smotext import HashEncoder, presets

    monkeypatch.setattr(presets, "load_encoder", lambda *_, **__: HashEncoder())


@pytest.fixture
def files(tmp_path):
    real, held_out = halves(labelled(120, seed=1))
    texts, labels, parents = blended(real, 240, seed=2)
    paths = {name: tmp_path / f"{name}.csv" for name in ("real", "held_out", "out")}
    pd.DataFrame({"text": real[0], "label": real[1]}).to_csv(paths["real"], index=False)
    pd.DataFrame({"text": held_out[0], "label": held_out[1]}).to_csv(paths["held_out"], index=False)
    both = {"text": [*real[0], *texts], "label": [*real[1], *labels]}
    pd.DataFrame({**both, "is_synthetic": [False] * len(real[0]) + [True] * 240}).to_csv(paths["out"], index=False)
    lineage = tmp_path / "out.csv.lineage.parquet"
    pd.DataFrame({"text": texts, "parents": parents, "weights": [[0.5, 0.5]] * 240}).to_parquet(lineage)
    return {name: str(path) for name, path in paths.items()} | {"lineage": str(lineage)}


def test_the_command_tells_that_texts_leak_and_what_was_not_run(files, capsys):
    code = run(["privacy", files["real"], files["out"], "--held-out", files["held_out"], "--lineage", files["lineage"]])
    out = capsys.readouterr().out
    assert code == 0
    assert out.startswith("LEAKS: attack nearest")
    assert "not run: likelihood, line-up" in out
    assert "120 real, 120 held-out and 240 synthetic texts" in out
    assert "reconstructs the vectors of" in out
    assert "not a verdict: these miss most leaks" in out


def test_json_has_the_verdicts_in_words_and_every_figure(files, capsys):
    run(["privacy", files["real"], files["out"], "--held-out", files["held_out"], "--json", "--no-controls"])
    found = json.loads(capsys.readouterr().out)
    assert found["leaks"] is True
    assert found["verdicts"][0].startswith("LEAKS: ")
    assert found["n_released"] == 240
    assert found["attacks"][0]["rates"]["auc"]["value"] > 0.5
    assert found["attacks"][-1]["rates"] is None


def test_the_html_report_is_the_owners_alone_where_it_may_quote(files, tmp_path, capsys):
    report = tmp_path / "report.html"
    command = ["privacy", files["real"], files["out"], "--held-out", files["held_out"]]
    assert run([*command, "--private"]) == 2
    assert "--private is given without --report" in capsys.readouterr().err
    command += ["--no-controls", "--report", str(report)]
    assert run(command) == 0
    assert stat.S_IMODE(report.stat().st_mode) & 0o044
    assert "Private." not in report.read_text(encoding="utf-8")
    assert run([*command, "--private", "--overwrite"]) == 0
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    page = report.read_text(encoding="utf-8")
    assert "<li>LEAKS: attack" in page
    plain = re.sub("<script.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search("(src|href)=.http", plain)
    capsys.readouterr()
    assert run(command) == 2
    assert "exists" in capsys.readouterr().err


def test_held_out_rows_of_another_kind_exit_with_2(files, tmp_path, capsys):
    import numpy as np

    texts = [f"DEAR SIR: {text}!" for text in texts_of("bank", 80, np.random.default_rng(0))]
    path = tmp_path / "letters.csv"
    pd.DataFrame({"text": texts, "label": ["bank"] * 80}).to_csv(path, index=False)
    assert run(["privacy", files["real"], files["out"], "--held-out", str(path)]) == 2
    assert capsys.readouterr().out.startswith("REFUSED: the held-out rows are of another kind")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ([], "SYNTHETIC is missing"),
        (["OUT"], "--held-out is missing"),
        (["OUT", "--held-out", "HELD", "-n", "3"], "go with --generate"),
        (["OUT", "--generate"], "SYNTHETIC is given with --generate"),
        (["--generate", "--held-out", "HELD"], "--held-out is given with --generate"),
        (["--generate", "--sampling-strategy", "all"], "--sampling-strategy is given"),
    ],
)
def test_options_of_the_two_forms_do_not_mix(files, capsys, more, message):
    names = {"OUT": files["out"], "HELD": files["held_out"]}
    assert run(["privacy", files["real"], *(names.get(word, word) for word in more)]) == 2
    assert message in capsys.readouterr().err


def test_generate_flips_coins_and_plants_canaries(files, capsys):
    command = ["privacy", files["real"], "--generate", "--model", "echo", "--json", "--no-controls", "--quiet"]
    assert run(command) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["n_real"] + found["n_held_out"] == 120
    assert 40 <= found["n_real"] <= 80
    assert found["canaries"]["strings"]["of"] + found["canaries"]["strings_never_planted"]["of"] > 0
    assert found["canaries"]["strings"]["hits"] == 0  # the echo decoder knows no row
