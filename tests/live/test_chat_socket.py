"""The buyers' chat over websockets: greeting, answers, other pages, what must not be heard."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from bots.engine.base import Answer, Decision

pytestmark = pytest.mark.django_db(transaction=True)


class Page:
    """One open page: its socket and what it has heard."""

    def __init__(self, browser: Any, me: str = "me-1", origin: str | None = None) -> None:
        self.browser, self.me = browser, me
        self.heard: list[dict[str, Any]] = []
        self.socket: ClientConnection = connect(
            f"ws://{browser.host}:{browser.port}/live/chat/{browser.key}/",
            origin=origin,  # type: ignore[arg-type]
            open_timeout=10,
        )

    def hello(self, after: int = 0, **more: Any) -> Page:
        self.tell(t="hello", token=self.browser.token, me=self.me, after=after, **more)
        self.wait(lambda e: e["t"] == "messages")
        return self

    def tell(self, **frame: Any) -> None:
        self.socket.send(json.dumps(frame))

    def wait(self, is_it: Any, timeout: float = 10) -> dict[str, Any]:
        """The next event that fits; what comes before it is kept in `heard`."""
        deadline = time.monotonic() + timeout
        while True:
            event = json.loads(self.socket.recv(timeout=max(0.01, deadline - time.monotonic())))
            self.heard.append(event)
            if is_it(event):
                return event

    def quiet(self, seconds: float = 0.5) -> list[dict[str, Any]]:
        """What comes within a moment."""
        found = []
        try:
            while True:
                found.append(json.loads(self.socket.recv(timeout=seconds)))
        except TimeoutError:
            return found

    def closed(self) -> int:
        try:
            while True:
                self.socket.recv(timeout=5)
        except ConnectionClosed as exc:
            return exc.rcvd.code if exc.rcvd else 0


@pytest.fixture
def page_of():
    pages = []

    def make(browser: Any, **more: Any) -> Page:
        pages.append(Page(browser, **more))
        return pages[-1]

    yield make
    for page in pages:
        page.socket.close()


def test_a_message_is_acknowledged_and_its_answer_comes_by_itself(
    alpha, browser_of, page_of, work, answers
):
    page = page_of(browser_of(alpha)).hello()
    page.tell(t="say", key="key-000001", text="Вопрос", locale="ru")
    page.wait(lambda e: e == {"t": "ack", "key": "key-000001", "files": []})

    work(alpha)

    event = page.wait(lambda e: e["t"] == "messages" and e["cursor"] == 2)
    assert [m["text"] for m in event["messages"]] == ["Вопрос", "re: Вопрос"]


def test_two_pages_of_one_browser_hear_each_other_and_nobody_else_does(
    alpha, beta, browser_of, page_of, work, answers
):
    browser = browser_of(alpha)
    first, second = page_of(browser, me="one").hello(), page_of(browser, me="two").hello()
    stranger = page_of(browser_of(alpha)).hello()
    abroad = page_of(browser_of(beta)).hello()

    first.tell(t="say", key="key-000001", text="Вопрос", locale="ru")
    echo = second.wait(lambda e: e["t"] == "echo")
    work(alpha)
    second.wait(lambda e: e["t"] == "messages" and e["cursor"] == 2)

    assert (echo["message"]["key"], echo["message"]["text"]) == ("key-000001", "Вопрос")
    assert not [e for e in [*first.heard, *first.quiet(0.3)] if e["t"] == "echo"]
    assert stranger.quiet() == abroad.quiet(0.1) == []


def test_after_a_break_a_page_gets_exactly_what_it_lacks(alpha, browser_of, page_of, work, answers):
    browser = browser_of(alpha)
    page = page_of(browser).hello()
    page.tell(t="say", key="key-000001", text="раз", locale="ru")
    page.wait(lambda e: e["t"] == "ack")
    work(alpha)
    cursor = page.wait(lambda e: e["t"] == "messages" and e["cursor"] == 2)["cursor"]
    page.socket.close()
    browser.says("key-000002", "два")
    work(alpha)

    again = page_of(browser)
    again.tell(t="hello", token=browser.token, me="me-1", after=cursor)
    event = again.wait(lambda e: e["t"] == "messages")

    assert [(m["seq"], m["text"]) for m in event["messages"]] == [(3, "два"), (4, "re: два")]


def test_a_heartbeat_finds_what_a_lost_nudge_left_behind(
    alpha, browser_of, page_of, work, answers, monkeypatch
):
    page = page_of(browser_of(alpha)).hello()
    page.tell(t="say", key="key-000001", text="Вопрос", locale="ru")
    page.wait(lambda e: e["t"] == "ack")
    monkeypatch.setattr("bots.channels.web.adapter.tell", lambda *_: None)
    work(alpha)
    assert not [e for e in page.quiet() if e["t"] == "messages" and e["messages"]]

    page.tell(t="ping")

    event = page.wait(lambda e: e["t"] == "messages")
    assert [m["text"] for m in event["messages"]] == ["Вопрос", "re: Вопрос"]


def test_checked_sentences_and_typing_are_shown_while_the_bot_writes(
    alpha, browser_of, page_of, work, answers
):
    def slowly(turn: Any, **more: Any) -> Answer:
        streamer = more.get("streamer")
        if streamer:
            streamer("Да, есть.")
            streamer("Да, есть. Три пары.")
        return Answer("Да, есть. Три пары.", turn.lang, Decision.ANSWER, provider="test")

    answers.append(slowly)
    page = page_of(browser_of(alpha)).hello()
    page.tell(t="say", key="key-000001", text="Вопрос", locale="ru")
    page.wait(lambda e: e["t"] == "ack")
    work(alpha)
    page.wait(lambda e: e["t"] == "messages" and e["cursor"] == 2)

    streamed = [e["text"] for e in page.heard if e["t"] == "stream"]
    assert streamed == ["Да, есть.", "Да, есть. Три пары."]


def test_a_takeover_is_told_to_open_pages(alpha, browser_of, page_of, work, answers):
    from bots.models import Conversation
    from bots.services.conversations import conversation_take_over

    page = page_of(browser_of(alpha)).hello()
    page.tell(t="say", key="key-000001", text="Вопрос", locale="ru")
    page.wait(lambda e: e["t"] == "ack")
    work(alpha)
    page.wait(lambda e: e["t"] == "messages" and e["cursor"] == 2)

    with alpha.inside():
        talk = Conversation.objects.get()
        conversation_take_over(conversation_id=talk.pk, agent=alpha.agent)
    work(alpha)

    event = page.wait(lambda e: e["t"] == "messages" and e["who"]["speaker"] == "agent")
    assert event["who"]["name"] == alpha.agent.get_short_name()


# ── what must not open, and what closes ──
def test_a_socket_opens_with_its_own_token_only(alpha, beta, browser_of, page_of):
    browser = browser_of(alpha)
    browser.token = browser_of(beta).token
    page = page_of(browser)
    page.tell(t="hello", token=browser.token, me="x", after=0)
    assert page.wait(lambda e: True) == {"t": "expired"}
    assert page.closed() == 4401


def test_what_was_sent_before_the_close_was_heard_is_passed_over(
    alpha, browser_of, page_of, caplog
):
    page = page_of(browser_of(alpha))
    for _ in range(3):
        page.tell(t="hello", token="nobody's", me="x", after=0)
    assert page.wait(lambda e: True) == {"t": "expired"}
    assert page.closed() == 4401
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("raw", ["not json", "[]", '{"t": "say"}', "x" * 30_000])
def test_nonsense_before_the_greeting_closes_the_socket(alpha, browser_of, page_of, raw):
    page = page_of(browser_of(alpha))
    page.socket.send(raw)
    assert page.closed() in (1003, 1009, 4401)


def test_nonsense_after_the_greeting_is_passed_over(alpha, browser_of, page_of):
    page = page_of(browser_of(alpha)).hello()
    for frame in ([], 1, {"t": "future"}, {"t": "seen", "ids": "x"}, {"t": "older"}):
        page.socket.send(json.dumps(frame))
    page.tell(t="ping")
    page.wait(lambda e: e["t"] == "pong")


def test_another_merchants_host_shows_no_socket(alpha, beta, browser_of):
    browser = browser_of(alpha)
    browser.host = beta.host
    with pytest.raises(Exception, match=r"403|rejected"):
        Page(browser).hello()


def test_a_site_that_is_not_allowed_gets_no_socket(alpha, browser_of):
    from bots.services import places

    with alpha.inside():
        alpha.channel.settings = {"sites": "shop.example"}
        alpha.channel.save()
    browser = browser_of(alpha)
    places._kept.clear()
    with pytest.raises(Exception, match=r"403|rejected"):
        Page(browser, origin="https://evil.example").hello()
    Page(browser, origin="https://shop.example").hello().socket.close()
