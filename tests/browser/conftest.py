"""The whole product on a port of this machine, its workers in a thread, and Chromium before it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from tests.live.conftest import Server, answers, forget_visits

__all__ = ["answers"]

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Debian's Chromium. Names under .localhost are this machine in Chromium anyway."""
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no Chromium at {CHROMIUM} (apt install chromium, or set CHROMIUM)")
    from playwright.sync_api import sync_playwright

    # Playwright's loop runs in this thread from now on, and Django takes that for async code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--host-resolver-rules=MAP *.localhost 127.0.0.1"],
        )
        yield browser
        browser.close()


@pytest.fixture
def page_of_person(chromium: Any, product: Any) -> Iterator[Any]:
    """`page_of_person(host, path, shop=…, role=…)` → a page with that person's session.

    `troubles` keeps what the browser complained of, by the kinds of message in `heard`.
    """
    contexts = []

    def make(
        host: str,
        path: str,
        *,
        shop: Any = None,
        role: str = "owner",
        heard: tuple[str, ...] = ("error",),
        **more: Any,
    ) -> Any:
        more = {"viewport": {"width": 1440, "height": 900}, "locale": "ru-RU", **more}
        context = chromium.new_context(**more)
        contexts.append(context)
        url = f"http://{host}:{product.port}"
        if shop is not None:
            client = Client(HTTP_HOST=shop.host)
            with shop.inside():
                client.force_login(shop.user(role), backend="tenants.workspace.auth.RoleBackend")
            session = client.cookies["session"].value
            context.add_cookies([{"name": "session", "value": session, "url": url}])
        page = context.new_page()
        page.troubles = []
        page.on("pageerror", lambda error: page.troubles.append(str(error)))
        page.on("console", lambda m: page.troubles.append(m.text) if m.type in heard else None)
        page.goto(f"{url}{path}")
        return page

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def browse(page_of_person: Any) -> Any:
    """`browse(host, path, shop=…, role=…)` → a page of the desk, nothing of it kept from before."""
    cache.clear()
    return page_of_person


@pytest.fixture
def desk_of(page_of_person: Any) -> Any:
    """`desk_of(alpha, "agent")` → a page of the console with that person's session."""

    def make(shop: Any, role: str, **more: Any) -> Any:
        heard = ("error", "warning")
        return page_of_person(shop.host, "/console/", shop=shop, role=role, heard=heard, **more)

    return make


@pytest.fixture(scope="session")
def browser_code() -> None:
    """The browser code, built when there is none newer than its sources."""
    from config import static_build

    built = static_build.SOURCES / "dist" / "widget" / "widget.js"
    sources = [
        path.stat().st_mtime
        for folder in ("widget", "shared", "console")
        for path in (static_build.SOURCES / folder).rglob("*")
    ]
    if not built.exists() or built.stat().st_mtime < max(sources):
        static_build.build_browser_code()


@pytest.fixture
def product(transactional_db: None, browser_code: None) -> Iterator[Server]:
    """Pages, sockets and hooks on one port; what is due is done by a thread."""
    from config.asgi import application

    forget_visits()
    stop = threading.Event()
    worker = threading.Thread(target=_work, args=(stop,), daemon=True)
    worker.start()
    try:
        with Server(application) as server:
            yield server
    finally:
        stop.set()
        worker.join(timeout=10)


def _work(stop: threading.Event) -> None:
    """What workers, scheduler and relay do."""
    from django.db import connection

    from tenants.kernel import due, outbox

    while not stop.wait(0.05):
        try:
            for schema, kind, object_id in due.overdue(grace_s=-0.01):
                due.take(schema, kind, object_id)
            outbox.relay()
        except Exception:
            if not stop.is_set():
                raise
    connection.close()


class _Site(BaseHTTPRequestHandler):
    pages: dict[str, tuple[str, str]] = {}  # path → (policy, html)

    def do_GET(self) -> None:
        policy, html = self.pages.get(self.path.split("?")[0], ("", ""))
        body = html.encode()
        self.send_response(200 if html else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if policy:
            self.send_header("Content-Security-Policy", policy)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """`site(html, policy)` → address of a page on a host that is not ours."""
    pages: dict[str, tuple[str, str]] = {}
    handler = type("Site", (_Site,), {"pages": pages})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def put(html: str, policy: str = "", path: str = "/") -> str:
        pages[path] = (policy, html)
        return f"http://shop.localhost:{server.server_port}{path}"

    yield put
    server.shutdown()
