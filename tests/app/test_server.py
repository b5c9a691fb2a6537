from __future__ import annotations

import base64
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from smotext.app.guard import policy_of
from smotext.app.server import listen, private_folder
from smotext.app.sheets import open_sheet
from smotext.app.workspaces import Visitors
from smotext.cli import entry
from smotext.errors import InputError
from tests.app.doubles import make_form, write_table

pytest.importorskip("gradio", reason="needs the extra app: pip install 'smotext[app]'")
from starlette.testclient import TestClient  # comes with Gradio

HERE = "http://127.0.0.1:7000"


def client_of(visitors: Visitors, **options) -> TestClient:
    from smotext.app.server import make_app

    return TestClient(make_app(visitors, 7000, **options), base_url=HERE)


@pytest.fixture
def visitors(tmp_path):
    return Visitors(make_form(), open_sheet(write_table(tmp_path)), ("text", "label"))


@pytest.fixture
def client(visitors, monkeypatch, tmp_path):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    return client_of(visitors)


def test_the_page_and_what_it_loads_name_no_other_host(client):
    page = client.get("/")
    assert page.status_code == 200
    addresses = re.findall(r"""(?:src|href|content|action)=["'](?:https?:)?//[^"']*""", page.text)
    assert addresses == []
    files = re.findall(r"""(?:src|href)=["'](\.?/?[^"'#:]+\.(?:js|css|json))["']""", page.text)
    assert {"smotext/app.css", "smotext/plotly.js", "smotext/drawing.js", "smotext/app.js"} <= set(files)
    for file in files:
        loaded = client.get(f"/{file.removeprefix('./').removeprefix('/')}")
        assert loaded.status_code == 200, file
        if file.endswith(".css"):
            assert not re.findall(r"url\(\s*[\"']?(?:https?:)?//|@import", loaded.text)


def test_styles_of_every_field_load_nothing_from_elsewhere():
    import gradio

    for file in (Path(gradio.__file__).parent / "templates" / "frontend" / "assets").glob("*.css"):
        assert not re.findall(r"url\(\s*[\"']?(?:https?:)?//|@import", file.read_text(encoding="utf-8")), file.name


def test_the_browser_may_load_from_this_server_alone(client):
    policy = client.get("/").headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy
    assert "script-src 'self' 'unsafe-eval' 'sha256-" in policy
    assert policy_of(b"<script>a()</script>") != policy_of(b"<script>b()</script>")


def test_only_the_machines_own_names_are_answered_and_no_other_site_may_ask(client):
    assert client.get("/", headers={"host": "evil.example:7000"}).status_code == 421
    assert client.get("/", headers={"host": "localhost:7000"}).status_code == 200
    assert client.post("/gradio_api/queue/join", headers={"origin": "http://evil.example"}, json={}).status_code == 403
    assert client.post("/gradio_api/queue/join", headers={"origin": HERE}, json={}).status_code != 403


def test_on_the_network_nothing_is_given_without_the_password(visitors):
    client = client_of(visitors, is_shared=True, password="right")
    for path in ("/", "/config", "/gradio_api/info", "/smotext/app.js", "/download/new.csv"):
        refused = client.get(path, headers={"host": "box.lan"})
        assert (refused.status_code, "Basic" in refused.headers["www-authenticate"]) == (401, True), path
    for word, status in (("wrong", 401), ("right", 200)):
        given = base64.b64encode(f"anybody:{word}".encode()).decode()
        assert client.get("/", headers={"host": "box.lan", "authorization": f"Basic {given}"}).status_code == status
    assert client.get("/", headers={"authorization": b"Basic \xe9"}).status_code == 401


def test_a_visitor_takes_its_own_texts_away(client, visitors):
    assert client.get("/download/new.csv").status_code == 409  # nobody yet
    cookie = client.get("/").headers["set-cookie"]
    assert "HttpOnly; SameSite=Strict" in cookie
    assert client.get("/download/new.csv").status_code == 409
    assert "no text is kept" in client.get("/download/new.csv").text
    workspace = visitors.of(re.search(r"=([^;]+)", cookie)[1])
    assert workspace.begin("card", 3, {}).wait(60)
    workspace.collect()
    got = client.get("/download/new.csv")
    assert got.headers["content-disposition"] == 'attachment; filename="mail.synthetic.csv"'
    assert len(got.text.splitlines()) == 4
    assert client.get("/download/all.parquet").content[:4] == b"PAR1"
    for path in ("/download/new.xlsx", "/download/old.csv", "/smotext/../server.py", "/smotext/x.js"):
        assert client.get(path).status_code == 404


def test_a_port_in_use_is_told_and_another_taken_where_none_was_asked_for():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port} is in use.*choose another with --port"):
            listen(port)
    with listen(None) as first, listen(None) as second:
        assert first.getsockname()[1] != second.getsockname()[1]
        assert first.getsockname()[0] == "127.0.0.1"
    with pytest.raises(InputError, match="expected a number from 1 to 65535"):
        listen(70_000)


def test_uploads_lie_in_a_folder_of_the_owners_that_goes(monkeypatch):
    monkeypatch.setenv("SMOTEXT_CACHE", "before")
    with private_folder() as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert Path(os.environ["GRADIO_TEMP_DIR"]).parent == Path(os.environ["SMOTEXT_CACHE"]).parent == folder
        (folder / "uploads" / "mail.csv").write_text("secret")
    assert not folder.exists()
    assert os.environ["SMOTEXT_CACHE"] == "before"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["none.csv"], "none.csv does not exist"),
        (["mail.csv", "--model", "tinny"], "did you mean 'tiny'"),
        (["mail.csv", "--text-column", "bdy"], "has no column 'bdy'"),
        (["mail.csv", "--port", "70000"], "--port is 70000: expected a number from 1 to 65535"),
    ],
)
def test_what_is_wrong_with_the_command_is_told_before_anything_is_served(
    arguments, told, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("smotext.app.server.run", lambda served: pytest.fail("it is served"))
    write_table(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert entry.run(["app", *arguments]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_it_and_leaves_nothing_behind(tmp_path, ending):
    table = write_table(tmp_path)
    (tmp_path / "tmp").mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp"), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "smotext", "app", str(table), "--model", "echo"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as program:
        line = program.stderr.readline()
        assert "smotext app is at http://127.0.0.1:" in line
        assert [path.name[:12] for path in (tmp_path / "tmp").glob("smotext-app-*")] == ["smotext-app-"]
        time.sleep(0.5)
        program.send_signal(ending)
        rest = program.communicate(timeout=60)[1]
    assert program.returncode == (130 if ending == signal.SIGINT else 143)
    assert "Traceback" not in rest
    assert not [*(tmp_path / "tmp").glob("smotext-app-*")]
    assert ("what was uploaded is deleted" in rest) == (ending == signal.SIGINT)


def test_nobody_is_told_that_the_page_is_used(tmp_path, visitors, monkeypatch):
    reached = []
    connect = socket.socket.connect
    monkeypatch.setattr(
        socket.socket, "connect", lambda self, address: (reached.append(address), connect(self, address))[1]
    )
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *_, **__: pytest.fail(f"looked up {host}"))
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    assert client_of(visitors).get("/").status_code == 200
    time.sleep(1)  # for threads that would ask for versions
    assert [
        address for address in reached if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1")
    ] == []
