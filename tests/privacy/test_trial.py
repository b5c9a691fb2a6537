from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from smotext import HashEncoder
from smotext.errors import InputError
from smotext.privacy import AuditSettings, audit_generator
from smotext.privacy.attack_scene import AuditRows, as_rows
from smotext.privacy.canaries import ATTRIBUTES, guess_attributes, look_for, plant
from tests.privacy.worlds import HashScorer, blended, labelled

ENCODER = HashEncoder(256)
QUICK = AuditSettings(n_draws=100)


def copy_all(texts, labels, new_rows):
    return pd.DataFrame({"text": texts, "label": labels, "parents": [[row] for row in range(len(texts))]})


def write_unrelated(texts, labels, new_rows):
    other = labelled(sum(new_rows.values()) // 2, seed=77)
    return pd.DataFrame({"text": other[0], "label": other[1]})


def blend(texts, labels, new_rows):
    made, own, parents = blended((texts, labels), sum(new_rows.values()), seed=3)
    weights = [[0.5, 0.5]] * len(made)
    return pd.DataFrame({"text": made, "label": own, "parents": parents, "weights": weights})


def with_vectors(rows: AuditRows) -> AuditRows:
    return AuditRows(rows.texts, rows.labels, rows.numbers, ENCODER.encode(rows.texts))


def test_a_generator_that_copies_gives_strings_attributes_and_members_away():
    found = audit_generator(labelled(100, 1), copy_all, encoder=ENCODER, settings=QUICK, with_controls=False)
    assert found.leaks
    assert found.canaries.strings.value == 1.0
    assert found.canaries.strings_never_planted.hits == 0
    assert found.canaries.keywords.value == 1.0
    assert found.canaries.guessed.value == 1.0
    assert found.canaries.epsilon > 2
    assert found.canaries.guessed_unused.low < 1 / len(ATTRIBUTES) < found.canaries.guessed_unused.high


def test_a_generator_that_never_saw_the_rows_leaks_nothing():
    found = audit_generator(labelled(150, 2), write_unrelated, encoder=ENCODER, settings=QUICK, with_controls=False)
    assert not found.leaks
    assert found.canaries.strings.hits == 0
    assert found.canaries.epsilon == 0.0


def test_lineage_of_the_generator_is_followed_to_its_parents():
    rows, scorer = labelled(100, 3), HashScorer(ENCODER)
    found = audit_generator(rows, blend, encoder=ENCODER, decoder=scorer, settings=QUICK, with_controls=False)
    traced = found.attacks[0].traced
    assert traced.of == found.n_released
    assert traced.value > 0.5
    assert found.canaries.keywords.of < found.n_released


def test_a_coin_of_its_own_decides_about_each_row():
    found = audit_generator(labelled(200, 4), blend, encoder=ENCODER, settings=QUICK, with_controls=False)
    assert found.n_real + found.n_held_out == 400
    assert abs(found.n_real - 200) < 40


def test_planting_changes_a_tenth_of_the_rows_twice_over_and_keeps_what_was_there():
    rows = as_rows(labelled(100, 5), "rows")
    planted, what = plant(rows, share=0.1, seed=1)
    changed = [row for row in range(len(rows)) if planted.texts[row] != rows.texts[row]]
    assert sorted([*what.strings, *what.attributes]) == changed
    assert (len(what.strings), len(what.attributes), len(what.never)) == (20, 20, 20)
    assert all(rows.texts[row] in planted.texts[row] for row in changed)


def test_a_decoder_that_scores_guesses_attributes_by_its_likelihood():
    rows = as_rows(labelled(60, 6), "rows")
    planted, what = plant(rows, share=0.2, seed=2)
    scorer = HashScorer(ENCODER)
    right = guess_attributes(what, with_vectors(planted), encoder=ENCODER, scorer=scorer)
    assert scorer.n_asked == len(what.attributes) * len(ATTRIBUTES) * 3
    assert all(right.values())


def test_without_lineage_any_keyword_counts():
    rows = as_rows(labelled(20, 7), "rows")
    _, what = plant(rows, share=0.2, seed=3)
    released = with_vectors(as_rows(["I am a nurse", "nothing of the kind"], "released"))
    found = look_for(what, np.ones(len(rows), dtype=bool), released, encoder=ENCODER)
    assert (found.keywords.hits, found.keywords.of) == (1, 2)


def test_a_share_of_canaries_beyond_half_of_the_rows_is_an_error():
    with pytest.raises(InputError, match="canary_share is 0.8"):
        audit_generator(labelled(10, 8), blend, canary_share=0.8)


def test_a_class_without_a_used_row_is_an_error():
    with pytest.raises(InputError, match="the coins kept every row of class 'other' out"):
        audit_generator(labelled(10, 9), blend, new_rows={"other": 3}, encoder=ENCODER)
