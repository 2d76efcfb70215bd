"""What the engine makes of what channels have in common, through the inbox of one merchant."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bots.channels.base import AccountChanged, BuyerDelete, Reaction
from bots.engine.base import Answer, Decision
from bots.models import Channel, Message
from bots.selectors.desk_thread import message_of
from tests.engine import pretend
from tests.engine.conftest import answers, talk_of

__all__ = ["answers", "talk_of"]


@pytest.fixture
def talk(talk_of, alpha, monkeypatch):
    """A channel whose payloads may be any occurrence by name."""
    makes = {
        "delete": lambda p: BuyerDelete(p["of"], p["chat"]),
        "reaction": lambda p: Reaction(p["of"], p["chat"], p["emoji"]),
        "account": lambda p: AccountChanged(p["state"], p["detail"]),
    }
    plain = pretend.Pretend.parse

    def parse(self, payload):
        make = makes.get(payload.get("kind", ""))
        return [make(payload)] if make else plain(self, payload)

    monkeypatch.setattr(pretend.Pretend, "parse", parse)
    return talk_of(alpha)


def happens(talk, kind: str, **payload) -> None:
    from bots.channels.base import Envelope
    from bots.services.accept import accept

    talk.count += 1
    payload = {"kind": kind, "chat": "buyer", **payload}
    with talk.shop.inside():
        accept(talk.channel.pk, [Envelope(f"{kind}{talk.count}", "buyer", payload)], ring=False)
    talk.work()


def test_a_deleted_question_is_not_answered(talk, answers):
    talk.says("Есть 46 размер?", ident="1", work=False)
    happens(talk, "delete", of="in-1")

    assert [author for author, _, _ in talk.thread()] == ["buyer"]
    with talk.shop.inside():
        assert Message.objects.get(external_id="in-1").deleted_at is not None
    assert talk.conversation().waiting_since is None


def test_a_deleted_line_of_several_leaves_the_others(talk, answers):
    answers.append(lambda turn: f"re: {turn.question}")
    talk.says("Есть 46 размер?", ident="1", work=False)
    talk.says("И сколько доставка?", ident="2", work=False)
    happens(talk, "delete", of="in-1")

    assert talk.thread()[-1][2] == "re: И сколько доставка?"


def test_a_reaction_is_kept_and_asks_for_nothing(talk):
    talk.says("Спасибо за помощь, а цвет?", ident="1")
    before = talk.thread()
    with talk.shop.inside():
        sent = Message.objects.filter(author="bot").get()
    happens(talk, "reaction", of=sent.external_id, emoji="👍")
    happens(talk, "reaction", of="nothing of ours", emoji="👍")

    assert talk.thread() == before
    with talk.shop.inside():
        sent.refresh_from_db()
    with talk.shop.inside():
        assert message_of(sent)["meta"]["reaction"] == "👍"
    happens(talk, "reaction", of=sent.external_id, emoji="")
    with talk.shop.inside():
        sent.refresh_from_db()
    assert sent.meta["reaction"] == ""


def test_the_platform_tells_of_the_account(talk):
    def channel() -> Channel:
        with talk.shop.inside():
            return Channel.objects.get(pk=talk.channel.pk)

    happens(talk, "account", state="told", detail="Moderation goes on.")
    assert channel().account["notice"].endswith("Moderation goes on.")
    happens(talk, "account", state="lost", detail="The token was revoked.")
    assert channel().state == "broken"
    assert channel().state_detail.endswith("The token was revoked.")
    happens(talk, "account", state="restored", detail="")
    assert (channel().state, channel().state_detail) == ("live", "")


def test_a_number_chooses_from_the_list_a_channel_without_buttons_shows(talk, answers, monkeypatch):
    from bots.selectors import sendable
    from bots.services import channels

    bare = replace(pretend.MANIFEST, buttons=0)
    for module in (channels, sendable):
        known = {**module.manifests(), "pretend": bare}
        monkeypatch.setattr(module, "manifests", lambda known=known: known)
    channels._class_of.cache_clear()
    sizes = [{"title": "46", "payload": "size:46"}, {"title": "48", "payload": "size:48"}]
    answers += [
        lambda turn: Answer(
            "Какой размер?", turn.lang, Decision.ANSWER, provider="test", buttons=tuple(sizes)
        ),
        lambda turn: f"payload {turn.payload}",
    ]
    talk.says("Есть свитер?")
    assert pretend.Pretend.sent[-1] == ("buyer", "Какой размер?\n\n1. 46\n2. 48")
    talk.says("2")

    assert talk.thread()[-1][2] == "payload size:48"
