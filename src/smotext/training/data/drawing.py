"""Passages drawn from corpus files: a uniform sample for training, others held out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from smotext.errors import InputError
from smotext.training.data.corpus_files import read_documents
from smotext.training.data.passages import Cutting, cut_passages, form_of
from smotext.utils.seeding import stable_hash

# A group of passages, and the file that it comes from.
_Drawn = tuple[tuple[str, ...], str]
# One document in fifty is used for held-out passages only.
_HELD_OUT_SHARE = 50


@dataclass
class DrawnPassages:
    """Passages drawn from a corpus.

    Attributes
    ----------
    passages : list of str
        For training, in a seeded order.
    held_out : list of str
        From documents of which no passage is in `passages`.
    sources : dict of str to int
        How many training passages each file gave.
    group_size : int
        So many of `passages` in a row make a group.
    """

    passages: list[str] = field(default_factory=list)
    held_out: list[str] = field(default_factory=list)
    sources: dict[str, int] = field(default_factory=dict)
    group_size: int = 1


def read_corpus(
    paths: Sequence[str | Path],
    count_tokens: Callable[[list[str]], list[int]],
    *,
    cutting: Cutting,
    text_column: str = "text",
    max_passages: int | None = None,
    n_held_out: int = 1000,
    seed: int = 0,
    equal_shares: bool = False,
) -> DrawnPassages:
    """Return training and held-out passages, each a uniform sample of what the files give.

    The files are streamed; no more than `max_passages` + `n_held_out` passages are in memory (reservoir
    sampling). Which documents are held out depends on their text alone, so that it is the same for every
    cutting, order and seed. Passages that occur twice are kept once.

    Parameters
    ----------
    paths, text_column
        As :func:`read_documents` takes them.
    count_tokens : callable
        Token counts of a list of texts.
    cutting : Cutting
        What a passage is; groups of ``cutting.group_size`` are drawn as a whole.
    max_passages : int or None
        None: all.
    n_held_out : int
    seed : int
    equal_shares : bool
        Draw as many passages from each file, as far as it has them, instead of as many as its size says.

    Raises
    ------
    InputError
        If no passage is left: the corpus is empty, or all of it too short or too unclean for `cutting`.
    """
    rng = np.random.default_rng(stable_hash(seed, "corpus"))
    n_parts = len(paths) if equal_shares else 1
    most = None if max_passages is None else -(-max_passages // (n_parts * cutting.group_size))
    train = [_Reservoir(most, rng) for _ in range(n_parts)]
    held = [_Reservoir(-(-n_held_out // n_parts), rng) for _ in range(n_parts)]
    seen: set[int] = set()
    n_documents = 0
    for number, path in enumerate(paths):
        part, groups = number % n_parts, defaultdict[Any, list[str]](list)
        for document in read_documents(path, text_column):
            n_documents += 1
            key = stable_hash(document)
            is_held_out = n_held_out > 0 and key % _HELD_OUT_SHARE == 0
            if not is_held_out and key // _HELD_OUT_SHARE % 10_000 >= 10_000 * cutting.document_share:
                continue
            for passage in cut_passages(document, count_tokens, cutting, rng):
                if hash(passage) in seen:
                    continue
                seen.add(hash(passage))
                if is_held_out:
                    held[part].add(((passage,), Path(path).name))
                    continue
                group = groups[form_of(passage) if cutting.group_size > 1 else None]
                group.append(passage)
                if len(group) == cutting.group_size:
                    train[part].add((tuple(group), Path(path).name))
                    group.clear()
    drawn, checked = ([item for part in parts for item in part.items] for parts in (train, held))
    if not drawn:
        raise InputError(
            f"the corpus gives no passage: {n_documents} documents read, none with a run of sentences of "
            f"{cutting.min_tokens} to {cutting.max_tokens} tokens, {cutting.group_size} of them for a group; add "
            "texts, or lower min_tokens"
        )
    return _shuffled(drawn, checked, rng, cutting.group_size)


def _shuffled(train: list[_Drawn], held: list[_Drawn], rng: np.random.Generator, group_size: int) -> DrawnPassages:
    corpus = DrawnPassages(held_out=[passage for group, _ in held for passage in group], group_size=group_size)
    for row in rng.permutation(len(train)):
        group, source = train[row]
        corpus.passages += group
        corpus.sources[source] = corpus.sources.get(source, 0) + len(group)
    return corpus


class _Reservoir:
    """A uniform sample of a stream (Vitter 1985, algorithm R); without a size, all of it."""

    def __init__(self, size: int | None, rng: np.random.Generator) -> None:
        self.items: list[_Drawn] = []
        self._size, self._rng, self._n_seen = size, rng, 0

    def add(self, item: _Drawn) -> None:
        self._n_seen += 1
        if self._size is None or len(self.items) < self._size:
            self.items.append(item)
        elif (place := int(self._rng.integers(self._n_seen))) < self._size:
            self.items[place] = item
