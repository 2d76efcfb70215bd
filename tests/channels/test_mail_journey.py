"""A letter's way through the engine: its file, its quotation, the thread of the answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bots.channels.base import Inbound
from bots.channels.mail.simulator import BUYER, SHOP, postmark
from bots.models import Attachment, Contact, Conversation, Identity, Message
from bots.services.accept import accept
from bots.services.channels import adapter_of, channel_create, route_sync
from tenants.kernel.files import file_bytes
from tests.engine.conftest import Talk, answers

__all__ = ["answers"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def post(alpha, monkeypatch) -> Any:
    """`post(event)`: a service brings a letter; `.letters` is what went out."""
    sent: list[Any] = []
    monkeypatch.setattr(
        "bots.channels.mail.adapter.deliver",
        lambda account, made, **more: sent.append(made),
    )
    monkeypatch.setattr("bots.engine.turn.quiet_s", lambda text: 0.0)
    with alpha.inside():
        channel = channel_create(
            kind="mail",
            name="Почта",
            bot=alpha.bot,
            settings={"address": SHOP, "incoming": "postmark", "smtp_host": "smtp.shop.example"},
            secrets={"hook_secret": "postmark:a-long-password"},
        )
        channel.state = "live"
        channel.save()
        route_sync(channel)

    def bring(*events: dict[str, Any]) -> None:
        with alpha.inside():
            ours = adapter_of(channel)
            for event in events:
                accept(channel.pk, ours.envelopes(Inbound(json.dumps(event).encode())), ring=False)
        Talk(alpha, channel).work()

    bring.letters, bring.channel = sent, channel  # type: ignore[attr-defined]
    return bring


def test_a_letter_is_answered_in_its_thread_and_its_file_is_kept(alpha, beta, post, answers):
    answers.append("Да, есть.")
    picture = {"Name": "Чек.pdf", "Content": "JVBERi0xLjc=", "ContentType": "application/pdf"}
    text = "Есть 46?\n\nOn Mon, Nov 22, 2026 at 10:00 AM Shop <s@s.example> wrote:\n> Здравствуйте"
    post(postmark(text, subject="Куртка", Attachments=[picture]))

    with alpha.inside():
        said = Message.objects.get(author="buyer")
        assert said.text == "Куртка\n\nЕсть 46?"
        assert said.meta["quoted"].endswith("> Здравствуйте")
        kept = Attachment.objects.get(message=said)
        assert file_bytes(kept.file_id) == ("Чек.pdf", b"%PDF-1.7")
        assert Identity.objects.get().proof == Identity.Proof.CLAIMED
        sent = Message.objects.get(author="bot")
        assert sent.state == "sent"
    (made,) = post.letters
    assert (made["To"], made["Subject"]) == (BUYER, "Re: Куртка")
    assert made["In-Reply-To"] == "<letter-1@example.com>"
    assert made["Message-ID"] == f"<{sent.external_id}>"
    with beta.inside():
        assert not Contact.objects.exists()


def test_two_robots_do_not_write_to_each_other_for_ever(alpha, post, answers):
    for number in range(1, 17):
        post(postmark(f"Вопрос {number}: есть размер {number}?", number=number))

    with alpha.inside():
        conversation = Conversation.objects.get()
        assert conversation.speaker == Conversation.Speaker.QUEUE
        assert conversation.handover_reason == "flood"
        assert Message.objects.filter(author="buyer").count() == 16
    assert len(post.letters) <= 14


def test_a_letter_that_comes_back_is_a_reply_that_failed(alpha, post, answers):
    post(postmark("Есть 46?", number=1))
    ours = post.letters[0]["Message-ID"]
    with alpha.inside():
        post.channel.settings = {**post.channel.settings, "incoming": "imap"}
        post.channel.save()
        ours_now = adapter_of(post.channel)
        from bots.channels.mail.tests.test_mail import bounce

        (envelope,) = ours_now.envelopes(Inbound(bounce(ours), {"uid": "7:1:1"}))
        accept(post.channel.pk, [envelope], ring=False)
    Talk(alpha, post.channel).work()

    with alpha.inside():
        failed = Message.objects.get(author="bot")
    assert (failed.state, failed.failure) == ("failed", "550 5.1.1 no such user")
