"""What the audit finds on the bundled pair; minutes rather than seconds."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

from smotext import SMOTExT
from smotext.privacy import AuditSettings, audit_generator
from smotext.privacy.attacks import LINE_UP
from smotext.privacy.likelihood import Scorer

pytestmark = pytest.mark.slow
N_ROWS = 240


@pytest.fixture(scope="module")
def pair():
    from smotext.presets import load_pair

    encoder, decoder = load_pair("tiny")
    if not isinstance(decoder, Scorer):
        pytest.skip("the bundled decoder has no log_likelihood")
    return encoder, decoder


@pytest.fixture
def complaints(shared):
    path = shared / "data" / "labelled" / "cfpb_complaints_sample.train.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [row for row in map(json.loads, file) if len(row["text"].split()) <= 120]  # what the encoder reads whole
    chosen = np.random.default_rng(0).permutation(len(rows))
    labels = [rows[i]["label"] for i in chosen]
    largest = sorted(set(labels), key=labels.count)[-3:]
    kept = [i for i in chosen if rows[i]["label"] in largest][:N_ROWS]
    return [rows[i]["text"] for i in kept], [rows[i]["label"] for i in kept]


def sampler_of(pair, **options):
    encoder, decoder = pair
    return SMOTExT(encoder=encoder, decoder=decoder, examples=0, candidates=1, random_state=0, **options)


def test_a_text_is_likelier_under_its_own_vector_than_under_anothers(pair):
    encoder, decoder = pair
    texts = ["My card was charged twice and the bank refused.", "The weather in the mountains was lovely today."]
    vectors = encoder.encode(texts)
    own = decoder.log_likelihood(texts, vectors, temperature=0.8)
    crossed = decoder.log_likelihood(texts, vectors[::-1].copy(), temperature=0.8)
    assert own.shape == (2,)
    assert (own < 0).all()
    assert (own > crossed + 10).all()


@pytest.mark.timeout(1800)
def test_the_default_leaks_without_examples(pair, complaints):
    sampler = sampler_of(pair)
    settings = AuditSettings(examples=0, n_draws=200, max_texts=240)
    found = audit_generator(
        complaints,
        lambda texts, labels, n: sampler.generate(texts, labels, n=n),
        encoder=pair[0],
        decoder=pair[1],
        settings=settings,
        canary_share=0.0,
        with_controls=False,
    )
    line_up = next(attack for attack in found.attacks if attack.name == LINE_UP)
    print(found.verdicts)
    assert line_up.finds_members
    assert line_up.rates.auc.value >= 0.90
    assert line_up.traced.value >= 0.75
