"""How likely a language model would have written a text from a vector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from smotext.decoders.guidance import spend
from smotext.decoders.projector import AnyProjector
from smotext.decoders.prompt_context import place_vectors, read_prompts
from smotext.decoders.prompts import Prompt


@torch.inference_mode()
def text_log_likelihood(
    model: Any,
    projector: AnyProjector,
    vectors: torch.Tensor,
    prompts: Sequence[Prompt],
    prompt_of_row: torch.Tensor,
    tokens: Sequence[Sequence[int]],
    *,
    bias: torch.Tensor | None = None,
    temperature: float = 1.0,
) -> torch.Tensor:
    """Return log p(tokens | vector) of each row in nats, summed over its tokens.

    Parameters
    ----------
    model : transformers causal language model
    projector : Projector or SlotProjector
    vectors : tensor of shape (n_rows, vector_dim)
        On the model's device.
    prompts : sequence of Prompt
        All with the same tokens after the vector's place.
    prompt_of_row : tensor of shape (n_rows,), int64
    tokens : one sequence of int per row
        The text's tokens and its end, at least one.
    bias : tensor of shape (n_rows, vocab_size), optional
        Added to the logits at every step (guidance). It is changed.
    temperature : float
        Divides the logits.

    Returns
    -------
    tensor of shape (n_rows,), float64
    """
    device = vectors.device
    context = read_prompts(model, [prompt.before for prompt in prompts], prompt_of_row, capacity=None)
    start = place_vectors(model, projector, vectors, context, prompts[0].after)
    longest = max(map(len, tokens))
    ids = torch.tensor([[*row, *[0] * (longest - len(row))] for row in tokens], device=device)
    is_token = torch.tensor([[True] * len(row) + [False] * (longest - len(row)) for row in tokens], device=device)
    inputs = torch.cat([start, model.get_input_embeddings()(ids[:, :-1])], dim=1)
    given = context.inputs(inputs.shape[1], model.dtype)
    logits = model(inputs_embeds=inputs, **given).logits[:, -longest:]
    total = torch.zeros(len(tokens), dtype=torch.float64, device=device)
    for step in range(
        longest
        # One place at a time: the vocabulary is large, and float32 copies of all places would not fit.
    ):
        scores = logits[:, step].float()
        if bias is not None:
            scores = scores + bias
            spend(bias, ids[:, step])
        log_p = torch.log_softmax(scores / temperature, dim=-1).gather(1, ids[:, step, None])[:, 0]
        total += torch.where(is_token[:, step], log_p.double(), 0.0)
    return total
