"""The merchant's home page: what needs somebody now, the week in figures, what to do first."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from analytics.admin.charts import bars
from analytics.selectors.figures import Figures, Period, change, figures, last_days, waiting_now
from analytics.steps import steps
from bots.admin.preview import reason_in_words
from bots.models import Conversation
from bots.selectors.gaps import gaps
from tenants.admin.home import filler
from tenants.selectors.requests import actor_of, merchant_here


@filler("merchant")
def home(request: HttpRequest) -> dict[str, Any]:
    merchant = merchant_here(request)
    zone = ZoneInfo(merchant.time_zone)
    period = last_days(timezone.now().astimezone(zone).date())
    now, before = figures(period), figures(period.before)
    steps = first_steps(request)
    since = datetime.combine(period.first, time.min, zone)
    may_see = request.user.has_perm("bots.view_conversation")
    return {
        "title": _("Home"),
        "home_template": "desk/home.html",
        "waiting": waiting_now(),
        "now": now,
        "before": before,
        "cards": _cards(now, before, period, linked=may_see),
        "reasons": [
            {
                "title": reason_in_words(reason),
                "count": count,
                "share": round(100 * count / max(now.reasons.values())),
                "url": _list(period, reason=reason) if may_see else "",
            }
            for reason, count in list(now.reasons.items())[:6]
        ],
        "gaps": gaps(user=actor_of(request), since=since, limit=6),
        "chart": _chart(now, before, period),
        "steps": steps,
        "steps_done": sum(step["is_done"] for step in steps),
        "has_dialogues": bool(now.opened or before.opened or Conversation.objects.exists()),
        "period": period,
    }


def _list(period: Period, **filters: str) -> str:
    """The dialogues behind a figure."""
    query = "&".join(f"{key}={value}" for key, value in filters.items())
    days = f"created_at_from_0={period.first:%Y-%m-%d}&created_at_from_1=00:00:00"
    return f"{reverse('merchant:bots_conversation_changelist')}?{query or days}"


def _cards(now: Figures, before: Figures, period: Period, *, linked: bool) -> list[dict[str, Any]]:
    """Unit, period, comparison, and the list behind each number."""
    return [
        {
            "title": _("Dialogues"),
            "value": now.opened,
            "kind": "number",
            "change": change(now.opened, before.opened),
            "is_more_good": None,
            "url": _list(period) if linked else "",
        },
        {
            "title": _("Without a person"),
            "value": now.without_person,
            "kind": "number",
            "share": now.share_without_person,
            "points": points(now.share_without_person, before.share_without_person),
            "is_more_good": True,
            "url": _list(period) if linked else "",
        },
        {
            "title": _("Handed to people"),
            "value": now.handed_over,
            "kind": "number",
            "change": change(now.handed_over, before.handed_over),
            "is_more_good": False,
            "url": _list(period, reason="any") if linked else "",
        },
        {
            "title": _("Time to an answer"),
            "value": now.median_ms,
            "kind": "time",
            "note": _("half of the answers came sooner"),
            "change": change(now.median_ms, before.median_ms),
            "is_more_good": False,
            "url": "",
        },
    ]


def points(now: int | None, before: int | None) -> int | None:
    """Percentage points more or less; a share of a share would only confuse."""
    return None if now is None or before is None else now - before


def _chart(now: Figures, before: Figures, period: Period) -> dict[str, Any]:
    length = timedelta(days=len(period.days))
    return bars(
        [
            (
                date_format(day, "D, j"),
                now.by_day.get(day, 0),
                before.by_day.get(day - length, 0),
                now.handed_by_day.get(day, 0),
            )
            for day in period.days
        ]
    )


def first_steps(request: HttpRequest) -> list[dict[str, Any]]:
    """The steps this person may do; each says whether it is done."""
    return [
        {"title": title, "text": text, "url": url, "is_done": is_done}
        for permission, title, text, url, is_done in steps()
        if request.user.has_perm(permission)
    ]
