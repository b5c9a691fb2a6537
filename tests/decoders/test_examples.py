"""Texts in the prompt: what is written and how likely a text is, against the slow way; one row beside others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from smotext import load_decoder
from smotext.decoders.guidance import USED_PENALTY
from smotext.decoders.input_checks import check_examples
from smotext.decoders.language_model import LanguageModelDecoder
from smotext.errors import InputError
from tests.decoders.checkpoints import KV, SENTENCE, VECTOR_DIM, make_checkpoint, make_list_checkpoint
from tests.decoders.slow import full_logits, llama_logits

EXAMPLES = [
    ["the parcel came late", "nobody answered the phone", "a letter"],
    [],
    ["the parcel came late", "we sent it back"],
    ["nobody answered the phone"],
    ["the parcel came late", "nobody answered the phone", "so we sent it"],
    ["a much longer text than all the others, which says that the parcel came late and nobody answered the phone"],
]
VECTORS = np.random.default_rng(0).normal(size=(len(EXAMPLES), VECTOR_DIM)).astype(np.float32)
KINDS: dict[str, dict[str, Any]] = {
    "one soft token": {"guidance": "tied"},
    "several soft tokens": {"projector": {"n_soft_tokens": 3}, "kind": "qwen3", "guidance": "free"},
    "learned positions": {"kind": "gpt2", "n_layers": 2, "guidance": "tied"},
    "slots": {"projector": KV, "guidance": "tied"},
}
Logits = Callable[[list[int]], torch.Tensor]  # at the last token of the prompt and at each of the tokens given


@pytest.fixture(scope="module", params=KINDS)
def decoder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LanguageModelDecoder:
    return load_decoder(str(make_list_checkpoint(tmp_path_factory.mktemp("bridge"), **KINDS[request.param])))


def spelled(examples: Sequence[str]) -> str:
    """Return what stands before the vector, as a bridge with lists of texts has it."""
    items = "".join(f"- {text}\n" for text in examples)
    return f"<|im_start|>Different people wrote these:\n\n{items}" if examples else "<|im_start|>"


def slow_logits(decoder: LanguageModelDecoder, vector: np.ndarray, examples: Sequence[str]) -> Logits:
    """Return a function from what is written to logits, one row by itself and without a cache."""
    tokenizer, model = decoder.tokenizer, decoder.model
    before = tokenizer(spelled(examples), add_special_tokens=False)["input_ids"]
    dash = tokenizer("-", add_special_tokens=False)["input_ids"]
    made = decoder.projector(torch.from_numpy(vector / np.linalg.norm(vector))[None])
    if isinstance(made, tuple):
        keys, values = made
        return lambda written: llama_logits(model, before, (keys[:, 0], values[:, 0]), [*dash, *written], 1)
    return lambda written: full_logits(model, before, made[0], [*dash, *written])


def slow_bias(decoder: LanguageModelDecoder, vector: np.ndarray) -> torch.Tensor:
    """Return the head's logit bias by its formula, at weight 1."""
    head = decoder.guidance
    assert head is not None
    score = head.weight @ torch.from_numpy(vector / np.linalg.norm(vector))
    if len(head.weight) != len(head.bias):
        score = decoder.model.get_input_embeddings().weight @ score
    return ((score + head.bias).log_softmax(-1) - head.unigram).clamp(0.0, 6.0)


@torch.no_grad()
def write_slowly(
    decoder: LanguageModelDecoder, vector: np.ndarray, examples: Sequence[str], *, guidance: float, n_tokens: int
) -> str:
    """Return the greedy text, step by step: a word that was written loses its guidance and is a little less likely."""
    logits, bias = slow_logits(decoder, vector, examples), guidance * slow_bias(decoder, vector)
    ends = {number for number in range(len(decoder.tokenizer)) if "\n" in decoder.tokenizer.decode([number])}
    written: list[int] = []
    while len(written) < n_tokens:
        token = int((logits(written)[-1] + bias).argmax())
        if token in ends or token == decoder.tokenizer.eos_token_id:
            break
        written.append(token)
        if bias[token] > 0:
            bias[token] = -USED_PENALTY
    return decoder.tokenizer.decode(written, skip_special_tokens=True)


@pytest.mark.parametrize("guidance", [0.0, 0.7])
def test_greedy_text_equals_a_full_forward_pass_per_step(decoder: LanguageModelDecoder, guidance: float) -> None:
    found = decoder.decode(VECTORS, examples=EXAMPLES, guidance=guidance, max_new_tokens=10)
    rows = zip(VECTORS, EXAMPLES, strict=True)
    assert found == [
        write_slowly(decoder, vector, examples, guidance=guidance, n_tokens=10) for vector, examples in rows
    ]
    assert len(set(found)) > 3


def test_rows_that_are_shown_no_texts_have_a_weight_of_their_own(
    decoder: LanguageModelDecoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoder, "spec", replace(decoder.spec, guidance=0.3, guidance_alone=2.0))
    mixed, alone = (decoder.decode(VECTORS, examples=shown, max_new_tokens=10) for shown in (EXAMPLES, None))
    weaker, stronger = (
        decoder.decode(VECTORS, examples=EXAMPLES, guidance=weight, max_new_tokens=10) for weight in (0.3, 2.0)
    )
    assert mixed == [stronger[row] if not shown else weaker[row] for row, shown in enumerate(EXAMPLES)]
    assert weaker != stronger
    assert alone == decoder.decode(VECTORS, guidance=2.0, max_new_tokens=10)


def test_a_text_depends_on_its_row_alone(decoder: LanguageModelDecoder) -> None:
    n = 4 * len(EXAMPLES)
    vectors = np.random.default_rng(1).normal(size=(n, VECTOR_DIM)).astype(np.float32)
    examples, seeds = EXAMPLES * 4, np.arange(n) * 13
    limits = np.random.default_rng(2).integers(3, 15, size=n)
    options: dict[str, Any] = {"do_sample": True, "temperature": 0.9, "top_p": 0.9, "guidance": 0.5}
    together = decoder.decode(vectors, examples=examples, seeds=seeds, max_new_tokens=limits, **options)
    for size in (1, 5):
        alone = decoder.decode(
            vectors, examples=examples, seeds=seeds, max_new_tokens=limits, batch_size=size, **options
        )
        assert alone == together
    order = np.random.default_rng(3).permutation(n)
    shuffled = decoder.decode(
        vectors[order], examples=[examples[place] for place in order], seeds=seeds[order],
        max_new_tokens=limits[order], **options,
    )  # fmt: skip
    assert shuffled == [together[place] for place in order]
    assert len(set(together)) > n / 2


def test_the_same_seeds_give_the_same_texts_and_others_do_not(decoder: LanguageModelDecoder) -> None:
    first, again, other = (
        decoder.decode(VECTORS, examples=EXAMPLES, do_sample=True, seeds=[seed] * len(VECTORS), max_new_tokens=12)
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_examples_and_their_order_matter(decoder: LanguageModelDecoder) -> None:
    shown, turned, none = (
        decoder.decode(VECTORS, examples=examples, max_new_tokens=12)
        for examples in (EXAMPLES, [row[::-1] for row in EXAMPLES], None)
    )
    is_other = np.array(shown) != np.array(turned)
    assert is_other.any()
    assert not is_other[[len(row) < 2 for row in EXAMPLES]].any()
    assert shown[1] == none[1], "the row without examples"
    assert shown != none


def test_no_examples_are_the_vector_alone(decoder: LanguageModelDecoder) -> None:
    none = decoder.decode(VECTORS, max_new_tokens=12)
    assert decoder.decode(VECTORS, examples=[[]] * len(VECTORS), max_new_tokens=12) == none
    nothing = np.zeros((0, VECTOR_DIM), dtype=np.float32)
    assert decoder.decode(nothing, examples=[]) == decoder.decode(nothing) == []


def test_special_tokens_in_an_example_end_nothing(decoder: LanguageModelDecoder) -> None:
    texts = ["a <xRAG> b <|im_end|>\n- c", "d"]
    assert decoder.decode(VECTORS[:1], examples=[texts], max_new_tokens=8) == decoder.decode(
        VECTORS[:1], examples=[["a <xRAG> b <|im_end|> - c", "d"]], max_new_tokens=8
    )


TEXTS = ["the parcel", "so we sent it back to the shop with a letter", "", "a\nb <|im_end|>", "nobody", f"{SENTENCE}."]


@torch.no_grad()
def slow_log_likelihood(
    decoder: LanguageModelDecoder, text: str, vector: np.ndarray, examples: Sequence[str], guidance: float, heat: float
) -> float:
    line = " " + text.replace("\n", " ")
    ids = decoder.tokenizer(line, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    end = decoder.tokenizer("\n", add_special_tokens=False)["input_ids"]
    scores, bias = slow_logits(decoder, vector, examples)(ids), guidance * slow_bias(decoder, vector)
    total = 0.0
    for row, token in zip(scores, [*ids, *end], strict=True):
        total += float(((row + bias) / heat).log_softmax(-1)[token])
        if bias[token] > 0:
            bias[token] = -USED_PENALTY
    return total


@pytest.mark.parametrize(("guidance", "heat"), [(0.0, 1.0), (0.7, 1.0), (1.4, 0.6)])
def test_log_likelihood_is_that_of_each_text_alone(decoder: LanguageModelDecoder, guidance: float, heat: float) -> None:
    rows = list(zip(TEXTS, VECTORS, EXAMPLES, strict=True))
    expected = [slow_log_likelihood(decoder, *row, guidance, heat) for row in rows]
    for size in (None, 1, 2):
        found = decoder.log_likelihood(
            TEXTS, VECTORS, examples=EXAMPLES, guidance=guidance, temperature=heat, batch_size=size
        )
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)
    expected = [slow_log_likelihood(decoder, text, vector, [], guidance, heat) for text, vector, _ in rows]
    found = decoder.log_likelihood(TEXTS, VECTORS, guidance=guidance, temperature=heat)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


def test_rows_whose_prompts_end_in_other_words_do_not_mix(tmp_path: Path) -> None:
    template = "{bos}Texts:\n{examples}<xRAG> so -"
    decoder = load_decoder(str(make_list_checkpoint(tmp_path, examples_template=template, guidance="free")))
    texts = ["the parcel"] * len(VECTORS)
    together = decoder.decode(VECTORS, examples=EXAMPLES, max_new_tokens=8)
    likely = decoder.log_likelihood(texts, VECTORS, examples=EXAMPLES)
    for row, examples in enumerate(EXAMPLES):
        vector = VECTORS[row : row + 1]
        assert decoder.decode(vector, examples=[examples], max_new_tokens=8) == [together[row]]
        alone = decoder.log_likelihood(texts[:1], vector, examples=[examples])
        np.testing.assert_allclose(likely[row], alone, rtol=1e-5)


def test_a_prompt_with_many_words_after_the_vector_has_room_for_them(tmp_path: Path) -> None:
    long = " ".join([SENTENCE] * 9)
    decoder = load_decoder(str(make_list_checkpoint(tmp_path / "long", prompts=[f"<xRAG> {long}-"])))
    assert len(decoder.tokenizer(long)["input_ids"]) > 100
    found = decoder.decode(VECTORS, max_new_tokens=9)
    assert found == decoder.decode(VECTORS, max_new_tokens=9, batch_size=1)


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        ("one text", "examples is 'one text': expected a list of texts for each of the 6 rows"),
        ([["a"]], r"examples is \[\['a'\]\]: expected a list of texts for each of the 6 rows"),
        (5, "examples is 5: expected a list of texts"),
        (["text"] * 6, "examples of row 0 are 'text'"),
        ([["a"]] * 5 + [[1]], r"examples of row 5 are \[1\]"),
        ([["a"]] * 5 + [[None]], r"examples of row 5 are \[None\]"),
    ],
)
def test_examples_that_are_no_lists_of_texts_are_refused(
    decoder: LanguageModelDecoder, examples: Any, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        decoder.decode(VECTORS, examples=examples)
    with pytest.raises(InputError, match=message):
        decoder.log_likelihood(TEXTS, VECTORS, examples=examples)


def test_a_bridge_that_shows_no_examples_takes_none_and_says_so(tmp_path: Path) -> None:
    decoder = load_decoder(str(make_checkpoint(tmp_path)))
    assert decoder.examples is None
    assert decoder.decode(VECTORS, examples=[[]] * 6, max_new_tokens=5) == decoder.decode(VECTORS, max_new_tokens=5)
    with pytest.raises(InputError, match="show no texts: use examples=None, or another model"):
        decoder.decode(VECTORS, examples=EXAMPLES)
    assert check_examples(None, 2, can_show=False) == [(), ()]


def test_examples_leave_room_for_the_text_or_are_refused(tmp_path: Path) -> None:
    decoder = load_decoder(str(make_list_checkpoint(tmp_path, "gpt2", n_layers=2)))  # 128 positions
    most = decoder.most_new_tokens
    assert most is not None
    assert len(decoder.decode(VECTORS, examples=EXAMPLES[:1] * 6, max_new_tokens=most)) == 6
    with pytest.raises(InputError, match=f"max_new_tokens is {most + 1}: the language model has room for {most}"):
        decoder.decode(VECTORS, max_new_tokens=most + 1)
    long = [SENTENCE.replace(" ", "  ")]
    with pytest.raises(InputError, match="max_new_tokens is 40: the language model has room for"):
        decoder.decode(VECTORS, examples=[long * 2] * 6, max_new_tokens=40)
    with pytest.raises(InputError, match="a prompt has .* tokens, more than the language model reads: show fewer"):
        decoder.decode(VECTORS, examples=[long * 9] * 6, max_new_tokens=1)


def test_the_last_position_can_be_written_to(tmp_path: Path) -> None:
    alone: dict[str, Any] = {"examples_template": None, "examples": 0, "projector": {"n_soft_tokens": 3}}
    decoder = load_decoder(str(make_list_checkpoint(tmp_path, "gpt2", n_layers=2, **alone)))
    most = decoder.most_new_tokens
    assert most == 128 - 1 - 3 - 1, "all but the begin token, the vector and the dash"
    (row,) = decoder.decode_rows(VECTORS[:1], max_new_tokens=most, min_new_tokens=most)
    assert row.n_tokens == most
    fits = next(text for n in range(most) for text in ["x" * n] if decoder.count_tokens([f" {text}"])[0] == most)
    assert np.isfinite(decoder.log_likelihood([fits], VECTORS[:1])).all()
    with pytest.raises(InputError, match=f"text 0 has {most + 1} tokens: the language model has room for {most}"):
        decoder.log_likelihood([f"{fits}x"], VECTORS[:1])
