"""Guidance: a linear head that reads the words of a text off its vector, to steer what the language model writes.

A small language model forgets its soft token as the text grows; the head reminds it at every step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from smotext.decoders.bridge import GUIDANCE_PREFIX, BridgeSpec
from smotext.decoders.prompts import Prompt
from smotext.errors import BridgeError

# In nats. A guided token that was written is afterwards a little less likely than without guidance.
USED_PENALTY = 1.0
# Stands in place of the log-probability of tokens that are never guided: no token has a larger one.
NEVER = 0.0


class Guidance(nn.Module):
    """Log-probabilities of a text's words from its vector, and the logit bias that follows from them.

    ::

        log p(token | vector) = log_softmax(table @ weight @ hidden(vector) + bias)
        logit bias            = clamp(log p(token | vector) - log p(token), 0, cap)

    The decoding loop uses it so, with ``guidance`` the caller's weight and all tensors on one device::

        bias = guidance * head.logit_bias(vectors)         # once, (n_rows, vocabulary)
        logits = logits + bias                             # at every step, before temperature and filters
        spend(bias, tokens)                                # after every step, tokens of shape (n_rows,)

    A row's bias depends on the row alone, so batches do not matter. Rows that have ended may be dropped with
    ``bias = bias[is_running]``.

    Parameters
    ----------
    vocabulary, vector_dim : int
        Numbers of tokens, and of a vector's entries.
    table : Tensor of shape (vocabulary, width) or None
        The language model's token embeddings, to which the head is tied: `weight` then has a row for each of their
        columns instead of one for each token, a hundredth for a large vocabulary. It is no part of the head's state.
        None: a free head.
    hidden_size : int
        Width of a hidden layer on the way, a linear map of the vector at length sqrt(vector_dim) and GELU, which makes
        up for what a tied head lacks. 0: none, and `weight` takes the vector itself.

    Examples
    --------
    >>> head = Guidance(vocabulary=3, vector_dim=2)
    >>> head.logit_bias(torch.ones(1, 2)).shape
    torch.Size([1, 3])
    """

    # In nats. Words are seldom more than exp(6) times likelier than by chance, and if so it is noise.
    cap = 6.0

    def __init__(
        self, vocabulary: int, vector_dim: int, table: torch.Tensor | None = None, hidden_size: int = 0
    ) -> None:
        super().__init__()
        n_rows = vocabulary if table is None else table.shape[1]
        self.hidden = nn.Linear(vector_dim, hidden_size) if hidden_size else None
        self.weight = nn.Parameter(torch.zeros(n_rows, hidden_size or vector_dim))
        self.register_buffer("table", None if table is None else table.detach(), persistent=False)
        self.table: torch.Tensor | None
        self.bias = nn.Parameter(torch.zeros(vocabulary))
        self.register_buffer("unigram", torch.full((vocabulary,), NEVER))
        self.unigram: torch.Tensor

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, torch.Tensor], table: torch.Tensor | None = None) -> Guidance:
        """Return the head in a checkpoint's ``guidance.*`` tensors.

        Parameters
        ----------
        tensors : mapping of str to Tensor
            ``guidance.weight``, ``guidance.bias`` and ``guidance.unigram`` (vocabulary,), in any floating dtype; with a
            hidden layer also ``guidance.hidden.weight`` and ``guidance.hidden.bias``.
        table : Tensor of shape (vocabulary, width), optional
            The language model's token embeddings; needed where `weight` has a row for each of their columns.

        Raises
        ------
        BridgeError
            If one is missing or superfluous, or their shapes do not agree.
        """
        plain = {name.removeprefix(GUIDANCE_PREFIX): tensor for name, tensor in tensors.items()}
        layer = {"hidden.weight", "hidden.bias"} & plain.keys()
        if set(plain) - layer != {"weight", "bias", "unigram"} or len(layer) == 1:
            raise BridgeError(
                f"guidance tensors are {sorted(plain)}: expected bias, unigram, weight, or these and hidden.bias, "
                "hidden.weight"
            )
        vocabulary, weight, first = len(plain["bias"]), plain["weight"], plain.get("hidden.weight", plain["weight"])
        wrong = any(plain[name].shape != (vocabulary,) for name in ("bias", "unigram"))
        if layer and first.ndim == 2:
            wrong |= plain["hidden.bias"].shape != (len(first),) or weight.shape[1:] != (len(first),)
        if weight.ndim != 2 or first.ndim != 2 or wrong:
            shapes = {name: tuple(tensor.shape) for name, tensor in plain.items()}
            raise BridgeError(f"guidance tensors have shapes {shapes}: expected (vocabulary, vector_dim) and vectors")
        is_free = len(weight) == vocabulary
        if not is_free and (table is None or len(weight) != table.shape[1] or vocabulary > len(table)):
            fits = "another" if table is None else f"{tuple(table.shape)}"
            raise BridgeError(
                f"guidance.weight has shape {tuple(weight.shape)} for {vocabulary} tokens: expected a row for each "
                f"token, or for each column of the language model's embeddings ({fits})"
            )
        tied = None if is_free or table is None else table[:vocabulary]
        head = cls(vocabulary, first.shape[1], tied, hidden_size=len(first) if layer else 0)
        head.load_state_dict({name: tensor.float() for name, tensor in plain.items()})
        return head.requires_grad_(False)

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """Return log p(token | vector), float32 of shape (n_rows, vocabulary)."""
        read = vectors.float()
        if self.hidden is not None:
            read = nn.functional.gelu(self.hidden(nn.functional.rms_norm(read, read.shape[-1:])))
        found = nn.functional.linear(read, self.weight)
        if self.table is not None:
            found = nn.functional.linear(found.to(self.table.dtype), self.table).float()
        return torch.log_softmax(found + self.bias, dim=-1)

    def logit_bias(self, vectors: torch.Tensor) -> torch.Tensor:
        """Return how much likelier each token is than by chance, in nats, between 0 and `cap`.

        Parameters
        ----------
        vectors : Tensor of shape (n_rows, vector_dim)
            In the scale that the bridge was trained on.

        Returns
        -------
        Tensor of shape (n_rows, vocabulary), float32
            Special tokens and those never seen in training get 0.
        """
        return (self(vectors) - self.unigram).clamp(min=0.0, max=self.cap)


def guidance_of_rows(
    spec: BridgeSpec, guidance: float | None, prompts: Sequence[Prompt], which: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the weight of the guidance head for each row.

    Parameters
    ----------
    spec : BridgeSpec
        Its weights are used unless the caller gives one; that of rows whose prompts show no texts may be another.
    guidance : float or None
        What the caller gave, for all rows.
    prompts : sequence of Prompt
    which : ndarray of shape (n_rows,), int64
        The number of each row's prompt.

    Returns
    -------
    ndarray of shape (n_rows,), float64
    """
    if guidance is not None:
        return np.full(len(which), guidance, dtype=np.float64)
    alone = spec.guidance if spec.guidance_alone is None else spec.guidance_alone
    weights = np.array([spec.guidance if prompt.n_examples else alone for prompt in prompts], dtype=np.float64)
    return weights[which]


def weighted_bias(head: Guidance | None, weight: float | torch.Tensor, vectors: torch.Tensor) -> torch.Tensor | None:
    """Return ``weight * head.logit_bias(vectors)``; None where there is no head, or its weight is 0.

    Parameters
    ----------
    head : Guidance or None
    weight : float, or Tensor of shape (n_rows,)
        Of all rows, or of each.
    vectors : Tensor of shape (n_rows, vector_dim)
    """
    weights = torch.as_tensor(weight, dtype=torch.float32, device=vectors.device).expand(len(vectors))
    if head is None or not weights.any():
        return None
    return weights[:, None] * head.logit_bias(vectors)


def spent(
    bias: torch.Tensor, tokens: torch.Tensor, is_written: torch.Tensor, penalty: float = USED_PENALTY
) -> torch.Tensor:
    """Return what :func:`spend` has made of a bias once some tokens are written, for training.

    Parameters
    ----------
    bias : Tensor of shape (n_rows, vocabulary)
        As at the first step; not changed.
    tokens : Tensor of shape (n_rows, n_tokens), int64
        Each row's text.
    is_written : Tensor of shape (n_rows, n_tokens), bool
        Which of these tokens stand already.
    penalty : float
        Nats.

    Examples
    --------
    >>> spent(torch.tensor([[2.0, 0.0, 3.0]]), torch.tensor([[0, 1, 2]]), torch.tensor([[True, True, False]])).tolist()
    [[-1.0, 0.0, 3.0]]
    """
    is_spent = is_written & (bias.gather(1, tokens) > 0)
    left = torch.full_like(tokens, -penalty, dtype=bias.dtype).masked_fill(~is_spent, torch.inf)
    return bias.scatter_reduce(1, tokens, left, reduce="amin")


def spend(bias: torch.Tensor, tokens: torch.Tensor, penalty: float = USED_PENALTY) -> None:
    """Turn the bias of tokens that were just written into a small penalty, in place.

    Without this, guidance would ask for the same word again and again.

    Parameters
    ----------
    bias : Tensor of shape (n_rows, vocabulary)
        ``weight * head.logit_bias(vectors)``, as used so far; changed in place.
    tokens : Tensor of shape (n_rows,), int64
        What each row has just written. Tokens without guidance keep their bias of 0.
    penalty : float
        Nats.

    Examples
    --------
    >>> bias = torch.tensor([[2.0, 0.0], [2.0, 0.0]])
    >>> spend(bias, torch.tensor([0, 1]), penalty=0.5)
    >>> bias.tolist()
    [[-0.5, 0.0], [2.0, 0.0]]
    """
    place = tokens[:, None]
    spent = bias.gather(1, place)
    bias.scatter_(1, place, torch.where(spent > 0, torch.full_like(spent, -penalty), spent))
