from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bots.engine.base import Answer, Decision
from tests.engine import pretend


class Talk:
    """A buyer's side of the pretend channel of one merchant."""

    def __init__(self, shop: Any, channel: Any) -> None:
        self.shop, self.channel, self.count = shop, channel, 0

    def says(self, text: str, *, chat: str = "buyer", ident: str = "", work: bool = True) -> None:
        """Deliver a message; `work` does everything that is due, as workers would."""
        from bots.channels.base import Envelope
        from bots.services.accept import accept

        self.count += 1
        ident = ident or f"m{self.count}"
        payload = {"id": ident, "chat": chat, "text": text}
        with self.shop.inside():
            accept(self.channel.pk, [Envelope(ident, chat, payload)], ring=False)
        if work:
            self.work()

    def work(self, *, rounds: int = 20) -> None:
        """Do all due work of this merchant, in turn, until nothing is due."""
        from tenants.kernel import due

        for _ in range(rounds):
            waiting = [w for w in due.overdue(grace_s=-0.01) if w[0] == self.shop.schema]
            if not waiting:
                return
            for schema, kind, object_id in waiting:
                due.take(schema, kind, object_id)

    def conversation(self, chat: str = "buyer") -> Any:
        from bots.models import Conversation

        with self.shop.inside():
            return Conversation.objects.get(contact__external_id=chat, channel=self.channel)

    def thread(self, chat: str = "buyer") -> list[tuple[str, str, str]]:
        """(author, state, text) of what both sides see."""
        from bots.models import Message

        with self.shop.inside():
            return list(
                Message.objects.filter(conversation__contact__external_id=chat)
                .exclude(kind__in=["note", "system"])
                .order_by("seq")
                .values_list("author", "state", "text")
            )


@pytest.fixture
def answers(monkeypatch) -> Iterator[list[Any]]:
    """What the bot answers, in turn; a callable gets the Turn. Empty = repeats the question."""
    queue: list[Any] = []

    def answer(turn, **more: Any) -> Answer | None:
        found = queue.pop(0) if queue else f"re: {turn.question}"
        if callable(found):
            found = found(turn)
        if isinstance(found, str):
            found = Answer(found, turn.lang, Decision.ANSWER, provider="test")
        return found

    monkeypatch.setattr("bots.engine.turn.answer_turn", answer)
    yield queue


@pytest.fixture
def talk_of(monkeypatch, answers) -> Iterator[Callable[[Any], Talk]]:
    """`talk_of(alpha)` opens a pretend channel at a merchant."""
    from bots.selectors import sendable
    from bots.services import channels

    known = {**channels.manifests(), "pretend": pretend.MANIFEST}
    monkeypatch.setattr(channels, "manifests", lambda: known)
    monkeypatch.setattr(sendable, "manifests", lambda: known)
    monkeypatch.setattr(pretend.Pretend, "sent", [])
    monkeypatch.setattr(pretend.Pretend, "trouble", [])

    def open_at(shop: Any) -> Talk:
        with shop.inside():
            channel = channels.channel_create(kind="pretend", name="Pretend", bot=shop.bot)
            channels.channel_connect(channel)
        return Talk(shop, channel)

    yield open_at
    channels._class_of.cache_clear()
