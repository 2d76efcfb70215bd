"""Platforms repeat themselves, lose answers and mix up the order; clocks jump; models go away."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connections
from django.utils import timezone

from bots.models import Message
from bots.services.conversations import reply_send
from bots.services.windows import WindowClosed
from tenants.kernel import due
from tenants.kernel.errors import OutcomeUnknown
from tenants.models import Due, OutboxEvent
from tests.counts import times
from tests.engine.pretend import MANIFEST, Pretend

TEXTS = ["здравствуйте,", "подскажите", "сколько стоит доставка", "по Москве?"]


def deliver(talk: Any, chat: str, number: int, text: str, *, at: float | None = None) -> None:
    """One webhook's worth, stored and not worked on."""
    from bots.channels.base import Envelope
    from bots.services.accept import accept

    ident = f"{chat}-{number}"
    payload = {"id": ident, "chat": chat, "text": text}
    if at is not None:
        payload["at"] = at
    with talk.shop.inside():
        accept(talk.channel.pk, [Envelope(ident, chat, payload)], ring=False)


def pass_time(shop: Any, seconds: float) -> None:
    """The fake clock: everything that waits for a time is so much nearer to it."""
    from django.db.models import F

    from bots.models import Conversation

    by = timedelta(seconds=seconds)
    Due.objects.filter(schema=shop.schema).update(due_at=F("due_at") - by)
    with shop.inside():
        Conversation.objects.exclude(waiting_since=None).update(
            waiting_since=F("waiting_since") - by, deadline_at=F("deadline_at") - by
        )


@pytest.mark.django_db
@pytest.mark.parametrize("can_look_up", [False, True], ids=["cannot be asked", "can be asked"])
def test_check_2_repeated_reordered_and_a_fifth_of_sends_unknown(
    alpha, talk_of, monkeypatch, can_look_up
):
    """Check 2: each webhook 1 to 5 times, out of order within 10 s, 20 % of the sends time out
    after success: applied once each, sent once where the platform can be asked, else resent once
    and counted. The bot reads a burst in the channel's order."""
    chance = random.Random(2026)
    talk = talk_of(alpha)
    out: Counter[int] = Counter()
    monkeypatch.setattr(Pretend, "look_up", lambda self, call: _found(out, call), raising=False)
    if can_look_up:
        from dataclasses import replace

        monkeypatch.setattr(Pretend, "manifest", replace(MANIFEST, can_look_up=True))
    send = Pretend.send

    def sometimes_silent(self, call):
        out[call.data["id"]] += 1
        sent = send(self, call)
        if chance.random() < 0.2:
            raise OutcomeUnknown("timed out after it was sent", vendor="pretend")
        return sent

    monkeypatch.setattr(Pretend, "send", sometimes_silent)
    buyers = times(30, 300)
    deliveries = []
    for buyer in range(buyers):
        for number, text in enumerate(TEXTS):
            for _ in range(chance.randint(1, 5)):
                late = number + chance.uniform(0, 10)
                deliveries.append((late, f"b{buyer}", number, text))
    for _late, chat, number, text in sorted(deliveries):
        deliver(talk, chat, number, text, at=1_700_000_000 + number)
    for _ in range(8):
        talk.work(rounds=3)
        pass_time(alpha, 5)

    with alpha.inside():
        applied = Message.objects.filter(author="buyer")
        assert applied.count() == buyers * len(TEXTS)
        # Who was answered into the unknown twice is then handed to a person, in other words.
        bots = Message.objects.filter(author="bot", meta__decision="answer")
        states = Counter(bots.values_list("state", flat=True))
        heard = set(bots.values_list("text", flat=True))
        assert bots.count() == buyers
    assert heard == {"re: " + "\n".join(TEXTS)}
    names = Counter(OutboxEvent.objects.filter(schema=alpha.schema).values_list("name", flat=True))
    twice = sum(count - 1 for count in out.values())
    if can_look_up:
        assert (states, twice, names["delivery.resent"]) == ({"sent": buyers}, 0, 0)
    else:
        assert twice == names["delivery.resent"] > 0
        assert max(out.values()) == 2
        assert set(states) <= {"sent", "failed"}
        assert states["failed"] <= twice  # unknown twice: shown, not guessed


def _found(out: Counter[int], call: Any) -> Any:
    from bots.channels.base import Sent

    return Sent(external_id=f"out-{call.data['id']}") if out[call.data["id"]] else None


class Workers:
    """Threads that do what is due, as worker processes do, and get up after a fall."""

    def __init__(self, shop: Any, count: int = 3) -> None:
        self.shop, self.stop, self.falls = shop, threading.Event(), 0
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(count)]

    def __enter__(self) -> Workers:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(20)

    def _run(self) -> None:
        while not self.stop.is_set():
            try:
                waiting = [w for w in due.overdue(grace_s=-0.01) if w[0] == self.shop.schema]
                for schema, kind, ident in waiting:
                    due.take(schema, kind, ident)
            except Exception:
                self.falls += 1
            finally:
                connections.close_all()
            self.stop.wait(0.02)


def until(what: Any, seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.django_db(transaction=True)
def test_check_3_a_burst_of_four_in_three_seconds_gets_one_answer(alpha, talk_of, answers):
    """Check 3: four messages in 3 s → one answer; a fifth while it is written drops it."""
    talk = talk_of(alpha)
    begun = threading.Event()

    def slow(turn: Any) -> str:
        begun.set()
        time.sleep(1.0)
        return "устарело"

    with Workers(alpha):
        for number, text in enumerate(TEXTS):
            deliver(talk, "buyer", number, text)
            time.sleep(0.75 if number < 3 else 0)
        assert until(lambda: Pretend.sent)
        time.sleep(1.5)
        assert Pretend.sent == [("buyer", "re: " + "\n".join(TEXTS))]

        Pretend.sent.clear()
        answers.append(slow)
        deliver(talk, "buyer", 5, "Есть 46 размер?")
        assert begun.wait(10)
        deliver(talk, "buyer", 6, "И синий цвет?")
        assert until(lambda: Pretend.sent)
        time.sleep(1.2)
    assert Pretend.sent == [("buyer", "re: Есть 46 размер?\nИ синий цвет?")]


@pytest.mark.django_db
def test_check_4_five_minutes_without_a_model(alpha, talk_of, answers):
    """Check 4: each buyer who waits gets words and a person within the deadline (20 s); when the
    model is back the next one is answered by it without anybody's help."""
    talk = talk_of(alpha)

    def down(turn: Any) -> Any:
        pass_time(alpha, 30)  # the call hangs until nobody waits for it any more
        due.take(alpha.schema, "deadline", talk.conversation(chat_now[0]).pk)
        raise ConnectionError("the model does not answer")

    chat_now = [""]
    for minute in range(5):
        for buyer in range(times(3, 20)):
            chat_now[0] = f"b{minute}-{buyer}"
            answers.append(down)
            talk.says("Сколько стоит доставка?", chat=chat_now[0])
            thread = talk.thread(chat_now[0])
            found = talk.conversation(chat_now[0])
            assert [(author, state) for author, state, _ in thread] == [
                ("buyer", "received"),
                ("bot", "sent"),
            ]
            assert (found.speaker, found.handover_reason) == ("queue", "deadline")
            assert found.deadline_at is not None
        pass_time(alpha, 60)
        answers.clear()

    talk.says("А теперь?", chat="later")
    assert talk.thread("later")[-1] == ("bot", "sent", "re: А теперь?")


@pytest.mark.django_db
@pytest.mark.parametrize("jump_s", [3600, -3600, 86_400])
def test_a_clock_that_jumps_loses_and_doubles_nothing(alpha, talk_of, monkeypatch, jump_s):
    talk = talk_of(alpha)
    now = timezone.now
    talk.says("До скачка?", chat="before")
    talk.says("Во время?", chat="during", work=False)

    with monkeypatch.context() as patch:
        patch.setattr(timezone, "now", lambda: now() + timedelta(seconds=jump_s))
        talk.work()
        talk.says("После скачка?", chat="after", work=False)
        talk.work()
    for _ in range(3):
        pass_time(alpha, abs(jump_s) + 60)
        talk.work()
    talk.says("И потом?", chat="later")

    assert sorted(Pretend.sent) == sorted(
        (chat, f"re: {text}")
        for chat, text in [
            ("before", "До скачка?"),
            ("during", "Во время?"),
            ("after", "После скачка?"),
            ("later", "И потом?"),
        ]
    )


@pytest.mark.django_db
def test_check_10_nothing_leaves_after_a_window_has_closed(alpha, talk_of, monkeypatch):
    """Check 10, for the channels there are: to the second, for people and for the bot."""
    talk = talk_of(alpha)
    talk.says("Вопрос?")
    found = talk.conversation()
    closes = timezone.now() + timedelta(hours=24)
    with alpha.inside():
        type(found).objects.filter(pk=found.pk).update(window_expires_at=closes)
    now = timezone.now

    def write(key: str) -> None:
        with alpha.inside():
            reply_send(conversation_id=found.pk, agent=alpha.agent, text=key, client_key=key)

    with monkeypatch.context() as clock:
        clock.setattr(timezone, "now", lambda: closes - timedelta(seconds=1))
        write("in time")
        clock.setattr(timezone, "now", lambda: closes + timedelta(seconds=1))
        with pytest.raises(WindowClosed):
            write("too late")
        talk.work()  # what was written in time and not sent by then stays here, too
    assert timezone.now is now
    assert Pretend.sent == [("buyer", "re: Вопрос?")]
    assert talk.thread()[-1][:2] == ("agent", "failed")


@pytest.mark.django_db(transaction=True)
def test_connections_cut_under_load_lose_and_double_nothing(alpha, talk_of):
    """PostgreSQL away for everybody, again and again, as at a restart; work goes on by itself."""
    talk = talk_of(alpha)
    chats = [f"c{number}" for number in range(times(40, 400))]
    with Workers(alpha) as workers:
        for number, chat in enumerate(chats):
            for _try in range(20):
                try:
                    deliver(talk, chat, 1, f"Вопрос {chat}?")
                    break
                except Exception:
                    connections.close_all()
            if number % 8 == 5:
                _cut()
        assert until(lambda: len({chat for chat, _ in Pretend.sent}) == len(chats), 60)
        assert workers.falls > 0
    counted = Counter(chat for chat, _ in Pretend.sent)
    with alpha.inside():
        assert Message.objects.filter(author="buyer").count() == len(chats)
        assert Message.objects.filter(author="bot").count() == len(chats)
        resent = OutboxEvent.objects.filter(name="delivery.resent").count()
    assert sum(count - 1 for count in counted.values()) <= resent


def _cut() -> None:
    with psycopg.connect(settings.DATABASE_URL, autocommit=True) as server:
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
