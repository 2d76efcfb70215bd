"""Rostelecom's own: the signature both ways, Moscow's time, history in a ZIP, one-time records."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from bots.channels.base import CallHappened, Inbound, Recorded, Reply, Unsupported
from bots.channels.rostelecom import adapter as module
from bots.channels.rostelecom import events
from bots.channels.rostelecom.client import signature
from bots.channels.rostelecom.simulator import LINE, RostelecomSimulator
from bots.channels.rostelecom.tests.sample import RostelecomSample
from tenants.kernel.errors import NeedsMerchant, NotFound, Rejected
from tenants.kernel.simulate import serve_simulator

SAMPLE = RostelecomSample()
BUYER = "+79991234567"
AT = datetime(2026, 11, 20, 10, 0, 0, 125_000, UTC)


def test_the_signature_is_of_these_very_bytes():
    assert signature("c", b'{"a": 1}', "k") == sha256(b'c{"a": 1}k').hexdigest()
    assert signature("c", b'{"a":1}', "k") != signature("c", b'{"a": 1}', "k")


def told(event: dict) -> CallHappened:
    adapter = SAMPLE.adapter()
    (envelope,) = adapter.envelopes(SAMPLE.inbound(event))
    (found,) = adapter.parse(envelope.payload)
    assert isinstance(found, CallHappened)
    assert envelope.chat == found.chat
    return found


def test_events_are_a_call_in_moscow_time():
    event = SAMPLE.says("")

    assert told(event) == CallHappened("call:SDsession1", BUYER, "in", "ringing", AT, line=LINE)
    answered = told({**event, "state": "connected"})
    assert (answered.state, answered.answered_by) == ("answered", "101")
    over = told({**event, "state": "end", "is_record": "true"})
    assert (over.state, over.recording) == ("ended", "SDsession1")
    out = told({**event, "type": "outbound", "from_number": LINE, "request_number": BUYER})
    assert (out.direction, out.chat, out.line) == ("out", BUYER, LINE)
    assert told({**event, "from_number": "anonymous"}).chat == "hidden"


def test_a_state_of_a_session_is_one_delivery_and_colleagues_calls_are_none_of_ours():
    adapter, event = SAMPLE.adapter(), SAMPLE.says("")
    keys = [
        adapter.envelopes(SAMPLE.inbound(one))[0].dedupe_key
        for one in (event, {**event, "timestamp": "2026-11-20 13:00:09.000"},
                    {**event, "state": "end"})
    ]  # fmt: skip
    assert keys[0] == keys[1] != keys[2]
    with pytest.raises(Unsupported):
        adapter.parse({"event": {**event, "type": "internal"}})
    with pytest.raises(Unsupported):
        adapter.parse({"event": {**event, "state": "analytics"}})


def test_history_is_ordered_waited_for_and_read():
    with serve_simulator(sim := RostelecomSimulator()) as url:
        adapter = SAMPLE.adapter(url)
        sim.call("new", "calling", "connected", "end", seconds=65, record=True)
        sim.call("new", "end", number="+79997654321")
        sim.call("new", "connected", "end", kind="internal")

        nothing, cursor = adapter.poll({}, 0)
        assert (nothing, cursor["order"]) == ([], "order-4")
        nothing, waited = adapter.poll(cursor, 0)
        assert (nothing, waited) == ([], cursor)
        (fetched,), done = adapter.poll(waited, 0)
        assert done["order"] == ""
        assert adapter.poll(done, 0) == ([], done)

    calls = [adapter.parse(e.payload)[0] for e in adapter.envelopes(fetched)]
    assert [(c.external_id, c.chat, c.state, c.seconds, c.recording) for c in calls] == [
        ("call:session-1", BUYER, "ended", 65, "session-1"),
        ("call:session-2", "+79997654321", "missed", 0, ""),
    ]
    assert calls[0].at.utcoffset() == timedelta(hours=3)
    asked = json.loads(sim.calls[0].body)
    assert asked["date_start"] < asked["date_end"]


def test_a_history_file_that_never_comes_is_ordered_again(monkeypatch):
    with serve_simulator(sim := RostelecomSimulator()) as url:
        adapter = SAMPLE.adapter(url)
        sim.not_ready = 99
        _nothing, cursor = adapter.poll({}, 0)
        monkeypatch.setattr(module, "WAITED_FOR", timedelta(0))
        assert adapter.poll(cursor, 0)[1]["order"] == ""


def test_history_with_a_heading_and_damaged_ones():
    sim = RostelecomSimulator()
    sim.with_heading = True
    sim.call("new", "end")
    archive = sim.history(list(sim.sessions.values()))

    assert [row["session_id"] for row in events.rows_of(archive)] == ["session-1"]
    with pytest.raises(events.NotReady):
        events.rows_of(b"<html><h1>File [x] not found</h1></html>")
    for broken in (archive[:40], b"PK nothing", b"a;b;c"):
        with pytest.raises(ValueError, match="history"):
            events.rows_of(broken)


def test_a_recording_is_asked_for_whoever_opens_it():
    with serve_simulator(sim := RostelecomSimulator()) as url:
        adapter = SAMPLE.adapter(url)
        sim.call("new", "connected", "end", record=True)
        sim.call("new", "end")

        found = adapter.recording("session-1", "203.0.113.7")
        with pytest.raises(NotFound):
            adapter.recording("session-2", "203.0.113.7")

    assert found == Recorded(url="https://records.example.ru/once/1")
    assert sim.recorded == [("session-1", "203.0.113.7")]


def test_connecting_tells_a_wrong_key_from_a_right_one():
    with serve_simulator(RostelecomSimulator()) as url:
        adapter = SAMPLE.adapter(url)
        assert adapter.connect().ok
        adapter.config = type(adapter.config)(
            1, "m_x", SAMPLE.settings, {"sign_key": "wrong"}, base_url=url
        )
        with pytest.raises(NeedsMerchant, match="does not know this code"):
            adapter.connect()
        adapter.config = type(adapter.config)(1, "m_x", {}, {})
        assert not adapter.connect().ok


def test_nothing_can_be_written():
    adapter = SAMPLE.adapter()

    assert adapter.render(Reply(BUYER, "Перезвоним")) == []
    with pytest.raises(Rejected):
        adapter.send(None)  # type: ignore[arg-type]


def test_nobody_outside_can_pretend_to_be_the_history():
    body = {"rows": [{"session_id": "1", "direction": "1"}]}

    assert SAMPLE.adapter().envelopes(SAMPLE.inbound(body)) == []
    assert SAMPLE.adapter().envelopes(Inbound(b"[]")) == []
