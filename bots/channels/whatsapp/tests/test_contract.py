"""Our requests and the simulator's answers held against Meta's own description (v23.0).

What it lacks (link buttons, typing, hidden phones, edits, echoes) is not tried here.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from bots.channels.base import Button, File, Inbound, PlatformTemplate, Reply
from bots.channels.whatsapp import adapter as module
from bots.channels.whatsapp.errors import MEANINGS
from bots.channels.whatsapp.simulator import WhatsAppSimulator
from bots.channels.whatsapp.tests.sample import BUYER, WhatsAppSample
from bots.llm.tests.contract import check, spec
from tenants.kernel.simulate import serve_simulator

SAMPLE = WhatsAppSample()
CARD = {"title": "Свитер", "external_id": "S1", "url": "https://s.ru/1"}
# Meta's description tells messages in apart from messages out by suffixes of its own.
MESSAGES_IN = {
    "text": "TextMessage_2", "reaction": "ReactionMessage_1", "audio": "AudioMessage_1",
    "document": "DocumentMessage_1", "image": "ImageMessage_1", "sticker": "StickerMessage_1",
    "video": "VideoMessage_1", "location": "LocationMessage_1", "button": "ButtonMessage",
    "contacts": "ContactSharingMessage", "order": "OrderMessage", "system": "SystemMessage",
    "unsupported": "UnsupportedMessage",
}  # fmt: skip


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    """The description, put right in two places where it contradicts itself.

    `additionalProperties: false` stands beside `allOf`, which forbids the fields all messages
    share; and some messages in refer to what messages out share.
    """
    components = _opened(spec("whatsapp", "business-messaging-api_v23.0.yaml")["components"])
    schemas = components["schemas"]
    for name in MESSAGES_IN.values():
        base = schemas[name].get("allOf", [{}])[0]
        if base.get("$ref") == "#/components/schemas/BaseMessageProperties":
            base["$ref"] = "#/components/schemas/BaseMessageProperties_1"
    return {"components": components}


def _opened(node: Any) -> Any:
    if isinstance(node, list):
        return [_opened(one) for one in node]
    if not isinstance(node, dict):
        return node
    return {
        name: _opened(value)
        for name, value in node.items()
        if not (name == "additionalProperties" and value is False)
        and name != "discriminator"
        and not (name == "format" and value == "url")
    }


def test_what_we_send_is_described(described, monkeypatch):
    monkeypatch.setattr(module, "file_bytes", lambda stored: ("a.jpg", b"\xff\xd8"))
    simulator = WhatsAppSimulator()
    simulator.buyer(BUYER).wrote_at = simulator.now
    simulator.catalogue |= {"S1", "S2"}
    with serve_simulator(simulator) as url:
        adapter = SAMPLE.adapter(url)
        adapter.config = type(adapter.config)(
            **{**vars(adapter.config), "settings": {**SAMPLE.settings, "catalog_id": "77"}}
        )
        adapter.template_submit(PlatformTemplate("again", "ru", "Ваш {{1}} ждёт", examples=("7",)))
        simulator.template_decided("again")
        picture = File("image", "a.jpg", "image/jpeg", 2, stored_id=1)
        for kind, reply in (
            ("TextMessage", Reply(BUYER, "Привет", reply_to="wamid.X==", message_id=7)),
            ("InteractiveMessage", Reply(BUYER, "Какой?", buttons=(Button("46", "46"),))),
            (
                "InteractiveMessage",
                Reply(BUYER, "?", buttons=tuple(Button(str(n), str(n)) for n in range(9))),
            ),
            ("InteractiveMessage", Reply(BUYER, "Вот", cards=(CARD,))),
            (
                "InteractiveMessage",
                Reply(BUYER, "Вот", cards=(CARD, {**CARD, "external_id": "S2"})),
            ),
            ("TemplateMessage", Reply(BUYER, "", template={
                "name": "again", "language": "ru", "values": ["7"]})),
            ("ImageMessage", Reply(BUYER, "", files=(picture,))),
        ):  # fmt: skip
            for call in adapter.render(reply):
                adapter.send(call)
            sent = json.loads(simulator.calls[-1].body)
            check(described, f"#/components/schemas/{kind}", sent)
        adapter.mark_read(BUYER, "wamid.X==")
        read = json.loads(simulator.calls[-1].body)
        check(described, "#/components/schemas/MarkMessageRequestPayload", read)


def test_the_simulators_answers_and_calls_are_described(described):
    simulator = WhatsAppSimulator()
    simulator.buyer(BUYER).wrote_at = simulator.now
    with serve_simulator(simulator) as url:
        graph = SAMPLE.adapter(url)._graph
        answer = graph.call(
            "POST", f"{graph.phone}/messages", "x",
            json=dict(SAMPLE.adapter().render(Reply(BUYER, "Привет"))[0].data),
        )  # fmt: skip
        check(described, "#/components/schemas/MessageResponsePayload", answer)
        check(
            described, "#/components/schemas/PhoneNumberInfo", graph.call("GET", graph.phone, "x")
        )
        apps = graph.call("POST", f"{graph.account}/subscribed_apps", "x")
        check(described, "#/components/schemas/SubscriptionResponse", apps)
    simulator.buyer_says("Привет")
    simulator.buyer_sends("image", b"\xff\xd8", "image/jpeg")
    ident = answer["messages"][0]["id"]
    for state in ("sent", "delivered", "read"):
        simulator.status(ident, state)
    simulator.status(ident, "failed", code=131047)
    for entry in simulator.waiting:
        body, headers = simulator.signed(entry)
        SAMPLE.adapter().verify(Inbound(body, headers))
        call = json.loads(body)
        (change,) = call["entry"][0]["changes"]
        kind = "StatusMessageValue" if "statuses" in change["value"] else None
        if kind:
            check(described, f"#/components/schemas/{kind}", change["value"])
            check(described, "#/components/schemas/WebhookPayload", call)


def test_fixtures_of_messages_are_described(described):
    # The description asks for more than Meta sends of these.
    looser = {"location", "reaction", "order", "context", "referral"}
    tried = set()
    for payload in SAMPLE.kinds().values():
        value = payload["entry"][0]["changes"][0]["value"]
        for message in value.get("messages", ()):
            kind = message["type"]
            if "from" in message and kind in MESSAGES_IN and kind not in looser:
                plain = {k: v for k, v in message.items() if k not in looser}
                if kind == "button":
                    plain["context"] = {"from": "79005550001", "id": "wamid.X=="}
                check(described, f"#/components/schemas/{MESSAGES_IN[kind]}", plain)
                tried.add(kind)
    assert len(tried) > 8


def test_every_code_of_the_list_is_decided():
    codes = [one["code"] for one in spec("whatsapp", "error_codes.json")["codes"]]
    assert [code for code in codes if isinstance(code, int) and code not in MEANINGS] == []
