"""The words for what an audit found. None of them calls anything private or safe."""

from __future__ import annotations

from collections.abc import Sequence

from smotext.privacy.attacks import Attack
from smotext.privacy.controls import COPIES, HELD_OUT, Blind, Control

# An audit that would have missed an AUC of 0.7 says nothing by finding nothing.
TOO_FEW = 0.7


def verdict_lines(attacks: Sequence[Attack], blind: Blind, controls: Sequence[Control]) -> list[str]:
    """Return the verdicts, the strongest attack first.

    ``"LEAKS: attack X finds members (AUC ...)"`` for each that does; else ``"these attacks found no leak (they would
    have found AUC >= ...): this is no guarantee"``, or ``"too few rows"``. A held-out file of another kind gives none
    of these.
    """
    if blind.tells_apart:
        return [
            "REFUSED: the held-out rows are of another kind than the real ones: a classifier on the texts alone tells "
            f"them apart (AUC {blind.auc.value:.2f} [{blind.auc.low:.2f}, {blind.auc.high:.2f}]), so every figure of "
            "this audit would mean nothing: hold out rows of the same source, or let a coin decide (audit_generator)"
        ]
    ran = [attack for attack in attacks if attack.rates is not None]
    lines = [leak_line(attack) for attack in ran if attack.finds_members]
    if not lines:
        detectable = max(attack.rates.detectable for attack in ran if attack.rates is not None)
        rates = ran[0].rates
        assert rates is not None
        if detectable >= TOO_FEW:
            counts = f"{rates.n_members} real and {rates.n_held_out} held-out rows"
            lines = [f"too few rows: with {counts} an AUC below {detectable:.2f} would not have been found"]
        else:
            lines = [
                f"these attacks found no leak (they would have found AUC >= {detectable:.2f}): this is no guarantee"
            ]
    for reason in dict.fromkeys(attack.not_run for attack in attacks if attack.not_run):
        names = ", ".join(attack.name for attack in attacks if attack.not_run == reason)
        lines.append(f"not run: {names}: {reason}")
    return lines + [line for control in controls for line in _control_line(control)]


def leak_line(attack: Attack) -> str:
    """Return the sentence on an attack that finds members."""
    assert attack.rates is not None
    auc, tpr = attack.rates.auc, attack.rates.tpr
    traced = ""
    if attack.traced is not None:
        traced = f"; {attack.traced.hits} of {attack.traced.of} texts traced"
    return (
        f"LEAKS: attack {attack.name} finds members (AUC {auc.value:.2f} [{auc.low:.2f}, {auc.high:.2f}], "
        f"{tpr.hits} of {tpr.of} above 99 % of the held-out rows{traced})"
    )


def _control_line(control: Control) -> list[str]:
    """Return what a control that went wrong means for the rest."""
    if control.is_as_expected:
        return []
    if control.name == HELD_OUT:
        return [
            "the control failed: attacks find members through held-out texts, which cannot know them, so the held-out "
            "rows differ from the real ones and leaks may be overstated"
        ]
    if control.name == COPIES:
        return ["the control failed: copies of real rows were not found, so that finding nothing says nothing"]
    return ["the control of one tenth copies was not found: with so few rows, leaks of single rows go unseen"]
