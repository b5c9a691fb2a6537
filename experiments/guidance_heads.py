"""Which guidance head: free, factorised, or tied to the language model's embeddings?

::

    python experiments/guidance_heads.py work/tiny.run --lm smollm2-135m

Each is fitted to the first pieces of a training run's store and measured on the next one: nats that it needs for a word
of a passage, given the passage's vector, each word counted once. A word's frequency alone is the yardstick.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch

from smotext.decoders.bridge import BridgeSpec
from smotext.decoders.guidance import Guidance
from smotext.training.data.passage_store import PassageStore, Piece
from smotext.training.guidance_head import fit_guidance
from smotext.training.models.pair import load_training_pair

RANK = 64  # of the factorised head: as many numbers for each token
HIDDEN = 1024


def main() -> None:
    """Fit, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="OUT.run of a bridge that was trained, with its store")
    parser.add_argument("--lm", default="smollm2-135m", help="the language model")
    parser.add_argument("--pieces", type=int, default=2, help="pieces of the store that heads are fitted to")
    parser.add_argument("--passages", type=int, default=2000, help="passages that they are measured on")
    given = parser.parse_args()
    store = PassageStore(given.run / "store", encode=no_vectors)
    vector_dim = store.piece(0).vectors.shape[1]
    lm = load_training_pair(given.lm, vector_dim=vector_dim, spec=BridgeSpec()).lm
    table = lm.get_input_embeddings().weight.detach()
    special = [lm.config.bos_token_id, lm.config.eos_token_id]
    checked = store.piece(given.pieces)
    print("| head | weights, M | nats a word | better than frequency by |\n|---|---|---|---|")
    for name, head in heads(table, vector_dim).items():
        fit_guidance(head, store, special_ids=special, max_pieces=given.pieces)
        found, plain = nats(head, checked, given.passages)
        n_weights = sum(parameter.numel() for parameter in head.parameters())
        print(f"| {name} | {n_weights / 1e6:.1f} | {found:.3f} | {plain - found:.3f} |", flush=True)


def heads(table: torch.Tensor, vector_dim: int) -> dict[str, Guidance]:
    """Return the new heads."""
    factorised = Guidance(len(table), vector_dim, table[:, :RANK])
    del factorised.table
    first = torch.randn(len(table), RANK, generator=torch.Generator().manual_seed(0))
    factorised.table = torch.nn.Parameter(first * RANK**-0.5)  # learned as well
    return {
        "free": Guidance(len(table), vector_dim),
        "factorised": factorised,
        "tied, linear": Guidance(len(table), vector_dim, table),
        "tied, hidden layer": Guidance(len(table), vector_dim, table, hidden_size=HIDDEN),
    }


def nats(head: Guidance, piece: Piece, n_passages: int) -> tuple[float, float]:
    """Return the mean nats of a passage's words under the head, and by their frequency alone."""
    total = plain = 0.0
    for start in range(0, n_passages, 250):
        rows = range(start, min(start + 250, n_passages))
        log_p = head(torch.from_numpy(np.asarray(piece.vectors[rows.start : rows.stop], dtype=np.float32)))
        for place, row in enumerate(rows):
            bag = np.unique(piece.passage(row))
            total -= float(log_p[place, bag].mean())
            plain -= float(head.unigram[bag][head.unigram[bag] < 0].mean())
    return total / n_passages, plain / n_passages


def no_vectors(texts: list[str]) -> Any:
    """Raise: the store has all vectors that are looked at."""
    raise SystemExit("the run's store lacks vectors of its last pieces: give fewer --pieces, or train longer")


if __name__ == "__main__":
    main()
