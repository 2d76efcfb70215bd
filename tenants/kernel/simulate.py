"""Simulators: pretend vendors that speak the real protocol over real HTTP.

A simulator is a small ASGI application with memory. Tests and demos serve it on a loopback port
with `serve_simulator`; `manage.py simulate KIND --port N` serves the same one by hand.

No web framework: a simulator needs routes, a parsed body and streamed answers, and this is all.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import inspect
import json
import re
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qs, parse_qsl

from tenants.kernel import registry

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class AsgiApp(Protocol):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...


class Part(NamedTuple):
    """Of a form with files. `filename` is None for what is no file."""

    name: str
    content: bytes
    filename: str | None
    mime: str


@dataclass(frozen=True)
class Request:
    """What a vendor's server would see. Header names are lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    params: Mapping[str, str] = field(default_factory=dict)
    at: float = 0.0

    def json(self) -> Any:
        return json.loads(self.body or b"null")

    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode()))

    def parts(self) -> list[Part]:
        """Of a multipart body."""
        kind = self.headers.get("content-type", "").encode()
        whole = message_from_bytes(b"Content-Type: " + kind + b"\r\n\r\n" + self.body)
        found = []
        for one in whole.walk():
            content = one.get_payload(decode=True)
            if isinstance(content, bytes):
                name = str(one.get_param("name", header="content-disposition"))
                found.append(Part(name, content, one.get_filename(), one.get_content_type()))
        return found


Chunks = AsyncIterator[bytes] | Iterable[bytes]


@dataclass
class Answer:
    """One HTTP answer. `body` may be bytes, or an iterator of chunks sent as they come.

    `cut` breaks the connection after the chunks instead of ending the answer properly.
    """

    status: int = 200
    body: bytes | Chunks = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False

    @classmethod
    def json(
        cls, value: Any, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Answer:
        body = json.dumps(value, ensure_ascii=False).encode()
        return cls(status, body, {"content-type": "application/json", **(headers or {})})


Handler = Callable[[Request], Answer | Awaitable[Answer]]


class Broken(Exception):
    """Raised inside a simulator to break the connection; the server drops the socket."""


class Simulator:
    """Routes, a record of requests, and answers that a test can put in front.

    `calls` keeps every request in order. `next_answers` is a queue: each waiting entry answers
    one request instead of the route (None in it means "answer normally this time"), so a test
    says `sim.answer_next(Answer(status=503), None, Answer.json(...))`.
    """

    def __init__(self) -> None:
        self.calls: list[Request] = []
        self.latency_s = 0.0
        self._next: list[Answer | Handler | None] = []
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []
        self._lock = threading.Lock()

    def route(self, method: str, path: str, handler: Handler) -> None:
        """`path` may hold `{name}` parts; they arrive as `request.params`."""
        pattern = re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path)) + "$")
        self._routes.append((method, pattern, handler))

    def answer_next(self, *answers: Answer | Handler | None) -> None:
        with self._lock:
            self._next.extend(answers)

    def reset(self) -> None:
        with self._lock:
            self.calls.clear()
            self._next.clear()
            self.latency_s = 0.0

    def not_found(self, request: Request) -> Answer:
        return Answer.json({"error": f"no route {request.method} {request.path}"}, 404)

    def is_scripted(self, request: Request) -> bool:
        """Whether a queued answer may replace this request's (log-in endpoints say no)."""
        return True

    async def respond(self, request: Request) -> Answer:
        handler: Handler = self.not_found
        for method, pattern, candidate in self._routes:
            found = pattern.match(request.path)
            if found and method == request.method:
                request = Request(**{**request.__dict__, "params": found.groupdict()})
                handler = candidate
                break
        with self._lock:
            self.calls.append(request)
            scripted = self._next.pop(0) if self._next and self.is_scripted(request) else None
        if self.latency_s and self.is_scripted(request):
            await asyncio.sleep(self.latency_s)
        if isinstance(scripted, Answer):
            return scripted
        result = (scripted or handler)(request)
        return await result if inspect.isawaitable(result) else result

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            event = await receive()
            body += event.get("body", b"")
            if not event.get("more_body"):
                break
        query = scope.get("query_string", b"").decode()
        request = Request(
            method=scope["method"],
            path=scope["path"],
            headers={k.decode().lower(): v.decode("latin-1") for k, v in scope["headers"]},
            query={k: v[-1] for k, v in parse_qs(query, keep_blank_values=True).items()},
            body=body,
            at=time.monotonic(),
        )
        answer = await self.respond(request)
        headers = [(k.lower().encode(), v.encode("latin-1")) for k, v in answer.headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        if isinstance(answer.body, bytes):
            await send({"type": "http.response.body", "body": answer.body})
            return
        async for chunk in _as_async(answer.body):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        if answer.cut:
            raise Broken
        await send({"type": "http.response.body", "body": b""})


async def _as_async(chunks: Chunks) -> AsyncIterator[bytes]:
    if isinstance(chunks, AsyncIterator):
        async for chunk in chunks:
            yield chunk
    else:
        for chunk in chunks:
            yield chunk


async def slowly(chunks: Iterable[bytes], pause_s: float) -> AsyncIterator[bytes]:
    """Chunks with a pause before each: slow bytes for a stream."""
    for chunk in chunks:
        await asyncio.sleep(pause_s)
        yield chunk


@contextmanager
def serve_simulator(
    app: AsgiApp, *, port: int = 0, certificate: tuple[str, str] | None = None
) -> Iterator[str]:
    """Serve an ASGI application on a loopback port in a thread; yields its base URL.

    The socket is bound before the thread starts, so the address can be dialled at once.
    `certificate`: files of a certificate for 127.0.0.1 and its key, to serve over TLS.
    """
    import uvicorn

    # Named TCP, or asyncio leaves Nagle's delay on and every small piece waits 40 ms.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    config = uvicorn.Config(
        app,
        log_level="critical",
        access_log=False,
        lifespan="off",
        loop="asyncio",
        timeout_graceful_shutdown=1,
        ssl_certfile=certificate and certificate[0],
        ssl_keyfile=certificate and certificate[1],
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [sock]}, name="simulator", daemon=True
    )
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.005)
        scheme = "https" if certificate else "http"
        yield f"{scheme}://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        # Forced: a stream that still drips must not hold up whoever is done with the server.
        server.should_exit = server.force_exit = True
        thread.join(timeout=5)
        sock.close()


def simulators(*packages: str) -> dict[str, Callable[[], Simulator]]:
    """Every plug-in's simulator by the plug-in's key.

    A plug-in names it in its manifest (`simulator`, a dotted path), or simply has a module
    `simulator` with one class below `Simulator`.
    """
    found: dict[str, Callable[[], Simulator]] = {}
    for package in packages:
        for name in registry.folders(package):
            manifest = importlib.import_module(f"{package}.{name}.manifest").MANIFEST
            if dotted := getattr(manifest, "simulator", ""):
                found[name] = registry.load(dotted)
            elif importlib.util.find_spec(f"{package}.{name}.simulator"):
                module = importlib.import_module(f"{package}.{name}.simulator")
                classes = [
                    c
                    for c in vars(module).values()
                    if isinstance(c, type)
                    and issubclass(c, Simulator)
                    and c.__module__ == module.__name__
                ]
                if classes:
                    found[name] = classes[-1]
    return found
