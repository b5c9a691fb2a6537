"""``--from-scratch CONFIG``: a new, small language model with a tokenizer of its own, trained on the corpus."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from smotext.decoders.bridge import BridgeSpec
from smotext.decoders.prompts import PLACEHOLDER
from smotext.errors import InputError, MissingFileError
from smotext.training.pair import Pair, assemble

SPECIAL_TOKENS = ("<pad>", "<s>", "</s>", PLACEHOLDER)
SCRATCH_TEMPLATE, SCRATCH_PROMPTS = "{content}", (PLACEHOLDER,)  # a model that knows no instructions needs none
_TOKENIZER_DOCUMENTS = 50_000  # enough for a stable vocabulary of some ten thousand pieces


def read_scratch_config(path: str | Path) -> dict[str, Any]:
    """Return a new model's configuration: ``model_type``, ``vocab_size`` and what else its architecture takes.

    Raises
    ------
    MissingFileError, InputError
        If there is no such file, or it is not a JSON object with these two.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError(f"{path} does not exist: expected a JSON file with model_type and vocab_size")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise InputError(f"{path} is not JSON: {error}") from error
    if not isinstance(config, dict) or not {"model_type", "vocab_size"} <= config.keys():
        raise InputError(f"{path}: expected an object with model_type (such as 'llama') and vocab_size")
    return config


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> Any:
    """Return a cased byte-level BPE tokenizer with the placeholder and begin, end and padding tokens.

    Parameters
    ----------
    texts : iterable of str
        The first 50,000 are used.
    vocabulary : int
        Tokens, the special ones included; at least 260 (the bytes and four special tokens).
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    if vocabulary < 256 + len(SPECIAL_TOKENS):
        raise InputError(f"vocab_size is {vocabulary}: expected at least {256 + len(SPECIAL_TOKENS)}")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(itertools.islice(texts, _TOKENIZER_DOCUMENTS), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>",
        additional_special_tokens=[PLACEHOLDER],
    )  # fmt: skip


def new_pair(
    config: dict[str, Any], tokenizer: Any, *, vector_dim: int, spec: BridgeSpec, projector_type: str, seed: int
) -> Pair:
    """Return a language model with random weights, and its projector.

    Raises
    ------
    InputError
        If transformers has no causal language model of that type, or refuses the configuration.
    """
    from transformers import AutoConfig, AutoModelForCausalLM

    options = dict(config)
    ids = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("bos", "eos", "pad")}
    try:
        settings = AutoConfig.for_model(options.pop("model_type"), **{**ids, **options})
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            lm = AutoModelForCausalLM.from_config(settings, dtype=torch.float32)
    except (ValueError, TypeError) as error:
        raise InputError(f"no language model can be made from {config}: {error}") from error
    return assemble(lm, tokenizer, vector_dim=vector_dim, spec=spec, projector_type=projector_type, seed=seed)
