"""Corpus files to passages: streamed, cut at sentence boundaries by token budget, cleaned, a part held out."""

from __future__ import annotations

import gzip
import json
import lzma
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from smotext.errors import InputError, MissingFileError
from smotext.formats import read_frame
from smotext.seeding import stable_hash
from smotext.sentences import join_sentences

_OPENERS: dict[str, Callable[..., Any]] = {".xz": lzma.open, ".gz": gzip.open}
_JSON_LINES, _TABLES, _PLAIN = {".jsonl", ".ndjson", ".json"}, {".parquet"}, {".txt", ".text", ".md"}
_SEPARATED = {".csv", ".tsv"}
# A capital or a digit follows, or a letter of a script without capitals; in Chinese and Japanese no space need follow.
_SENTENCE_END = re.compile(
    r"(?<=[.?!؟۔।])[\"')\]]*\s+(?=[\"'(\[]?(?:[A-Z0-9]|[^\W\d_\x00-\x7f]))|(?<=[。！？])(?![。！？])[\"'”’」』）]*"
)
_ABBREVIATION = re.compile(
    r"\b(?:Mr|Mrs|Ms|Dr|St|Prof|Rev|Gen|Col|Capt|Lt|Sgt|Jr|Sr|vs|etc|No|Vol|Fig|e\.g|i\.e|[A-Z])\.$"
)
_MARKUP = re.compile(r"https?:|www\.|[|{}<>\\_*=~^#@\[\]]|--|\.\.\.\.")
# A bridge should not swear unless it is asked to: passages with these are left out, whatever they mean there.
_PROFANE = re.compile(
    r"\b(?:\w*fuck\w*|\w*shit\w*|bitch\w*|ass|asses|asshole\w*|bastard\w*|damn\w*|goddamn\w*|crap\w*|piss\w*|dicks?|"
    r"cock|cocks|cunt\w*|whore\w*|slut\w*|fag|fags|faggot\w*|nigg\w*|negro\w*|retard|retards|retarded|bloody hell|"
    r"tits|boobs|porn\w*|bullshit\w*|motherf\w*|wank\w*|twat|arse|arsehole\w*)\b",
    re.IGNORECASE,
)
_Drawn = tuple[tuple[str, ...], str]  # a group of passages, and the file that it comes from
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
        Drop sentences that nobody would write by hand in plain English (see :func:`is_clean`).
    max_tokens_per_word : float
        With `clean`, drop passages whose words the tokenizer splits into more pieces than this on average:
        a measure of rare names and foreign words that needs no word list.
    group_size : int
        So many passages of one form that stand near each other in a file make a group, whose passages can stand as
        examples in each other's prompts: a bridge learns there that examples tell the form (:func:`form_of`). 1:
        passages by themselves.
    document_share : float
        Share of the documents that are read, chosen by their text alone; less reads a large corpus faster.
    """

    min_tokens: int = 8
    max_tokens: int = 336
    max_sentences: int = 64
    clean: bool = False
    max_tokens_per_word: float = 1.7
    group_size: int = 1
    document_share: float = 1.0

    def __post_init__(self) -> None:
        if not 1 <= self.min_tokens <= self.max_tokens:
            raise InputError(
                f"min_tokens={self.min_tokens}, max_tokens={self.max_tokens}: expected 1 <= min_tokens <= max_tokens"
            )
        if self.group_size < 1:
            raise InputError(f"group_size is {self.group_size}: expected 1 or more")
        if not 0 < self.document_share <= 1:
            raise InputError(f"document_share is {self.document_share}: expected a share above 0, at most 1")


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
    group_size : int
        So many of `passages` in a row make a group.
    """

    passages: list[str] = field(default_factory=list)
    held_out: list[str] = field(default_factory=list)
    sources: dict[str, int] = field(default_factory=dict)
    group_size: int = 1


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
    >>> split_sentences("他来了。“他看见了！”然后他走了")
    ['他来了。', '“他看见了！”', '然后他走了']
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
    """Return True for what somebody would write by hand in plain English, formal or not.

    At most 45 words; three characters in four are letters or spaces, and all but a few are ASCII; brackets balanced;
    no markup, no address, no swearing.

    Examples
    --------
    >>> is_clean("Find me something in Boston"), is_clean("thumb|left|A map"), is_clean("See (a.")
    (True, False, False)
    """
    n_plain = sum(map(str.isalpha, sentence)) + sentence.count(" ")
    n_foreign = sum(ord(character) > 127 and character not in "’‘“”–—éè" for character in sentence)
    return (
        sentence.count(" ") < 45
        and n_plain >= 0.75 * len(sentence)
        and n_foreign <= 0.02 * len(sentence)
        and sentence.count("(") == sentence.count(")")
        and not _MARKUP.search(sentence)
        and not _PROFANE.search(sentence)
    )


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
                yield join_sentences(run)
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
    equal_shares: bool = False,
) -> Corpus:
    """Return training and held-out passages, each a uniform sample of what the files give.

    The files are streamed; no more than `max_passages` + `n_held_out` passages are in memory (reservoir
    sampling). Which documents are held out depends on their text alone, so that it is the same for every
    cutting, order and seed. Passages that occur twice are kept once.

    Parameters
    ----------
    paths, text_column
        As :func:`read_documents` takes them.
    count_tokens : callable
        Token counts of a list of texts.
    cutting : Cutting
        What a passage is; groups of ``cutting.group_size`` are drawn as a whole.
    max_passages : int or None
        None: all.
    n_held_out : int
    seed : int
    equal_shares : bool
        Draw as many passages from each file, as far as it has them, instead of as many as its size says.

    Raises
    ------
    InputError
        If no passage is left: the corpus is empty, or all of it too short or too unclean for `cutting`.
    """
    rng = np.random.default_rng(stable_hash(seed, "corpus"))
    n_parts = len(paths) if equal_shares else 1
    most = None if max_passages is None else -(-max_passages // (n_parts * cutting.group_size))
    train = [_Reservoir(most, rng) for _ in range(n_parts)]
    held = [_Reservoir(-(-n_held_out // n_parts), rng) for _ in range(n_parts)]
    seen: set[int] = set()
    n_documents = 0
    for number, path in enumerate(paths):
        part, groups = number % n_parts, defaultdict[Any, list[str]](list)
        for document in read_documents(path, text_column):
            n_documents += 1
            key = stable_hash(document)
            is_held_out = n_held_out > 0 and key % _HELD_OUT_SHARE == 0
            if not is_held_out and key // _HELD_OUT_SHARE % 10_000 >= 10_000 * cutting.document_share:
                continue
            for passage in cut_passages(document, count_tokens, cutting, rng):
                if hash(passage) in seen:
                    continue
                seen.add(hash(passage))
                if is_held_out:
                    held[part].add(((passage,), Path(path).name))
                    continue
                group = groups[form_of(passage) if cutting.group_size > 1 else None]
                group.append(passage)
                if len(group) == cutting.group_size:
                    train[part].add((tuple(group), Path(path).name))
                    group.clear()
    drawn, checked = ([item for part in parts for item in part.items] for parts in (train, held))
    if not drawn:
        raise InputError(
            f"the corpus gives no passage: {n_documents} documents read, none with a run of sentences of "
            f"{cutting.min_tokens} to {cutting.max_tokens} tokens, {cutting.group_size} of them for a group; add "
            "texts, or lower min_tokens"
        )
    return _shuffled(drawn, checked, rng, cutting.group_size)


def form_of(passage: str) -> tuple[str, int]:
    """Return how a passage ends and how long it is, roughly: passages of one form could be of one class.

    Examples
    --------
    >>> form_of("Where is it?"), form_of("play me some jazz")
    (('?', 0), ('', 0))
    """
    end = passage.rstrip("\"')]")[-1:]
    n_words = passage.count(" ") + 1
    return end if end in ".?!" else "", sum(n_words > most for most in (8, 16, 28))


def _shuffled(train: list[_Drawn], held: list[_Drawn], rng: np.random.Generator, group_size: int) -> Corpus:
    corpus = Corpus(held_out=[passage for group, _ in held for passage in group], group_size=group_size)
    for row in rng.permutation(len(train)):
        group, source = train[row]
        corpus.passages += group
        corpus.sources[source] = corpus.sources.get(source, 0) + len(group)
    return corpus


class _Reservoir:
    """A uniform sample of a stream (Vitter 1985, algorithm R); without a size, all of it."""

    def __init__(self, size: int | None, rng: np.random.Generator) -> None:
        self.items: list[_Drawn] = []
        self._size, self._rng, self._n_seen = size, rng, 0

    def add(self, item: _Drawn) -> None:
        self._n_seen += 1
        if self._size is None or len(self.items) < self._size:
            self.items.append(item)
        elif (place := int(self._rng.integers(self._n_seen))) < self._size:
            self.items[place] = item
