"""A world for the speaker machine: real services on real connections, and a log of who spoke.

Two triggers note, inside the transactions themselves, each change of speaker and each claim of a
message for sending. A claim holds the conversation's row against changes of speaker, so the order
of their numbers is the order of commits. A third, deferred to the commit, notes a waiting buyer
without a deadline.
"""

from __future__ import annotations

import random
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection, connections
from django.utils import timezone

from tests.engine.pretend import Pretend

LOG = """
CREATE TABLE public.speaker_log (
    id bigserial PRIMARY KEY, conversation bigint, what text, epoch int, speaker text,
    agent bigint, message bigint, author text, written_in int);
CREATE FUNCTION public.note_speaker() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO public.speaker_log (conversation, what, epoch, speaker, agent)
    VALUES (NEW.id, 'speaker', NEW.epoch, NEW.speaker, NEW.agent_id);
    RETURN NULL;
END $$;
CREATE FUNCTION public.note_claim() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO public.speaker_log (conversation, what, message, author, written_in)
    VALUES (NEW.conversation_id, 'claim', NEW.id, NEW.author, NEW.epoch);
    RETURN NULL;
END $$;
CREATE FUNCTION public.note_silence() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE c record;
BEGIN
    EXECUTE format('SELECT waiting_since, deadline_at FROM %I.bots_conversation '
        'WHERE id = $1', TG_TABLE_SCHEMA) INTO c USING NEW.id;
    IF c.waiting_since IS NOT NULL AND (
        c.deadline_at IS NULL OR NOT EXISTS (SELECT 1 FROM public.tenants_due
            WHERE schema = TG_TABLE_SCHEMA AND kind = 'deadline' AND object_id = NEW.id))
    THEN
        INSERT INTO public.speaker_log (conversation, what) VALUES (NEW.id, 'no deadline');
    END IF;
    RETURN NULL;
END $$;
"""
TRIGGERS = """
CREATE TRIGGER note_speaker AFTER INSERT OR UPDATE OF speaker, epoch, agent_id
    ON "{0}".bots_conversation FOR EACH ROW EXECUTE FUNCTION public.note_speaker();
CREATE TRIGGER note_claim AFTER UPDATE OF state ON "{0}".bots_message FOR EACH ROW
    WHEN (NEW.state = 'sending') EXECUTE FUNCTION public.note_claim();
CREATE CONSTRAINT TRIGGER note_silence AFTER UPDATE ON "{0}".bots_conversation
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.note_silence();
"""


class Killed(BaseException):
    """kill -9 of the thread: nothing after it runs but what any process's end does."""


@dataclass
class World:
    shop: Any
    channel: Any
    agents: list[Any]
    team: int
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(3))
    count: int = 0
    failures: list[str] = field(default_factory=list)
    _server: psycopg.Connection | None = None
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def run(self, plan: tuple[int, list[list[str]]]) -> list[str]:
        """Play one plan with a buyer of its own; what must never be and was."""
        seed, rounds = plan
        self.count += 1
        self.failures.clear()
        play = Play(self, f"chat{self.count}", random.Random(seed))
        play.together(["inbound"])
        found: list[str] = []
        for acts in rounds:
            play.together(acts)
            found += [f"after {acts}: {what}" for what in play.broken()]
        play.settle()
        found += play.broken(settled=True) + self.failures
        play.forget()
        return found

    @contextmanager
    def server(self) -> Iterator[psycopg.Connection]:
        """The owner's connection, for the test's own looks and pushes."""
        with self._one_at_a_time:
            if self._server is None:
                self._server = psycopg.connect(settings.DATABASE_URL, autocommit=True)
                self._server.execute(f'SET search_path TO "{self.shop.schema}", public')
            yield self._server

    def close(self) -> None:
        if self._server is not None:
            self._server.close()

        def leave() -> None:
            time.sleep(0.02)
            connections.close_all()

        list(self.pool.map(lambda _n: leave(), range(3)))
        self.pool.shutdown()


class Play:
    """One buyer's conversation and everything that happens to it."""

    def __init__(self, world: World, chat: str, chance: random.Random) -> None:
        from bots.services.accept import lane_of

        self.world, self.chat, self.chance = world, chat, chance
        self.schema = world.shop.schema
        self.lane = lane_of(world.channel.pk, chat)
        self.pk = 0
        self.numbers = iter(range(1, 10**6))

    # ── acts ──
    def together(self, acts: list[str]) -> None:
        """Each act in a thread of its own, all let go at once."""
        start = threading.Barrier(len(acts))
        _asked.clear()
        parts = [(name, next(self.numbers), self.chance.randrange(2**32)) for name in acts]
        list(self.world.pool.map(lambda part: self._act(start, *part), parts))
        if not self.pk:
            from bots.models import Conversation

            with self.world.shop.inside():
                self.pk = Conversation.objects.get(lane=self.lane).pk

    def _act(self, start: threading.Barrier, name: str, number: int, seed: int) -> None:
        chance = random.Random(seed)
        _mine.tokens, _mine.left, _mine.dies_sending = set(), 0, False

        def jitter(execute: Callable, sql: str, params: Any, many: bool, context: Any) -> Any:
            """Statements of the threads fall between each other, as the seed has it."""
            if chance.random() < (
                0.8 if "'sending'" in sql or "INSERT INTO bots_me" in sql else 0.15
            ):
                time.sleep(chance.random() * 0.004)
            if _mine.left:
                _mine.left -= 1
                if not _mine.left:
                    raise Killed
            return execute(sql, params, many, context)

        start.wait(20)
        if start.parties > 1:
            if name not in ("inbound", "death") and chance.random() < 0.5:
                _asked.wait(0.05)  # comes while the bot thinks, however slow the machine is
            time.sleep(chance.random() * 0.015)
        try:
            with connection.execute_wrapper(jitter):
                getattr(self, f"_{name}")(number, chance)
        except Killed:
            self._die()
        finally:
            connection.close()

    def _die(self) -> None:
        """The process is gone: what it had open is rolled back, its leases end."""
        from tenants.kernel import due

        due._after.__dict__.pop("work", None)
        mine = _mine.__dict__.pop("tokens", set())
        with _renewing, self.world.server() as server:
            with due._renewer._lock:
                due._renewer._held -= mine
            server.execute(
                "UPDATE tenants_due SET lease_until = now() - interval '1 second' "
                "WHERE token = ANY(%s)",
                (list(mine),),
            )

    def _death(self, number: int, chance: random.Random) -> None:
        """A worker takes up what waits and dies: between two statements, or while it sends."""
        if chance.random() < 0.7:
            self._inbound(number, chance, work=False)
        if chance.random() < 0.3:
            _mine.dies_sending = True
        else:
            _mine.left = chance.randrange(1, 45)
        try:
            self._work()
        finally:
            _mine.dies_sending, _mine.left = False, 0

    def _work(self, *_: Any) -> None:
        from tenants.kernel import due

        for schema, kind, ident in due.overdue(grace_s=-0.01):
            if schema == self.schema and ident in (self.lane, self.pk, self.world.team):
                due.take(schema, kind, ident)

    def _accept(self, payload: dict[str, Any], *, work: bool = True) -> None:
        from bots.channels.base import Envelope
        from bots.services.accept import accept

        with self.world.shop.inside():
            ident = payload["id"]
            accept(self.world.channel.pk, [Envelope(ident, self.chat, payload)], ring=False)
        if work:
            self._work()

    def _inbound(self, number: int, chance: random.Random, *, work: bool = True) -> None:
        wants_person = number > 1 and chance.random() < 0.15
        text = "Позовите человека!" if wants_person else "Сколько стоит доставка?"
        payload = {"id": f"{self.chat}-{number}", "chat": self.chat, "text": text}
        self._accept(payload, work=work)

    def _echo(self, number: int, chance: random.Random) -> None:
        ident = f"{self.chat}-{number}"
        self._accept({"id": ident, "chat": self.chat, "text": "Это владелец", "echo": True})

    def _inside(self, act: Callable[[], object]) -> None:
        from bots.models.conversation import AlreadyTaken
        from tenants.kernel.errors import RuleBroken

        with self.world.shop.inside(), suppress(AlreadyTaken, RuleBroken):
            act()
        self._work()

    def _takeover(self, _number: int, chance: random.Random) -> None:
        from bots.services.conversations import conversation_force_take, conversation_take_over

        take = conversation_force_take if chance.random() < 0.3 else conversation_take_over
        agent = chance.choice(self.world.agents)
        self._inside(lambda: take(conversation_id=self.pk, agent=agent))

    def _send(self, number: int, chance: random.Random) -> None:
        from bots.services.conversations import reply_send

        agent = chance.choice(self.world.agents)
        self._inside(
            lambda: reply_send(
                conversation_id=self.pk,
                agent=agent,
                text=f"Отвечает человек {number}",
                client_key=f"{self.chat}-{number}",
            )
        )

    def _give_back(self, _number: int, chance: random.Random) -> None:
        from bots.services.conversations import conversation_return_to_bot

        agent = chance.choice(self.world.agents)
        self._inside(lambda: conversation_return_to_bot(conversation_id=self.pk, agent=agent))

    def _resolve(self, _number: int, chance: random.Random) -> None:
        from bots.services.conversations import conversation_resolve

        by = chance.choice([None, *self.world.agents])
        self._inside(lambda: conversation_resolve(conversation_id=self.pk, by=by))

    def _accept_offer(self, _number: int, chance: random.Random) -> None:
        from bots.services import assignment

        agent = chance.choice(self.world.agents)
        self._inside(lambda: assignment.accept(self.pk, agent))

    def _decline_offer(self, _number: int, chance: random.Random) -> None:
        from bots.services import assignment

        agent = chance.choice(self.world.agents)
        self._inside(lambda: assignment.decline(self.pk, agent))

    def _put_off(self, _number: int, chance: random.Random) -> None:
        from bots.services.acts import NotNow, snooze

        until = timezone.now() + timedelta(days=1)
        wakes = chance.random() < 0.7
        with suppress(NotNow):
            self._inside(lambda: snooze(self.pk, until, wake_on_reply=wakes))

    def _timeout(self, _number: int, chance: random.Random) -> None:
        """The deadline, or the time to accept an offer, is over."""
        if chance.random() < 0.5:
            kind, column = "deadline", "deadline_at"
        else:
            kind, column = "offer", "offer_until"
        with self.world.server() as server:
            server.execute(
                f'UPDATE "{self.schema}".bots_conversation SET {column} = now() '
                f"WHERE id = %s AND {column} IS NOT NULL",
                (self.pk,),
            )
            server.execute(
                "UPDATE tenants_due SET due_at = now() "
                "WHERE schema = %s AND kind = %s AND object_id = %s",
                (self.schema, kind, self.pk),
            )
        self._work()

    def settle(self) -> None:
        """Everything that is due is done, by one worker that lives."""
        for _ in range(12):
            with self.world.server() as server:
                # Pauses after a failure end at once: the clock is the test's.
                moved = server.execute(
                    "UPDATE tenants_due SET due_at = now() WHERE schema = %s "
                    "AND object_id = ANY(%s) AND due_at < now() + interval '2 minutes' "
                    "AND kind NOT IN ('offer', 'deadline', 'assign')",
                    (self.schema, [self.lane, self.pk]),
                ).rowcount
            if not moved:
                return
            self.world.pool.submit(self._settle_once).result()

    def _settle_once(self) -> None:
        try:
            self._work()
        finally:
            connection.close()

    def forget(self) -> None:
        """Its timers go with it: thousands of plays' would hide the next one's work from a scan."""
        with self.world.server() as server:
            server.execute(
                "DELETE FROM tenants_due WHERE schema = %s AND object_id <> %s",
                (self.schema, self.world.team),
            )

    # ── what must hold ──
    def broken(self, *, settled: bool = False) -> list[str]:
        with self.world.server() as server:
            log = server.execute(
                "SELECT id, what, epoch, speaker, agent, message, author, written_in "
                "FROM speaker_log WHERE conversation = %s ORDER BY id",
                (self.pk,),
            ).fetchall()
            messages = server.execute(
                "SELECT id, seq, author, kind, state, epoch, user_id, episode_id FROM bots_message "
                "WHERE conversation_id = %s ORDER BY seq",
                (self.pk,),
            ).fetchall()
            talk = server.execute(
                "SELECT status, speaker, waiting_since IS NOT NULL, "
                "deadline_at IS NOT NULL, last_seq, episode_id "
                "FROM bots_conversation WHERE id = %s",
                (self.pk,),
            ).fetchone()
            timers = server.execute(
                "SELECT kind, object_id FROM tenants_due WHERE schema = %s",
                (self.schema,),
            ).fetchall()
        assert talk is not None
        found = _of_log(log, messages)
        status, speaker, waits, has_deadline, last_seq, episode = talk
        if [row[1] for row in messages] != list(range(1, last_seq + 1)):
            found.append(f"numbers have gaps: {[row[1] for row in messages]} of {last_seq}")
        if (speaker == "nobody") != (status == "resolved"):
            found.append(f"{speaker} speaks in a conversation that is {status}")
        if not settled:
            return found
        if status == "snoozed" and speaker == "bot" and waits:
            found.append("put off while the bot has to answer")
        if waits and ("deadline", self.pk) not in timers:
            found.append(f"the buyer waits and nothing ends it: {has_deadline=}")
        said = [
            row
            for row in messages
            if row[7] == episode
            and row[3] not in ("note", "system")
            and row[4] not in ("dropped", "failed")
            and row[2] != "automation"
        ]
        if status == "open" and not waits and said and said[-1][2] == "buyer":
            found.append(f"the buyer has the last word and nobody has to answer: {speaker=}")
        if any(row[4] in ("queued", "sending") for row in messages):
            found.append(f"written and not sent: {[row[1:5] for row in messages]}")
        return found


def _of_log(log: list[Any], messages: list[Any]) -> list[str]:
    found = []
    speakers: dict[int, tuple[str, int | None]] = {}
    epoch = -1
    for _id, what, new, speaker, agent, message, author, written_in in log:
        if what == "no deadline":
            found.append("the buyer waited without a deadline")
        elif what == "speaker":
            if new < epoch:
                found.append(f"the epoch fell from {epoch} to {new}")
            if speakers.setdefault(new, (speaker, agent)) != (speaker, agent):
                found.append(f"two speakers in epoch {new}: {speakers[new]}, {(speaker, agent)}")
            epoch = new
        elif author not in ("agent", "echo") and written_in != epoch:
            found.append(f"{author}'s message {message} of epoch {written_in} left in {epoch}")
    for _id, seq, author, kind, state, written_in, user, _episode in messages:
        if kind in ("note", "system") or author == "buyer":
            continue
        speaker, agent = speakers.get(written_in, ("?", None))
        may = {"bot": ("bot", "queue"), "automation": ("bot", "queue", "agent")}
        if author in may:
            if speaker not in may[author] and state != "dropped":
                found.append(f"{author} said {seq} while {speaker} spoke")
        elif speaker != "agent" or (author == "agent" and agent != user):
            found.append(f"{author} {user} said {seq} while {speaker} {agent} spoke")
    return found


_mine = threading.local()
# Set once the bot has been asked since the acts were let go.
_asked = threading.Event()
# The dead one's leases are not renewed once more by the process that lives on here.
_renewing = threading.Lock()


def note_leases(monkeypatch: Any, failures: list[str]) -> None:
    """Which thread holds which lease (a dead one's have to end), and what work failed."""
    from tenants.kernel import due

    hold, lease_of, renew = due._renewer.hold, due.Lease, due._renewer._renew

    def renewed(tokens: list[Any]) -> None:
        with _renewing:
            renew([token for token in tokens if token in due._renewer._held])

    def noted(lease: Any) -> None:
        _mine.__dict__.setdefault("tokens", set()).add(lease.token)
        hold(lease)

    class Noted(lease_of):  # type: ignore[valid-type, misc]
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            _mine.__dict__.setdefault("tokens", set()).add(self.token)

    monkeypatch.setattr(due._renewer, "hold", noted)
    monkeypatch.setattr(due._renewer, "_renew", renewed)
    monkeypatch.setattr(due.log, "exception", lambda *_: failures.append(traceback.format_exc()))
    monkeypatch.setattr(due, "Lease", Noted)


def slow_send(monkeypatch: Any) -> None:
    """The platform takes a moment, in which much may happen."""
    send = Pretend.send

    def slow(self: Any, call: Any) -> Any:
        time.sleep(random.random() * 0.004)
        sent = send(self, call)
        if _mine.__dict__.get("dies_sending"):
            raise Killed
        return sent

    monkeypatch.setattr(Pretend, "send", slow)


def slow_answer(turn: Any) -> Any:
    """A model that takes a moment; a person is what some buyers want."""
    from bots.engine.base import Answer, Decision, Reason

    _asked.set()
    time.sleep(random.random() * random.choice((0.006, 0.006, 0.04)))
    if "человека" in turn.question:
        return Answer("", turn.lang, Decision.HANDOVER, reason=Reason.ASKED, provider="test")
    return Answer(f"Ответ: {turn.question}", turn.lang, Decision.ANSWER, provider="test")
