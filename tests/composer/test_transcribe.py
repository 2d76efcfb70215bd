"""Voice notes: kept as words beside the sound, read by the bot, found by a search."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from bots.channels.base import Envelope, File
from bots.models import Attachment, Bot, Conversation, Message, ModelCall
from bots.services.accept import accept
from bots.services.bots import bot_publish
from bots.services.desk_settings import settings_forget
from bots.services.model_calls import _houses
from bots.services.transcribe import speech_save
from bots.speech.compatible.simulator import KEY, SpeechSimulator
from tenants.kernel import due
from tenants.kernel.files import file_save
from tenants.kernel.simulate import Answer, serve_simulator
from tests.engine.pretend import Pretend

pytestmark = pytest.mark.django_db
OGG = b"OggS" + b"\x01" * 500


@pytest.fixture(autouse=True)
def _fresh():
    settings_forget()
    _houses.clear()
    yield
    settings_forget()
    _houses.clear()


@pytest.fixture
def server(alpha) -> Iterator[SpeechSimulator]:
    """Alpha has a server that listens; beta has none."""
    simulator = SpeechSimulator()
    with serve_simulator(simulator) as url:
        values = {
            "base_url": f"{url}/v1", "api_key": KEY, "model": "whisper-1", "data_region": "own",
            "price_minute": "6", "currency": "RUB",
        }  # fmt: skip
        with alpha.inside():
            speech_save("compatible", values)
        simulator.values = values  # type: ignore[attr-defined]
        yield simulator


@pytest.fixture
def speaks(monkeypatch):
    """`speaks(talk)`: the buyer sends a voice note whose bytes are here already."""
    parse, count = Pretend.parse, iter(range(1000))

    def with_files(self, payload):
        files = tuple(File(**one) for one in payload.get("files", ()))
        return [replace(one, files=files) for one in parse(self, payload)]

    monkeypatch.setattr(Pretend, "parse", with_files)

    def speak(talk, *, work: bool = True) -> None:
        ident = f"v{next(count)}"
        with talk.shop.inside():
            stored = file_save(OGG, name="voice.ogg", purpose="message", mime="audio/ogg")
            row = {"kind": "voice", "name": "voice.ogg", "stored_id": stored.pk}
            body = {"id": ident, "chat": "buyer", "text": "", "files": [row]}
            for _ in range(2):
                accept(talk.channel.pk, [Envelope(ident, "buyer", body)], ring=False)
        if work:
            soon(talk)

    return speak


def soon(talk) -> None:
    """Do the work, and what was put off for a moment."""
    for _ in range(4):
        talk.work()
        with talk.shop.inside():
            pk = talk.conversation().pk
            if talk.conversation().waiting_since:
                due.reschedule("turn", pk, due_at=timezone.now() - timedelta(seconds=1))
            for note in Attachment.objects.filter(speech__state="waiting"):
                due.reschedule("transcribe", note.pk, due_at=timezone.now() - timedelta(seconds=1))


def note(shop) -> Attachment:
    with shop.inside():
        return Attachment.objects.get(kind="voice")


def test_the_bot_answers_what_was_said_and_people_read_it(
    alpha, beta, talks, server, speaks, api_of
):
    mine, other = talks
    server.says("Есть 46 размер?")

    speaks(mine)
    speaks(other)

    kept = note(alpha)
    assert (kept.transcript, kept.speech["state"], kept.speech["provider"]) == (
        "Есть 46 размер?", "done", "compatible",
    )  # fmt: skip
    assert ("buyer", "re: Есть 46 размер?") in Pretend.sent
    api = api_of(alpha, "agent")
    thread = api.get(f"/api/v1/desk/conversations/{mine.conversation().pk}/").json()
    files = [one for m in thread["messages"] for one in m["files"]]
    assert [one["transcript"] for one in files] == ["Есть 46 размер?"]
    found = api.get("/api/v1/desk/conversations/", {"view": "all", "q": "46 размер"}).json()
    assert mine.conversation().pk in [row["id"] for row in found["rows"]]
    theirs = note(beta)
    assert (theirs.transcript, theirs.speech["state"]) == ("", "none")
    assert len(server.heard) == 1


def test_what_it_costs_is_in_the_log_of_calls(alpha, talks, server, speaks):
    mine, _other = talks
    server.says("Да")

    speaks(mine)

    with alpha.inside():
        call = ModelCall.objects.get(purpose="speech")
    # Three seconds of six rubles a minute.
    assert (call.provider, call.model, call.cost, call.currency, call.outcome) == (
        "speech/compatible", "whisper-1", Decimal("0.300000"), "RUB", "ok",
    )  # fmt: skip


def test_a_busy_server_is_asked_again_and_a_refusal_leaves_the_sound(alpha, talks, server, speaks):
    mine, _other = talks
    server.answer_next(Answer.json({"error": {"message": "later"}}, 503))
    server.says("Спасибо, где заказ")

    speaks(mine)
    assert note(alpha).transcript == "Спасибо, где заказ"

    server.answer_next(Answer.json({"error": {"message": "bad audio"}}, 400))
    speaks(mine)
    with alpha.inside():
        last = Attachment.objects.latest("pk")
        assert (last.transcript, last.speech["state"]) == ("", "failed")
        assert last.file is not None


def test_the_buyer_is_not_kept_waiting_for_words_that_do_not_come(
    alpha, talks, server, speaks, clock
):
    mine, _other = talks
    speaks(mine, work=False)
    with alpha.inside():
        for schema, kind, pk in due.overdue(grace_s=-0.01):
            if schema == alpha.schema and kind == "inbox":
                due.take(schema, kind, pk)
    waiting = mine.conversation()
    from bots.engine.turn import take_turn

    with alpha.inside():
        Conversation.objects.filter(pk=waiting.pk).update(
            deadline_at=timezone.now() + timedelta(seconds=20), waiting_since=timezone.now()
        )
        Attachment.objects.update(transcript="", speech={"state": "waiting"})
        again = take_turn(waiting.pk)
        assert again is not None
        Conversation.objects.filter(pk=waiting.pk).update(
            deadline_at=timezone.now() + timedelta(seconds=7)
        )
        assert take_turn(waiting.pk) is None
        assert Message.objects.filter(author="bot").count() == 2


def test_a_foreign_service_hears_nothing_unless_it_may(alpha, talks, server, speaks, api_of):
    mine, _other = talks
    with alpha.inside():
        speech_save("compatible", {**server.values, "data_region": "foreign"})
    server.says("Один", "Два")

    speaks(mine)
    assert note(alpha).speech["state"] == "none"
    assert server.heard == []

    with alpha.inside():
        bot = Bot.objects.get()
        bot.foreign_models = True
        bot.save()
        bot_publish(bot=bot)
        pk = Message.objects.filter(attachments__kind="voice").get().pk
    assert api_of(alpha, "agent").post(f"/api/v1/messages/{pk}/transcribe/").status_code == 202
    mine.work()
    assert note(alpha).transcript == "Один"


def test_a_secret_left_empty_stays(alpha, server):
    from bots.services.transcribe import speech_account

    with alpha.inside():
        speech_save("compatible", {**server.values, "api_key": ""})
        _manifest, account = speech_account()

    assert account.settings["api_key"] == KEY
