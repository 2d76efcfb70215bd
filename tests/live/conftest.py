"""The live role on a real port of this machine, in this process, on the test's own database."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import uvicorn


class Server:
    """uvicorn in a thread. Its loop is its own; rows it writes are committed."""

    def __init__(self, app: Any, port: int = 0) -> None:
        self.app = app
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", port))
        self.port = self.socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            log_level="warning",
            lifespan="off",
            ws="websockets-sansio",
            timeout_graceful_shutdown=1,
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(
            target=lambda: asyncio.run(self.server.serve(sockets=[self.socket])), daemon=True
        )

    def __enter__(self) -> Server:
        self.thread.start()
        while not self.server.started:
            threading.Event().wait(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(timeout=10)
        self.socket.close()


def forget_visits() -> None:
    """What this process remembers of places and of whoever wrote lately."""
    from bots.live import chat_http, visit
    from bots.services import places

    places._kept.clear()
    meters = (visit.per_visitor, visit.per_address, chat_http._sessions, chat_http._uploads)
    for meter in meters:
        meter._left.clear()


@pytest.fixture
def live(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    from bots.live import application

    forget_visits()
    with Server(application) as server:
        yield server


@dataclass
class Browser:
    """What a page does over plain HTTP, without the widget."""

    port: int
    host: str
    key: str
    token: str = ""
    after: int = 0

    def __post_init__(self) -> None:
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}/live/chat/{self.key}/",
            headers={"host": f"{self.host}:{self.port}"},
            timeout=40,
        )
        self.token = self.token or self.http.post("session/").json().get("token", "")

    def exchange(self, *frames: dict[str, Any], **body: Any) -> list[dict[str, Any]]:
        answer = self.http.post(
            "",
            content=json.dumps(
                {"token": self.token, "after": self.after, "frames": frames, **body}
            ),
        )
        assert answer.status_code == 200, answer.text
        events = answer.json()["events"]
        for event in events:
            if event["t"] == "messages":
                self.after = event["cursor"]
        return events

    def says(self, key: str, text: str, **more: Any) -> list[dict[str, Any]]:
        return self.exchange({"t": "say", "key": key, "text": text, "locale": "ru", **more})


@pytest.fixture
def browser_of(live: Server) -> Any:
    """`browser_of(alpha)`: a fresh visitor of that merchant's chat."""

    def make(shop: Any, **more: Any) -> Browser:
        return Browser(live.port, shop.host, more.pop("key", shop.channel.route_key), **more)

    return make


@pytest.fixture
def work() -> Any:
    """Do everything that is due at a merchant, as workers and the relay would."""

    def run(shop: Any, rounds: int = 20) -> None:
        from tenants.kernel import due, outbox

        for _ in range(rounds):
            waiting = [w for w in due.overdue(grace_s=-0.01) if w[0] == shop.schema]
            if not waiting:
                break
            for schema, kind, object_id in waiting:
                due.take(schema, kind, object_id)
        outbox.relay()

    return run


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the bot answers, in turn; without one it repeats the question."""
    from bots.engine.base import Answer, Decision

    queue: list[Any] = []

    def answer(turn: Any, **more: Any) -> Answer:
        found = queue.pop(0) if queue else f"re: {turn.question}"
        if callable(found):
            found = found(turn, **more)
        if isinstance(found, str):
            found = Answer(found, turn.lang, Decision.ANSWER, provider="test")
        return found

    monkeypatch.setattr("bots.engine.turn.answer_turn", answer)
    return queue
