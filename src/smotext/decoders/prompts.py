"""The text around the soft token. Trainer and decoder both build their prompts here, so they can't drift."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.data.validation import well_formed
from smotext.decoders.bridge import BridgeSpec
from smotext.decoders.input_checks import check_examples, per_row
from smotext.decoders.prompt_templates import PLACEHOLDER, split_text_template
from smotext.errors import BridgeError, InputError
from smotext.utils.seeding import uniforms
from smotext.utils.sentences import sentence_ends

# The prompt shows so many tokens of an example at most: a longer one is cut at a sentence's end.
EXAMPLE_TOKENS = 64
_LINE_BREAKS = re.compile(r"[\r\n\t\v\f\x85\u2028\u2029]+ *")


@dataclass(frozen=True)
class Prompt:
    """The token ids on both sides of the vector's place.

    Attributes
    ----------
    before : tuple of tuples of int
        In parts, each example one: prompts that begin with the same parts share the reading of them.
    after : tuple of int
    n_examples : int
        How many texts it shows.
    """

    before: tuple[tuple[int, ...], ...]
    after: tuple[int, ...]
    n_examples: int = 0

    def __len__(self) -> int:
        return sum(map(len, self.before)) + len(self.after)

    def in_one_part(self) -> Prompt:
        """Return the same prompt with all that comes before the vector's place as one part."""
        return replace(self, before=(tuple(token for part in self.before for token in part),))


class Prompts:
    """Makes the prompts of one bridge, and says how a text stands after them.

    Parameters
    ----------
    tokenizer : transformers tokenizer
        Never changed.
    spec : BridgeSpec
        Its templates and numbered prompts.
    """

    def __init__(self, tokenizer: Any, spec: BridgeSpec) -> None:
        self.tokenizer, self.spec = tokenizer, spec
        self._lead, self._end = split_text_template(spec.text_template)

    @property
    def takes_examples(self) -> bool:
        """True if the bridge has a template for prompts that show texts."""
        return self.spec.examples_template is not None

    def check(self) -> None:
        """Raise BridgeError if a prompt cannot be made, or nothing would end a text."""
        for number in range(len(self.spec.prompts)):
            self.numbered(number)
        if self.takes_examples:
            self.with_examples([])
        _ = self.end_id

    def numbered(self, number: int) -> Prompt:
        """Return prompt `number`, which shows no text."""
        ids = prompt_ids(self.tokenizer, self.spec.chat_template, self.spec.prompts[number])
        return self._split(ids)

    def with_examples(self, examples: Sequence[Sequence[int]]) -> Prompt:
        """Return the prompt that shows these texts, as :meth:`example_ids` made them, in this order."""
        if self.spec.examples_template is None:
            raise InputError("this bridge's prompts show no example texts: use examples=0, or another model")
        head, tail = self._around_examples
        last = self._split(tail)
        if any(last.before):
            raise BridgeError(f"examples_template has text between {{examples}} and {PLACEHOLDER}: put it elsewhere")
        dash, line_end = self._item
        parts = (tuple(head), *((*dash, *ids, *line_end) for ids in examples))
        return Prompt(tuple(part for part in parts if part), last.after, len(examples))

    def example_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return each text as an item of the prompt's list: on one line, as plain characters, cut to a budget.

        Whatever stands in a user's text, special tokens of the language model included, is read as characters.
        """
        plain = [on_one_line(well_formed(text)) for text in texts]
        return [self.shortened(ids) for ids in self._plain_ids([f" {text}" for text in plain])]

    def shortened(self, ids: Sequence[int]) -> list[int]:
        """Return an item's tokens within the budget: up to the last sentence end, else up to the last whole word."""
        if len(ids) <= EXAMPLE_TOKENS:
            return list(ids)
        whole = self.tokenizer.decode(ids)
        # The cut can go through a character, of which some bytes are then missing.
        text = self.tokenizer.decode(ids[:EXAMPLE_TOKENS]).rstrip("\ufffd")
        kept = text.rsplit(" ", 1)[0] if " " in text.strip() else text
        if ends := [end for end in sentence_ends(whole) if end <= len(text)]:
            kept = text[: ends[-1]]
        return self._plain_ids([kept])[0]

    def numbers_of_rows(self, prompt: int | str | Sequence[int], seeds: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of each row's prompt; "random" draws it from the row's seed."""
        if isinstance(prompt, str):
            check_prompt(prompt, self.spec.prompts)
            return (uniforms(seeds, "prompt")[:, 0] * len(self.spec.prompts)).astype(np.int64)
        numbers = per_row(prompt, len(seeds), "prompt")
        for number in np.unique(numbers):
            check_prompt(int(number), self.spec.prompts)
        return numbers

    def of_rows(
        self, numbers: NDArray[np.int64], examples: Sequence[Sequence[str]] | None
    ) -> tuple[list[Prompt], NDArray[np.int64]]:
        """Return the different prompts that rows have, and which of them each row has.

        Parameters
        ----------
        numbers : ndarray of shape (n_rows,), int64
            The prompt of each row that shows no texts.
        examples : one sequence of str per row, or None
            The texts that the row's prompt shows.
        """
        shown = check_examples(examples, len(numbers), can_show=self.takes_examples)
        keys = [(int(number) if not texts else -1, texts) for number, texts in zip(numbers, shown, strict=True)]
        places = {key: place for place, key in enumerate(dict.fromkeys(keys))}
        texts = sorted({text for _, row in keys for text in row})
        ids = dict(zip(texts, self.example_ids(texts), strict=True))
        prompts = [
            self.with_examples([ids[text] for text in row]) if row else self.numbered(number) for number, row in places
        ]
        return prompts, np.array([places[key] for key in keys], dtype=np.int64)

    def text_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the tokens of each text as it stands after a prompt, without what ends it."""
        plain = [well_formed(text) for text in texts]
        if self._end != "{eos}":
            plain = [on_one_line(text) for text in plain]
        return self._plain_ids([f"{self._lead}{text}" for text in plain])

    @property
    def end_id(self) -> int:
        """The token that ends a text in training."""
        if self._end == "{eos}":
            return int(self.tokenizer.eos_token_id)
        ids = self.tokenizer(self._end, add_special_tokens=False)["input_ids"]
        if len(ids) != 1:
            raise BridgeError(f"text_template ends in {self._end!r}, which is {len(ids)} tokens: expected one token")
        return int(ids[0])

    @cached_property
    def end_ids(self) -> list[int]:
        """Every token that ends a text in decoding: the end token, and all that hold the template's end."""
        found = {int(self.tokenizer.eos_token_id)}
        if self._end != "{eos}":
            words = self.tokenizer.batch_decode([[number] for number in range(len(self.tokenizer))])
            found |= {number for number, word in enumerate(words) if self._end in word}
        return sorted(found)

    def _plain_ids(self, texts: Sequence[str]) -> list[list[int]]:
        if not len(texts):
            return []
        ids = self.tokenizer(list(texts), add_special_tokens=False, split_special_tokens=True)["input_ids"]
        added = set(self.tokenizer.get_added_vocab().values())
        if all(added.isdisjoint(row) for row in ids):
            return [list(row) for row in ids]
        # xRAG's placeholder, for one, was added to the tokenizer, but not as a special token
        return [list(row.ids) for row in self._bare.encode_batch(list(texts), add_special_tokens=False)]

    @cached_property
    def _bare(self) -> Any:
        """The tokenizer without the tokens that were added to it: to it they are plain characters."""
        from tokenizers import Tokenizer

        described = json.loads(self.tokenizer.backend_tokenizer.to_str())
        return Tokenizer.from_str(json.dumps({**described, "added_tokens": [], "padding": None, "truncation": None}))

    @cached_property
    def _around_examples(self) -> tuple[list[int], list[int]]:
        """The examples template's tokens before and after the list."""
        head, tail = str(self.spec.examples_template).split("{examples}")
        if tail.count(PLACEHOLDER) != 1:
            raise BridgeError(
                f"examples_template is {self.spec.examples_template!r}: expected {PLACEHOLDER} once, after {{examples}}"
            )
        return self._template_ids(head), self._template_ids(tail)

    @cached_property
    def _item(self) -> tuple[list[int], list[int]]:
        return self._template_ids("-"), self._template_ids("\n")

    def _template_ids(self, text: str) -> list[int]:
        ids = self.tokenizer(text.removeprefix("{bos}"), add_special_tokens=False)["input_ids"]
        return [*_begin_ids(self.tokenizer, text), *ids]

    def _split(self, ids: Sequence[int]) -> Prompt:
        place = list(ids).index(placeholder_id(self.tokenizer))
        return Prompt((tuple(ids[:place]),) if place else (), tuple(ids[place + 1 :]))


def on_one_line(text: str) -> str:
    """Return the text on one line; spaces of all kinds stay what they are.

    Examples
    --------
    >>> on_one_line("Hello,\\r\\n\\tyou.")
    'Hello, you.'
    """
    return _LINE_BREAKS.sub(" ", text).strip()


def prompt_ids(tokenizer: Any, template: str, content: str) -> list[int]:
    """Return the token ids of one prompt: the chat template around `content`, the placeholder included.

    Parameters
    ----------
    tokenizer : transformers tokenizer
        Never changed; special tokens are added by the template alone.
    template : str
        Holds ``{content}`` once; ``{bos}``, if there, is its beginning and stands for the tokenizer's
        begin-of-text token.
    content : str
        Holds the placeholder ``<xRAG>`` exactly once.

    Raises
    ------
    BridgeError
        If the tokenizer has no such placeholder token, the template lacks ``{content}``, or the
        placeholder does not come out exactly once.
    """
    if "{content}" not in template:
        raise BridgeError(f"chat template {template!r} has no {{content}}: put it where the prompt goes")
    placeholder = placeholder_id(tokenizer)
    text = template.removeprefix("{bos}").replace("{content}", content.strip())
    ids = [*_begin_ids(tokenizer, template), *tokenizer(text, add_special_tokens=False)["input_ids"]]
    if ids.count(placeholder) != 1:
        raise BridgeError(
            f"prompt {content!r} holds the placeholder {ids.count(placeholder)} times: expected {PLACEHOLDER} once"
        )
    return ids


def _begin_ids(tokenizer: Any, template: str) -> list[int]:
    """Return the begin-of-text token where a template begins with ``{bos}``."""
    if not template.startswith("{bos}"):
        return []
    if tokenizer.bos_token_id is None:
        raise BridgeError(f"template {template!r} begins with {{bos}}, but the tokenizer has no bos_token: set one")
    return [tokenizer.bos_token_id]


def count_tokens(tokenizer: Any, texts: Sequence[str]) -> NDArray[np.int64]:
    """Return the number of tokens of each text, special tokens not counted."""
    if not len(texts):
        return np.zeros(0, dtype=np.int64)
    plain = [well_formed(text) for text in texts]
    ids = tokenizer(plain, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    return np.array([len(row) for row in ids], dtype=np.int64)


def capacity_after(config: Any, lengths: Iterable[int]) -> int | None:
    """Return how many tokens the model's positions leave after the longest prompt; None where it knows no limit.

    Parameters
    ----------
    config : of the language model
    lengths : iterable of int
        Of the prompts, in tokens.
    """
    positions = getattr(config.get_text_config(), "max_position_embeddings", None)
    return positions - max(lengths) if positions else None


def placeholder_id(tokenizer: Any) -> int:
    """Return the id of ``<xRAG>`` in the tokenizer's vocabulary, or raise BridgeError."""
    # Tokens that were added are looked at first: the whole vocabulary is slow to list.
    found = tokenizer.get_added_vocab().get(PLACEHOLDER)
    if found is None:
        found = tokenizer.get_vocab().get(PLACEHOLDER)
    if found is None:
        raise BridgeError(
            f"the tokenizer has no placeholder token {PLACEHOLDER}: this is not a bridge; "
            "train one with `smotext train`, or name a bridge directory"
        )
    return int(found)


def check_prompt(prompt: int | str, prompts: Sequence[str]) -> int | str:
    """Return `prompt` if it is ``"random"`` or the number of one of `prompts`; raise InputError if not.

    Examples
    --------
    >>> check_prompt("random", ["a", "b"]), check_prompt(1, ["a", "b"])
    ('random', 1)
    """
    if isinstance(prompt, str) and prompt == "random":
        return prompt
    if isinstance(prompt, Integral) and not isinstance(prompt, bool) and 0 <= prompt < len(prompts):
        return int(prompt)
    raise InputError(f"prompt is {prompt!r}: expected 'random' or a number from 0 to {len(prompts) - 1}")
