"""From files to passages: formats, sentence boundaries, budgets, what is held out, and what is refused."""

from __future__ import annotations

import gzip
import json
import lzma
from pathlib import Path

import numpy as np
import pytest

from smotext.errors import InputError, MissingFileError
from smotext.training.data.corpus_files import read_documents
from smotext.training.data.drawing import read_corpus
from smotext.training.data.passages import Cutting, cut_passages, form_of, is_clean, split_sentences

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
        "He said -- or not -- that.",
        "See below (it goes on.",
        "Tables | of | cells are not.",
        "1 2 3 4 5 is 15 and 6 is 21.",
        "Es wäre schön gewesen.",
        "read it at www.example.org now",
        "mail me @home, it's #1",
        f"It went on {'and on ' * 22}.",
        "What the fuck is this?",
        "That is a Goddamned lie.",
        "this SHITTY phone broke again",
    ],
)
def test_what_nobody_would_write_by_hand_in_plain_english_or_should_is_not_clean(sentence: str) -> None:
    assert not is_clean(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "no capital comes first here",
        "Find me something in Boston",
        'Who said "no" (twice)?',
        "My café’s open – come in!",
        "The class passed a bill in Scunthorpe, as the cocktail assistant assumed.",
    ],
)
def test_informal_english_is_clean_and_words_that_look_like_others_too(sentence: str) -> None:
    assert is_clean(sentence)


def test_cleaning_leaves_swearing_sentences_out_of_their_passages() -> None:
    document = "It was a nice day. Then the damn car broke down. We walked home."
    options = {"min_tokens": 3, "max_tokens": 30, "max_tokens_per_word": 9.0}
    plain = cut_passages(document, count_words, Cutting(**options), np.random.default_rng(0))
    clean = cut_passages(document, count_words, Cutting(**options, clean=True), np.random.default_rng(0))
    assert any("damn" in passage for passage in plain)
    assert clean == ["It was a nice day.", "We walked home."]


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


def write_documents(folder: Path, name: str, documents: list[str]) -> Path:
    path = folder / f"{name}.jsonl"
    path.write_text(json_lines(documents), encoding="utf-8")
    return path


def test_a_form_is_how_a_passage_ends_and_about_how_long_it_is() -> None:
    assert form_of("Where is it?") == ("?", 0)
    assert form_of('He said: "Where is it?"') == ("?", 0)
    assert form_of("no end here") == ("", 0)
    assert [form_of("word " * n + "end.")[1] for n in (7, 8, 15, 16, 27, 28)] == [0, 1, 1, 2, 2, 3]


def test_groups_are_of_one_form_and_stand_near_each_other_in_one_file(tmp_path: Path) -> None:
    paths = [
        write_documents(
            tmp_path, name, [f"Is {name} number {n} here? My {name} number {n} is there." for n in range(60)]
        )
        for name in ("parcel", "train")
    ]
    cutting = Cutting(1, 20, max_sentences=1, group_size=4)
    corpus = read_corpus(paths, count_words, cutting=cutting, n_held_out=0)
    groups = [corpus.passages[start : start + 4] for start in range(0, len(corpus.passages), 4)]
    assert corpus.group_size == 4
    assert len(groups) == 2 * 2 * 15, "files, forms, groups"
    for group in groups:
        assert len({form_of(passage) for passage in group}) == 1
        assert len({passage.split()[1] for passage in group}) == 1
        numbers = [int(passage.split()[3]) for passage in group]
        assert numbers == list(range(numbers[0], numbers[0] + 4)), "consecutive documents"
    assert groups != sorted(groups, key=lambda group: group[0]), "drawn in an order of its own"
    assert read_corpus(paths, count_words, cutting=cutting, n_held_out=0).passages == corpus.passages


def test_passages_that_make_no_whole_group_are_left_out(tmp_path: Path) -> None:
    path = write_documents(tmp_path, "corpus", [f"Number {n} is there." for n in range(11)])
    corpus = read_corpus([path], count_words, cutting=Cutting(1, 20, group_size=4), n_held_out=0)
    assert len(corpus.passages) == 8
    with pytest.raises(InputError, match="none with a run of sentences of 1 to 20 tokens, 12 of them for a group"):
        read_corpus([path], count_words, cutting=Cutting(1, 20, group_size=12), n_held_out=0)


@pytest.mark.parametrize("group_size", [1, 5])
def test_equal_shares_take_as_many_passages_of_each_file_as_far_as_it_has_them(tmp_path: Path, group_size: int) -> None:
    sizes = {"small": 20, "middle": 200, "large": 2000}
    paths = [
        write_documents(tmp_path, name, [f"{name} number {n} is there." for n in range(size)])
        for name, size in sizes.items()
    ]
    options = {"cutting": Cutting(1, 20, group_size=group_size), "max_passages": 120, "n_held_out": 0}
    equal = read_corpus(paths, count_words, equal_shares=True, **options)
    assert equal.sources == {"small.jsonl": 20, "middle.jsonl": 40, "large.jsonl": 40}
    by_size = read_corpus(paths, count_words, **options)
    assert sum(by_size.sources.values()) == 120
    assert by_size.sources["large.jsonl"] > 90


def test_equal_shares_hold_out_of_each_file_too(tmp_path: Path) -> None:
    paths = [
        write_documents(tmp_path, name, [f"{name} number {n} is there." for n in range(size)])
        for name, size in {"small": 1000, "large": 5000}.items()
    ]
    corpus = read_corpus(paths, count_words, cutting=Cutting(1, 20), n_held_out=20, equal_shares=True)
    assert [sum(text.startswith(name) for text in corpus.held_out) for name in ("small", "large")] == [10, 10]


def test_a_share_of_the_documents_is_chosen_by_their_text_and_the_held_out_ones_stay(tmp_path: Path) -> None:
    path = write_documents(tmp_path, "corpus", [f"Number {n} is there." for n in range(4000)])
    parts = {
        share: read_corpus([path], count_words, cutting=Cutting(1, 20, document_share=share), n_held_out=999, seed=seed)
        for seed, share in enumerate((1.0, 0.5, 0.1))
    }
    sizes = {share: len(part.passages) for share, part in parts.items()}
    assert sizes[0.5] == pytest.approx(0.5 * sizes[1.0], rel=0.1)
    assert sizes[0.1] == pytest.approx(0.1 * sizes[1.0], rel=0.2)
    assert set(parts[0.1].passages) < set(parts[0.5].passages) < set(parts[1.0].passages)
    assert set(parts[0.1].held_out) == set(parts[1.0].held_out)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"group_size": 0}, "group_size is 0: expected 1 or more"),
        ({"document_share": 0.0}, "document_share is 0.0: expected a share above 0, at most 1"),
        ({"document_share": 1.5}, "document_share is 1.5"),
    ],
)
def test_groups_and_shares_out_of_range_are_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Cutting(**changes)  # type: ignore[arg-type]
