"""The speech provider over real HTTP: our client on one side, the pretend server on the other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bots.llm.tests.contract import check, spec
from bots.speech.base import Heard, NoSpeech, NoVoice, Recording, SpeechAccount
from bots.speech.compatible.provider import Compatible
from bots.speech.compatible.simulator import KEY, SpeechSimulator
from bots.speech.none.provider import Nothing
from tenants.kernel.errors import NeedsMerchant, Rejected, RetryLater
from tenants.kernel.simulate import Answer, serve_simulator

VOICE = Recording("voice.ogg", "audio/ogg", b"OggS" + b"\x01" * 500, "ru")


@pytest.fixture
def server() -> Iterator[tuple[SpeechSimulator, str]]:
    simulator = SpeechSimulator()
    with serve_simulator(simulator) as url:
        yield simulator, f"{url}/v1"


def provider(url: str, **more: str) -> Compatible:
    values = {"base_url": url, "api_key": KEY, "model": "whisper-1", **more}
    return Compatible(SpeechAccount(values, allow_private=True))


def test_a_recording_goes_as_a_form_and_comes_back_as_words(server):
    simulator, url = server
    simulator.says(" Где мой заказ? ")

    heard = provider(url).transcribe(VOICE, 5)

    assert heard == Heard("Где мой заказ?", "", 3.0)
    (asked,) = simulator.heard
    assert {k: asked[k] for k in ("name", "mime", "model", "language", "response_format")} == {
        "name": "voice.ogg",
        "mime": "audio/ogg",
        "model": "whisper-1",
        "language": "ru",
        "response_format": "json",
    }
    assert asked["file"] == VOICE.content


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer.json({"error": {"message": "slow down"}}, 429, {"retry-after": "7"}), RetryLater),
        (Answer.json({"error": {"message": "boom"}}, 500), RetryLater),
        (Answer.json({"error": {"message": "bad file"}}, 400), Rejected),
        (Answer(200, b"<html>", {"content-type": "text/html"}), RetryLater),
        (Answer.json({"words": []}), RetryLater),
    ],
)
def test_each_trouble_says_what_to_do_next(server, answer, error):
    simulator, url = server
    simulator.answer_next(answer)

    with pytest.raises(error) as caught:
        provider(url).transcribe(VOICE, 5)

    if answer.status == 429:
        assert caught.value.retry_after_s == 7


def test_a_wrong_key_needs_the_merchant(server):
    _simulator, url = server
    with pytest.raises(NeedsMerchant):
        provider(url, api_key="other").transcribe(VOICE, 5)
    with pytest.raises(NeedsMerchant):
        provider("", api_key="other").transcribe(VOICE, 5)


def test_a_private_address_is_refused_without_the_operators_word(server):
    _simulator, url = server
    account = SpeechAccount({"base_url": url, "api_key": KEY}, allow_private=False)
    with pytest.raises(Exception, match=r"address|connection"):
        Compatible(account).transcribe(VOICE, 5)


def test_the_default_says_that_it_has_none():
    with pytest.raises(NoSpeech, match="no speech recognition"):
        Nothing(SpeechAccount({})).transcribe(VOICE, 5)


# ── its voice ──
def test_a_text_comes_back_as_a_voice_note(server):
    simulator, url = server

    said = provider(url, voice_model="tts-1").speak("Заказ готов", "ru", 5)

    assert said == Recording("voice.ogg", "audio/ogg", b"OggS" + "Заказ готов".encode(), "ru")
    assert simulator.said == [
        {"model": "tts-1", "input": "Заказ готов", "voice": "alloy", "response_format": "opus"}
    ]


def test_without_a_model_of_the_voice_there_is_none(server):
    simulator, url = server

    for silent in (provider(url), Nothing(SpeechAccount({}))):
        with pytest.raises(NoVoice, match="no voice is connected"):
            silent.speak("Заказ готов", "ru", 5)
    assert simulator.calls == []


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer.json({"error": {"message": "slow down"}}, 429), RetryLater),
        (Answer.json({"error": {"message": "no"}}, 401), NeedsMerchant),
        (Answer.json({"audio": ""}), RetryLater),
        (Answer(200, b"", {"content-type": "audio/ogg"}), RetryLater),
    ],
)
def test_trouble_with_the_voice_is_told_by_consequence(server, answer, error):
    simulator, url = server
    simulator.answer_next(answer)

    with pytest.raises(error):
        provider(url, voice_model="tts-1").speak("Заказ готов", "ru", 5)


def test_what_is_asked_is_as_openai_describes_it(server):
    root = spec("openai", "openapi.yaml")
    simulator, url = server
    provider(url, voice_model="tts-1").speak("Заказ готов", "ru", 5)

    check(root, "#/components/schemas/CreateSpeechRequest", simulator.said[0])
