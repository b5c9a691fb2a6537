"""The text around the soft token. Trainer and decoder both build their prompts here, so they can't drift."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.errors import BridgeError, InputError
from smotext.inputs import well_formed

PLACEHOLDER = "<xRAG>"  # the token whose embedding is replaced; its own row is never read
XRAG_TEMPLATE = "{bos}[INST] {content} [/INST]"

# The first is xRAG's own; the others are ours, in the spirit of its thirteen paraphrase instructions.
XRAG_PROMPTS = (
    f"Background: {PLACEHOLDER} means the same as",
    f"Say the following in other words: {PLACEHOLDER}",
    f"Here is a passage: {PLACEHOLDER}. Another way to put it is:",
    f"{PLACEHOLDER} could also be written like this:",
    f"Restate this text without changing its meaning: {PLACEHOLDER}",
    f"Read {PLACEHOLDER} and write down what it says:",
    f"A paraphrase of {PLACEHOLDER} would be:",
    f"Express what is said in {PLACEHOLDER} as a new text:",
)


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
    has_bos = template.startswith("{bos}")
    text = template.removeprefix("{bos}").replace("{content}", content.strip())
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    if has_bos:
        if tokenizer.bos_token_id is None:
            raise BridgeError("the chat template begins with {bos} but the tokenizer has no bos_token: set one")
        ids = [tokenizer.bos_token_id, *ids]
    if ids.count(placeholder) != 1:
        raise BridgeError(
            f"prompt {content!r} holds the placeholder {ids.count(placeholder)} times: expected {PLACEHOLDER} once"
        )
    return list(ids)


def count_tokens(tokenizer: Any, texts: Sequence[str]) -> NDArray[np.int64]:
    """Return the number of tokens of each text, special tokens not counted."""
    if not len(texts):
        return np.zeros(0, dtype=np.int64)
    ids = tokenizer([well_formed(text) for text in texts], add_special_tokens=False)["input_ids"]
    return np.array([len(row) for row in ids], dtype=np.int64)


def room_after(config: Any, lengths: Iterable[int]) -> int | None:
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
