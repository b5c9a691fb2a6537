from __future__ import annotations

from pathlib import Path

import huggingface_hub
import pytest

from smotext.cli import entry
from smotext.data.remote_tables import RemoteTable, find_remote, local_table, short_name, table_name
from smotext.errors import InputError, MissingFileError

ROWS = {"text": ["one parcel", "two parcels", "a card", "my card"], "label": ["late", "late", "card", "card"]}


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub with one file, and one data set of two splits; what was asked of it."""
    asked = []

    def download(repo, file, *, repo_type, revision):
        asked.append((repo, file, repo_type, revision))
        path = tmp_path / "cache" / Path(file).name
        path.parent.mkdir(exist_ok=True)
        path.write_text("text,label\none parcel,late\ntwo parcels,late\na card,card\n")
        return str(path)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    monkeypatch.setattr(huggingface_hub, "cached_assets_path", lambda *names: tmp_path.joinpath("assets", *names))
    datasets = pytest.importorskip("datasets")

    def load(repo, config):
        asked.append((repo, config))
        table = datasets.Dataset.from_dict(ROWS)
        return datasets.DatasetDict({"train": table, "test": table.select(range(2))})

    monkeypatch.setattr(datasets, "load_dataset", load)
    monkeypatch.chdir(tmp_path)
    return asked


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("acme/mail", RemoteTable("acme/mail")),
        ("acme/mail:main:test", RemoteTable("acme/mail", config="main", split="test")),
        ("hf://datasets/acme/mail", RemoteTable("acme/mail")),
        ("hf:/datasets/acme/mail/a/b.parquet", RemoteTable("acme/mail", "a/b.parquet")),
        ("acme/mail.csv", None),
        ("acme/mail.jsonl.gz", None),
        ("mail", None),
        ("a/b/c", None),
        ("/acme/mail", None),
    ],
)
def test_names_of_the_hub_are_told_from_files(name, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_remote(Path(name)) == expected


def test_what_lies_here_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "acme").mkdir()
    assert find_remote("acme/mail") is None
    assert find_remote("hf://datasets/acme/mail") == RemoteTable("acme/mail")


@pytest.mark.parametrize("name", ["hf://models/acme/mail", "hf://datasets/mail", "hf://acme/mail"])
def test_an_address_of_something_else_is_refused(name):
    with pytest.raises(InputError, match="expected hf://datasets/owner/name"):
        find_remote(name)


def test_a_file_of_the_hub_is_augmented_like_any_other(hub, tmp_path):
    name = "hf://datasets/acme/mail@v1/data/all.csv"
    command = ["augment", name, "-o", "out.csv", "--model", "echo", "--k-neighbors", "1", "--report", "page.html"]
    assert entry.run(command) == 0
    assert ("acme/mail", "data/all.csv", "dataset", "v1") in hub
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 5
    assert f"smotext augment {name}" in (tmp_path / "page.html").read_text()


def test_a_split_is_fetched_once_and_read_as_a_dataset(hub, tmp_path):
    first = local_table(Path("acme/mail:test"))
    assert local_table(Path("acme/mail:test")) == first
    assert (
        entry.run(["augment", "acme/mail", "-o", "out.jsonl", "--model", "echo", "-n", "2", "--k-neighbors", "1"]) == 0
    )
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 6
    with pytest.raises(InputError, match="no split 'dev': choose one, for example acme/mail:train"):
        local_table(Path("acme/mail:dev"))


def test_a_data_set_that_cannot_be_had_is_told(monkeypatch, hub):
    def refuse(*_, **__):
        raise ConnectionError("no network\nand more")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", refuse)
    with pytest.raises(
        MissingFileError, match=r"'acme/mail' is neither a file here .* \(ConnectionError: no network\)"
    ):
        local_table(Path("hf://datasets/acme/mail/x.csv"))


def test_names_for_commands_and_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert table_name(Path("hf://datasets/acme/mail/x.csv")) == "hf://datasets/acme/mail/x.csv"
    assert (short_name(Path("hf://datasets/acme/mail/a/x.csv")), short_name(Path("acme/mail"))) == ("x.csv", "mail")
    assert table_name(Path("sub/mail.csv")) == "mail.csv"
