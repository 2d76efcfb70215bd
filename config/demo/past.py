"""Past conversations: buyers' scripts played through the real pipeline, then moved to their times.

Each utterance is accepted, applied, answered and delivered by the product's own code, one after
another in this process; nobody waits for a bell. Only the clock is ours: what a step wrote is
moved to the time the step belongs to, before the relay numbers its facts.

Playing again changes nothing: keys of messages are made from script and number, and how far we
came is kept in the merchant's schema.
"""

from __future__ import annotations

import random
import re
import time as clock
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from django.db import connection, transaction
from django.utils import timezone

from bots.channels.web import wire
from bots.engine.inbox import apply_lane
from bots.engine.timing import AGENT_WAIT, QUEUE_WAIT
from bots.models import (
    Channel,
    Contact,
    Conversation,
    Episode,
    Identity,
    Message,
)
from bots.services import conversations
from bots.services.accept import accept, lane_of
from config.demo import world
from tenants.kernel import due
from tenants.kernel.context import PUBLIC, current_schema, merchant_context
from tenants.workspace.models import Setting, User

SEED = "prilavok-past-1"
DAYS = 60
PROGRESS = "demo.past"
# The past ends here; what is talked about right now is said by `minutes_ago` in the scripts.
OPEN_FOR = timedelta(hours=2)
SAVE_EVERY = 10
ORDER = re.compile(r"\b[15]0\d\d\b")

TABLES = world.DATA.parent / "tables"
PEOPLE = yaml.safe_load((TABLES / "people.yaml").read_text("utf-8"))


@dataclass(frozen=True)
class Run:
    """One playing of a script."""

    number: int
    script: dict[str, Any]
    begins_at: datetime
    visitor: str
    name: str

    @property
    def rng(self) -> random.Random:
        return random.Random(f"{SEED}:{self.visitor}:{self.number}")


def buyers() -> dict[str, dict[str, str]]:
    found = yaml.safe_load((TABLES / "orders.yaml").read_text("utf-8"))["buyers"]
    return {key: {**buyer, "key": key} for key, buyer in found.items()}


def runs(merchant: str, zone: str, now: datetime) -> list[Run]:
    """Every playing of the merchant's scripts, oldest first. The same for the same day."""
    placed = {order["number"]: order for order in world.orders_until(merchant, now.date())}
    found: list[tuple[datetime, dict[str, Any], str, str]] = []
    for script in world.read_yaml(merchant, "dialogues"):
        for repeat in range(script.get("times", 1)):
            rng = random.Random(f"{SEED}:{merchant}:{script['key']}:{repeat}")
            numbers = ORDER.findall(str(script["turns"]))
            earliest = now - timedelta(days=DAYS)
            for number in numbers:
                if number in placed:
                    earliest = max(earliest, datetime.fromisoformat(placed[number]["created"]))
            if ago := script.get("minutes_ago"):
                begins_at = now - timedelta(minutes=ago)
            else:
                begins_at = _moment(rng, earliest, now, ZoneInfo(zone))
            key = script.get("buyer") or f"{script['key']}-{repeat}"
            visitor = "demo-" + blake2b(f"{merchant}:{key}".encode(), digest_size=8).hexdigest()
            names = PEOPLE["names"][script.get("lang", "ru")]
            name = rng.choice(names) if rng.random() < 0.7 else ""
            found.append((begins_at, script, visitor, name))
    found.sort(key=lambda one: (one[0], one[1]["key"], one[2]))
    return [
        Run(number, script, begins_at, visitor, name)
        for number, (begins_at, script, visitor, name) in enumerate(found)
    ]


def _moment(rng: random.Random, earliest: datetime, now: datetime, zone: ZoneInfo) -> datetime:
    """Some time between, more often lately and in the daytime, and never within the last hours."""
    latest = now - OPEN_FOR
    span = (latest - earliest).total_seconds()
    if span <= 0:
        return latest
    at = earliest + timedelta(seconds=span * rng.random() ** 0.8)
    hour = rng.choices(range(24), weights=[1, 1, 0, 0, 0, 0, 1, 3, 6, 9, 12, 13, 12, 11, 11, 11, 11,
                                           12, 13, 14, 13, 11, 7, 3])[0]  # fmt: skip
    day: date = at.astimezone(zone).date()
    at = datetime.combine(day, time(hour, rng.randrange(60), rng.randrange(60)), zone)
    return min(max(at, earliest), latest).astimezone(UTC)


def varied(text: str, rng: random.Random) -> str:
    """The same thing as another buyer types it."""
    if rng.random() < 0.25:
        text = text[:1].lower() + text[1:]
    if rng.random() < 0.2:
        text = text.rstrip("?.")
    if rng.random() < 0.08 and len(text) > 12:
        at = rng.randrange(3, len(text) - 3)
        if text[at].isalpha() and text[at + 1].isalpha():
            text = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return text


def play_all(
    merchant: str, *, zone: str, tell: Callable[[int, int], None], share: int = 0, shares: int = 1
) -> int:
    """Play what has not been played, inside the merchant's schema. Returns how many there are.

    Several processes may play at once, each its `share` of the buyers.
    """
    now = timezone.now()
    channel = Channel.objects.select_related("bot").get(kind="web")
    agents = list(User.objects.filter(role=User.Role.AGENT).order_by("pk"))
    known = buyers()
    plan = [run for run in runs(merchant, zone, now) if int(run.visitor[-8:], 16) % shares == share]
    name = f"{PROGRESS}.{share}/{shares}"
    progress, _made = Setting.objects.get_or_create(name=name, defaults={"value": 0})
    for place, run in enumerate(plan):
        if place < progress.value:
            continue
        buyer = known.get(run.script.get("buyer", ""))
        _Play(run, channel, agents[run.number % len(agents)], buyer, merchant, now).play()
        if place % SAVE_EVERY == SAVE_EVERY - 1 or place + 1 == len(plan):
            progress.value = place + 1
            progress.save(update_fields=["value"])
        tell(place + 1, len(plan))
    return len(plan)


def facts_in_order(schema: str) -> None:
    """Several processes played side by side: let the relay number their facts by time."""
    with merchant_context(PUBLIC), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_SORT_FACTS, {"schema": schema})
        # In two steps, because a key may not be there twice even for a moment.
        cursor.execute(
            "UPDATE public.tenants_outboxevent SET id = -id WHERE schema = %s AND id < 0", (schema,)
        )


class _Play:
    def __init__(
        self,
        run: Run,
        channel: Channel,
        agent: User,
        buyer: dict[str, str] | None,
        merchant: str,
        now: datetime,
    ) -> None:
        self.run, self.merchant, self.channel, self.agent = run, merchant, channel, agent
        self.buyer, self.now, self.rng = buyer, now, run.rng
        self.schema = current_schema()
        self.site = PEOPLE["sites"][merchant]
        self.at = run.begins_at
        self.lane = lane_of(channel.pk, run.visitor)
        self.conversation_id: int | None = None
        # Up to which sequence the messages have their times: earlier talks, and what was played
        # of this one before we were stopped.
        before = Conversation.objects.filter(lane=self.lane).values_list("last_seq", flat=True)
        self.moved = before.first() or 0
        # When each step really began, and the time it stands for.
        self.steps: list[tuple[datetime, datetime]] = []

    @property
    def is_fresh(self) -> bool:
        return "minutes_ago" in self.run.script

    def play(self) -> None:
        for place, turn in enumerate(self.run.script["turns"]):
            ((kind, value),) = turn.items()
            if kind != "buyer" and self.conversation_id is None:
                continue
            begun = timezone.now()
            getattr(self, f"_{kind}")(value, f"{self.run.script['key']}-{self.run.number}-{place}")
            self._step_done(begun)
            self.at += timedelta(seconds=self._pause(kind))
            if self.at > self.now:
                self.at = self.now
        self._end()

    def _pause(self, kind: str) -> float:
        if self.is_fresh:
            return self.rng.uniform(5, 25)
        return self.rng.uniform(15, 90) if kind == "buyer" else self.rng.uniform(40, 240)

    # ── turns ────────────────────────────────────────────────────────────────────────────────
    def _buyer(self, text: str, key: str) -> None:
        self._accept(
            wire.say(
                self.run.visitor,
                {"key": key, "text": varied(text, self.rng), "locale": self._language()},
                identities=self._identities(),
                name=self.run.name,
                about={
                    "page": self.site + self.rng.choice(PEOPLE["pages"][self.merchant]),
                    "referrer": self.rng.choice(PEOPLE["referrers"]),
                },
            )
        )
        conversation = self._conversation()
        # The buyer wrote it a while ago: the quiet window is over.
        conversation.messages.filter(seq__gt=self.moved).update(created_at=self.at)
        due.take(self.schema, "turn", conversation.pk)
        self._wait_for_another(conversation)

    def _wait_for_another(self, conversation: Conversation) -> None:
        """Where the product is running already, one of its workers may have taken the turn."""
        unanswered = Conversation.objects.filter(
            pk=conversation.pk, speaker=Conversation.Speaker.BOT, waiting_since__isnull=False
        )
        until = clock.monotonic() + self.channel.bot.deadline_s
        while unanswered.exists() and clock.monotonic() < until:
            clock.sleep(0.05)
            due.take(self.schema, "turn", conversation.pk)

    def _accept(self, envelope: Any) -> None:
        accept(self.channel.pk, [envelope], ring=False)
        apply_lane(self.lane)
        due.cancel("inbox", self.lane)

    def _agent(self, text: str, key: str) -> None:
        conversation = self._conversation()
        if conversation.speaker == Conversation.Speaker.AGENT:
            self.agent = conversation.agent or self.agent
        if conversation.waiting_since is not None:
            # What the figures call the time to the first answer.
            waited = timedelta(seconds=self.rng.uniform(40, 60 if self.is_fresh else 400))
            self.at += waited
            Conversation.objects.filter(pk=conversation.pk).update(
                waiting_since=timezone.now() - waited
            )
        conversations.reply_send(
            conversation_id=conversation.pk, agent=self.agent, text=text, client_key=key
        )
        due.take(self.schema, "deliver", conversation.pk)

    def _note(self, text: str, key: str) -> None:
        conversations.note_add(
            conversation_id=self._conversation().pk, agent=self.agent, text=text, client_key=key
        )

    def _return(self, value: Any, key: str) -> None:
        conversations.conversation_return_to_bot(
            conversation_id=self._conversation().pk, agent=self.agent
        )

    def _resolve(self, value: Any, key: str) -> None:
        conversations.conversation_resolve(
            conversation_id=self._conversation().pk, by=self.agent, outcome="answered"
        )

    def _identities(self) -> list[tuple[str, str, str]]:
        if self.buyer is None:
            return []
        return [("phone", self.buyer["phone"], "signed"), ("email", self.buyer["email"], "signed")]

    def _language(self) -> str:
        return str(self.run.script.get("lang", "ru"))

    def _conversation(self) -> Conversation:
        found = Conversation.objects.select_related("agent").get(lane=self.lane)
        self.conversation_id = found.pk
        return found

    # ── ends ─────────────────────────────────────────────────────────────────────────────────
    def _end(self) -> None:
        conversation, begun = self._conversation(), timezone.now()
        if not self.is_fresh and conversation.status != Conversation.Status.RESOLVED:
            if conversation.speaker in (Conversation.Speaker.QUEUE, Conversation.Speaker.AGENT):
                if conversation.waiting_since is not None:
                    closing = PEOPLE["closing"][conversation.language]
                    self._agent(closing, f"closing-{self.run.number}")
                self._resolve(True, "")
            else:
                self.at = min(self.at + timedelta(hours=1), self.now)
                conversations.conversation_resolve(conversation_id=conversation.pk)
            self._step_done(begun)
        # The buyer's browser has shown everything.
        Message.objects.filter(
            conversation=conversation, state__in=[Message.State.SENT, Message.State.DELIVERED]
        ).update(state=Message.State.READ)
        self._settle()

    # ── times ────────────────────────────────────────────────────────────────────────────────
    def _step_done(self, begun: datetime) -> None:
        """What the step wrote belongs to `self.at`; an answer comes a moment later."""
        self.steps.append((begun, self.at))
        moment_s = self.rng.uniform(0.8, 2.6)
        with connection.cursor() as cursor:
            cursor.execute(_MOVE_MESSAGES, (self.at, moment_s, self.conversation_id, self.moved))
            self.moved = max([self.moved, *(row[0] for row in cursor.fetchall())])

    def _then(self, real: datetime | None) -> datetime | None:
        """The time a real one of this playing stands for; an earlier one stays."""
        for begun, at in reversed(self.steps):
            if real is not None and real >= begun:
                return at
        return real

    def _settle(self) -> None:
        """Everything else the playing wrote: facts, episode, deliveries, inbox, timers."""
        conversation = self._conversation()
        begun, times = self.steps[0][0], [list(column) for column in zip(*self.steps, strict=True)]
        with merchant_context(PUBLIC), connection.cursor() as cursor:
            key = f"conversation:{conversation.pk}"
            cursor.execute(_MOVE_FACTS, (*times, self.schema, key, begun))
        with connection.cursor() as cursor:
            cursor.execute(_MOVE_DELIVERIES, (conversation.pk, begun))
            cursor.execute(_MOVE_INBOX, (self.lane, self.lane, begun))
        for episode in Episode.objects.filter(conversation=conversation):
            for field in ("started_at", "resolved_at", "handed_over_at"):
                setattr(episode, field, self._then(getattr(episode, field)))
            episode.save(update_fields=["started_at", "resolved_at", "handed_over_at"])
        contact = Contact.objects.filter(pk=conversation.contact_id, created_at__gte=begun)
        if contact.update(created_at=self.run.begins_at):
            Identity.objects.filter(contact_id=conversation.contact_id).update(
                proven_at=self.run.begins_at
            )
        values: dict[str, Any] = {
            "created_at": self._then(conversation.created_at),
            "updated_at": self.at,
        }
        if conversation.waiting_since is not None:
            is_agent = conversation.speaker == Conversation.Speaker.AGENT
            values["waiting_since"] = self.at
            values["deadline_at"] = self.at + (AGENT_WAIT if is_agent else QUEUE_WAIT)
            due.reschedule("deadline", conversation.pk, due_at=values["deadline_at"])
        Conversation.objects.filter(pk=conversation.pk).update(**values)


_MOVE_MESSAGES = """
UPDATE bots_message SET created_at = t.at, sent_at = t.at
FROM (SELECT id, %s + CASE WHEN author = 'buyer' THEN 0 ELSE %s END * interval '1 second' AS at
      FROM bots_message WHERE conversation_id = %s AND seq > %s) t
WHERE bots_message.id = t.id RETURNING seq
"""
_MOVE_FACTS = """
UPDATE public.tenants_outboxevent o SET created_at = t.at
FROM (SELECT begun, at, coalesce(lead(begun) OVER (ORDER BY begun), 'infinity') AS until
      FROM unnest(%s::timestamptz[], %s::timestamptz[]) AS step(begun, at)) t
WHERE o.schema = %s AND o.key = %s AND o.created_at >= %s
  AND o.created_at >= t.begun AND o.created_at < t.until
"""
_MOVE_DELIVERIES = """
UPDATE bots_delivery d SET at = m.created_at FROM bots_message m
WHERE m.id = d.message_id AND m.conversation_id = %s AND d.at >= %s
"""
_MOVE_INBOX = """
UPDATE bots_inbox i SET received_at = m.created_at, applied_at = m.created_at
FROM bots_message m JOIN bots_conversation c ON c.id = m.conversation_id AND c.lane = %s
WHERE i.lane = %s AND m.external_id = i.payload->>'key' AND i.received_at >= %s
"""
_SORT_FACTS = """
UPDATE public.tenants_outboxevent o SET id = -place.id
FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM public.tenants_outboxevent
      WHERE schema = %(schema)s AND seq IS NULL) place
JOIN (SELECT id, row_number() OVER (ORDER BY created_at, id) AS n FROM public.tenants_outboxevent
      WHERE schema = %(schema)s AND seq IS NULL) fact ON fact.n = place.n
WHERE o.id = fact.id
"""
