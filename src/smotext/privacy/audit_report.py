"""An audit as a table and JSON; :mod:`smotext.reporting` makes a page of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from smotext.privacy.attacks import Attack
from smotext.privacy.auditing import Audit
from smotext.privacy.distances import NO_VERDICT, AgainstChance
from smotext.privacy.rates import IntervalEstimate
from smotext.utils.json_text import json_text

ATTACK_COLUMNS = (
    "texts",
    "attack",
    "AUC",
    "above 99 % of held-out",
    "p (Holm)",
    "would have found",
    "epsilon at least",
)
NUMBERS = ATTACK_COLUMNS[2:]
RELEASED = "released"


def attack_rows(audit: Audit) -> list[tuple[str, ...]]:
    """Return a row of ``ATTACK_COLUMNS`` per attack that was run: on the released texts, then on each control."""
    scenes = [(RELEASED, audit.attacks), *((control.name, control.attacks) for control in audit.controls)]
    return [_attack_row(name, attack) for name, attacks in scenes for attack in attacks if attack.rates is not None]


def _attack_row(scene: str, attack: Attack) -> tuple[str, ...]:
    rates = attack.rates
    assert rates is not None
    return (
        scene,
        attack.name,
        spell(rates.auc),
        spell(rates.tpr),
        f"{attack.p_adjusted:.4f}",
        f"AUC {rates.detectable:.2f}",
        f"{rates.epsilon:.2f} ({rates.n_right} of {rates.n_guesses} guesses)",
    )


def spell(estimate: IntervalEstimate) -> str:
    """Return a figure with its interval, and the counts behind it where it is a share.

    Examples
    --------
    >>> spell(IntervalEstimate(0.25, 0.1, 0.5, 5, 20)), spell(IntervalEstimate(0.5, 0.4, 0.6))
    ('0.25 [0.10, 0.50], 5 of 20', '0.50 [0.40, 0.60]')
    """
    counts = f", {estimate.hits} of {estimate.of}" if estimate.of else ""
    return f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]{counts}"


def note_lines(audit: Audit, *, has_quotes: bool = True) -> list[str]:
    """Return what stands below the table, a sentence each; `has_quotes` shows what was copied, which real rows hold."""
    return [
        *_data_notes(audit),
        *_distance_notes(audit),
        *_private_file_notes(audit, has_quotes=has_quotes),
        *_canary_notes(audit),
    ]


def _data_notes(audit: Audit) -> Iterator[str]:
    yield f"{audit.n_real} real, {audit.n_held_out} held-out and {audit.n_released} synthetic texts"
    if audit.n_shared:
        yield f"{audit.n_shared} held-out rows are real rows too: they and their twins took no part"
    yield (
        "blind control: a classifier on the texts alone tells real from held-out rows with AUC "
        f"{spell(audit.blind.auc)} ({audit.blind.n_members} and {audit.blind.n_held_out} rows); 0.5 is chance"
    )
    if audit.attacks:
        yield "epsilon: what the guesses of this run rule out, where a fair coin decided which rows were used"


def _distance_notes(audit: Audit) -> Iterator[str]:
    figures = (
        ("share of the texts whose nearest candidate is a real row", audit.closest_share),
        ("nearest-neighbour distance ratio, real less held-out rows", audit.neighbour_ratio),
    )
    for name, figure in figures:
        if figure is not None:
            yield f"{name}: {_beside_chance(figure)}; {NO_VERDICT}"


def _beside_chance(figure: AgainstChance) -> str:
    chance = f"chance {figure.chance_low:.2f} to {figure.chance_high:.2f}"
    return f"{figure.value:.2f} ({chance}, {figure.n_texts} texts)"


def _private_file_notes(audit: Audit, *, has_quotes: bool) -> Iterator[str]:
    if audit.reconstruction is not None:
        found = audit.reconstruction
        yield (
            "whoever gets the vectors and the lineage file reconstructs the vectors of "
            f"{found.with_weights.hits} of {found.with_weights.of} parents; from the vectors alone, "
            f"{found.by_lines.hits} ({found.precision.hits} of {found.precision.of} found are true)"
        )
    for run in audit.copied:
        place = f"synthetic row {run.released_row} has {run.n_words} words in a row of real row {run.real_row}"
        yield f"copied: {place}: {run.quote!r}" if has_quotes else f"copied: {place}"


def _canary_notes(audit: Audit) -> Iterator[str]:
    found = audit.canaries
    if found is None:
        return
    yield (
        f"canaries: {found.strings.hits} of {found.strings.of} unlikely strings planted in used rows came back; "
        f"{found.strings_never_planted.hits} of {found.strings_never_planted.of} that were never planted"
    )
    yield f"planted attributes: the keyword came back in {spell(found.keywords)} texts made from such a row"
    yield (
        f"guessing a planted attribute, one of {found.n_values}: {spell(found.guessed)} of used rows, "
        f"{spell(found.guessed_unused)} of unused ones; chance {1 / found.n_values:.2f}; epsilon at least "
        f"{found.epsilon:.2f}"
    )


def as_json(audit: Audit) -> str:
    """Return all figures as JSON, with the verdicts in words; what is not a number is null."""
    content = {"verdicts": audit.verdicts, "leaks": audit.leaks, "is_refused": audit.is_refused, **asdict(audit)}
    return json_text(content)
