"""``smotext bridge-score``: how well a bridge writes what its vectors ask for, on texts that it never saw."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from smotext.errors import InputError
from smotext.inputs import check_count
from smotext.records import Decoded
from smotext.training import measures
from smotext.training.batches import Prompting, micro_batches
from smotext.training.objective import stage_one
from smotext.training.pair import Pair
from smotext.training.store import Encode, Piece

MEASURES = (
    "bits per character",
    "cosine at lam 1, greedy",
    "cosine at lam 1, sampled",
    "cosine at lam 0.5, greedy",
    "cosine at lam 0.5, sampled",
    "token F1 at lam 1",
    "BLEU at lam 1",
    "distinct-1",
    "distinct-2",
    "share empty",
    "share cut off",
    "share repetitive",
    "share ending in a full stop",
    "function words, written / real",
)


@dataclass(frozen=True)
class BridgeScores:
    """What :func:`score_bridge` measured.

    Attributes
    ----------
    values : dict of str to float
        The measures of :data:`MEASURES`. All but the first five are of greedy texts at lam 1, the shares
        and distinct-n of sampled ones at lam 1 and 0.5.
    samples : list of dict
        ``text``, ``greedy``, ``sampled``, ``cosine`` side by side.
    n_texts : int
        Held-out texts.
    """

    values: dict[str, float]
    samples: list[dict[str, Any]]
    n_texts: int


@dataclass(frozen=True)
class Decoding:
    """How the texts that are scored are written.

    Attributes
    ----------
    guidance : float or None
        Weight of the guidance head; None leaves the bridge's default.
    temperature, top_p : float
        Of the sampled texts.
    candidates : int
        Sampled texts for each vector, of which the one nearest to the vector is kept.
    max_new_tokens : int or None
        None: what the bridge was trained for.
    batch_size : int
        Rows written together.
    seed : int
        Of sampling.
    """

    guidance: float | None = None
    temperature: float = 0.8
    top_p: float = 0.95
    candidates: int = 1
    max_new_tokens: int | None = None
    batch_size: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        check_count("candidates", self.candidates, "1 or more")


def score_bridge(
    pair: Pair,
    decoder: Any,
    encoder: Any,
    texts: Sequence[str],
    *,
    decoding: Decoding = Decoding(),
    n_samples: int = 20,
) -> BridgeScores:
    """Return the scores of a bridge on held-out texts.

    Parameters
    ----------
    pair : Pair
        The bridge as the trainer reads it, for bits per character.
    decoder, encoder
        The same bridge as users load it: ``smotext.load_decoder``, ``smotext.load_encoder``.
    texts : sequence of str
        None of which the bridge was trained on; at least two.
    decoding : Decoding
        How the texts are written.
    n_samples : int
        Texts shown side by side.

    Raises
    ------
    InputError
        For fewer than two texts: there are no neighbours to mix.
    """
    if len(texts) < 2:
        raise InputError(f"{len(texts)} texts to score on: expected at least 2, neighbours are mixed")
    texts = list(texts)
    asked = np.asarray(encoder.encode(texts), dtype=np.float32)
    halves = np.asarray((asked + asked[nearest_other(asked)]) / 2, dtype=np.float32)
    longest = decoding.max_new_tokens or pair.spec.max_new_tokens
    write = _Writer(decoder, encoder, decoding, longest)
    greedy, sampled = write.greedy(asked), write.sampled(asked)
    greedy_half, sampled_half = write.greedy(halves), write.sampled(halves)
    drawn = [*sampled.rows, *sampled_half.rows]
    values = {
        "bits per character": bits_per_character(pair, texts, asked),
        "cosine at lam 1, greedy": float(greedy.cosines.mean()),
        "cosine at lam 1, sampled": float(sampled.cosines.mean()),
        "cosine at lam 0.5, greedy": float(greedy_half.cosines.mean()),
        "cosine at lam 0.5, sampled": float(sampled_half.cosines.mean()),
        **_overlap(greedy.texts, texts),
        **_shapes([row.text for row in drawn], [not row.is_finished for row in drawn], texts),
    }
    columns = zip(texts, greedy.texts, sampled.texts, sampled.cosines.tolist(), strict=True)
    samples = [dict(zip(("text", "greedy", "sampled", "cosine"), row, strict=True)) for row in columns]
    return BridgeScores({name: values[name] for name in MEASURES}, samples[:n_samples], len(texts))


@dataclass(frozen=True)
class _Texts:
    """What was written for some vectors, and how near it comes."""

    rows: list[Decoded]
    cosines: NDArray[np.float64]

    @property
    def texts(self) -> list[str]:
        return [row.text for row in self.rows]


@dataclass(frozen=True)
class _Writer:
    """Decoder and encoder with the decoding options fixed."""

    decoder: Any
    encoder: Any
    decoding: Decoding
    max_new_tokens: int

    def greedy(self, asked: NDArray[np.float32]) -> _Texts:
        return self._write(asked)

    def sampled(self, asked: NDArray[np.float32]) -> _Texts:
        """Return the nearest of the candidates for each vector; candidate c of row r has seed + r + c * n_rows."""
        sampling = {"do_sample": True, "temperature": self.decoding.temperature, "top_p": self.decoding.top_p}
        seeds = self.decoding.seed + np.arange(len(asked))
        tries = [
            self._write(asked, seeds=seeds + number * len(asked), **sampling)
            for number in range(self.decoding.candidates)
        ]
        best = np.argmax([one.cosines for one in tries], axis=0)
        rows = [tries[number].rows[row] for row, number in enumerate(best)]
        return _Texts(rows, np.max([one.cosines for one in tries], axis=0))

    def _write(self, asked: NDArray[np.float32], **options: Any) -> _Texts:
        if self.decoding.guidance is not None:
            options["guidance"] = self.decoding.guidance
        rows = self.decoder.decode_rows(
            asked, max_new_tokens=self.max_new_tokens, batch_size=self.decoding.batch_size, **options
        )
        return _Texts(rows, cosines_of(self.encoder.encode, [row.text for row in rows], asked))


def nearest_other(vectors: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return each row's nearest other row by cosine, shape (n_rows,).

    Examples
    --------
    >>> nearest_other(np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]], dtype=np.float32)).tolist()
    [1, 0, 1]
    """
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    similarities = unit @ unit.T
    np.fill_diagonal(similarities, -np.inf)
    return similarities.argmax(axis=1)


def cosines_of(encode: Encode, written: list[str], asked: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the cosine between each vector asked for and that of what was written, 0 for an empty text."""
    got = np.asarray(encode([text or " " for text in written]), dtype=np.float64)
    norms = np.linalg.norm(got, axis=1) * np.linalg.norm(asked, axis=1)
    cosines = (got * asked).sum(axis=1) / np.maximum(norms, 1e-12)
    return np.where([bool(text.strip()) for text in written], cosines, 0.0)


def bits_per_character(pair: Pair, texts: Sequence[str], vectors: NDArray[np.float32], prompt: int = 0) -> float:
    """Return the bits that the bridge needs for a character of the texts, end token included, given their vectors.

    Of a text that is longer than the language model's positions, the beginning counts.

    Parameters
    ----------
    pair : Pair
        In float32.
    texts : sequence of str
        Held-out texts.
    vectors : ndarray of shape (n_texts, vector_dim)
        Theirs; rescaled if the bridge takes unit vectors.
    prompt : int
        Number of the prompt.
    """
    room = pair.room()
    ids = [row[:room] for row in pair.prompts.text_ids(texts)]
    offsets = np.cumsum([0, *map(len, ids)])
    tokens = np.concatenate([np.asarray(row, dtype=np.int64) for row in ids])
    piece = Piece(tokens, offsets, vectors)  # type: ignore[arg-type]
    nats = held_out_nats(pair, piece, prompt=prompt)
    n_characters = sum(
        len(text) if len(row) < room else len(pair.tokenizer.decode(row)) for text, row in zip(texts, ids, strict=True)
    )
    return nats / math.log(2) / n_characters


def held_out_nats(pair: Pair, piece: Piece, *, prompt: int = 0, max_tokens: int = 2048) -> float:
    """Return the summed negative log-likelihood (nats) of a piece's passages and end tokens, without noise."""
    parameter = next(pair.lm.parameters())
    was_training = pair.lm.training
    pair.lm.eval()
    total = 0.0
    with torch.inference_mode():
        prompting = Prompting(pair.prompts, prompt)
        for batch in micro_batches(piece, [np.arange(len(piece))], prompting, max_tokens=max_tokens):
            vectors = torch.from_numpy(batch.vectors).to(parameter.device)
            if pair.spec.vector_norm == "unit":
                vectors = torch.nn.functional.normalize(vectors, dim=-1)
            total += float(stage_one(pair, batch, vectors))
    pair.lm.train(was_training)
    return total


def _overlap(written: list[str], texts: list[str]) -> dict[str, float]:
    f1 = [measures.token_f1(ours, theirs) for ours, theirs in zip(written, texts, strict=True)]
    return {"token F1 at lam 1": float(np.mean(f1)), "BLEU at lam 1": measures.bleu(written, texts)}


def _shapes(written: list[str], is_cut_off: list[bool], texts: list[str]) -> dict[str, float]:
    real = measures.function_word_share(texts)
    return {
        "distinct-1": measures.distinct(written, 1),
        "distinct-2": measures.distinct(written, 2),
        "share empty": float(np.mean([not text.strip() for text in written])),
        "share cut off": float(np.mean(is_cut_off)),
        "share repetitive": float(np.mean([measures.is_repetitive(text) for text in written])),
        "share ending in a full stop": float(np.mean([measures.ends_in_full_stop(text) for text in written])),
        "function words, written / real": measures.function_word_share(written) / real if real else math.nan,
    }


def samples_table(scores: BridgeScores) -> str:
    """Return the samples side by side as a Markdown table."""
    lines = ["| text | greedy | sampled | cosine |", "|---|---|---|---|"]
    for sample in scores.samples:
        cells = [_cell(sample[name]) for name in ("text", "greedy", "sampled")]
        lines.append(f"| {' | '.join(cells)} | {sample['cosine']:.2f} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
