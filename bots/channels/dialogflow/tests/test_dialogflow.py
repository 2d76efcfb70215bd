from __future__ import annotations

import io
import json
import threading
import zipfile
from typing import Any

import pytest

from bots.channels.base import Button, BuyerMessage, Config, Inbound, Reply
from bots.channels.dialogflow.adapter import Dialogflow
from bots.channels.dialogflow.simulator import PASSWORD, USERNAME, DialogflowSimulator
from tests.channels.aloud import aloud
from tests.engine.conftest import answers

__all__ = ["answers"]

BOTH = pytest.mark.parametrize("is_cx", [False, True], ids=["ES", "CX"])
CARD = {"title": "Sweater", "price": "$12", "url": "https://shop.example/1"}


def adapter(password: str = PASSWORD, **settings: Any) -> Dialogflow:
    settings = {"username": USERNAME, **settings}
    return Dialogflow(Config(1, "m_x", settings, {"password": password}, hook_url="https://h/"))


def said(request: Inbound) -> BuyerMessage:
    ours = adapter()
    ours.verify(request)
    (envelope,) = ours.envelopes(request)
    (message,) = ours.parse(json.loads(json.dumps(envelope.payload)))
    assert isinstance(message, BuyerMessage)
    return message


def told(device: DialogflowSimulator, words: str, reply: Reply | None) -> tuple[Any, Any]:
    status, body, _ = adapter().speak(device.call(words), reply)
    return device.played(status, body), json.loads(body)


def at_once(device: DialogflowSimulator, words: str) -> Any:
    body = adapter().instant(device.call(words))
    return body and device.played(200, body)


@BOTH
def test_words_arrive_and_a_session_is_a_chat(is_cx):
    device = DialogflowSimulator(is_cx=is_cx)
    message = said(device.call("where is my order twelve thirty four"))

    assert (message.text, message.chat) == ("where is my order 1234", device.session)
    assert said(DialogflowSimulator(is_cx=is_cx).call("")).is_start
    assert said(DialogflowSimulator(is_cx=is_cx, language="ru").call("да")).language == "ru"


def test_a_header_of_its_own_proves_a_call_as_well():
    request = DialogflowSimulator().call("hello there")
    adapter().verify(Inbound(request.body, {"x-webhook-secret": PASSWORD}))


def test_a_short_password_is_refused():
    assert not adapter("short").connect().ok
    assert adapter().connect().ok


@BOTH
def test_what_needs_no_model_is_answered_at_once(is_cx):
    device = DialogflowSimulator(is_cx=is_cx)

    for words, heard in (("help", "I am the shop"), ("stop", "Goodbye"), ("?", "Sorry, I did not")):
        assert at_once(device, words).shown.startswith(heard)
    assert at_once(device, "is it open") is None


@BOTH
def test_a_reply_is_text_speech_chips_and_memory(is_cx):
    device = DialogflowSimulator(is_cx=is_cx)
    buttons = (Button("Size 46", "size:46"), Button("Site", url="https://shop.example"))
    reply = Reply("s", "It costs **$12** & more.", buttons=buttons, cards=(CARD,))
    heard, answer = told(device, "how much", reply)

    assert heard.shown == "It costs $12 & more."
    messages = (answer["fulfillmentResponse"] if is_cx else answer)[
        "messages" if is_cx else "fulfillmentMessages"
    ]
    assert messages[-1]["payload"]["richContent"] == [
        [
            {
                "type": "info",
                "title": "Sweater",
                "subtitle": "$12",
                "actionLink": "https://shop.example/1",
            },
            {
                "type": "chips",
                "options": [{"text": "Size 46"}, {"text": "Site", "link": "https://shop.example"}],
            },
        ]
    ]
    if is_cx:
        assert heard.spoken.startswith("<speak>It costs 12 dollars and more.")
    assert said(device.call("size 46")).payload == "size:46"
    assert said(device.call("option one")).payload == "size:46"
    assert "12 dollars" in at_once(device, "repeat").shown


@BOTH
def test_by_telephone_everything_is_said(is_cx):
    device = DialogflowSimulator(is_cx=is_cx, is_phone=True)
    reply = Reply("s", "It costs $12.", buttons=(Button("Size 46", "size:46"),))
    heard, answer = told(device, "how much", reply)

    assert heard.shown == "It costs 12 dollars. Option 1: Size 46."
    assert "richContent" not in json.dumps(answer)


@BOTH
def test_the_longest_answer_is_within_the_platforms_size(is_cx):
    device = DialogflowSimulator(is_cx=is_cx)
    buttons = tuple(Button("ж" * 80, url="https://shop.example/" + "ж" * 1900) for _ in range(8))
    told(
        device,
        "how much",
        Reply("s", "ж" * 9000, buttons=buttons, cards=({**CARD, "url": "ж" * 2000},) * 20),
    )


def test_silence_is_asked_again():
    device = DialogflowSimulator(is_cx=True)
    body = {**device.body_of(""), "fulfillmentInfo": {"tag": "silence"}}
    assert adapter().instant(device.signed(body))


def test_the_package_has_an_agent_for_each_of_the_two():
    files = dict(adapter(agent="warm-shop").package())

    def read(name: str) -> dict[str, Any]:
        with zipfile.ZipFile(io.BytesIO(files[name])) as archive:
            return {path: json.loads(archive.read(path)) for path in archive.namelist()}

    es, cx = read("dialogflow-es.zip"), read("dialogflow-cx.zip")
    assert es["agent.json"]["webhook"]["url"] == "https://h/"
    intents = [one for path, one in es.items() if path.startswith("intents/") and "id" in one]
    assert all(one["webhookUsed"] for one in intents)
    assert sum(one["fallbackIntent"] for one in intents) == 1
    assert cx["webhooks/shop.json"]["genericWebService"]["uri"] == "https://h/"
    flow = cx["flows/Default Start Flow/Default Start Flow.json"]
    for route in flow["transitionRoutes"]:
        assert f"intents/{route['intent']}/{route['intent']}.json" in cx
    assert "sys.no-match-default" in [one["event"] for one in flow["eventHandlers"]]
    assert PASSWORD not in "".join(map(str, files.values()))
    assert files == dict(adapter(agent="warm-shop").package())


@pytest.mark.django_db(transaction=True)
def test_a_talk_with_a_late_answer(transactional_db, alpha, answers):
    go = threading.Event()

    def late(turn: Any) -> str:
        go.wait(10)
        return "Yes, $12."

    settings = {"username": USERNAME, "answer_within_s": 3.5}
    secrets = {"password": PASSWORD}
    device = DialogflowSimulator(is_cx=True)
    with aloud(alpha, "dialogflow", device, settings, secrets=secrets) as shop:
        assert shop.says("").shown == "re: /start"
        answers.append(late)
        assert shop.says("do you have sweaters").shown.startswith("One moment")
        go.set()
        assert shop.says("is it ready").shown == "Yes, $12."
        assert shop.posts(DialogflowSimulator(password="x" * 20).call("yes"))[0] == 403
