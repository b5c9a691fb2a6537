"""SMOTExT and the controls that run its models as generators that a study can call."""

from __future__ import annotations

import gzip
import json
import lzma
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from smotext.data.unlabelled import read_unlabelled
from smotext.errors import InputError, MissingFileError, SmotextWarning
from smotext.evaluation.labelled_texts import GenerateFold, Label, NotApplicable
from smotext.evaluation.pseudo_labels import PseudoLabels
from smotext.evaluation.without_vector import ContextualEdits, LanguageModelWords, PromptingDecoder, has_language_model
from smotext.fitting.new_rows import NewRows, new_rows_of
from smotext.utils.geometry import unit
from smotext.utils.seeding import stable_hash

# A retrieved passage is cut to about the length of what a decoder writes.
PASSAGE_WORDS = 60
MAX_PASSAGES = 20_000

# Makes a decoder out of an encoder, a decoder, texts and a seed.
Adapt: TypeAlias = Callable[[Any, Any, Sequence[str], int], Any]


@dataclass(frozen=True)
class SmotextGenerator:
    """New texts from a :class:`smotext.SMOTExT` that is built afresh for every fold.

    Attributes
    ----------
    sampler : SMOTExT
        Its options count; its ``random_state`` is replaced by the fold's seed.
    """

    sampler: Any

    @property
    def fingerprint(self) -> str:
        """Models and options as one string; it tells whether texts that were kept can be used again."""
        options = {**self.sampler.get_params(deep=False), "random_state": None, "batch_size": None, "verbose": None}
        # The texts would fill pages.
        if (unlabelled := options.pop("unlabelled")) is not None:
            options["unlabelled"] = f"{stable_hash(*read_unlabelled(unlabelled, ()).texts):016x}"
        return "|".join(f"{name}={_name(value)}" for name, value in sorted(options.items()))

    def __call__(self, texts: Sequence[str], labels: Sequence[Label], n_new: Mapping[Label, int], seed: int) -> NewRows:
        """Return new rows made from these texts alone, with their parents and what their prompts showed."""
        sampler = _changed(self.sampler, random_state=seed)
        wanted = {label: count for label, count in n_new.items() if count}
        with warnings.catch_warnings():
            # classes are cut down on purpose here: how the sampler gets by with few texts is no news
            warnings.simplefilter("ignore", SmotextWarning)
            return new_rows_of(sampler.generate(list(texts), list(labels), n=wanted))


@dataclass(frozen=True)
class AdaptedGenerator:
    """New texts from a bridge that is adapted to each fold's own training texts first.

    Attributes
    ----------
    sampler : SMOTExT
        Its decoder is replaced by the adapted one.
    adapt : callable
        (encoder, decoder, texts, seed) to a decoder that goes on from the sampler's own and was adapted to the
        texts, the sampler's unlabelled ones among them; folds with too few texts to adapt to may get the sampler's own.

    Notes
    -----
    Rows come with their parents, but the adapted bridge has read all of a fold's training texts: where a weight is
    chosen within them, that choice thinks a little too well of the rows.
    """

    sampler: Any
    adapt: Adapt

    @property
    def fingerprint(self) -> str:
        """Models and options as one string."""
        return f"{SmotextGenerator(self.sampler).fingerprint}|adapted"

    def __call__(self, texts: Sequence[str], labels: Sequence[Label], n_new: Mapping[Label, int], seed: int) -> NewRows:
        """Return new rows made from these texts alone."""
        return self.adapted(texts, seed)(texts, labels, n_new, seed)

    def adapted(self, texts: Sequence[str], seed: int) -> SmotextGenerator:
        """Return the generator with the adapted bridge."""
        encoder, decoder = self.sampler.load()
        more = read_unlabelled(self.sampler.unlabelled, texts).texts
        return SmotextGenerator(_changed(self.sampler, decoder=self.adapt(encoder, decoder, (*texts, *more), seed)))


class RetrievalDecoder:
    """A decoder that writes nothing of its own: it returns the passage whose vector is nearest.

    Parameters
    ----------
    passages : sequence of str
    vectors : ndarray of shape (n_passages, vector_dim)
        Their vectors, from the encoder that makes the vectors to be decoded.

    Examples
    --------
    >>> decoder = RetrievalDecoder(["up", "right"], np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> decoder.decode(np.array([[0.9, 0.2]]))
    ['right']
    """

    def __init__(self, passages: Sequence[str], vectors: NDArray[Any]) -> None:
        self._passages = tuple(passages)
        self._vectors = unit(vectors)
        self.vector_dim = int(vectors.shape[1])
        self.fingerprint = f"retrieval-{stable_hash(*self._passages):016x}"

    def decode(self, vectors: NDArray[Any], **options: Any) -> list[str]:
        """Return the nearest passage per vector; no option of decoding applies."""
        return [self._passages[row] for row in np.argmax(vectors @ self._vectors.T, axis=1)]


def not_run(reason: str) -> GenerateFold:
    """Return a generator for a condition that cannot be had, which says why."""

    def refuse(*_: Any) -> NewRows:
        raise NotApplicable(f"not run: {reason}")

    return refuse


def default_generators(
    sampler: Any, passages: Sequence[str] = (), adapt: Adapt | None = None
) -> dict[str, GenerateFold]:
    """Return the generators of a study by name: SMOTExT, and the controls that run its models.

    ``"paper"`` (no examples, one candidate), ``"paraphrase"`` (unmixed), ``"prompting"`` (the same language model and
    examples, no vector), ``"contextual edits"``, with passages ``"retrieval"``, and with unlabelled texts
    ``"pseudo-labelling"`` and ``"labelled alone"``. What a decoder cannot do is there
    as well, and says that it was not run.

    Parameters
    ----------
    sampler : SMOTExT
        Its models are loaded here, once.
    passages : sequence of str
        What retrieval chooses from.
    adapt : callable, optional
        As in :class:`AdaptedGenerator`: SMOTExT then writes with a bridge that is adapted in every fold.
    """
    encoder, decoder = sampler.load()
    loaded = _changed(sampler, encoder=encoder, decoder=decoder)
    can_ask = has_language_model(decoder)
    # The paper, and what is retrieved from elsewhere, know no unlabelled texts.
    plain = _changed(loaded, unlabelled=None)
    made: dict[str, GenerateFold] = {
        "smotext": SmotextGenerator(loaded) if adapt is None else AdaptedGenerator(loaded, adapt),
        "paper": SmotextGenerator(_changed(plain, examples=0, candidates=1, max_passages=1)),
        "paraphrase": SmotextGenerator(_changed(loaded, lam=1.0)),
        "prompting": not_run("the decoder has no causal language model that could be prompted without a vector"),
        "contextual edits": ContextualEdits(LanguageModelWords(decoder) if can_ask else None),
        "back-translation": not_run("no package carries free weights of a translation model; give a generator"),
    }
    if can_ask:
        # filters judge by the vector that was asked for
        prompting = _changed(loaded, decoder=PromptingDecoder(decoder), candidates=1, filters=None)
        made["prompting"] = SmotextGenerator(prompting)
    if passages:
        retrieval = RetrievalDecoder(passages, encoder.encode(list(passages)))
        # filters and candidates judge what a decoder wrote; a passage has one wording
        made["retrieval"] = SmotextGenerator(_changed(plain, decoder=retrieval, filters=None, candidates=1, examples=0))
    if sampler.unlabelled is not None:
        made["pseudo-labelling"] = PseudoLabels(encoder, sampler.unlabelled)
        made["labelled alone"] = SmotextGenerator(plain)
    return made


def read_passages(path: str | Path, *, limit: int = MAX_PASSAGES, max_words: int = PASSAGE_WORDS) -> list[str]:
    """Return the passages of a corpus file, evenly spaced through it.

    Parameters
    ----------
    path : str or Path
        JSON lines with a ``text`` (also ``.gz`` and ``.xz``), or one passage a line.
    limit : int
        At most so many.
    max_words : int
        Each passage's first words.

    Raises
    ------
    MissingFileError
        If there is no such file.
    InputError
        If it holds no passages.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError(f"no corpus file at {path}")
    is_json = ".jsonl" in path.suffixes
    with _opener(path)(path, "rt", encoding="utf-8") as file:
        texts = [json.loads(line)["text"] if is_json else line for line in file if line.strip()]
    if not texts:
        raise InputError(f"{path} is empty: expected passages")
    rows = np.unique(np.linspace(0, len(texts) - 1, num=limit).astype(int))
    return [" ".join(texts[row].split()[:max_words]) for row in rows]


def _opener(path: Path) -> Callable[..., IO[str]]:
    return {".gz": gzip.open, ".xz": lzma.open}.get(path.suffix, open)  # type: ignore[return-value]


def _changed(sampler: Any, **options: Any) -> Any:
    """Return a new sampler with some options changed; scikit-learn's clone would copy foreign models."""
    return type(sampler)(**{**sampler.get_params(deep=False), **options})


def _name(value: Any) -> str:
    is_model = hasattr(value, "encode") or hasattr(value, "decode")
    return (
        str(getattr(value, "fingerprint", type(value).__name__))
        if is_model and not isinstance(value, str)
        else repr(value)
    )
