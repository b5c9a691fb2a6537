"""An audit of the method itself: a coin decides which rows are used, so that those kept out are of the same kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from smotext.errors import InputError
from smotext.privacy.attack_scene import AuditRows, as_rows
from smotext.privacy.attacks import AuditSettings
from smotext.privacy.auditing import Audit, Tell, align_lineage, audit, encoded, load_models
from smotext.privacy.canaries import CanaryFindings, Planted, look_for, plant
from smotext.utils.seeding import generator

# Texts for each row of a class unless told otherwise: as many as the published attacks are given.
TEXTS_PER_ROW = 2
GenerateFromRows = Callable[[list[str], list[Any], Mapping[Any, int]], Any]


def audit_generator(
    rows: Any,
    generate: GenerateFromRows,
    *,
    model: str | None = None,
    encoder: Any = None,
    decoder: Any = None,
    new_rows: Mapping[Any, int] | None = None,
    canary_share: float = 0.1,
    settings: AuditSettings | None = None,
    with_controls: bool = True,
    tell: Tell | None = None,
) -> Audit:
    """Return what a way of making texts gives away: each row is used or kept out by a fair coin of its own.

    .. versionadded:: 0.1.0

    Parameters
    ----------
    rows : table, pair (texts, labels), or texts
        All real rows there are.
    generate : callable
        ``generate(texts, labels, new_rows)`` returns a table with columns ``text`` and ``label``, made from the rows it
        is given alone, and ``parents`` and ``weights`` (their positions) where these are known. ``SMOTExT.generate``
        called with ``n=new_rows`` does.
    model, encoder, decoder, settings, with_controls, tell
        As in :func:`smotext.privacy.audit`.
    new_rows : mapping of label to int, optional
        Texts per class; None makes two per used row.
    canary_share : float
        Share of the rows in which a string is planted, and of those in which an attribute is. They change the rows a
        little: 0 plants nothing.
    settings : AuditSettings, optional
        Its seed also flips the coins and plants.

    Returns
    -------
    Audit

    Raises
    ------
    InputError
        If a class that is to get texts has no used row, or the table lacks a column.

    See Also
    --------
    audit : Attacks texts that are there already.
    """
    settings = settings or AuditSettings()
    if not 0 <= canary_share <= 0.5:
        raise InputError(f"canary_share is {canary_share!r}: expected a share of the rows from 0 to 0.5")
    everyone, planted = plant(as_rows(rows, "rows"), share=canary_share, seed=settings.seed)
    is_used = generator(settings.seed, "coins").random(len(everyone)) < 0.5
    used, unused = (everyone.take(np.flatnonzero(is_used == side)) for side in (True, False))
    wanted = _new_rows(used, new_rows)
    if tell is not None:
        tell("writing texts", 0, 0)
    made = generate(list(used.texts), used.labels.tolist(), wanted)
    # The lineage counts positions among the rows that were given to the generator.
    renumbered = replace(used, numbers=np.arange(len(used)))
    has_lineage = "parents" in list(getattr(made, "columns", []))
    found = audit(
        renumbered,
        made,
        unused,
        model=model,
        encoder=encoder,
        decoder=decoder,
        lineage=made if has_lineage and any(map(len, made["parents"])) else None,
        settings=settings,
        with_controls=with_controls,
        tell=tell,
    )
    if found.is_refused or not planted.attributes:
        return found
    places = np.flatnonzero(is_used)
    canaries = _findings(made, planted, is_used, places, has_lineage, model, encoder, decoder, settings)
    return replace(found, canaries=canaries)


def _new_rows(used: AuditRows, new_rows: Mapping[Any, int] | None) -> dict[Any, int]:
    labels = used.labels.tolist()
    if new_rows is None:
        return {label: TEXTS_PER_ROW * labels.count(label) for label in dict.fromkeys(labels)}
    if missing := [label for label, n in new_rows.items() if n and label not in set(labels)]:
        raise InputError(f"the coins kept every row of class {missing[0]!r} out: give more rows, or another seed")
    return dict(new_rows)


def _findings(
    made: Any,
    planted: Planted,
    is_used: np.ndarray,
    places: np.ndarray,
    has_lineage: bool,
    model: str | None,
    encoder: Any,
    decoder: Any,
    settings: AuditSettings,
) -> CanaryFindings:
    encoder, decoder = load_models(model, encoder, decoder)
    released = encoded(as_rows(made, "synthetic"), encoder)
    parents = None
    if has_lineage and any(map(len, made["parents"])):
        parents = [[int(places[row]) for row in own] for own in align_lineage(released, made)[0]]
    return look_for(
        planted,
        is_used,
        released,
        encoder=encoder,
        parents=parents,
        scorer=decoder,
        prompt=settings.prompt,
        guidance=settings.guidance,
        temperature=settings.temperature,
        batch_size=settings.batch_size,
    )
