"""A channel's reply window, to the second, with a clock of our own."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from bots.models import Channel, Conversation, Message, Template, TemplateText
from bots.services import delivery, windows
from tests.engine.pretend import Pretend

pytestmark = pytest.mark.django_db
DAY = 24 * 3600


def opened(talk) -> Conversation:
    talk.says("Есть вопрос")
    return talk.conversation()


def reply(api, pk: int, **body):
    return api.post(f"/api/v1/conversations/{pk}/reply/", body, format="json")


def test_the_buyers_message_opens_it_and_a_row_counts_down(alpha, talks, channel_is, api_of):
    mine, other = talks
    channel_is(reply_window_s=DAY, past_window=frozenset({"template"}))

    conversation = opened(mine)

    with alpha.inside():
        said = Message.objects.filter(conversation=conversation, author="buyer").latest("seq")
    assert conversation.window_expires_at == said.sent_at + timedelta(seconds=DAY)
    api = api_of(alpha, "agent")
    rows = api.get("/api/v1/desk/conversations/", {"view": "all"}).json()["rows"]
    assert [row["window_expires_at"] for row in rows if row["id"] == conversation.pk] == [
        conversation.window_expires_at.isoformat().replace("+00:00", "Z")
    ]
    assert other.conversation().window_expires_at is None


def test_it_closes_to_the_second_and_the_refusal_says_what_may_be_done(
    alpha, talks, channel_is, api_of, clock
):
    mine, _other = talks
    channel_is(reply_window_s=DAY, past_window=frozenset({"template"}))
    conversation = opened(mine)
    api = api_of(alpha, "agent")
    ends = conversation.window_expires_at

    clock(ends - timedelta(seconds=1))
    assert reply(api, conversation.pk, text="Успели").status_code == 201
    clock(ends)
    late = reply(api, conversation.pk, text="Опоздали")

    assert late.status_code == 409
    error = late.json()["error"]
    assert (error["code"], error["actions"]) == (
        "window_closed",
        ["template", "note", "snooze", "resolve"],
    )
    limits = api.get(f"/api/v1/conversations/{conversation.pk}/limits/").json()
    assert limits["window"]["is_closed"] is True
    with alpha.inside():
        texts = set(Message.objects.filter(author="agent").values_list("text", flat=True))
    assert texts == {"Успели"}


def test_a_permitted_template_goes_out_past_it(alpha, talks, channel_is, api_of, clock):
    mine, _other = talks
    channel_is(reply_window_s=DAY, past_window=frozenset({"template"}))
    conversation = opened(mine)
    with alpha.inside():
        template = Template.objects.create(code="again", name="Again")
        TemplateText.objects.create(template=template, text="Вы ещё ждёте?")
    clock(conversation.window_expires_at + timedelta(hours=1))

    sent = reply(
        api_of(alpha, "agent"), conversation.pk, text="Вы ещё ждёте?", template_id=template.pk
    )
    with alpha.inside():
        delivery.deliver(conversation.pk)

    assert sent.status_code == 201
    assert Pretend.sent[-1] == ("buyer", "Вы ещё ждёте?")


def test_where_no_template_may_none_goes(alpha, talks, channel_is, api_of, clock):
    mine, _other = talks
    channel_is(reply_window_s=DAY)
    conversation = opened(mine)
    with alpha.inside():
        template = Template.objects.create(code="again", name="Again")
    clock(conversation.window_expires_at + timedelta(hours=1))

    late = reply(api_of(alpha, "agent"), conversation.pk, text="x", template_id=template.pk)

    assert late.json()["error"]["actions"] == ["note", "snooze", "resolve"]


def test_what_waited_until_it_closed_is_not_sent(alpha, talks, channel_is, api_of, clock):
    mine, _other = talks
    channel_is(reply_window_s=DAY)
    conversation = opened(mine)
    sent = reply(api_of(alpha, "agent"), conversation.pk, text="Долго шло")
    Pretend.sent.clear()

    clock(conversation.window_expires_at)
    with alpha.inside():
        delivery.deliver(conversation.pk)
        message = Message.objects.get(pk=sent.json()["id"])

    assert Pretend.sent == []
    assert message.state == "failed"
    assert message.failure == "window_closed"


def test_nothing_is_put_off_past_it(alpha, talks, channel_is, api_of):
    mine, _other = talks
    channel_is(reply_window_s=DAY)
    conversation = opened(mine)
    api = api_of(alpha, "agent")
    url = f"/api/v1/conversations/{conversation.pk}/later/"

    at = conversation.window_expires_at
    late = api.post(url, {"text": "x", "send_at": at.isoformat()}, format="json")
    in_time = api.post(
        url, {"text": "x", "send_at": (at - timedelta(seconds=1)).isoformat()}, format="json"
    )

    assert (late.status_code, late.json()["error"]["code"]) == (409, "window_closed")
    assert in_time.status_code == 201


def test_a_channel_without_one_is_always_open():
    for kind in ("telegram", "web"):
        assert windows.window_after(Channel(kind=kind), timezone.now()) is None
