"""Telephone calls: one line each, whoever was missed waits, rules answer in another channel."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bots.channels.base import CallHappened, Recorded
from bots.channels.exolve.simulator import KEY, NUMBER, ExolveSimulator
from bots.models import (
    Channel,
    Contact,
    Conversation,
    Identity,
    Message,
    Person,
    Rule,
    Template,
    TemplateText,
)
from bots.services import rules
from bots.services.accept import accept, lane_of
from bots.services.calls import grown, is_missed
from bots.services.channels import adapter_of, channel_connect, channel_create
from bots.services.conversations import conversation_read, conversation_resolve
from bots.services.forgetting import _erase, person_data
from bots.services.receive import apply
from tenants.kernel import outbox
from tenants.kernel.errors import NotFound
from tenants.kernel.simulate import serve_simulator
from tenants.models import OutboxEvent
from tests.engine.conftest import Talk
from tests.engine.pretend import Pretend

BUYER = "+79991234567"
AT = datetime(2026, 11, 20, 10, tzinfo=UTC)


def call(state: str, *, ident: str = "c1", chat: str = BUYER, **more: Any) -> CallHappened:
    return CallHappened(ident, chat, more.pop("direction", "in"), state, more.pop("at", AT), **more)


def rang(**more: Any) -> list[CallHappened]:
    return [
        call("ringing", line="+79990000001"),
        call("answered", at=AT + timedelta(seconds=5), answered_by="Анна"),
        call("ended", at=AT + timedelta(seconds=70), seconds=65, recording="/r/1", **more),
    ]


def known(*told: CallHappened) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in told:
        found = grown(found, one)
    return found


def test_what_is_known_of_a_call_only_grows_in_whatever_order_it_comes():
    whole = known(*rang())

    assert (whole["state"], whole["seconds"], whole["answered_by"]) == ("ended", 65, "Анна")
    assert whole == known(*rang()[::-1]) == known(*rang(), *rang())
    assert known(call("ended"), call("ringing"))["state"] == "ended"
    late = known(call("missed"), call("answered"))
    assert (late["state"], is_missed(late)) == ("ended", False)
    assert is_missed(known(call("missed")))
    assert not is_missed(known(call("missed", direction="out")))


pytestmark = pytest.mark.django_db


@pytest.fixture
def told(alpha, talk_of):
    """`told(*calls)` at the pretend channel of a merchant; its Talk is `told.talk`."""
    talk = talk_of(alpha)
    rules._known.clear()

    def tell(*happened: CallHappened) -> Talk:
        with talk.shop.inside():
            for one in happened:
                apply(talk.channel, lane_of(talk.channel.pk, one.chat), one)
        return talk

    tell.talk = talk
    yield tell
    rules._known.clear()


def lines(shop: Any) -> list[Message]:
    with shop.inside():
        return list(Message.objects.filter(meta__code="call").order_by("pk"))


def facts(name: str) -> int:
    return OutboxEvent.objects.filter(name=name).count()


def test_a_call_is_one_line_that_goes_on_and_asks_for_nobody(alpha, beta, told):
    talk = told(*rang())

    (line,) = lines(alpha)
    conversation = talk.conversation(BUYER)
    assert (line.kind, line.author, line.state) == ("system", "system", "kept")
    assert line.text == "Входящий звонок, 1:05, Анна"
    assert line.meta["call"]["recording"] == "/r/1"
    assert (conversation.status, conversation.speaker) == ("resolved", "nobody")
    assert (conversation.unread, conversation.waiting_since) == (0, None)
    assert conversation.preview == "Входящий звонок, 1:05, Анна"
    assert (facts("conversation.opened"), facts("call.missed")) == (0, 0)
    with alpha.inside():
        identity = Identity.objects.get(contact__external_id=BUYER)
    assert (identity.kind, identity.value, identity.proof) == ("phone", BUYER, "claimed")
    assert lines(beta) == []


def test_whoever_was_missed_waits_for_a_person_and_a_call_back_ends_that(alpha, told):
    talk = told(call("ringing"), call("missed"), call("missed"))

    conversation = talk.conversation(BUYER)
    assert (conversation.status, conversation.speaker) == ("open", "queue")
    assert (conversation.handover_reason, conversation.unread) == ("missed_call", 1)
    assert conversation.waiting_since and conversation.deadline_at and conversation.queued_at
    assert (facts("conversation.opened"), facts("call.missed")) == (1, 1)
    assert lines(alpha)[0].episode_id == conversation.episode_id
    talk.work()
    assert Pretend.sent == []  # nobody answers the line of a call

    with alpha.inside():
        conversation_read(conversation_id=conversation.pk, agent=alpha.agent, seq=0)
        conversation.refresh_from_db()
        assert conversation.unread == 1
    told(call("answered", ident="c2", direction="out"))

    conversation = talk.conversation(BUYER)
    assert (conversation.waiting_since, conversation.deadline_at) == (None, None)
    assert conversation.status == "open"


def test_a_missed_call_takes_the_chat_from_the_bot(alpha, told):
    talk = told.talk
    talk.says("Есть 46 размер?", chat=BUYER)
    assert talk.conversation(BUYER).speaker == "bot"

    told(call("missed"))

    assert talk.conversation(BUYER).speaker == "queue"
    talk.says("Алло, вы где?", chat=BUYER)
    assert [t for _chat, t in Pretend.sent] == ["re: Есть 46 размер?"]


def test_a_call_that_is_over_without_a_word_is_missed_a_little_later(alpha, told, monkeypatch):
    talk = told(call("ringing"), call("ended"))
    assert lines(alpha)[0].meta["call"]["state"] == "ended"
    talk.work()
    assert facts("call.missed") == 0

    with alpha.inside():
        from bots.services.calls import end_call

        end_call(lines(alpha)[0].pk)
        end_call(lines(alpha)[0].pk)

    assert lines(alpha)[0].text == "Пропущенный звонок"
    assert facts("call.missed") == 1
    assert talk.conversation(BUYER).speaker == "queue"


def test_a_blocked_caller_and_a_hidden_one(alpha, told):
    talk = told(call("ringing"), call("missed", chat="hidden", ident="h1"))
    with alpha.inside():
        Contact.objects.filter(external_id=BUYER).update(is_blocked=True)
    told(call("missed"))

    assert talk.conversation(BUYER).waiting_since is None
    assert talk.conversation("hidden").waiting_since is not None
    with alpha.inside():
        hidden = Contact.objects.get(external_id="hidden")
        assert hidden.name == "Скрытый номер"
        assert not hidden.identities.exists()


# ── By rule ──────────────────────────────────────────────────────────────────────────────────
def follow(talk: Talk) -> None:
    for _ in range(4):
        outbox.relay()
        talk.work()


def rule(api: Any, *then: dict[str, Any]) -> dict[str, Any]:
    body = {"name": "Missed", "is_on": True, "event": "call_missed", "when": [], "then": [*then]}
    answer = api.post("/api/v1/rules/", body, format="json")
    assert answer.status_code == 201, answer.content
    return answer.json()


@pytest.fixture
def template(alpha) -> int:
    with alpha.inside():
        made = Template.objects.create(code="missed", name="Missed")
        TemplateText.objects.create(template=made, lang="ru", text="Вы звонили нам, перезвоним.")
        return made.pk


def messenger(talk: Talk, chat: str = "anna", **more: Any) -> Conversation:
    """The buyer's chat in the pretend messenger, with the number proven."""
    talk.says("Привет!", chat=chat)
    with talk.shop.inside():
        contact = Contact.objects.get(external_id=chat)
        Identity.objects.create(contact=contact, kind="phone", value=BUYER, proof="shared")
        Contact.objects.filter(pk=contact.pk).update(**more)
    Pretend.sent.clear()
    return talk.conversation(chat)


@pytest.fixture
def sms(alpha, told):
    """A second channel: a number that can send SMS."""
    with serve_simulator(sim := ExolveSimulator()) as url:
        with alpha.inside():
            channel = channel_create(
                kind="exolve", name="SMS", bot=alpha.bot, settings={"number": NUMBER},
                secrets={"api_key": KEY}, base_url=url,
            )  # fmt: skip
            channel_connect(channel)
        yield sim, channel


def missed_by_phone(shop: Any, channel: Channel, ident: str = "p1") -> None:
    happened = call("missed", ident=ident)
    with shop.inside():
        apply(channel, lane_of(channel.pk, happened.chat), happened)


def test_a_missed_call_is_answered_in_the_messenger_that_is_preferred(
    alpha, told, sms, template, api_of
):
    sim, channel = sms
    messenger(told.talk)
    act = {"act": "send_elsewhere", "template": template, "kinds": "pretend, exolve"}
    rule(api_of(alpha), act)

    missed_by_phone(alpha, channel)
    follow(told.talk)

    assert Pretend.sent == [("anna", "Вы звонили нам, перезвоним.")]
    assert sim.texts(BUYER) == []
    with alpha.inside():
        here = Conversation.objects.get(contact__external_id=BUYER)
        assert here.waiting_since is not None  # still waits for a person
        assert (
            Message.objects.get(conversation=here, meta__code="written_elsewhere").meta["name"]
            == "Pretend"
        )


@pytest.mark.parametrize("why", ["blocked", "unreachable", "not named"])
def test_a_missed_call_is_answered_by_sms_where_the_messenger_is_shut(
    alpha, told, sms, template, api_of, why
):
    sim, channel = sms
    shut = {"blocked": {"is_blocked": True}, "unreachable": {"is_reachable": False}}
    messenger(told.talk, **shut.get(why, {}))
    kinds = "exolve" if why == "not named" else ["pretend", "exolve"]
    rule(api_of(alpha), {"act": "send_elsewhere", "template": template, "kinds": kinds})

    missed_by_phone(alpha, channel)
    follow(told.talk)

    assert Pretend.sent == []
    assert sim.texts(BUYER) == ["Вы звонили нам, перезвоним."]


def test_sms_goes_to_a_number_that_has_never_written(alpha, told, sms, template, api_of):
    """The call comes to a channel that can only tell; its number is written to by another."""
    sim, _channel = sms
    with alpha.inside():
        line = channel_create(kind="rostelecom", name="PBX", bot=alpha.bot)
        Channel.objects.filter(pk=line.pk).update(state="live")
    made = rule(api_of(alpha), {"act": "send_elsewhere", "template": template})

    missed_by_phone(alpha, line)
    follow(told.talk)

    assert sim.texts(BUYER) == ["Вы звонили нам, перезвоним."]
    with alpha.inside():
        written = Conversation.objects.get(channel__kind="exolve")
        assert (written.status, written.speaker) == ("resolved", "nobody")
    tried = api_of(alpha).post(f"/api/v1/rules/{made['id']}/try/", {}, format="json").json()
    assert [(hit["text"], hit["times"]) for hit in tried["hits"]] == [("", 1)]


def test_nowhere_to_write_is_said_in_the_log_of_rules(alpha, told, template, api_of):
    rule(api_of(alpha), {"act": "send_elsewhere", "template": template, "kinds": "telegram"})

    told(call("missed"))
    follow(told.talk)

    with alpha.inside():
        firing = Rule.objects.get(event="call_missed").firings.get()
    assert firing.outcome == "failed"


def test_a_rule_with_an_unknown_kind_is_not_kept(alpha, told, template, api_of):
    body = {
        "name": "x", "event": "call_missed", "when": [],
        "then": [{"act": "send_elsewhere", "template": template, "kinds": "pigeon"}],
    }  # fmt: skip
    answer = api_of(alpha).post("/api/v1/rules/", body, format="json")

    assert answer.status_code == 400
    assert "pigeon" in answer.content.decode()


# ── Seen by colleagues ───────────────────────────────────────────────────────────────────────
def test_colleagues_see_the_call_and_search_finds_it(alpha, told, api_of):
    talk = told(*rang())
    pk = talk.conversation(BUYER).pk
    api = api_of(alpha, "agent")

    thread = api.get(f"/api/v1/desk/conversations/{pk}/").json()
    (shown,) = [m for m in thread["messages"] if m["meta"].get("code") == "call"]
    assert shown["meta"]["call"]["state"] == "ended"
    assert thread["elsewhere"] is None
    (row,) = api.get(f"/api/v1/conversations/{pk}/messages/").json()["results"]
    assert row["meta"]["call"]["seconds"] == 65
    found = api.get("/api/v1/desk/search/", {"q": "входящий звонок"}).json()
    assert str(pk) in str(found)


def test_a_recording_opens_for_whoever_may_see_the_chat(
    alpha, beta, told, api_of, client_of, monkeypatch
):
    told(*rang())
    (line,) = lines(alpha)
    url = f"/api/v1/messages/{line.pk}/recording/"
    asked: list[tuple[str, str]] = []
    answers: list[Any] = [
        Recorded(url="https://records.example/1?a=b"),
        Recorded(content=b"ID3", mime="audio/mpeg"),
        Recorded(url="javascript:alert(1)"),
        NotFound("there is no recording"),
    ]

    def recording(self: Any, reference: str, address: str) -> Recorded:
        asked.append((reference, address))
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(Pretend, "recording", recording)
    api = api_of(alpha, "agent")

    sent = api.get(url)
    assert (sent.status_code, sent.headers["Location"]) == (302, "https://records.example/1?a=b")
    heard = api.get(url)
    assert (b"".join(heard.streaming_content), heard.headers["Content-Type"]) == (
        b"ID3", "audio/mpeg",
    )  # fmt: skip
    assert api.get(url).json()["error"]["code"] == "no_recording"
    assert api.get(url).json()["error"]["code"] == "no_recording"
    assert asked[0] == ("/r/1", "127.0.0.1")
    answers.append(NotFound("there is no recording"))
    page = client_of(alpha, "agent").get(f"/recordings/{line.pk}/")
    assert (page.status_code, page.content.decode()) == (
        409, "записи разговора нет или она ещё не готова",
    )  # fmt: skip
    assert api_of(beta, "owner").get(url).status_code == 404
    with alpha.inside():
        Conversation.objects.update(agent=alpha.owner, speaker="agent")
        from bots.models import Team

        Team.objects.update(sees_colleagues=False)
    assert api.get(url).status_code == 404
    assert len(asked) == 5


def test_where_nothing_can_be_written_the_other_channels_are_offered(alpha, told, sms, api_of):
    sim, sms_channel = sms
    talk = messenger(told.talk)
    with alpha.inside():
        line = channel_create(kind="rostelecom", name="PBX", bot=alpha.bot)
        Channel.objects.filter(pk=line.pk).update(state="live")
    missed_by_phone(alpha, line)
    with alpha.inside():
        pk = Conversation.objects.get(channel=line).pk
    api = api_of(alpha, "agent")

    thread = api.get(f"/api/v1/desk/conversations/{pk}/").json()
    assert thread["channel"]["can_write"] is False
    assert [(w["channel"]["kind"], w["conversation"]) for w in thread["elsewhere"]] == [
        ("pretend", talk.pk), ("exolve", None),
    ]  # fmt: skip
    refused = api.post(f"/api/v1/conversations/{pk}/reply/", {"text": "Алло"}, format="json")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "unreachable")

    begun = api.post(
        f"/api/v1/conversations/{pk}/elsewhere/", {"channel": sms_channel.pk}, format="json"
    ).json()["conversation"]
    sent = api.post(f"/api/v1/conversations/{begun}/reply/", {"text": "Алло"}, format="json")
    assert sent.status_code in (200, 201), sent.content
    told.talk.work()
    assert sim.texts(BUYER) == ["Алло"]
    gone = api.post(f"/api/v1/conversations/{pk}/elsewhere/", {"channel": line.pk}, format="json")
    assert gone.json()["error"]["code"] == "nowhere"
    other = api_of(alpha).post(
        f"/api/v1/conversations/{pk}/elsewhere/", {"channel": 10**6}, format="json"
    )
    assert other.status_code == 409


def test_exolve_end_to_end(alpha, told, sms):
    """An SMS is answered by the bot over Exolve, a missed call waits for a person."""
    sim, channel = sms
    with alpha.inside():
        adapter = adapter_of(channel)
    from bots.channels.base import Inbound

    for body in (sim.buyer_writes("Есть 46 размер?"), *sim.call("CallStart", "CallNoAnswer")):
        import json

        request = Inbound(json.dumps(body).encode(), {"host": "x"})
        with alpha.inside():
            accept(channel.pk, adapter.envelopes(request), ring=False)
        told.talk.work()

    assert sim.texts(BUYER) == ["re: Есть 46 размер?"]
    with alpha.inside():
        conversation = Conversation.objects.get(channel=channel)
        assert (conversation.speaker, conversation.handover_reason) == ("queue", "missed_call")
        conversation_resolve(conversation_id=conversation.pk, by=alpha.owner)


def test_what_a_rule_says_before_it_closes_the_chat_still_goes_out(
    alpha, told, sms, template, api_of
):
    sim, channel = sms
    rule(api_of(alpha), {"act": "send_template", "template": template}, {"act": "resolve"})

    missed_by_phone(alpha, channel)
    follow(told.talk)

    assert sim.texts(BUYER) == ["Вы звонили нам, перезвоним."]
    with alpha.inside():
        assert Conversation.objects.get(channel=channel).status == "resolved"


def test_a_forgotten_buyers_recordings_lead_nowhere(alpha, told):
    told(*rang())
    with alpha.inside():
        contact = Contact.objects.get(external_id=BUYER)
        card = Person.objects.get(pk=contact.person_id)
        (kept,) = person_data(card)["calls"]
        assert (kept["state"], kept["seconds"], "recording" in kept) == ("ended", 65, False)

        _erase([card.pk], [contact], removes_texts=False)

    assert lines(alpha)[0].meta["call"]["recording"] == ""
