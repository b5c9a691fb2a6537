from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import huggingface_hub
import pandas as pd
import pytest
import yaml
from huggingface_hub.utils import filter_repo_objects

from smotext.cli import entry
from smotext.errors import InputError, RunError
from smotext.presets import bundled_bridge
from smotext.publishing import bridge_card, data_card, push_to_hub
from smotext.publishing.pushing import check_repo
from tests.reporting.pages import HOSTILE, tables

REAL = ["one parcel is late", "two parcels are late", "my card is gone", "the card was lost"]


class FakeApi:
    """Keeps what would have gone to the hub."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.repos: list[dict[str, Any]] = []
        self.files: dict[str, Any] = {}

    def create_repo(self, repo_id: str, **options: Any) -> None:
        if self.error:
            raise self.error
        self.repos.append({"repo_id": repo_id, **options})

    def upload_file(self, *, path_or_fileobj: Any, path_in_repo: str, repo_id: str, repo_type: str) -> None:
        self.files[path_in_repo] = path_or_fileobj

    def upload_folder(
        self, *, folder_path: Path, repo_id: str, repo_type: str, allow_patterns: list[str], ignore_patterns: list[str]
    ) -> None:
        files = [str(path.relative_to(folder_path)) for path in Path(folder_path).rglob("*") if path.is_file()]
        chosen = filter_repo_objects(files, allow_patterns=allow_patterns, ignore_patterns=ignore_patterns)
        self.files |= {name: Path(folder_path) / name for name in chosen}


@pytest.fixture
def hub(monkeypatch):
    api = FakeApi()
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: api)
    return api


@pytest.fixture
def output(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pd.DataFrame({"body": REAL, "kind": ["late"] * 2 + ["card"] * 2, "id": range(4)}).to_csv("in.csv", index=False)
    columns = ["--text-column", "body", "--label-column", "kind"]
    command = [
        "augment",
        "in.csv",
        "-o",
        "out.csv",
        *columns,
        "--model",
        "echo",
        "--k-neighbors",
        "1",
        "--per-class",
        "3",
    ]
    assert entry.run(command) == 0
    return tmp_path / "out.csv"


@pytest.fixture
def bridge(tmp_path):
    """The bundled bridge's small files."""
    folder = tmp_path / "bridge"
    folder.mkdir()
    for name in ("config.json", "smotext.json", "README.md"):
        (folder / name).write_bytes((bundled_bridge() / name).read_bytes())
    (folder / "projector.safetensors").write_bytes(b"")
    (folder / "notes.private.csv").write_text("not for the hub")
    (folder / "scores").mkdir()
    (folder / "scores" / "held-out.json").write_text("not for the hub")
    return folder


def head_of(card: str) -> dict[str, Any]:
    return yaml.safe_load(card.split("---")[1])


def test_synthetic_rows_alone_are_pushed_and_the_repository_is_private(output, hub):
    assert entry.run(["push", "out.csv", "me/mail", "--license", "cc0-1.0", "--language", "en"]) == 0
    assert hub.repos == [{"repo_id": "me/mail", "repo_type": "dataset", "private": True, "exist_ok": True}]
    assert set(hub.files) == {"README.md", "data/train-00000-of-00001.parquet"}
    rows = pd.read_parquet(io.BytesIO(hub.files["data/train-00000-of-00001.parquet"]))
    assert rows.columns.tolist() == ["body", "kind", "is_synthetic"]
    assert len(rows) == 6
    assert not set(rows["body"]) & set(REAL)
    card = hub.files["README.md"].decode()
    assert head_of(card)["license"] == "cc0-1.0"
    assert head_of(card)["task_categories"] == ["text-classification"]
    assert card == Path("out.csv.card.md").read_text()
    for told in ("* **model**: echo", "smotext augment in.csv -o out.csv --text-column body", "| card | 2 | 3 |",
                 "without the real rows", "No audit was made", "Nobody has measured it yet"):  # fmt: skip
        assert told in card, told
    assert not any(text in card for text in REAL)


def test_real_rows_go_along_where_that_is_asked_for(output, hub):
    assert entry.run(["push", "out.csv", "me/mail", "--with-real", "--public"]) == 0
    rows = pd.read_parquet(io.BytesIO(hub.files["data/train-00000-of-00001.parquet"]))
    assert rows["body"].tolist()[:4] == REAL
    assert rows["is_synthetic"].tolist() == [False] * 4 + [True] * 6
    assert hub.repos[0]["private"] is False
    assert "beside the real rows" in hub.files["README.md"].decode()


def test_evaluation_and_audit_stand_in_the_card(output, hub, tmp_path):
    verdict = {"setting": "all", "model": "TF-IDF", "word": "hurts", "gain": {"mean": -2, "low": -3, "high": -1}}
    report = {"rows": [], "verdicts": [verdict], "sentences": ["It hurts."], "closeness": [], "design": ""}
    (tmp_path / "report.json").write_text(json.dumps(report))
    (tmp_path / "audit.json").write_text(json.dumps({"verdicts": ["The texts leak."], "copied": [{"quote": REAL[0]}]}))
    assert entry.run(["push", "out.csv", "me/mail", "--evaluation", "report.json", "--audit", "audit.json"]) == 0
    card = hub.files["README.md"].decode()
    assert "texts hurts TF-IDF (-2.0 points" in card
    assert "* The texts leak." in card
    assert "An audit is below." in card
    assert REAL[0] not in card


def test_offline_the_same_card_is_written_beside_the_file(output, hub, capsys):
    hub.error = ConnectionError("offline mode is enabled")
    assert entry.run(["push", "out.csv", "me/mail"]) == 1
    told = capsys.readouterr().err
    assert "the hub did not take me/mail (ConnectionError: offline mode is enabled): log in" in told
    pushed = Path("out.csv.card.md").read_text()
    Path("out.csv.card.md").unlink()
    assert entry.run(["push", "out.csv", "--card-only"]) == 0
    assert Path("out.csv.card.md").read_text() == pushed


def test_a_bridge_goes_with_its_card_and_without_other_files(bridge, hub):
    assert entry.run(["push", str(bridge), "me/bridge", "--language", "en"]) == 0
    assert hub.repos[0]["repo_type"] == "model"
    assert "notes.private.csv" not in hub.files
    assert not [name for name in hub.files if "held-out" in name]
    assert {"config.json", "smotext.json", "README.md", "projector.safetensors"} <= set(hub.files)
    card = (bridge / "README.md").read_text()
    head = head_of(card)
    assert head["library_name"] == "smotext"
    assert "sentence-transformers/all-MiniLM-L6-v2" in head["base_model"]
    assert "# The bundled bridge" in card
    again = str(bridge_card(bridge, language="en"))
    assert again == card  # a card that has a head already keeps it


def test_a_bridge_without_a_card_gets_one(bridge):
    (bridge / "README.md").unlink()
    assert "# bridge" in str(bridge_card(bridge))


def test_what_a_class_is_called_is_no_markup():
    card = str(data_card(tables(["a", "b"], ["x | y", HOSTILE], real=["r", "s"], real_labels=["x | y", "x | y"])))
    assert "<script>" not in card
    assert "<img" not in card
    assert "| x \\| y | 2 | 1 |" in card


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["out.csv"], "no repository is named"),
        (["out.csv", "me"], "expected owner/name"),
        (["out.csv", "me/a b"], "is no name of a repository"),
        (["in.csv", "me/mail"], "a report is made from the lineage"),
        (["out.csv", "me/mail", "--audit", "none.json"], "none.json does not exist"),
        (["out.csv", "me/mail", "--audit", "in.csv"], "is not JSON"),
        (["out.csv", "me/mail", "--evaluation", "none.json"], "none.json does not exist"),
        (["bridge", "me/mail", "--with-real"], "which has no rows"),
    ],
)
def test_bad_input_is_told_before_anything_is_pushed(output, bridge, hub, arguments, told, capsys):
    assert entry.run(["push", *arguments]) == 2
    assert told in capsys.readouterr().err
    assert hub.repos == []


def test_in_python_errors_are_the_projects_own(output, tmp_path):
    card = data_card(tables(["a"], ["x"]))
    with pytest.raises(RunError, match="try again; the card is at"):
        push_to_hub(output, "me/mail", card, frame=pd.DataFrame({"a": [1]}), api=FakeApi(OSError("full")))
    with pytest.raises(InputError, match="no bridge"):
        bridge_card(tmp_path)
    check_repo("me/mail")
