"""SpeechKit over real HTTP, and held against its published definitions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from bots.llm.tests.contract import spec
from bots.speech.base import Heard, NoSpeech, NoVoice, Recording, SpeechAccount
from bots.speech.yandex import provider as module
from bots.speech.yandex import sound
from bots.speech.yandex.provider import Yandex, words_of
from bots.speech.yandex.simulator import KEY, SpeechKitSimulator, events, ogg
from tenants.kernel.errors import NeedsMerchant, Rejected, RetryLater
from tenants.kernel.simulate import Answer, serve_simulator


def note(seconds: float, size: int = 200, language: str = "ru") -> Recording:
    return Recording("voice.ogg", "audio/ogg", ogg(seconds, size), language)


@pytest.fixture
def server(monkeypatch) -> Iterator[tuple[SpeechKitSimulator, str]]:
    monkeypatch.setattr(module, "PAUSE_S", 0.01)
    simulator = SpeechKitSimulator()
    with serve_simulator(simulator) as url:
        yield simulator, url


def speechkit(url: str, **more: str) -> Yandex:
    return Yandex(SpeechAccount({"base_url": url, "api_key": KEY, **more}, allow_private=True))


def test_a_short_note_is_heard_at_once(server):
    simulator, url = server
    simulator.says("Где мой заказ")

    assert speechkit(url, folder_id="b1g").transcribe(note(12.5), 5) == Heard(
        "Где мой заказ", "ru", 12.5
    )
    assert simulator.heard == [
        {"lang": "ru-RU", "format": "oggopus", "topic": "general", "folderId": "b1g"}
    ]
    (asked,) = simulator.calls
    assert asked.body == ogg(12.5)
    assert asked.headers["x-data-logging-enabled"] == "false"


@pytest.mark.parametrize("long", [note(31), note(20, 1024 * 1024 + 1)])
def test_a_long_one_is_handed_in_asked_for_and_forgotten(server, long):
    simulator, url = server
    simulator.says("Добрый день Есть 46 размер")

    heard = speechkit(url).transcribe(long, 5)

    assert heard.text == "Добрый день Есть 46 размер"
    assert simulator.heard[0]["recognitionModel"] == {
        "model": "general",
        "audioFormat": {"containerAudio": {"containerAudioType": "OGG_OPUS"}},
        "languageRestriction": {"restrictionType": "WHITELIST", "languageCode": ["ru-RU"]},
    }
    assert simulator.operations == {}
    assert [c.method for c in simulator.calls] == ["POST", "GET", "GET", "DELETE"]


def test_what_is_not_heard_in_time_is_tried_later_and_forgotten_there(server):
    simulator, url = server
    simulator.slow = 10_000

    with pytest.raises(RetryLater, match="not heard in time"):
        speechkit(url).transcribe(note(60), 0.3)
    assert simulator.operations == {}


def test_other_kinds_of_recordings(server):
    simulator, url = server
    wav = Recording("a.wav", "audio/wav", b"RIFF\x00\x00\x00\x00WAVEfmt " + b"\x00" * 50, "en")

    assert speechkit(url).transcribe(wav, 5).seconds == 40.0
    kinds = simulator.heard[0]["recognitionModel"]["audioFormat"]["containerAudio"]
    assert kinds == {"containerAudioType": "WAV"}
    with pytest.raises(Rejected, match="not understood"):
        speechkit(url).transcribe(Recording("a.m4a", "audio/mp4", b"\x00\x00ftypM4A"), 5)
    assert sound.kind_of(b"ID3\x04") == sound.kind_of(b"\xff\xfb\x90") == "MP3"
    assert sound.ogg_seconds(b"") is sound.ogg_seconds(b"OggS\x00") is None


def test_a_text_is_said(server):
    simulator, url = server

    said = speechkit(url, voice="alena").speak("Заказ готов", "ru", 5)

    assert (said.name, said.mime, said.content[:4]) == ("voice.ogg", "audio/ogg", b"OggS")
    assert simulator.said == [
        {"text": "Заказ готов", "lang": "ru-RU", "format": "oggopus", "voice": "alena"}
    ]
    with pytest.raises(Rejected, match="too long to be said"):
        speechkit(url).speak("щ" * 4_000, "ru", 5)
    assert len(simulator.calls) == 1


def test_without_a_key_there_is_neither_ear_nor_voice(server):
    _simulator, url = server
    with pytest.raises(NoSpeech):
        speechkit(url, api_key="").transcribe(note(3), 5)
    with pytest.raises(NoVoice):
        speechkit(url, api_key="").speak("Да", "ru", 5)
    with pytest.raises(NeedsMerchant, match="Unknown api key"):
        speechkit(url, api_key="wrong").transcribe(note(3), 5)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer.json({"code": 8, "message": "RESOURCE_EXHAUSTED"}, 429), RetryLater),
        (Answer.json({"error_message": "boom"}, 500), RetryLater),
        (Answer.json({"error_code": "BAD_REQUEST", "error_message": "no audio"}, 400), Rejected),
        (Answer(200, b"<html>", {"content-type": "text/html"}), RetryLater),
        (Answer.json([]), RetryLater),
    ],
)
@pytest.mark.parametrize("way", ["short", "long", "voice"])
def test_each_trouble_says_what_to_do_next(server, answer, error, way):
    simulator, url = server
    simulator.answer_next(answer)

    with pytest.raises(error):
        if way == "voice":
            speechkit(url).speak("Да", "ru", 5)
        else:
            speechkit(url).transcribe(note(3 if way == "short" else 60), 5)


def test_lines_that_make_no_sense_are_told_so():
    assert words_of("") == ("", None)
    for odd in ("{", "[]", '{"result": {"finalRefinement": {}, "final": 1}}', "1"):
        with pytest.raises(RetryLater):
            words_of(odd)


# ── against the definitions ──
def fits(root: dict[str, Any], kind: str, value: Any) -> None:
    """Every field is one of the message's, of its type; of a `oneof` there is one."""
    if kind.startswith("array<"):
        for one in value:
            fits(root, kind[6:-1], one)
    elif kind in root["messages"]:
        fields = root["messages"][kind]["fields"]
        assert set(value) <= set(fields), (kind, set(value) - set(fields))
        groups = [fields[name]["oneof"] for name in value if fields[name].get("oneof")]
        assert len(groups) == len(set(groups)), kind
        for name, inner in value.items():
            fits(root, fields[name]["type"], inner)
    elif kind in root["enums"]:
        assert value in [one["name"] for one in root["enums"][kind]["values"]]
    elif kind == "boolean":
        assert isinstance(value, bool)
    elif kind == "string(int64)":
        assert str(int(value)) == value
    elif kind.startswith("string"):
        assert isinstance(value, str)


def test_requests_and_answers_are_as_published(server):
    root = spec("yandex-ai", "speechkit_v3.json")
    simulator, url = server
    speechkit(url).transcribe(note(60), 5)

    ways = {
        one["path"]: (one["method"], method["request"])
        for service in root["services"].values()
        for method in service["methods"].values()
        for one in method.get("http", ())
    }
    for call in simulator.calls:
        method, kind = ways[call.path]
        assert call.method == method
        fits(root, kind, json.loads(call.body) if call.body else dict(call.query))
    for event in events("Добрый день", 40):
        fits(root, "speechkit.stt.v3.StreamingResponse", event)
