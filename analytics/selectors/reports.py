"""A report of any period beside the one before, from figures of hours; never from messages."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Q, QuerySet, Sum

from analytics.models import HourlyFigure
from analytics.selectors import formulas
from analytics.selectors.figures import Period, change
from analytics.selectors.formulas import LENGTHS, SHARES
from analytics.selectors.scope import Scope
from bots.models import Channel, ModelCall, Team
from tenants.workspace.models import User

BY = ("agent", "team", "channel", "hour", "day")
LONGEST = timedelta(days=366)
_COLUMN = {"agent": "agent_id", "team": "team_id", "channel": "channel_id"}
Tally = dict[str, Counter[str]]


@dataclass(frozen=True)
class Asked:
    """What a report is about. The default team is 0; None is all of them."""

    period: Period
    team: int | None = None
    agent: int | None = None
    channel: int | None = None
    by: str = "agent"

    def where(self, period: Period) -> Q:
        found = Q(day__gte=period.first, day__lte=period.last)
        for name, value in (
            ("team_id", self.team), ("agent_id", self.agent), ("channel_id", self.channel),
        ):  # fmt: skip
            if value is not None:
                found &= Q(**{name: value})
        return found


def rows_of(asked: Asked, scope: Scope, period: Period) -> QuerySet[HourlyFigure]:
    return HourlyFigure.objects.filter(asked.where(period)).filter(scope.figures())


def tally_of(found: QuerySet[HourlyFigure]) -> Tally:
    return tallies_by(found, ())[()]


def tallies_by(found: QuerySet[HourlyFigure], columns: Iterable[str]) -> defaultdict[tuple, Tally]:
    """Figures added up by values of some columns, in one query."""
    columns = tuple(columns)
    tallies: defaultdict[tuple, Tally] = defaultdict(lambda: defaultdict(Counter))
    grouped = found.order_by().values(*columns, "name", "label").annotate(n=Sum("value"))
    sql, params = grouped.values_list(*columns, "name", "label", "n").query.sql_with_params()
    names = [f"c{number}" for number in range(len(columns))]
    with connection.cursor() as cursor:
        cursor.execute(
            _SHARES.format(
                grouped=sql,
                columns=", ".join([*names, "name", "label", "n"]),
                places="".join(f"{name}, " for name in names),
            ),
            [*params, list(LENGTHS), list(LENGTHS), *SHARES],
        )
        for *place, name, label, n in cursor.fetchall():
            tallies[tuple(place)][name][label] += n
    return tallies


# Counts as they are; of lengths only those that the wanted shares are not longer than.
_SHARES = """
WITH grouped ({columns}) AS MATERIALIZED ({grouped}),
lengths AS (
    SELECT {places}name, label::bigint AS length, n,
        sum(n) OVER (PARTITION BY {places}name ORDER BY label::bigint) AS upto,
        sum(n) OVER (PARTITION BY {places}name) AS total
    FROM grouped WHERE name = ANY(%s) AND n > 0 AND label ~ '^[0-9]{{1,15}}$')
SELECT {columns} FROM grouped WHERE name <> ALL(%s)
UNION ALL
SELECT {places}name || '@' || share.part, min(length)::text, 1
FROM lengths, (VALUES (%s::numeric), (%s::numeric)) AS share (part)
WHERE upto >= share.part * total
GROUP BY {places}name, share.part
"""


def report(asked: Asked, scope: Scope, zone: ZoneInfo) -> dict[str, Any]:
    """Everything the page shows, in a fixed number of queries."""
    now = tally_of(rows_of(asked, scope, asked.period))
    before = tally_of(rows_of(asked, scope, asked.period.before))
    names = _Names(scope)
    return {
        "period": _days(asked.period),
        "before": _days(asked.period.before),
        "zone": str(zone),
        "figures": [_figure(one, now, before) for one in formulas.described()],
        "reasons": _reasons(now, before),
        "cost": _cost(asked, scope, zone),
        "days": _by_day(asked, scope),
        "by": asked.by,
        "columns": list(_columns(asked.by)),
        "rows": _rows(asked, scope, names),
        "choices": names.choices(),
    }


def _days(period: Period) -> dict[str, str]:
    return {"first": period.first.isoformat(), "last": period.last.isoformat()}


def _figure(one: dict[str, Any], now: Tally, before: Tally) -> dict[str, Any]:
    of = formulas.BY_KEY[one["key"]].of
    value, earlier = of(now), of(before)
    return {**one, "value": value, "before": earlier, "change": change(value, earlier)}


def _reasons(now: Tally, before: Tally) -> list[dict[str, Any]]:
    from bots.admin.preview import reason_in_words

    return [
        {
            "reason": reason,
            "title": str(reason_in_words(reason)),
            "value": n,
            "before": before["handed"][reason],
        }
        for reason, n in sorted(now["handed"].items(), key=lambda one: (-one[1], one[0]))
    ]


def _cost(asked: Asked, scope: Scope, zone: ZoneInfo) -> dict[str, Any] | None:
    """Of the whole shop only: a call belongs to no team and to no person."""
    if not scope.everything or (asked.team, asked.agent, asked.channel) != (None, None, None):
        return None

    def paid(period: Period) -> dict[str, str]:
        start = datetime.combine(period.first, time.min, zone)
        end = datetime.combine(period.last + timedelta(days=1), time.min, zone)
        found = ModelCall.objects.filter(created_at__gte=start, created_at__lt=end, cost__gt=0)
        sums = found.order_by().values_list("currency").annotate(n=Sum("cost"))
        return {currency: f"{n:.2f}" for currency, n in sums}

    return {
        "value": paid(asked.period),
        "before": paid(asked.period.before),
        "formula": str(formulas.COST_FORMULA),
    }


def _by_day(asked: Asked, scope: Scope) -> list[dict[str, Any]]:
    """For the chart: begun, closed and handed over on each day, and as many days before."""
    shown = Q(name__in=("opened", "closed", "handed"))
    both = Period(asked.period.before.first, asked.period.last)
    tallies = tallies_by(rows_of(asked, scope, both).filter(shown), ("day",))
    length = timedelta(days=len(asked.period.days))

    def n(day: Any, name: str) -> int:
        return sum(tallies[day,][name].values()) if (day,) in tallies else 0

    return [
        {
            "day": day.isoformat(),
            "opened": n(day, "opened"),
            "closed": n(day, "closed"),
            "handed": n(day, "handed"),
            "opened_before": n(day - length, "opened"),
        }
        for day in asked.period.days
    ]


def _columns(by: str) -> tuple[str, ...]:
    return formulas.OF_AGENT if by == "agent" else formulas.OF_PLACE


def _rows(asked: Asked, scope: Scope, names: _Names) -> list[dict[str, Any]]:
    column = _COLUMN.get(asked.by, asked.by)
    found = rows_of(asked, scope, asked.period)
    if asked.by == "agent":
        found = found.exclude(agent_id=0)
    tallies = {key[0]: tally for key, tally in tallies_by(found, (column,)).items()}
    keys: list[Any] = sorted(tallies)
    if asked.by == "hour":
        keys = list(range(24))
    elif asked.by == "day":
        keys = asked.period.days
    empty: Tally = defaultdict(Counter)
    rows = [
        {
            "key": key if isinstance(key, int) else key.isoformat(),
            "title": names.title(asked.by, key),
            "values": {
                figure: formulas.BY_KEY[figure].of(tallies.get(key, empty))
                for figure in _columns(asked.by)
            },
        }
        for key in keys
    ]
    if asked.by in _COLUMN:
        rows.sort(key=lambda row: str(row["title"]).lower())
    return rows


class _Names:
    """Of people, teams and channels, in three queries."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.agents = {user.pk: str(user) for user in User.objects.order_by("name", "pk")[:2000]}
        self.teams = {scope.shown(team.pk): str(team) for team in Team.objects.all()[:500]}
        self.channels = dict(Channel.objects.order_by("pk").values_list("pk", "name")[:500])

    def title(self, by: str, key: Any) -> str:
        if by == "hour":
            return f"{key:02d}:00"
        if by == "day":
            return key.isoformat()
        known = {"agent": self.agents, "team": self.teams, "channel": self.channels}[by]
        return known.get(key) or f"#{key}"

    def choices(self) -> dict[str, list[dict[str, Any]]]:
        teams = {
            pk: name
            for pk, name in self.teams.items()
            if self.scope.everything or pk in self.scope.teams
        }
        return {
            name: [{"id": pk, "name": title} for pk, title in known.items()]
            for name, known in (
                ("teams", teams), ("agents", self.agents), ("channels", self.channels),
            )
        }  # fmt: skip


__all__ = ["BY", "LONGEST", "Asked", "report", "rows_of", "tallies_by", "tally_of"]
