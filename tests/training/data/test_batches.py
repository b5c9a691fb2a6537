"""The micro-batches of a step: of like length, within the limit, and some with examples in their prompts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from smotext.decoders.bridge import BridgeSpec
from smotext.decoders.prompts import EXAMPLE_TOKENS, Prompts
from smotext.training.data.batches import MicroBatch, Prompting, micro_batches, pad
from smotext.training.data.passage_store import Piece
from tests.decoders.checkpoints import LIST_SPEC, SENTENCE, make_list_tokenizer

TOKENIZER = make_list_tokenizer()
PROMPTS = Prompts(TOKENIZER, BridgeSpec.from_dict(LIST_SPEC))
WORDS = SENTENCE.split()
N_GROUPS, GROUP_SIZE = 12, 5


def piece_of(texts: list[str]) -> Piece:
    ids = PROMPTS.text_ids(texts)
    vectors = np.arange(len(texts), dtype=np.float16)[:, None] * np.ones((1, 2), dtype=np.float16)
    return Piece(np.concatenate([np.array(row) for row in ids]), np.cumsum([0, *map(len, ids)]), vectors)


def texts_of(rng: np.random.Generator, n: int = N_GROUPS * GROUP_SIZE) -> list[str]:
    """Return different texts of 2 to 9 words."""
    return [f"{' '.join(rng.choice(WORDS, size=rng.integers(2, 10)))} {number}" for number in range(n)]


TEXTS = texts_of(np.random.default_rng(0))
GROUPS = list(np.arange(len(TEXTS)).reshape(N_GROUPS, GROUP_SIZE))


def batches_of(max_tokens: int = 200, key: int = 0, texts: list[str] = TEXTS, **prompting: Any) -> list[MicroBatch]:
    options = {"most_examples": 3, "example_share": 0.5, **prompting}
    groups = [rows for rows in np.split(np.arange(len(texts)), range(GROUP_SIZE, len(texts), GROUP_SIZE)) if len(rows)]
    return micro_batches(piece_of(texts), groups, Prompting(PROMPTS, 0, **options), max_tokens=max_tokens, key=key)


def rows_of(batch: MicroBatch) -> list[int]:
    """Return which texts are in a batch: their vectors are their numbers."""
    return batch.vectors[:, 0].astype(int).tolist()


def shown_to(batch: MicroBatch, row: int) -> list[str]:
    """Return the texts that a row's prompt shows."""
    prompt = batch.prompts[batch.prompt_of_row[row]]
    spelled = TOKENIZER.decode([token for part in prompt.before for token in part])
    return [line.removeprefix("- ") for line in spelled.split("\n") if line.startswith("- ")]


@pytest.mark.parametrize("max_tokens", [60, 200, 5000])
def test_each_passage_is_a_target_or_an_example_of_its_group_and_never_both(max_tokens: int) -> None:
    batches = batches_of(max_tokens)
    targets = [row for batch in batches for row in rows_of(batch)]
    assert len(set(targets)) == len(targets)
    examples: dict[int, set[str]] = {}
    for batch in batches:
        for place, row in enumerate(rows_of(batch)):
            shown = shown_to(batch, place)
            members = [TEXTS[other] for other in GROUPS[row // GROUP_SIZE]]
            assert set(shown) <= set(members) - {TEXTS[row]}
            assert examples.setdefault(row // GROUP_SIZE, set(shown)) == set(shown), "one prompt for the whole group"
    for group, rows in enumerate(GROUPS):
        own = {TEXTS[row] for row in rows if row in targets}
        assert own | examples[group] == {TEXTS[row] for row in rows}
        assert not own & examples[group]
        assert len(examples[group]) <= 3
    n_shown = [len(shown) for shown in examples.values()]
    assert set(n_shown) == {0, 1, 2, 3}


def test_tokens_are_the_passages_their_end_and_padding() -> None:
    for batch in batches_of():
        for place, row in enumerate(rows_of(batch)):
            ids = PROMPTS.text_ids([TEXTS[row]])[0]
            assert batch.lengths[place] == len(ids) + 1
            assert batch.tokens[place].tolist() == [*ids, *[PROMPTS.end_id] * (batch.tokens.shape[1] - len(ids))]


@pytest.mark.parametrize("max_tokens", [40, 60, 200])
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_no_batch_is_over_the_limit_with_its_padding(max_tokens: int, share: float) -> None:
    batches = batches_of(max_tokens, example_share=share)
    assert all(batch.tokens.size <= max_tokens for batch in batches)
    has_examples = [len(shown_to(batch, 0)) > 0 for batch in batches]
    assert {0.0: [False], 0.5: [False, True], 1.0: [True]}[share] == sorted(set(has_examples))
    assert len({batch.prompts[0].after for batch in batches}) == 1
    assert len(batches) < {40: 60, 60: 40, 200: 20}[max_tokens]


def test_passages_without_examples_go_together_by_length_and_waste_little() -> None:
    batches = batches_of(most_examples=0, max_tokens=256, texts=texts_of(np.random.default_rng(1), 200))
    n_tokens = sum(int(batch.lengths.sum()) for batch in batches)
    assert sum(len(batch.lengths) for batch in batches) == 200
    assert sum(batch.tokens.size for batch in batches) < 1.1 * n_tokens
    assert all(batch.tokens.size <= 256 for batch in batches)


def test_what_is_drawn_depends_on_the_key_alone() -> None:
    def drawn(key: int) -> list[tuple[list[int], Any]]:
        return [(rows_of(batch), batch.prompts) for batch in batches_of(key=key)]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_a_group_too_small_to_show_one_shows_none() -> None:
    batches = batches_of(texts=TEXTS[: GROUP_SIZE + 1], example_share=1.0)
    alone = [place for place, batch in enumerate(batches) if rows_of(batch) == [GROUP_SIZE]]
    assert len(alone) == 1
    assert shown_to(batches[alone[0]], 0) == []


def test_a_long_example_is_cut_as_it_is_in_decoding() -> None:
    long = " ".join([f"{SENTENCE}."] * 5)
    batches = batches_of(texts=[f"{long} {number}" for number in range(GROUP_SIZE)], example_share=1.0)
    for batch in batches:
        (expected,) = {TOKENIZER.decode(ids).strip() for ids in PROMPTS.example_ids([long])}
        assert set(shown_to(batch, 0)) == {expected}
        assert len(PROMPTS.text_ids([expected])[0]) <= EXAMPLE_TOKENS


def test_a_passage_over_the_limit_is_a_batch_of_its_own() -> None:
    texts = ["a b", " ".join(WORDS * 3)]
    assert [rows_of(batch) for batch in batches_of(8, texts=texts, most_examples=0)] == [[0], [1]]


def test_a_random_prompt_is_drawn_for_each_batch() -> None:
    spec = replace(PROMPTS.spec, prompts=("<xRAG>-", "so <xRAG>-"))
    prompting = Prompting(Prompts(TOKENIZER, spec), "random")
    batches = micro_batches(piece_of(TEXTS), GROUPS, prompting, max_tokens=40)
    assert len({batch.prompts for batch in batches}) == 2


def test_padding_is_the_end_token() -> None:
    assert pad([np.array([5]), [6, 7, 8], []], end_id=9).tolist() == [[5, 9, 9, 9], [6, 7, 8, 9], [9, 9, 9, 9]]
