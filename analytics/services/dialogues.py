"""The log → dialogues and figures of hours, each fact once, in order from where it ended last.

One transaction takes a batch, changes the dialogues it is about, adds the difference of what they
count for, and moves the mark. So a fact that is told twice, or a worker that dies, changes nothing,
and all of it can be made anew (`manage.py rebuild_reports`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models.fields.json import KeyTextTransform

from analytics.models import Dialogue, HourlyFigure
from analytics.selectors.working import working_clock
from analytics.services import fold
from bots.models import Conversation, Message, Rating, Team
from tenants.kernel.context import current_schema
from tenants.selectors.hosts import merchant_of
from tenants.workspace.models import Counter as Mark
from tenants.workspace.models import Event

MARK = "dialogues"
AT_ONCE = 5000
_FIELDS = [one.attname for one in Dialogue._meta.concrete_fields if not one.primary_key]
_INSIDE = (Message.Kind.NOTE, Message.Kind.SYSTEM)

Tally = Counter[tuple[fold.Count, int, int]]  # what, channel, team


def dialogues_advance() -> None:
    """Take in what the log has more than last time."""
    while _batch():
        pass


def dialogues_rebuild() -> None:
    """Everything anew, from the log; whoever reads meanwhile sees what was."""
    with transaction.atomic():
        Mark.objects.filter(name=MARK).update(value=0)
        Dialogue.objects.all().delete()
        HourlyFigure.objects.all().delete()
        dialogues_advance()


def figures_recount() -> None:
    """Hours of the shop's zone of now, from dialogues. What is kept by the hour already stays."""
    with transaction.atomic():
        Mark.objects.get_or_create(name=MARK)
        Mark.objects.select_for_update().get(name=MARK)
        HourlyFigure.objects.all().delete()
        zone = ZoneInfo(merchant_of(current_schema()).time_zone)
        after = 0
        while rows := list(Dialogue.objects.filter(seq__gt=after).order_by("seq")[:AT_ONCE]):
            after = rows[-1].seq
            tally: Tally = Counter()
            for one in rows:
                for what, value in fold.counts_of(one, zone).items():
                    tally[what, one.channel_id, one.team_id] += value
            _add(tally)


def team_went(team: int) -> None:
    with transaction.atomic():
        Mark.objects.get_or_create(name=MARK)
        Mark.objects.select_for_update().get(name=MARK)
        if Dialogue.objects.filter(team_id=team).update(team_id=0):
            figures_recount()


def _batch() -> bool:
    """One batch in one transaction; True when there may be more."""
    with transaction.atomic():
        Mark.objects.get_or_create(name=MARK)
        mark = Mark.objects.select_for_update().get(name=MARK)
        found = Event.objects.filter(seq__gt=mark.value, name__in=fold.NAMES)
        events = list(found.order_by("seq")[:AT_ONCE])
        if not events:
            return False
        known = _known(events)
        newest = _newest(events)
        touched: dict[int, Dialogue] = {}
        before: dict[int, Counter[fold.Count]] = {}
        places: dict[int, int] = {}

        def touch(one: Dialogue, *, is_new: bool = False) -> Dialogue:
            if one.seq not in touched:
                touched[one.seq] = one
                before[one.seq] = Counter() if is_new else fold.counts_of(one, known.zone)
                places[one.seq] = one.team_id
            return touched[one.seq]

        for event in events:
            conversation = event.data.get("conversation")
            if not isinstance(conversation, int):
                continue
            last = newest.get(conversation)
            if event.name == "conversation.opened":
                last = touch(last) if last is not None else None
                by_shop = event.data.get("by") == "shop"
                one = fold.opened(event.seq, conversation, event.at, known, last, by_shop=by_shop)
                newest[conversation] = touch(one, is_new=True)
            elif event.name == "rating.given":
                _rate(event, touched, touch)
            elif last is not None:
                fold.apply(touch(last), event.name, event.data, event.at, known)
        _save(touched.values())
        tally: Tally = Counter()
        for seq, one in touched.items():
            for what, value in before[seq].items():
                tally[what, one.channel_id, places[seq]] -= value
            for what, value in fold.counts_of(one, known.zone).items():
                tally[what, one.channel_id, one.team_id] += value
        _add(tally)
        mark.value = events[-1].seq
        mark.save(update_fields=["value"])
    return len(events) == AT_ONCE


def _known(events: list[Event]) -> fold.Known:
    teams = Team.objects.filter(is_default=False).values_list("pk", flat=True)
    opened = {e.data.get("conversation") for e in events if e.name == "conversation.opened"}
    written = [
        e.data["message"]
        for e in events
        if e.name == "message.written"
        and e.data.get("author") in ("agent", "bot", "echo")
        and isinstance(e.data.get("message"), int)
    ]
    said = (
        Message.objects.filter(pk__in=written)
        .exclude(kind__in=_INSIDE)
        .values_list("pk", "author", "user_id", KeyTextTransform("decision", "meta"))
    )
    return fold.Known(
        zone=ZoneInfo(merchant_of(current_schema()).time_zone),
        working=working_clock(),
        teams=frozenset(teams),
        channels=dict(
            Conversation.objects.filter(pk__in=[pk for pk in opened if pk]).values_list(
                "pk", "channel_id"
            )
        ),
        said={
            pk: fold.Said(author, user or 0, is_answer=decision != "handover")
            for pk, author, user, decision in said
        },
    )


def _newest(events: list[Event]) -> dict[int, Dialogue]:
    """The last dialogue of each conversation the batch speaks of."""
    wanted = {e.data.get("conversation") for e in events}
    rows = (
        Dialogue.objects.filter(conversation_id__in=[pk for pk in wanted if isinstance(pk, int)])
        .order_by("conversation_id", "-seq")
        .distinct("conversation_id")
    )
    return {one.conversation_id: one for one in rows}


def _rate(event: Event, touched: dict[int, Dialogue], touch) -> None:
    """A rating belongs to the dialogue it was asked after."""
    rated = Rating.objects.filter(conversation=event.data["conversation"], score__isnull=False)
    if isinstance(pk := event.data.get("rating"), int):
        rated = rated.filter(pk=pk)
    rating = rated.order_by("-rated_at", "-pk").first()
    if rating is None:
        return
    stored = Dialogue.objects.filter(conversation_id=rating.conversation_id)
    rows = {one.seq: one for one in stored.filter(opened_at__lte=rating.asked_at)}
    rows |= {
        seq: one
        for seq, one in touched.items()
        if one.conversation_id == rating.conversation_id and one.opened_at <= rating.asked_at
    }
    if not rows:
        return
    one = touch(touched.get(max(rows), rows[max(rows)]))
    one.rated_at = rating.rated_at or event.at
    one.score, one.rated_about = rating.score, rating.about
    one.rated_agent_id = rating.agent_id or 0


def _save(rows: Iterable[Dialogue]) -> None:
    Dialogue.objects.bulk_create(
        rows, batch_size=1000, update_conflicts=True, unique_fields=["seq"], update_fields=_FIELDS
    )


def _add(tally: Tally) -> None:
    rows = [(*what, channel, team, n) for (what, channel, team), n in tally.items() if n]
    if not rows:
        return
    table = HourlyFigure._meta.db_table
    columns = [list(column) for column in zip(*sorted(rows), strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (day, hour, name, label, agent_id, channel_id, team_id, value) "  # noqa: S608 - our table's name
            "SELECT * FROM unnest(%s::date[], %s::int[], %s::text[], %s::text[], %s::bigint[], "
            "%s::bigint[], %s::bigint[], %s::bigint[]) "
            "ON CONFLICT (day, hour, name, label, channel_id, team_id, agent_id) DO UPDATE SET "
            f"value = {table}.value + excluded.value",
            columns,
        )
        if min(columns[-1]) < 0:
            cursor.execute(
                f"DELETE FROM {table} WHERE value = 0 AND day = ANY(%s::date[])",  # noqa: S608
                [sorted(set(columns[0]))],
            )
