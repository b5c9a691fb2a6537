"""How the next token is chosen: penalties, top-k and top-p, and noise that belongs to the row alone."""

from __future__ import annotations

import numpy as np
import torch

from smotext.settings import Sampling

_M1 = -0x40A7B892E31B1A47  # 0xBF58476D1CE4E5B9 and 0x94D049BB133111EB, splitmix64's multipliers, as signed
_M2 = -0x6B2FB644ECCEEE15

# At this temperature sampling has long been greedy; smaller ones would make infinities of logits.
_COLDEST = 1e-20


def penalise_repetition(logits: torch.Tensor, written: torch.Tensor, penalty: float) -> torch.Tensor:
    """Return the logits with those of already written tokens made smaller, as in Keskar et al. (2019).

    Parameters
    ----------
    logits : tensor of shape (n_rows, vocabulary)
    written : tensor of shape (n_rows, n_written), int64
    penalty : float
        Divides positive logits and multiplies negative ones.
    """
    if penalty == 1.0 or written.shape[1] == 0:
        return logits
    seen = logits.gather(1, written)
    return logits.scatter(1, written, torch.where(seen > 0, seen / penalty, seen * penalty))


def choose_tokens(logits: torch.Tensor, sampling: Sampling, seeds: torch.Tensor, step: int) -> torch.Tensor:
    """Return the next token id of each row.

    Sampling is Gumbel-argmax on the filtered log-probabilities: with noise that is a function of the row's
    seed, the step and the token id, a row's choice does not depend on its neighbours in the batch.

    Parameters
    ----------
    logits : tensor of shape (n_rows, vocabulary), float32
    sampling : Sampling
    seeds : tensor of shape (n_rows,), int64
    step : int
        Number of tokens already written.

    Returns
    -------
    tensor of shape (n_rows,), int64
    """
    if not sampling.do_sample:
        return logits.argmax(dim=-1)
    scores = torch.log_softmax(logits / max(sampling.temperature, _COLDEST), dim=-1)
    threshold = keep_threshold(scores, sampling.top_k, sampling.top_p)
    rows, tokens = (scores >= threshold).nonzero(as_tuple=True)
    noisy = scores[rows, tokens] + gumbel(seeds[rows], step, tokens)
    return scores.fill_(-torch.inf).index_put_((rows, tokens), noisy).argmax(dim=-1)


def keep_threshold(scores: torch.Tensor, top_k: int, top_p: float) -> torch.Tensor:
    """Return the smallest log-probability that survives top-k and then top-p, of shape (n_rows, 1).

    Tokens that tie with the last survivor survive too.
    """
    n_tokens = scores.shape[1]
    if (top_k == 0 or top_k >= n_tokens) and top_p == 1.0:
        return torch.full_like(scores[:, :1], -torch.inf)
    ordered = _sorted(scores)
    if 0 < top_k < n_tokens:
        ordered = ordered[:, :top_k]
    # Top-p counts within the tokens that top-k has left.
    probabilities = torch.softmax(ordered, dim=-1)
    before = probabilities.cumsum(dim=-1) - probabilities
    n_kept = (before < top_p).sum(dim=-1, keepdim=True).clamp(min=1)
    return ordered.gather(1, n_kept - 1)


def _sorted(scores: torch.Tensor) -> torch.Tensor:
    """Return the scores in descending order; numpy's vectorised sort is 15 times torch's on a CPU."""
    if scores.device.type == "cpu":
        return torch.from_numpy(-np.sort(-scores.numpy(), axis=-1))
    return scores.sort(dim=-1, descending=True).values


def gumbel(seeds: torch.Tensor, step: int, tokens: torch.Tensor) -> torch.Tensor:
    """Return standard Gumbel noise as a function of (seed, step, token) alone.

    Parameters
    ----------
    seeds, tokens : tensors of shape (n,), int64
    step : int

    Returns
    -------
    tensor of shape (n,), float32

    Examples
    --------
    >>> seeds, tokens = torch.arange(4), torch.arange(4)
    >>> bool((gumbel(seeds, 0, tokens)[2:] == gumbel(seeds[2:], 0, tokens[2:])).all())
    True
    """
    if seeds.device.type == "mps":
        # Apple's GPUs have no float64.
        return gumbel(seeds.cpu(), step, tokens.cpu()).to(seeds.device)
    state = _mix(_mix(seeds ^ _mix(torch.full_like(seeds, step + 1))) ^ tokens)
    uniform = ((state >> 12) & 0xFFFFFFFFFFFFF).double().add_(0.5).div_(2.0**52)
    return -torch.log(-torch.log(uniform)).float()


def _mix(state: torch.Tensor) -> torch.Tensor:
    """Return splitmix64's scrambling of int64 states; wrap-around is meant, shifts are logical."""
    state = (state ^ ((state >> 30) & 0x3FFFFFFFF)) * _M1
    state = (state ^ ((state >> 27) & 0x1FFFFFFFFF)) * _M2
    return state ^ ((state >> 31) & 0x1FFFFFFFF)
