"""An estimate scales what a small trial took."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from smotext import EchoDecoder, HashEncoder, SMOTExT
from smotext.augmentation.augment import make_planner
from smotext.data.corpus import make_corpus
from smotext.runs.estimate import estimate_run, sample_of
from smotext.settings import Settings


def corpus_of(sizes):
    labels = [label for label, size in sizes.items() for _ in range(size)]
    texts = [f"text number {i} of four" for i in range(len(labels))]
    return make_corpus(np.array(texts, dtype=object), np.array(labels, dtype=object))


class SlowEncoder(HashEncoder):
    """Takes a second for each text, by its own clock."""

    now_s = 0.0

    def encode(self, texts):
        self.now_s += len(texts)
        return super().encode(texts)


class SlowDecoder(EchoDecoder):
    """Takes 5 ms for each row, by its own clock."""

    now_s = 0.0

    def decode_rows(self, vectors, **options):
        self.now_s += 0.005 * len(vectors)
        return super().decode_rows(vectors, **options)


def test_time_and_tokens_are_scaled_to_all_rows(monkeypatch):
    decoder = SlowDecoder()
    monkeypatch.setattr("smotext.runs.estimate.time", SimpleNamespace(perf_counter=lambda: decoder.now_s))
    found = estimate_run(
        corpus_of({"a": 8, "b": 8}), {"a": 1000}, encoder=HashEncoder(), decoder=decoder,
        settings=Settings(candidates=1), seed=0, budget_s=0.5,
    )  # fmt: skip
    assert found.n_probed == 64  # 64 rows take 0.32 s, four times that is over the budget
    assert found.n_tokens == 24_000  # as many as echo ever writes, below 2 x 5 + 16
    assert found.decode_s == pytest.approx(5.0)
    assert found.disk_bytes > 2 * 4 * 64 * 16
    assert found.memory_bytes > 10_000_000


def test_what_filters_take_is_counted_apart_from_decoding(monkeypatch):
    encoder, decoder = SlowEncoder(), EchoDecoder()
    monkeypatch.setattr("smotext.runs.estimate.time", SimpleNamespace(perf_counter=lambda: encoder.now_s))
    options = {"encoder": encoder, "decoder": decoder, "seed": 0, "budget_s": 10_000}
    corpus, rows = corpus_of({"a": 8}), {"a": 100}
    plain = estimate_run(corpus, rows, settings=Settings(candidates=1), **options)
    filtered = estimate_run(corpus, rows, settings=Settings(candidates=2), **options)
    sampler = SMOTExT("echo", candidates=2, random_state=0)
    sampler.generate(corpus.texts, corpus.labels, n=rows)
    written = {*sampler.synthetic_["text"], *sampler.rejected_["text"]}  # 200 rows; equal texts are encoded once
    assert (plain.encode_s, plain.decode_s, plain.filter_s) == (8, 0, 0)
    assert (filtered.encode_s, filtered.decode_s) == (8, 0)
    assert filtered.filter_s == len(written) > 50


def test_what_goes_before_the_first_row_is_the_plans_and_is_not_multiplied(monkeypatch):
    encoder = SlowEncoder()
    monkeypatch.setattr("smotext.runs.estimate.time", SimpleNamespace(perf_counter=lambda: encoder.now_s))

    def slow_planner(*arguments):
        encoder.now_s += 30
        return make_planner(*arguments)

    monkeypatch.setattr("smotext.augmentation.augment.make_planner", slow_planner)
    models = {"encoder": encoder, "decoder": EchoDecoder()}
    found = estimate_run(
        corpus_of({"a": 8}), {"a": 1000}, **models, settings=Settings(candidates=2), seed=0, budget_s=0
    )
    assert (found.n_probed, found.plan_s) == (4, 30)
    assert found.filter_s <= 8 * 1000 / 4


def test_filters_that_drop_every_trial_row_stop_no_estimate():
    settings = Settings(filters=[lambda texts, labels: [False] * len(texts)], on_shortfall="raise")
    models = {"encoder": HashEncoder(), "decoder": EchoDecoder()}
    found = estimate_run(corpus_of({"a": 8}), {"a": 10}, **models, settings=settings, seed=0)
    assert found.n_probed == 10


def test_no_rows_cost_no_decoding():
    models = {"encoder": HashEncoder(), "decoder": EchoDecoder()}
    found = estimate_run(corpus_of({"a": 3}), {"a": 0}, **models, settings=Settings(), seed=0)
    assert (found.decode_s, found.n_tokens, found.n_probed) == (0, 0, 0)


def test_the_sample_takes_from_every_class_that_gets_rows_and_from_no_other():
    sample = sample_of(corpus_of({"a": 1000, "b": 4, "c": 50}), {"a": 5, "b": 5, "c": 0}, n_together=6)
    labels, counts = np.unique(sample.labels.astype(str), return_counts=True)
    assert dict(zip(labels.tolist(), counts.tolist(), strict=True)) == {"a": 128, "b": 4}
