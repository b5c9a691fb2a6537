"""The two losses of xRAG: likelihood given the vector, and likelihood plus divergence from a reading teacher."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from smotext.decoders.guidance import spent, weighted_bias
from smotext.decoders.prompt_context import place_vectors, read_prompts
from smotext.training.data.batches import MicroBatch
from smotext.training.models.pair import Pair

# Rows of float32 logits in memory at once; 64 to 256 are equally fast.
_ROWS_AT_ONCE = 256


def passage_logits(pair: Pair, batch: MicroBatch, vectors: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """Return the logits that predict each of `tokens`, after each row's prompt and vector.

    Rows are padded on the right and attention is causal: what is looked at lies to the left of all padding. Of
    what stands before the vector's place no gradient is taken, unless all of the language model is trained.

    Returns
    -------
    Tensor of shape (n_rows, n_tokens, vocabulary)
    """
    lm = pair.lm
    prompts = [prompt.before for prompt in batch.prompts]
    with torch.set_grad_enabled(torch.is_grad_enabled() and lm.get_input_embeddings().weight.requires_grad):
        context = read_prompts(lm, prompts, torch.from_numpy(batch.prompt_of_row).to(vectors.device), capacity=None)
    start = place_vectors(lm, pair.projector, vectors, context, batch.prompts[0].after)
    inputs = torch.cat([start, lm.get_input_embeddings()(tokens[:, :-1])], dim=1)
    n_tokens = tokens.shape[1]
    given = context.inputs(inputs.shape[1], lm.dtype)
    # Places rather than a number: a slice is not contiguous, and torch copies the vocabulary for each row of it.
    wanted = torch.arange(inputs.shape[1] - n_tokens, inputs.shape[1], device=inputs.device)
    logits: torch.Tensor = lm(inputs_embeds=inputs, logits_to_keep=wanted, **given).logits
    if logits.shape[1] == n_tokens:
        # Even a slice of everything would copy all gradients.
        return logits
    # The language model does not know `logits_to_keep`, and has computed all logits.
    return logits[:, -n_tokens:]


def stage_one(
    pair: Pair,
    batch: MicroBatch,
    vectors: torch.Tensor,
    *,
    weights: torch.Tensor | None = None,
    guidance: float | torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the summed negative log-likelihood (nats) of the passages and their end tokens, given `vectors`.

    A bridge with ``trained_guidance`` is the language model and its guidance head together, as they write.

    Parameters
    ----------
    pair : Pair
    batch : MicroBatch
        The passages.
    vectors : Tensor of shape (n_rows, vector_dim)
        In the scale that the bridge is trained on.
    weights : Tensor of shape (n_rows,) or None
        Of each passage in the sum; None: all 1.
    guidance : float, Tensor of shape (n_rows,), or None
        Weight of the guidance head, of all rows or of each; None: the one that the bridge is trained with.

    References
    ----------
    xRAG (arXiv 2405.13792), equation 2, paraphrase pre-training.
    """
    tokens, is_target = _to_tensors(batch, vectors.device)
    logits = passage_logits(pair, batch, vectors, tokens)
    counts = is_target.float() if weights is None else is_target * weights[:, None].float()
    bias = passage_bias(pair, vectors, tokens, guidance)
    loss: torch.Tensor = SummedCrossEntropy.apply(logits.flatten(0, 1), tokens.flatten(), counts.flatten(), bias)
    return loss


@dataclass(frozen=True)
class PassageBias:
    """What the guidance head adds to the logits of passages.

    Attributes
    ----------
    first : Tensor of shape (n_rows, vocabulary), float32
        The bias of each passage's first token.
    tokens : Tensor of shape (n_rows, n_tokens), int64
        Their tokens: a guided one that is written loses its bias.
    """

    first: torch.Tensor
    tokens: torch.Tensor

    def at(self, places: torch.Tensor) -> torch.Tensor:
        """Return the bias at places ``row * n_tokens + step``, of shape (n_places, vocabulary)."""
        n_tokens = self.tokens.shape[1]
        rows, steps = places // n_tokens, places % n_tokens
        is_written = torch.arange(n_tokens, device=places.device)[None, :] < steps[:, None]
        return spent(self.first[rows], self.tokens[rows], is_written)


def passage_bias(
    pair: Pair, vectors: torch.Tensor, tokens: torch.Tensor, weight: float | torch.Tensor | None = None
) -> PassageBias | None:
    """Return the bias at a weight, by default the one that the bridge is trained with; None without guidance."""
    first = weighted_bias(pair.guidance, pair.spec.trained_guidance if weight is None else weight, vectors)
    return None if first is None else PassageBias(first, tokens)


class SummedCrossEntropy(torch.autograd.Function):
    """Cross-entropy in float32, summed with a weight for each row, a few rows at a time.

    The gradient is made on the way, in the logits' own dtype: float32 copies of all logits are never in memory.
    On CPUs that matters for time too, since tensors over 32 MB get fresh pages from the system at every step.

    Examples
    --------
    >>> logits, weights = torch.zeros(3, 2), torch.tensor([0.5, 1.5, 0.0])
    >>> SummedCrossEntropy.apply(logits, torch.tensor([0, 1, 0]), weights)  # 2 log 2
    tensor(1.3863)
    """

    @staticmethod
    def forward(
        ctx: Any,
        logits: torch.Tensor,
        targets: torch.Tensor,
        weights: torch.Tensor,
        bias: PassageBias | None = None,
    ) -> torch.Tensor:
        """Return the loss; `logits` has shape (n_rows, vocabulary), the next two (n_rows,)."""
        gradient = torch.empty_like(logits)
        loss = torch.zeros((), device=logits.device)
        for start in range(0, len(logits), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            target, weight = targets[rows, None], weights[rows, None]
            guided = logits[rows]
            if bias is not None:
                guided = guided + bias.at(torch.arange(start, start + len(guided), device=logits.device))
            log_p = F.log_softmax(guided, dim=1, dtype=torch.float32)
            found = log_p.gather(1, target)
            loss -= (found * weight).masked_fill(weight == 0, 0.0).sum()
            # The slope is the softmax less the one-hot target.
            slope = log_p.exp_().scatter_add_(1, target, torch.full_like(found, -1.0))
            gradient[rows] = slope.mul_(weight).masked_fill_(weight == 0, 0.0)
        ctx.save_for_backward(gradient)
        return loss

    @staticmethod
    def backward(ctx: Any, *outer: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        """Return the gradient of the logits; a second call on the same loss is torch's error."""
        (gradient,) = ctx.saved_tensors
        return gradient.mul_(outer[0]), None, None, None


def stage_two(
    pair: Pair,
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
    student = passage_logits(pair, batch, vectors, tokens)[is_target].float()
    if (bias := passage_bias(pair, vectors, tokens)) is not None:
        student = student + bias.at(is_target.flatten().nonzero()[:, 0])
    with torch.no_grad():
        reading = _teacher_logits(teacher, tokens, batch)[is_target].float()
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


def _teacher_logits(teacher: Any, tokens: torch.Tensor, batch: MicroBatch) -> torch.Tensor:
    """Return the teacher's logits: it reads the passage in the vector's place, so rows of one length go together."""
    logits: torch.Tensor | None = None
    keys = [*zip(batch.prompt_of_row.tolist(), batch.lengths.tolist(), strict=True)]
    for number, length in dict.fromkeys(keys):
        rows = torch.tensor([row for row, key in enumerate(keys) if key == (number, length)], device=tokens.device)
        prompt = batch.prompts[number]
        before, after = (torch.tensor(ids, dtype=torch.long).to(tokens) for ids in (prompt.before, prompt.after))
        # The last token is the end, which the teacher does not read.
        passages = tokens[rows, : length - 1]
        start, end = (part.expand(len(rows), -1) for part in (before, after))
        ids = torch.cat([start, passages, end, passages], dim=1)
        read = teacher(input_ids=ids, use_cache=False, logits_to_keep=length).logits[:, -length:]
        if logits is None:
            logits = read.new_zeros(*tokens.shape, read.shape[-1])
        logits[rows, :length] = read
    # A batch has at least one row.
    assert logits is not None
    return logits
