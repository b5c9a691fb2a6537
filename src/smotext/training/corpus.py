"""Corpus files to passages: streamed, cut at sentence boundaries by token budget, cleaned, a part held out."""

from __future__ import annotations

import gzip
import json
import lzma
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from smotext.errors import InputError, MissingFileError
from smotext.formats import read_frame
from smotext.seeding import stable_hash

_OPENERS: dict[str, Callable[..., Any]] = {".xz": lzma.open, ".gz": gzip.open}
_JSON_LINES, _TABLES, _PLAIN = {".jsonl", ".ndjson", ".json"}, {".parquet"}, {".txt", ".text", ".md"}
_SEPARATED = {".csv", ".tsv"}
_SENTENCE_END = re.compile(r"(?<=[.?!])[\"')\]]*\s+(?=[\"'(\[]?[A-Z0-9])")
_ABBREVIATION = re.compile(
    r"\b(?:Mr|Mrs|Ms|Dr|St|Prof|Rev|Gen|Col|Capt|Lt|Sgt|Jr|Sr|vs|etc|No|Vol|Fig|e\.g|i\.e|[A-Z])\.$"
)
_CLEAN = re.compile(r"[\"']?[A-Z][A-Za-z0-9 ,;:'\"$%?!.&()/-]*[.?!][\"')]?")
_HELD_OUT_SHARE = 50  # one document in fifty may only be used for held-out passages


@dataclass(frozen=True)
class Cutting:
    """How documents are cut into passages.

    Attributes
    ----------
    min_tokens, max_tokens : int
        A passage is a run of whole sentences of one paragraph with this many of the language model's tokens.
        Each passage's own budget is drawn between the two, so that all lengths occur.
    max_sentences : int
        Most sentences in a passage.
    clean : bool
        Drop sentences that are no plain English prose (see :func:`is_clean`).
    max_tokens_per_word : float
        With `clean`, drop passages whose words the tokenizer splits into more pieces than this on average:
        a measure of rare names and foreign words that needs no word list.
    """

    min_tokens: int = 8
    max_tokens: int = 336
    max_sentences: int = 64
    clean: bool = False
    max_tokens_per_word: float = 1.7

    def __post_init__(self) -> None:
        if not 1 <= self.min_tokens <= self.max_tokens:
            raise InputError(
                f"min_tokens={self.min_tokens}, max_tokens={self.max_tokens}: expected 1 <= min_tokens <= max_tokens"
            )


@dataclass
class Corpus:
    """Passages drawn from a corpus.

    Attributes
    ----------
    passages : list of str
        For training, in a seeded order.
    held_out : list of str
        From documents of which no passage is in `passages`.
    sources : dict of str to int
        How many training passages each file gave.
    """

    passages: list[str] = field(default_factory=list)
    held_out: list[str] = field(default_factory=list)
    sources: dict[str, int] = field(default_factory=dict)


def read_documents(path: str | Path, text_column: str = "text") -> Iterator[str]:
    """Yield the documents of one corpus file or directory, one at a time.

    Parameters
    ----------
    path : path
        ``.jsonl``, ``.txt`` (a document a paragraph, blank lines between), either with ``.gz`` or ``.xz``;
        ``.parquet``; ``.csv`` or ``.tsv`` (read whole, also with ``.gz``); or a directory that
        ``datasets.save_to_disk`` wrote.
    text_column : str
        Field or column that holds the text.

    Raises
    ------
    MissingFileError
        If there is no such file.
    InputError
        For another kind of file, a line that is no JSON object, or a missing text column.
    """
    path = Path(path)
    if not path.exists():
        raise MissingFileError(f"corpus file {path} does not exist: name a file or a saved datasets directory")
    if path.is_dir():
        yield from _read_dataset(path, text_column)
        return
    opener = _OPENERS.get(path.suffix, open)
    suffix = Path(path.stem).suffix if path.suffix in _OPENERS else path.suffix
    if suffix in _TABLES:
        yield from _read_parquet(path, text_column)
    elif suffix in _SEPARATED:
        yield from _read_separated(path, text_column)
    elif suffix in _JSON_LINES:
        with opener(path, "rt", encoding="utf-8") as lines:
            yield from _read_json_lines(lines, path, text_column)
    elif suffix in _PLAIN:
        with opener(path, "rt", encoding="utf-8") as lines:
            yield from _read_paragraphs(lines)
    else:
        raise InputError(
            f"{path} is not a corpus: expected .jsonl, .txt (also .gz, .xz), .parquet, .csv, .tsv or a directory"
        )


def _read_json_lines(lines: Iterable[str], path: Path, text_column: str) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(f"{path}, line {number} is not JSON: {error}") from error
        if not isinstance(entry, dict) or not isinstance(entry.get(text_column), str):
            raise InputError(f"{path}, line {number} has no text in {text_column!r}: name the column with text_column")
        yield entry[text_column]


def _read_paragraphs(lines: Iterable[str]) -> Iterator[str]:
    paragraph: list[str] = []
    for line in lines:
        if line.strip():
            paragraph.append(line.strip())
        elif paragraph:
            yield " ".join(paragraph)
            paragraph = []
    if paragraph:
        yield " ".join(paragraph)


def _read_parquet(path: Path, text_column: str) -> Iterator[str]:
    from pyarrow import parquet

    file = parquet.ParquetFile(path)
    _check_column(path, text_column, file.schema_arrow.names)
    for batch in file.iter_batches(columns=[text_column]):
        yield from (text for text in batch.column(0).to_pylist() if text is not None)


def _read_separated(path: Path, text_column: str) -> Iterator[str]:
    frame, _ = read_frame(path)
    _check_column(path, text_column, list(frame.columns))
    yield from frame[text_column]


def _read_dataset(path: Path, text_column: str) -> Iterator[str]:
    from smotext.errors import missing_extra

    try:
        import datasets
    except ImportError as error:
        raise missing_extra("datasets", "train", "a datasets directory") from error
    loaded = datasets.load_from_disk(str(path))
    for split in loaded.values() if isinstance(loaded, datasets.DatasetDict) else [loaded]:
        _check_column(path, text_column, split.column_names)
        for row in split.select_columns([text_column]):
            if row[text_column] is not None:
                yield row[text_column]


def _check_column(path: Path, text_column: str, columns: list[str]) -> None:
    if text_column not in columns:
        raise InputError(f"{path} has no column {text_column!r}: its columns are {columns}")


def split_sentences(paragraph: str) -> list[str]:
    """Return the sentences of a paragraph, white space collapsed.

    Examples
    --------
    >>> split_sentences("Dr. Smith came in.  He sat down! Was it late?")
    ['Dr. Smith came in.', 'He sat down!', 'Was it late?']
    """
    text, sentences, start = " ".join(paragraph.split()), [], 0
    for end in _SENTENCE_END.finditer(text):
        sentence = text[start : end.end()].strip()
        if _ABBREVIATION.search(sentence):
            continue
        sentences.append(sentence)
        start = end.end()
    return [*sentences, text[start:]] if text[start:] else sentences


def is_clean(sentence: str) -> bool:
    """Return True for plain English prose: a capital first, a full stop last, words in between.

    At least four words, at most thirty; nine characters in ten are letters or spaces; quotes and brackets
    balanced; nothing outside plain ASCII prose.

    Examples
    --------
    >>> is_clean("He moved to Boston in the spring."), is_clean("thumb|left|A map"), is_clean("See (a.")
    (True, False, False)
    """
    if not _CLEAN.fullmatch(sentence) or not 4 <= sentence.count(" ") + 1 <= 30:
        return False
    if sentence.count('"') % 2 or sentence.count("(") != sentence.count(")") or "--" in sentence or ".." in sentence:
        return False
    return sum(map(str.isalpha, sentence)) + sentence.count(" ") >= 0.9 * len(sentence)


def cut_passages(
    document: str, count_tokens: Callable[[list[str]], list[int]], cutting: Cutting, rng: np.random.Generator
) -> list[str]:
    """Return the passages of a document: runs of whole sentences, none longer than the budget.

    Parameters
    ----------
    document : str
        A newline inside it is a paragraph or a dialogue turn; no passage crosses one.
    count_tokens : callable
        Token counts of a list of texts.
    cutting : Cutting
        Budgets and cleaning.
    rng : numpy Generator
        Draws each passage's own budget.

    Examples
    --------
    >>> words = lambda texts: [len(text.split()) for text in texts]
    >>> cutting = Cutting(min_tokens=3, max_tokens=5)
    >>> cut_passages("I came. I saw it all. We won.", words, cutting, np.random.default_rng(0))
    ['I saw it all.']
    """
    paragraphs = [split_sentences(paragraph) for paragraph in document.split("\n")]
    counts = iter(count_tokens([sentence for sentences in paragraphs for sentence in sentences]))
    passages: list[str] = []
    for sentences in paragraphs:
        passages += _pack([(sentence, next(counts)) for sentence in sentences], cutting, rng)
    return passages


def _pack(counted: Sequence[tuple[str, int]], cutting: Cutting, rng: np.random.Generator) -> Iterator[str]:
    run: list[str] = []
    n_run, budget = 0, 0
    for sentence, n_tokens in [*counted, ("", 0)]:
        usable = bool(sentence) and n_tokens <= cutting.max_tokens and _is_wanted(sentence, n_tokens, cutting)
        is_full = n_run + n_tokens > budget or len(run) == cutting.max_sentences
        if run and (is_full or not usable):
            if n_run >= cutting.min_tokens:
                yield " ".join(run)
            run, n_run = [], 0
        if usable:
            if not run:
                budget = int(rng.integers(cutting.min_tokens, cutting.max_tokens + 1))
            run.append(sentence)
            n_run += n_tokens


def _is_wanted(sentence: str, n_tokens: int, cutting: Cutting) -> bool:
    if not cutting.clean:
        return True
    return is_clean(sentence) and n_tokens <= cutting.max_tokens_per_word * (sentence.count(" ") + 1)


def read_corpus(
    paths: Sequence[str | Path],
    count_tokens: Callable[[list[str]], list[int]],
    *,
    cutting: Cutting,
    text_column: str = "text",
    max_passages: int | None = None,
    n_held_out: int = 1000,
    seed: int = 0,
) -> Corpus:
    """Return training and held-out passages, each a uniform sample of what the files give.

    The files are streamed; no more than `max_passages` + `n_held_out` passages are in memory (reservoir
    sampling). Which documents are held out depends on their text alone, so that it is the same for every
    cutting, order and seed. Passages that occur twice are kept once.

    Raises
    ------
    InputError
        If no passage is left: the corpus is empty, or all of it too short or too unclean for `cutting`.
    """
    rng = np.random.default_rng(stable_hash(seed, "corpus"))
    train, held = _Reservoir(max_passages, rng), _Reservoir(n_held_out, rng)
    seen: set[int] = set()
    n_documents = 0
    for path in paths:
        for document in read_documents(path, text_column):
            n_documents += 1
            is_held_out = n_held_out > 0 and stable_hash(document) % _HELD_OUT_SHARE == 0
            for passage in cut_passages(document, count_tokens, cutting, rng):
                key = hash(passage)
                if key not in seen:
                    seen.add(key)
                    (held if is_held_out else train).add((passage, Path(path).name))
    if not train.items:
        raise InputError(
            f"the corpus gives no passage: {n_documents} documents read, none with a run of sentences of "
            f"{cutting.min_tokens} to {cutting.max_tokens} tokens; add texts, or lower min_tokens"
        )
    return _shuffled(train.items, held.items, rng)


def _shuffled(train: list[tuple[str, str]], held: list[tuple[str, str]], rng: np.random.Generator) -> Corpus:
    corpus = Corpus(held_out=[passage for passage, _ in held])
    for row in rng.permutation(len(train)):
        passage, source = train[row]
        corpus.passages.append(passage)
        corpus.sources[source] = corpus.sources.get(source, 0) + 1
    return corpus


class _Reservoir:
    """A uniform sample of a stream (Vitter 1985, algorithm R); without a size, all of it."""

    def __init__(self, size: int | None, rng: np.random.Generator) -> None:
        self.items: list[tuple[str, str]] = []
        self._size, self._rng, self._n_seen = size, rng, 0

    def add(self, item: tuple[str, str]) -> None:
        self._n_seen += 1
        if self._size is None or len(self.items) < self._size:
            self.items.append(item)
        elif (place := int(self._rng.integers(self._n_seen))) < self._size:
            self.items[place] = item
