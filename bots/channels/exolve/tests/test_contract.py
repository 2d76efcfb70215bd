"""What we ask of Exolve, held against its described methods (VENDOR_SPECS)."""

from __future__ import annotations

import json
import re

from bots.channels.base import Reply
from bots.channels.exolve.simulator import ExolveSimulator
from bots.channels.exolve.tests.sample import ExolveSample
from bots.llm.tests.contract import spec
from tenants.kernel.simulate import serve_simulator

SAMPLE = ExolveSample()


def test_requests_are_as_described():
    root = spec("..", "commerce", "exolve", "api.json")
    sms = root["sms"]
    send = sms["POST /messaging/v1/SendSMS"]
    asked_by = {name.split()[0] for name in sms["POST /messaging/v1/GetList"]["filters"]}
    with serve_simulator(sim := ExolveSimulator()) as url:
        adapter = SAMPLE.adapter(url)
        assert adapter.connect().ok
        (call,) = adapter.render(Reply(SAMPLE.chat, "Заказ готов"))
        adapter.send(call)
        adapter.look_up(call)
        adapter.poll({}, 0)

    for call in sim.calls:
        assert call.method == "POST"
        assert f"POST {call.path}" in sms
        assert call.headers["authorization"].startswith("Bearer ")
        body = json.loads(call.body)
        if call.path.endswith("SendSMS"):
            assert set(body) <= set(send["body"])
            assert re.fullmatch(r"\d{11}", body["destination"])
        else:
            assert set(body) <= asked_by
            assert body["limit"] <= 2000
    assert set(send["answer"]) <= set(sim.messages[0])
