from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from smotext import EchoDecoder, HashEncoder
from smotext.errors import InputError
from smotext.privacy import AuditSettings, audit
from smotext.privacy.attacks import LINE_UP, RUN, SINGLE, VECTOR, VECTOR_LEAD, WITH_EXAMPLE
from smotext.privacy.controls import COPIES, HELD_OUT, TENTH
from smotext.privacy.public_examples import PublicExamples
from tests.privacy.worlds import HashScorer, blended, halves, labelled, take, texts_of

ENCODER = HashEncoder(128)
QUICK = AuditSettings(n_draws=200, max_control_texts=60)
FORBIDDEN = ("private", "safe", "passed", "anonymous")


def found_by(report, name):
    return next(attack for attack in report.attacks if attack.name == name)


@pytest.fixture(scope="module")
def world():
    real, held_out = halves(labelled(120, seed=1))
    texts, labels, parents = blended(real, 2 * len(real[0]), seed=2)
    return real, held_out, (texts, labels), parents


@pytest.fixture(scope="module")
def report(world):
    real, held_out, released, parents = world
    lineage = pd.DataFrame({"text": released[0], "parents": parents, "weights": [[0.5, 0.5]] * len(parents)})
    scorer = HashScorer(ENCODER)
    return audit(real, released, held_out, encoder=ENCODER, decoder=scorer, lineage=lineage, settings=QUICK)


def test_blended_texts_leak_and_the_likelihood_attack_finds_their_parents(report):
    line_up = found_by(report, LINE_UP)
    assert line_up.finds_members
    assert line_up.rates.auc.value > 0.85
    assert line_up.traced.of == report.n_released
    assert line_up.traced.value > 0.6
    assert report.verdicts[0].startswith("LEAKS: attack likelihood, line-up finds members (AUC 0.")


def test_the_single_score_finds_members_too(report):
    assert found_by(report, SINGLE).rates.auc.value > 0.75


def test_more_texts_give_more_rows_away(world, report):
    # of fewer texts, more rows weigh most in none
    real, held_out, (texts, labels), _ = world
    few = texts[: len(texts) // 4], labels[: len(texts) // 4]
    options = {"encoder": ENCODER, "decoder": HashScorer(ENCODER), "settings": QUICK, "with_controls": False}
    found = found_by(audit(real, few, held_out, **options), SINGLE).rates.auc.value
    assert 0.55 < found < found_by(report, SINGLE).rates.auc.value - 0.05


def test_every_control_says_what_it_should(report):
    held_out, copies, _tenth = report.controls
    assert [control.name for control in report.controls] == [HELD_OUT, COPIES, TENTH]
    assert held_out.is_as_expected
    assert copies.is_as_expected
    assert max(attack.rates.tpr.value for attack in copies.attacks if attack.rates) >= 0.95


def test_no_verdict_calls_a_file_private_or_safe(report, world):
    _, held_out, _, _ = world
    others = audit(*halves(labelled(60, 3)), held_out, encoder=ENCODER, settings=QUICK)
    for line in [*report.verdicts, *others.verdicts]:
        assert not any(word in line.lower() for word in FORBIDDEN), line


def test_copies_are_all_nearest_to_members_and_found(world):
    real, held_out, _, _ = world
    found = audit(real, real, held_out, encoder=ENCODER, settings=QUICK, with_controls=False)
    assert found.closest_share.value == 1.0
    assert found.closest_share.chance_high < 0.6
    assert found_by(found, VECTOR).rates.tpr.value >= 0.95
    assert found.leaks


def test_held_out_texts_in_place_of_synthetic_ones_are_hardly_ever_called_a_leak():
    n_leaks = 0
    for seed in range(40):
        rng = np.random.default_rng([7, seed])
        rows = labelled(90, seed=100 + seed)
        thirds = np.array_split(rng.permutation(len(rows[0])), 3)
        real, released, held_out = (take(rows, third) for third in thirds)
        scorer = HashScorer(ENCODER)
        settings = AuditSettings(n_draws=100, seed=seed)
        found = audit(real, released, held_out, encoder=ENCODER, decoder=scorer, settings=settings, with_controls=False)
        n_leaks += found.leaks
    assert n_leaks <= 4


def test_one_tenth_copies_among_a_thousand_are_found_and_the_runs_are_named():
    rows = labelled(1500, seed=4)
    real, others = take(rows, range(1000)), take(rows, range(1000, 3000))
    held_out, fresh = take(others, range(1000)), take(others, range(1000, 1900))
    released = [*real[0][:100], *fresh[0]], [*real[1][:100], *fresh[1]]
    settings = AuditSettings(n_draws=100)
    found = audit(real, released, held_out, encoder=ENCODER, settings=settings, with_controls=False)
    assert max(attack.rates.tpr.value for attack in found.attacks if attack.rates) >= 0.08
    assert found_by(found, RUN).finds_members
    assert len(found.copied) == 20
    first = found.copied[0]
    assert first.n_words == 14
    assert real[0][first.real_row] == released[0][first.released_row]
    assert real[0][first.real_row].startswith(first.quote)


def test_held_out_rows_of_another_kind_are_refused(world):
    real, _, released, _ = world
    others = [f"Dear Sir, {text}." for text in texts_of("bank", 60, np.random.default_rng(5))]
    both = [*others, *(f"Dear Sir, {text}." for text in texts_of("body", 60, np.random.default_rng(6)))]
    found = audit(real, released, (both, ["bank"] * 60 + ["body"] * 60), encoder=ENCODER, settings=QUICK)
    assert found.is_refused
    assert found.attacks == ()
    assert len(found.verdicts) == 1
    assert found.verdicts[0].startswith("REFUSED: the held-out rows are of another kind")


def test_members_and_held_out_swapped_turn_the_auc_round(world):
    real, held_out, released, _ = world
    options = {"encoder": ENCODER, "decoder": HashScorer(ENCODER), "settings": QUICK, "with_controls": False}
    there, back = audit(real, released, held_out, **options), audit(held_out, released, real, **options)
    for name in (LINE_UP, SINGLE, VECTOR, VECTOR_LEAD, RUN):
        aucs = [found_by(found, name).rates.auc.value for found in (there, back)]
        assert sum(aucs) == pytest.approx(1.0, abs=1e-9), name


def test_without_a_decoder_the_likelihood_attack_is_not_run_and_never_passed(world):
    real, held_out, released, _ = world
    found = audit(real, released, held_out, encoder=ENCODER, settings=QUICK, with_controls=False)
    attack = found_by(found, LINE_UP)
    assert attack.rates is None
    assert not attack.finds_members
    assert any(line.startswith("not run: likelihood, line-up") and "not known" in line for line in found.verdicts)


def test_a_decoder_that_knows_no_likelihood_is_not_run_either(world):
    real, held_out, released, _ = world
    decoder = EchoDecoder(ENCODER.vector_dim)
    found = audit(real, released, held_out, encoder=ENCODER, decoder=decoder, settings=QUICK, with_controls=False)
    assert "no log_likelihood" in found_by(found, LINE_UP).not_run


def test_with_examples_the_likelihood_attack_is_run_with_each_candidate_as_the_example_too(world):
    real, held_out, released, _ = world
    scorer = HashScorer(ENCODER)
    settings = AuditSettings(n_draws=100, examples=4, max_texts=20, n_shown=8)
    found = audit(real, released, held_out, encoder=ENCODER, decoder=scorer, settings=settings, with_controls=False)
    assert scorer.n_asked == 2 * 20 * 8
    assert scorer.n_examples == 20 * 8
    assert found_by(found, f"{LINE_UP}, {WITH_EXAMPLE}").rates is not None


def test_with_public_examples_every_prompt_of_the_attack_shows_the_first_of_its_class(world):
    real, held_out, released, _ = world
    shown = []

    class Noting(HashScorer):
        def log_likelihood(self, texts, vectors, *, examples=None, **options):
            shown.extend(examples)
            return super().log_likelihood(texts, vectors, examples=examples, **options)

    public = PublicExamples.of({"bank": ["one", "two", "three"], "body": ["four"]})
    settings = AuditSettings(n_draws=100, examples=2, public_examples=public, max_texts=20, n_shown=8)
    options = {"encoder": ENCODER, "settings": settings, "with_controls": False}
    found = audit(real, released, held_out, decoder=Noting(ENCODER), **options)
    assert set(map(tuple, shown)) == {("one", "two"), ("four",)}
    assert not any(WITH_EXAMPLE in attack.name for attack in found.attacks)


def test_few_rows_are_called_too_few(world):
    real, held_out, _, _ = world
    small = [take(rows, range(12)) for rows in (real, held_out)]
    found = audit(small[0], take(held_out, range(20, 40)), small[1], encoder=ENCODER, settings=QUICK)
    assert found.verdicts[0].startswith("too few rows: with 12 real and 12 held-out rows")


def test_finding_nothing_in_many_rows_says_what_would_have_been_found_and_is_no_guarantee():
    rows = labelled(450, seed=8)
    real, released, held_out = (take(rows, range(start, start + 300)) for start in (0, 300, 600))
    found = audit(real, released, held_out, encoder=ENCODER, settings=QUICK, with_controls=False)
    assert found.verdicts[0].startswith("these attacks found no leak (they would have found AUC >= 0.")
    assert found.verdicts[0].endswith("): this is no guarantee")


def test_the_same_file_twice_is_an_error(world):
    real, _, released, _ = world
    with pytest.raises(InputError, match="held-out rows are real rows too"):
        audit(real, released, real, encoder=ENCODER)


def test_texts_that_are_real_and_held_out_take_no_part(world):
    real, held_out, released, _ = world
    both = [*held_out[0], real[0][0]], [*held_out[1], real[1][0]]
    found = audit(real, released, both, encoder=ENCODER, settings=QUICK, with_controls=False)
    assert (found.n_shared, found.n_real, found.n_held_out) == (1, len(real[0]) - 1, len(held_out[0]))


def test_files_without_a_common_class_are_an_error(world):
    real, held_out, released, _ = world
    with pytest.raises(InputError, match="no class is among"):
        audit(real, (released[0], ["other"] * len(released[0])), held_out, encoder=ENCODER)


def test_a_lineage_of_another_output_is_an_error(world):
    real, held_out, released, _ = world
    lineage = pd.DataFrame({"text": ["something else"], "parents": [[0, 1]]})
    with pytest.raises(InputError, match="knows none of the synthetic texts"):
        audit(real, released, held_out, encoder=ENCODER, lineage=lineage, settings=QUICK)


def test_a_seed_gives_the_same_report(world):
    real, held_out, released, _ = world
    options = {"encoder": ENCODER, "settings": AuditSettings(n_draws=100), "with_controls": False}
    assert audit(real, released, held_out, **options) == audit(real, released, held_out, **options)
