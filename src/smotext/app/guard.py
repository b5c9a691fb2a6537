"""What stands before every answer of the server: who may ask, and what the browser is allowed to do with it."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from smotext.errors import SmotextError

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
# These tags speak to other sites alone.
_METADATA = re.compile(rb'<meta\s+(?:property|name)="(?:og|twitter):[^>]*>\s*')
_SCRIPT = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


@dataclass
class Guard:
    """An ASGI application around another one.

    Attributes
    ----------
    app : ASGI application
    welcome : callable
        ``welcome(token)`` returns the token that a visitor's browser keeps.
    cookie : str
        Its name; browsers share cookies between the ports of a machine.
    hosts : frozenset of str
        Names by which the server may be called; empty: any. Otherwise another site could have its own name point here
        and read what is on the page.
    password : str or None
        Asked of everybody, with any user name.
    extra_head : bytes
        Put at the end of the page's head.
    """

    app: Any
    welcome: Callable[[str | None], str]
    cookie: str
    hosts: frozenset[str] = LOOPBACK
    password: str | None = None
    extra_head: bytes = b""
    _pages: frozenset[str] = field(default=frozenset({"/", ""}))

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            # The page uses no web sockets.
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if refusal := self._refusal(scope, headers):
            await _answer(send, *refusal)
        elif scope["path"] in self._pages and scope["method"] == "GET":
            await self._page(scope, receive, send, headers)
        else:
            await self.app(scope, receive, _with_headers(send, _HEADERS))

    def token_of(self, headers: Any) -> str | None:
        """Return the token that a request brings along."""
        return read_cookie(headers.get("cookie") or "", self.cookie)

    def _refusal(self, scope: dict[str, Any], headers: dict[str, str]) -> tuple[int, str, list[Any]] | None:
        """Return status, message and headers of a refusal; None for a request that is served."""
        host = headers.get("host", "")
        name = host.rpartition(":")[0] if re.search(r":\d+$", host) else host
        if self.hosts and name.lower() not in self.hosts:
            return 421, f"this page is served to {', '.join(sorted(self.hosts))} alone", []
        if self.password is not None and not self._knows_password(headers.get("authorization", "")):
            ask = [(b"www-authenticate", b'Basic realm="SMOTExT: the password stands where it was started"')]
            return 401, "the password stands in the terminal where smotext app was started", ask
        origin = headers.get("origin")
        if origin and scope["method"] not in ("GET", "HEAD") and urlsplit(origin).netloc.lower() != host.lower():
            return 403, "a page of another site may not ask for this", []
        return None

    def _knows_password(self, authorization: str) -> bool:
        kind, _, word = authorization.partition(" ")
        try:
            given = base64.b64decode(word, validate=True).decode().partition(":")[2]
        except ValueError:
            # Neither base64 nor UTF-8.
            return False
        return kind.lower() == "basic" and secrets.compare_digest(given.encode(), str(self.password).encode())

    async def _page(self, scope: dict[str, Any], receive: Any, send: Any, headers: dict[str, str]) -> None:
        """Answer with the page: without what speaks to other sites, with our own head and what it may load."""
        try:
            token = self.welcome(self.token_of(headers))
        except SmotextError as error:
            await _answer(send, 503, str(error), [])
            return
        plain = [(name, value) for name, value in scope["headers"] if name.lower() != b"accept-encoding"]
        start, body = await _collected(self.app, {**scope, "headers": plain}, receive)
        is_page = any(name == b"content-type" and b"text/html" in value for name, value in start["headers"])
        if is_page:
            body = _METADATA.sub(b"", body).replace(b"</head>", self.extra_head + b"</head>", 1)
        kept = [(name, value) for name, value in start["headers"] if name != b"content-length"]
        cookie = f"{self.cookie}={token}; Path=/; HttpOnly; SameSite=Strict".encode()
        own = [
            *_HEADERS, (b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store"),
            (b"content-security-policy", policy_of(body)), (b"set-cookie", cookie),
        ]  # fmt: skip
        await send({**start, "headers": [*kept, *own]})
        await send({"type": "http.response.body", "body": body})


def policy_of(page: bytes) -> bytes:
    """Return what the browser may load and run: this server's files, and the scripts that the page itself holds.

    Gradio compiles the templates of its HTML fields, which asks for ``unsafe-eval``. What texts could bring along,
    handlers such as ``onerror`` and scripts of their own, stays forbidden.

    Examples
    --------
    >>> b"script-src 'self' 'unsafe-eval' 'sha256-" in policy_of(b"<script>one()</script>")
    True
    """
    hashes = [base64.b64encode(hashlib.sha256(script).digest()) for script in _SCRIPT.findall(page)]
    scripts = b" ".join([b"'self'", b"'unsafe-eval'", *(b"'sha256-" + one + b"'" for one in hashes)])
    return (
        b"default-src 'self'; script-src "
        + scripts
        + b"; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        b"font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; "
        b"frame-ancestors 'none'"
    )


def read_cookie(content: str, name: str) -> str | None:
    """Return the value of a cookie in a ``Cookie`` header, or None.

    Examples
    --------
    >>> read_cookie("a=1; smotext-7860=token", "smotext-7860"), read_cookie("a=1", "b")
    ('token', None)
    """
    try:
        found = SimpleCookie(content).get(name)
    except CookieError:
        return None
    return None if found is None else found.value


async def _collected(app: Any, scope: dict[str, Any], receive: Any) -> tuple[dict[str, Any], bytes]:
    """Return the head and the whole body of an answer."""
    start: dict[str, Any] = {}
    body = bytearray()

    async def take(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        elif message["type"] == "http.response.body":
            body.extend(message.get("body", b""))

    await app(scope, receive, take)
    return start, bytes(body)


def _with_headers(send: Any, own: Any) -> Any:
    async def forward(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *own]}
        await send(message)

    return forward


async def _answer(send: Any, status: int, message: str, headers: list[Any]) -> None:
    body = f"{message}\n".encode()
    own = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode()), *_HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": [*own, *headers]})
    await send({"type": "http.response.body", "body": body})
