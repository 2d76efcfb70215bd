"""Exolve's own: numbers, events by many names, states by asking, recordings with the key."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from bots.channels.base import Call, CallHappened, Inbound, Receipt, Recorded, Reply
from bots.channels.exolve import events
from bots.channels.exolve.simulator import KEY, NUMBER, ExolveSimulator
from bots.channels.exolve.tests.sample import ExolveSample
from tenants.kernel.errors import NeedsMerchant, NotFound, Rejected
from tenants.kernel.simulate import serve_simulator

SAMPLE = ExolveSample()
AT = datetime(2026, 11, 20, 10, tzinfo=UTC)


def happened(told: dict, **settings: str) -> CallHappened:
    adapter = SAMPLE.adapter()
    adapter.config = type(adapter.config)(1, "m_x", {**SAMPLE.settings, **settings}, {})
    (envelope,) = adapter.envelopes(Inbound(json.dumps(told).encode(), {"host": "x"}))
    (found,) = adapter.parse(envelope.payload)
    assert isinstance(found, CallHappened)
    assert envelope.chat == found.chat
    return found


def test_numbers_go_out_as_digits_and_are_e164_with_us():
    (call,) = SAMPLE.adapter().render(Reply("+79991234567", "Перезвоним в 12:00"))

    assert call == Call(
        "SendSMS",
        {"number": NUMBER, "destination": "79991234567", "text": "Перезвоним в 12:00"},
    )
    assert events.phone("sip:79991234567@sip.exolve.ru") == "+79991234567"
    assert events.phone("8 (999) 123-45-67") == "+79991234567"
    assert events.phone("anonymous") == ""
    assert events.bare("Prilavok") == "Prilavok"


def test_an_incoming_call_is_told_as_it_goes_on():
    kinds = SAMPLE.kinds()

    assert happened(kinds["call begins"]) == CallHappened(
        "call:c-1", "+79991234567", "in", "ringing", AT, line=f"+{NUMBER}"
    )
    assert happened(kinds["call is answered"]).state == "answered"
    assert happened(kinds["call is missed"]).state == "missed"
    ended = happened(kinds["call ends"])
    assert (ended.state, ended.seconds) == ("ended", 61)
    assert happened(kinds["outgoing call"]).direction == "out"
    assert happened(kinds["outgoing call"]).chat == f"+{NUMBER}"
    assert happened(kinds["hidden caller"]).chat == "hidden"


def test_ringing_is_not_taken_for_talk():
    told = {**SAMPLE.kinds()["call ends"], "talk_duration": 0, "duration": 20}

    assert happened(told).seconds == 0
    assert happened({**told, "answer_time": "2026-11-20T10:00:05Z"}).seconds == 20


def test_a_direction_nobody_names_is_told_by_our_number():
    told = {"call_id": "9", "from": f"+{NUMBER}", "to": "+79991234567", "event": "ringing"}

    assert (happened(told).direction, happened(told).chat) == ("out", "+79991234567")


def test_a_merchant_may_name_the_fields():
    told = {"call_sid": "7", "ktoZvonit": "79991234567", "chto": "NO_ANSWER", "kogda": 1763632800}

    found = happened(told, names="from=ktoZvonit, event=chto, at=kogda, bad, =x, id=")

    assert found.chat == "+79991234567"
    assert (found.state, found.at) == ("missed", datetime.fromtimestamp(1763632800, UTC))


def test_states_are_asked_for_and_told_once():
    with serve_simulator(sim := ExolveSimulator()) as url:
        adapter = SAMPLE.adapter(url)
        (call,) = adapter.render(Reply("+79991234567", "Ваш заказ готов"))
        sent = adapter.send(call)
        sim.buyer_writes("Спасибо")
        _first, cursor = adapter.poll({}, 0)
        sim.becomes(sent.external_id, "delivered")
        (fetched,), cursor = adapter.poll(cursor, 0)

    envelopes = adapter.envelopes(fetched)
    assert [one.dedupe_key for one in envelopes] == [f"state:{sent.external_id}:delivered"]
    assert adapter.parse(envelopes[0].payload) == [
        Receipt(sent.external_id, "+79991234567", "delivered")
    ]
    assert json.loads(sim.calls[-1].body)["date_gte"] > json.loads(sim.calls[-2].body)["date_gte"]


def test_incoming_sms_may_be_asked_for_instead():
    with serve_simulator(sim := ExolveSimulator()) as url:
        told = sim.buyer_writes("Есть 46?")
        adapter = SAMPLE.adapter(url)
        adapter.config = type(adapter.config)(
            1, "m_x", {**SAMPLE.settings, "incoming": "poll"}, {"api_key": KEY}, base_url=url
        )
        (fetched,), _cursor = adapter.poll({}, 0)

    (envelope,) = adapter.envelopes(fetched)
    (said,) = adapter.parse(envelope.payload)
    assert (said.external_id, said.chat, said.text) == (
        f"sms:{told['message_id']}", "+79991234567", "Есть 46?",
    )  # fmt: skip
    assert said.identities == (("phone", "+79991234567", "claimed"),)


def test_nobody_outside_can_pretend_to_be_a_poll():
    body = json.dumps({"polled": [{"message_id": "1", "sender": NUMBER, "receiver": "7999"}]})

    (envelope,) = SAMPLE.adapter().envelopes(Inbound(body.encode(), {"host": "x"}))

    assert "told" in envelope.payload


def test_a_recording_is_fetched_with_the_key_from_exolve_alone():
    with serve_simulator(sim := ExolveSimulator()) as url:
        sim.recordings["77"] = b"ID3"
        adapter = SAMPLE.adapter(url)

        heard = adapter.recording(f"{url}/statistics/download/77", "10.0.0.1")
        elsewhere = adapter.recording("https://records.example/77.mp3", "10.0.0.1")
        with pytest.raises(NotFound):
            adapter.recording("/statistics/download/78", "10.0.0.1")

    assert heard == Recorded(content=b"ID3", mime="audio/mpeg")
    assert elsewhere == Recorded(url="https://records.example/77.mp3")


def test_connecting_tries_the_key():
    with serve_simulator(ExolveSimulator()) as url:
        check = SAMPLE.adapter(url).connect()
        assert (check.ok, check.account) == (True, {"name": NUMBER, "mode": "polling"})

        wrong = SAMPLE.adapter(url)
        wrong.config = type(wrong.config)(1, "m_x", SAMPLE.settings, {"api_key": "no"}, url)
        with pytest.raises(NeedsMerchant, match="does not know this key"):
            wrong.connect()
        with pytest.raises(Rejected, match="not available for sending"):
            SAMPLE.adapter(url).send(
                Call("SendSMS", {"number": "7495", "destination": "79991234567", "text": "x"})
            )
