"""From text to the token ids that an encoder reads: cut, closed by special tokens, never padded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from smotext.data.validation import well_formed
from smotext.errors import InputError

# The first guess at how much of a long text is needed. English has about 4.5 characters a token.
_CHARS_PER_TOKEN = 10
# So many tokens past the limit, cutting a text within a word changes none of the tokens that are kept.
_MARGIN = 16


class TextTokenizer:
    """A tokenizer with a limit, which it is never told: the caller's tokenizer stays as it is.

    Parameters
    ----------
    tokenizer : transformers tokenizer
    max_tokens : int
        Most tokens of a text, special tokens included.
    require_eos : bool
        True: the last token is the end-of-text token, whatever the tokenizer's own post-processor does.
        (transformers 5 ignores ``add_eos_token`` where tokenizer.json does not add it.)

    Attributes
    ----------
    prefix, suffix : list of int
        Special tokens around every text.

    Raises
    ------
    InputError
        If end-of-text is required and the tokenizer has none, or the limit leaves no room for text.
    """

    def __init__(self, tokenizer: Any, max_tokens: int, *, require_eos: bool = False) -> None:
        self._tokenizer = tokenizer
        self.max_tokens = max_tokens
        self.prefix, self.suffix = _special_tokens(tokenizer)
        if require_eos:
            self._require_eos()
        self.capacity = max_tokens - len(self.prefix) - len(self.suffix)
        if self.capacity < 1:
            n_special = max_tokens - self.capacity
            raise InputError(f"max_tokens is {max_tokens}: expected more than the {n_special} special tokens")

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return each text's token ids, special tokens included, cut at the limit."""
        return [self.prefix + body[: self.capacity] + self.suffix for body in self._bodies(texts)]

    def count_truncated(self, texts: Sequence[str]) -> int:
        """Return how many texts are longer than the limit."""
        # A token covers a byte at least, and a tokenizer may add one space in front.
        candidates = [text for text in texts if 4 * len(text) + 1 > self.capacity]
        return sum(len(body) > self.capacity for body in self._bodies(candidates))

    def _bodies(self, texts: Sequence[str]) -> list[list[int]]:
        """Return ids without special tokens: all of them, or at least one more than there is room for.

        Only as much of a long text is tokenized as that takes.
        """
        bodies: list[list[int]] = [[] for _ in texts]
        pending = list(range(len(texts)))
        n_chars = _CHARS_PER_TOKEN * self.max_tokens
        while pending:
            pieces = [_cut(texts[row], n_chars) for row in pending]
            found = self._ids(pieces)
            for row, ids in zip(pending, found, strict=True):
                bodies[row] = ids[: self.capacity + 1]
            pending = [
                row
                for row, piece, ids in zip(pending, pieces, found, strict=True)
                if len(piece) < len(texts[row]) and len(ids) < self.capacity + _MARGIN
            ]
            n_chars *= 4
        return bodies

    def _ids(self, texts: list[str]) -> list[list[int]]:
        return self._tokenizer(
            [well_formed(text) for text in texts],
            add_special_tokens=False,
            padding=False,
            truncation=False,
            return_attention_mask=False,
            return_token_type_ids=False,
            # Texts are cut here, so that the tokenizer's advice to truncate them is beside the point.
            verbose=False,
        )["input_ids"]

    def _require_eos(self) -> None:
        eos = self._tokenizer.eos_token_id
        if eos is None:
            raise InputError("the encoder must end its texts with end-of-text, but the tokenizer has no eos_token")
        if self.suffix[-1:] != [eos]:
            self.suffix = [*self.suffix, eos]


def _special_tokens(tokenizer: Any) -> tuple[list[int], list[int]]:
    """Return what the tokenizer's post-processor puts before and after a text."""
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]
    closed = tokenizer("a", add_special_tokens=True)["input_ids"]
    for start in range(len(closed) - len(bare) + 1):
        if closed[start : start + len(bare)] == bare:
            return list(closed[:start]), list(closed[start + len(bare) :])
    raise InputError("the tokenizer does not keep a text's tokens together: such a model cannot be used here")


def _cut(text: str, n_chars: int) -> str:
    """Return the first `n_chars` characters at most, cut before the last white space among them."""
    if len(text) <= n_chars:
        return text
    piece = text[:n_chars]
    words = piece.rsplit(None, 1)
    return words[0] if len(words) == 2 else piece
