"""What we ask of the virtual PBX and what it tells, held against its manual (VENDOR_SPECS)."""

from __future__ import annotations

import json

from bots.channels.rostelecom import events
from bots.channels.rostelecom.simulator import RostelecomSimulator
from bots.channels.rostelecom.tests.sample import RostelecomSample
from bots.llm.tests.contract import spec
from tenants.kernel.simulate import serve_simulator

SAMPLE = RostelecomSample()
NOT_OF_THE_REQUEST = {"answer"}


def test_requests_and_events_are_as_described():
    root = spec("..", "commerce", "rostelecom", "api.json")
    out, told = root["calls_out"], root["calls_in"]["call_events"]
    with serve_simulator(sim := RostelecomSimulator()) as url:
        adapter = SAMPLE.adapter(url)
        assert adapter.connect().ok
        rang = sim.call("new", "calling", "connected", "disconnected", "end", record=True)
        adapter.recording("session-1", "203.0.113.7")
        cursor: dict = {}
        for _ in range(3):
            _fetched, cursor = adapter.poll(cursor, 0)

    assert {call.path.lstrip("/") for call in sim.calls} >= {
        "call_info", "get_record", "domain_call_history", "download_call_history",
    }  # fmt: skip
    for call in sim.calls:
        described = out[call.path.lstrip("/")]
        assert set(json.loads(call.body)) <= set(described) - NOT_OF_THE_REQUEST
        assert {"x-client-id", "x-client-sign"} <= set(call.headers)
    fields = {name.split()[0] for name in told["fields"]}
    for event in (*rang, *SAMPLE.kinds().values()):
        if "state" not in event:
            continue
        assert set(event) <= fields | {"request_pin"}
        assert event["state"] in told["state"]
        assert event["type"] in told["type"]
    assert set(events.STATES) == set(told["state"]) - {"analytics"}
