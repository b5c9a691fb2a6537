"""What the likelihood attack rests on, with the bundled pair."""

from __future__ import annotations

import numpy as np
import pytest

from smotext.privacy.likelihood import Scorer

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pair():
    from smotext.presets import load_pair

    encoder, decoder = load_pair("tiny")
    if not isinstance(decoder, Scorer):
        pytest.skip("the bundled decoder has no log_likelihood")
    return encoder, decoder


def test_a_text_is_likelier_under_its_own_vector_than_under_anothers(pair):
    encoder, decoder = pair
    texts = ["My card was charged twice and the bank refused.", "The weather in the mountains was lovely today."]
    vectors = encoder.encode(texts)
    own = decoder.log_likelihood(texts, vectors, temperature=0.8)
    crossed = decoder.log_likelihood(texts, vectors[::-1].copy(), temperature=0.8)
    assert own.shape == (2,)
    assert (own < 0).all()
    assert (own > crossed + 10).all()


WHAT = (
    "card was charged twice", "loan was sold without notice", "report shows a debt that is not mine",
    "account was closed overnight", "transfer never arrived", "insurance payment was refused",
    "mortgage rate went up", "refund went to a stranger",
)  # fmt: skip
WHO = ("a clerk in Boston", "the branch near my office", "an agent named Harris", "their robot voice")
THEN = (
    "and I lost two hundred dollars", "so I wrote to the ombudsman", "which ruined our holiday in May",
    "while my mother lay in hospital",
)  # fmt: skip


def complaints():
    """Return complaints that have parts in common and are each one of a kind, in two halves by chance."""
    rows = [
        f"My {what} {then}. I spoke to {who}, who {('hung up', 'blamed me', 'asked for a fee')[(i + j) % 3]}."
        for i, what in enumerate(WHAT)
        for j, (who, then) in enumerate(zip(WHO, (*THEN[i % 4 :], *THEN[: i % 4]), strict=True))
    ]
    drawn = np.random.default_rng(0).permutation(len(rows)).tolist()
    return [rows[row] for row in drawn[::2]], [rows[row] for row in drawn[1::2]]


def test_the_default_leaks_without_examples(pair):
    from smotext import SMOTExT
    from smotext.privacy import AuditSettings, audit
    from smotext.privacy.attacks import LINE_UP

    real, held_out = complaints()
    encoder, decoder = pair
    sampler = SMOTExT(encoder=encoder, decoder=decoder, examples=0, candidates=1, max_new_tokens=24, random_state=0)
    made = sampler.generate(real, ["complaint"] * len(real), n=2 * len(real))
    settings = AuditSettings(examples=0, n_shown=6, n_draws=200)
    found = audit(
        (real, ["complaint"] * len(real)), made, (held_out, ["complaint"] * len(held_out)), encoder=encoder,
        decoder=decoder, settings=settings, with_controls=False,
    )  # fmt: skip
    line_up = next(attack for attack in found.attacks if attack.name == LINE_UP)
    assert line_up.rates.auc.value >= 0.9
    assert line_up.finds_members
