"""`broadcast`: 2,000 messages at the platform's pace, workers killed, buyers served first.

The production path: a broadcast's list → rows → two workers → delivery over HTTP to a simulated
Telegram that notes each arrival. Each worker is killed with -9 once and started again. Buyers write
all the while; their answers go first. The pace is that of the channel's manifest: it is held in any
ten seconds, and outside of the seconds after a kill nothing of it is left unused.
"""

from __future__ import annotations

import itertools
import os
import statistics
import threading
import time
from collections import Counter
from typing import Any

from bots.channels.telegram.manifest import MANIFEST
from bots.channels.telegram.simulator import TelegramSimulator
from config.bench import stage
from config.bench.faults import Role
from tenants.kernel.context import merchant_context, release_connection
from tenants.kernel.simulate import Answer, serve_simulator

COUNT = {"small": 400, "default": 2000, "full": 6000}
FIRST, FIRST_LIVE = 500_000, 900_000
WINDOW_S = 10.0
# A killed worker's lease ends, the scan finds the row, a process starts.
AFTER_KILL_S = 12.0
QUESTION = "Сколько стоит доставка по Москве?"
EVERY_S = 1.5


class Platform(TelegramSimulator):
    """A Telegram of many chats that notes when each message arrived."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.arrived: list[tuple[float, int]] = []
        self.told = threading.Condition()
        for chat in range(FIRST, FIRST + count):
            self.chat(chat, "Покупатель")

    def _say(self, data: dict[str, Any], content: dict[str, Any]) -> Answer:
        answer = super()._say(data, content)
        with self.told:
            self.arrived.append((time.monotonic(), int(data["chat_id"])))
            self.told.notify_all()
        return answer

    def times(self) -> list[float]:
        """Of the broadcast's messages."""
        with self.told:
            return [at for at, chat in self.arrived if chat < FIRST_LIVE]

    def wait(self, count: int, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while len(self.times()) < count:
            if time.monotonic() > until:
                return False
            time.sleep(0.2)
        return True


class Buyers(threading.Thread):
    """One buyer after another asks something; when each was answered."""

    def __init__(self, schema: str, channel_id: int, platform: Platform) -> None:
        super().__init__(daemon=True)
        self.schema, self.channel_id, self.platform = schema, channel_id, platform
        self.asked: dict[int, float] = {}
        self.over = threading.Event()

    def run(self) -> None:
        from bots.channels.base import Envelope
        from bots.services.accept import accept

        for number in itertools.count():
            if self.over.wait(EVERY_S):
                return
            chat = FIRST_LIVE + number
            self.platform.chat(chat, "Анна")
            update = {
                "update_id": chat,
                "message": {
                    "message_id": 1, "date": int(time.time()), "text": QUESTION,
                    "chat": {"id": chat, "type": "private"},
                    "from": {"id": chat, "is_bot": False, "first_name": "Анна"},
                },
            }  # fmt: skip
            self.asked[chat] = time.monotonic()
            with merchant_context(self.schema):
                accept(self.channel_id, [Envelope(str(chat), str(chat), update)])
            release_connection()

    def taken_ms(self) -> list[float]:
        first: dict[int, float] = {}
        for at, chat in self.platform.arrived:
            first.setdefault(chat, at)
        return sorted(
            (first[chat] - asked) * 1000 for chat, asked in self.asked.items() if chat in first
        )


def run(size: str = "default") -> dict[str, Any]:
    count = COUNT[size]
    platform = Platform(count)
    roles = {name: Role(name, stage.free_port()) for name in ("worker", "worker-2", "scheduler")}
    with serve_simulator(platform) as url, stage.merchant() as merchant:
        channel = stage.channel_for(merchant, base_url=url)
        row = _prepare(merchant.schema_name, channel, count)
        buyers = Buyers(merchant.schema_name, channel.pk, platform)
        try:
            for role in roles.values():
                role.start()
            time.sleep(12)  # until both workers take part
            buyers.start()
            _begin(merchant.schema_name, row)
            kills, spent_s = _kill(platform, roles, count)
            platform.wait(count, count / MANIFEST.rate_per_s * 2 + 60)
            time.sleep(3)  # what might still come twice
            buyers.over.set()
            buyers.join()
            time.sleep(3)
            state, results = _results(merchant.schema_name, row)
        finally:
            buyers.over.set()
            for role in roles.values():
                role.stop()
    return _report(platform, buyers, kills, spent_s, count, state, results)


def _prepare(schema: str, channel: Any, count: int) -> int:
    """Buyers who were answered long ago, each with an order of theirs."""
    from django.utils import timezone

    from bots.models import Broadcast, Contact, Conversation, Episode, Identity, Person
    from integrations.models import Order

    now = timezone.now()
    with merchant_context(schema):
        people = Person.objects.bulk_create(Person() for _ in range(count))
        contacts = Contact.objects.bulk_create(
            Contact(channel=channel, external_id=str(FIRST + n), person=person, name="Покупатель")
            for n, person in enumerate(people)
        )
        talks = Conversation.objects.bulk_create(
            [
                Conversation(
                    channel=channel, contact=contact, lane=-(2**50) - n, status="resolved",
                    speaker="nobody",
                )
                for n, contact in enumerate(contacts)
            ],
            batch_size=500,
        )  # fmt: skip
        episodes = Episode.objects.bulk_create(
            Episode(conversation=talk, resolved_at=now) for talk in talks
        )
        for talk, episode in zip(talks, episodes, strict=True):
            talk.episode = episode
        Conversation.objects.bulk_update(talks, ["episode"], batch_size=1000)
        Identity.objects.bulk_create(
            Identity(contact=contact, kind="phone", value=_phone(n), proof="shared")
            for n, contact in enumerate(contacts)
        )
        Order.objects.bulk_create(
            Order(number=f"B{n}", status="ready", phone=_phone(n), sum=100, placed_at=now)
            for n in range(count)
        )
        row = Broadcast.objects.create(
            kind="service",
            name="Bench",
            channels=[channel.pk],
            audience={"who": "orders", "statuses": ["ready"]},
            texts={"ru": "Заказ {{order.number}} {{order.status}}"},
        )
    return row.pk


def _phone(number: int) -> str:
    return f"+7900{number:07}"


def _begin(schema: str, row: int) -> None:
    from bots.services.broadcasts import broadcast_start
    from tenants.workspace.models import User

    with merchant_context(schema):
        broadcast_start(row, by=User.objects.filter(role="owner").earliest("pk"), confirm="Bench")
    release_connection()


def _kill(
    platform: Platform, roles: dict[str, Role], count: int
) -> tuple[list[float], tuple[float, int]]:
    """Each worker once, at a third and at two thirds of the way; and what the first third took, in
    seconds of the processor for how many messages."""
    kills: list[float] = []
    watched = [role.child.pid for role in roles.values() if role.child]
    watched += [pid] if (pid := stage.postmaster()) else []
    before, sent = stage.cpu_s(*watched), len(platform.times())
    spent = (0.0, 1)
    for share, name in ((1 / 3, "worker"), (2 / 3, "worker-2")):
        platform.wait(int(count * share), count / MANIFEST.rate_per_s * 2 + 60)
        if not kills:
            spent = (stage.cpu_s(*watched) - before, len(platform.times()) - sent)
        kills.append(time.monotonic())
        roles[name].kill()
        time.sleep(0.5)
        roles[name].start()
    return kills, spent


def _results(schema: str, row: int) -> tuple[str, Counter[str]]:
    from bots.models import Broadcast
    from bots.selectors.broadcasts import figures_of

    with merchant_context(schema):
        found = Broadcast.objects.get(pk=row)
        return found.state, figures_of(found).results


def busiest(times: list[float], window_s: float) -> int:
    """Most arrivals within any window of this length."""
    most = begin = 0
    for end, at in enumerate(times):
        while times[begin] <= at - window_s:
            begin += 1
        most = max(most, end - begin + 1)
    return most


def undisturbed(times: list[float], kills: list[float]) -> float:
    """Messages a second outside of the seconds after a kill and the very first and last ones."""
    begins, ends = times[0] + 2, times[-1] - 1
    spans = [(begins, ends)]
    for kill in kills:
        spans = [
            piece
            for a, b in spans
            for piece in ((a, min(b, kill)), (max(a, kill + AFTER_KILL_S), b))
            if piece[1] - piece[0] > 1
        ]
    seconds = sum(b - a for a, b in spans)
    sent = sum(1 for at in times if any(a <= at < b for a, b in spans))
    return sent / seconds if seconds else 0.0


def _report(
    platform: Platform,
    buyers: Buyers,
    kills: list[float],
    spent: tuple[float, int],
    count: int,
    state: str,
    results: Counter[str],
) -> dict[str, Any]:
    times = sorted(platform.times())
    got = Counter(chat for _at, chat in platform.arrived if chat < FIRST_LIVE)
    answered = buyers.taken_ms()
    everything = sorted(at for at, _chat in platform.arrived)
    pace = MANIFEST.rate_per_s
    figures = {
        "messages": count,
        "lost": count - len(got),
        "sent_twice": sum(n - 1 for n in got.values()),
        "not_done": int(state != "done"),
        "results_not_sent": count - results["sent"],
        "seconds": round(times[-1] - times[0], 1),
        "per_s": round(len(times) / (times[-1] - times[0]), 2),
        # The buyers' answers are part of the pace: the broadcast takes what they leave.
        "of_pace_undisturbed": round(undisturbed(everything, kills) / pace, 3),
        "of_pace_in_any_10_s": round(busiest(everything, WINDOW_S) / WINDOW_S / pace, 3),
        "broadcast_in_any_10_s": round(busiest(times, WINDOW_S) / WINDOW_S / pace, 3),
        "most_in_a_second": busiest(everything, 1.0),
        "longest_gap_s": round(max(b - a for a, b in itertools.pairwise(times)), 1),
        # Workers, scheduler and database, the buyers' answers included.
        "cpu_ms_a_message": round(spent[0] / max(1, spent[1]) * 1000, 1),
        "load_of_the_machine": round(os.getloadavg()[0], 1),
        "buyers_asked": len(buyers.asked),
        "buyers_unanswered": len(buyers.asked) - len(answered),
        "buyers_ms_p50": round(statistics.median(answered), 1) if answered else 0.0,
    }
    return {
        "figures": figures,
        "reference": {"pace_per_s": pace},
        "goals": [
            {"figure": "lost", "op": "==", "goal": 0},
            {"figure": "not_done", "op": "==", "goal": 0},
            {"figure": "of_pace_in_any_10_s", "op": "<=", "goal": 1.02},
            {"figure": "of_pace_undisturbed", "op": ">=", "goal": 0.98},
            {"figure": "buyers_unanswered", "op": "==", "goal": 0},
        ],
    }
