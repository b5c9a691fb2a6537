"""Greedy texts from a pair that is still in memory, for figures taken in training."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from smotext.training.objective import embed_prompt
from smotext.training.pair import Pair


@torch.inference_mode()
def write_texts(
    pair: Pair, vectors: NDArray[np.float32], *, max_new_tokens: int | None = None, batch_size: int = 64
) -> list[str]:
    """Return the greedy text of each vector, by transformers' own ``generate``.

    Parameters
    ----------
    pair : Pair
        In float32.
    vectors : ndarray of shape (n_rows, vector_dim)
        Rescaled if the bridge takes unit vectors.
    max_new_tokens : int or None
        None: what the bridge was trained for.
    batch_size : int
        Rows written together.
    """
    pair.lm.eval()
    parameter = next(pair.lm.parameters())
    rows = torch.from_numpy(np.asarray(vectors, dtype=np.float32)).to(parameter.device)
    if pair.spec.vector_norm == "unit":
        rows = torch.nn.functional.normalize(rows, dim=-1)
    texts: list[str] = []
    for part in rows.split(batch_size):
        embeds = embed_prompt(pair, pair.prompts()[0], part)
        ids = pair.lm.generate(
            inputs_embeds=embeds,
            attention_mask=torch.ones(embeds.shape[:2], dtype=torch.long, device=embeds.device),
            max_new_tokens=max_new_tokens or pair.spec.max_new_tokens,
            do_sample=False,
            eos_token_id=pair.tokenizer.eos_token_id,
            pad_token_id=pair.tokenizer.eos_token_id,
        )
        texts += pair.tokenizer.batch_decode(ids, skip_special_tokens=True)
    return texts
