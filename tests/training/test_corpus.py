"""From files to passages: formats, sentence boundaries, budgets, what is held out, and what is refused."""

from __future__ import annotations

import gzip
import json
import lzma
from pathlib import Path

import numpy as np
import pytest

from smotext.errors import InputError, MissingFileError
from smotext.training.corpus import Cutting, cut_passages, is_clean, read_corpus, read_documents, split_sentences

DOCUMENTS = ["One is here. Two is there.", "Three is far away."]


def count_words(texts: list[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def json_lines(texts: list[str]) -> str:
    return "".join(json.dumps({"text": text}) + "\n" for text in texts)


@pytest.mark.parametrize(("suffix", "opener"), [("", open), (".gz", gzip.open), (".xz", lzma.open)])
def test_json_lines_are_read_plain_and_compressed(tmp_path: Path, suffix: str, opener: object) -> None:
    path = tmp_path / f"corpus.jsonl{suffix}"
    with opener(path, "wt", encoding="utf-8") as file:  # type: ignore[operator]
        file.write(json_lines(DOCUMENTS))
    assert list(read_documents(path)) == DOCUMENTS


def test_plain_text_has_a_document_a_paragraph(tmp_path: Path) -> None:
    path = tmp_path / "corpus.txt"
    path.write_text("One is here.\nTwo is there.\n\nThree is far away.\n", encoding="utf-8")
    assert list(read_documents(path)) == DOCUMENTS


def test_parquet_is_read(tmp_path: Path) -> None:
    import pandas as pd

    path = tmp_path / "corpus.parquet"
    pd.DataFrame({"text": DOCUMENTS}).to_parquet(path)
    assert list(read_documents(path)) == DOCUMENTS
    with pytest.raises(InputError, match="no column 'body'"):
        list(read_documents(path, "body"))


@pytest.mark.parametrize(("name", "separator"), [("corpus.csv", ","), ("corpus.tsv", "\t"), ("corpus.csv.gz", ",")])
def test_separated_values_are_read(tmp_path: Path, name: str, separator: str) -> None:
    import pandas as pd

    pd.DataFrame({"text": DOCUMENTS, "label": "x"}).to_csv(tmp_path / name, sep=separator, index=False)
    assert list(read_documents(tmp_path / name)) == DOCUMENTS
    with pytest.raises(InputError, match="no column 'body': its columns are"):
        list(read_documents(tmp_path / name, "body"))


def test_a_saved_datasets_directory_is_read(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    datasets.Dataset.from_dict({"text": DOCUMENTS}).save_to_disk(str(tmp_path / "saved"))
    assert list(read_documents(tmp_path / "saved")) == DOCUMENTS


def test_rows_without_a_text_are_left_out_of_parquet_and_datasets(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    rows = datasets.Dataset.from_dict({"text": [DOCUMENTS[0], None, DOCUMENTS[1]]})
    rows.save_to_disk(str(tmp_path / "saved"))
    rows.to_parquet(str(tmp_path / "rows.parquet"))
    assert list(read_documents(tmp_path / "saved")) == DOCUMENTS
    assert list(read_documents(tmp_path / "rows.parquet")) == DOCUMENTS


def test_a_missing_file_a_bad_line_and_another_kind_are_named(tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"text": "a"}\n{"body": "b"}\n', encoding="utf-8")
    (tmp_path / "image.png").write_bytes(b"")
    with pytest.raises(MissingFileError, match="does not exist"):
        list(read_documents(tmp_path / "absent.jsonl"))
    with pytest.raises(InputError, match="line 2 has no text in 'text'"):
        list(read_documents(bad))
    with pytest.raises(InputError, match="is not a corpus"):
        list(read_documents(tmp_path / "image.png"))


def test_sentences_end_where_the_next_begins_and_not_after_abbreviations() -> None:
    assert split_sentences('He met Mr. Brown at 5 p.m. and left. "Why?" she asked.  So be it.') == [
        "He met Mr. Brown at 5 p.m. and left.", '"Why?" she asked.', "So be it.",
    ]  # fmt: skip
    assert split_sentences("   ") == []


@pytest.mark.parametrize(
    "sentence",
    [
        "no capital comes first here.",
        "It has no end",
        "Too short.",
        "He said -- or not -- that.",
        'An "open quote is here.',
        "Tables | of | cells are not.",
        "1 2 3 4 5 is 15 and 6 is 21.",
        "Es wäre schön gewesen.",
    ],
)
def test_what_is_no_plain_prose_is_not_clean(sentence: str) -> None:
    assert not is_clean(sentence)


def test_no_passage_leaves_its_budget_or_crosses_a_paragraph() -> None:
    sentence = "Four words are here."
    document = "\n".join([" ".join([sentence] * 10)] * 5)
    cutting = Cutting(min_tokens=4, max_tokens=12)
    passages = cut_passages(document, count_words, cutting, np.random.default_rng(0))
    assert {len(passage.split()) for passage in passages} == {4, 8, 12}
    assert sum(len(passage.split()) for passage in passages) == 5 * 10 * 4
    short = cut_passages(document, count_words, Cutting(4, 12, max_sentences=1), np.random.default_rng(0))
    assert set(short) == {sentence}


def test_a_sentence_over_the_budget_is_left_out_and_its_neighbours_are_not_joined() -> None:
    document = "Two words. This one has a good many words in it. Last words."
    passages = cut_passages(document, count_words, Cutting(2, 6), np.random.default_rng(0))
    assert passages == ["Two words.", "Last words."]


def test_held_out_documents_share_no_passage_with_training_whatever_the_seed(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_text(json_lines([f"Document number {n} has words in it." for n in range(400)]), encoding="utf-8")
    first, second = (
        read_corpus([path], count_words, cutting=Cutting(2, 20), n_held_out=400, seed=seed) for seed in (0, 1)
    )
    assert set(first.held_out) == set(second.held_out)
    assert 0 < len(first.held_out) < 40
    assert not set(first.held_out) & set(first.passages)
    assert len(first.passages) + len(first.held_out) == 400
    assert first.passages != second.passages
    assert first.sources == {"corpus.jsonl": len(first.passages)}


def test_max_passages_samples_the_whole_stream_and_repeats_count_once(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_text(json_lines([f"Document number {n % 300} has words." for n in range(900)]), encoding="utf-8")
    corpus = read_corpus([path], count_words, cutting=Cutting(2, 20), max_passages=100, n_held_out=0)
    numbers = sorted(int(passage.split()[2]) for passage in corpus.passages)
    assert len(set(numbers)) == 100
    assert 120 < np.mean(numbers) < 180


def test_a_corpus_that_gives_nothing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_text(json_lines(["Short."]), encoding="utf-8")
    with pytest.raises(InputError, match="1 documents read, none with a run of sentences of 8 to 336 tokens"):
        read_corpus([path], count_words, cutting=Cutting())
    path.write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="0 documents read"):
        read_corpus([path], count_words, cutting=Cutting())


def test_a_budget_upside_down_is_refused() -> None:
    with pytest.raises(InputError, match="expected 1 <= min_tokens <= max_tokens"):
        Cutting(min_tokens=9, max_tokens=8)
