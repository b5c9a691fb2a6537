"""One noisy release of group sums, after which nothing reads a real row any more.

::

    v_i   row i's vector, shortened to length 1 where it is longer
    g_i   its group, drawn by itself among the groups of its class: no permutation, no neighbours
    S_g   sum of v_i over g_i = g
    R     S + N(0, sigma^2 I), drawn once for all groups together
    c_g   R_g / |R_g|

One row more or less changes one S_g, by a vector of length 1 at most, so the stacked sums have an L2 sensitivity of 1
(2 where one row replaces another, which may fall into the same group). What is done with R costs nothing further.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.privacy.gaussian import ceilings, sigma_for, with_noise
from smotext.privacy.privacy_option import Privacy

# Vectors are clipped a little below 1, so that rounding never leaves one longer than 1.
_SHORTER = 1 - 2.0**-40
# Sums of multiples of this are exact for up to 2^22 rows, in whatever order they are added.
_GRID = 2.0**-30


@dataclass(frozen=True)
class Centres:
    """What was released: one direction per group.

    Attributes
    ----------
    vectors : ndarray of shape (n_centres, vector_dim), float32
        Each of length 1.
    labels : ndarray of shape (n_centres,), object
        The class of each.
    privacy : Privacy
        What they were released with.
    """

    vectors: NDArray[np.float32]
    labels: NDArray[np.object_]
    privacy: Privacy


def release(vectors: NDArray[np.float32], labels: NDArray[np.object_], privacy: Privacy) -> Centres:
    """Return the noisy centres of the public classes' groups. Every call is a release of its own: epsilons add up.

    Parameters
    ----------
    vectors : ndarray of shape (n_rows, vector_dim)
    labels : ndarray of shape (n_rows,), object
        Rows of classes that are not public take no part.
    privacy : Privacy
        Of kind "dp".

    Returns
    -------
    Centres
        Class by class in the order of ``privacy.labels``; a class without rows has centres of mere noise.
    """
    assert privacy.epsilon is not None
    # The seed is drawn from the system and kept nowhere: a known seed would tell the group of each row.
    rng = np.random.default_rng(secrets.randbits(256))
    groups = draw_groups(labels, privacy.n_groups, rng)
    sums = group_sums(clip(vectors), groups, sum(privacy.n_groups.values()))
    noisy = with_noise(sums, sigma_for(privacy.epsilon, privacy.delta, privacy.sensitivity))
    directions = noisy / np.linalg.norm(noisy, axis=1, keepdims=True)
    return Centres(directions.astype(np.float32), centre_labels(privacy), privacy)


def clip(vectors: NDArray[Any]) -> NDArray[np.float64]:
    """Return the vectors, those longer than 1 shortened to it, on a grid on which sums are exact.

    Examples
    --------
    >>> np.linalg.norm(clip(np.array([[3.0, 4.0], [0.3, 0.4]])), axis=1).round(6).tolist()
    [1.0, 0.5]
    """
    wide = np.asarray(vectors, dtype=np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    # Rounded towards zero, a vector never gets longer.
    return np.trunc(wide * (_SHORTER / np.maximum(lengths, 1.0)) / _GRID) * _GRID


def draw_groups(labels: NDArray[np.object_], n_groups: dict[Any, int], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return each row's group, drawn by itself among those of its class; -1 for a class that is not public.

    Examples
    --------
    >>> labels = np.array(["a", "b", "c", "b"], dtype=object)
    >>> draw_groups(labels, {"a": 1, "b": 1}, np.random.default_rng(0)).tolist()
    [0, 1, -1, 1]
    """
    first = dict(zip(n_groups, np.cumsum([0, *n_groups.values()]).tolist(), strict=False))
    draws = rng.random(len(labels))
    return np.array(
        [
            first[label] + int(draw * n_groups[label]) if label in first else -1
            for label, draw in zip(labels.tolist(), draws.tolist(), strict=True)
        ],
        dtype=np.int64,
    )


def group_sums(clipped: NDArray[np.float64], groups: NDArray[np.int64], n_groups: int) -> NDArray[np.float64]:
    """Return the sum of each group's vectors; shape (n_groups, vector_dim). Rows of group -1 take no part."""
    sums = np.zeros((n_groups, clipped.shape[1]))
    takes_part = groups >= 0
    np.add.at(sums, groups[takes_part], clipped[takes_part])
    return sums


def centre_labels(privacy: Privacy) -> NDArray[np.object_]:
    """Return the class of each centre, class by class."""
    labels = [label for label, n in privacy.n_groups.items() for _ in range(n)]
    column = np.empty(len(labels), dtype=object)
    column[:] = labels
    return column


def statement(privacy: Privacy) -> list[str]:
    """Return what is guaranteed and what is not, a sentence each.

    Examples
    --------
    >>> print(statement(Privacy("average", group_size=5))[0])
    averaging over groups of 5 rows or more: it lowers what attacks find, and guarantees nothing
    """
    if privacy.kind == "average":
        return [
            f"averaging over groups of {privacy.group_size} rows or more: it lowers what attacks find, and guarantees "
            "nothing",
            *_shown_as_public(privacy),
        ]
    assert privacy.epsilon is not None
    top = ceilings(privacy.epsilon, privacy.delta)
    sigma = sigma_for(privacy.epsilon, privacy.delta, privacy.sensitivity)
    return [
        f"differential privacy: epsilon {privacy.epsilon:g}, delta {privacy.delta:g}, for {privacy.unit} (noise of "
        f"standard deviation {sigma:.3f} on sums of vectors of length 1)",
        f"no attack on these texts finds out who was used with an AUC above {top.auc:.3f}, or more than {top.tpr:.1%} "
        "of the rows at one false alarm in a hundred",
        "each further release from the same rows, with any options, adds its epsilon to this one; further texts from "
        "the same centres cost nothing",
        "taken as public: the classes, the groups of each, and how many texts are written for each",
        *_shown_as_public(privacy),
    ]


def _shown_as_public(privacy: Privacy) -> list[str]:
    """Return a sentence on the public examples, where there are some."""
    if privacy.public_examples is None:
        return []
    n_texts = len(privacy.public_examples.texts)
    return [
        f"taken as public, as you said: the {n_texts} examples that prompts show, which may come back word for word"
    ]
