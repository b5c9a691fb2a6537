"""JSON of figures, some of which may be no numbers."""

from __future__ import annotations

import json
import math
from typing import Any


def json_text(content: Any) -> str:
    """Return the content as JSON, with a line's end; infinities and NaN, which JSON lacks, are null.

    Examples
    --------
    >>> print(json_text({"gain": [0.5, float("nan")]}), end="")
    {
     "gain": [
      0.5,
      null
     ]
    }
    """
    return json.dumps(_finite(content), indent=1, ensure_ascii=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
