"""The page about a privacy audit; it quotes real rows only where that is asked for, and says so."""

from __future__ import annotations

from smotext.privacy.audit_report import ATTACK_COLUMNS, attack_rows, note_lines
from smotext.privacy.auditing import Audit
from smotext.reporting.charts import Chart, intervals
from smotext.reporting.page import render


def audit_page(audit: Audit, *, title: str = "What the synthetic texts give away", is_private: bool = False) -> str:
    """Return the page: verdicts, the attacks as a figure and a table, and notes; a private one quotes copies."""
    return render(
        "audit.html",
        title=title,
        charts=_charts(audit),
        is_private=is_private,
        verdicts=audit.verdicts,
        columns=ATTACK_COLUMNS,
        rows=attack_rows(audit),
        notes=note_lines(audit, has_quotes=is_private),
    )


def _charts(audit: Audit) -> list[Chart]:
    """Return the area under the curve of each attack on the released texts, less that of guessing."""
    run = [(attack, attack.rates.auc) for attack in audit.attacks if attack.rates is not None]
    if not run:
        return []
    values = [[100 * (value - 0.5) for value in (auc.value, auc.low, auc.high)] for _, auc in run]
    return [
        intervals(
            "attacks",
            "Area under the curve of each attack, above that of guessing",
            [attack.name for attack, _ in run],
            *zip(*values, strict=True),
            colours=["--bad" if attack.finds_members else "--real" for attack, _ in run],
            axis="points of AUC above 0.5",
        )
    ]
