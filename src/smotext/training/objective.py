"""The two losses of xRAG: likelihood given the vector, and likelihood plus divergence from a reading teacher."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from smotext.training.batches import MicroBatch
from smotext.training.pair import Pair

_ROWS_AT_ONCE = 256  # rows of float32 logits in memory; 64 to 256 are equally fast


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
    logits: torch.Tensor = pair.lm(inputs_embeds=inputs, use_cache=False, logits_to_keep=n_tokens).logits
    if logits.shape[1] == n_tokens:  # a slice of everything would still copy all gradients
        return logits
    return logits[:, -n_tokens:]  # a language model that knows no logits_to_keep


def stage_one(pair: Pair, prompt: list[int], batch: MicroBatch, vectors: torch.Tensor) -> torch.Tensor:
    """Return the summed negative log-likelihood (nats) of the passages and their end tokens, given `vectors`.

    References
    ----------
    xRAG (arXiv 2405.13792), equation 2, paraphrase pre-training.
    """
    tokens, is_target = _to_tensors(batch, vectors.device)
    logits = passage_logits(pair, embed_prompt(pair, prompt, vectors), tokens)
    loss: torch.Tensor = SummedCrossEntropy.apply(logits.flatten(0, 1), tokens.flatten(), is_target.flatten())
    return loss


class SummedCrossEntropy(torch.autograd.Function):
    """Cross-entropy in float32, summed over the counted rows, a few rows at a time.

    The gradient is made on the way, in the logits' own dtype: float32 copies of all logits are never in memory.
    On CPUs that matters for time too, since tensors over 32 MB get fresh pages from the system at every step.

    Examples
    --------
    >>> logits, is_counted = torch.zeros(3, 2), torch.tensor([True, True, False])
    >>> SummedCrossEntropy.apply(logits, torch.tensor([0, 1, 0]), is_counted)  # 2 log 2
    tensor(1.3863)
    """

    @staticmethod
    def forward(ctx: Any, logits: torch.Tensor, targets: torch.Tensor, is_counted: torch.Tensor) -> torch.Tensor:
        """Return the loss; `logits` has shape (n_rows, vocabulary), the other two (n_rows,)."""
        gradient = torch.empty_like(logits)
        loss = torch.zeros((), device=logits.device)
        for start in range(0, len(logits), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            target, is_skipped = targets[rows, None], ~is_counted[rows, None]
            log_p = F.log_softmax(logits[rows], dim=1, dtype=torch.float32)
            found = log_p.gather(1, target)
            loss -= found.masked_fill(is_skipped, 0.0).sum()
            slope = log_p.exp_().scatter_add_(1, target, torch.full_like(found, -1.0))  # softmax - one-hot
            gradient[rows] = slope.masked_fill_(is_skipped, 0.0)
        ctx.save_for_backward(gradient)
        return loss

    @staticmethod
    def backward(ctx: Any, *outer: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        """Return the gradient of the logits; a second call on the same loss is torch's error."""
        (gradient,) = ctx.saved_tensors
        return gradient.mul_(outer[0]), None, None


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
