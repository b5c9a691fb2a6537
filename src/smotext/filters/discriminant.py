"""How probable each class is for a vector, in closed form, with the vector's own parents left out.

A discriminant that has seen a row's parents finds the row's label in them: every mix of two texts lies
between them and looks right. Leaving them out costs a rank-`n_parents` update per row instead of a new fit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smotext.filters.score_bounds import CALIBRATION_ROWS, evenly_spaced
from smotext.utils.geometry import blocks

# The parents of so many rows are whitened together.
_ROWS = 1024
_TEMPERATURES = np.geomspace(0.5, 64, 29)
# Keeps the covariance invertible where there are fewer texts than dimensions.
_LEAST_SHRINKAGE = 1e-3


@dataclass(frozen=True)
class Discriminant:
    """A linear discriminant with a shrunk covariance and equal priors.

    With class means mu_c and the pooled covariance S, a vector z has ``log p(c | z)`` proportional to
    ``-(z - mu_c)' S^-1 (z - mu_c) / (2 T)``. Classes count alike however many texts they have, since a rare
    class is what new texts are made for. Use :meth:`fit`.

    Attributes
    ----------
    real : ndarray of shape (n_texts, vector_dim)
        The vectors that it was fitted on.
    classes : tuple
        The labels, in order.
    counts : ndarray of shape (n_classes,), int64
    whitener : ndarray of shape (vector_dim, vector_dim), float64
        W with ``W W' = S^-1``: vectors times W have unit covariance.
    means : ndarray of shape (n_classes, vector_dim), float64
        Class means, whitened.
    scatter_share : float
        What one text's squared deviation counts in S: ``(1 - shrinkage) / n_texts``.
    temperature : float
        T, which makes the probabilities of left-out real texts as likely as can be: in many dimensions a
        discriminant is too sure of itself.

    References
    ----------
    Ledoit and Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", 2004. Guo et
    al. on temperature, "On calibration of modern neural networks", 2017.

    Examples
    --------
    >>> vectors = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [5.0, 5.0], [5.0, 6.0], [6.0, 5.0]])
    >>> model = Discriminant.fit(vectors, ["a", "a", "a", "b", "b", "b"])
    >>> model.probabilities(np.array([[0.3, 0.3], [2.83333333, 2.83333333]])).round(2).tolist()
    [[1.0, 0.0], [0.5, 0.5]]
    """

    real: NDArray[Any]
    classes: tuple[Any, ...]
    counts: NDArray[np.int64]
    whitener: NDArray[np.float64]
    means: NDArray[np.float64]
    scatter_share: float
    temperature: float = 1.0

    @classmethod
    def fit(cls, vectors: NDArray[Any], labels: Any) -> Discriminant:
        """Return the discriminant of real texts, its temperature chosen on texts that are each left out.

        Parameters
        ----------
        vectors : ndarray of shape (n_texts, vector_dim)
            May be a memory map: it is read block by block.
        labels : sequence of n_texts hashables
        """
        classes, codes = np.unique(np.array(labels, dtype=object), return_inverse=True)
        counts = np.bincount(codes, minlength=len(classes))
        means = _class_means(vectors, codes, counts)
        covariance, shrinkage = _shrunk_covariance(vectors, means, codes)
        # S = R R', hence S^-1 = W W' with W the transposed inverse of R.
        whitener = np.linalg.inv(np.linalg.cholesky(covariance)).T
        share = (1 - shrinkage) / len(vectors)
        fitted = cls(vectors, tuple(classes.tolist()), counts, whitener, means @ whitener, share)
        return fitted._with_temperature(codes)

    def code_of(self, labels: Any) -> NDArray[np.int64]:
        """Return each label's place among the classes.

        Raises
        ------
        KeyError
            If a label is not one of the classes.
        """
        places = {label: place for place, label in enumerate(self.classes)}
        return np.array([places[label] for label in labels], dtype=np.int64)

    def probabilities(
        self, vectors: NDArray[Any], *, labels: Any = None, parents: NDArray[np.int64] | None = None
    ) -> NDArray[np.float64]:
        """Return the probability of each class for each vector, its parents not counted.

        Parameters
        ----------
        vectors : ndarray of shape (n_rows, vector_dim)
        labels : sequence of n_rows labels, optional
            The class that each row's parents belong to.
        parents : ndarray of shape (n_rows, n_parents), int64, optional
            Rows of `real` to leave out; -1 where a place is not used. A class that would be left with nothing
            keeps its texts.

        Returns
        -------
        ndarray of shape (n_rows, n_classes), float64
            Rows sum to 1; columns in the order of ``classes``.
        """
        found = np.empty((len(vectors), len(self.classes)))
        codes = None if labels is None else self.code_of(labels)
        for rows in blocks(len(vectors), _ROWS):
            if codes is None or parents is None:
                distances = _squared_distances(self._whiten(vectors[rows]), self.means)
            else:
                distances = self._left_out_distances(vectors[rows], codes[rows], parents[rows])
            found[rows] = _softmax(-distances / (2 * self.temperature))
        return found

    def _whiten(self, vectors: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(vectors, dtype=np.float64) @ self.whitener

    def _left_out_distances(
        self, vectors: NDArray[Any], codes: NDArray[np.int64], parents: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return the squared Mahalanobis distance of each row to each class mean without the row's parents.

        With D the deviations of the p texts taken from a class of n, its mean moves by ``-sum(D) / (n - p)``
        and the scatter loses ``D (I + 11'/(n - p)) D'``, so that by Woodbury's identity ``S^-1`` gains
        ``D K^-1 D'`` with ``K = (I - 11'/n) / scatter_share - D'D``, all in whitened space. The shrinkage and
        the number of texts that S is divided by stay as they are.
        """
        white, n_of_class, rows = self._whiten(vectors), self.counts[codes], np.arange(len(vectors))
        is_out = is_first_mention(parents)
        is_out &= (is_out.sum(axis=1) < n_of_class)[:, None]
        deviations = self._whiten(self.real[np.where(is_out, parents, 0)]) - self.means[codes][:, None, :]
        deviations *= is_out[:, :, None]  # (n_rows, n_parents, vector_dim)
        own_mean = self.means[codes] - deviations.sum(axis=1) / (n_of_class - is_out.sum(axis=1))[:, None]
        distances = _squared_distances(white, self.means)
        distances[rows, codes] = ((white - own_mean) ** 2).sum(axis=1)
        if self.scatter_share == 0:
            return distances
        gaps = (deviations @ white[:, :, None]) - deviations @ self.means.T  # (n_rows, n_parents, n_classes)
        gaps[rows, :, codes] = (deviations @ (white - own_mean)[:, :, None])[:, :, 0]
        ones = is_out[:, :, None] * is_out[:, None, :] / n_of_class[:, None, None]
        middle = (np.eye(parents.shape[1]) - ones) / self.scatter_share - deviations @ deviations.transpose(0, 2, 1)
        return distances + (gaps * np.linalg.solve(middle, gaps)).sum(axis=1)

    def _with_temperature(self, codes: NDArray[np.int64]) -> Discriminant:
        """Return the discriminant with the temperature of the highest leave-one-out likelihood."""
        rows = evenly_spaced(np.flatnonzero(self.counts[codes] > 1), CALIBRATION_ROWS)
        if not len(rows) or len(self.classes) == 1:
            return self
        own = codes[rows]
        distances = np.concatenate(
            [
                self._left_out_distances(self.real[rows[block]], own[block], rows[block, None])
                for block in blocks(len(rows), _ROWS)
            ]
        )
        # All classes count alike here, too, whatever their sizes.
        weights = 1 / self.counts[own]
        losses = [_log_loss(-distances / (2 * temperature), own, weights) for temperature in _TEMPERATURES]
        return replace(self, temperature=float(_TEMPERATURES[int(np.argmin(losses))]))


def is_first_mention(parents: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return, for each place, whether it holds a parent that no place to its left holds.

    Examples
    --------
    >>> is_first_mention(np.array([[4, 4], [4, -1], [4, 5]])).tolist()
    [[True, False], [True, False], [True, True]]
    """
    is_first = parents >= 0
    for place in range(1, parents.shape[1]):
        is_first[:, place] &= (parents[:, :place] != parents[:, place, None]).all(axis=1)
    return is_first


def _class_means(vectors: NDArray[Any], codes: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    sums = np.zeros((len(counts), vectors.shape[1]))
    for rows in blocks(len(vectors)):
        np.add.at(sums, codes[rows], np.asarray(vectors[rows], dtype=np.float64))
    return sums / counts[:, None]


def _shrunk_covariance(
    vectors: NDArray[Any], means: NDArray[np.float64], codes: NDArray[np.int64]
) -> tuple[NDArray[np.float64], float]:
    """Return the pooled within-class covariance, shrunk to a multiple of the identity, and Ledoit and Wolf's share."""
    n_texts, dim = vectors.shape
    scatter, fourth = np.zeros((dim, dim)), 0.0
    for rows in blocks(n_texts):
        residuals = np.asarray(vectors[rows], dtype=np.float64) - means[codes[rows]]
        scatter += residuals.T @ residuals
        fourth += float(((residuals**2).sum(axis=1) ** 2).sum())
    covariance = scatter / n_texts
    scale = np.trace(covariance) / dim
    squares = float((covariance**2).sum())
    spread = squares - dim * scale**2  # ||S - scale I||^2
    noise = (fourth / n_texts - squares) / n_texts  # expected ||S - true covariance||^2
    shrinkage = 1.0 if spread <= 0 else float(np.clip(noise / spread, _LEAST_SHRINKAGE, 1.0))
    # Where no class has any spread, distances are plain Euclidean ones.
    ridge = shrinkage * scale or 1.0
    return (1 - shrinkage) * covariance + ridge * np.eye(dim), shrinkage


def _squared_distances(rows: NDArray[np.float64], means: NDArray[np.float64]) -> NDArray[np.float64]:
    squares = (rows**2).sum(axis=1)[:, None] - 2 * rows @ means.T + (means**2).sum(axis=1)[None, :]
    return np.maximum(squares, 0.0)


def _softmax(values: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _log_loss(logits: NDArray[np.float64], codes: NDArray[np.int64], weights: NDArray[np.float64]) -> float:
    """Return the weighted mean of minus the log-probability of each row's own class."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probability = shifted[np.arange(len(codes)), codes] - np.log(np.exp(shifted).sum(axis=1))
    return float(-np.average(log_probability, weights=weights))
