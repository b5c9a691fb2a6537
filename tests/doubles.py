"""Models that several test files stand on."""

from __future__ import annotations

from typing import Any

import numpy as np

from smotext import EchoDecoder
from smotext.protocols import Decoded


class Showing(EchoDecoder):
    """Shows two texts in its prompt unless the caller says, and remembers what it was asked for."""

    examples = 2

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[dict[str, Any]] = []

    def decode_rows(self, vectors: np.ndarray, **options: Any) -> list[Decoded]:
        self.asked.append({"vectors": vectors, **options})
        return super().decode_rows(vectors, **options)
