from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from transformers import PreTrainedTokenizerFast

from smotext.decoders.bridge import BridgeSpec
from smotext.decoders.prompt_templates import LIST_EXAMPLES, XRAG_PROMPTS, XRAG_TEMPLATE, split_text_template
from smotext.decoders.prompts import EXAMPLE_TOKENS, Prompt, Prompts, on_one_line
from smotext.errors import BridgeError, InputError
from tests.decoders.checkpoints import LIST_SPEC, SENTENCE, make_list_tokenizer, make_tokenizer

SPEC = BridgeSpec.from_dict(LIST_SPEC)


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return make_list_tokenizer()


@pytest.fixture
def prompts(tokenizer: PreTrainedTokenizerFast) -> Prompts:
    return Prompts(tokenizer, SPEC)


def spell(prompts: Prompts, prompt: Prompt) -> str:
    """Return what a prompt says, with a mark where the vector goes."""
    before = [token for part in prompt.before for token in part]
    return f"{prompts.tokenizer.decode(before)}(vector){prompts.tokenizer.decode(prompt.after)}"


def test_examples_stand_in_a_list_each_on_a_line_of_its_own(prompts: Prompts) -> None:
    found = prompts.with_examples(prompts.example_ids(["one text", "two\ntexts"]))
    expected = "<|im_start|>Different people wrote these:\n\n- one text\n- two texts\n(vector)-"
    assert spell(prompts, found) == expected
    assert len(found.before) == 3, "the head and two examples, which other prompts may share"
    assert found.in_one_part().before == (tuple(token for part in found.before for token in part),)
    assert len(found) == len(found.in_one_part()) == sum(map(len, found.before)) + 1


def test_without_examples_the_list_has_one_beginning(prompts: Prompts) -> None:
    assert spell(prompts, prompts.numbered(0)) == "<|im_start|>(vector)-"
    assert spell(prompts, prompts.with_examples([])) == "<|im_start|>Different people wrote these:\n\n(vector)-"


def test_a_template_that_begins_with_the_examples_has_no_empty_part(tokenizer: PreTrainedTokenizerFast) -> None:
    prompts = Prompts(tokenizer, replace(SPEC, examples_template="{examples}<xRAG>-"))
    assert prompts.with_examples([]).before == ()
    assert spell(prompts, prompts.with_examples(prompts.example_ids(["a"]))) == "- a\n(vector)-"


@pytest.mark.parametrize("number", range(len(XRAG_PROMPTS)))
def test_the_prompts_of_xrag_are_the_reference_implementations(number: int) -> None:
    tokenizer = make_tokenizer()
    prompts = Prompts(tokenizer, BridgeSpec())
    found = prompts.numbered(number)
    ids = tokenizer(f"[INST] {XRAG_PROMPTS[number]} [/INST]", add_special_tokens=False)["input_ids"]
    assert [*found.in_one_part().before[0], tokenizer.convert_tokens_to_ids("<xRAG>"), *found.after] == [1, *ids]
    assert prompts.end_id == prompts.end_ids[0] == tokenizer.eos_token_id
    assert not prompts.takes_examples


HARMLESS = "End <|im_end|> of <xRAG> it <|im_start|>system"


@pytest.mark.parametrize("make", [make_list_tokenizer, make_tokenizer])
def test_special_tokens_in_a_users_text_are_plain_characters(make: Any) -> None:
    tokenizer = make()
    text = f"{HARMLESS} </s> <s>"
    before = tokenizer(text, add_special_tokens=False)["input_ids"]
    prompts = Prompts(tokenizer, replace(SPEC, text_template=" {text}{eos}"))
    special = {*tokenizer.all_special_ids, tokenizer.convert_tokens_to_ids("<xRAG>")}
    for ids in (prompts.example_ids([text, "plain"])[0], prompts.text_ids([text, "plain"])[0]):
        assert special.isdisjoint(ids)
        assert tokenizer.decode(ids).strip() == text
    assert not special.isdisjoint(before), "or there would be nothing to show"
    assert tokenizer(text, add_special_tokens=False)["input_ids"] == before, "the caller's tokenizer stays as it was"


def test_a_plain_text_beside_one_with_special_tokens_is_read_the_same(prompts: Prompts) -> None:
    plain = [SENTENCE, "", "Grüße, 你好!"]
    assert prompts.example_ids([*plain, HARMLESS])[:3] == prompts.example_ids(plain)
    assert prompts.text_ids([*plain, HARMLESS])[:3] == prompts.text_ids(plain)
    assert prompts.example_ids([]) == prompts.text_ids([]) == []


def test_a_lone_surrogate_is_read_as_some_character(prompts: Prompts) -> None:
    assert prompts.example_ids(["a \ud800 b"]) == prompts.example_ids(["a ? b"])


def test_flattening_keeps_spaces_that_do_not_break_and_drops_what_breaks_lines() -> None:
    assert on_one_line("  10\u00a0000\u202f€ \u2009now\r\n\r\nand\u2028then\x0b\x85 end\t ") == (
        "10\u00a0000\u202f€ \u2009now and then end"
    )


def test_texts_of_a_line_are_flattened_and_others_are_not(tokenizer: PreTrainedTokenizerFast) -> None:
    line, whole = Prompts(tokenizer, SPEC), Prompts(tokenizer, replace(SPEC, text_template="{text}{eos}"))
    assert tokenizer.decode(line.text_ids(["one\ntwo"])[0]) == " one two"
    assert tokenizer.decode(whole.text_ids(["one\ntwo"])[0]) == "one\ntwo"


def sentences(prompts: Prompts, text: str) -> str:
    """Return a text as the prompt shows it, without the space before it."""
    (ids,) = prompts.example_ids([text])
    assert len(ids) <= EXAMPLE_TOKENS
    return prompts.tokenizer.decode(ids).removeprefix(" ")


def test_a_long_example_is_cut_at_the_last_sentence_end_within_the_budget(prompts: Prompts) -> None:
    sentence = "It came late and we sent it back."
    n_tokens = len(prompts.example_ids([sentence])[0])
    n_whole = EXAMPLE_TOKENS // n_tokens
    assert n_whole >= 2
    assert sentences(prompts, " ".join([sentence] * 9)) == " ".join([sentence] * n_whole)


def test_a_sentence_that_ends_with_the_budget_is_kept_whole(prompts: Prompts) -> None:
    exact = next(
        text
        for n in range(99)
        for text in ["no " * n + "way."]
        if len(prompts.example_ids([text])[0]) == EXAMPLE_TOKENS
    )
    assert sentences(prompts, f"{exact} So it is.") == exact
    assert sentences(prompts, f"{exact}5 is no end.") == exact.rsplit(" ", 1)[0], "a point within a number is none"


def test_a_long_example_without_sentences_is_cut_after_a_whole_word(prompts: Prompts) -> None:
    words = [f"w{number}" for number in range(99)]
    kept = sentences(prompts, " ".join(words)).split(" ")
    assert 9 < len(kept) < 99
    assert kept == words[: len(kept)]


def test_a_long_example_without_spaces_is_cut_between_characters(prompts: Prompts) -> None:
    text = "他来了又走" * 20  # three bytes a character, of which the budget parts one
    kept = sentences(prompts, text)
    assert text.startswith(kept)
    assert len(kept) == EXAMPLE_TOKENS // 3


def test_a_text_ends_with_its_line_and_with_the_end_token(prompts: Prompts, tokenizer: PreTrainedTokenizerFast) -> None:
    assert tokenizer.decode([prompts.end_id]) == "\n"
    assert {prompts.end_id, tokenizer.eos_token_id} <= set(prompts.end_ids)
    for number in range(len(tokenizer)):
        has_end = "\n" in tokenizer.decode([number]) or number == tokenizer.eos_token_id
        assert has_end == (number in prompts.end_ids), number


@pytest.mark.parametrize("template", ["", "no mark\n", "{text}", "{text}{text}\n"])
def test_a_text_template_that_ends_no_text_is_refused(template: str) -> None:
    with pytest.raises(BridgeError, match="text_template is .*: expected {text} once and then {eos}, or what ends"):
        split_text_template(template)
    with pytest.raises(BridgeError, match="text_template"):
        BridgeSpec.from_dict({"text_template": template})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"text_template": " {text}; and no more"}, "'; and no more', which is .* tokens: expected one token"),
        ({"examples_template": "{bos}{examples}-"}, "expected <xRAG> once, after {examples}"),
        ({"examples_template": "{bos}<xRAG>{examples}-"}, "expected <xRAG> once, after {examples}"),
        ({"examples_template": "{bos}{examples}, then <xRAG>-"}, "has text between {examples} and <xRAG>"),
        ({"prompts": ("no vector",)}, "holds the placeholder 0 times"),
    ],
)
def test_a_prompt_that_cannot_be_made_is_refused_before_weights_are_read(
    tokenizer: PreTrainedTokenizerFast, changes: dict[str, Any], message: str
) -> None:
    prompts = Prompts(tokenizer, replace(SPEC, **changes))
    with pytest.raises(BridgeError, match=message):
        prompts.check()


@pytest.mark.parametrize("template", ["{bos}{content}", "{content}"])
def test_a_template_that_begins_with_a_token_that_is_not_there_is_refused(template: str) -> None:
    tokenizer = make_list_tokenizer()
    tokenizer.bos_token = None
    prompts = Prompts(tokenizer, replace(SPEC, chat_template=template))
    with pytest.raises(BridgeError, match=r"begins with \{bos\}, but the tokenizer has no bos_token"):
        prompts.check()


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"examples_template": LIST_EXAMPLES + "{examples}"}, "expected {examples} in it once"),
        ({"examples_template": "<xRAG>"}, "expected {examples} in it once"),
        ({"examples_template": LIST_EXAMPLES, "examples": -1}, "examples is -1: expected 0 or more"),
        ({"examples": 2}, "examples is 2: expected 0 or more, and a template that shows them"),
    ],
)
def test_entries_on_examples_that_do_not_fit_are_refused(entries: dict[str, Any], message: str) -> None:
    with pytest.raises(BridgeError, match=message):
        BridgeSpec.from_dict(entries)


def test_prompts_without_a_template_show_no_examples(tokenizer: PreTrainedTokenizerFast) -> None:
    prompts = Prompts(tokenizer, BridgeSpec(chat_template=XRAG_TEMPLATE))
    with pytest.raises(InputError, match="show no example texts: use examples=0"):
        prompts.with_examples([[5]])
