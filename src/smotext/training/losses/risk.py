"""Stage 3: texts are sampled, encoded again, and the nearer ones to their vector are made likelier.

Likelihood alone never sees what the bridge writes by itself, nor a vector between two texts, for which there is no
text to learn from. Here the measure that counts, the cosine between what was asked for and what was written, is
trained for.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from smotext.decoders.guidance import guidance_of_rows
from smotext.settings import Sampling, Settings
from smotext.training.data.batches import MicroBatch, by_length, pad
from smotext.training.data.passage_store import EncodePassages
from smotext.training.losses.passage_losses import stage_one
from smotext.training.models.pair import Pair
from smotext.training.scoring.pair_texts import texts_of, write_rows
from smotext.training.scoring.score import cosines_of

# As texts are written by the sampler later.
SAMPLING = Sampling(do_sample=True, temperature=Settings.temperature, top_p=Settings.top_p)


def stage_three(
    pair: Pair,
    batch: MicroBatch,
    vectors: torch.Tensor,
    *,
    encode: EncodePassages,
    candidates: int,
    risk_weight: float,
    max_tokens: int,
    key: int,
) -> Iterator[torch.Tensor]:
    """Yield losses whose gradients add up to those of likelihood plus expected risk, 1 - cosine.

    ``candidates`` texts are sampled for each vector. Each one's log-likelihood is weighted with how much smaller
    its risk is than the others' mean, which is the policy gradient with the leave-one-out baseline. The
    likelihood of the passage itself stays in the loss, so that the bridge goes on writing as people do.
    The values of the losses add up to the mean risk, times the passages' tokens.

    Parameters
    ----------
    pair, batch, vectors
        As in :func:`~smotext.training.losses.passage_losses.stage_one`.
    encode : callable
        Texts to vectors of shape (n_texts, vector_dim).
    candidates : int
        Texts for each vector, at least 2. Those that are cut off teach nothing.
    risk_weight : float
        Of the risk beside the likelihood.
    max_tokens : int
        Tokens that go through the model at once, padding included.
    key : int
        Of the sampling.

    References
    ----------
    Shen et al. (2016), Minimum Risk Training for Neural Machine Translation; Kool et al. (2019), Buy 4 REINFORCE
    Samples, Get a Baseline for Free.
    """
    asked = vectors.repeat_interleave(candidates, dim=0)
    seeds = key % 2**62 + np.arange(len(asked), dtype=np.int64)
    prompt_of_row = batch.prompt_of_row.repeat(candidates)
    guidance = torch.from_numpy(guidance_of_rows(pair.spec, None, batch.prompts, prompt_of_row))
    written = write_rows(pair, batch.prompts, prompt_of_row, asked, SAMPLING, seeds)
    cosines = cosines_of(encode, texts_of(pair, written), asked.float().cpu().numpy()).reshape(-1, candidates)
    # One more for the end token.
    lengths = np.array([len(row.ids) + 1 for row in written])
    weights = risk_weight * advantages(cosines).ravel() * [row.is_finished for row in written]
    risk = 1.0 - cosines.mean(axis=1)
    yield _worth(stage_one(pair, batch, vectors), float(risk @ batch.lengths))
    for rows in by_length(lengths, max_tokens):
        tokens = pad([written[row].ids for row in rows], pair.prompts.end_id)
        part = MicroBatch(tokens, lengths[rows], batch.vectors[rows // candidates], batch.prompts, prompt_of_row[rows])
        taught = torch.from_numpy(weights[rows]).to(vectors)
        loss = stage_one(pair, part, asked[rows], weights=taught, guidance=guidance[rows])
        yield _worth(loss, value=0.0)


def advantages(rewards: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each reward less the mean of its row's others.

    Parameters
    ----------
    rewards : ndarray of shape (n_rows, n_candidates)

    Examples
    --------
    >>> advantages(np.array([[1.0, 0.0, 0.5]])).tolist()
    [[0.75, -0.75, 0.0]]
    """
    n = rewards.shape[1]
    return (rewards - rewards.mean(axis=1, keepdims=True)) * n / (n - 1)


def _worth(loss: torch.Tensor, value: float) -> torch.Tensor:
    """Return the loss with another value: its gradient is what trains, its value what is reported."""
    return loss - loss.detach() + value
