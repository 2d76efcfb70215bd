"""Our requests and the simulator's words against MAX's own description (VENDOR_SPECS)."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema
import pytest

from bots.channels.base import Button, Call, Config, File, Reply
from bots.channels.max import adapter as module
from bots.channels.max.adapter import UPDATE_TYPES, Max
from bots.channels.max.simulator import TOKEN, MaxSimulator
from bots.channels.max.tests.sample import MaxSample
from bots.llm.tests.contract import _null_told, spec
from tenants.kernel.simulate import serve_simulator

# What the description requires and real bodies lack, or forbids and they have (the description
# says of itself that it may be behind).
LOOSE = {
    "MessageBody": {"link", "attachments", "text"},
    "User": {"username", "name", "last_activity_time"},
}
KINDS = {
    "message_created": "MessageCreatedUpdate",
    "message_edited": "MessageEditedUpdate",
    "message_removed": "MessageRemovedUpdate",
    "message_callback": "MessageCallbackUpdate",
    "bot_started": "BotStartedUpdate",
    "bot_stopped": "BotStoppedUpdate",
    "dialog_removed": "DialogRemovedUpdate",
}


@pytest.fixture(scope="module")
def root() -> dict[str, Any]:
    found = copy.deepcopy(spec("max", "max_bot_api_2026_07_01.json"))
    schemas = found["components"]["schemas"]
    for name, missing in LOOSE.items():
        schemas[name]["required"] = [r for r in schemas[name]["required"] if r not in missing]
    schemas["ChatType"]["enum"] = ["chat", "dialog", "channel"]
    return _null_told(found)


def check(root: dict[str, Any], name: str, value: Any) -> None:
    jsonschema.Draft202012Validator({**root, "$ref": f"#/components/schemas/{name}"}).validate(
        value
    )


def test_updates_fit_the_description(root):
    max_ = MaxSimulator()
    told = [
        max_.buyer_starts(payload="promo"),
        max_.buyer_says("Привет", {"type": "location", "latitude": 1.5, "longitude": 2.5}),
        max_.buyer_says(None, max_.contact("79005550001"), max_.media("image", b"x")),
        max_.buyer_stops(),
        *(MaxSample().kinds()[kind] for kind in KINDS),
    ]
    for update in told:
        check(root, KINDS[update["update_type"]], update)
    mapping = root["components"]["schemas"]["Update"]["discriminator"]["mapping"]
    assert set(UPDATE_TYPES) <= set(mapping)
    assert set(mapping) <= {name.split(" ")[0] for name in MaxSample().kinds()}


def test_requests_and_answers_fit_the_description(root, monkeypatch):
    monkeypatch.setattr(module, "file_bytes", lambda _id: ("a.jpg", b"content"))
    max_ = MaxSimulator()
    hook = "https://alpha.shop.ru/hooks/key-of-alpha-0123456789/"
    with serve_simulator(max_) as url:
        max_.url = url
        max_.dialogue()
        ours = Max(
            Config(1, "m_x", {}, {"token": TOKEN, "hook": "hook-secret_1"}, url, hook_url=hook)
        )
        assert ours.connect().ok and ours.health().ok
        buttons = (
            Button("42", "size:42"),
            Button("Сайт", url="https://shop.ru/"),
            Button("Телефон", kind="phone"),
            Button("Где вы", kind="location"),
        )
        files = (File("image", "a.jpg", stored_id=1), File("file", "a.jpg", stored_id=1))
        calls = ours.render(Reply("101", "**Да**", buttons=buttons, files=files))
        mids = [ours.send(call).external_id for call in calls]
        ours.edit(Call("sendMessage", calls[-1].data), "101", mids[-1])
        ours.typing("101")
        ours.acknowledge("cb_1")
        ours.look_up(calls[-1])

        bodies = {
            "/subscriptions": "SubscriptionRequestBody",
            "/messages": "NewMessageBody",
            "/answers": "CallbackAnswer",
            "/chats/101/actions": "ActionRequestBody",
        }
        paths = root["paths"]
        for call in max_.calls:
            if call.path.startswith("/upload/"):
                continue
            template = "/chats/{chatId}/actions" if call.path.endswith("actions") else call.path
            method = paths[template][call.method.lower()]
            assert set(call.query) <= {p["name"] for p in method.get("parameters", ())}, call.path
            if call.body:
                check(root, bodies[call.path], call.json())
        for message in max_.sent:
            check(root, "Message", message)
            for attachment in message["body"]["attachments"] or ():
                kinds = root["components"]["schemas"]["Attachment"]["discriminator"]["mapping"]
                check(root, kinds[attachment["type"]].rpartition("/")[2], attachment)
        for one, name in (
            (max_._me(None), "BotInfo"),  # type: ignore[arg-type]
            (max_._subscriptions(None), "GetSubscriptionsResult"),  # type: ignore[arg-type]
        ):
            check(root, name, json.loads(one.body))  # type: ignore[arg-type]
