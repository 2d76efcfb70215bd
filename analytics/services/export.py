"""Reports as a table: a row for each dialogue, its columns what it counts for in the period.

So the sum (or the median) of a column is the figure on the screen. A job, written piece by piece.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q
from django.utils import translation
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _

from analytics.models import Dialogue
from analytics.selectors.figures import Period
from analytics.selectors.reports import Asked
from analytics.selectors.scope import Scope, scope_of
from analytics.services import fold
from bots.models import Channel, Conversation, Team
from bots.selectors.policy import visible
from tenants.kernel.context import current_schema
from tenants.kernel.files import file_save
from tenants.kernel.jobs import JobRefused, job, job_start
from tenants.selectors.hosts import merchant_of
from tenants.workspace.models import Job, User

KIND = PURPOSE = "reports.export"
AT_ONCE = 1000
# A closed dialogue may still be asked for a rating, and get it, so long after.
AFTER_CLOSING = timedelta(days=30)


def export_start(asked: Asked, user: User) -> Job:
    with transaction.atomic():
        return job_start(
            KIND,
            user=user,
            first=asked.period.first.isoformat(),
            last=asked.period.last.isoformat(),
            team=asked.team,
            agent=asked.agent,
            channel=asked.channel,
        )


@job(KIND)
def export(found: Job) -> None:
    user = User.objects.filter(pk=found.user_id or 0, is_active=True).first()
    scope = scope_of(user) if user else Scope()
    if user is None or not scope:
        raise JobRefused(_("Reports are for those who lead a team."))
    params = found.params
    first, last = parse_date(params["first"]), parse_date(params["last"])
    assert first is not None
    assert last is not None
    asked = Asked(
        Period(first, last), params.get("team"), params.get("agent"), params.get("channel")
    )
    found.start(total=_rows(asked, scope).count())
    with translation.override(user.language or translation.get_language() or "ru"):
        stored = file_save(
            _pieces(found, asked, scope, user),
            name=f"dialogues-{first:%Y-%m-%d}-{last:%Y-%m-%d}.csv",
            purpose=PURPOSE,
            mime="text/csv",
        )
    found.finish(file=stored.pk, rows=found.done)


def _zone() -> ZoneInfo:
    return ZoneInfo(merchant_of(current_schema()).time_zone)


def _rows(asked: Asked, scope: Scope):
    zone, period = _zone(), asked.period
    start = datetime.combine(period.first, time.min, zone)
    end = datetime.combine(period.last + timedelta(days=1), time.min, zone)
    found = Dialogue.objects.filter(scope.figures(), opened_at__lt=end).filter(
        Q(closed_at=None) | Q(closed_at__gte=start - AFTER_CLOSING) | Q(rated_at__gte=start)
    )
    if asked.team is not None:
        found = found.filter(team_id=asked.team)
    if asked.channel is not None:
        found = found.filter(channel_id=asked.channel)
    return found


def columns() -> list[str]:
    return [
        _("Dialogue"), _("Buyer"), _("Channel"), _("Team"), _("Person"), _("Begun at"),
        _("Closed at"), _("Begun"), _("First answer, s"), _("Handed over"), _("Reasons"),
        _("Taken"), _("A person's first reply, working s"), _("Closed"), _("How"),
        _("Time to close, min"), _("Handling time, s"), _("Came back"), _("By the assistant"),
        _("Rating of people"), _("Rating of the assistant"), _("Offers missed"), _("Overdue"),
        _("Promises broken"), _("Messages of people"), _("Messages of the assistant"),
    ]  # fmt: skip


def _pieces(found: Job, asked: Asked, scope: Scope, user: User) -> Iterator[bytes]:
    zone = _zone()
    teams = {scope.shown(one.pk): str(one) for one in Team.objects.all()}
    people = {one.pk: str(one) for one in User.objects.all()}
    channels = dict(Channel.objects.values_list("pk", "name"))
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    text.write("\ufeff")  # spreadsheets take it for UTF-8 then
    writer.writerow(columns())
    seen, after = 0, 0
    while page := list(_rows(asked, scope).filter(seq__gt=after).order_by("seq")[:AT_ONCE]):
        after = page[-1].seq
        # Whose conversation moved on to where this person does not look is counted without a name.
        shown = {
            one.pk: one
            for one in visible(user)
            .filter(pk__in={one.conversation_id for one in page})
            .select_related("contact")
        }
        for one in page:
            counts = _counted(one, asked, zone)
            if counts:
                conversation = shown.get(one.conversation_id)
                names = (channels, teams, people)
                writer.writerow(_row(one, conversation, names, counts, zone))
        seen += len(page)
        found.advance(seen)
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
    if text.tell():
        yield text.getvalue().encode()


def _counted(one: Dialogue, asked: Asked, zone: ZoneInfo) -> Counter[tuple[str, str]]:
    """(figure, label) of what this dialogue counts for in the period, to the person asked for."""
    first, last = asked.period.first.isoformat(), asked.period.last.isoformat()
    found: Counter[tuple[str, str]] = Counter()
    for (day, _hour, name, label, agent), n in fold.counts_of(one, zone).items():
        if first <= day <= last and asked.agent in (None, agent):
            found[name, label] += n
    return found


def _row(
    one: Dialogue,
    conversation: Conversation | None,
    names: tuple[dict[int, str], dict[int, str], dict[int, str]],
    counts: Counter[tuple[str, str]],
    zone: ZoneInfo,
) -> list[Any]:
    channels, teams, people = names
    labels = dict(counts.keys())  # the last label of each name

    def n(name: str, label: str | None = None) -> int:
        return sum(v for (k, of), v in counts.items() if k == name and label in (None, of))

    def length(name: str) -> int | str:
        return int(labels[name]) if name in labels else ""

    def clock(moment: datetime | None) -> str:
        return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}" if moment else ""

    reasons = sorted(label for name, label in counts if name == "handed")
    return [
        conversation.pk if conversation else "",
        safe(str(conversation.contact)) if conversation else "",
        safe(channels.get(one.channel_id, "")),
        safe(teams.get(one.team_id, "")),
        safe(people.get(one.agent_id, "")),
        clock(one.opened_at),
        clock(one.closed_at),
        n("opened"),
        length("answer"),
        n("handed"),
        safe(", ".join(reasons)),
        n("taken"),
        length("reply"),
        n("closed"),
        labels.get("closed", ""),
        length("length"),
        length("handle"),
        n("back"),
        labels.get("bot", ""),
        length("rated_agent"),
        length("rated_bot"),
        n("offer"),
        n("late"),
        n("breach"),
        n("sent", "person"),
        n("sent", "bot"),
    ]


def safe(text: str) -> str:
    """What a buyer calls himself must not become a formula in a table."""
    text = " ".join(str(text).replace("\x00", "").split())
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def export_of(user: User, pk: int) -> int | None:
    """Number of the file a job of this person has made; None for anything else."""
    if not scope_of(user):
        return None
    done = Job.objects.filter(pk=pk, kind=KIND, user_id=user.pk, state=Job.State.DONE).first()
    return done.result.get("file") if done else None


__all__ = ["columns", "export_of", "export_start", "safe"]
