"""What a run will take, from a short one with the same models on some of the same texts."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smotext.augmentation.augment import augment
from smotext.augmentation.running import AskForGroup, InMemoryRun, MakeVectors, WriteGroup
from smotext.data.class_counts import new_rows_for_n
from smotext.data.corpus import Corpus
from smotext.data.unlabelled import UnlabelledTexts
from smotext.encoders.adapted import as_encoder
from smotext.mixing.plan import MixPlan
from smotext.protocols import Decoder, Encoder
from smotext.settings import Settings

# Probes grow as long as the next one is likely to take no more seconds than this.
BUDGET_S = 20.0
_SAMPLE_TEXTS = 256
_FIRST_ROWS, _GROWTH = 4, 4
# Rows of a matrix product that tells how fast neighbours are found.
_MATRIX_ROWS = 512


@dataclass(frozen=True)
class RunEstimate:
    """What a run is expected to take on this machine.

    Attributes
    ----------
    encode_s, plan_s, decode_s, filter_s : float
        Seconds of each step, as if no vector were cached.
    n_tokens : int
        New tokens.
    memory_bytes, gpu_bytes : int
        Peak of the process, on the CPU's side and on the GPU's.
    disk_bytes : int
        Of the run directory and the vector cache, while it runs.
    n_probed : int
        Synthetic rows that were decoded to find out.
    """

    encode_s: float
    plan_s: float
    decode_s: float
    filter_s: float
    n_tokens: int
    memory_bytes: int
    gpu_bytes: int
    disk_bytes: int
    n_probed: int

    @property
    def minutes(self) -> float:
        """All steps together."""
        return (self.encode_s + self.plan_s + self.decode_s + self.filter_s) / 60


def estimate_run(
    corpus: Corpus,
    new_rows: Mapping[Any, int],
    *,
    encoder: Encoder,
    decoder: Decoder,
    settings: Settings,
    seed: int,
    budget_s: float = BUDGET_S,
) -> RunEstimate:
    """Return what ``augment`` with the same arguments will take; decodes a few rows and keeps nothing.

    Parameters
    ----------
    corpus, new_rows, encoder, decoder, settings, seed
        As for :func:`smotext.augmentation.augment.augment`.
    budget_s : float
        Seconds that the largest probe should stay below; larger batches are faster per row, so that a
        small probe of a slow model says too much.
    """
    # Classes that get no new rows are not sampled.
    new_rows = {label: number for label, number in new_rows.items() if number}
    # A probe of a few rows may fall short by chance, which is no reason to fail.
    settings = replace(settings, on_shortfall="report")
    privacy = settings.privacy
    n_together = settings.k_neighbors + 1 if privacy is None else privacy.group_size or 1
    sample = sample_of(corpus, new_rows, n_together)
    uncached = as_encoder(_Uncached(encoder))
    # A model's first call is slower than all others, and is not timed.
    texts, n_texts = sample.all_texts, len(corpus.all_texts)
    encoder.encode(texts[:1])
    started_s = time.perf_counter()
    vectors = encoder.encode(texts)
    encode_s = time.perf_counter() - started_s
    n_rows, n_probed, all_s = sum(new_rows.values()), 0, 0.0
    has_filters = settings.filters is not None or settings.candidates > 1
    timed = _TimedRun(vectors)
    size = min(_FIRST_ROWS, n_rows)
    while size:
        timed = _TimedRun(timed.found, timed.encode_s)
        probed = new_rows_for_n(size, new_rows)
        started_s = time.perf_counter()
        augment(sample, probed, encoder=uncached, decoder=decoder, settings=settings, seed=seed, run=timed)
        all_s, n_probed = time.perf_counter() - started_s - timed.encoding_s, size
        is_affordable = all_s * _GROWTH < budget_s
        size = min(size * _GROWTH, n_rows, settings.group_size) if is_affordable else 0
        size = size if size > n_probed else 0
    per_row = n_rows / n_probed if n_probed else 0.0
    # Long texts have vectors of their passages as well.
    vectors_a_text = len(timed.found) / len(texts)
    vector_bytes = int(4 * vectors.shape[1] * n_texts * vectors_a_text)
    text_bytes = int(timed.text_bytes * per_row)
    return RunEstimate(
        encode_s=(timed.encode_s or encode_s) * n_texts / len(texts),
        plan_s=max(_neighbour_seconds(corpus, new_rows, vectors.shape[1]), timed.planning_s),
        decode_s=timed.decode_s * per_row,
        filter_s=max(all_s - timed.planning_s - timed.decode_s, 0.0) * per_row if has_filters else 0.0,
        n_tokens=int(timed.n_tokens * per_row),
        # Texts are in memory four times: as rows, as parts that are read back, in the table, and in its file.
        memory_bytes=_peak_memory() + vector_bytes + 4 * text_bytes,
        gpu_bytes=_peak_gpu_memory(),
        disk_bytes=2 * vector_bytes + int(timed.row_bytes * per_row),
        n_probed=n_probed,
    )


def sample_of(corpus: Corpus, new_rows: Mapping[Any, int], n_together: int) -> Corpus:
    """Return some texts of each class that gets new rows, evenly spaced: as many as are mixed together, or more.

    And some of the unlabelled ones.
    """
    classes = [label for label, number in new_rows.items() if number]
    share = max(_SAMPLE_TEXTS // max(len(classes), 1), n_together)
    places = [np.flatnonzero(corpus.labels == label) for label in classes] or [np.arange(len(corpus.texts))]
    chosen = np.concatenate([rows[np.linspace(0, len(rows) - 1, min(len(rows), share)).astype(int)] for rows in places])
    return Corpus(
        [corpus.texts[row] for row in chosen],
        corpus.labels[chosen],
        corpus.rows[chosen],
        0,
        unlabelled=_some_of(corpus.unlabelled),
    )


def _some_of(unlabelled: UnlabelledTexts) -> UnlabelledTexts:
    n = len(unlabelled)
    chosen = np.linspace(0, n - 1, min(n, _SAMPLE_TEXTS)).astype(int)
    return UnlabelledTexts([unlabelled.texts[row] for row in chosen], unlabelled.rows[chosen])


class _Uncached:
    """An encoder without the name under which vectors are cached: a trial neither leaves nor finds any."""

    fingerprint = None

    def __init__(self, encoder: Encoder) -> None:
        self.vector_dim, self.encode, self.max_tokens = encoder.vector_dim, encoder.encode, encoder.max_tokens
        self.count_truncated = encoder.count_truncated


class _TimedRun(InMemoryRun):
    """Keeps nothing but the times and how much was written; the vectors are there, but for those of passages.

    Parameters
    ----------
    vectors : ndarray of shape (n_texts, vector_dim), float32
        Or those that an earlier run `found`.
    encode_s : float
        What it took to find them; 0 if they were given.
    """

    def __init__(self, vectors: NDArray[np.float32], encode_s: float = 0.0) -> None:
        super().__init__()
        self.found, self.encode_s = vectors, encode_s
        # Seconds of encoding within this run.
        self.encoding_s = 0.0
        self.decode_s, self.n_tokens, self.text_bytes, self.row_bytes = 0.0, 0, 0, 0
        # Seconds until the first row is asked for: as many for a few rows as for all, so that they are not multiplied.
        self.planning_s, self._begun_s = 0.0, time.perf_counter()

    def vectors(self, n_texts: int, make: MakeVectors) -> NDArray[np.float32]:
        if len(self.found) != n_texts:
            started_s = time.perf_counter()
            self.found = make()
            self.encode_s = self.encoding_s = time.perf_counter() - started_s
        return self.found

    def decode(
        self, round_number: int, groups: Iterable[MixPlan], ask: AskForGroup, write: WriteGroup
    ) -> Iterator[pd.DataFrame]:
        if round_number == 0:
            self.planning_s = time.perf_counter() - self._begun_s - self.encoding_s
        for group in groups:
            started_s = time.perf_counter()
            rows = write(group, ask(group))
            self.decode_s += time.perf_counter() - started_s
            self.n_tokens += int(rows["n_written" if "n_written" in rows else "n_tokens"].clip(lower=0).sum())
            self.text_bytes += sum(len(text.encode()) for text in rows["text"])
            self.row_bytes += int(rows.memory_usage(deep=True).sum())
            yield rows


def _neighbour_seconds(corpus: Corpus, new_rows: Mapping[Any, int], vector_dim: int) -> float:
    """Return about how long the exact search takes: one product of each first parent with its class."""
    matrix = np.ones((_MATRIX_ROWS, vector_dim), dtype=np.float32)
    started_s = time.perf_counter()
    matrix @ matrix.T
    product_s = (time.perf_counter() - started_s) / _MATRIX_ROWS**2
    sizes = {label: int((corpus.labels == label).sum()) for label, number in new_rows.items() if number}
    return product_s * sum(min(size, new_rows[label]) * size for label, size in sizes.items())


def _peak_memory() -> int:
    """Return the peak of this process in bytes: the table and the models are in it by now."""
    try:
        import resource
    except ImportError:
        # Windows has no module `resource`.
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS counts in bytes, Linux in kilobytes.
    return peak if sys.platform == "darwin" else 1024 * peak


def _peak_gpu_memory() -> int:
    """Return the most bytes that were allocated on the GPU; 0 without one, or without torch."""
    torch = sys.modules.get("torch")
    return torch.cuda.max_memory_allocated() if torch is not None and torch.cuda.is_available() else 0
