"""``smotext bridge-score``: how well a bridge writes what its vectors ask for, on texts that it never saw."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from smotext.data.validation import check_count
from smotext.decoders.base_weights import load_base
from smotext.errors import InputError
from smotext.protocols import Decoded
from smotext.settings import Settings
from smotext.training.data.batches import Prompting, micro_batches
from smotext.training.data.passage_store import EncodePassages, Piece
from smotext.training.losses.passage_losses import stage_one
from smotext.training.models.pair import Pair
from smotext.training.scoring import measures
from smotext.utils.geometry import unit

ShownExamples = list[list[str]] | None
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
    "fluency, written / real",
)


@dataclass(frozen=True)
class BridgeScores:
    """What :func:`score_bridge` measured.

    Attributes
    ----------
    values : dict of str to float
        The measures of :data:`MEASURES`. Overlap is of greedy texts at lam 1; shares, distinct-n and fluency are of
        sampled ones at lam 1 and 0.5. Fluency is the bits a character that the language model needs which the bridge
        names, without anything that was trained: NaN for a bridge that holds its language model.
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
    examples : int
        Texts that each prompt shows: half way the two that are mixed, and before them the nearest others.
    max_new_tokens : int or None
        None: what the bridge was trained for.
    batch_size : int
        Rows written together.
    seed : int
        Of sampling.
    """

    guidance: float | None = None
    temperature: float = Settings.temperature
    top_p: float = Settings.top_p
    candidates: int = 1
    examples: int = 0
    max_new_tokens: int | None = None
    batch_size: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        check_count("candidates", self.candidates, "1 or more")
        check_count("examples", self.examples, "0 or more", least=0)


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
    near = nearest_others(asked, max(decoding.examples, 1))
    halves = np.asarray((asked + asked[near[:, 0]]) / 2, dtype=np.float32)
    longest = decoding.max_new_tokens or pair.spec.max_new_tokens
    write = VectorWriter(decoder, encoder, decoding, longest)
    shown, shown_half = nearest_examples(texts, near, decoding.examples)
    greedy, sampled = write.greedy(asked, shown), write.sampled(asked, shown)
    greedy_half, sampled_half = write.greedy(halves, shown_half), write.sampled(halves, shown_half)
    drawn = [*sampled.rows, *sampled_half.rows]
    values = {
        "bits per character": bits_per_character(pair, texts, pair.aligned(asked)),
        "cosine at lam 1, greedy": float(greedy.cosines.mean()),
        "cosine at lam 1, sampled": float(sampled.cosines.mean()),
        "cosine at lam 0.5, greedy": float(greedy_half.cosines.mean()),
        "cosine at lam 0.5, sampled": float(sampled_half.cosines.mean()),
        **_overlap(greedy.texts, texts),
        **_shapes([row.text for row in drawn], [not row.is_finished for row in drawn], texts),
        "fluency, written / real": fluency(pair, [row.text for row in drawn], texts),
    }
    columns = zip(texts, greedy.texts, sampled.texts, sampled.cosines.tolist(), strict=True)
    samples = [dict(zip(("text", "greedy", "sampled", "cosine"), row, strict=True)) for row in columns]
    return BridgeScores({name: values[name] for name in MEASURES}, samples[:n_samples], len(texts))


@dataclass(frozen=True)
class WrittenTexts:
    """What was written for some vectors, and how near it comes."""

    rows: list[Decoded]
    cosines: NDArray[np.float64]

    @property
    def texts(self) -> list[str]:
        """The texts alone."""
        return [row.text for row in self.rows]


@dataclass(frozen=True)
class VectorWriter:
    """Decoder and encoder with the decoding options fixed: texts for vectors, and how near they come."""

    decoder: Any
    encoder: Any
    decoding: Decoding
    max_new_tokens: int

    def greedy(self, asked: NDArray[np.float32], examples: ShownExamples) -> WrittenTexts:
        """Return the likeliest text for each vector."""
        return self._write(asked, examples)

    def sampled(self, asked: NDArray[np.float32], examples: ShownExamples) -> WrittenTexts:
        """Return the nearest of the candidates for each vector; candidate c of row r has seed + r + c * n_rows."""
        sampling = {"do_sample": True, "temperature": self.decoding.temperature, "top_p": self.decoding.top_p}
        seeds = self.decoding.seed + np.arange(len(asked))
        tries = [
            self._write(asked, examples, seeds=seeds + number * len(asked), **sampling)
            for number in range(self.decoding.candidates)
        ]
        best = np.argmax([one.cosines for one in tries], axis=0)
        rows = [tries[number].rows[row] for row, number in enumerate(best)]
        return WrittenTexts(rows, np.max([one.cosines for one in tries], axis=0))

    def _write(self, asked: NDArray[np.float32], examples: ShownExamples, **options: Any) -> WrittenTexts:
        if examples is not None:
            options["examples"] = examples
        if self.decoding.guidance is not None:
            options["guidance"] = self.decoding.guidance
        rows = self.decoder.decode_rows(
            asked, max_new_tokens=self.max_new_tokens, batch_size=self.decoding.batch_size, **options
        )
        return WrittenTexts(rows, cosines_of(self.encoder.encode, [row.text for row in rows], asked))


def nearest_examples(texts: Sequence[str], near: NDArray[np.int64], n: int) -> tuple[ShownExamples, ShownExamples]:
    """Return the texts that prompts show at lam 1, where a text does not see itself, and half way."""
    if n == 0:
        return None, None
    others = [[texts[row] for row in reversed(rows[:n])] for rows in near.tolist()]
    parents = [[*shown[-(n - 1) :], texts[row]] if n > 1 else [texts[row]] for row, shown in enumerate(others)]
    return others, parents


def fluency(pair: Pair, written: Sequence[str], real: Sequence[str]) -> float:
    """Return the bits a character of what was written under the bare language model, over those of real texts."""
    if pair.spec.base is None:
        return math.nan
    bare = load_base(pair.spec.base)
    return bare_bits(bare, pair.tokenizer, written) / bare_bits(bare, pair.tokenizer, real)


@torch.inference_mode()
def bare_bits(model: Any, tokenizer: Any, texts: Sequence[str]) -> float:
    """Return bits a character of the texts under a language model, each read after the begin token, or the end token.

    Parameters
    ----------
    model : causal language model
    tokenizer : its tokenizer
        Without a begin token, as Qwen's, the end token stands before a text, as it does in such a model's training.
    texts : sequence of str
        Blank ones do not count.
    """
    nats, n_characters = 0.0, 0
    begin = tokenizer.eos_token_id if tokenizer.bos_token_id is None else tokenizer.bos_token_id
    for text in filter(str.strip, texts):
        plain = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        ids = torch.tensor([[begin, *plain]])
        log_p = torch.log_softmax(model(input_ids=ids).logits[0, :-1].float(), dim=-1)
        nats -= float(log_p.gather(1, ids[0, 1:, None]).sum())
        n_characters += len(text)
    return nats / math.log(2) / n_characters if n_characters else math.nan


def nearest_others(vectors: NDArray[np.float32], n: int) -> NDArray[np.int64]:
    """Return each row's nearest other rows by cosine, nearest first, shape (n_rows, n) or fewer where there are fewer.

    Examples
    --------
    >>> nearest_others(np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]], dtype=np.float32), 2).tolist()
    [[1, 2], [0, 2], [1, 0]]
    """
    directions = unit(vectors)
    similarities = directions @ directions.T
    np.fill_diagonal(similarities, -np.inf)
    return np.argsort(-similarities, axis=1, kind="stable")[:, : min(n, len(vectors) - 1)]


def cosines_of(encode: EncodePassages, written: list[str], asked: NDArray[np.float32]) -> NDArray[np.float64]:
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
    capacity = pair.capacity()
    ids = [row[:capacity] for row in pair.prompts.text_ids(texts)]
    offsets = np.cumsum([0, *map(len, ids)])
    tokens = np.concatenate([np.asarray(row, dtype=np.int64) for row in ids])
    piece = Piece(tokens, offsets, vectors)  # type: ignore[arg-type]
    nats = held_out_nats(pair, piece, prompt=prompt)
    n_characters = sum(
        len(text) if len(row) < capacity else len(pair.tokenizer.decode(row))
        for text, row in zip(texts, ids, strict=True)
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
