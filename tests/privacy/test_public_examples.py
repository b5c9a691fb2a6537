"""Public texts in prompts, where real ones are to be hidden."""

from __future__ import annotations

import numpy as np
import pytest

from smotext import EchoDecoder, HashEncoder, SMOTExT
from smotext.errors import InputError
from smotext.filters.copying import CopiedFrom
from smotext.filters.protocol import Batch, RealTexts
from smotext.mixing.examples import EXAMPLES_BLOCK
from smotext.privacy import Privacy
from smotext.privacy.public_examples import PublicExamples

TEXTS = [f"row {i} about parcel {i * 7 % 31} word{i}" for i in range(60)]
LABELS = ["a", "b"] * 30
POOL = [f"public text number {i} says something of its own" for i in range(9)]
AVERAGE = {"kind": "average", "group_size": 5}
DP = {"kind": "dp", "epsilon": 8, "group_size": 10, "labels": {"a": 30, "b": 30}}
OPTIONS = {AVERAGE["kind"]: {}, DP["kind"]: {"strategy": "random", "max_new_tokens": 20}}


class Noting(EchoDecoder):
    """Shows texts in its prompts, three unless told otherwise, and notes which."""

    examples = 3

    def __init__(self):
        super().__init__()
        self.shown = []

    def decode_rows(self, vectors, *, examples=None, **options):
        self.shown += [list(row) for row in examples or []]
        return super().decode_rows(vectors, **options)


def generate(kind, public, n=20, **options):
    """Return what is written with public examples, and what the prompts showed."""
    if kind["kind"] == "dp":
        pytest.importorskip("opendp", reason="extra privacy")
    decoder = Noting()
    privacy = Privacy(**kind, public_examples=public)
    options = {"candidates": 1, "random_state": 0, **OPTIONS[kind["kind"]], **options}
    sampler = SMOTExT("echo", decoder=decoder, privacy=privacy, **options)
    return sampler.generate(TEXTS, LABELS, n={"a": n, "b": n}), decoder.shown, sampler


@pytest.mark.parametrize("kind", [AVERAGE, DP], ids=["average", "dp"])
def test_prompts_show_public_texts_and_never_a_real_one(kind):
    made, shown, sampler = generate(kind, POOL)
    assert len(shown) == len(made) == 40
    assert {len(row) for row in shown} == {3}
    assert {text for row in shown for text in row} <= set(POOL)
    assert shown[0] == [POOL[place] for place in made["examples"][0]]  # no rows have these texts: their positions
    assert any("9 examples that prompts show, which may come back" in line for line in sampler.privacy_statement_)


def test_without_public_texts_prompts_show_none_and_nothing_is_said_of_them():
    _, shown, sampler = generate(AVERAGE, None)
    assert shown == []
    assert not any("examples" in line for line in sampler.privacy_statement_)


def test_a_class_shows_its_own_public_texts_where_these_have_classes():
    made, shown, _ = generate(AVERAGE, {"a": POOL[:4], "b": POOL[4:]})
    for label, row in zip(made["label"], shown, strict=True):
        assert set(row) <= set(POOL[:4] if label == "a" else POOL[4:])


def test_rows_of_a_block_show_the_same_texts_and_other_blocks_others():
    _, shown, _ = generate(AVERAGE, POOL, n=3 * EXAMPLES_BLOCK)
    blocks = {tuple(shown[start]) for start in range(0, 3 * EXAMPLES_BLOCK, EXAMPLES_BLOCK)}
    assert len({tuple(row) for row in shown[:EXAMPLES_BLOCK]}) == 1
    assert len(blocks) > 1


def test_their_number_may_be_given_and_none_is_an_error_before_a_model_is_loaded():
    assert {len(row) for row in generate(AVERAGE, POOL, examples=2)[1]} == {2}
    sampler = SMOTExT("no such model", privacy=Privacy(**AVERAGE, public_examples=POOL), examples=0)
    with pytest.raises(InputError, match="examples=0: public_examples is given, and prompts would show none"):
        sampler.generate(TEXTS, LABELS, n=4)


def test_a_decoder_that_shows_no_texts_is_an_error():
    sampler = SMOTExT("echo", privacy=Privacy(**AVERAGE, public_examples=POOL))
    with pytest.raises(InputError, match="prompts of the decoder EchoDecoder show 0 texts"):
        sampler.generate(TEXTS, LABELS, n=4)


@pytest.mark.parametrize("kind", [AVERAGE, DP], ids=["average", "dp"])
def test_a_text_that_is_to_be_hidden_is_refused_as_public_before_a_model_is_loaded(kind):
    if kind is DP:
        pytest.importorskip("opendp", reason="extra privacy")
    public = [*POOL, TEXTS[7].upper() + " "]
    sampler = SMOTExT("no such model", privacy=Privacy(**kind, public_examples=public), **OPTIONS[kind["kind"]])
    with pytest.raises(InputError, match=r"1 of 10 public examples are among the texts .*\(number 10 of the public"):
        sampler.generate(TEXTS, LABELS, n={"a": 4})


def test_a_class_without_a_public_text_is_refused_before_a_model_is_loaded():
    sampler = SMOTExT("no such model", privacy=Privacy(**AVERAGE, public_examples={"a": POOL}))
    with pytest.raises(InputError, match="public_examples has no text of class 'b'"):
        sampler.generate(TEXTS, LABELS, n={"a": 4, "b": 4})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("one text", "expected public texts, or a mapping"),
        (7, "expected public texts, or a mapping"),
        ([], "public_examples holds no text"),
        (["fine", " "], "number 2 of the public examples is ' '"),
        ({"a": ["fine", None]}, "number 2 of the public examples is None"),
    ],
)
def test_what_is_no_list_of_texts_is_an_error(given, message):
    with pytest.raises(InputError, match=message):
        Privacy(**AVERAGE, public_examples=given)


def test_settings_with_public_texts_can_be_hashed_and_made_again_from_themselves():
    first = Privacy(**AVERAGE, public_examples={"a": POOL[:2], "b": POOL[2:3]})
    again = Privacy(**AVERAGE, public_examples=first.public_examples)
    assert len({first, again}) == 1
    assert first.public_examples == PublicExamples(tuple(POOL[:3]), ("a", "a", "b"))


def test_a_copy_of_a_public_text_is_never_returned():
    class Copier(Noting):
        def decode_rows(self, vectors, *, examples=None, **options):
            rows = super().decode_rows(vectors, examples=examples, **options)
            return [type(row)(POOL[0], row.n_tokens, is_finished=True) if place % 2 else row for place, row in
                    enumerate(rows)]  # fmt: skip

    sampler = SMOTExT(
        "echo", decoder=Copier(), privacy=Privacy(**AVERAGE, public_examples=POOL), candidates=2, random_state=0
    )
    made = sampler.generate(TEXTS, LABELS, n=10)
    assert POOL[0] not in set(made["text"])
    assert (sampler.rejected_["reason"] == "copied").sum() == 10


def test_the_guard_finds_copies_whatever_the_class_and_leaves_the_columns_on_real_texts_alone():
    guard = CopiedFrom(tuple(POOL)).fit(RealTexts([], np.array([], dtype=object), np.zeros((0, 4), np.float32)))
    texts, zeros = [POOL[3], "another text altogether, of other words"], np.zeros((2, 4), np.float32)
    batch = Batch(
        texts=texts, labels=np.array(["x", "y"], dtype=object), vectors=zeros, targets=zeros,
        parents=np.zeros((2, 2), np.int64), is_finished=np.ones(2, bool), is_alive=np.ones(2, bool),
    )  # fmt: skip
    is_kept, scores = guard(batch)
    assert is_kept.tolist() == [False, True]
    assert scores == {}


def test_the_encoder_never_reads_a_public_text():
    class Reading(HashEncoder):
        read: list[str] = []  # noqa: RUF012

        def encode(self, texts):
            self.read.extend(texts)
            return super().encode(texts)

    sampler = SMOTExT(
        "echo", encoder=Reading(), decoder=Noting(), privacy=Privacy(**AVERAGE, public_examples=POOL), candidates=1
    )
    sampler.generate(TEXTS, LABELS, n=4)
    assert not set(Reading.read) & set(POOL)
