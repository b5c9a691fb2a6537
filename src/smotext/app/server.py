"""The server of the page: on this machine alone unless told otherwise, with a folder that goes when it ends."""

from __future__ import annotations

import contextlib
import errno
import importlib.resources
import os
import secrets
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smotext.app.forms import Form
from smotext.app.sheets import Sheet
from smotext.app.workspaces import Visitors
from smotext.errors import InputError, SmotextError, missing_extra
from smotext.reporting.page import plotly_source, template_source

# Gradio's own, which people know.
FIRST_PORT = 7860
# So many ports are tried, one after the other, where none was asked for.
_PORTS = 20
# In MB.
MOST_UPLOADED = 200
# So long are connections given to end.
_ENDING_S = 2

# Gradio, the hub's library and transformers would each tell their makers that they are used; FastAPI tells whomever the
# environment names.
_SILENT = {
    "GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_EXPERIMENTAL_WARNING": "1",
    "DO_NOT_TRACK": "1", "DISABLE_TELEMETRY": "1", "GRADIO_SHARE": "False",
    "OTEL_SDK_DISABLED": "true",
}  # fmt: skip
_SCRIPTS: dict[str, Callable[[], str]] = {
    "plotly.js": plotly_source,
    "drawing.js": lambda: template_source("drawing.js"),
    "app.js": lambda: _static("app.js"),
}
_STYLES: dict[str, Callable[[], str]] = {
    "app.css": lambda: template_source("colours.css") + _static("app.css"),
}
_HEAD = (
    b'<link rel="stylesheet" href="smotext/app.css">'
    b'<script defer src="smotext/plotly.js"></script><script defer src="smotext/drawing.js"></script>'
    b'<script defer src="smotext/app.js"></script>'
)


@dataclass(frozen=True)
class Served:
    """A server that is ready to be run.

    Attributes
    ----------
    server : uvicorn.Server
    visitors : Visitors
    listening : socket
    password : str or None
    """

    server: Any
    visitors: Visitors
    listening: socket.socket
    password: str | None

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.listening.getsockname()[1])


def check_gradio() -> None:
    """Raise MissingExtraError where Gradio is not installed; has it tell nobody that it is used."""
    os.environ.update(_SILENT)
    try:
        import gradio  # noqa: F401
    except ImportError as error:
        raise missing_extra("gradio", "app", "smotext app") from error


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """Give a folder that only its owner can read, for uploads and vectors; it is deleted at the end."""
    folder = Path(tempfile.mkdtemp(prefix="smotext-app-"))
    names = ("GRADIO_TEMP_DIR", "SMOTEXT_CACHE")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update({"GRADIO_TEMP_DIR": str(folder / "uploads"), "SMOTEXT_CACHE": str(folder / "cache")})
    for part in ("uploads", "cache"):
        (folder / part).mkdir(mode=0o700)
    try:
        yield folder
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        shutil.rmtree(folder, ignore_errors=True)


def listen(port: int | None, *, is_shared: bool = False) -> socket.socket:
    """Return a socket that listens: on `port`, or on the first that is free.

    Raises
    ------
    InputError
        If the port is in use, may not be used, or is none.
    """
    if port is not None and not 0 <= port < 1 << 16:
        raise InputError(f"--port is {port}: expected a number from 1 to 65535")
    host = "0.0.0.0" if is_shared else "127.0.0.1"
    for one in range(FIRST_PORT, FIRST_PORT + _PORTS) if port is None else (port,):
        found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((host, one))
            found.listen(128)
            return found
        except OSError as error:
            found.close()
            if error.errno == errno.EADDRINUSE and port is None:
                continue
            if error.errno == errno.EADDRINUSE:
                raise InputError(
                    f"port {one} is in use, perhaps by another smotext app: choose another with --port, or leave it "
                    "out to take one that is free"
                ) from error
            raise InputError(f"port {one} cannot be used: {error.strerror}: choose one from 1024 to 65535") from error
    raise InputError(f"ports {FIRST_PORT} to {FIRST_PORT + _PORTS - 1} are all in use: choose one with --port")


def prepare(
    form: Form,
    *,
    sheet: Sheet | None = None,
    columns: tuple[str, str] | None = None,
    port: int | None = None,
    is_shared: bool = False,
) -> Served:
    """Return the server; within :func:`private_folder`, before Gradio is imported.

    Parameters
    ----------
    form : Form
    sheet : Sheet, optional
        The table that visitors begin with.
    columns : (str, str), optional
        Its columns of texts and classes.
    port : int, optional
        None takes one that is free.
    is_shared : bool
        Serve the network, and ask for a password.
    """
    listening = listen(port, is_shared=is_shared)
    check_gradio()
    visitors = Visitors(form, sheet, columns)
    password = secrets.token_urlsafe(15) if is_shared else None
    app = make_app(visitors, listening.getsockname()[1], is_shared=is_shared, password=password)
    return Served(_make_server(app), visitors, listening, password)


def make_app(visitors: Visitors, port: int, *, is_shared: bool = False, password: str | None = None) -> Any:
    """Return the ASGI application: the page, its scripts, and the files that it offers, behind the guard."""
    import gradio as gr
    from fastapi import FastAPI

    from smotext.app.guard import LOOPBACK, Guard, read_cookie
    from smotext.app.widgets.page import Page
    from smotext.app.widgets.theme import theme

    name = f"smotext-{port}"

    def token_of(request: Any) -> str | None:
        return read_cookie(request.headers.get("cookie") or "", name)

    server = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    _add_files(server, visitors, token_of)
    page = Page(visitors, token_of, is_shared=is_shared)
    mounted = gr.mount_gradio_app(
        server, page.blocks, path="", footer_links=[], run_history=False, ssr_mode=False, pwa=False, mcp_server=False,
        show_error=False, max_file_size=f"{MOST_UPLOADED}mb", theme=theme(), i18n=None,
    )  # fmt: skip
    hosts: frozenset[str] = frozenset() if is_shared else LOOPBACK
    return Guard(mounted, visitors.welcome, name, hosts=hosts, password=password, extra_head=_HEAD)


def run(served: Served) -> None:
    """Serve until Ctrl-C or SIGTERM, which come out as KeyboardInterrupt and SystemExit."""

    def end(*_: Any) -> None:
        raise SystemExit(128 + signal.SIGTERM)

    # Outside of the main thread, as in tests, nobody may set a handler.
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGTERM, end)
    try:
        served.server.run(sockets=[served.listening])
    finally:
        served.visitors.stop()
        served.listening.close()


def _make_server(app: Any) -> Any:
    import uvicorn

    config = uvicorn.Config(
        app, log_level="critical", timeout_graceful_shutdown=_ENDING_S, server_header=False, ws="none", access_log=False
    )
    return uvicorn.Server(config)


def address_on_network() -> str:
    """Return the address by which others on the network reach this machine, as far as it is known."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        # An address that documentation may use: a datagram socket sends nothing when it connects.
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])
    return socket.gethostname()


def _add_files(server: Any, visitors: Visitors, token_of: Callable[[Any], str | None]) -> None:
    """Give the server our own scripts and styles, and the files that a visitor may take away."""
    from fastapi import Request, Response

    def send(name: str) -> Response:
        for files, kind in ((_SCRIPTS, "text/javascript"), (_STYLES, "text/css")):
            if name in files:
                return Response(
                    files[name](), media_type=f"{kind}; charset=utf-8", headers={"cache-control": "no-cache"}
                )
        return Response("there is no such file\n", 404, media_type="text/plain")

    def download(which: str, kind: str, request: Request) -> Response:
        from smotext.app.review import MEDIA_TYPES, as_bytes, as_table

        if which not in ("new", "all") or kind not in MEDIA_TYPES:
            return Response("there is no such file\n", 404, media_type="text/plain")
        try:
            workspace = visitors.of(token_of(request))
            if workspace.data is None or not workspace.review.counts()["kept"]:
                raise InputError("no text is kept: have some written in step 3, and keep them in step 4")
            content = as_bytes(as_table(workspace.review, workspace.data, only_new=which == "new"), kind)
        except SmotextError as error:
            return Response(f"{error}\n", 409, media_type="text/plain; charset=utf-8")
        stem = workspace.data.sheet.name.partition(".")[0]
        safe = "".join(one if one.isascii() and (one.isalnum() or one in "-_ ") else "_" for one in stem) or "texts"
        name = f"{safe}.{'synthetic' if which == 'new' else 'with-synthetic'}.{kind}"
        headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
        return Response(content, media_type=MEDIA_TYPES[kind], headers=headers)

    # The types of a function within a function are not found by their names.
    download.__annotations__ = {"which": str, "kind": str, "request": Request}
    send.__annotations__ = {"name": str}
    server.get("/smotext/{name}", response_model=None)(send)
    server.get("/download/{which}.{kind}", response_model=None)(download)
    server.get("/manifest.json", response_model=None)(lambda: {"name": "SMOTExT", "display": "browser"})


def _static(name: str) -> str:
    return (importlib.resources.files("smotext.app") / "static" / name).read_text(encoding="utf-8")
