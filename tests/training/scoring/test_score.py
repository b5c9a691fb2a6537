"""bridge-score on a toy bridge that knows its texts, and each measure worked out by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

import smotext
from smotext.errors import InputError
from smotext.protocols import Decoded
from smotext.training.models.pair import load_bridge
from smotext.training.scoring import measures
from smotext.training.scoring.score import (
    MEASURES,
    Decoding,
    bits_per_character,
    cosines_of,
    samples_table,
    score_bridge,
)
from tests.training import toy


def score(bridge: Path, **options: float) -> dict[str, float]:
    decoding = Decoding(max_new_tokens=40, **options)  # type: ignore[arg-type]
    decoder = smotext.load_decoder(str(bridge))
    return score_bridge(load_bridge(bridge), decoder, toy.encoder(), toy.TEXTS, decoding=decoding).values


def test_a_bridge_that_knows_its_texts_scores_full_marks_on_them(toy_bridge: Path) -> None:
    values = score(toy_bridge, temperature=0.1)
    assert list(values) == list(MEASURES)
    for name in ("cosine at lam 1, greedy", "cosine at lam 1, sampled", "token F1 at lam 1", "BLEU at lam 1"):
        assert values[name] == pytest.approx(1.0, abs=1e-5)
    assert values["share empty"] == values["share cut off"] == values["share repetitive"] == 0.0
    assert values["share ending in a full stop"] == 1.0
    assert values["bits per character"] < 0.2


def test_bits_per_character_agrees_with_a_loop_over_single_tokens(toy_bridge: Path) -> None:
    pair, texts = load_bridge(toy_bridge), toy.TEXTS[:3]
    vectors = toy.encoder().encode(texts)
    nats = 0.0
    with torch.inference_mode():
        for text, vector in zip(texts, vectors, strict=True):
            soft = pair.projector(torch.from_numpy(vector)[None])
            ids = [*pair.tokenizer(text, add_special_tokens=False)["input_ids"], pair.tokenizer.eos_token_id]
            for place, token in enumerate(ids):
                before = pair.lm.get_input_embeddings()(torch.tensor([ids[:place]], dtype=torch.long))
                logits = pair.lm(inputs_embeds=torch.cat([soft, before], dim=1)).logits[0, -1]
                nats -= float(logits.log_softmax(-1)[token])
    expected = nats / math.log(2) / sum(map(len, texts))
    assert bits_per_character(pair, texts, vectors) == pytest.approx(expected, rel=1e-4)


def test_of_a_text_beyond_the_positions_of_the_language_model_the_beginning_counts(toy_bridge: Path) -> None:
    pair = load_bridge(toy_bridge)
    long = " ".join(toy.TEXTS)
    ids = pair.tokenizer(long, add_special_tokens=False)["input_ids"]
    assert len(ids) > pair.capacity()
    vectors = toy.encoder().encode([long])
    beginning = pair.tokenizer.decode(ids[: pair.capacity()])
    assert bits_per_character(pair, [long], vectors) == bits_per_character(pair, [beginning], vectors)


def test_of_several_candidates_the_nearest_is_kept(toy_bridge: Path) -> None:
    one, three = (score(toy_bridge, temperature=3.0, candidates=n) for n in (1, 3))
    assert three["cosine at lam 0.5, sampled"] > one["cosine at lam 0.5, sampled"]


def test_an_empty_text_has_cosine_zero() -> None:
    encoder = toy.encoder()
    asked = encoder.encode(["a cat", "a dog"])
    assert cosines_of(encoder.encode, ["a cat", " "], asked).tolist() == pytest.approx([1.0, 0.0])


def test_shares_are_taken_over_the_sampled_texts(toy_bridge: Path) -> None:
    class Stammerer:
        def decode_rows(self, vectors: np.ndarray, **options: object) -> list[Decoded]:
            text = "no no no no no" if options.get("do_sample") else ""
            return [Decoded(text, 5, is_finished=not options.get("do_sample")) for _ in vectors]

    values = score_bridge(load_bridge(toy_bridge), Stammerer(), toy.encoder(), toy.TEXTS[:4]).values
    assert values["share repetitive"] == values["share cut off"] == 1.0
    assert values["share empty"] == values["token F1 at lam 1"] == values["cosine at lam 1, greedy"] == 0.0


def test_fewer_than_two_texts_are_refused(toy_bridge: Path) -> None:
    with pytest.raises(InputError, match="expected at least 2"):
        score_bridge(load_bridge(toy_bridge), None, toy.encoder(), ["one"])


def test_the_samples_table_shows_texts_side_by_side(toy_bridge: Path) -> None:
    decoder = smotext.load_decoder(str(toy_bridge))
    scores = score_bridge(load_bridge(toy_bridge), decoder, toy.encoder(), toy.TEXTS[:4], n_samples=2)
    lines = samples_table(scores).splitlines()
    assert lines[0] == "| text | greedy | sampled | cosine |"
    assert len(lines) == 4
    assert toy.TEXTS[0] in lines[2]


def test_bleu_of_half_the_words_is_worked_out_by_hand() -> None:
    # 1-grams 3/4, 2-grams 2/3, 3-grams 1/2, 4-grams none: half a match of one; lengths agree
    expected = math.exp(sum(map(math.log, (3 / 4, 2 / 3, 1 / 2, 1 / 2))) / 4)
    assert measures.bleu(["a b c x"], ["a b c d"]) == pytest.approx(expected)


def test_copied_share_counts_runs_that_stand_in_a_source() -> None:
    assert measures.copied_share(["one two three four five"], ["zero one two three"], n=3) == pytest.approx(1 / 3)
    assert measures.copied_share([], ["a b c"], n=3) == 0.0
