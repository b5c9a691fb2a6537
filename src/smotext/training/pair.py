"""What is trained: a causal language model, its tokenizer with the placeholder, and the projector."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from smotext.decoders.bridge import GUIDANCE_PREFIX, BridgeSpec, read_config, read_spec, read_tensors
from smotext.decoders.guidance import Guidance
from smotext.decoders.loading import read_language_model
from smotext.decoders.projector import PREFIX, Projector
from smotext.decoders.prompts import PLACEHOLDER, placeholder_id, prompt_ids, room_after
from smotext.errors import BridgeError, InputError, ModelNotFoundError
from smotext.hub import how_to_get


@dataclass
class Pair:
    """Language model, tokenizer, projector, and the conventions between them.

    Attributes
    ----------
    lm : PreTrainedModel
        Any causal language model.
    tokenizer : PreTrainedTokenizer
        Has the placeholder and an end token.
    projector : Projector
        From the encoder's vectors to the language model's token embeddings.
    spec : BridgeSpec
        Prompts, template and vector scale.
    guidance : Guidance or None
        The head that names a text's words; fitted by itself, never trained with the rest.
    """

    lm: Any
    tokenizer: Any
    projector: Projector
    spec: BridgeSpec
    guidance: Guidance | None = None

    def parameters(self) -> Iterable[tuple[str, nn.Parameter]]:
        """Yield every named parameter, ``projector.`` and ``lm.`` before its own name."""
        for prefix, module in (("projector", self.projector), ("lm", self.lm)):
            for name, parameter in module.named_parameters():
                yield f"{prefix}.{name}", parameter

    def to(self, device: str, dtype: torch.dtype | None = None) -> Pair:
        """Move all to a device and return the pair; language model and projector change to `dtype` on the way."""
        for module in (self.lm, self.projector):
            module.to(device=device, dtype=dtype)
        if self.guidance is not None:  # it stays in float32
            self.guidance.to(device=device)
        return self

    def prompts(self) -> list[list[int]]:
        """Return the token ids of each prompt."""
        return [prompt_ids(self.tokenizer, self.spec.chat_template, text) for text in self.spec.prompts]

    def room(self, *, is_read: bool = False) -> int:
        """Return how many tokens of a passage fit after the longest prompt; about 2**31 where nothing limits them.

        Parameters
        ----------
        is_read : bool
            The passage also stands in the prompt, in the placeholder's place, as stage 2's teacher reads it.
        """
        found = room_after(self.lm.config, map(len, self.prompts()))
        room = 2**31 if found is None else found
        return (room + 1) // 2 if is_read else room

    def check_room(self, max_tokens: int, *, is_read: bool) -> None:
        """Raise InputError if passages of `max_tokens` do not fit; `is_read` as in :meth:`room`."""
        room = self.room(is_read=is_read)
        if max_tokens > room:
            where = "in stage 2's prompt and again after it" if is_read else "after the prompt"
            raise InputError(
                f"max_tokens={max_tokens}, but only {room} tokens fit into the language model {where}: lower max_tokens"
            )

    @property
    def placeholder(self) -> int:
        """Id of the placeholder token."""
        return placeholder_id(self.tokenizer)


def load_bridge(directory: str | Path) -> Pair:
    """Return the pair in a bridge directory, in float32, to train on from there."""
    directory = Path(directory)
    projector = Projector.from_tensors(read_config(directory), read_tensors(directory, PREFIX))
    tensors = read_tensors(directory, GUIDANCE_PREFIX)
    guidance = Guidance.from_tensors(tensors) if tensors else None
    return Pair(_load_lm(str(directory)), load_tokenizer(str(directory)), projector, read_spec(directory), guidance)


def load_pair(lm: str, *, vector_dim: int, spec: BridgeSpec, projector_type: str = "mlp2x_gelu", seed: int = 0) -> Pair:
    """Return a language model with a new, seeded projector and the placeholder in its vocabulary.

    Parameters
    ----------
    lm : str
        Hub name or path of a causal language model.
    vector_dim : int
        Width of the encoder's vectors.
    spec : BridgeSpec
        Conventions of the bridge to be.
    projector_type : str
        ``mlp{n}x_gelu``.
    seed : int
        Of the projector's first weights.
    """
    return assemble(
        _load_lm(lm), load_tokenizer(lm), vector_dim=vector_dim, spec=spec, projector_type=projector_type, seed=seed
    )


def assemble(
    lm: Any, tokenizer: Any, *, vector_dim: int, spec: BridgeSpec, projector_type: str = "mlp2x_gelu", seed: int = 0
) -> Pair:
    """Return the pair of a language model in memory: adds the placeholder if it is not there.

    Raises
    ------
    InputError
        If the tokenizer has no end token: texts could not end.
    """
    if tokenizer.eos_token_id is None:
        raise InputError(
            "the language model's tokenizer has no end token (eos_token): set one, texts could not end without it"
        )
    if PLACEHOLDER not in tokenizer.get_vocab():
        tokenizer.add_special_tokens({"additional_special_tokens": [PLACEHOLDER]})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        projector = Projector(projector_type, vector_dim, lm.get_input_embeddings().embedding_dim)
        if len(tokenizer) > lm.get_input_embeddings().num_embeddings:  # new rows are drawn: after the projector
            lm.resize_token_embeddings(len(tokenizer))
    return Pair(lm, tokenizer, projector, spec)


def load_tokenizer(name: str) -> Any:
    """Return the tokenizer of a causal language model."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(name)


def _load_lm(name: str) -> Any:
    if (Path(name) / "modules.json").exists():
        raise InputError(f"{name} is a sentence-transformers encoder, not a language model: did you swap the two?")
    try:
        lm, info = read_language_model(name, dtype=torch.float32)
    except OSError as error:
        raise ModelNotFoundError(f"{name} cannot be loaded ({error}): {how_to_get(name, None)}") from error
    except ValueError as error:
        raise InputError(f"{name} is not a causal language model: {error}") from error
    if missing := sorted(info["missing_keys"]):
        raise BridgeError(f"{name} lacks the language model's tensors {missing[:5]}: expected a causal language model")
    return lm
