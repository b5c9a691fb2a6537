"""Tables: what was written comes back, character by character, and what cannot be read or written says why."""

from __future__ import annotations

import gzip
import json
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from smotext.data import tables
from smotext.data.tables import Table, check_table_output, read_table, with_synthetic, write_table
from smotext.errors import InputError, MissingExtraError, MissingFileError, UnknownNameError
from smotext.utils import files

HARD_TEXTS = [
    "NA",
    "null",
    "None",
    "a,b",
    'say "hi"',
    "two\nlines",
    "dos\r\nlines",
    "mac\rline",
    " x ",
    "naïve 🦊",
    "a\tb",
]
HARD_LABELS = ["007", "NA", "null", "1.10", "True", "a/b c", "🦊", "-0", "1e5", "nan", "None"]


def write(folder: Path, name: str, content: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    "suffix", [".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".csv.gz", ".jsonl.gz", ""]
)
def test_texts_and_labels_survive_a_round_trip(tmp_path, suffix):
    if suffix == "":
        pytest.importorskip("datasets")
    path = tmp_path / f"table{suffix}"
    write_table(pd.DataFrame({"label": HARD_LABELS, "text": HARD_TEXTS}), path)
    table = read_table(path)
    assert table.texts.tolist() == HARD_TEXTS
    assert table.labels.tolist() == HARD_LABELS
    assert table.frame.columns.tolist() == ["label", "text"]


def test_csv_with_byte_order_mark_and_dos_lines_is_read(tmp_path):
    path = write(tmp_path, "a.csv", b'\xef\xbb\xbftext,label\r\n"a\r\nb",007\r\n\r\nc,x\r\n')
    table = read_table(path)
    assert table.texts.tolist() == ["a\r\nb", "c"]
    assert table.labels.tolist() == ["007", "x"]


def test_quoting_style_of_an_untouched_file_is_kept(tmp_path):
    content = 'text,label,id\n"a,b",1,0010\nc,2,1.50\n'
    table = read_table(write(tmp_path, "a.csv", content))
    write_table(table.frame, tmp_path / "b.csv")
    assert (tmp_path / "b.csv").read_text() == content


def test_json_integers_stay_integers_and_absent_entries_stay_absent(tmp_path):
    lines = '{"text": "a", "label": 1, "note": null}\n{"text": null, "label": 2}\n'
    table = read_table(write(tmp_path, "a.jsonl", lines))
    assert table.labels.tolist() == [1, 2]
    assert np.isnan(table.texts[1])
    write_table(table.frame, tmp_path / "b.jsonl")
    assert (tmp_path / "b.jsonl").read_text() == lines


def test_parquet_types_of_carried_columns_survive_new_rows(tmp_path):
    import pyarrow.parquet as pq

    labels = np.array([1, 2], dtype=np.int8)
    frame = pd.DataFrame({"text": ["a", "b"], "label": labels, "id": [7, 8], "tags": [["x"], []]})
    write_table(frame, tmp_path / "a.parquet")
    table = read_table(tmp_path / "a.parquet")
    write_table(with_synthetic(table, ["new"], [2]), tmp_path / "b.parquet")
    before, after = pq.read_schema(tmp_path / "a.parquet"), pq.read_schema(tmp_path / "b.parquet")
    assert [after.field(name).type for name in before.names] == before.types
    assert pq.read_table(tmp_path / "b.parquet").to_pydict() == {
        "text": ["a", "b", "new"],
        "label": [1, 2, 2],
        "id": [7, 8, None],
        "tags": [["x"], [], None],
        "is_synthetic": [False, False, True],
    }


def test_dataset_directory_keeps_its_class_names(tmp_path):
    datasets = pytest.importorskip("datasets")
    label = datasets.ClassLabel(names=["ham", "spam"])
    features = datasets.Features({"text": datasets.Value("string"), "label": label})
    datasets.Dataset.from_dict({"text": ["a", "b"], "label": [0, 1]}, features=features).save_to_disk(tmp_path / "in")
    table = read_table(tmp_path / "in")
    assert table.labels.tolist() == ["ham", "spam"]
    write_table(with_synthetic(table, ["c"], ["spam"]), tmp_path / "out", features=table.features)
    back = datasets.load_from_disk(tmp_path / "out")
    assert back.features["label"] == features["label"]
    assert back["label"] == [0, 1, 1]
    assert [name for name in os.listdir(tmp_path) if name.startswith(".")] == []


def test_dataset_directory_is_written_with_the_same_bytes_twice(tmp_path):
    pytest.importorskip("datasets")
    frame = pd.DataFrame({"text": ["a"], "label": ["x"]})
    for name in ("one", "two"):
        write_table(frame, tmp_path / name)
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert one == two


def test_originals_come_first_and_carried_columns_stay(tmp_path):
    table = read_table(write(tmp_path, "a.csv", "id,text,label\n1,a,x\n2,b,y\n"))
    write_table(with_synthetic(table, ["new"], ["y"]), tmp_path / "b.csv")
    assert (tmp_path / "b.csv").read_text() == "id,text,label,is_synthetic\n1,a,x,False\n2,b,y,False\n,new,y,True\n"


def test_only_synthetic_leaves_the_originals_out(tmp_path):
    table = read_table(write(tmp_path, "a.csv", "text,label\na,x\nb,y\n"))
    frame = with_synthetic(table, ["new"], ["y"], only_synthetic=True)
    assert frame.to_dict("list") == {"text": ["new"], "label": ["y"], "is_synthetic": [True]}


def test_gzip_output_has_the_same_bytes_twice(tmp_path):
    frame = pd.DataFrame({"text": ["a"], "label": ["x"]})
    for name in ("one.csv.gz", "two.csv.gz"):
        write_table(frame, tmp_path / name)
    assert (tmp_path / "one.csv.gz").read_bytes() == (tmp_path / "two.csv.gz").read_bytes()
    assert gzip.decompress((tmp_path / "one.csv.gz").read_bytes()) == b"text,label\na,x\n"


def test_a_text_of_a_megabyte_is_read_whole(tmp_path):
    table = read_table(write(tmp_path, "a.csv", "text,label\n" + "word " * 200_000 + ",x\n"))
    assert len(table.texts[0]) == 1_000_000


def test_empty_text_stays_and_missing_label_is_an_error(tmp_path):
    assert read_table(write(tmp_path, "a.csv", "text,label\n,x\n")).texts.tolist() == [""]
    with pytest.raises(InputError, match=r"1 of 2 rows have no label in column 'label', the first is row 2"):
        read_table(write(tmp_path, "b.csv", "text,label\na,x\nb,\n"))


BAD_CONTENT = {
    "empty": ("a.csv", b"", "is empty"),
    "blank": ("a.csv", b"\xef\xbb\xbf\n\n", "is empty"),
    "empty json": ("a.jsonl", b"\n", "is empty"),
    "header only": ("a.csv", b"text,label\n", "has a header and no rows"),
    "latin-1": ("a.csv", b"text,label\ncaf\xe9,x\n", r"not UTF-8: byte 0xe9 at offset 14: .*encoding='windows-1252'"),
    "utf-16 without a mark": (
        "a.csv",
        "text,label\na,b\n".encode("utf-16-le"),
        "full of NUL bytes.*encoding='utf-16-le'",
    ),
    "cut utf-16": ("a.csv", "text,label\na,b\n".encode("utf-16")[:-1], "not UTF-16: byte 0x0a at offset"),
    "no mark": ("a.csv", b"text,label,is_synthetic\na,b,maybe\n", "holds 'maybe' in row 1: expected True or False"),
    "all synthetic": ("a.csv", b"text,label,is_synthetic\na,b,True\n", "all 1 rows are marked 'is_synthetic'"),
    "cut utf-8": ("a.csv", b"text,label\na,\xc3", "byte 0xc3 at offset 13"),
    "too many fields": ("a.csv", b"text,label\na,b,c\n", "malformed: Expected 2 fields in line 2, saw 3"),
    "open quote": ("a.csv", b'text,label\n"a,b\n', "malformed: EOF inside string"),
    "two of a name": ("a.csv", b"text,label,text\na,b,c\n", "more than one column named 'text'"),
    "colons": ("a.csv", b"text:label\na:b\n", "it has 'text:label' alone: .*separator="),
    "not json": ("a.jsonl", b'{"text": 1', "line 1 is not JSON"),
    "json array": ("a.json", b'[{"text": "a"}]', "not an object.*jq"),
    "pretty array": ("a.json", b'[\n{"text": "a"}]', "JSON array.*jq"),
    "surrogate": ("a.jsonl", b'{"text": "\\ud83d", "label": 1}', r"line 1 holds \\ud83d, half a character"),
    "text is a number": ("a.jsonl", b'{"text": 3, "label": 1}', r"holds 3 \(int\) in row 1: expected text"),
    "null label": ("a.jsonl", b'{"text": "a", "label": null}', "no label"),
    "not gzip": ("a.csv.gz", b"text,label", "not a whole gzip"),
    "cut gzip": ("a.csv.gz", gzip.compress(b"text,label\na,b\n")[:-9], "not a whole gzip"),
    "not parquet": ("a.parquet", b"PAR1", "not a Parquet file"),
    "spreadsheet": ("a.xlsx", b"PK", r"suffix '.xlsx': expected .csv"),
    "zipped parquet": ("a.parquet.gz", b"", r"suffix '.parquet.gz'"),
}


@pytest.mark.parametrize("case", BAD_CONTENT)
def test_bad_content_is_a_clear_error(tmp_path, case):
    name, content, message = BAD_CONTENT[case]
    with pytest.raises(InputError, match=message):
        read_table(write(tmp_path, name, content))


def test_not_utf8_names_the_offset_beyond_the_first_chunk(tmp_path):
    head = b"text,label\n" + "é,x\n".encode() * 300_000  # a chunk ends inside a character or not: both are passed
    with pytest.raises(InputError, match=f"offset {len(head)}"):
        read_table(write(tmp_path, "a.csv", head + b"\xff,x\n"))


def test_misspelt_column_suggests_the_near_one(tmp_path):
    path = write(tmp_path, "a.csv", "text,label\na,b\n")
    with pytest.raises(UnknownNameError, match=r"no column 'lable'; did you mean 'label'\?; it has 'text', 'label'"):
        read_table(path, label_column="lable")


def test_missing_file_and_missing_dataset_are_told_apart(tmp_path):
    with pytest.raises(MissingFileError, match="does not exist"):
        read_table(tmp_path / "no.csv")
    with pytest.raises(InputError, match="a directory without a dataset"):
        read_table(tmp_path)


def test_a_dataset_without_rows_or_labels_or_whole_files_says_so(tmp_path):
    datasets = pytest.importorskip("datasets")
    names = datasets.ClassLabel(names=["ham", "spam"])
    features = datasets.Features({"text": datasets.Value("string"), "label": names})
    for name, labels in (("empty", []), ("unlabelled", [0, -1]), ("damaged", [0, 1])):
        rows = {"text": ["a", "b"][: len(labels)], "label": labels}
        datasets.Dataset.from_dict(rows, features=features).save_to_disk(tmp_path / name)
    (tmp_path / "damaged" / "dataset_info.json").write_text("{")
    for name, message in (
        ("empty", "has no rows"),
        ("unlabelled", "1 of 2 rows have no label in column 'label', the first is row 2"),
        ("damaged", "is not a dataset that can be read"),
    ):
        with pytest.raises(InputError, match=message):
            read_table(tmp_path / name)


def test_two_columns_of_one_name_in_parquet_are_named(tmp_path):
    table = pa.table([["a"], ["x"], ["y"]], names=["text", "label", "label"])
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(InputError, match="more than one column named 'label': rename them"):
        read_table(tmp_path / "a.parquet")


def test_a_file_whose_name_tells_no_format_is_no_directory(tmp_path):
    with pytest.raises(InputError, match="has no suffix that tells its format"):
        read_table(write(tmp_path, "mails", "text,label\na,b\n"))


def test_numbers_beyond_64_bits_do_not_reach_parquet(tmp_path):
    table = read_table(write(tmp_path, "a.jsonl", f'{{"text": "a", "label": "x", "id": {10**30}}}\n'))
    with pytest.raises(InputError, match="do not fit the format of .*: write .jsonl instead"):
        check_table_output(table, tmp_path / "out.parquet")


def test_dataset_of_several_splits_names_them(tmp_path):
    write(tmp_path, "dataset_dict.json", json.dumps({"splits": ["train", "test"]}))
    with pytest.raises(InputError, match=r"holds the splits train, test: choose one, for example .*train"):
        read_table(tmp_path)


def test_missing_datasets_package_names_the_command(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    for name in ("dataset_info.json", "state.json"):
        write(tmp_path, name, "{}")
    with pytest.raises(MissingExtraError, match=r"pip install 'smotext\[train\]'"):
        read_table(tmp_path)


def test_unreadable_file_is_an_input_error(tmp_path, monkeypatch):
    path = write(tmp_path, "a.csv", "text,label\na,b\n")

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("smotext.data.dialects.open", refuse, raising=False)
    with pytest.raises(InputError, match="cannot be read: Permission denied"):
        read_table(path)


def small_table() -> Table:
    return Table(pd.DataFrame({"text": ["a"], "label": ["x"]}, dtype=object), "text", "label", "csv")


def test_existing_output_is_kept_unless_told(tmp_path):
    path = write(tmp_path, "a.csv", "mine")
    with pytest.raises(InputError, match=r"exists: .*overwrite=True"):
        write_table(small_table().frame, path)
    assert path.read_text() == "mine"
    write_table(small_table().frame, path, overwrite=True)
    assert path.read_text() == "text,label\na,x\n"


@pytest.mark.parametrize(
    ("name", "message"),
    [("no/such/a.csv", "is no directory: create it first"), ("a.xls", "suffix '.xls'"), ("full", "holds no dataset")],
)
def test_bad_target_is_found_before_anything_is_written(tmp_path, name, message):
    pytest.importorskip("datasets")
    (tmp_path / "full").mkdir()
    write(tmp_path / "full", "precious.txt", "mine")
    with pytest.raises(InputError, match=message):
        check_table_output(small_table(), tmp_path / name, overwrite=True)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["full", "precious.txt"]


def test_target_that_is_not_writable_is_found_early(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("smotext.data.output_paths.os.open", refuse)
    with pytest.raises(InputError, match="cannot be written: Read-only file system"):
        check_table_output(small_table(), tmp_path / "a.csv")


def test_mixed_types_do_not_reach_parquet(tmp_path):
    frame = pd.DataFrame({"text": ["a", "b"], "label": ["x", "y"], "mixed": ["1", 2]}, dtype=object)
    table = Table(frame, "text", "label", "jsonl")
    with pytest.raises(InputError, match=r"do not fit the format of .*a.parquet.*write .jsonl instead"):
        check_table_output(table, tmp_path / "a.parquet")


def test_clash_with_the_added_column_is_an_error(tmp_path):
    table = read_table(write(tmp_path, "a.csv", "text,label,is_synthetic\na,b,False\n"))
    with pytest.raises(InputError, match="has a column 'is_synthetic' already"):
        check_table_output(table, tmp_path / "b.csv")


def test_lineage_is_private_from_its_creation(tmp_path, monkeypatch):
    modes = []

    def note(name, path):
        if name == "created":
            modes.append(files.temporary_name(path).stat().st_mode & 0o777)

    monkeypatch.setattr(files, "step", note)
    write_table(small_table().frame, tmp_path / "a.parquet", mode=0o600)
    assert modes == [0o600]
    assert (tmp_path / "a.parquet").stat().st_mode & 0o777 == 0o600


def test_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = write(tmp_path, "a.csv", "old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("smotext.utils.files.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_table(small_table().frame, path, overwrite=True)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.csv"]


def test_output_through_a_link_replaces_what_it_points_to(tmp_path):
    (tmp_path / "link.csv").symlink_to(write(tmp_path, "a.csv", "old"))
    write_table(small_table().frame, tmp_path / "link.csv", overwrite=True)
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "a.csv").read_text() == "text,label\na,x\n"


def test_labels_of_a_table_with_missing_text_are_told(tmp_path):
    write_table(pd.DataFrame({"text": ["a", None], "label": [True, False]}), tmp_path / "a.parquet")
    table = read_table(tmp_path / "a.parquet")
    assert table.labels.tolist() == [True, False]
    assert np.isnan(table.texts[1])
    assert tables.SYNTHETIC_COLUMN == "is_synthetic"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "windows-1252", "shift_jis"]
)
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_any_encoding_and_separator_is_read(tmp_path, encoding, separator):
    text = "日本、語" if encoding == "shift_jis" else "café, naïve; a|b"
    path = write(
        tmp_path, "a.csv", f'id{separator}text{separator}label\r\n1{separator}"{text}"{separator}x\r\n'.encode(encoding)
    )
    is_told = encoding in ("utf-16-le", "windows-1252", "shift_jis")
    table = read_table(path, encoding=encoding if is_told else None)
    assert table.texts.tolist() == [text]
    assert table.labels.tolist() == ["x"]
    assert table.dialect.separator == separator
    table = read_table(path, encoding=encoding, separator=separator)
    assert table.texts.tolist() == [text]


def test_the_usual_separator_is_kept_where_it_fits(tmp_path):
    content = "text,label,a;b\nx;y,1,2\n"
    assert read_table(write(tmp_path, "a.csv", content)).texts.tolist() == ["x;y"]
    with pytest.raises(UnknownNameError, match="has no column 'text'"):
        read_table(tmp_path / "a.csv", separator=";")


def test_of_a_table_with_one_column_the_other_is_asked_for(tmp_path):
    path = write(tmp_path, "a.csv", "text\nA parcel came late.\n")
    with pytest.raises(UnknownNameError, match="has 'text' alone: texts and their labels are two columns"):
        read_table(path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"separator": "::"}, "separator is '::': expected one character, such as ';', or tab"),
        ({"encoding": "utf-9"}, "encoding is 'utf-9', which Python does not know"),
        ({"encoding": "base64"}, "'base64', which is no encoding of text"),
        ({"encoding": "ascii"}, "is not ASCII: byte 0xc3 at offset 11"),
    ],
)
def test_a_dialect_that_cannot_be_is_told(tmp_path, options, message):
    path = write(tmp_path, "a.csv", "text,label\né,x\n")
    with pytest.raises(InputError, match=message):
        read_table(path, **options)


def test_parquet_has_neither_encoding_nor_separator(tmp_path):
    write_table(pd.DataFrame({"text": ["a"], "label": ["x"]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="encoding is 'utf-16', and .* is no text file: leave it out"):
        read_table(tmp_path / "a.parquet", encoding="utf-16")


@pytest.mark.parametrize(
    ("suffix", "marks"),
    [
        (".csv", ["False", "True", "", "true"]),
        (".jsonl", [False, True, None, True]),
        (".jsonl", [0, 1, 0, 1]),
        (".parquet", [False, True, None, True]),
        ("", [False, True, False, True]),
    ],
)
def test_rows_that_are_marked_as_synthetic_are_left_out_and_counted(tmp_path, suffix, marks):
    frame = pd.DataFrame({"text": list("abcd"), "label": list("xxyy"), "is_synthetic": pd.Series(marks, dtype=object)})
    write_table(frame, tmp_path / f"table{suffix}")
    table = read_table(tmp_path / f"table{suffix}")
    assert table.texts.tolist() == ["a", "c"]
    assert table.n_synthetic == 2
    with pytest.raises(InputError, match="2 of 4 rows are marked 'is_synthetic'"):
        check_table_output(table, tmp_path / "out.csv")


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet", ""])
def test_classes_of_a_dataset_come_out_by_name(tmp_path, suffix):
    datasets = pytest.importorskip("datasets")
    label, topic = datasets.ClassLabel(names=["ham", "spam"]), datasets.ClassLabel(names=["sport", "war"])
    features = datasets.Features({"text": datasets.Value("string"), "label": label, "topic": topic})
    rows = {"text": ["a", "b"], "label": [0, 1], "topic": [1, None]}
    datasets.Dataset.from_dict(rows, features=features).save_to_disk(tmp_path / "in")
    table = read_table(tmp_path / "in")
    target = tmp_path / f"out{suffix}"
    write_table(with_synthetic(table, ["c"], ["spam"]), target, features=table.features)
    back = read_table(target)
    assert back.labels.tolist() == ["ham", "spam"]
    topics = back.frame["topic"].tolist()
    assert topics[0] == "war"
    assert pd.isna(topics[1]) or topics[1] == ""


def test_classes_of_a_parquet_file_that_datasets_wrote_come_out_by_name_and_go_back_as_numbers(tmp_path):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["ham", "spam"])}
    )
    datasets.Dataset.from_dict({"text": ["a", "b"], "label": [0, 1]}, features=features).to_parquet(
        tmp_path / "a.parquet"
    )
    table = read_table(tmp_path / "a.parquet")
    assert table.labels.tolist() == ["ham", "spam"]
    frame = with_synthetic(table, ["c"], ["spam"])
    write_table(frame, tmp_path / "b.csv", features=table.features)
    assert (tmp_path / "b.csv").read_text().splitlines()[1:] == ["a,ham,False", "b,spam,False", "c,spam,True"]
    write_table(frame, tmp_path / "b.parquet", features=table.features)
    back = datasets.Dataset.from_parquet(str(tmp_path / "b.parquet"), cache_dir=str(tmp_path / "cache"))
    assert back.features["label"] == features["label"]
    assert back["label"][:] == [0, 1, 1]
    write_table(frame, tmp_path / "b", features=table.features)
    assert datasets.load_from_disk(tmp_path / "b")["label"][:] == ["ham", "spam", "spam"]
    assert read_table(tmp_path / "b").labels.tolist() == ["ham", "spam"]
