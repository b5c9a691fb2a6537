"""Documents cut into passages: runs of whole sentences within a budget of tokens."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from smotext.errors import InputError
from smotext.utils.sentences import join_sentences

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
