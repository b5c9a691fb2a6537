"""What lies on the line between two texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smotext.augmentation.augment import example_texts, group_targets
from smotext.augmentation.writing import Writer, examples_shown
from smotext.data.corpus import Corpus, make_corpus
from smotext.data.validation import check_count, check_texts
from smotext.encoders.cache import encode_cached
from smotext.errors import InputError, warn_caller
from smotext.filters.judge import make_judge
from smotext.filters.protocol import RealTexts
from smotext.mixing.examples import with_examples
from smotext.mixing.plan import DecoderInput, MixPlan, with_candidates
from smotext.protocols import Decoder, Encoder
from smotext.sampler import SMOTExT
from smotext.settings import UNFINISHED, Settings
from smotext.utils.seeding import root_seed, row_seeds

_IDLE = {
    "sampling_strategy", "k_neighbors", "strategy", "n_parents", "lam", "hide_values", "record_columns", "turns",
    "max_passages", "labelset_strategy", "filters", "on_shortfall", "privacy", "verbose",
}  # fmt: skip
# What a warning says of a step of which no candidate can be kept, by the reason.
_WRITTEN = {
    "copied": "only copies of the two texts were written",
    "empty": "no words were written",
    UNFINISHED: "no text came to its end",
}


@dataclass(frozen=True, slots=True)
class Synthetic:
    """One synthetic text with where it came from.

    .. versionadded:: 0.1.0

    Attributes
    ----------
    text : str
        The text.
    weights : tuple of float
        Weight of each parent.
    lam : float
        Weight of the first parent.
    seed : int
        Seed of the row.
    n_tokens : int or None
        New tokens, where the decoder counts them.

    See Also
    --------
    interpolate : Returns these.
    """

    text: str
    weights: tuple[float, ...]
    lam: float
    seed: int
    n_tokens: int | None = None


def interpolate(
    first: str, second: str, steps: int = 5, model: str = "tiny", random_state: Any = 0, **options: Any
) -> list[Synthetic]:
    """Return what lies between two texts, from the first (lam = 1) to the second (lam = 0).

    A step's text is the nearest to its vector of several (option ``candidates``) that are no copies of the two.

    .. versionadded:: 0.1.0

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

    Warns
    -----
    SmotextWarning
        Where all that was written for a step copies one of the two texts, or came to no end: then such a text stands
        there.

    See Also
    --------
    SMOTExT : Texts between neighbours of a class, as many as are wanted.

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
        raise InputError(f"interpolate takes no {', '.join(idle)}: there are two plain texts, and each step is kept")
    sampler = SMOTExT(model, random_state=random_state, **options)
    settings = sampler.settings()
    lam = np.linspace(1.0, 0.0, steps)
    encoder, decoder = sampler.load()
    rows = decode_line(corpus, lam, encoder=encoder, decoder=decoder, settings=settings, seed=root_seed(random_state))
    for reason, steps_without in rows[~rows["accepted"]].groupby("reason", sort=False):
        shown = ", ".join(f"{value:.2f}" for value in steps_without["lam"])
        warn_caller(f"at lam {shown} {_WRITTEN.get(reason, reason)}: another seed or examples=0 may help")
    return [
        Synthetic(row.text, tuple(row.weights), row.lam, row.seed, None if row.n_tokens < 0 else row.n_tokens)
        for row in rows.itertuples()
    ]


def decode_line(
    corpus: Corpus,
    lam: NDArray[np.float64],
    *,
    encoder: Encoder,
    decoder: Decoder,
    settings: Settings,
    seed: int,
) -> pd.DataFrame:
    """Return the texts along the line between the first two texts of a corpus.

    Parameters
    ----------
    corpus : Corpus
    lam : ndarray of shape (n_steps,)
        Weight of the first text at each step.
    encoder, decoder, settings
        As :func:`~smotext.augmentation.augment.augment` takes them.
    seed : int

    Returns
    -------
    DataFrame of n_steps rows
        ``accepted`` is False, and ``reason`` says why, where no candidate can be kept.
    """
    n_steps = len(lam)
    zeros = np.zeros(n_steps, dtype=np.int64)
    line = MixPlan(
        labels=np.array([corpus.labels[0]] * n_steps, dtype=object),
        # All steps have the same key and so the same noise: they differ by lam alone.
        ordinals=zeros,
        attempts=zeros,
        candidates=zeros,
        parents=np.tile(np.array([0, 1]), (n_steps, 1)),
        weights=np.column_stack([lam, 1 - lam]),
        seeds=row_seeds(seed, corpus.labels[0], zeros),
        strategies=np.array(["interpolate"] * n_steps, dtype=object),
    )
    # The writer checks what the decoder takes, so that nothing is encoded in vain.
    writer = Writer(corpus, encoder, decoder, settings)
    n_examples = examples_shown(settings, decoder)
    vectors = encode_cached(encoder, corpus.texts)
    shown = with_examples(line, corpus.labels, n_examples, seed=seed)
    plan = with_candidates(shown, settings.candidates, seed=seed)

    def targets(group: MixPlan) -> NDArray[np.float32]:
        return group_targets(vectors, group, settings)

    rows = writer.write(plan, DecoderInput(targets(plan), example_texts(corpus.texts, plan)))
    judge = make_judge(None, RealTexts(corpus.texts, corpus.labels, vectors), encoder, n_candidates=settings.candidates)
    scored = judge.score(rows, plan, targets)
    rank = np.select([scored["accepted"], scored["reason"] == "copied", scored["text"] != ""], [0, 1, 2], 3)
    step = np.repeat(np.arange(n_steps), settings.candidates)
    best_first = np.lexsort((np.arange(len(scored)), rank, step))[:: settings.candidates]
    return scored.iloc[best_first].reset_index(drop=True)
