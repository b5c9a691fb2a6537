"""Changing some rows of a plan."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.records import MixPlan


def replace_rows(plan: MixPlan, rows: NDArray[np.int64], others: MixPlan) -> MixPlan:
    """Return the plan with the given rows replaced by those of another, in order.

    Parameters
    ----------
    plan, others : MixPlan
        Both by the same planner, so that both mix parents or both have vectors.
    rows : ndarray of shape (n_others,), int64
        Which rows of `plan` to replace.

    Returns
    -------
    MixPlan
        A new plan with the notes of `plan`; `plan` does not change.
    """
    parts: dict[str, Any] = {}
    for name in (column.name for column in fields(MixPlan)):
        parts[name] = getattr(plan, name)
        if name != "notes" and parts[name] is not None:
            parts[name] = parts[name].copy()
            parts[name][rows] = getattr(others, name)
    return MixPlan(**parts)
