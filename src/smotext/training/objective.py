"""The two losses of xRAG: likelihood given the vector, and likelihood plus divergence from a reading teacher."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from smotext.training.batches import MicroBatch
from smotext.training.pair import Pair


def embed_prompt(pair: Pair, prompt: list[int], vectors: torch.Tensor) -> torch.Tensor:
    """Return the prompt's input embeddings, the projected vector in the placeholder's place.

    Parameters
    ----------
    pair : Pair
        Language model and projector.
    prompt : list of int
        Token ids, the placeholder among them once.
    vectors : Tensor of shape (n_rows, vector_dim)
        In the scale that the bridge is trained on.

    Returns
    -------
    Tensor of shape (n_rows, len(prompt), hidden_size)
    """
    embeddings = pair.lm.get_input_embeddings()
    place = prompt.index(pair.placeholder)
    ids = torch.tensor([prompt], device=vectors.device).expand(len(vectors), -1)
    soft = pair.projector(vectors.to(next(pair.projector.parameters()).dtype)).to(embeddings.weight.dtype)
    before, after = embeddings(ids[:, :place]), embeddings(ids[:, place + 1 :])
    return torch.cat([before, soft[:, None, :], after], dim=1)


def passage_logits(pair: Pair, embedded_prompt: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """Return the logits that predict each of `tokens` after the prompt.

    Rows are padded on the right and attention is causal, so no mask is needed: what is looked at lies to
    the left of all padding.

    Returns
    -------
    Tensor of shape (n_rows, n_tokens, vocabulary)
    """
    inputs = torch.cat([embedded_prompt, pair.lm.get_input_embeddings()(tokens[:, :-1])], dim=1)
    n_tokens = tokens.shape[1]
    return pair.lm(inputs_embeds=inputs, use_cache=False, logits_to_keep=n_tokens).logits[:, -n_tokens:]


def stage_one(pair: Pair, prompt: list[int], batch: MicroBatch, vectors: torch.Tensor) -> torch.Tensor:
    """Return the summed negative log-likelihood (nats) of the passages and their end tokens, given `vectors`.

    References
    ----------
    xRAG (arXiv 2405.13792), equation 2, paraphrase pre-training.
    """
    tokens, is_target = _to_tensors(batch, vectors.device)
    logits = passage_logits(pair, embed_prompt(pair, prompt, vectors), tokens)
    return F.cross_entropy(logits[is_target].float(), tokens[is_target], reduction="sum")


def stage_two(
    pair: Pair,
    prompt: list[int],
    batch: MicroBatch,
    vectors: torch.Tensor,
    *,
    teacher: Any,
    kl_weight: float,
    temperature: float,
) -> torch.Tensor:
    """Return likelihood plus `kl_weight` times KL(teacher || student), summed over tokens.

    The teacher is the language model before training; in its prompt the passage itself stands where the
    student has the vector.

    References
    ----------
    xRAG (arXiv 2405.13792), equations 3 and 4, context-aware instruction tuning.
    """
    tokens, is_target = _to_tensors(batch, vectors.device)
    student = passage_logits(pair, embed_prompt(pair, prompt, vectors), tokens)[is_target].float()
    with torch.no_grad():
        reading = _teacher_logits(teacher, prompt, pair.placeholder, tokens, batch)[is_target].float()
    divergence = F.kl_div(
        F.log_softmax(student / temperature, dim=-1),
        F.log_softmax(reading / temperature, dim=-1),
        reduction="sum",
        log_target=True,
    )
    return F.cross_entropy(student, tokens[is_target], reduction="sum") + kl_weight * temperature**2 * divergence


def _to_tensors(batch: MicroBatch, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    tokens = torch.from_numpy(batch.tokens).to(device)
    lengths = torch.from_numpy(batch.lengths).to(device)
    return tokens, torch.arange(tokens.shape[1], device=device)[None, :] < lengths[:, None]


def _teacher_logits(
    teacher: Any, prompt: list[int], placeholder: int, tokens: torch.Tensor, batch: MicroBatch
) -> torch.Tensor:
    """Return the teacher's logits: the passage is read in the prompt, so only rows of one length go together."""
    place = prompt.index(placeholder)
    before, after = (torch.tensor(part, dtype=torch.long).to(tokens) for part in (prompt[:place], prompt[place + 1 :]))
    logits: torch.Tensor | None = None
    for length in np.unique(batch.lengths).tolist():
        rows = torch.from_numpy(np.flatnonzero(batch.lengths == length)).to(tokens.device)
        passages = tokens[rows, : length - 1]  # what comes last is the end token
        start, end = (part.expand(len(rows), -1) for part in (before, after))
        ids = torch.cat([start, passages, end, passages], dim=1)
        read = teacher(input_ids=ids, use_cache=False, logits_to_keep=length).logits[:, -length:]
        if logits is None:
            logits = read.new_zeros(*tokens.shape, read.shape[-1])
        logits[rows, :length] = read
    assert logits is not None  # a batch has rows
    return logits
