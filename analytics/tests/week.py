"""A week of a shop in Moscow whose every figure was added up by hand: 16 to 22 November 2026.

People work Monday to Friday, 10:00 to 18:00. Ann is the agent, Bob the supervisor.
"""

from __future__ import annotations

from datetime import datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from analytics.models import Dialogue, HourlyFigure
from bots.models import (
    Channel,
    Contact,
    Conversation,
    Episode,
    Holiday,
    Message,
    ModelCall,
    OpeningHours,
    Rating,
    Team,
)
from tenants.workspace.models import Counter, Event

MOSCOW = ZoneInfo("Europe/Moscow")
PERIOD = {"first": "2026-11-16", "last": "2026-11-22"}


def at(text: str) -> datetime:
    """`"17 10:00:05"` of November."""
    day, clock = text.split()
    return datetime.combine(datetime(2026, 11, int(day)).date(), time.fromisoformat(clock), MOSCOW)


class Talk:
    def __init__(self, week: Week, channel: Channel, name: str) -> None:
        self.week, self.seq = week, 0
        week.talks += 1
        contact = Contact.objects.create(
            channel=channel, external_id=f"week{week.talks}", name=name
        )
        self.row = Conversation.objects.create(
            channel=channel, contact=contact, lane=7_000 + week.talks
        )
        self.episode: Episode | None = None

    def fact(self, when: str, name: str, **data: Any) -> None:
        self.week.facts.append((at(when), name, {"conversation": self.row.pk, **data}))

    def opens(self, when: str) -> Talk:
        self.episode = Episode.objects.create(conversation=self.row, started_at=at(when))
        self.fact(when, "conversation.opened")
        return self.asks(when)

    def _message(self, when: str, author: str, **fields: Any) -> Message:
        self.seq += 1
        return Message.objects.create(
            conversation=self.row, episode=self.episode, seq=self.seq, author=author,
            state="sent", created_at=at(when), **fields,
        )  # fmt: skip

    def asks(self, when: str) -> Talk:
        made = self._message(when, "buyer", text="?")
        self.fact(when, "message.received", message=made.pk)
        return self

    def says(self, when: str, by: Any = None, **fields: Any) -> Talk:
        author = "agent" if by else "bot"
        made = self._message(when, author, user=by, text="!", **fields)
        self.fact(when, "message.written", author=author, message=made.pk)
        return self

    def hands(self, when: str, reason: str, team: Team | None = None) -> Talk:
        self.says(when, meta={"decision": "handover"})
        self.fact(when, "conversation.handed_over", reason=reason, team=team.pk if team else None)
        return self

    def taken(self, when: str, by: Any, team: Team | None = None) -> Talk:
        self.fact(when, "conversation.taken_over", agent=by.pk)
        self.fact(when, "conversation.assigned", agent=by.pk, team=team.pk if team else None)
        return self

    def closes(self, when: str, by: Any = None) -> Talk:
        self.fact(when, "conversation.resolved", agent=by.pk if by else None)
        return self

    def rates(self, when: str, score: int, agent: Any = None) -> Talk:
        made = Rating.objects.create(
            conversation=self.row, episode=self.episode, about="agent" if agent else "bot",
            agent=agent, score=score, asked_at=at(when), rated_at=at(when),
        )  # fmt: skip
        self.fact(when, "rating.given", rating=made.pk)
        return self


class Week:
    """Inside the merchant."""

    def __init__(self, shop: Any) -> None:
        self.shop, self.talks = shop, 0
        self.ann, self.bob = shop.agent, shop.supervisor
        self.facts: list[tuple[datetime, str, dict[str, Any]]] = []
        for model in (Event, Dialogue, HourlyFigure, ModelCall):
            model.objects.all().delete()
        Counter.objects.filter(name__in=("dialogues", "figures")).delete()
        Holiday.objects.all().delete()
        OpeningHours.objects.all().delete()
        for weekday in range(5):
            OpeningHours.objects.create(weekday=weekday, opens=time(10), closes=time(18))
        self.site = shop.channel
        self.other, _new = Channel.objects.get_or_create(
            kind="telegram", name="Second channel",
            defaults={"route_key": f"week{shop.slug}", "bot": shop.bot},
        )  # fmt: skip
        self.returns, _new = Team.objects.get_or_create(name="Returns")

    def write(self) -> None:
        """What has happened so far goes to the log in the order of time."""
        start = Event.objects.order_by("-seq").values_list("seq", flat=True).first() or 0
        self.facts.sort(key=lambda fact: fact[0])
        Event.objects.bulk_create(
            Event(seq=start + n, name=name, key="", data=data, at=moment)
            for n, (moment, name, data) in enumerate(self.facts, 1)
        )
        Counter.objects.update_or_create(name="events", defaults={"value": start + len(self.facts)})
        self.facts = []

    def live(self) -> None:
        ann, bob = self.ann, self.bob
        # The week before: one of its own, and one that is closed ten minutes into this one.
        Talk(self, self.site, "Earlier").opens("12 10:00").says("12 10:00:10").closes("12 10:20")
        Talk(self, self.site, "Midnight").opens("15 23:59").says("15 23:59:02").closes("16 00:10")
        # The assistant alone: silence, a return, a thank you.
        Talk(self, self.site, "Silent").opens("17 10:00").says("17 10:00:05").closes("17 10:30")
        back = Talk(self, self.site, '=HYPERLINK("http://x")')
        back.opens("17 11:00").says("17 11:00:07").closes("17 11:10")
        (
            Talk(self, self.site, "Thankful").opens("19 15:00").says("19 15:00:04")
            .closes("19 15:05").rates("19 15:06", 5)
        )  # fmt: skip
        # The one who came back is angry at night; Ann comes at ten: six minutes of working time.
        back.opens("17 20:00").says("17 20:00:03").hands("17 20:01", "complaint")
        back.taken("18 10:05", ann).says("18 10:06", ann).says("18 10:07", ann, kind="note")
        back.closes("18 10:36", ann).rates("18 10:40", 5, ann)
        # Another team and channel: an offer is missed, then Bob answers.
        late = Talk(self, self.other, "Buyer of returns")
        late.opens("18 12:00").says("18 12:00:09").hands("18 12:02", "asked", self.returns)
        late.fact("18 12:02", "conversation.offered", agent=bob.pk, team=self.returns.pk)
        late.fact("18 12:02:30", "conversation.offer_ended", agent=bob.pk, how="missed")
        late.taken("18 12:03", bob, self.returns).says("18 12:04:30", bob)
        late.closes("18 12:20", bob).rates("18 12:25", 2, bob)
        # Nobody ever came.
        left = Talk(self, self.other, "Left alone").opens("20 17:55")
        left.hands("20 17:55:10", "no_knowledge")
        left.fact("20 18:05", "conversation.overdue")
        left.closes("21 12:00")
        # Ann steps in on a Sunday, without being called; it goes on.
        (
            Talk(self, self.site, "Sunday").opens("22 09:00").says("22 09:00:06")
            .asks("22 09:10").taken("22 09:10:20", ann).says("22 09:10:40", ann)
        )  # fmt: skip
        for when, cost in (("17 10:00", "1.25"), ("22 09:00", "0.50"), ("12 10:00", "3.00")):
            ModelCall.objects.create(
                provider="openai", model="m", purpose="reply", outcome="ok",
                cost=Decimal(cost), created_at=at(when),
            )  # fmt: skip
        self.write()


TRUTH = {
    "opened": 7, "closed": 7, "taken": 3, "missed": 1,
    "answer_median": 5, "answer_p90": 9,  # 3 4 5 6 7 9
    "reply_median": 150, "reply_p90": 360,  # 0 150 360
    "length_median": 20, "length_p90": 1085,  # 5 10 11 20 30 876 1085
    "handle_median": 1020,  # 1020 1860
    "back": 1, "back_share": 14.3,
    "csat_person": 50.0, "csat_person_mean": 3.5, "csat_person_count": 2,
    "csat_bot": 100.0, "csat_bot_mean": 5.0, "csat_bot_count": 1,
    "bot_share": 57.1, "bot_confirmed": 1, "bot_assumed": 2, "bot_back": 1,
    "handed": 3, "offers_missed": 1, "late": 1, "breach": 0,
    "sent_person": 3, "sent_bot": 9,
}  # fmt: skip
BEFORE = {"opened": 2, "closed": 1, "answer_median": 2, "length_median": 20, "sent_bot": 2}
OF_ANN = {
    "taken": 2, "closed": 1, "reply_median": 0, "reply_p90": 360, "handle_median": 1860,
    "length_median": 876, "back": 0, "csat_person": 100.0, "csat_person_count": 1,
    "offers_missed": 0, "late": 0, "breach": 0, "sent_person": 2,
}  # fmt: skip
OF_BOB = {
    "taken": 1, "closed": 1, "reply_median": 150, "reply_p90": 150, "handle_median": 1020,
    "length_median": 20, "back": 0, "csat_person": 0.0, "csat_person_count": 1,
    "offers_missed": 1, "late": 0, "breach": 0, "sent_person": 1,
}  # fmt: skip
