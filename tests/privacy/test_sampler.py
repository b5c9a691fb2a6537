"""``SMOTExT(privacy=...)``: what is planned, what is refused, and that the noise is nobody's seed."""

from __future__ import annotations

import pytest

from smotext import EchoDecoder, HashEncoder, SMOTExT
from smotext.decoders.bridge import BridgeSpec
from smotext.errors import InputError
from smotext.privacy import Privacy

TEXTS = [f"row {i} about parcel {i * 7 % 31} word{i}" for i in range(60)]
LABELS = ["a", "b"] * 30
DP = Privacy("dp", epsilon=8, group_size=10, labels={"a": 30, "b": 30})
ALLOWED = {"strategy": "random", "max_new_tokens": 20, "random_state": 0}


def test_averaged_texts_have_equal_parents_and_are_the_same_for_a_seed():
    sampler = SMOTExT("echo", privacy=Privacy("average", group_size=5), random_state=0)
    made = sampler.generate(TEXTS, LABELS, n=6)
    assert made["weights"].map(set).tolist() == [{0.2}] * 6
    assert made["text"].tolist() == sampler.generate(TEXTS, LABELS, n=6)["text"].tolist()
    assert "guarantees nothing" in sampler.privacy_statement_[0]


def test_noisy_texts_have_no_parents_and_differ_for_a_seed():
    pytest.importorskip("opendp", reason="extra privacy")
    sampler = SMOTExT("echo", privacy=DP, **ALLOWED)
    made, again = (sampler.generate(TEXTS, LABELS, n={"a": 8, "b": 2}) for _ in range(2))
    assert made["parents"].tolist() == [[]] * 10
    assert made["text"].tolist() != again["text"].tolist()
    assert sampler.privacy_statement_[0].startswith("differential privacy: epsilon 8")


def test_a_copy_of_a_real_row_is_not_looked_for_under_differential_privacy():
    # a guard that compares with real rows would show, by what is missing, what they are
    pytest.importorskip("opendp", reason="extra privacy")

    class Copier:
        vector_dim = 64

        def decode(self, vectors, **_):
            return [TEXTS[0]] * len(vectors)

    sampler = SMOTExT("echo", decoder=Copier(), privacy=DP, candidates=1, **ALLOWED)
    assert sampler.generate(TEXTS, LABELS, n={"a": 2})["accepted"].all()


def test_a_class_that_only_the_public_knows_gets_texts_too():
    pytest.importorskip("opendp", reason="extra privacy")
    privacy = Privacy("dp", epsilon=8, group_size=10, labels={"a": 30, "b": 30, "c": 30})
    made = SMOTExT("echo", privacy=privacy, **ALLOWED).generate(TEXTS, LABELS, n={"c": 3})
    assert made["label"].tolist() == ["c"] * 3


@pytest.mark.parametrize("options", [{"strategy": "smote"}, {"max_new_tokens": "auto"}, {"examples": 4}])
def test_options_that_read_real_rows_are_refused_before_a_model_is_loaded(options):
    sampler = SMOTExT("no such model", privacy=DP, **{**ALLOWED, **options})
    with pytest.raises(InputError, match=f"does not go with {next(iter(options))}="):
        sampler.generate(TEXTS, LABELS, n={"a": 1})


def test_totals_and_soft_labels_are_refused():
    sampler = SMOTExT("echo", privacy=DP, **ALLOWED)
    with pytest.raises(InputError, match="does not go with n=None"):
        sampler.fit_resample(TEXTS, LABELS)
    with pytest.raises(InputError, match="does not go with filters="):
        sampler.generate(TEXTS, LABELS, n={"a": 1}, soft_labels=True)


class Bridge(EchoDecoder):
    """Stands for a bridge with a ``smotext.json``."""

    def __init__(self, **entries):
        super().__init__()
        self.spec = BridgeSpec(**{"vector_norm": "unit", **entries})


class TunedEncoder(HashEncoder):
    """Says that it has seen the rows."""

    is_tuned = True


@pytest.mark.parametrize(
    ("models", "named"),
    [
        ({"decoder": Bridge(is_adapted=True)}, "is_adapted=True: an adapted bridge"),
        ({"decoder": Bridge(vector_norm="raw")}, "vector_norm='raw': rows' vectors are shortened"),
        ({"encoder": TunedEncoder()}, "is_tuned=True: an encoder tuned on the data"),
    ],
)
def test_models_that_have_seen_the_rows_are_refused_before_they_run(monkeypatch, models, named):
    pytest.importorskip("opendp", reason="extra privacy")
    monkeypatch.setattr(HashEncoder, "encode", lambda *_: pytest.fail("a model runs"))
    sampler = SMOTExT("echo", privacy=DP, **models, **ALLOWED)
    with pytest.raises(InputError, match=named):
        sampler.generate(TEXTS, LABELS, n={"a": 1})


def test_a_bridge_as_it_was_shipped_is_taken():
    pytest.importorskip("opendp", reason="extra privacy")
    made = SMOTExT("echo", decoder=Bridge(), privacy=DP, **ALLOWED).generate(TEXTS, LABELS, n={"a": 2})
    assert len(made) == 2


def test_a_class_smaller_than_a_group_is_told_before_a_model_is_loaded():
    sampler = SMOTExT("no such model", privacy=Privacy("average", group_size=40), random_state=0)
    with pytest.raises(InputError, match="class 'a' has 30 texts and group_size is 40"):
        sampler.generate(TEXTS, LABELS, n=4)
