"""How many rows fit into memory at once."""

from __future__ import annotations

import math
from typing import Any

import torch

from smotext.utils.parallel import MOST_WORKERS

# Larger batches gain nothing on a CPU; docs/research/benchmarks.md has the figures.
MAX_BATCH_ROWS = 256
# Memory for the copies, places and noise that are needed while a token is chosen and nothing is filtered out.
_BYTES_PER_LOGIT = 64
# The rest is left to activations and to other processes.
SHARE_OF_FREE = 0.5


def rows_per_batch(model: Any, n_rows: int, n_tokens: int) -> int:
    """Return how many rows to decode together: what fits, on CPUs shared out over torch's threads.

    On a CPU batches run side by side, one thread each (:func:`smotext.utils.parallel.spread`), so that together
    they must fit.
    """
    together = min(n_rows, rows_that_fit(model, n_tokens))
    n_workers = min(torch.get_num_threads(), MOST_WORKERS) if model.device.type == "cpu" else 1
    return max(1, math.ceil(together / n_workers))


def rows_that_fit(model: Any, n_tokens: int) -> int:
    """Return a batch size, from 1 to ``MAX_BATCH_ROWS``, whose cache and logits take half of the free memory at most.

    Parameters
    ----------
    model : causal language model of transformers
    n_tokens : int
        Largest length of a row, prompt included.
    """
    config = model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    # Bytes of a row's keys and values.
    cache = 2 * config.num_hidden_layers * heads * head_dim * n_tokens * model.dtype.itemsize
    logits = _BYTES_PER_LOGIT * config.vocab_size
    return max(1, min(MAX_BATCH_ROWS, int(SHARE_OF_FREE * free_bytes(model.device) / (cache + logits))))


def free_bytes(device: torch.device) -> int:
    """Return the free memory of a CUDA device, or else of the machine, in bytes.

    What torch's allocator keeps of earlier batches and does not use is free for the next one.
    """
    if device.type == "cuda":
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + cached
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            fields = dict(line.split(":", 1) for line in file)
        return int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError):
        # macOS and Windows don't tell; the smallest of today's machines can spare so much.
        return 4 * 2**30
