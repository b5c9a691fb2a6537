"""Classifiers whose encoder learns, too: SetFit, and a small transformer with a classification head."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils.class_weight import compute_sample_weight

from smotext.errors import InputError
from smotext.evaluation.classifiers import EncoderFeatures, logistic_head
from smotext.fitting.one_vs_rest import labels_of
from smotext.protocols import class_name
from smotext.utils.devices import default_device
from smotext.utils.hub import locate, pickled_weights

SETFIT, FINE_TUNED = "SetFit", "fine-tuned transformer"
# What the paper's classifiers are made of.
MODERNBERT = "answerdotai/ModernBERT-base"
PAIRS_PER_TEXT, MOST_PAIRS = 20, 1000
PREDICTED_AT_ONCE = 32


class ContrastiveFeatures(TransformerMixin, BaseEstimator):
    """A sentence encoder that learns from pairs of texts: near each other in a class, far apart between classes.

    The loss is that of SetFit, the squared error of the pairs' cosines to 1 and 0; half of the pairs are of one class,
    classes in turn. The package ``setfit`` is not used: its trainer seeds the whole process anew, and its pairs are
    always those of seed 42.

    Parameters
    ----------
    frozen : EncoderFeatures
        Of the encoder to begin with, which stays as it is: a copy learns.
    most_pairs : int
        There are 20 pairs for each text, and at most so many.
    batch_size : int
        In pairs.
    learning_rate : float
    random_state : int
        Of the pairs, and of dropout.

    References
    ----------
    Tunstall et al., "Efficient few-shot learning without prompts", arXiv 2209.11055.
    """

    is_fine_tuned = True
    # New rows teach the encoder what belongs together; the head on top is fitted on real rows alone.
    has_real_head = True

    def __init__(
        self,
        frozen: EncoderFeatures,
        *,
        most_pairs: int = MOST_PAIRS,
        batch_size: int = 16,
        learning_rate: float = 2e-5,
        random_state: int = 0,
    ) -> None:
        self.frozen = frozen
        self.most_pairs = most_pairs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state

    def fit(self, texts: Sequence[str], labels: Sequence[Any]) -> ContrastiveFeatures:
        """Return self, its copy of the encoder fitted on pairs of these texts."""
        rng = np.random.default_rng(self.random_state)
        pairs = draw_pairs(labels, min(self.most_pairs, PAIRS_PER_TEXT * len(texts)), rng)
        self.model_ = copy.deepcopy(self.frozen.encoder.model).float().requires_grad_(True)
        batches = [pairs[start : start + self.batch_size] for start in range(0, len(pairs), self.batch_size)]

        def loss_of(batch: list[tuple[int, int, float]]) -> torch.Tensor:
            first = self._vectors([texts[row] for row, _, _ in batch])
            second = self._vectors([texts[row] for _, row, _ in batch])
            wanted = torch.tensor([is_same for _, _, is_same in batch], device=first.device)
            return torch.nn.functional.mse_loss(torch.cosine_similarity(first, second), wanted)

        fit_weights(self.model_, batches, loss_of, learning_rate=self.learning_rate, seed=self.random_state)
        return self

    def transform(self, texts: Sequence[str]) -> NDArray[Any]:
        """Return one unit vector per text."""
        return np.asarray(self.model_.encode(list(texts), normalize_embeddings=True, show_progress_bar=False))

    def _vectors(self, texts: list[str]) -> torch.Tensor:
        device = next(self.model_.parameters()).device
        read = {
            name: value.to(device) if hasattr(value, "to") else value
            for name, value in self.model_.preprocess(texts).items()
        }
        vectors: torch.Tensor = self.model_(read)["sentence_embedding"]
        return vectors


def draw_pairs(labels: Sequence[Any], n_pairs: int, rng: np.random.Generator) -> list[tuple[int, int, float]]:
    """Return pairs of rows with 1 for those that share a label and 0 for others, in turn where there are both.

    Examples
    --------
    >>> [wanted for _, _, wanted in draw_pairs(["a", "a", "b"], 4, np.random.default_rng(0))]
    [1.0, 0.0, 1.0, 0.0]
    """
    of_class: dict[Any, list[int]] = {}
    for row, label in enumerate(labels):
        for one in labels_of(label):
            of_class.setdefault(one, []).append(row)
    classes = list(of_class.values())
    several = [rows for rows in classes if len(rows) > 1]
    pairs = []
    for number in range(n_pairs):
        if several and (number % 2 == 0 or len(classes) == 1):
            first, second = rng.choice(several[number // 2 % len(several)], size=2, replace=False).tolist()
            pairs.append((first, second, 1.0))
        elif len(classes) > 1:
            first, second = (int(rng.choice(classes[place])) for place in rng.choice(len(classes), 2, replace=False))
            if set(labels_of(labels[first])).isdisjoint(labels_of(labels[second])):
                pairs.append((first, second, 0.0))
    return pairs


def setfit(frozen: EncoderFeatures) -> Pipeline:
    """Return SetFit: an encoder that learns from pairs of all rows, and a logistic head on the real ones.

    Raises
    ------
    InputError
        If the encoder is no sentence-transformers model.
    """
    if not hasattr(getattr(frozen.encoder, "model", None), "preprocess"):
        raise InputError(
            f"SetFit fine-tunes a sentence-transformers model, and {class_name(frozen.encoder)} is none: name one, "
            "such as setfit:sentence-transformers/all-MiniLM-L6-v2"
        )
    return make_pipeline(ContrastiveFeatures(frozen), logistic_head())


class FineTunedTransformer(ClassifierMixin, BaseEstimator):
    """A transformer with a classification head, all of whose weights learn: AdamW, the rate rising, then falling.

    A loop of our own rather than transformers' ``Trainer``, which seeds the whole process anew and takes no weights of
    rows.

    Parameters
    ----------
    name : str
        A directory, or a name on the Hugging Face hub.
    epochs, least_steps : int
        So often each row is seen, but at least so many steps are taken: ten rows in three epochs teach nothing.
    batch_size : int
        In texts.
    learning_rate : float
    max_tokens : int
        Longer texts are cut.
    class_weight : dict, "balanced" or None
        As elsewhere in scikit-learn.
    random_state : int
        Of the head's first weights, the order of rows, and dropout.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    """

    is_fine_tuned = True

    def __init__(
        self,
        name: str = MODERNBERT,
        *,
        epochs: int = 3,
        least_steps: int = 100,
        batch_size: int = 16,
        learning_rate: float = 5e-5,
        max_tokens: int = 256,
        class_weight: Any = None,
        random_state: int = 0,
    ) -> None:
        self.name = name
        self.epochs = epochs
        self.least_steps = least_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.max_tokens = max_tokens
        self.class_weight = class_weight
        self.random_state = random_state

    def fit(self, texts: Sequence[str], labels: Sequence[Any], sample_weight: Any = None) -> FineTunedTransformer:
        """Return self, fitted."""
        texts = list(texts)
        self.classes_, codes = np.unique(np.asarray(labels), return_inverse=True)
        weights = compute_sample_weight(self.class_weight, labels)
        weights = weights if sample_weight is None else weights * np.asarray(sample_weight)
        self._load()
        device = self.model_.device
        targets, counts = torch.tensor(codes, device=device), torch.tensor(weights, device=device).float()

        def loss_of(rows: NDArray[np.int64]) -> torch.Tensor:
            losses = torch.nn.functional.cross_entropy(
                self._logits([texts[row] for row in rows]), targets[rows], reduction="none"
            )
            return (losses * counts[rows]).sum() / counts[rows].sum().clamp(min=1e-9)

        fit_weights(
            self.model_, self._batches(len(texts)), loss_of, learning_rate=self.learning_rate, seed=self.random_state
        )
        return self

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return one probability per text and class, classes as in ``classes_``."""
        texts = list(texts)
        # Texts of about one length together: less is padded.
        order = np.argsort([len(text) for text in texts], kind="stable")
        found = np.empty((len(texts), len(self.classes_)))
        with torch.no_grad():
            for start in range(0, len(texts), PREDICTED_AT_ONCE):
                rows = order[start : start + PREDICTED_AT_ONCE]
                found[rows] = self._logits([texts[row] for row in rows]).double().softmax(dim=1).cpu().numpy()
        return found

    def predict(self, texts: Sequence[str]) -> NDArray[Any]:
        """Return the likeliest class of each text."""
        return np.asarray(self.classes_[self.predict_proba(texts).argmax(axis=1)])

    def _load(self) -> None:
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        from smotext.decoders.quiet_loading import quiet_loading

        found = locate(self.name)
        with torch.random.fork_rng(), quiet_loading():
            torch.manual_seed(self.random_state)
            self.tokenizer_ = AutoTokenizer.from_pretrained(found.name, local_files_only=found.is_local)
            self.model_ = AutoModelForSequenceClassification.from_pretrained(
                found.name,
                num_labels=len(self.classes_),
                # A head that was trained for other classes is begun anew.
                ignore_mismatched_sizes=True,
                local_files_only=found.is_local,
                use_safetensors=True,
                dtype=torch.float32,
            ).to(default_device())
        if self.tokenizer_.pad_token is None:
            self.tokenizer_.pad_token = self.tokenizer_.eos_token
            self.model_.config.pad_token_id = self.tokenizer_.pad_token_id

    def _logits(self, texts: list[str]) -> torch.Tensor:
        most = min(self.max_tokens, self.tokenizer_.model_max_length)
        read = self.tokenizer_(texts, padding=True, truncation=True, max_length=most, return_tensors="pt")
        logits: torch.Tensor = self.model_(**read.to(self.model_.device)).logits
        return logits

    def _batches(self, n_rows: int) -> list[NDArray[np.int64]]:
        """Return the rows of each step, going round shuffles of all rows."""
        rng = np.random.default_rng(self.random_state)
        n_steps = max(self.least_steps, self.epochs * math.ceil(n_rows / self.batch_size))
        n_rounds = math.ceil(n_steps * self.batch_size / n_rows)
        order = np.concatenate([rng.permutation(n_rows) for _ in range(n_rounds)])
        return [order[step * self.batch_size : (step + 1) * self.batch_size] for step in range(n_steps)]


def fine_tuned(name: str = MODERNBERT) -> FineTunedTransformer:
    """Return a classifier that fine-tunes the transformer of that name; nothing is loaded yet.

    Raises
    ------
    ModelNotFoundError
        If it is neither a directory nor in the hub's cache, and the hub cannot be reached.
    InputError
        If its weights are pickled.
    """
    found = locate(name)
    if pickled := pickled_weights(found):
        raise InputError(
            f"model {name!r} holds pickled weights ({pickled[0]}), which are never read: such a file can run anything; "
            "convert them to safetensors first, or name another model"
        )
    return FineTunedTransformer(found.name)


def fit_weights(
    model: Any, batches: Sequence[Any], loss_of: Callable[[Any], torch.Tensor], *, learning_rate: float, seed: int
) -> None:
    """Fit all weights of a model, one step a batch; the process's own random numbers stay as they are.

    The rate rises in the first tenth of the steps and then falls to zero.
    """
    from transformers import get_linear_schedule_with_warmup

    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate)
    schedule = get_linear_schedule_with_warmup(optimizer, len(batches) // 10, len(batches))
    model.train()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for batch in batches:
            loss_of(batch).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
    model.eval()
