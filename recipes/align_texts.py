"""Draw the short texts that ``smotext align`` fits its map on, unless it is given others.

::

    python recipes/align_texts.py CORPUS_DIR OUT.jsonl.xz

CORPUS_DIR holds the six corpus files that ``recipes/tiny.sh`` names. As many passages are drawn from each: one to
three whole sentences of 30 to 240 characters, as texts that people classify have.
"""

from __future__ import annotations

import json
import lzma
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from smotext.training.data.corpus_files import read_documents
from smotext.utils.seeding import generator
from smotext.utils.sentences import sentence_ends

SOURCES = ("changelog_transcripts", "digitalgov", "gutenberg_third", "medquad", "sgd_dialogues", "wikipedia_en_2014")
N_OF_EACH = 700
LEAST, MOST = 30, 240  # characters
_PLAIN = re.compile(r"[A-Z0-9\"'][ -~’“”–—]*[.?!][\"'”]?")


def passages(document: str, n_sentences: int) -> Iterator[str]:
    """Yield the passages of so many sentences in a row that are plain English of usable length."""
    for line in document.split("\n"):
        ends = [0, *sentence_ends(line)]
        for start, stop in zip(ends, ends[n_sentences:], strict=False):
            passage = line[start:stop].strip()
            if LEAST <= len(passage) <= MOST and _PLAIN.fullmatch(passage):
                yield passage


def draw(path: Path) -> list[str]:
    """Return the passages of one corpus file, each of another document."""
    documents = list(read_documents(path))
    rng = generator(0, "align", path.name)
    found: dict[str, None] = {}
    for row in rng.permutation(len(documents)):
        n_sentences = int(rng.integers(1, 4))
        if candidates := list(passages(documents[row], n_sentences)):
            found[candidates[int(rng.integers(len(candidates)))]] = None
        if len(found) == N_OF_EACH:
            break
    return list(found)


def main() -> None:
    """Write the texts of all sources, one a line."""
    corpus, out = Path(sys.argv[1]), Path(sys.argv[2])
    with lzma.open(out, "wt", encoding="utf-8", preset=9) as file:
        for source in SOURCES:
            for text in draw(corpus / f"{source}.jsonl.xz"):
                file.write(json.dumps({"text": text, "source": source}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
