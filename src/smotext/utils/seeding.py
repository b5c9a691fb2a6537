"""Row keys and the independent random streams that hang on them.

A row's key is (class, ordinal in its class, attempt, candidate). Its seed depends on the root seed and
that key alone, so that asking for more rows keeps the earlier ones and no class repeats another's draws.
Everything is counter-based: no generator is advanced, so there is no order to get wrong.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smotext.errors import InputError

# The increment of splitmix64 (Steele, Lea & Flood 2014).
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MULTIPLIERS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def splitmix64(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return splitmix64's output for each state in `values`: a bijection that scrambles all 64 bits.

    References
    ----------
    Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.

    Examples
    --------
    The first output of the reference implementation seeded with 1234567:

    >>> int(splitmix64(np.array([1234567], dtype=np.uint64))[0])
    6457827717110365317
    """
    with np.errstate(over="ignore"):
        z = values + _GOLDEN
        z = (z ^ (z >> np.uint64(30))) * _MULTIPLIERS[0]
        z = (z ^ (z >> np.uint64(27))) * _MULTIPLIERS[1]
        return z ^ (z >> np.uint64(31))


def root_seed(random_state: int | np.random.RandomState | np.random.Generator | None) -> int:
    """Return the one integer that a run's randomness comes from, 0 or more.

    Parameters
    ----------
    random_state : int, RandomState, Generator or None
        An int is returned as it is; a generator is drawn from; None draws from numpy's global one, as in
        scikit-learn.

    Raises
    ------
    InputError
        If an int is negative or the type is another.

    Examples
    --------
    >>> root_seed(7)
    7
    """
    if random_state is None:
        return int(np.random.randint(2**31))  # noqa: NPY002 (so that np.random.seed means what it does elsewhere)
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31))
    if isinstance(random_state, int | np.integer) and not isinstance(random_state, bool):
        if random_state < 0:
            raise InputError(f"random_state is {random_state}: expected an integer >= 0")
        return int(random_state)
    raise InputError(f"random_state is {random_state!r}: expected an int, a numpy generator or None")


def stable_hash(*words: Any) -> int:
    """Return a 64-bit hash of `words` that is the same in every process and on every machine.

    Numpy scalars count as the Python value they hold; ``1``, ``"1"`` and ``True`` are three words.

    Examples
    --------
    >>> stable_hash("spam", 3) == stable_hash("spam", np.int64(3))
    True
    >>> stable_hash(1) == stable_hash("1")
    False
    """
    plain = [word.item() if isinstance(word, np.generic) else word for word in words]
    text = "\x1f".join(f"{type(word).__name__}:{word!r}" for word in plain)
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def row_seeds(
    root: int, label: Any, ordinals: ArrayLike, attempts: ArrayLike = 0, candidates: ArrayLike = 0
) -> NDArray[np.int64]:
    """Return one seed in [0, 2**63) per row of a class, from the root seed and the row's key alone.

    Parameters
    ----------
    root : int
        The run's root seed.
    label : hashable
        The class.
    ordinals, attempts, candidates : array-like of int, broadcast together
        The rest of each row's key.

    Returns
    -------
    ndarray of shape (n_rows,), int64

    Examples
    --------
    Asking for more rows keeps the earlier seeds:

    >>> few, many = row_seeds(0, "spam", range(2)), row_seeds(0, "spam", range(5))
    >>> bool((few == many[:2]).all())
    True
    """
    key = np.broadcast_arrays(*(np.atleast_1d(part) for part in (ordinals, attempts, candidates)))
    state = np.full(key[0].shape, stable_hash(root, label), dtype=np.uint64)
    for part in key:
        state = splitmix64(state ^ splitmix64(part.astype(np.uint64)))
    return (state >> np.uint64(1)).astype(np.int64)


def further_seeds(seeds: ArrayLike, *key: ArrayLike) -> NDArray[np.int64]:
    """Return seeds that hang on each row's own seed and on further numbers, such as a passage and a candidate.

    Parameters
    ----------
    seeds : array-like of shape (n_rows,), int
        Row seeds, as :func:`row_seeds` gives them.
    *key : array-like of int, 0 or more
        Numbers for each row, or one for all.

    Returns
    -------
    ndarray of shape (n_rows,), int64

    Examples
    --------
    >>> (further_seeds([1, 2], 0) == further_seeds([1, 2], [1, 0])).tolist()
    [False, True]
    """
    state = np.atleast_1d(np.asarray(seeds)).astype(np.uint64)
    for part in key:
        state = splitmix64(state ^ splitmix64(np.asarray(part).astype(np.uint64)))
    return (state >> np.uint64(1)).astype(np.int64)


def uniforms(seeds: ArrayLike, stream: str, width: int = 1) -> NDArray[np.float64]:
    """Return `width` uniform numbers in the open interval (0, 1) per row, from each row's own stream.

    Parameters
    ----------
    seeds : array-like of shape (n_rows,), int
        Row seeds, as :func:`row_seeds` gives them.
    stream : str
        What the numbers are for; streams of different names are independent.
    width : int
        Numbers per row.

    Returns
    -------
    ndarray of shape (n_rows, width), float64

    Examples
    --------
    >>> uniforms([1, 2], "lam").shape
    (2, 1)
    >>> bool((uniforms([1], "lam") == uniforms([1], "parent")).any())
    False
    """
    rows = np.atleast_1d(np.asarray(seeds)).astype(np.uint64)
    states = splitmix64(rows ^ np.uint64(stable_hash(stream)))[:, None]
    bits = splitmix64(states + splitmix64(np.arange(width, dtype=np.uint64))[None, :])  # (n_rows, width)
    return ((bits >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53


def generator(root: int, *words: Any) -> np.random.Generator:
    """Return a numpy generator for the stream named by `words`, independent of every other name's.

    Examples
    --------
    >>> int(generator(0, "spam", "first").integers(100)) == int(generator(0, "spam", "first").integers(100))
    True
    """
    return np.random.default_rng(stable_hash(root, *words))
