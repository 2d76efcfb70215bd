"""When people answer, from opening hours and holidays, in the merchant's time zone."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bots.answerer.part import Asked, Part
from bots.answerer.phrases import DAYS, DAYS_SHORT, say
from bots.engine.base import Source
from bots.engine.facts import Record
from bots.models import OpeningHours
from bots.retrieval.text import fold
from bots.selectors.calendars import Times
from bots.selectors.hours import holidays_from, intervals
from tenants.kernel.context import current_schema
from tenants.models import Merchant
from tenants.selectors.hosts import merchant_of

_PEOPLE = re.compile(
    r"оператор|менеджер|консультант|поддержк|сотрудник|человек|чат|вы на связи|отвечае|"
    r"operator|agent|support|manager|people|chat|reply|answer"
)
_TODAY = re.compile(r"\bсегодня\b|\bсейчас\b|\btoday\b|\bnow\b")
_TOMORROW = re.compile(r"\bзавтра\b|\btomorrow\b")
_WEEKEND = re.compile(r"\bвыходн\w*|\bweekends?\b")
_WEEKDAY = [
    re.compile(p)
    for p in (
        r"понедельник|monday",
        r"вторник|tuesday",
        r"\bсред[ауые]\b|wednesday",
        r"четверг|thursday",
        r"пятниц|friday",
        r"суббот|saturday",
        r"воскресень|sunday",
    )
]


def is_about_people(text: str) -> bool:
    """Asked of those who answer in the chat rather than of a shop's door."""
    return bool(_PEOPLE.search(fold(text)))


def answer(asked: Asked, now: datetime) -> Part | None:
    """None where the merchant has set no hours: nothing is invented, our guess is not told."""
    hours = list(OpeningHours.objects.filter(calendar=None, is_guess=False))
    if not hours:
        return None
    lang = "en" if asked.lang == "en" else "ru"
    zone = ZoneInfo(_zone())
    local = now.astimezone(zone)
    holidays = holidays_from(local.date() - timedelta(days=1))
    folded = fold(asked.text)
    lines: list[str] = []
    if _TODAY.search(folded):
        open_now = Times(zone, hours, holidays).is_open(now)
        lines.append(say("hours_now_open" if open_now else "hours_now_closed", lang))
    if days := _days(folded, local.date()):
        for one in days:
            told = _told(intervals(one, hours, holidays), lang)
            lines.append(say("hours_day", lang, _capital(DAYS[lang][one.weekday()]), told))
    else:
        lines.append(say("hours_people", lang, _week(hours, lang)))
    times = sorted({t for h in hours for t in (h.opens, h.closes)})
    times += sorted(
        {t for day in holidays for pair in intervals(day, hours, holidays) for t in pair}
    )
    return Part(
        " ".join(lines),
        sources=[Source("hours", hours[0].pk, "", "Часы работы" if lang == "ru" else "Hours")],
        records=[Record("hours:", "", {"times": times})],
        memory={"kind": "hours", "options": None},
        confidence=0.9,
    )


def _zone() -> str:
    try:
        merchant = merchant_of(current_schema())
    except Merchant.DoesNotExist:  # a schema that is still being made
        return "Europe/Moscow"
    return getattr(merchant, "time_zone", "") or "Europe/Moscow"


def _days(folded: str, today: date) -> list[date]:
    if _TODAY.search(folded):
        return [today]
    if _TOMORROW.search(folded):
        return [today + timedelta(days=1)]
    wanted = {at for at, pattern in enumerate(_WEEKDAY) if pattern.search(folded)}
    if _WEEKEND.search(folded):
        wanted |= {5, 6}
    ahead = [today + timedelta(days=n) for n in range(7)]
    return sorted((d for d in ahead if d.weekday() in wanted), key=lambda d: d.weekday())


def _told(found: list[tuple[time, time]], lang: str) -> str:
    if not found:
        return say("hours_closed", lang)
    return ", ".join(f"{opens:%H:%M}–{closes:%H:%M}" for opens, closes in found)


def _week(hours: list[OpeningHours], lang: str) -> str:
    by_day = [_told(intervals_of(day, hours), lang) for day in range(7)]
    if len(set(by_day)) == 1:
        return f"{say('every_day', lang)} {by_day[0]}"
    names, parts, start = DAYS_SHORT[lang], [], 0
    for day in range(1, 8):
        if day == 7 or by_day[day] != by_day[start]:
            span = names[start] if day - start == 1 else f"{names[start]}–{names[day - 1]}"
            parts.append(f"{span} {by_day[start]}")
            start = day
    return ", ".join(parts)


def intervals_of(weekday: int, hours: list[OpeningHours]) -> list[tuple[time, time]]:
    return [(h.opens, h.closes) for h in hours if h.weekday == weekday]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
