"""What is trained: a causal language model, its tokenizer with the placeholder, and the projector."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from smotext.decoders.alignment import Alignment, read_alignment
from smotext.decoders.base_model import BASES, find_base
from smotext.decoders.base_weights import load_base
from smotext.decoders.bridge import GUIDANCE_PREFIX, BridgeSpec, read_config, read_spec, read_tensors
from smotext.decoders.guidance import Guidance
from smotext.decoders.loading import read_language_model
from smotext.decoders.projector import PREFIX, AnyProjector, SlotProjector, new_projector, projector_from_tensors
from smotext.decoders.prompt_context import hide_slots_from_lower_layers
from smotext.decoders.prompt_templates import PLACEHOLDER
from smotext.decoders.prompts import EXAMPLE_TOKENS, Prompts, capacity_after
from smotext.errors import BridgeError, InputError, ModelNotFoundError
from smotext.utils.hub import how_to_get

# xRAG's projector.
MLP = {"projector_type": "mlp2x_gelu"}


@dataclass
class Pair:
    """Language model, tokenizer, projector, and the conventions between them.

    Attributes
    ----------
    lm : PreTrainedModel
        Any causal language model.
    tokenizer : PreTrainedTokenizer
        Has the placeholder and an end token.
    projector : Projector or SlotProjector
        From the encoder's vectors to what the language model reads.
    spec : BridgeSpec
        Prompts, template and vector scale.
    guidance : Guidance or None
        The head that names a text's words; fitted by itself, never trained with the rest.
    alignment : Alignment or None
        From the vectors of ``spec.encoder`` to those that the rest takes; never trained.
    """

    lm: Any
    tokenizer: Any
    projector: AnyProjector
    spec: BridgeSpec
    guidance: Guidance | None = None
    alignment: Alignment | None = None

    def parameters(self) -> Iterable[tuple[str, nn.Parameter]]:
        """Yield every named parameter, ``projector.`` and ``lm.`` before its own name."""
        for prefix, module in (("projector", self.projector), ("lm", self.lm)):
            for name, parameter in module.named_parameters():
                yield f"{prefix}.{name}", parameter

    def to(self, device: str, dtype: torch.dtype | None = None) -> Pair:
        """Move all to a device and return the pair; language model and projector change to `dtype` on the way."""
        for module in (self.lm, self.projector):
            module.to(device=device, dtype=dtype)
        if self.guidance is not None:
            # The guidance head stays in float32.
            self.guidance.to(device=device)
        return self

    def aligned(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the vectors of the bridge's encoder as the projector takes them."""
        return vectors if self.alignment is None else self.alignment(vectors)

    @cached_property
    def prompts(self) -> Prompts:
        """The bridge's prompts."""
        return Prompts(self.tokenizer, self.spec)

    def capacity(self, *, is_read: bool = False, n_examples: int = 0) -> int:
        """Return how many tokens of a passage fit after the longest prompt; about 2**31 where nothing limits them.

        Parameters
        ----------
        is_read : bool
            The passage also stands in the prompt, in the placeholder's place, as stage 2's teacher reads it.
        n_examples : int
            Texts that a prompt may show; at least as many as it shows by itself are counted.
        """
        prompts = self.prompts
        lengths = [len(prompts.numbered(number)) for number in range(len(self.spec.prompts))]
        if prompts.takes_examples:
            n_shown = max(n_examples, self.spec.examples)
            lengths.append(len(prompts.with_examples([])) + n_shown * (EXAMPLE_TOKENS + 2))
        found = capacity_after(self.lm.config, [length + self.projector.n_places for length in lengths])
        capacity = 2**31 if found is None else found
        return (capacity + 1) // 2 if is_read else capacity

    def check_capacity(self, max_tokens: int, *, is_read: bool, n_examples: int = 0) -> None:
        """Raise InputError if passages of `max_tokens` do not fit; the options are those of :meth:`capacity`."""
        capacity = self.capacity(is_read=is_read, n_examples=n_examples)
        if max_tokens > capacity:
            where = "in stage 2's prompt and again after it" if is_read else "after the prompt"
            raise InputError(
                f"max_tokens={max_tokens}, but only {capacity} tokens fit into the language model {where}: "
                "lower max_tokens"
            )


def load_bridge(directory: str | Path, *, is_adapted: bool = True) -> Pair:
    """Return the pair in a bridge directory, in float32.

    Parameters
    ----------
    directory : path
    is_adapted : bool
        Whether the adapter of a bridge that names its language model is merged into it, as for scoring; False leaves
        the language model as it is, for training to put the adapter's layers back.
    """
    directory = Path(directory)
    lm = _load_lm(str(directory), is_adapted=is_adapted)
    projector = projector_from_tensors(read_config(directory), read_tensors(directory, PREFIX), lm.config)
    spec = read_spec(directory)
    alignment = read_alignment(directory, spec.aligned_to, projector.vector_dim)
    tensors = read_tensors(directory, GUIDANCE_PREFIX)
    guidance = Guidance.from_tensors(tensors, lm.get_input_embeddings().weight) if tensors else None
    return _with_slots(Pair(lm, load_tokenizer(str(directory)), projector, spec, guidance, alignment))


def load_training_pair(
    lm: str, *, vector_dim: int, spec: BridgeSpec, projector: Mapping[str, Any] = MLP, seed: int = 0
) -> Pair:
    """Return a language model with a new, seeded projector and the placeholder in its vocabulary.

    Parameters
    ----------
    lm : str
        Hub name or path of a causal language model, or one of :data:`~smotext.decoders.base_model.BASES`.
    vector_dim : int
        Width of the encoder's vectors.
    spec : BridgeSpec
        Conventions of the bridge to be.
    projector : mapping
        Its kind, as config.json describes it.
    seed : int
        Of the projector's first weights.
    """
    return assemble_pair(
        _load_lm(lm), load_tokenizer(lm), vector_dim=vector_dim, spec=spec, projector=projector, seed=seed
    )


def assemble_pair(
    lm: Any,
    tokenizer: Any,
    *,
    vector_dim: int,
    spec: BridgeSpec,
    projector: Mapping[str, Any] = MLP,
    seed: int = 0,
) -> Pair:
    """Return the pair of a language model in memory: adds the placeholder to its tokenizer if it is not there.

    The placeholder's embedding is never read, so the language model's table stays as it is. Where the tokenizer has no
    begin token (Qwen's, for one), the bridge's prompts begin without.

    Raises
    ------
    InputError
        If the tokenizer has no end token: texts could not end.
    """
    if tokenizer.eos_token_id is None:
        raise InputError(
            "the language model's tokenizer has no end token (eos_token): set one, texts could not end without it"
        )
    if tokenizer.bos_token_id is None:
        spec = _without_begin(spec)
    if PLACEHOLDER not in tokenizer.get_vocab():
        tokenizer.add_special_tokens({"additional_special_tokens": [PLACEHOLDER]})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = new_projector({**projector, "retriever_hidden_size": vector_dim}, lm.config)
    return _with_slots(Pair(lm, tokenizer, made, spec))


def _without_begin(spec: BridgeSpec) -> BridgeSpec:
    templates = {name: getattr(spec, name) for name in ("chat_template", "examples_template")}
    return replace(spec, **{name: text and text.removeprefix("{bos}") for name, text in templates.items()})


def _with_slots(pair: Pair) -> Pair:
    if isinstance(pair.projector, SlotProjector):
        hide_slots_from_lower_layers(pair.lm, pair.projector.first_layer)
    return pair


def load_tokenizer(name: str) -> Any:
    """Return the tokenizer of a causal language model."""
    from transformers import AutoTokenizer

    if name in BASES:
        file = find_base(BASES[name])
        return AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    return AutoTokenizer.from_pretrained(name)


def _load_lm(name: str, *, is_adapted: bool = True) -> Any:
    if name in BASES:
        return load_base(BASES[name])
    if (Path(name) / "modules.json").exists():
        raise InputError(f"{name} is a sentence-transformers encoder, not a language model: did you swap the two?")
    try:
        lm, info = read_language_model(name, is_adapted=is_adapted, dtype=torch.float32)
    except OSError as error:
        raise ModelNotFoundError(f"{name} cannot be loaded ({error}): {how_to_get(name, None)}") from error
    except ValueError as error:
        raise InputError(f"{name} is not a causal language model: {error}") from error
    if missing := sorted(info["missing_keys"]):
        raise BridgeError(f"{name} lacks the language model's tensors {missing[:5]}: expected a causal language model")
    return lm
