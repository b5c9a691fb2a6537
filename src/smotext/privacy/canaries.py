"""Canaries: strings and attributes planted in rows before texts are made from them, and looked for afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from smotext.filters.ngrams import words
from smotext.privacy.attack_scene import AuditRows
from smotext.privacy.epsilon_bounds import attribute_epsilon, clopper_pearson
from smotext.privacy.likelihood import Scorer
from smotext.privacy.rates import IntervalEstimate
from smotext.utils.geometry import unit
from smotext.utils.seeding import generator

ATTRIBUTES = ("plumber", "nurse", "farmer", "lawyer", "pilot", "baker", "soldier", "teacher")
_SENTENCE = "I work as a {}."
_LETTERS = "bcdfghjkmnpqrstvwxz"
# A guess looks at so many released texts, the nearest to the row.
N_NEAR = 3
# Of two texts, one that is nearer by a cosine of 0.05 counts e times as much.
CLOSENESS = 20.0


@dataclass(frozen=True)
class Planted:
    """What was planted where; positions are of the rows that were planted in.

    Attributes
    ----------
    strings : dict of int to str
        The unlikely string that each row got.
    never : tuple of str
        As many strings of the same kind that no row got.
    attributes : dict of int to int
        Number of the attribute that each row got.
    before : dict of int to str
        Those rows' texts without it.
    """

    strings: dict[int, str]
    never: tuple[str, ...]
    attributes: dict[int, int]
    before: dict[int, str]


@dataclass(frozen=True)
class CanaryFindings:
    """What came back.

    Attributes
    ----------
    strings, strings_never_planted : IntervalEstimate
        Share of the planted strings, and of the never planted ones, that a released text contains.
    keywords : IntervalEstimate
        Share of the released texts made from a planted row that contain its attribute's keyword; of all released texts,
        any keyword, where parents are not known.
    guessed, guessed_unused : IntervalEstimate
        Share of right guesses at the attribute of rows that were used, and of rows that were not.
    n_values : int
        Attributes to choose from.
    epsilon : float
        What the guesses rule out (:func:`~smotext.privacy.epsilon_bounds.attribute_epsilon`).
    """

    strings: IntervalEstimate
    strings_never_planted: IntervalEstimate
    keywords: IntervalEstimate
    guessed: IntervalEstimate
    guessed_unused: IntervalEstimate
    n_values: int
    epsilon: float


def plant(rows: AuditRows, *, share: float = 0.1, seed: int = 0) -> tuple[AuditRows, Planted]:
    """Return the rows with a string planted in a share of them and an attribute in as many others.

    Parameters
    ----------
    rows : AuditRows
    share : float
        Of the rows, in [0, 0.5].
    seed : int

    Examples
    --------
    >>> rows = AuditRows(("My card was charged twice.",) * 4, np.array(["x"] * 4, dtype=object), np.arange(4))
    >>> planted, what = plant(rows, share=0.25)
    >>> sum(text != "My card was charged twice." for text in planted.texts), len(what.strings), len(what.attributes)
    (2, 1, 1)
    """
    rng = generator(seed, "canaries")
    n_each = round(share * len(rows))
    drawn = rng.permutation(len(rows))[: 2 * n_each].tolist()
    codes = [_code(rng) for _ in range(2 * n_each)]
    strings = dict(zip(drawn[:n_each], codes[:n_each], strict=True))
    attributes = {row: int(rng.integers(len(ATTRIBUTES))) for row in drawn[n_each:]}
    texts = list(rows.texts)
    for row, code in strings.items():
        texts[row] = f"{texts[row]} My reference is {code}."
    before = {row: texts[row] for row in attributes}
    for row, value in attributes.items():
        texts[row] = with_attribute(before[row], value)
    return replace(rows, texts=tuple(texts)), Planted(strings, tuple(codes[n_each:]), attributes, before)


def with_attribute(text: str, value: int) -> str:
    """Return the text with the sentence that says attribute number `value`, first, where a cut does not lose it."""
    return f"{_SENTENCE.format(ATTRIBUTES[value])} {text}"


def _code(rng: np.random.Generator) -> str:
    """Return a string that nobody writes, such as ``kqzvt-48213``."""
    letters = "".join(_LETTERS[place] for place in rng.integers(len(_LETTERS), size=5))
    return f"{letters}-{rng.integers(10_000, 100_000)}"


def look_for(
    planted: Planted,
    is_used: NDArray[np.bool_],
    released: AuditRows,
    *,
    encoder: Any,
    parents: Sequence[Sequence[int]] | None = None,
    scorer: object | None = None,
    **options: Any,
) -> CanaryFindings:
    """Return how much of what was planted came back.

    Parameters
    ----------
    planted : Planted
    is_used : ndarray of shape (n_rows,), bool
        Which rows texts were made from.
    released : AuditRows
        With vectors.
    encoder : Encoder
        Of the pair; encodes each row with each attribute.
    parents : sequence of sequences of int, optional
        For each released text, positions among the rows that were planted in.
    scorer : Scorer, optional
        The decoder. Without one that has ``log_likelihood``, attributes are guessed by cosines.
    **options
        ``prompt``, ``guidance``, ``temperature``, ``batch_size`` of the decoder.
    """
    everything = [f" {' '.join(words(text))} " for text in released.texts]
    used = [code for row, code in planted.strings.items() if is_used[row]]
    right = guess_attributes(planted, released, encoder=encoder, scorer=scorer, **options)
    sides = [[right[row] for row in planted.attributes if is_used[row] == side] for side in (True, False)]
    n_right, n_targets = sum(sides[0]), len(sides[0])
    return CanaryFindings(
        strings=_share([_is_in(code, everything) for code in used]),
        strings_never_planted=_share([_is_in(code, everything) for code in planted.never[: max(1, len(used))]]),
        keywords=_share(_keyword_hits(planted, everything, parents)),
        guessed=_share(sides[0]),
        guessed_unused=_share(sides[1]),
        n_values=len(ATTRIBUTES),
        epsilon=attribute_epsilon(n_right, n_targets, len(ATTRIBUTES)) if n_targets else 0.0,
    )


def guess_attributes(
    planted: Planted, released: AuditRows, *, encoder: Any, scorer: object | None = None, **options: Any
) -> dict[int, bool]:
    """Return for each planted row whether its attribute is the one that the texts nearest to the row speak for."""
    assert released.vectors is not None
    found = {}
    released_vectors = unit(released.vectors)
    for row, value in planted.attributes.items():
        variants = [with_attribute(planted.before[row], other) for other in range(len(ATTRIBUTES))]
        vectors = np.asarray(encoder.encode(variants), dtype=np.float32)
        cosines = (released_vectors @ unit(vectors).T).astype(np.float64)  # (n_released, n_values)
        near = np.argsort(-cosines.mean(axis=1), kind="stable")[:N_NEAR]
        values = cosines[near]
        if isinstance(scorer, Scorer):
            texts = [released.texts[place] for place in near for _ in variants]
            told = scorer.log_likelihood(texts, np.tile(vectors, (len(near), 1)), **options)
            values = np.asarray(told, dtype=np.float64).reshape(len(near), len(variants))
        weights = softmax(CLOSENESS * cosines[near].mean(axis=1))
        found[row] = int((weights @ (values - values.mean(axis=1, keepdims=True))).argmax()) == value
    return found


def _keyword_hits(planted: Planted, everything: list[str], parents: Sequence[Sequence[int]] | None) -> list[bool]:
    if parents is None:
        return [any(_is_in(word, [text]) for word in ATTRIBUTES) for text in everything]
    return [
        any(_is_in(ATTRIBUTES[planted.attributes[row]], [text]) for row in own if row in planted.attributes)
        for text, own in zip(everything, parents, strict=True)
        if any(row in planted.attributes for row in own)
    ]


def _is_in(string: str, texts: Sequence[str]) -> bool:
    """Return whether a text has the words of the string in a row; texts are words between spaces."""
    sought = f" {' '.join(words(string))} "
    return any(sought in text for text in texts)


def _share(hits: Sequence[bool]) -> IntervalEstimate:
    n, n_hits = len(hits), int(sum(hits))
    return (
        IntervalEstimate(n_hits / n, *clopper_pearson(n_hits, n), n_hits, n)
        if n
        else IntervalEstimate(float("nan"), 0.0, 1.0)
    )
