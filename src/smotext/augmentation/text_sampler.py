"""What imbalanced-learn asks of a sampler whose data are texts."""

from __future__ import annotations

from typing import Any

import numpy as np
from imblearn.base import BaseSampler
from numpy.typing import NDArray

from smotext.data.validation import check_labels, check_texts, natural


class TextInputMixin:
    """Tells scikit-learn that what an estimator takes is one column of strings."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]  # the estimator's, which stands behind this class
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.input_tags.sparse = False
        tags.input_tags.one_d_array = True
        return tags


class TextSampler(TextInputMixin, BaseSampler):
    """An over-sampler of texts: one column of strings instead of a table of numbers."""

    _sampling_type = "over-sampling"
    _parameter_constraints: dict[str, Any] = {}  # noqa: RUF012 (scikit-learn's own protocol; Settings checks the values)

    def _check_X_y(self, X: Any, y: Any) -> tuple[NDArray[np.object_], NDArray[Any], bool]:
        """Return checked texts and labels to the base class's ``fit``."""
        array = check_texts(X)
        return array, natural(check_labels(y, len(array))), False
