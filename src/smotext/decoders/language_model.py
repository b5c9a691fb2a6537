"""A causal language model with a projector: vector in, text out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from smotext.decoders import loading
from smotext.decoders.bridge import BridgeSpec, fingerprint
from smotext.decoders.checks import check_vectors, per_row
from smotext.decoders.guidance import Guidance, weighted_bias
from smotext.decoders.loop import Written, write
from smotext.decoders.memory import rows_per_batch
from smotext.decoders.projector import Projector
from smotext.decoders.prompts import check_prompt, count_tokens, placeholder_id, prompt_ids, room_after
from smotext.devices import is_out_of_memory
from smotext.errors import InputError, SmotextWarning
from smotext.hub import hub_identity
from smotext.inputs import check_count
from smotext.parallel import spread
from smotext.records import Decoded
from smotext.seeding import uniforms
from smotext.settings import Sampling

WritePart = Callable[[NDArray[np.int64]], list[Written]]


@dataclass(frozen=True)
class DecoderSettings:
    """All that is needed to load the same decoder again, in this process or another."""

    directory: str
    device: str | None = None
    dtype: str | None = None
    quantization: str | None = None
    trust_remote_code: bool = False


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
    max_new_tokens : int
        The longest output that the bridge was trained for.
    most_new_tokens : int or None
        What the language model's positions leave after the longest prompt; None where it knows no limit.

    References
    ----------
    xRAG (arXiv 2405.13792); SMOTExT (arXiv 2505.13434), section 3.
    """

    def __init__(
        self, settings: DecoderSettings, model: Any, tokenizer: Any, projector: Projector, spec: BridgeSpec,
        guidance: Guidance | None = None,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.model = model
        self.tokenizer = tokenizer
        self.projector = projector
        self.spec = spec
        self.guidance = guidance
        self.vector_dim = projector.vector_dim
        self.prompts = spec.prompts
        self.max_new_tokens = spec.max_new_tokens

    @cached_property
    def fingerprint(self) -> str:
        """Hub name and commit, or a hash of the directory's files."""
        directory = Path(self.settings.directory)
        return hub_identity(directory.resolve()) or fingerprint(directory)

    @cached_property
    def most_new_tokens(self) -> int | None:
        """What the language model's positions leave after the longest prompt."""
        return room_after(self.model.config, map(self._prompt_length, range(len(self.prompts))))

    def decode(
        self,
        vectors: NDArray[np.float32],
        *,
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
            Finite. A bridge with ``vector_norm="unit"`` rescales them to length 1.
        prompt : int, "random" or one int per row
            Number of a prompt; "random" draws one per row from its seed.
        max_new_tokens : int or one int per row
            Where a text is stopped, at least 1.
        do_sample : bool
            False is greedy; the seeds then mean nothing.
        temperature, top_p, top_k, repetition_penalty, min_new_tokens
            As in transformers; see :class:`~smotext.settings.Sampling`.
        guidance : float, optional
            Weight of the bridge's guidance head, 0 is off; None takes the bridge's own default.
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
            vectors, prompt=prompt, max_new_tokens=max_new_tokens, do_sample=do_sample, temperature=temperature,
            top_p=top_p, top_k=top_k, repetition_penalty=repetition_penalty, min_new_tokens=min_new_tokens,
            guidance=guidance, seeds=seeds, batch_size=batch_size,
        )  # fmt: skip
        return [row.text for row in rows]

    def decode_rows(
        self,
        vectors: NDArray[np.float32],
        *,
        prompt: int | str | Sequence[int] = 0,
        max_new_tokens: int | Sequence[int] = 128,
        guidance: float | None = None,
        seeds: Sequence[int] | NDArray[np.int64] | None = None,
        batch_size: int | None = None,
        **options: Any,
    ) -> list[Decoded]:
        """Return one :class:`~smotext.records.Decoded` per vector; parameters as in :meth:`decode`."""
        sampling = Sampling(**options)
        rows = self._scale(check_vectors(vectors, self.vector_dim))
        row_seeds = per_row(np.arange(len(rows)) if seeds is None else seeds, len(rows), "seeds")
        limits = per_row(max_new_tokens, len(rows), "max_new_tokens", least=1, most=self.most_new_tokens)
        if batch_size is not None:
            check_count("batch_size", batch_size, "1 or more, or None")
        prompts = self._prompt_numbers(prompt, row_seeds)
        weight = self.spec.guidance if guidance is None else guidance
        found: dict[int, Written] = {}
        for number in np.unique(prompts).tolist():  # prompts of one number have one length: no padding
            places = np.flatnonzero(prompts == number)
            places = places[np.argsort(-limits[places], kind="stable")]  # rows of like length end together

            def write_part(part: NDArray[np.int64], number: int = number) -> list[Written]:
                return self._write(rows[part], number, limits[part], row_seeds[part], sampling, weight)

            def keep(part: NDArray[np.int64], write_part: WritePart = write_part) -> None:
                found.update(zip(part.tolist(), in_halves(write_part, part), strict=True))

            n_tokens = self._prompt_length(number) + int(limits[places].max())
            size = batch_size or rows_per_batch(self.model, len(places), n_tokens)
            batches = [places[start : start + size] for start in range(0, len(places), size)]
            if self.model.device.type == "cpu":
                spread(keep, batches)
            else:
                for batch in batches:
                    keep(batch)
        return [self._decoded(found[place]) for place in range(len(rows))]

    def count_tokens(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return the number of the language model's tokens in each text, special tokens not counted."""
        return count_tokens(self.tokenizer, texts)

    def _scale(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.spec.vector_norm == "raw":
            return vectors
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if (lengths == 0).any():
            raise InputError(f"vector {int(np.argmin(lengths))} is all zeros: it has no direction to decode")
        return vectors / lengths

    def _prompt_numbers(self, prompt: int | str | Sequence[int], seeds: NDArray[np.int64]) -> NDArray[np.int64]:
        if isinstance(prompt, str):
            check_prompt(prompt, self.prompts)
            return (uniforms(seeds, "prompt")[:, 0] * len(self.prompts)).astype(np.int64)
        numbers = per_row(prompt, len(seeds), "prompt")
        for number in np.unique(numbers):
            check_prompt(int(number), self.prompts)
        return numbers

    def _prompt_length(self, number: int) -> int:
        return len(prompt_ids(self.tokenizer, self.spec.chat_template, self.prompts[number]))

    @torch.inference_mode()
    def _write(
        self,
        vectors: NDArray[np.float32],
        number: int,
        limits: NDArray[np.int64],
        seeds: NDArray[np.int64],
        sampling: Sampling,
        guidance: float,
    ) -> list[Written]:
        device = self.model.get_input_embeddings().weight.device
        tensor = torch.from_numpy(vectors).to(device)
        return write(
            self.model,
            self.embed_prompts(tensor, number),
            limits=torch.from_numpy(limits).to(device),
            seeds=torch.from_numpy(seeds).to(device),
            end_ids=torch.tensor(self._end_ids, device=device),
            sampling=sampling,
            bias=weighted_bias(self.guidance, guidance, tensor),
        )

    def embed_prompts(self, vectors: torch.Tensor, number: int = 0) -> torch.Tensor:
        """Return prompt `number` as input embeddings, with each projected vector in the placeholder's place.

        Parameters
        ----------
        vectors : tensor of shape (n_rows, vector_dim)
        number : int

        Returns
        -------
        tensor of shape (n_rows, prompt_length, hidden_size), in the model's dtype
        """
        table = self.model.get_input_embeddings()
        ids = torch.tensor(prompt_ids(self.tokenizer, self.spec.chat_template, self.prompts[number]))
        place = int((ids == placeholder_id(self.tokenizer)).nonzero())
        ids[place] = 0  # any id that the table has: the placeholder's own may lie beyond it
        embeds = table(ids.to(table.weight.device)).expand(len(vectors), -1, -1).clone()
        soft = self.projector(vectors.to(next(self.projector.parameters()).dtype))
        embeds[:, place] = soft.to(embeds.dtype)
        return embeds

    @cached_property
    def _end_ids(self) -> list[int]:
        configured = getattr(self.model.generation_config, "eos_token_id", None)
        ids = configured if isinstance(configured, list) else [configured]
        return sorted({int(token) for token in [*ids, self.tokenizer.eos_token_id] if token is not None})

    def _decoded(self, row: Written) -> Decoded:
        return Decoded(self.tokenizer.decode(row.ids, skip_special_tokens=True), len(row.ids), row.is_finished)

    def __sklearn_clone__(self) -> LanguageModelDecoder:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> LanguageModelDecoder:
        return self

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[DecoderSettings]]:
        return loading.load, (self.settings,)


def in_halves(write_part: WritePart, part: NDArray[np.int64]) -> list[Written]:
    """Return ``write_part(part)``, in halves where memory does not suffice for the whole.

    Raises
    ------
    MemoryError
        If a single row does not fit; torch's own error on a GPU.

    Warns
    -----
    SmotextWarning
        Each time a batch is halved.
    """
    try:
        return write_part(part)
    except Exception as error:
        if not is_out_of_memory(error) or len(part) == 1:
            raise
    half = len(part) // 2
    warnings.warn(
        f"memory ran out: going on with {half} rows at a time; in bfloat16 that can change a few texts",
        SmotextWarning,
        stacklevel=2,
    )
    return [*in_halves(write_part, part[:half]), *in_halves(write_part, part[half:])]
