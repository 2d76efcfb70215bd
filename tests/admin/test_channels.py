"""Channels of a merchant: connected with a token, changed, checked, refused in words, removed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.contrib.messages import get_messages
from django.utils import timezone

from bots.channels.telegram.simulator import TOKEN, TelegramSimulator
from bots.models import Bot, Channel, Contact, Conversation, Episode, Inbox, Message
from tenants.kernel import due
from tenants.kernel.simulate import serve_simulator
from tenants.models import Due, RouteKey
from tenants.workspace.models import AuditEntry

ADD = "/admin/bots/channel/add/?kind=telegram"
OTHER = "987654321:AAotherTokenOfTheSameLengthAsTheFirst1"


@pytest.fixture
def telegram() -> Iterator[TelegramSimulator]:
    simulator = TelegramSimulator()
    with serve_simulator(simulator) as url:
        simulator.url = url  # type: ignore[attr-defined]
        yield simulator


@pytest.fixture
def client(alpha, client_of) -> Any:
    client = client_of(alpha, "owner")
    client.cookies["lang"] = "en"
    return client


def form(telegram: Any, **more: Any) -> dict[str, Any]:
    return {"name": "Shop bot", "s_token": TOKEN, "base_url": telegram.url, "proxy": "", **more}


def told(answer: Any) -> str:
    return " ".join(map(str, get_messages(answer.wsgi_request)))


def said(answer: Any) -> str:
    return " ".join(BeautifulSoup(answer.content, "html.parser").get_text(" ").split())


def connected(client: Any, shop: Any, telegram: Any) -> Channel:
    answer = client.post(ADD, form(telegram))
    assert answer.status_code == 302, answer.context["form"].errors
    with shop.inside():
        return Channel.objects.get(kind="telegram")


def test_kinds_are_offered_with_what_they_need(client):
    page = said(client.get("/admin/bots/channel/add/"))
    assert "Where do your buyers write?" in page
    assert "Telegram" in page
    assert "A token is needed" in page
    assert "One line on your site" in page
    assert said(client.get("/admin/bots/channel/add/?kind=pigeon")) == page


def test_a_token_connects_a_bot_and_is_never_shown_again(alpha, beta, client, telegram):
    channel = connected(client, alpha, telegram)

    assert (channel.state, channel.account["username"]) == ("live", "pretend_shop_bot")
    route = RouteKey.objects.get(schema=alpha.schema, kind="telegram")
    assert (route.key, route.is_active) == (channel.route_key, True)
    page = client.get(f"/admin/bots/channel/{channel.pk}/change/")
    assert TOKEN not in page.content.decode()
    assert TOKEN[-4:] in said(page)  # enough to tell two apart
    listed = said(client.get("/admin/bots/channel/"))
    assert "Shop bot" in listed
    assert "@pretend_shop_bot" in listed
    with alpha.inside():
        actions = AuditEntry.objects.filter(action__startswith="channel.").order_by("pk")
        assert list(actions.values_list("action", flat=True)) == [
            "channel.added",
            "channel.connected",
        ]
    with beta.inside():
        assert not Channel.objects.filter(kind="telegram").exists()


def test_a_wrong_token_is_told_and_nothing_half_connected_stays(alpha, client, telegram):
    answer = client.post(ADD, form(telegram, s_token=OTHER))

    assert answer.status_code == 200
    assert len(answer.context["form"].non_field_errors()) == 1
    assert 'value="Shop bot"' in answer.content.decode()
    with alpha.inside():
        assert not Channel.objects.filter(kind="telegram").exists()
    assert not RouteKey.objects.filter(schema=alpha.schema, kind="telegram").exists()
    empty = client.post(ADD, form(telegram, s_token="", name=""))
    assert set(empty.context["form"].errors) == {"s_token", "name"}
    assert telegram.webhook == ""


def test_changed_settings_keep_the_token_and_wrong_ones_are_told(alpha, client, telegram):
    channel = connected(client, alpha, telegram)
    with alpha.inside():
        second = Bot.objects.create(name="Second", language="en")
    url = f"/admin/bots/channel/{channel.pk}/change/"

    saved = client.post(url, form(telegram, s_token="", name="Renamed", bot=second.pk))

    assert saved.status_code == 302, saved.context["form"].errors
    assert told(saved) == "Saved. The channel works."
    with alpha.inside():
        channel.refresh_from_db()
        assert (channel.name, channel.bot_id, channel.state) == ("Renamed", second.pk, "live")
        assert channel.secrets["token"] == TOKEN

    wrong = client.post(url, form(telegram, s_token=OTHER, name="Renamed", bot=second.pk))
    assert wrong.status_code == 200
    assert wrong.context["form"].non_field_errors()
    with alpha.inside():
        channel.refresh_from_db()
        assert channel.state == "broken"
    nobody = client.post(url, form(telegram, bot=999_999))
    assert set(nobody.context["form"].errors) == {"bot"}


def test_a_check_tells_how_it_is(alpha, client, telegram):
    channel = connected(client, alpha, telegram)
    url = f"/admin/bots/channel/{channel.pk}/check/"
    assert told(client.post(url)) == "The service answers, the channel works."

    telegram.is_revoked = True
    assert told(client.post(url)) not in ("", "The service answers, the channel works.")
    with alpha.inside():
        channel.refresh_from_db()
    assert channel.state == "broken"
    assert channel.state_detail

    telegram.is_revoked = False
    client.post(url)
    with alpha.inside():
        channel.refresh_from_db()
    assert (channel.state, channel.state_detail) == ("live", "")


def test_what_is_paused_stays_paused_until_it_is_switched_on(alpha, client, telegram):
    channel = connected(client, alpha, telegram)
    assert channel.account["mode"] == "polling"  # a host of this machine cannot be called
    pk = channel.pk
    assert "Paused" in told(client.post(f"/admin/bots/channel/{pk}/pause/"))

    client.post(f"/admin/bots/channel/{pk}/check/")
    client.post(f"/admin/bots/channel/{pk}/change/", form(telegram, s_token="", name="Renamed"))

    with alpha.inside():
        channel.refresh_from_db()
    assert (channel.name, channel.state) == ("Renamed", "paused")
    assert not RouteKey.objects.get(key=channel.route_key).is_active
    due.take(alpha.schema, "poll", pk)
    assert not Due.objects.filter(schema=alpha.schema, kind="poll").exists()

    assert told(client.post(f"/admin/bots/channel/{pk}/pause/")).endswith("It works.")
    with alpha.inside():
        channel.refresh_from_db()
    assert channel.state == "live"
    assert RouteKey.objects.get(key=channel.route_key).is_active
    telegram.buyer_says("Are you there?")
    assert due.take(alpha.schema, "poll", pk)
    with alpha.inside():
        assert [row.payload["message"]["text"] for row in Inbox.objects.all()] == ["Are you there?"]


@pytest.mark.parametrize("is_revoked", [False, True])
def test_a_removed_channel_hides_and_its_dialogues_stay(alpha, client, telegram, is_revoked):
    channel = connected(client, alpha, telegram)
    with alpha.inside():
        contact = Contact.objects.create(channel=channel, external_id="1", name="Ann")
        Conversation.objects.create(channel=channel, contact=contact, lane=1)
    telegram.is_revoked = is_revoked
    pk = channel.pk

    assert "not the name" in told(client.post(f"/admin/bots/channel/{pk}/remove/", {"typed": "x"}))
    answer = client.post(f"/admin/bots/channel/{pk}/remove/", {"typed": "Shop bot"})

    assert "Its dialogues stay" in told(answer)
    client.get("/admin/bots/channel/")  # where it is told
    assert "Shop bot" not in said(client.get("/admin/bots/channel/"))
    assert client.get(f"/admin/bots/channel/{pk}/change/").status_code == 302
    with alpha.inside():
        channel.refresh_from_db()
        assert channel.secrets == {}
        assert Conversation.objects.filter(channel=channel).count() == 1
    assert not RouteKey.objects.filter(key=channel.route_key).exists()


def test_a_kind_that_is_no_longer_served_is_told(alpha, client):
    with alpha.inside():
        Channel.objects.filter(pk=alpha.channel.pk).update(kind="pigeon")
    answer = client.get(f"/admin/bots/channel/{alpha.channel.pk}/change/")
    assert (answer.status_code, answer["Location"]) == (302, "/admin/bots/channel/")
    assert told(answer) == "This kind of channel is no longer served."
    assert "pigeon" in said(client.get("/admin/bots/channel/"))


@pytest.mark.parametrize("role", ["supervisor", "agent"])
def test_channels_are_for_those_who_run_the_shop(alpha, beta, client_of, role):
    client = client_of(alpha, role)
    pk = alpha.channel.pk
    for page in ("add/?kind=web", f"{pk}/change/", f"{pk}/status/"):
        assert client.get(f"/admin/bots/channel/{page}").status_code == 403, page
    for button in ("pause", "check", "remove"):
        answer = client.post(f"/admin/bots/channel/{pk}/{button}/", {"typed": alpha.channel.name})
        assert answer.status_code == 403, button
    with alpha.inside():
        assert Channel.objects.get(pk=pk).state == alpha.channel.state


def test_a_first_message_is_awaited_from_a_moment_that_makes_sense(alpha, client):
    now = timezone.now()
    with alpha.inside():
        contact = Contact.objects.create(channel=alpha.channel, external_id="1", name="Ann")
        talk = Conversation.objects.create(channel=alpha.channel, contact=contact, lane=1)
        episode = Episode.objects.create(conversation=talk)
        for minutes, text in ((10, "Long ago"), (2, "Just now")):
            message = Message.objects.create(
                conversation=talk, episode=episode, seq=20 - minutes, author="buyer", text=text,
                state="received",
            )  # fmt: skip
            at = now - timedelta(minutes=minutes)
            Message.objects.filter(pk=message.pk).update(created_at=at)
    url = f"/admin/bots/channel/{alpha.channel.pk}/status/"
    heard = {
        since: client.get(url, {"since": since}).json()["message"]["text"]
        for since in ("", "nonsense", "2026-13-45T00:00:00+03:00", now.replace(tzinfo=None)
                      .isoformat(), (now - timedelta(hours=1)).isoformat())
    }  # fmt: skip
    assert list(heard.values()) == [*["Just now"] * 4, "Long ago"]


def test_the_page_says_for_how_long_the_channel_takes_replies_and_changes(
    client, alpha, monkeypatch
):
    from dataclasses import replace

    from bots.admin import channels

    with alpha.inside():
        pk = Channel.objects.get(kind="web").pk
    url = f"/admin/bots/channel/{pk}/change/"
    client.cookies["lang"] = "ru"

    assert client.get(url).context["rules"] == [
        "Писать покупателю можно в любое время.",
        "Отправленный текст можно изменить.",
        "Отправленное сообщение можно удалить у покупателя.",
    ]
    known = dict(channels.manifests())
    known["web"] = replace(
        known["web"], reply_window_s=24 * 3600, past_window=frozenset({"template"}),
        can_edit=False, delete_within_s=48 * 3600,
    )  # fmt: skip
    monkeypatch.setattr(channels, "manifests", lambda: known)
    page = client.get(url)
    assert page.context["rules"] == [
        "Писать можно 24 ч после последнего сообщения покупателя.",
        "Потом канал пропустит только шаблон.",
        "Отправленный текст изменить нельзя.",
        "Отправленное сообщение можно удалить у покупателя в течение 48 ч.",
    ]
    assert "Что позволяет этот канал" in page.content.decode()
