"""A decoder without a language model, for tests of the caller's own pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.decoders.input_checks import check_vectors, per_row
from smotext.protocols import Decoded
from smotext.utils.seeding import stable_hash, uniforms

_WORDS = (
    "amber bridge candle delta ember forest garden harbour island jacket kettle lantern meadow needle orchard pepper "
    "quarry river saddle timber umbrella valley window yellow zephyr anchor basket copper dragon engine feather glacier"
).split()


class EchoDecoder:
    """Writes words that are a function of the vector, and of the seed when sampling. Needs no torch.

    .. versionadded:: 0.1.0

    Parameters
    ----------
    vector_dim : int
        Width of the vectors it takes.

    See Also
    --------
    load_decoder : Decoders that write what vectors say.

    Examples
    --------
    >>> EchoDecoder(vector_dim=2).decode(np.array([[0.5, 1.0]], dtype=np.float32), max_new_tokens=3)
    ['Echo zephyr quarry.']
    """

    fingerprint = "echo-1"
    # Its prompts show no texts.
    examples: int | None = None
    most_new_tokens: int | None = None
    prompts = ("<xRAG>", "again: <xRAG>")
    max_new_tokens = 24

    def __init__(self, vector_dim: int = 64) -> None:
        self.vector_dim = vector_dim

    def decode(self, vectors: NDArray[np.float32], **options: Any) -> list[str]:
        """Return one text per vector; the options are those of the contract's ``decode``."""
        return [row.text for row in self.decode_rows(vectors, **options)]

    def decode_rows(
        self,
        vectors: NDArray[np.float32],
        *,
        prompt: int | Sequence[int] = 0,
        max_new_tokens: int | Sequence[int] = 128,
        do_sample: bool = False,
        seeds: Sequence[int] | None = None,
        **_: Any,
    ) -> list[Decoded]:
        """Return one :class:`~smotext.protocols.Decoded` per vector; other options change nothing here."""
        vectors = check_vectors(vectors, self.vector_dim)
        n_rows = len(vectors)
        row_seeds = np.arange(n_rows) if seeds is None else np.asarray(seeds)
        prompts, limits = per_row(prompt, n_rows, "prompt"), per_row(max_new_tokens, n_rows, "max_new_tokens", least=1)
        columns = zip(vectors, prompts, limits, row_seeds.tolist(), strict=True)
        return [self._write(vector, which, limit, seed if do_sample else 0) for vector, which, limit, seed in columns]

    def count_tokens(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return the number of words of each text."""
        return np.array([len(text.split()) for text in texts], dtype=np.int64)

    def _write(self, vector: NDArray[np.float32], prompt: int, limit: int, seed: int) -> Decoded:
        # rounded, so that the last bits of a float don't change the text
        key = stable_hash(np.round(vector.astype(np.float64), 4).tolist().__repr__(), int(prompt), seed)
        n_words = min(int(limit), self.max_new_tokens)
        draws = uniforms([key >> 1], "echo", n_words)[0]
        words = ["Echo", *(_WORDS[int(draw * len(_WORDS))] for draw in draws[1:])]
        return Decoded(" ".join(words) + ".", n_words, is_finished=True)
