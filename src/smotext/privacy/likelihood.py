"""The strongest attack: under which candidate's vector would the released decoder have written this text?

Whoever has the released texts and the decoder, which is public, can ask log p(text | vector of x) for every candidate
x. Two scores come of it. The line-up score adds up, over the texts, how much of the probability falls to x among the
candidates of its class. The single score is the largest lead of x over the best of the others on any one text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from smotext.privacy.attack_scene import Scene
from smotext.utils.geometry import unit

# Of each text's class, so many candidates are looked at, the nearest to the text. A parent is rarely farther away,
# and all of them would take quadratic time.
N_CANDIDATES = 16
# So many pairs of text and candidate are handed to the decoder together.
_AT_ONCE = 1024
ReportScored = Callable[[int, int], None]


@runtime_checkable
class Scorer(Protocol):
    """A decoder that can say how likely it would have written a text from a vector."""

    def log_likelihood(
        self,
        texts: Sequence[str],
        vectors: NDArray[np.float32],
        *,
        examples: Sequence[Sequence[str]] | None = None,
        prompt: int = 0,
        guidance: float | None = None,
        temperature: float = 1.0,
        batch_size: int | None = None,
    ) -> NDArray[np.float64]:
        """Return log p(text | vector) in nats, summed over the text's tokens and its end, one per row.

        Parameters
        ----------
        texts : sequence of n_rows str
        vectors : ndarray of shape (n_rows, vector_dim)
        examples : sequence of n_rows lists of str, optional
            Texts shown in each row's prompt; None or an empty list shows none.
        prompt, guidance, temperature, batch_size
            As the texts were written with.
        """
        ...


@dataclass(frozen=True)
class LineUp:
    """Log-likelihoods of released texts under the candidates nearest to them.

    Attributes
    ----------
    released : ndarray of shape (n_texts,), int64
        Positions of the texts that were looked at.
    candidates : ndarray of shape (n_texts, n_shown), int64
        Positions of the candidates, nearest first; -1 where the class has fewer.
    values : ndarray of shape (n_texts, n_shown), float64
        In nats; -inf where there is no candidate.
    n_candidates : int
        Candidates there are in all.
    """

    released: NDArray[np.int64]
    candidates: NDArray[np.int64]
    values: NDArray[np.float64]
    n_candidates: int

    def line_up_scores(self) -> NDArray[np.float64]:
        """Return for each candidate the sum over texts of its share of the probability; shape (n_candidates,)."""
        return self._added(softmax(self.values, axis=1), np.zeros(self.n_candidates), np.add)

    def single_scores(self) -> NDArray[np.float64]:
        """Return for each candidate its largest lead, on any text, over the best other; -inf where never shown."""
        start = np.full(self.n_candidates, -np.inf)
        return self._added(leads(self.values), start, np.maximum)

    def traced_to(self) -> NDArray[np.int64]:
        """Return for each text the candidate under which it is likeliest; shape (n_texts,)."""
        return self.candidates[np.arange(len(self.candidates)), self.values.argmax(axis=1)]

    def _added(self, shown: NDArray[np.float64], start: NDArray[np.float64], join: Any) -> NDArray[np.float64]:
        is_there = self.candidates >= 0
        join.at(start, self.candidates[is_there], shown[is_there])
        return start


def leads(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each entry less the largest other entry of its row; the largest leads by how far it is ahead.

    Examples
    --------
    >>> leads(np.array([[3.0, 1.0, 2.0]])).tolist()
    [[1.0, -2.0, -1.0]]
    >>> leads(np.array([[3.0]])).tolist()
    [[0.0]]
    """
    if values.shape[1] < 2:
        return np.zeros_like(values)
    second, best = np.sort(values, axis=1)[:, -2:].T
    others = np.where(np.arange(values.shape[1]) == values.argmax(axis=1)[:, None], second[:, None], best[:, None])
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(values - others, nan=-np.inf, neginf=-np.inf, posinf=0.0)


def line_up(
    scene: Scene,
    scorer: Scorer,
    *,
    n_shown: int = N_CANDIDATES,
    max_texts: int | None = None,
    with_example: bool = False,
    shown_to: Callable[[Any], list[str]] | None = None,
    progress: ReportScored | None = None,
    rng: np.random.Generator | None = None,
    **options: Any,
) -> LineUp:
    """Return how likely each released text is under the candidates of its class whose vectors are nearest to it.

    Parameters
    ----------
    scene : Scene
        With vectors. Who is a member is not looked at.
    scorer : Scorer
        The decoder that wrote the texts.
    n_shown : int
        Candidates per text. Those left out get nothing of the probability.
    max_texts : int, optional
        Texts that are looked at, drawn at random where there are more; None looks at all.
    with_example : bool
        Show the candidate's own text as the example in the prompt too, as a decoder with examples would have seen it.
    shown_to : callable, optional
        ``shown_to(label)`` returns texts that all prompts of a class show instead, as everybody knows.
    progress : callable, optional
        ``progress(n_done, n_pairs)`` now and then.
    rng : Generator, optional
        Draws the texts; needed where `max_texts` is given.
    **options
        ``prompt``, ``guidance``, ``temperature`` and ``batch_size`` of the decoder.
    """
    released, shown = nearest_shown(scene, n_shown)
    if max_texts is not None and len(released) > max_texts:
        chosen = np.sort((rng or np.random.default_rng(0)).choice(len(released), max_texts, replace=False))
        released, shown = released[chosen], shown[chosen]
    rows, places = np.nonzero(shown >= 0)
    values = np.full(shown.shape, -np.inf)
    for start in range(0, len(rows), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        who = shown[rows[part], places[part]]
        examples = None
        if with_example:
            examples = [[scene.candidates.texts[x]] for x in who]
        elif shown_to is not None:
            examples = [shown_to(scene.candidates.labels[x]) for x in who]
        values[rows[part], places[part]] = scorer.log_likelihood(
            [scene.released.texts[s] for s in released[rows[part]]], _vectors(scene)[who], examples=examples, **options
        )
        if progress is not None:
            progress(min(start + _AT_ONCE, len(rows)), len(rows))
    return LineUp(released, shown, values, len(scene.candidates))


def nearest_shown(scene: Scene, n_shown: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the texts whose class has candidates, and for each the nearest of these, -1 where there are fewer."""
    assert scene.released.vectors is not None
    all_released, all_shown = [], []
    for released, candidates in scene.classes():
        cosines = unit(scene.released.vectors[released]) @ unit(_vectors(scene)[candidates]).T
        order = np.argsort(-cosines, axis=1, kind="stable")[:, :n_shown]
        shown = np.full((len(released), n_shown), -1, dtype=np.int64)
        shown[:, : order.shape[1]] = candidates[order]
        all_released.append(released)
        all_shown.append(shown)
    if not all_released:
        return np.zeros(0, dtype=np.int64), np.zeros((0, n_shown), dtype=np.int64)
    return np.concatenate(all_released), np.concatenate(all_shown)


def _vectors(scene: Scene) -> NDArray[np.float32]:
    assert scene.candidates.vectors is not None
    return scene.candidates.vectors


def n_traced(found: LineUp, scene: Scene, parents: Sequence[Sequence[int]] | None) -> tuple[int, int]:
    """Return how many texts are traced to a true parent, or to a member where parents are not known, and of how many.

    Parameters
    ----------
    found : LineUp
    scene : Scene
        Its first candidates are the members.
    parents : sequence of sequences of int, optional
        Row numbers of the real file, for each released text; empty where not known.

    Returns
    -------
    hits, of : int
    """
    traced = found.traced_to()
    if parents is None:
        return int(scene.is_member[traced].sum()), len(traced)
    hits = of = 0
    for text, candidate in zip(found.released.tolist(), traced.tolist(), strict=True):
        if len(parents[text]):
            of += 1
            hits += bool(scene.is_member[candidate]) and scene.candidates.numbers[candidate] in parents[text]
    return hits, of
