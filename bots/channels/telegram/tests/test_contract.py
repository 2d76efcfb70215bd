"""Our requests and the simulator's updates and answers against the Bot API's own description."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from bots.channels.base import Button, Config, File, Reply
from bots.channels.telegram import adapter as module
from bots.channels.telegram.adapter import Telegram
from bots.channels.telegram.incoming import ALLOWED_UPDATES
from bots.channels.telegram.simulator import METHODS, TOKEN, TelegramSimulator, _arguments
from bots.channels.telegram.tests.sample import TelegramSample
from bots.llm.tests.contract import spec
from tenants.kernel.simulate import Request, serve_simulator

# Kinds that the description names and does not spell out.
UNIONS = {
    "ChatIdUnion": "int | str",
    "InputFileUnion": "str",
    "MediaUnion": "InputMediaPhoto | InputMediaVideo | InputMediaDocument",
    "MenuButtonUnion": "MenuButtonWebApp | MenuButtonCommands | MenuButtonDefault",
    "ReplyMarkupUnion": "InlineKeyboardMarkup | ReplyKeyboardMarkup | ReplyKeyboardRemove",
    "ReactionTypeUnion": "ReactionTypeEmoji | ReactionTypeCustomEmoji | ReactionTypePaid",
    "ChatMemberUnion": "ChatMemberMember | ChatMemberBanned | ChatMemberLeft",
    "MaybeInaccessibleMessageUnion": "Message | InaccessibleMessage",
}
PLAIN = {"int": int, "Integer(unix time)": int, "str": str, "bool": bool, "float": (int, float)}


@pytest.fixture(scope="module")
def api() -> dict[str, Any]:
    return spec("telegram", "bot_api_10.3.json")


def faults(api: dict[str, Any], kind: str, value: Any, path: str) -> list[str]:
    """What of a value is not as the description has it."""
    kind = UNIONS.get(kind, kind)
    if " | " in kind:
        told = [faults(api, one, value, path) for one in kind.split(" | ")]
        return min(told, key=len)
    if kind in PLAIN:
        wrong = isinstance(value, bool) != (kind == "bool") or not isinstance(value, PLAIN[kind])
        return [f"{path}: {value!r} is no {kind}"] if wrong else []
    if inner := re.fullmatch(r"list\[(.+)\]", kind):
        if not isinstance(value, list):
            return [f"{path}: no list"]
        return [
            f for n, one in enumerate(value) for f in faults(api, inner[1], one, f"{path}[{n}]")
        ]
    if kind.startswith("Literal"):
        return [] if isinstance(value, str | int) else [f"{path}: {value!r}"]
    if kind == "Default":
        return [f"{path}: {value!r}"]
    described = api["types"].get(kind)
    assert described is not None, f"{path}: nobody says what {kind} is"
    fields = {one["name"]: one for one in described["fields"]}
    if not fields or not isinstance(value, dict):
        return [] if not fields and isinstance(value, dict) else [f"{path}: no {kind}"]
    found = [f"{path}.{name}: not known" for name in value.keys() - fields.keys()]
    found += [
        f"{path}.{name}: missing"
        for name, one in fields.items()
        if one["required"] and name not in value
    ]
    for name, inner in value.items():
        if name in fields:
            found += faults(api, fields[name]["type"], inner, f"{path}.{name}")
    return found


def given(request: Request) -> dict[str, Any]:
    """A call's arguments, files among them by name."""
    kind = request.headers.get("content-type", "")
    told = _arguments(request)
    if kind.startswith("multipart/form-data"):
        told |= {part.name: "attach://file" for part in request.parts() if part.filename}
    return told


def of_kind(kind: str, value: Any) -> Any:
    """A form's words as the value they stand for."""
    if "str" in kind.split(" | ") or kind in ("ChatIdUnion", "InputFileUnion"):
        return value
    return json.loads(value) if isinstance(value, str) else value


def test_updates_fit_the_description(api):
    telegram = TelegramSimulator()
    message = telegram.buyer_says("Привет")["message"]
    told = [
        telegram.owner_connects(),
        telegram.owner_connects(is_enabled=False),
        *(telegram.said_in_account("Да", by=by) for by in ("buyer", "owner", "bot")),
        *telegram.album("", "Такой есть?"),
        telegram.said_in_group("@pretend_shop_bot есть?"),
        telegram.group_grows(),
        telegram.buyer_reacts(message["message_id"], "👍"),
        telegram.buyer_blocks(),
        telegram.buyer_blocks(blocks=False),
    ]
    for update in told:
        assert faults(api, "Update", update, "update") == []
    fields = {one["name"] for one in api["types"]["Update"]["fields"]}
    assert set(ALLOWED_UPDATES) <= fields
    assert fields - {"update_id"} == set(TelegramSample().kinds())


def test_requests_and_answers_fit_the_description(api, monkeypatch):
    monkeypatch.setattr(module, "file_bytes", lambda _id: ("a.jpg", b"content"))
    monkeypatch.setattr(module, "DRAFT_EVERY_S", 0.0)
    telegram = TelegramSimulator()
    answers: list[tuple[str, Any]] = []
    plain = telegram._method

    async def kept(request: Request) -> Any:
        answer = await plain(request)
        answers.append((request.params["method"], json.loads(answer.body)))
        return answer

    telegram._routes[:] = [
        (method, pattern, kept if found == plain else found)
        for method, pattern, found in telegram._routes
    ]
    telegram.owner_connects()
    telegram.said_in_account("Есть?")
    telegram.said_in_group("/start")
    telegram.files["f1"] = b"x"
    with serve_simulator(telegram) as url:
        settings = {"catalogue": "https://shop.example/c/"}
        secrets = {"token": TOKEN, "hook": "hook-secret_1"}
        base = Config(1, "m_x", settings, secrets, url)
        ours = Telegram(Config(**{**base.__dict__, "hook_url": "https://a.shop.ru/hooks/k/"}))
        assert ours.connect().ok and ours.health().ok
        buttons = (
            *(Button("42", "size:42"), Button("Сайт", url="https://shop.example/c/1")),
            *(Button("Номер", kind="phone"), Button("Где", kind="location")),
        )
        kinds = ("image", "image", "file", "voice", "video", "file", "image")
        files = tuple(File(kind, "a.jpg", stored_id=1) for kind in kinds)
        for chat in ("101", "b:bc1:101", "g:-1001:101"):
            calls = ours.render(Reply(chat, "**Да**", buttons, files, reply_to="1"))
            idents = [ours.send(call).external_id for call in calls]
            text = next(n for n, call in enumerate(calls) if call.method == "sendMessage")
            ours.edit(ours.render(Reply(chat, "Нет", buttons))[0], chat, idents[text])
            ours.typing(chat)
            ours.mark_read(chat, "1")
            ours.stream(chat, "**Да**", "7:1")
            ours.delete(chat, idents[0])
        thanks = Reply("101", "Спасибо", thread={"keyboard": "away"})
        ours.send(ours.render(thanks)[0])
        ours.acknowledge("1")
        ours.fetch_file(File("image", external_id="f1"))
        asked = Telegram(base)
        assert asked.connect().ok
        asked.poll({}, 0)

    used = set()
    for call in telegram.calls:
        name = call.path.rpartition("/")[2]
        if not call.path.startswith("/bot"):
            continue
        used.add(name)
        fields = {one["name"]: one for one in api["methods"][name]["fields"]}
        told = {key: value for key, value in given(call).items() if not key.startswith("attached")}
        assert told.keys() <= fields.keys(), (name, told.keys() - fields.keys())
        assert {k for k, one in fields.items() if one["required"]} <= told.keys(), name
        for key, value in told.items():
            kind = fields[key]["type"]
            assert faults(api, kind, of_kind(kind, value), f"{name}.{key}") == []
    for name, answer in answers:
        assert answer["ok"], (name, answer)
        kind = api["methods"][name]["returns"]
        if name != "getUpdates":
            assert faults(api, kind, answer["result"], name) == []
    assert used == METHODS
