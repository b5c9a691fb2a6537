"""The audit: what released texts give away about the rows that they were made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from smotext.errors import InputError
from smotext.privacy.attack_scene import AuditRows, as_rows, make_scene
from smotext.privacy.attacks import Attack, AuditSettings, run_attacks
from smotext.privacy.controls import Blind, Control, blind_control, run_controls
from smotext.privacy.distances import AgainstChance, closest_record_share, neighbour_ratio
from smotext.privacy.reconstruction import Reconstruction, reconstruct
from smotext.privacy.similarity import CopiedRun
from smotext.privacy.verdicts import verdict_lines

if TYPE_CHECKING:
    from smotext.privacy.canaries import CanaryFindings

# Told what is being done, how much of it is done, and of how much; 0 where that is not known.
Tell = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Audit:
    """All that an audit found.

    Attributes
    ----------
    n_real, n_held_out, n_released : int
        AuditRows with text that took part.
    n_shared : int
        Held-out rows that were left out, with the real rows of the same text: both used and not used.
    blind : Blind
        Whether the held-out rows are of the same kind as the real ones at all.
    attacks : tuple of Attack
        Empty where they are not.
    copied : tuple of CopiedRun
        Runs of words copied from real rows. They quote real rows: keep the report to yourself.
    closest_share, neighbour_ratio : AgainstChance or None
        Distance figures; not a verdict.
    controls : tuple of Control
    reconstruction : Reconstruction or None
        What the lineage file would give away, where it was given.
    canaries : CanaryFindings or None
        Where some were planted (:func:`smotext.privacy.audit_generator`).
    settings : AuditSettings
    """

    n_real: int
    n_held_out: int
    n_released: int
    n_shared: int
    blind: Blind
    attacks: tuple[Attack, ...] = ()
    copied: tuple[CopiedRun, ...] = ()
    closest_share: AgainstChance | None = None
    neighbour_ratio: AgainstChance | None = None
    controls: tuple[Control, ...] = ()
    reconstruction: Reconstruction | None = None
    canaries: CanaryFindings | None = None
    settings: AuditSettings = field(default_factory=AuditSettings)

    @property
    def is_refused(self) -> bool:
        """Whether the held-out rows are of another kind, so that nothing was attacked."""
        return self.blind.tells_apart

    @property
    def leaks(self) -> bool:
        """Whether an attack finds members."""
        return any(attack.finds_members for attack in self.attacks)

    @property
    def verdicts(self) -> list[str]:
        """The verdicts in words, the strongest attack first."""
        return verdict_lines(self.attacks, self.blind, self.controls)


def audit(
    real: Any,
    synthetic: Any,
    held_out: Any,
    *,
    model: str | None = None,
    encoder: Any = None,
    decoder: Any = None,
    lineage: Any = None,
    settings: AuditSettings | None = None,
    with_controls: bool = True,
    tell: Tell | None = None,
) -> Audit:
    """Return what synthetic texts give away about the real rows that they were made from.

    Every attack gets the synthetic texts and a pile of candidates, real and held-out rows together, and scores each
    candidate; it is judged by how well the scores tell the two apart.

    .. versionadded:: 0.1.0

    Parameters
    ----------
    real, synthetic, held_out : tables with columns text and label, pairs (texts, labels), or texts alone
        The rows that the texts were made from; the texts; rows of the same source that were not used. The best
        held-out rows are those that a coin kept out (:func:`smotext.privacy.audit_generator`).
    model : str, optional
        The pair that wrote the texts. Without it, or a `decoder`, the likelihood attack, the strongest, is not run.
    encoder, decoder : objects, optional
        Override the model's. Without a model, the encoder of ``"tiny"`` compares meanings.
    lineage : DataFrame, optional
        Columns ``text`` and ``parents`` (row numbers of `real`), and ``weights`` for the reconstruction.
    settings : AuditSettings, optional
    with_controls : bool
        Whether the three controls are run; the blind control always is.
    tell : callable, optional
        ``tell(what, n_done, n_all)`` says how far it is.

    Returns
    -------
    Audit

    Raises
    ------
    InputError
        If a file holds no text, no class is in all three, or half of the held-out rows are real rows.

    See Also
    --------
    audit_generator : Has the texts written as well, from rows that a coin took.
    Privacy : What lowers it.

    Examples
    --------
    >>> from smotext import HashEncoder
    >>> rows = [f"row {i} of {i * 7 % 81}" for i in range(80)]
    >>> found = audit(rows[::2], rows[::2], rows[1::2], encoder=HashEncoder(), with_controls=False)
    >>> found.verdicts[0].startswith("LEAKS: attack nearest vector finds members")
    True
    """
    settings, tell = settings or AuditSettings(), tell or _say_nothing
    given = [as_rows(rows, what) for rows, what in ((real, "real"), (synthetic, "synthetic"), (held_out, "held_out"))]
    all_real, released, _ = given
    _check_classes(*given)
    members, others, n_shared = _without_shared(given[0], given[2])
    sizes = len(members), len(others), len(released), n_shared
    blind = blind_control(make_scene(members, released, others), settings)
    if blind.tells_apart:
        return Audit(*sizes, blind, settings=settings)
    tell("encoding", 0, 0)
    encoder, decoder = load_models(model, encoder, decoder)
    members, released, others = (encoded(rows, encoder) for rows in (members, released, others))
    scene = make_scene(members, released, others)
    origins = align_lineage(released, lineage) if lineage is not None else None
    attacks, copied = run_attacks(
        scene,
        settings,
        scorer=decoder,
        parents=None if origins is None else origins[0],
        progress=lambda done, of: tell("likelihood attack", done, of),
    )
    controls = []
    if with_controls:
        tell("controls", 0, 0)
        controls = run_controls(
            scene, settings, scorer=decoder, progress=lambda done, of: tell("likelihood attack on a control", done, of)
        )
    return Audit(
        *sizes,
        blind,
        tuple(attacks),
        tuple(copied),
        closest_record_share(scene, n_draws=settings.n_draws, seed=settings.seed),
        neighbour_ratio(scene, seed=settings.seed),
        tuple(controls),
        None if origins is None else reconstruct(encoded(all_real, encoder), released.labels, *origins),
        settings=settings,
    )


def align_lineage(released: AuditRows, lineage: Any) -> tuple[list[list[int]], list[list[float]]]:
    """Return each released text's parents and their weights from a lineage table; empty where it has none.

    AuditRows are matched by their text, and of equal texts the first goes with the first.

    Raises
    ------
    InputError
        If the table lacks a column, or has none of the texts.
    """
    for column in ("text", "parents"):
        if column not in list(lineage.columns):
            raise InputError(
                f"the lineage has no column {column!r}: expected the file that augment wrote beside its output"
            )
    has_weights = "weights" in list(lineage.columns)
    waiting: dict[str, list[int]] = {}
    for place, text in enumerate(lineage["text"]):
        waiting.setdefault(text, []).append(place)
    parents: list[list[int]] = []
    weights: list[list[float]] = []
    for text in released.texts:
        places = waiting.get(text)
        if not places:
            parents.append([])
            weights.append([])
            continue
        own = places.pop(0) if len(places) > 1 else places[0]
        parents.append([int(row) for row in lineage["parents"].iloc[own]])
        weights.append([float(weight) for weight in lineage["weights"].iloc[own]] if has_weights else [])
    if not any(parents):
        raise InputError("the lineage knows none of the synthetic texts: is it of another output?")
    return parents, weights


def _check_classes(real: AuditRows, released: AuditRows, held_out: AuditRows) -> None:
    """Raise unless some class is in all three."""
    if not set(real.labels.tolist()) & set(released.labels.tolist()) & set(held_out.labels.tolist()):
        raise InputError("no class is among the real, the synthetic and the held-out rows: expected the same labels")


def _without_shared(real: AuditRows, held_out: AuditRows) -> tuple[AuditRows, AuditRows, int]:
    """Return both without the texts that both have, which are used and not used at once, and how many held-out went.

    Raises
    ------
    InputError
        If half of the held-out rows go, as where a file was given twice.
    """
    shared = set(real.texts) & set(held_out.texts)
    kept = [
        np.array([row for row, text in enumerate(rows.texts) if text not in shared], np.int64)
        for rows in (real, held_out)
    ]
    n_dropped = len(held_out) - len(kept[1])
    if 2 * n_dropped >= len(held_out) or not len(kept[0]):
        raise InputError(
            f"{n_dropped} of {len(held_out)} held-out rows are real rows too: hold out rows that were not used"
        )
    return real.take(kept[0]), held_out.take(kept[1]), n_dropped


def load_models(model: str | None, encoder: Any, decoder: Any) -> tuple[Any, Any]:
    """Return encoder and decoder; no decoder where it is not known who wrote the texts."""
    from smotext.encoders.adapted import as_encoder
    from smotext.presets import load_encoder, load_pair

    if model is not None:
        return load_pair(model, encoder=encoder, decoder=decoder)
    return load_encoder("tiny") if encoder is None else as_encoder(encoder), decoder


def encoded(rows: AuditRows, encoder: Any) -> AuditRows:
    """Return the rows with their vectors."""
    from smotext.encoders.cache import encode_cached

    vectors: NDArray[np.float32] = np.asarray(encode_cached(encoder, list(rows.texts)))
    return replace(rows, vectors=vectors)


def _say_nothing(what: str, n_done: int, n_all: int) -> None:
    """Tell nobody."""
