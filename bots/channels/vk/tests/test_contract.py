"""Our requests and the simulator's words against VK's own description (VENDOR_SPECS)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import jsonschema
import pytest
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from bots.channels.base import Button, Config, File, Reply
from bots.channels.vk import adapter as module
from bots.channels.vk.adapter import EVENTS, Vk
from bots.channels.vk.simulator import GROUP_ID, TOKEN, VkSimulator
from bots.channels.vk.tests.sample import VkSample
from bots.llm.tests.contract import spec
from tenants.kernel.simulate import serve_simulator

BASE = "https://specs.invalid/vk/"
# Defined, but missing from the description's own list of kinds.
UNLISTED = {"message_event"}
EVENT_SCHEMAS = {
    "message_new": "callback/objects.json#/definitions/callback_message_new",
    "message_reply": "messages/objects.json#/definitions/messages_message",
    "message_allow": "callback/objects.json#/definitions/callback_message_allow",
    "message_deny": "callback/objects.json#/definitions/callback_message_deny",
    "message_read": "callback/objects.json#/definitions/callback_message_read",
    "message_event": "callback/objects.json#/definitions/callback_message_event",
    "message_reaction_event": (
        "callback/objects.json#/definitions/callback_message_reaction_event"
    ),
}
RESPONSES = {
    "groups.getById": "groups_getById_object_response",
    "groups.getTokenPermissions": "groups_getTokenPermissions_response",
    "groups.getCallbackServers": "groups_getCallbackServers_response",
    "groups.addCallbackServer": "groups_addCallbackServer_response",
    "groups.getLongPollServer": "groups_getLongPollServer_response",
    "messages.send": "messages_send_user_ids_response",
    "messages.delete": "messages_delete_full_response",
    "photos.getMessagesUploadServer": "photos_getMessagesUploadServer_response",
    "photos.saveMessagesPhoto": "photos_saveMessagesPhoto_response",
    "docs.getMessagesUploadServer": "docs_getUploadServer_response",
    "docs.save": "docs_save_response",
}


def _told_now(node: Any) -> Any:
    """`required` of a property, as older drafts had it, into the object's list."""
    if isinstance(node, list):
        return [_told_now(one) for one in node]
    if not isinstance(node, dict):
        return node
    node = {name: _told_now(value) for name, value in node.items()}
    properties = node.get("properties")
    if isinstance(properties, dict):
        needed = [
            name
            for name, one in properties.items()
            if isinstance(one, dict) and one.pop("required", None) is True
        ]
        node["required"] = [*node.get("required", []), *needed] if needed else []
    if node.get("required") is True:
        del node["required"]
    return node


def _opened(uri: str) -> Resource:
    path = Path(uri.removeprefix(BASE))
    return Resource(_told_now(spec("vk", *path.parts)), DRAFT202012)


@pytest.fixture(scope="module")
def registry() -> Registry:
    spec("vk", "schema.json")
    return Registry(retrieve=_opened)  # type: ignore[call-arg]


def check(registry: Registry, ref: str, value: Any) -> None:
    jsonschema.Draft202012Validator({"$ref": urljoin(BASE, ref)}, registry=registry).validate(value)


def methods() -> dict[str, Any]:
    found = {}
    for name in ("messages", "groups", "photos", "docs", "users"):
        found |= {one["name"]: one for one in spec("vk", name, "methods.json")["methods"]}
    return found


def test_events_fit_the_description(registry):
    vk = VkSimulator()
    told = [
        vk.buyer_says("Привет", vk.media("photo", b"x"), vk.media("audio_message", b"x")),
        vk.manager_says("Здравствуйте"),
        vk.buyer_reads(),
        vk.buyer_denies(),
        *VkSample().kinds().values(),
    ]
    listed = registry.resolver().lookup(
        urljoin(BASE, "callback/objects.json#/definitions/callback_type")
    ).contents["enum"]  # fmt: skip
    for event in told:
        kind = event["type"]
        assert kind in listed or kind in UNLISTED
        base = {**event, "type": "message_new" if kind in UNLISTED else kind}
        check(registry, "callback/objects.json#/definitions/callback_base", base)
        if ref := EVENT_SCHEMAS.get(kind):
            about = dict(event["object"])
            if kind == "message_event":
                about["payload"] = json.dumps(about["payload"])
            check(registry, ref, about)
    assert set(listed) - {"confirmation"} <= {event["type"] for event in told}


def test_requests_and_answers_fit_the_description(registry, monkeypatch):
    monkeypatch.setattr(module, "file_bytes", lambda _id: ("a.jpg", b"content"))
    vk = VkSimulator()
    known = methods()
    answers: list[tuple[str, Any]] = []
    with serve_simulator(vk) as url:
        vk.url = url
        config = Config(1, "m_x", {"group_id": str(GROUP_ID)},
                        {"token": TOKEN, "hook": "hook-secret_1"}, url)  # fmt: skip
        plain = vk._method

        async def kept(request: Any) -> Any:
            answer = await plain(request)
            answers.append((request.params["name"], json.loads(answer.body)))
            return answer

        vk._routes[0] = (*vk._routes[0][:2], kept)
        vk.dialogue()
        called = Vk(Config(**{**config.__dict__, "hook_url": "https://alpha.shop.ru/hooks/k/"}))
        assert called.connect().ok and called.health().ok
        asked = Vk(config)
        assert asked.connect().ok
        asked.poll({}, 0)
        buttons = (Button("42", "size:42"), Button("Сайт", url="https://shop.ru/"),
                   Button("Где", kind="location"))  # fmt: skip
        files = (File("image", "a.jpg", stored_id=1), File("file", "a.jpg", stored_id=1))
        calls = asked.render(Reply("101", "**Да**", buttons, files, message_id=7))
        idents = [asked.send(call).external_id for call in calls]
        quoted = Reply("101", "Да", reply_to=idents[-1], message_id=8)
        asked.send(asked.render(quoted)[0])
        asked.edit(calls[-1], "101", idents[-1])
        asked.typing("101")
        asked.mark_read("101", "1")
        asked.acknowledge("e|101|101")
        asked.fetch_file(File("image", external_id="101/2/0"))
        asked.delete("101", idents[-1])

        for name, told in answers:
            assert "error" not in told, (name, told)
            if schema := RESPONSES.get(name):
                check(registry, f"{name.split('.')[0]}/responses.json#/definitions/{schema}", told)
        for call in vk.calls:
            if not call.path.startswith("/method/"):
                continue
            method, sent = known[call.path.removeprefix("/method/")], call.form()
            allowed = {one["name"]: one for one in method.get("parameters", ())}
            given = {name: value for name, value in sent.items() if name not in _OF_ALL}
            assert set(given) <= set(allowed), (method["name"], set(given) - set(allowed))
            needed = {one["name"] for one in allowed.values() if one.get("required")}
            assert needed <= set(given), method["name"]
            for name, value in given.items():
                assert len(value) <= allowed[name].get("maxLength", 10**6)
            if keyboard := sent.get("keyboard"):
                ref = "messages/objects.json#/definitions/messages_keyboard"
                check(registry, ref, json.loads(keyboard))
            if forward := sent.get("forward"):
                ref = "messages/objects.json#/definitions/messages_forward"
                check(registry, ref, json.loads(forward))
        flags = {one["name"] for one in known["groups.setCallbackSettings"]["parameters"]}
        assert set(EVENTS) <= flags


_OF_ALL = {"access_token", "v"}
