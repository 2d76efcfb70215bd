"""Buyers of two merchants on WhatsApp, from their phones to the console and back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from bots.channels.base import Inbound
from bots.channels.whatsapp.simulator import WhatsAppSimulator
from bots.channels.whatsapp.tests.sample import BUYER, SCOPED
from bots.models import Channel, Contact, Conversation, Delivery, Message, Template, TemplateText
from bots.services import actions
from bots.services.accept import accept
from bots.services.channels import adapter_of, channel_connect, channel_create
from bots.services.delivery import deliver
from bots.services.watching import watch_channel
from tenants.kernel.simulate import serve_simulator
from tests.channels.test_conformance import _done_and_lost
from tests.engine.conftest import Talk, answers

__all__ = ["answers"]
pytestmark = pytest.mark.django_db
HOUR = 3600


class Phone(Talk):
    """A merchant's number at the pretend Graph API."""

    def __init__(self, shop: Any, channel: Channel, graph: WhatsAppSimulator) -> None:
        super().__init__(shop, channel)
        self.graph = graph

    def arrives(self) -> None:
        """Bring what waits to the channel, and do what is due."""
        waiting, self.graph.waiting = self.graph.waiting, []
        with self.shop.inside():
            adapter = adapter_of(self.channel)
            for entry in waiting:
                call = Inbound(*self.graph.signed(entry))
                adapter.verify(call)
                accept(self.channel.pk, adapter.envelopes(call), ring=False)
        self.work()

    def hears(self, text: str, **more: Any) -> None:
        self.graph.buyer_says(text, **more)
        self.arrives()


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[WhatsAppSimulator, str]]:
    graph = WhatsAppSimulator()
    with serve_simulator(graph) as url:
        yield graph, url


@pytest.fixture
def phone(served, alpha, beta, answers, monkeypatch) -> Phone:
    monkeypatch.setattr("bots.engine.turn.quiet_s", lambda text: 0.0)
    graph, url = served
    graph.__dict__.update(WhatsAppSimulator().__dict__, _routes=graph._routes)
    about = graph.settings()
    for shop in (beta, alpha):
        with shop.inside():
            channel = channel_create(
                kind="whatsapp", name="WhatsApp", bot=shop.bot, base_url=url,
                settings={k: about[k] for k in ("phone_number_id", "business_account_id")},
                secrets={k: about[k] for k in ("token", "app_secret")},
            )  # fmt: skip
    with alpha.inside():
        assert channel_connect(channel).ok
    return Phone(alpha, channel, graph)


def newest(phone: Phone, author: str = "bot") -> Message:
    with phone.shop.inside():
        return Message.objects.filter(author=author).latest("pk")


def test_an_answer_arrives_is_delivered_and_read(phone):
    phone.hears("Есть 46 размер?")

    assert phone.graph.texts() == ["re: Есть 46 размер?"]
    assert phone.graph.read[0]["typing_indicator"] == {"type": "text"}
    (sent,) = phone.graph.sent
    for state in ("sent", "read", "delivered"):  # out of order: it does not go back
        phone.graph.status(sent["id"], state)
    phone.arrives()
    assert newest(phone).state == "read"


def test_a_colleagues_reading_shows_in_the_buyers_phone(phone, api_of):
    phone.hears("Есть 46 размер?")
    phone.hears("И синий?")
    phone.graph.read.clear()
    talk = phone.conversation(BUYER)

    read = api_of(phone.shop, "agent").post(
        f"/api/v1/conversations/{talk.pk}/read/", {"seq": talk.last_seq}, format="json"
    )
    phone.work()

    assert read.status_code in (200, 204)
    (told,) = phone.graph.read
    assert told["message_id"] == newest(phone, "buyer").external_id
    assert "typing_indicator" not in told


def test_a_lost_answer_is_settled_by_a_status_and_nothing_is_sent_twice(phone):
    phone.graph.answer_next(None, _done_and_lost(phone.graph))  # read mark, then the message
    phone.hears("Есть 46 размер?")
    assert newest(phone).state == "sending"
    (sent,) = phone.graph.sent

    phone.graph.status(sent["id"], "delivered")
    phone.arrives()

    assert len(phone.graph.sent) == 1
    message = newest(phone)
    assert (message.state, message.external_id) == ("delivered", sent["id"])
    with phone.shop.inside():
        assert list(Delivery.objects.values_list("state", flat=True)) == ["sent"]


def test_a_status_that_overtakes_the_answer_is_not_lost(phone):
    """The platform has told what became of it before our call ends without an answer."""

    phone.graph.answer_next(None, _done_and_lost(phone.graph))
    phone.hears("Есть 46 размер?")
    with phone.shop.inside():
        # As if it had been applied in that moment: the part is marked as being sent.
        Delivery.objects.update(state="sending")
    phone.graph.status(phone.graph.sent[-1]["id"], "read")
    phone.arrives()
    with phone.shop.inside():
        assert Delivery.objects.get().external_id == phone.graph.sent[0]["id"]
        deliver(Conversation.objects.get(channel=phone.channel).pk)

    assert newest(phone).state == "read"
    assert len(phone.graph.sent) == 1


def test_who_cannot_be_written_to_is_marked_and_the_reason_is_told(phone):
    phone.hears("Есть 46 размер?")
    phone.graph.status(phone.graph.sent[0]["id"], "failed", code=131026)
    phone.arrives()

    message = newest(phone)
    assert message.state == "failed" and message.failure.startswith("WhatsApp cannot deliver")
    with phone.shop.inside():
        assert not Contact.objects.get(channel=phone.channel).is_reachable
    phone.hears("А теперь?")
    with phone.shop.inside():
        assert Contact.objects.get(channel=phone.channel).is_reachable


def test_the_owner_on_the_phone_silences_the_bot_though_the_chat_is_called_otherwise(phone):
    """The echo names the buyer by the phone, our chat by the scoped id."""
    phone.graph.buyer(user_id=SCOPED)
    phone.hears("Есть 46 размер?")
    assert phone.conversation(SCOPED).speaker == "bot"

    phone.graph.owner_says("Здравствуйте, это Ольга")
    phone.arrives()

    assert phone.conversation(SCOPED).speaker == "agent"
    assert phone.thread(SCOPED)[-1] == ("echo", "sent", "Здравствуйте, это Ольга")


def test_a_changed_number_goes_on_in_the_same_talk(phone):
    phone.hears("Есть 46 размер?")
    before = phone.conversation(BUYER).pk
    phone.graph.buyer_says(
        type="system",
        system={"body": "…", "wa_id": "79005550009", "type": "user_changed_number"},
    )
    phone.arrives()
    phone.hears("Это я", wa_id="79005550009")

    assert phone.conversation("79005550009").pk == before
    assert phone.graph.texts("79005550009") == ["re: Это я"]


# ── past the window ──
TEXT = "Здравствуйте, {{contact.first_name}}! Ваш заказ {{order.number}} ещё ждёт вас."


@pytest.fixture
def late(phone, monkeypatch) -> Phone:
    """The buyer wrote 25 hours ago."""
    phone.hears("Здравствуйте")
    with phone.shop.inside():
        Conversation.objects.update(window_expires_at=timezone.now() - timezone.timedelta(hours=1))
        template = Template.objects.create(code="напомнить", name="Напомнить")
        TemplateText.objects.create(template=template, lang="ru", text=TEXT)
    phone.graph.advance(25 * HOUR)
    phone.template = template  # type: ignore[attr-defined]
    return phone


def reply(phone: Phone, api: Any, text: str) -> Any:
    pk = phone.conversation(BUYER).pk
    body = {"text": text, "template_id": phone.template.pk}  # type: ignore[attr-defined]
    answer = api.post(f"/api/v1/conversations/{pk}/reply/", body, format="json")
    phone.work()
    return answer


def test_past_the_window_the_approved_text_goes_out_with_its_values(late, beta, api_of, client_of):
    owner, agent = api_of(late.shop, "owner"), api_of(late.shop, "agent")
    said = "Здравствуйте, Анна! Ваш заказ 10241 ещё ждёт вас."
    url = f"/api/v1/channels/{late.channel.pk}/templates/"

    listed = f"/api/v1/desk/templates/?conversation={late.conversation(BUYER).pk}"
    assert agent.get(listed).json()["results"] == []
    first = reply(late, agent, said)
    assert first.status_code == 409
    assert first.json()["error"]["code"] == "template_not_approved"

    made = owner.post(url, {"template": late.template.pk, "lang": "ru"}, format="json")
    assert made.status_code == 201, made.json()
    assert made.json()["state"] == "pending"
    assert made.json()["name"] == "napomnit"
    assert made.json()["body"] == "Здравствуйте, {{1}}! Ваш заказ {{2}} ещё ждёт вас."
    assert "не одобрила" in reply(late, agent, said).json()["error"]["message"]

    late.graph.template_decided("napomnit")
    late.arrives()
    assert [one["code"] for one in agent.get(listed).json()["results"]] == ["напомнить"]
    assert reply(late, agent, "Здравствуйте! Мы ещё работаем.").status_code == 409
    assert reply(late, agent, said).status_code == 201

    sent = late.graph.sent[-1]
    assert sent["template"]["name"] == "napomnit"
    assert late.graph.texts()[-1] == said
    assert newest(late, "agent").state == "sent"
    with late.shop.inside():  # a rule's words go the same way
        actions._said_by_rule(late.conversation(BUYER), late.template, said.replace("10241", "7"))
    late.work()
    assert late.graph.texts()[-1] == said.replace("10241", "7")
    at = (timezone.now() + timezone.timedelta(hours=1)).isoformat()
    later = f"/api/v1/conversations/{late.conversation(BUYER).pk}/later/"
    when = {"send_at": at, "template_id": late.template.pk}
    assert agent.post(later, {**when, "text": "Другое"}, format="json").status_code == 409
    assert agent.post(later, {**when, "text": said}, format="json").status_code == 201
    # The other merchant's channel has heard of nothing.
    with beta.inside():
        other = Channel.objects.get(kind="whatsapp")
        assert other.cursor == {} and "template_links" not in other.settings
    assert api_of(beta, "owner").get(url).status_code in (200, 404)
    assert agent.post(url, {"template": late.template.pk}, format="json").status_code == 403


def test_without_its_event_an_approval_is_noticed_by_looking(late, api_of):
    owner = api_of(late.shop, "owner")
    url = f"/api/v1/channels/{late.channel.pk}/templates/"
    owner.post(url, {"template": late.template.pk}, format="json")
    late.graph.template_decided("napomnit")
    late.graph.waiting.clear()

    with late.shop.inside():
        watch_channel(late.channel.pk)
        (seen,) = Channel.objects.get(pk=late.channel.pk).cursor["templates"]

    assert seen["state"] == "approved"


def test_a_rejection_says_why_and_ours_can_stand_for_one_that_is_there(late, api_of):
    owner = api_of(late.shop, "owner")
    url = f"/api/v1/channels/{late.channel.pk}/templates/"
    owner.post(url, {"template": late.template.pk}, format="json")
    late.graph.template_decided("napomnit", "REJECTED", reason="PROMOTIONAL")
    late.arrives()
    (row,) = owner.get(url).json()["templates"]
    assert (row["state"], row["reason"]) == (
        "rejected",
        "текст рекламный: подайте его как рекламный",
    )

    for name, text in (("other", "Совсем другое"), ("same", TEXT_AT_META)):
        late.graph.templates[name, "ru"] = {
            "id": "1", "name": name, "language": "ru", "status": "APPROVED",
            "category": "UTILITY", "components": [{"type": "BODY", "text": text}],
        }  # fmt: skip
    owner.get(url)
    ask = {"language": "ru", "template": late.template.pk}
    wrong = owner.post(f"{url}link/", {**ask, "name": "other"}, format="json")
    right = owner.post(f"{url}link/", {**ask, "name": "same"}, format="json")

    assert wrong.status_code == 409 and "Слова" in wrong.json()["error"]["message"]
    linked = {row["name"]: row["template"] for row in right.json()["templates"]}
    assert linked == {"napomnit": None, "other": None, "same": late.template.pk}
    said = "Здравствуйте, Ян! Ваш заказ 7 ещё ждёт вас."
    assert reply(late, api_of(late.shop, "agent"), said).status_code == 201


TEXT_AT_META = "Здравствуйте, {{1}}! Ваш заказ {{2}} ещё ждёт вас."


def test_a_merchant_hands_in_and_links_on_the_channels_page(late, client_of):
    browser = client_of(late.shop, "owner")
    page = f"/admin/bots/channel/{late.channel.pk}/templates/"
    channel = browser.get(f"/admin/bots/channel/{late.channel.pk}/change/").content.decode()
    assert page in channel and "verify token" in channel

    handed = browser.post(
        page, {"template": late.template.pk, "lang": "ru", "category": "utility"}, follow=True
    )
    assert "napomnit" in handed.content.decode() and "ждёт одобрения" in handed.content.decode()
    again = browser.post(page, {"template": late.template.pk, "lang": "ru", "category": "utility"})
    assert "desk-note is-late" in again.content.decode()
    browser.post(f"{page}link/", {"name": "napomnit", "language": "ru", "template": ""})
    with late.shop.inside():
        assert Channel.objects.get(pk=late.channel.pk).settings["template_links"] == {}
    assert client_of(late.shop, "agent").get(page).status_code in (302, 403)
