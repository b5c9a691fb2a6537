"""Any sentence-transformers model as an encoder: our tokens and batches, its layers."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from smotext.encoders.batching import token_batches
from smotext.encoders.precision import release_memory
from smotext.encoders.texts import as_texts
from smotext.encoders.tokens import TextTokenizer
from smotext.errors import InputError, unknown_name
from smotext.protocols import LoadedFrom
from smotext.utils.devices import is_out_of_memory
from smotext.utils.parallel import spread

POOLINGS = ("cls", "lasttoken", "max", "mean", "weightedmean")
# So many texts are tokenized and sorted by length together.
_WINDOW = 16384
# Keeps the activations in the L2 cache: 8,000 tokens took 1.4 to 1.6 times as long.
_CPU_BATCH_TOKENS = 1000
# A batch that does not fit into memory is halved.
_GPU_BATCH_TOKENS = 16384
# In texts, where the model does its own tokenizing.
_FOREIGN_BATCH = 32
# Tokenizers that know no limit say about 1e30.
_NO_LIMIT = 10**6


class SentenceEncoder:
    """Encode texts with a loaded SentenceTransformer.

    Texts are tokenized first, sorted by their number of tokens and put through the model in batches of about
    as many tokens. On CPUs a batch holds texts of one length only, so that nothing is padded and a text's vector
    hardly depends on its neighbours, and several batches run at a time. The transformer runs in its own dtype,
    pooling and what follows in float32.

    Parameters
    ----------
    model : SentenceTransformer
        Put into evaluation mode, otherwise left as it is.
    normalize : bool or None
        True: unit vectors. False: raw vectors, even where the model ends with a Normalize module (which
        sentence-transformers' own ``normalize_embeddings=False`` leaves in). None: as the model has it.
    pooling : {"cls", "lasttoken", "max", "mean", "weightedmean"} or None
        Replaces the model's own pooling.
    max_tokens : int or None
        Texts are cut there, special tokens included; None: the model's own limit.
    require_eos : bool
        Every text ends with the tokenizer's end-of-text token, also where it is cut.
    settings : LoadedFrom, optional
        Where the model came from. With it the encoder is pickled as these settings, without it as a whole.

    Attributes
    ----------
    vector_dim : int
        Length of the vectors.
    fingerprint : str
        Name under which vectors may be cached.

    Raises
    ------
    InputError
        If an option does not fit the model.
    """

    def __init__(
        self,
        model: Any,
        *,
        normalize: bool | None = None,
        pooling: str | None = None,
        max_tokens: int | None = None,
        require_eos: bool = False,
        settings: LoadedFrom | None = None,
    ) -> None:
        self.model = model.eval()
        self.settings = settings
        self._transformer, *heads = model.children()
        self._heads = [copy.deepcopy(head).float() for head in _adapted(heads, normalize, pooling)]
        self.vector_dim = _vector_dim([self._transformer, *self._heads], model.truncate_dim)
        self._tokens: TextTokenizer | None = None
        if require_eos or _takes_token_ids(model):
            self._tokens = TextTokenizer(model.tokenizer, _token_limit(model, max_tokens), require_eos=require_eos)
        elif max_tokens is not None:
            raise InputError("max_tokens was given, but this model does its own tokenizing: leave it out")

    @property
    def max_tokens(self) -> int | None:
        """Most tokens of a text that are read, special tokens included; None if the model tokenizes itself."""
        return None if self._tokens is None else self._tokens.max_tokens

    @property
    def tokens(self) -> TextTokenizer | None:
        """From a text to the token ids that are read; None if the model tokenizes itself."""
        return self._tokens

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next((parameter.device for parameter in self.model.parameters()), torch.device("cpu"))

    @property
    def dtype(self) -> torch.dtype:
        """Number format of the transformer's weights; the vectors are float32."""
        return next((parameter.dtype for parameter in self._transformer.parameters()), torch.float32)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one vector per text: float32 of shape (n_texts, vector_dim); longer texts are cut.

        Raises
        ------
        InputError
            If an entry of `texts` is no string.
        """
        texts = as_texts(texts)
        vectors = np.empty((len(texts), self.vector_dim), dtype=np.float32)
        encode = self._encode_texts if self._tokens is None else self._encode_tokens
        for start in range(0, len(texts), _WINDOW):
            window = slice(start, start + _WINDOW)
            # Fills its part of the array.
            encode(texts[window], vectors[window])
        return vectors

    def count_truncated(self, texts: Sequence[str]) -> int:
        """Return how many of `texts` are longer than the model reads; runs no model.

        0 where the model tokenizes itself (`max_tokens` is None): it does not say.
        """
        return 0 if self._tokens is None else self._tokens.count_truncated(as_texts(texts))

    @cached_property
    def fingerprint(self) -> str:
        """Hash of all that decides the vectors: weights and their dtype, configuration, tokenizer, options."""
        special = None if self._tokens is None else (self._tokens.prefix, self._tokens.suffix)
        words = [self.max_tokens, special, _prompt(self.model), [repr(head) for head in self._heads], self.vector_dim]
        digest = hashlib.sha256(json.dumps([*words, _config(self._transformer), _tokenizer(self.model)]).encode())
        for name, tensor in sorted(self.model.state_dict().items()):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
        return digest.hexdigest()[:32]

    def _encode_tokens(self, texts: list[str], vectors: NDArray[np.float32]) -> None:
        assert self._tokens is not None
        ids = self._tokens.encode(texts)
        lengths = [len(row) for row in ids]

        def fill(rows: NDArray[np.int64]) -> None:
            vectors[rows] = self._vectors_of([ids[row] for row in rows])

        if self.device.type == "cpu":
            spread(fill, token_batches(lengths, _CPU_BATCH_TOKENS, equal_lengths=True))
        else:
            for rows in token_batches(lengths, _GPU_BATCH_TOKENS):
                fill(rows)

    def _vectors_of(self, ids: list[list[int]]) -> NDArray[np.float32]:
        """Return the vectors of a batch of token ids; in halves where the device's memory is too small."""
        try:
            return self._forward(_padded(ids))
        except RuntimeError as error:
            if len(ids) == 1 or not is_out_of_memory(error):
                raise
        release_memory(self.device)
        half = len(ids) // 2
        return np.concatenate([self._vectors_of(ids[:half]), self._vectors_of(ids[half:])])

    def _encode_texts(self, texts: list[str], vectors: NDArray[np.float32]) -> None:
        """Encode by the model's own tokenizing (prompts, chat templates, word lists), longest texts first."""
        prompt = _prompt(self.model)
        order = np.argsort([-len(text) for text in texts], kind="stable")
        for start in range(0, len(order), _FOREIGN_BATCH):
            rows = order[start : start + _FOREIGN_BATCH]
            vectors[rows] = self._forward(self.model.preprocess([texts[row] for row in rows], prompt=prompt))

    @torch.inference_mode()
    def _forward(self, features: dict[str, Any]) -> NDArray[np.float32]:
        """Return the model's vectors for what it reads, which lies on the CPU."""
        device = self.device
        features = {name: part.to(device) if torch.is_tensor(part) else part for name, part in features.items()}
        features = self._transformer(features)
        for name in ("token_embeddings", "sentence_embedding"):
            if name in features:
                features[name] = features[name].float()
        for head in self._heads:
            features = head(features)
        return features["sentence_embedding"][:, : self.vector_dim].float().cpu().numpy()

    def __sklearn_clone__(self) -> SentenceEncoder:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> SentenceEncoder:
        return self

    def __reduce_ex__(self, protocol: Any) -> Any:
        return super().__reduce_ex__(protocol) if self.settings is None else (self.settings.load, ())

    def __repr__(self) -> str:
        name = "" if self.settings is None else f"{self.settings.name!r}, "
        return f"SentenceEncoder({name}vector_dim={self.vector_dim}, dtype={self.dtype}, device={self.device})"


def _padded(ids: list[list[int]]) -> dict[str, torch.Tensor]:
    """Return input_ids and attention_mask of shape (n_texts, n_tokens), padded on the right."""
    lengths = np.array([len(row) for row in ids])
    mask = np.arange(lengths.max())[None, :] < lengths[:, None]  # (n_texts, n_tokens)
    # What stands under the mask is not read, so zeros will do.
    tokens = np.zeros(mask.shape, dtype=np.int64)
    tokens[mask] = np.concatenate(ids)
    return {"input_ids": torch.from_numpy(tokens), "attention_mask": torch.from_numpy(mask.astype(np.int64))}


def _adapted(heads: Sequence[Any], normalize: bool | None, pooling: str | None) -> list[Any]:
    """Return the modules after the transformer with pooling and normalisation as asked for."""
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling

    adapted = list(heads)
    if pooling is not None:
        if pooling not in POOLINGS:
            raise unknown_name("pooling", pooling, POOLINGS)
        places = [place for place, head in enumerate(adapted) if isinstance(head, Pooling)]
        if len(places) != 1:
            raise InputError(f"pooling is {pooling!r}, but the model has {len(places)} pooling modules: expected one")
        old = adapted[places[0]]
        modes = old.pooling_mode if isinstance(old.pooling_mode, tuple) else (old.pooling_mode,)
        adapted[places[0]] = Pooling(old.get_embedding_dimension() // len(modes), pooling)
    if normalize is not None:
        adapted = [head for head in adapted if not isinstance(head, Normalize)]
    return [*adapted, Normalize()] if normalize else adapted


def _vector_dim(modules: Sequence[Any], truncate_dim: int | None) -> int:
    for module in reversed(modules):
        if hasattr(module, "get_embedding_dimension"):
            return min(module.get_embedding_dimension(), truncate_dim or _NO_LIMIT)
    raise InputError("the model does not say how long its vectors are: expected a sentence-transformers model")


def _takes_token_ids(model: Any) -> bool:
    """Return whether feeding bare token ids does the same as the model's own handling of a text."""
    from sentence_transformers.sentence_transformer.modules import Transformer
    from transformers import PreTrainedTokenizerBase

    return (
        type(model[0]) is Transformer
        and set(model[0].modality_config) == {"text"}
        and isinstance(model.tokenizer, PreTrainedTokenizerBase)
        and model.tokenizer.truncation_side == "right"
        and not model[0].do_lower_case
        and _prompt(model) is None
    )


def _token_limit(model: Any, max_tokens: int | None) -> int:
    """Return the least of the limit asked for, the model's setting and its number of positions."""
    config = model[0].config
    limits = [max_tokens, model.max_seq_length, getattr(config, "max_position_embeddings", None)]
    return min(int(limit) for limit in (*limits, _NO_LIMIT) if limit is not None and limit > 0)


def _prompt(model: Any) -> str | None:
    """Return what the model puts before every text by default."""
    return model.prompts.get(model.default_prompt_name) or None if model.default_prompt_name else None


def _config(transformer: Any) -> dict[str, Any]:
    """Return the transformer's configuration without what differs between copies of one model."""
    config = getattr(transformer, "config", None)
    if config is None:
        return {}
    return {key: repr(value) for key, value in config.to_dict().items() if not key.startswith(("_", "transformers_"))}


def _tokenizer(model: Any) -> Any:
    """Return the tokenizer's rules, without the padding and truncation that its last call left."""
    backend = getattr(model.tokenizer, "backend_tokenizer", model.tokenizer)
    if not hasattr(backend, "to_str"):
        return repr(model.tokenizer)
    return {key: part for key, part in json.loads(backend.to_str()).items() if key not in ("padding", "truncation")}
