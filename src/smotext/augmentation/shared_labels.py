"""The labels of a new text whose parents have several: what its parents' neighbourhood agrees on.

References
----------
Charte et al., "MLSMOTE: Approaching imbalanced multilabel learning through synthetic instance generation",
Knowledge-Based Systems 2015, section 3.3; imbalanced-learn's pull request 1213 has the same three rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smotext.data.corpus import Corpus
from smotext.errors import InputError
from smotext.filters.labels import OffLabel, SoftLabels
from smotext.filters.named import resolve_filters
from smotext.filters.protocol import RealTexts
from smotext.mixing.neighbours import nearest
from smotext.mixing.plan import MixPlan
from smotext.settings import Settings

# The one class that filters see, where a text has several labels.
_ANY = "any"


def for_label_sets(settings: Settings) -> Settings:
    """Return the settings for texts of several labels: without what judges a text by a single class.

    Raises
    ------
    InputError
        For a strategy that looks at other classes, a filter by name that does, or privacy.
    """
    if settings.strategy not in ("smote", "random"):
        raise InputError(
            f"strategy is {settings.strategy!r}, which compares classes, and these texts have several labels: expected "
            "'smote' or 'random'"
        )
    if settings.privacy is not None:
        raise InputError("privacy is for texts of one label each, and these have several: leave it out")
    filters = resolve_filters(settings.filters)
    of_classes = [one.name for one in filters if isinstance(one, OffLabel | SoftLabels)]
    if of_classes and not isinstance(settings.filters, str):  # the ready-made sets go without
        raise InputError(
            f"filter {of_classes[0]!r} compares classes, and these texts have several labels: leave it out"
        )
    return replace(settings, filters=[one for one in filters if one.name not in of_classes] or None)


def agreed(voters: Sequence[tuple[Any, ...]], rule: str) -> set[Any]:
    """Return the labels of a new text.

    Parameters
    ----------
    voters : sequence of tuple
        Labels of the first parent and of its neighbours.
    rule : {"ranking", "union", "intersection"}
        Labels that more than half of them have, that any has, or that all have.

    Examples
    --------
    >>> voters = [("late", "slow"), ("late",), ("late", "slow"), ("late", "rude")]
    >>> [sorted(agreed(voters, rule)) for rule in ("ranking", "union", "intersection")]
    [['late'], ['late', 'rude', 'slow'], ['late']]
    """
    if rule == "union":
        return set().union(*voters)
    if rule == "intersection":
        return set(voters[0]).intersection(*voters[1:])
    votes = Counter(label for labels in voters for label in labels)
    return {label for label, n in votes.items() if n > len(voters) / 2}


def with_label_sets(
    rows: pd.DataFrame, corpus: Corpus, vectors: NDArray[np.float32], *, k_neighbors: int, strategy: str
) -> pd.DataFrame:
    """Return the rows with a column ``labels``: all labels of each text, that which it was made for among them.

    Parameters
    ----------
    rows : DataFrame
        With ``label`` and ``parents``, rows of the caller's data.
    corpus : Corpus
        With shared labels; a text stands in it once for each label.
    vectors : ndarray of shape (n_texts of the corpus, vector_dim)
    k_neighbors : int
        Neighbours of the first parent, among those that have the label, that vote with it.
    strategy : str
        With ``"random"``, where parents are no neighbours, the parents vote.
    """
    assert corpus.shared is not None
    place = {label: number for number, label in enumerate(corpus.shared.labels)}
    found: list[list[Any]] = [[] for _ in range(len(rows))]
    labels = rows["label"].tolist()
    for label in dict.fromkeys(labels):
        members = np.flatnonzero(corpus.labels == label)
        where = {row: number for number, row in enumerate(corpus.rows[members].tolist())}
        mine = [row for row, other in enumerate(labels) if other == label]
        parents = [[where[parent] for parent in rows["parents"].iloc[row]] for row in mine]
        if strategy != "random":
            parents = _with_neighbours(vectors, members, [who[0] for who in parents], k_neighbors)
        for row, who in zip(mine, parents, strict=True):
            voters = [corpus.shared.sets[members[one]] for one in dict.fromkeys(who)]
            found[row] = sorted({label, *agreed(voters, corpus.shared.rule)}, key=place.__getitem__)
    return rows.assign(labels=pd.Series(found, index=rows.index, dtype=object))


def _with_neighbours(
    vectors: NDArray[np.float32], members: NDArray[np.int64], firsts: list[int], k_neighbors: int
) -> list[list[int]]:
    """Return each first parent and its neighbours, as positions among the members."""
    if len(members) == 1:
        return [[first] for first in firsts]
    different = sorted(set(firsts))
    near = nearest(vectors, np.array(different), min(k_neighbors, len(members) - 1), rows=members)
    of = dict(zip(different, near.tolist(), strict=True))
    return [[first, *of[first]] for first in firsts]


def each_text_once(corpus: Corpus, vectors: NDArray[np.float32]) -> RealTexts:
    """Return the texts as filters see them: each once, and all of one class."""
    places = np.unique(corpus.rows, return_index=True)[1]
    labels = np.full(len(places), _ANY, dtype=object)
    return RealTexts([corpus.texts[place] for place in places], labels, vectors[places])


def of_one_class(plan: MixPlan) -> MixPlan:
    """Return the plan with one class for all rows, as filters see it: a text of two labels is in neither alone."""
    labels = np.empty(len(plan), dtype=object)
    labels[:] = _ANY
    return replace(plan, labels=labels)
