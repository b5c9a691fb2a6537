"""What lies on the line between two texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smotext.augment import group_targets
from smotext.encoders.cache import encode_cached
from smotext.errors import InputError
from smotext.inputs import Corpus, check_count, check_texts, make_corpus
from smotext.records import Decoder, Encoder, MixPlan, Synthetic
from smotext.sampler import SMOTExT
from smotext.seeding import root_seed, row_seeds
from smotext.settings import Settings
from smotext.writing import Writer

_IDLE = {
    "sampling_strategy", "k_neighbors", "strategy", "n_parents", "lam", "filters", "candidates", "on_shortfall",
    "verbose",
}  # fmt: skip


def interpolate(
    first: str, second: str, steps: int = 5, model: str = "tiny", random_state: Any = 0, **options: Any
) -> list[Synthetic]:
    """Return what lies between two texts, from the first (lam = 1) to the second (lam = 0).

    Parameters
    ----------
    first, second : str
    steps : int
        Number of texts, 2 or more, with lam evenly spaced from 1 to 0.
    model : str
        A preset or bridge.
    random_state : int, RandomState or None
    **options
        Further options of :class:`SMOTExT`, such as ``mix``, ``temperature`` or ``encoder``.

    Returns
    -------
    list of Synthetic

    Raises
    ------
    InputError
        If a text is blank or `steps` is below 2.

    Examples
    --------
    >>> [step.lam for step in interpolate("a parcel", "a train", steps=3, model="echo", random_state=0)]
    [1.0, 0.5, 0.0]
    """
    check_count("steps", steps, "an integer of 2 or more", least=2)
    corpus = make_corpus(check_texts([first, second]), np.array(["", ""], dtype=object))
    if corpus.n_skipped:
        raise InputError("a text is blank: interpolation needs two texts")
    if idle := sorted(options.keys() & _IDLE):
        raise InputError(f"interpolate takes no {', '.join(idle)}: there are two parents, and each text is kept")
    sampler = SMOTExT(model, random_state=random_state, **options)
    settings = sampler.settings()
    lam = np.linspace(1.0, 0.0, steps)
    seeds = row_seeds(root_seed(random_state), "", np.zeros(steps, dtype=np.int64))  # one noise: lam alone differs
    encoder, decoder = sampler.load()
    rows = decode_line(corpus, lam, seeds, encoder=encoder, decoder=decoder, settings=settings)
    return [
        Synthetic(row.text, tuple(row.weights), row.lam, row.seed, None if row.n_tokens < 0 else row.n_tokens)
        for row in rows.itertuples()
    ]


def decode_line(
    corpus: Corpus,
    lam: NDArray[np.float64],
    seeds: NDArray[np.int64],
    *,
    encoder: Encoder,
    decoder: Decoder,
    settings: Settings,
) -> pd.DataFrame:
    """Return the texts along the line between the first two texts of a corpus.

    Parameters
    ----------
    corpus : Corpus
    lam : ndarray of shape (n_steps,)
        Weight of the first text at each step.
    seeds : ndarray of shape (n_steps,), int64
    """
    n_steps = len(lam)
    zeros = np.zeros(n_steps, dtype=np.int64)
    plan = MixPlan(
        labels=np.array([corpus.labels[0]] * n_steps, dtype=object),
        ordinals=np.arange(n_steps),
        attempts=zeros,
        candidates=zeros,
        parents=np.tile(np.array([0, 1]), (n_steps, 1)),
        weights=np.column_stack([lam, 1 - lam]),
        seeds=seeds,
        strategies=np.array(["interpolate"] * n_steps, dtype=object),
    )
    vectors = encode_cached(encoder, corpus.texts)
    return Writer(corpus, encoder, decoder, settings).write(plan, group_targets(vectors, plan, settings))
