"""What is done to vectors in training so that points between texts decode well too."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smotext.training.data.batches import MicroBatch
from smotext.training.training_settings import TrainingSettings
from smotext.utils.geometry import unit


def perturb(batch: MicroBatch, settings: TrainingSettings, norm: str, key: int) -> NDArray[np.float32]:
    """Return the batch's vectors, mixed and with noise as the settings say.

    Parameters
    ----------
    batch : MicroBatch
        Its vectors have shape (n_rows, vector_dim).
    settings : TrainingSettings
        `mix_share` of the rows get lam * own + (1 - lam) * nearest other row, lam uniform in [0.5, 1], so
        that the row's own text stays the nearer one; then Gaussian noise of expected length `noise`.
    norm : {"unit", "raw"}
        ``"unit"`` rescales to length 1 before the mix and at the end.
    key : int
        Seed.

    Returns
    -------
    ndarray of shape (n_rows, vector_dim), float32
    """
    rng = np.random.default_rng(key)
    vectors = unit(batch.vectors) if norm == "unit" else batch.vectors
    if settings.mix_share > 0 and len(vectors) > 1:
        vectors = _mix_with_nearest(vectors, settings.mix_share, rng)
    if settings.noise > 0:
        noise = rng.standard_normal(vectors.shape, dtype=np.float32)
        vectors = vectors + noise * np.float32(settings.noise / np.sqrt(vectors.shape[1]))
    return unit(vectors) if norm == "unit" else vectors


def _mix_with_nearest(vectors: NDArray[np.float32], share: float, rng: np.random.Generator) -> NDArray[np.float32]:
    similarities = vectors @ vectors.T
    np.fill_diagonal(similarities, -np.inf)
    nearest = vectors[similarities.argmax(axis=1)]
    lam = rng.uniform(0.5, 1.0, size=(len(vectors), 1)).astype(np.float32)
    lam[rng.random(len(vectors)) >= share] = 1.0
    return lam * vectors + (1 - lam) * nearest
