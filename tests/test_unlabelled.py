"""Unlabelled texts in the sampler: prompts show them, and they are neither mixed, returned nor copied."""

from __future__ import annotations

import pickle
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from smotext import EchoDecoder, HashEncoder, SMOTExT
from smotext.augmentation.augment import augment
from smotext.augmentation.writing import Writer
from smotext.data.corpus import make_corpus, with_unlabelled
from smotext.errors import InputError, SmotextWarning
from smotext.filters.near_copies import NearCopy
from smotext.filters.nearness import OffTopic
from smotext.filters.protocol import Batch, RealTexts
from smotext.privacy import Privacy
from smotext.protocols import Decoded
from smotext.runs.estimate import estimate_run
from smotext.settings import Settings
from tests.doubles import Showing

TEXTS = ["late parcel", "parcel lost", "wrong parcel", "no parcel", "love it", "like it", "love this", "like this"]
LABELS = ["bad"] * 4 + ["good"] * 4
# The first four lie clearly nearer to one class, two to each.
UNLABELLED = ["my parcel is not here", "love love it", "lost my parcel again", "like it and love it"]
UNLABELLED += ["I like a parcel", "this or a parcel", "it is here and here", "this is no bus"]


class ShowingFour(Showing):
    examples = 4


def sampler(decoder: Any = None, **options: Any) -> SMOTExT:
    settings = {"unlabelled": UNLABELLED, "random_state": 0, "candidates": 2, "k_neighbors": 2, **options}
    return SMOTExT(encoder=HashEncoder(), decoder=decoder or ShowingFour(), **settings)


def corpus(unlabelled: Any = UNLABELLED) -> Any:
    return with_unlabelled(make_corpus(np.array(TEXTS, dtype=object), np.array(LABELS, dtype=object)), unlabelled)


def test_prompts_show_the_near_ones_of_the_class_beside_the_parents() -> None:
    decoder = ShowingFour()
    made = sampler(decoder).generate(TEXTS, LABELS, n=6)
    of_class = {"bad": {0, 2}, "good": {1, 3}}
    for row in made.itertuples():
        assert set(row.unlabelled_examples) == of_class[row.label]
        assert set(row.examples) == set(row.parents)
    shown = decoder.asked[0]["examples"]
    assert len(shown) == 2 * len(made), "a row for each candidate"
    for texts in shown:
        assert set(texts[:2]) in ({UNLABELLED[0], UNLABELLED[2]}, {UNLABELLED[1], UNLABELLED[3]})
        assert set(texts[2:]) <= set(TEXTS)


def test_without_them_nothing_is_as_if_they_were_known() -> None:
    made = sampler(unlabelled=None).generate(TEXTS, LABELS, n=2)
    assert "unlabelled_examples" not in made
    assert set(map(len, made["examples"])) == {4}


def test_labelled_texts_are_shown_where_there_are_too_few() -> None:
    made = sampler(unlabelled=UNLABELLED[:1]).generate(TEXTS, LABELS, n={"bad": 2, "good": 1})
    assert made["unlabelled_examples"].tolist() == [[0], [0], []]
    assert [len(shown) for shown in made["examples"]] == [3, 3, 4]


def test_the_resampled_data_have_none_of_them() -> None:
    texts, _ = sampler(sampling_strategy={"bad": 6}).fit_resample(TEXTS, LABELS)
    assert len(texts) == 10
    assert texts[:8] == TEXTS
    assert not set(texts) & set(UNLABELLED)


class Copying(EchoDecoder):
    """Writes an unlabelled text, in other words' order, unless its seed is odd."""

    examples = 4

    def decode_rows(self, vectors: np.ndarray, **options: Any) -> list[Decoded]:
        rows = super().decode_rows(vectors, **options)
        return [
            Decoded("Here my parcel is not.", 5, True) if seed % 2 else row
            for seed, row in zip(options["seeds"], rows, strict=True)
        ]


def test_no_copy_of_one_is_returned_not_even_to_fill() -> None:
    smx = sampler(Copying())
    made = smx.generate(TEXTS, LABELS, n=8)
    assert not made["text"].str.contains("Here").any()
    assert (smx.rejected_["reason"] == "copied").any()
    plain = sampler(Copying(), unlabelled=None).generate(TEXTS, LABELS, n=8)
    assert plain["text"].str.contains("Here").any(), "the decoder does copy"


def test_filters_that_look_at_nearness_know_them() -> None:
    def at_angles(*degrees: float) -> np.ndarray:
        return np.column_stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))]).astype(np.float32)

    plain = RealTexts(["a", "b"], np.array(["x", "x"], dtype=object), at_angles(0, 30))
    real = replace(plain, unlabelled=["u"], unlabelled_vectors=at_angles(80))
    vectors, none = at_angles(79), np.full((1, 1), -1)
    batch = Batch(["t"], plain.labels[:1], vectors, vectors, none, np.ones(1, bool), np.ones(1, bool))
    assert [bool(NearCopy(at_most=0.95).fit(known)(batch)[0][0]) for known in (plain, real)] == [True, False]
    assert [bool(OffTopic(at_least=0.9).fit(known)(batch)[0][0]) for known in (plain, real)] == [False, True]


def test_more_rows_keep_the_earlier_ones() -> None:
    few, many = (sampler().generate(TEXTS, LABELS, n={"bad": n}) for n in (3, 7))
    pd.testing.assert_frame_equal(few, many.iloc[:3])


@pytest.mark.parametrize(
    "privacy", [Privacy("average", group_size=2), Privacy("dp", epsilon=8, labels={"bad": 4, "good": 4}, group_size=2)]
)
def test_privacy_refuses_them_by_name_and_tells_no_text(privacy: Privacy) -> None:
    options = {"strategy": "random", "examples": 0, "max_new_tokens": 8, "privacy": privacy}
    with pytest.raises(InputError, match="unlabelled: unlabelled texts are real ones") as caught:
        sampler(EchoDecoder(), **options).generate(TEXTS, LABELS, n={"bad": 1, "good": 1})
    assert "parcel" not in str(caught.value)


def test_averaging_refuses_them_in_fit_resample_too() -> None:
    privacy = Privacy("average", group_size=2)
    with pytest.raises(InputError, match="unlabelled: unlabelled texts are real ones"):
        sampler(EchoDecoder(), privacy=privacy, sampling_strategy={"bad": 5}).fit_resample(TEXTS, LABELS)


def test_a_wrong_text_is_an_error_before_a_model_is_loaded() -> None:
    with pytest.raises(InputError, match="row 1 of unlabelled"):
        SMOTExT("no-such-model", unlabelled=["a", 7]).generate(TEXTS, LABELS, n=1)


def test_it_is_told_where_a_labelled_one_is_among_them_and_where_none_is_shown() -> None:
    with pytest.warns(SmotextWarning, match="1 unlabelled text is left out: 1 is labelled already"):
        sampler(unlabelled=[*UNLABELLED, "LATE parcel"]).generate(TEXTS, LABELS, n=1)
    with pytest.warns(SmotextWarning, match="no prompt shows an unlabelled text: prompts show 2 texts"):
        sampler(Showing()).generate(TEXTS, LABELS, n=1)
    with pytest.warns(SmotextWarning, match="since the prompts show no texts at all"):
        sampler(EchoDecoder()).generate(TEXTS, LABELS, n=1)


def test_values_are_hidden_in_them_too() -> None:
    decoder = ShowingFour()
    secret = "my parcel AB-123456 is not here"
    sampler(decoder, unlabelled=[secret], hide_values=True).generate(TEXTS, LABELS, n={"bad": 2})
    shown = {text for texts in decoder.asked[0]["examples"] for text in texts}
    assert not any("AB-123456" in text for text in shown)
    assert any(text.startswith("my parcel AB-") for text in shown)


def test_texts_of_several_labels_have_them_too() -> None:
    sets = [("bad", "rude")] * 4 + [("good",)] * 4
    made = sampler().generate(TEXTS, sets, n={"bad": 2})
    assert all(set(shown) <= {0, 2} and shown for shown in made["unlabelled_examples"])


def test_records_are_shown_as_records() -> None:
    table = pd.DataFrame({"title": TEXTS, "body": [f"{text} today" for text in TEXTS]})
    more = pd.DataFrame({"title": ["my parcel"], "body": ["my parcel is lost today"]})
    decoder = ShowingFour()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sampler(decoder, unlabelled=more, record_columns=["title", "body"], on_shortfall="report").generate(
            table, LABELS, n={"bad": 1}
        )
    assert "Title: my parcel. Body: my parcel is lost today." in decoder.asked[0]["examples"][0]


def test_long_classes_show_their_passages() -> None:
    def article(thing: str, n: int) -> str:
        sentences = (f"The {thing} of number {k} came late and nobody at the {thing} shop helped." for k in range(n))
        return " ".join(sentences)

    texts = [article(thing, 6) for thing in ("parcel", "train", "phone", "letter")]
    decoder = ShowingFour()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = sampler(decoder, unlabelled=[article("garden", 5)]).generate(texts, ["news"] * 4, n=2)
    assert made["unlabelled_examples"].tolist() == [[0], [0]]
    shown = decoder.asked[0]["examples"][0]
    assert any("The garden of number 0" in text and "number 4" not in text for text in shown)


def test_a_writer_takes_no_text_along_to_another_process() -> None:
    writer = Writer(corpus(), HashEncoder(), EchoDecoder(), Settings())
    assert b"parcel" not in pickle.dumps(writer)


def test_an_estimate_counts_their_vectors() -> None:
    def disk(unlabelled: Any) -> int:
        options: Any = {"encoder": HashEncoder(), "decoder": EchoDecoder(), "settings": Settings(), "seed": 0}
        return estimate_run(corpus(unlabelled), {"bad": 2}, **options).disk_bytes

    many = [f"text {number} of many" for number in range(400)]
    assert disk(many) - disk(None) >= 2 * 400 * 4 * HashEncoder().vector_dim


def test_the_method_itself_takes_them_with_the_corpus() -> None:
    found = augment(
        corpus(), {"bad": 1}, encoder=HashEncoder(), decoder=ShowingFour(), settings=Settings(candidates=1), seed=0
    )
    assert set(found.synthetic["unlabelled_examples"][0]) == {0, 2}
