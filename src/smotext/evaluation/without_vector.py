"""What the pair's language model writes without a vector: controls of the vector itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from smotext.evaluation.labelled_texts import Label, NotApplicable
from smotext.evaluation.word_edits import CHANGED, made_of, rows_in_turn
from smotext.fitting.new_rows import NewRows
from smotext.protocols import Decoded
from smotext.settings import Sampling

WRITTEN_AT_ONCE = 32
# Tokens of a word that is put in.
MOST_TOKENS = 4
WORD_SAMPLING = Sampling(do_sample=True, temperature=1.0, top_p=0.9)


@runtime_checkable
class NextWords(Protocol):
    """Anything that says which word may come next."""

    fingerprint: str

    def next_words(self, beginnings: Sequence[str], seeds: Sequence[int]) -> list[str]:
        """Return one word per beginning of a text; an empty string where none comes to mind."""
        ...


def has_language_model(decoder: Any) -> bool:
    """Return whether the decoder's causal language model can be asked without a vector."""
    return all(hasattr(decoder, name) for name in ("model", "tokenizer", "spec"))


class LanguageModelWords:
    """The next word by the decoder's causal language model, sampled from the likeliest 90 %.

    Parameters
    ----------
    decoder : LanguageModelDecoder
    """

    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder
        self.fingerprint = f"next words of {decoder.fingerprint}"

    def next_words(self, beginnings: Sequence[str], seeds: Sequence[int]) -> list[str]:
        """Return one word per beginning."""
        tokenizer = self._decoder.tokenizer
        ids = tokenizer([f"\n{text}" for text in beginnings], add_special_tokens=False, split_special_tokens=True)
        written = _continued(
            self._decoder,
            [[row] for row in ids["input_ids"]],
            np.full(len(beginnings), MOST_TOKENS),
            np.asarray(seeds),
            WORD_SAMPLING,
        )
        texts = [tokenizer.decode(row.ids, skip_special_tokens=True) for row in written]
        return [words[0] if (words := text.split()) else "" for text in texts]


class ContextualEdits:
    """Copies in which words are put in, or put in the place of others, as the text before them suggests.

    Parameters
    ----------
    words : NextWords, optional
        None: the condition is told as not run.

    References
    ----------
    Kobayashi, "Contextual augmentation", NAACL 2018; the insertions and replacements compared in arXiv 2408.16502,
    which use a masked language model, where this one reads the text before a word alone.

    Examples
    --------
    >>> class Always:
    ...     fingerprint = "always"
    ...     def next_words(self, beginnings, seeds):
    ...         return ["very"] * len(beginnings)
    >>> ContextualEdits(Always())(["a good day", "no"], ["x", "y"], {"x": 2}, seed=0).texts
    ('a very day', 'a very good day')
    """

    def __init__(self, words: NextWords | None) -> None:
        self.words = words
        self.fingerprint = f"contextual edits, {getattr(words, 'fingerprint', 'not run')}"

    def __call__(self, texts: Sequence[str], labels: Sequence[Label], n_new: Mapping[Label, int], seed: int) -> NewRows:
        """Return edited copies, each class's originals taken in turn; of one in ten words, at least one."""
        if self.words is None:
            raise NotApplicable("not run: the decoder has no causal language model to ask for words")
        rng = np.random.default_rng(seed)
        rows = rows_in_turn(labels, n_new, rng)
        edited = [texts[row].split() for row in rows]
        is_insertion = rng.random(len(rows)) < 0.5
        n_left = np.array([max(1, round(CHANGED * len(words))) for words in edited])
        while (n_left > 0).any():
            (places,) = np.nonzero(n_left > 0)
            n_left[places] -= 1
            places = np.array([place for place in places if len(edited[place]) > 1], dtype=int)
            if not len(places):
                continue
            cuts = [int(rng.integers(1, len(edited[place]) + int(is_insertion[place]))) for place in places]
            beginnings = [" ".join(edited[place][:cut]) for place, cut in zip(places, cuts, strict=True)]
            found = self.words.next_words(beginnings, rng.integers(2**31, size=len(places)).tolist())
            for place, cut, word in zip(places, cuts, found, strict=True):
                if word:
                    edited[place][cut : cut if is_insertion[place] else cut + 1] = [word]
        return made_of(rows, [" ".join(words) for words in edited], labels)


class PromptingDecoder:
    """A decoder that ignores its vectors: the language model reads the examples and writes one more of the kind.

    Given to a sampler in place of its own decoder, everything but the vector is the same: examples, their order, limits
    and seeds.

    Parameters
    ----------
    decoder : LanguageModelDecoder
        Its prompts can show texts.
    """

    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder
        self.vector_dim, self.prompts = decoder.vector_dim, decoder.prompts
        self.max_new_tokens, self.most_new_tokens = decoder.max_new_tokens, decoder.most_new_tokens
        self.examples = decoder.examples
        self.fingerprint = f"{decoder.fingerprint} without a vector"

    def decode(self, vectors: NDArray[Any], **options: Any) -> list[str]:
        """Return one text per vector, whatever the vector."""
        return [row.text for row in self.decode_rows(vectors, **options)]

    def decode_rows(
        self,
        vectors: NDArray[Any],
        *,
        examples: Sequence[Sequence[str]] | None = None,
        prompt: Any = 0,
        max_new_tokens: Any = 128,
        guidance: float | None = None,
        seeds: Sequence[int] | None = None,
        batch_size: int | None = None,
        **options: Any,
    ) -> list[Decoded]:
        """Return one :class:`~smotext.protocols.Decoded` per vector; `prompt` and `guidance` mean nothing here.

        Raises
        ------
        NotApplicable
            If a row has no examples: there would be nothing to go by.
        """
        from smotext.decoders.prompts import Prompts

        if examples is None or not all(examples):
            raise NotApplicable("not run: the prompts show no examples, and without a vector nothing is asked for")
        prompts = Prompts(self._decoder.tokenizer, self._decoder.spec)
        known = sorted({text for shown in examples for text in shown})
        ids = dict(zip(known, prompts.example_ids(known), strict=True))
        made = [prompts.with_examples([ids[text] for text in shown]) for shown in examples]
        contexts = [[*prompt.before, prompt.after] for prompt in made]
        n_rows = len(vectors)
        limits = np.broadcast_to(np.asarray(max_new_tokens, dtype=np.int64), n_rows)
        row_seeds = np.arange(n_rows) if seeds is None else np.asarray(seeds)
        written = _continued(
            self._decoder, contexts, limits, row_seeds, Sampling(**options), batch_size, end_ids=prompts.end_ids
        )
        texts = [self._decoder.tokenizer.decode(row.ids, skip_special_tokens=True) for row in written]
        return [Decoded(text, len(row.ids), row.is_finished) for text, row in zip(texts, written, strict=True)]

    def count_tokens(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return the number of the language model's tokens in each text."""
        return self._decoder.count_tokens(texts)


def _continued(
    decoder: Any,
    contexts: Sequence[Sequence[Sequence[int]]],
    limits: NDArray[Any],
    seeds: NDArray[Any],
    sampling: Sampling,
    batch_size: int | None = None,
    end_ids: Sequence[int] = (),
) -> list[Any]:
    """Return what the language model writes after token ids; parts that several rows begin with are read once."""
    import torch

    from smotext.decoders.decoding_loop import write
    from smotext.decoders.prompt_context import read_prompts

    order = sorted(range(len(contexts)), key=lambda row: [tuple(part) for part in contexts[row]])
    found: dict[int, Any] = {}
    table = decoder.model.get_input_embeddings()
    device = table.weight.device
    ends = sorted({int(decoder.tokenizer.eos_token_id), *end_ids})
    size = batch_size or WRITTEN_AT_ONCE
    for start in range(0, len(order), size):
        part = order[start : start + size]
        longest = int(limits[part].max())
        with torch.inference_mode():
            read = [_without_last(contexts[row]) for row in part]
            context = read_prompts(decoder.model, read, torch.arange(len(part), device=device), capacity=1 + longest)
            last = torch.tensor([[contexts[row][-1][-1]] for row in part], device=device)
            written = write(
                decoder.model,
                table(last),
                limits=torch.tensor(limits[part].tolist(), device=device),
                seeds=torch.tensor(seeds[part].tolist(), device=device),
                end_ids=torch.tensor(ends, device=device),
                sampling=sampling,
                bias=None,
                context=context,
            )
        found.update(zip(part, written, strict=True))
    return [found[row] for row in range(len(contexts))]


def _without_last(parts: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    """Return the parts without the last token, with which writing begins."""
    *before, end = map(tuple, parts)
    return [*before, end[:-1]] if end[:-1] else before
