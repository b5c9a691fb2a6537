"""A causal language model with a projector: vector in, text out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from smotext.data.validation import check_count
from smotext.decoders.alignment import Alignment, unit_rows
from smotext.decoders.batch_size import rows_per_batch
from smotext.decoders.bridge import BridgeSpec, fingerprint
from smotext.decoders.decoding_loop import Written, write_after_vectors
from smotext.decoders.guidance import Guidance, guidance_of_rows, weighted_bias
from smotext.decoders.input_checks import check_vectors, per_row
from smotext.decoders.likelihood import text_log_likelihood
from smotext.decoders.projector import AnyProjector
from smotext.decoders.prompts import EXAMPLE_TOKENS, Prompt, Prompts, capacity_after, count_tokens
from smotext.decoders.row_batches import in_halves, row_batches, with_one_end
from smotext.errors import InputError
from smotext.protocols import Decoded, LoadedFrom
from smotext.settings import Sampling
from smotext.utils.hub import hub_identity
from smotext.utils.parallel import spread

# The texts that each row's prompt shows.
ExampleTexts = Sequence[Sequence[str]]


# Positions are set aside for so many examples, as long as half of all positions are left for the text.
_MOST_EXAMPLES = 16


class LanguageModelDecoder:
    """Decodes vectors with a bridge directory: projector, prompt and causal language model.

    Made by :func:`smotext.load_decoder`. Cloning and deep-copying return the same object, and pickling
    stores the path and the settings, so that a fold or a worker never copies the weights.

    Attributes
    ----------
    vector_dim : int
        Width of the vectors it takes.
    spec : BridgeSpec
        What the bridge was trained with.
    prompts : tuple of str
        The numbered prompts.
    examples : int or None
        How many texts a prompt shows unless the caller says; None where prompts can show none.
    max_new_tokens : int
        The longest output that the bridge was trained for.
    most_new_tokens : int or None
        What the language model's positions leave after the longest prompt; None where it knows no limit.

    References
    ----------
    xRAG (arXiv 2405.13792); SMOTExT (arXiv 2505.13434), section 3.
    """

    def __init__(
        self, settings: LoadedFrom, model: Any, tokenizer: Any, projector: AnyProjector, spec: BridgeSpec,
        guidance: Guidance | None = None, alignment: Alignment | None = None,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.model = model
        self.tokenizer = tokenizer
        self.projector = projector
        self.spec = spec
        self.guidance = guidance
        self.alignment = alignment
        self.vector_dim = projector.vector_dim if alignment is None else alignment.vector_dim
        self.prompts = spec.prompts
        self.examples = None if spec.examples_template is None else spec.examples
        self._prompts = Prompts(tokenizer, spec)
        self.max_new_tokens = spec.max_new_tokens

    @cached_property
    def fingerprint(self) -> str:
        """Hub name and commit, or a hash of the directory's files."""
        directory = Path(self.settings.name)
        return hub_identity(directory.resolve()) or fingerprint(directory)

    @cached_property
    def most_new_tokens(self) -> int | None:
        """What the language model's positions leave after the longest prompt."""
        capacity = self._capacity_after([self._prompts.numbered(number) for number in range(len(self.prompts))])
        if capacity is None or self.examples is None:
            return capacity
        left = self._capacity_after([self._prompts.with_examples([])])
        assert left is not None
        return min(capacity, max(left - _MOST_EXAMPLES * (EXAMPLE_TOKENS + 2), left // 2))

    def decode(
        self,
        vectors: NDArray[np.float32],
        *,
        examples: ExampleTexts | None = None,
        prompt: int | str | Sequence[int] = 0,
        max_new_tokens: int | Sequence[int] = 128,
        do_sample: bool = False,
        temperature: float = 1.0,
        top_p: float = 1.0,
        top_k: int = 0,
        repetition_penalty: float = 1.0,
        min_new_tokens: int = 0,
        guidance: float | None = None,
        seeds: Sequence[int] | NDArray[np.int64] | None = None,
        batch_size: int | None = None,
    ) -> list[str]:
        """Return one text per vector, as the language model wrote it (special tokens removed).

        Parameters
        ----------
        vectors : array-like of shape (n_rows, vector_dim)
            Finite. A bridge with ``vector_norm="unit"``, or one that was aligned, rescales them to length 1.
        examples : one list of str per row, optional
            Texts that the row's prompt shows, in this order: they set register, length and form of what is written.
            Each is read as plain characters on one line and cut at a sentence's end after 64 tokens. None, or an
            empty list, is the vector alone.
        prompt : int, "random" or one int per row
            Number of a prompt; "random" draws one per row from its seed.
        max_new_tokens : int or one int per row
            Where a text is stopped, at least 1.
        do_sample : bool
            False is greedy; the seeds then mean nothing.
        temperature, top_p, top_k, repetition_penalty, min_new_tokens
            As in transformers; see :class:`~smotext.settings.Sampling`.
        guidance : float, optional
            Weight of the bridge's guidance head, 0 is off; None takes the bridge's own default, which may be another
            for rows that are shown no texts.
        seeds : one int per row, optional
            What each row's noise comes from; None is 0 .. n_rows - 1.
        batch_size : int, optional
            Rows decoded together; None goes by the free memory. Halved when memory runs out.

        Returns
        -------
        list of str

        Raises
        ------
        InputError
            For vectors of another width, values that are not finite, or options out of range.
        """
        rows = self.decode_rows(
            vectors, examples=examples, prompt=prompt, max_new_tokens=max_new_tokens, do_sample=do_sample,
            temperature=temperature, top_p=top_p, top_k=top_k, repetition_penalty=repetition_penalty,
            min_new_tokens=min_new_tokens, guidance=guidance, seeds=seeds, batch_size=batch_size,
        )  # fmt: skip
        return [row.text for row in rows]

    def decode_rows(
        self,
        vectors: NDArray[np.float32],
        *,
        examples: ExampleTexts | None = None,
        prompt: int | str | Sequence[int] = 0,
        max_new_tokens: int | Sequence[int] = 128,
        guidance: float | None = None,
        seeds: Sequence[int] | NDArray[np.int64] | None = None,
        batch_size: int | None = None,
        **options: Any,
    ) -> list[Decoded]:
        """Return one :class:`~smotext.protocols.Decoded` per vector; parameters as in :meth:`decode`."""
        sampling = Sampling(**options)
        rows = self._scale(check_vectors(vectors, self.vector_dim))
        row_seeds = per_row(np.arange(len(rows)) if seeds is None else seeds, len(rows), "seeds")
        if batch_size is not None:
            check_count("batch_size", batch_size, "1 or more, or None")
        prompts, which = self._prompts.of_rows(self._prompts.numbers_of_rows(prompt, row_seeds), examples)
        weights = guidance_of_rows(self.spec, guidance, prompts, which)
        limits = per_row(max_new_tokens, len(rows), "max_new_tokens", least=1, most=self._most_after(prompts))
        found: dict[int, Written] = {}

        def write_part(part: NDArray[np.int64]) -> list[Written]:
            used, prompt_of_row = np.unique(which[part], return_inverse=True)
            shown = [prompts[number] for number in used]
            return self._write(rows[part], shown, prompt_of_row, limits[part], row_seeds[part], sampling, weights[part])

        def keep(part: NDArray[np.int64]) -> None:
            found.update(zip(part.tolist(), in_halves(write_part, part), strict=True))

        def size_for(n_rows: int, n_tokens: int) -> int:
            return batch_size or rows_per_batch(self.model, n_rows, n_tokens)

        batches = [
            batch
            for some in with_one_end(prompts, which)
            for batch in row_batches(some, prompts, which, limits, n_places=self.projector.n_places, size_for=size_for)
        ]
        if self.model.device.type == "cpu":
            spread(keep, batches)
        else:
            for batch in batches:
                keep(batch)
        return [self._decoded(found[place]) for place in range(len(rows))]

    def log_likelihood(
        self,
        texts: Sequence[str],
        vectors: NDArray[np.float32],
        *,
        examples: ExampleTexts | None = None,
        prompt: int = 0,
        guidance: float | None = None,
        temperature: float = 1.0,
        batch_size: int | None = None,
    ) -> NDArray[np.float64]:
        """Return log p(text | vector) in nats, summed over a text's tokens and its end.

        Parameters
        ----------
        texts : sequence of str
            One for each vector.
        vectors, examples, prompt, guidance
            As in :meth:`decode`.
        temperature : float
            Divides the logits, as when sampling.
        batch_size : int, optional
            Texts read together; None: 32.

        Returns
        -------
        ndarray of shape (n_texts,), float64

        Raises
        ------
        InputError
            If there are not as many texts as vectors, or the language model has no room for one.
        """
        rows = self._scale(check_vectors(vectors, self.vector_dim))
        if len(texts) != len(rows):
            raise InputError(f"got {len(texts)} texts for {len(rows)} vectors: expected one each")
        numbers = self._prompts.numbers_of_rows(prompt, np.zeros(len(rows), dtype=np.int64))
        prompts, which = self._prompts.of_rows(numbers, examples)
        weights = guidance_of_rows(self.spec, guidance, prompts, which)
        tokens = [[*ids, self._prompts.end_id] for ids in self._prompts.text_ids(texts)]
        lengths = np.array([len(ids) for ids in tokens])
        capacity = self._capacity_after(prompts) if prompts else None
        if capacity is not None and lengths.max() > capacity + 1:
            # The end token is predicted, but never read.
            raise InputError(
                f"text {lengths.argmax()} has {lengths.max() - 1} tokens: the language model has room for {capacity}"
            )
        found = np.empty(len(rows), dtype=np.float64)
        size = batch_size or 32
        for some in with_one_end(prompts, which):
            order = some[np.lexsort((lengths[some], which[some]))]
            for start in range(0, len(order), size):
                part = order[start : start + size]
                used, prompt_of_row = np.unique(which[part], return_inverse=True)
                tensor = torch.from_numpy(rows[part]).to(self._device)
                found[part] = text_log_likelihood(
                    self.model,
                    self.projector,
                    tensor,
                    [prompts[number] for number in used],
                    torch.from_numpy(prompt_of_row).to(self._device),
                    [tokens[row] for row in part],
                    bias=weighted_bias(self.guidance, torch.from_numpy(weights[part]), tensor),
                    temperature=temperature,
                ).cpu()
        return found

    def count_tokens(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return the number of the language model's tokens in each text, special tokens not counted."""
        return count_tokens(self.tokenizer, texts)

    def _scale(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.alignment is not None:
            vectors = self.alignment(vectors)
        return vectors if self.spec.vector_norm == "raw" else unit_rows(vectors)

    def _capacity_after(self, prompts: Sequence[Prompt]) -> int | None:
        """Return the positions that prompts and the vector leave; None where the language model knows no limit."""
        return capacity_after(self.model.config, [len(prompt) + self.projector.n_places for prompt in prompts])

    def _most_after(self, prompts: Sequence[Prompt]) -> int | None:
        """Return the most new tokens after these prompts, or raise InputError if they leave no room for any."""
        capacity = self._capacity_after(prompts) if prompts else None
        if capacity is None or self.most_new_tokens is None:
            return None
        if capacity < 1:
            longest = max(map(len, prompts))
            raise InputError(f"a prompt has {longest} tokens, more than the language model reads: show fewer examples")
        return min(capacity, self.most_new_tokens)

    @torch.inference_mode()
    def _write(
        self,
        vectors: NDArray[np.float32],
        prompts: list[Prompt],
        prompt_of_row: NDArray[np.int64],
        limits: NDArray[np.int64],
        seeds: NDArray[np.int64],
        sampling: Sampling,
        guidance: NDArray[np.float64],
    ) -> list[Written]:
        device = self._device
        tensor = torch.from_numpy(vectors).to(device)
        return write_after_vectors(
            self.model,
            self.projector,
            tensor,
            prompts,
            torch.from_numpy(prompt_of_row).to(device),
            limits=torch.from_numpy(limits).to(device),
            seeds=torch.from_numpy(seeds).to(device),
            end_ids=self._end_ids,
            sampling=sampling,
            bias=weighted_bias(self.guidance, torch.from_numpy(guidance), tensor),
        )

    @property
    def _device(self) -> torch.device:
        """Where the language model reads; parts of a model spread over several devices may lie elsewhere."""
        return self.model.get_input_embeddings().weight.device

    @cached_property
    def _end_ids(self) -> list[int]:
        configured = getattr(self.model.generation_config, "eos_token_id", None)
        ids = configured if isinstance(configured, list) else [configured]
        return sorted({*self._prompts.end_ids, *(int(token) for token in ids if token is not None)})

    def _decoded(self, row: Written) -> Decoded:
        return Decoded(self.tokenizer.decode(row.ids, skip_special_tokens=True), len(row.ids), row.is_finished)

    def __sklearn_clone__(self) -> LanguageModelDecoder:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> LanguageModelDecoder:
        return self

    def __reduce__(self) -> tuple[Callable[[], LanguageModelDecoder], tuple[()]]:
        return self.settings.load, ()
